//! Which venues to trade at, for which accounts, and how often to look after them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chimera_model::{Account, Asset, Symbol, Venue};
use chimera_venue::{Aliases, ClientIdPrefix, Endpoints, VenueAdapter, VenueError};
use serde::Deserialize;
use url::Url;

#[cfg(test)]
mod tests;

/// Everything the connector is told at start.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What every client order id begins with, 1 to 16 letters and digits. Two instances that trade
    /// one account must differ in it, and one instance must never change it: by it an order is
    /// known as ours.
    pub client_id_prefix: String,
    /// The venues by name, e.g. `binance-usdm`.
    pub venues: BTreeMap<String, VenueConfig>,
    /// How often to look after sessions.
    pub timing: Timing,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            client_id_prefix: "chimera".to_owned(),
            venues: BTreeMap::new(),
            timing: Timing::default(),
        }
    }
}

/// One venue.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VenueConfig {
    /// Whether to connect to it at all.
    pub enabled: bool,
    /// Base of its requests, e.g. `http://127.0.0.1:9101`; the venue's own when absent.
    pub rest_url: Option<String>,
    /// Base of its streams, e.g. `ws://127.0.0.1:9101`; the venue's own when absent.
    pub stream_url: Option<String>,
    /// Whether `http` and `ws` addresses may be used: for simulators only.
    pub allow_plain_http: bool,
    /// The accounts that trade there; their credentials come in beside this.
    pub accounts: Vec<String>,
    /// Short names of instruments, e.g. `SOL` to `SOL-USDT-PERP`.
    pub aliases: BTreeMap<String, String>,
    /// The quote asset of a bare base such as `SOL`; the venue's own default when absent.
    pub default_quote: Option<String>,
}

impl Default for VenueConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            rest_url: None,
            stream_url: None,
            allow_plain_http: false,
            accounts: vec!["main".to_owned()],
            aliases: BTreeMap::new(),
            default_quote: None,
        }
    }
}

/// How often to look after sessions, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// How often the instruments are read again. Ten minutes: venues announce changes of rules days
    /// ahead, and a refusal for precision asks for a read at once.
    pub instruments_refresh_ms: u64,
    /// How often the venue's clock is measured again. A minute: a bad clock drifts 10 ms in that
    /// time.
    pub clock_refresh_ms: u64,
    /// Silence of a private stream after which the account is looked at by REST.
    pub private_silence_ms: u64,
    /// Silence of a market stream after which one instrument is looked at by REST. Half of the
    /// bound at which prices count as stale, so that a quiet market stays tradable.
    pub market_silence_ms: u64,
    /// How often a private session is extended; the venue's own rule when absent.
    pub session_extend_ms: Option<u64>,
    /// How old a connection gets before it is replaced; 23 of 24 parts of the venue's rule when
    /// absent.
    pub connection_age_ms: Option<u64>,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            instruments_refresh_ms: 600_000,
            clock_refresh_ms: 60_000,
            private_silence_ms: 30_000,
            market_silence_ms: 3_000,
            session_extend_ms: None,
            connection_age_ms: None,
        }
    }
}

impl Timing {
    pub(crate) fn instruments_refresh(&self) -> Duration {
        Duration::from_millis(self.instruments_refresh_ms)
    }

    pub(crate) fn clock_refresh(&self) -> Duration {
        Duration::from_millis(self.clock_refresh_ms)
    }

    pub(crate) fn private_silence(&self) -> Duration {
        Duration::from_millis(self.private_silence_ms)
    }

    pub(crate) fn market_silence(&self) -> Duration {
        Duration::from_millis(self.market_silence_ms)
    }

    /// Returns how often to extend a session of these rules.
    pub(crate) fn session_extend(&self, venues: Duration) -> Duration {
        self.session_extend_ms.map_or(venues, Duration::from_millis)
    }

    /// Returns how old a connection may get where the venue ends it at `venues` (F101).
    pub(crate) fn connection_age(&self, venues: Duration) -> Duration {
        self.connection_age_ms
            .map_or(venues / 24 * 23, Duration::from_millis)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let all = [
            ("instruments_refresh_ms", Some(self.instruments_refresh_ms)),
            ("clock_refresh_ms", Some(self.clock_refresh_ms)),
            ("private_silence_ms", Some(self.private_silence_ms)),
            ("market_silence_ms", Some(self.market_silence_ms)),
            ("session_extend_ms", self.session_extend_ms),
            ("connection_age_ms", self.connection_age_ms),
        ];
        match all.into_iter().find(|(_, value)| *value == Some(0)) {
            Some((field, _)) => Err(ConfigError::Zero { field }),
            None => Ok(()),
        }
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A venue's name, address, alias or prefix is not usable.
    #[error("venues.{venue}: {cause}")]
    Venue {
        /// The venue as configured.
        venue: String,
        /// What is wrong, and what would be valid.
        cause: String,
    },
    /// A time of zero.
    #[error("timing.{field} must be above zero")]
    Zero {
        /// The field.
        field: &'static str,
    },
}

/// One venue, checked and ready to be connected to.
#[derive(Debug, Clone)]
pub struct ConfiguredVenue {
    /// What speaks to it.
    pub adapter: Arc<dyn VenueAdapter>,
    /// The accounts that trade there.
    pub accounts: Vec<Account>,
    /// Whether unencrypted addresses may be used.
    pub allow_plain_http: bool,
}

impl ConfiguredVenue {
    /// Returns what egress may do for this venue.
    #[must_use]
    pub fn cluster_policy(&self) -> chimera_egress::ClusterPolicy {
        crate::policy::cluster_policy(&*self.adapter, &self.accounts, self.allow_plain_http)
    }
}

impl Config {
    /// Checks everything and returns the venues that are enabled, ordered by name.
    ///
    /// # Errors
    /// Names the first entry that cannot be used.
    pub fn venues(&self) -> Result<Vec<ConfiguredVenue>, ConfigError> {
        self.timing.check()?;
        let enabled = self.venues.iter().filter(|(_, venue)| venue.enabled);
        enabled
            .map(|(name, venue)| self.venue(name, venue))
            .collect()
    }

    fn venue(&self, name: &str, config: &VenueConfig) -> Result<ConfiguredVenue, ConfigError> {
        let refuse = |cause: String| ConfigError::Venue {
            venue: name.to_owned(),
            cause,
        };
        let venue = Venue::new(name).map_err(|error| refuse(error.to_string()))?;
        let build = |endpoints, aliases| -> Result<Arc<dyn VenueAdapter>, VenueError> {
            chimera_venue::adapter(chimera_venue::VenueConfig {
                venue,
                client_id_prefix: ClientIdPrefix::new(&self.client_id_prefix)?,
                endpoints,
                aliases,
            })
        };
        // Built once with the venue's own defaults, to know what the configuration changes.
        let own = build(None, None).map_err(|error| refuse(error.detail))?;
        let endpoints = config.endpoints(own.endpoints()).map_err(refuse)?;
        let aliases = config.short_names(own.aliases()).map_err(refuse)?;
        let adapter =
            build(Some(endpoints), Some(aliases)).map_err(|error| refuse(error.detail))?;
        let accounts: Result<Vec<Account>, _> = config
            .accounts
            .iter()
            .map(|account| Account::new(account))
            .collect();
        let accounts = accounts.map_err(|error| refuse(format!("accounts: {error}")))?;
        Ok(ConfiguredVenue {
            adapter,
            accounts,
            allow_plain_http: config.allow_plain_http,
        })
    }
}

impl VenueConfig {
    fn endpoints(&self, own: &Endpoints) -> Result<Endpoints, String> {
        let address = |field: &str, text: &Option<String>, own: &Url| match text {
            None => Ok(own.clone()),
            Some(text) => Url::parse(text).map_err(|error| format!("{field}: {error}")),
        };
        Ok(Endpoints {
            rest: address("rest_url", &self.rest_url, &own.rest)?,
            stream: address("stream_url", &self.stream_url, &own.stream)?,
        })
    }

    fn short_names(&self, own: &Aliases) -> Result<Aliases, String> {
        let mut aliases = own.clone();
        if let Some(quote) = &self.default_quote {
            aliases.default_quote =
                Asset::new(quote).map_err(|error| format!("default_quote: {error}"))?;
        }
        for (name, symbol) in &self.aliases {
            let symbol = Symbol::new(symbol).map_err(|error| format!("aliases.{name}: {error}"))?;
            aliases.named.insert(name.clone(), symbol);
        }
        Ok(aliases)
    }
}
