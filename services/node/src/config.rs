//! The configuration of a process: one YAML file with `${VAR}`, overridden by flags, checked before
//! any port is opened.

use std::{
    collections::{BTreeMap, HashMap},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use chimera_journal::{Durability, Options};
use chimera_model::{Account, Venue};
use chimera_runtime::{
    config::{self as settings, Secret},
    telemetry::TelemetryConfig,
};
use chimera_venue::Credentials;
use serde::Deserialize;
use thiserror::Error;

/// Everything a process of the mesh can be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the roles of this process listen for the other processes (`serve` only); the gateway has
    /// its own address.
    pub listen: SocketAddr,
    /// Where the journal (`orders.journal`) and the order timelines (`logs/orders`) are kept.
    pub data_dir: PathBuf,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
    /// How long a drain may take before what is open is cut off, in milliseconds.
    pub drain_within_ms: u64,
    /// The simulated venues of `up`.
    pub simulators: Simulators,
    /// The edge.
    pub gateway: chimera_gateway::Config,
    /// The venues and the sessions to them.
    pub connector: chimera_connector::Config,
    /// Keys by venue and account, e.g. `binance-usdm: {main: {api_key: "${KEY}", api_secret: "${SECRET}"}}`.
    pub credentials: BTreeMap<String, BTreeMap<String, Keys>>,
    /// Limits and timing of orders.
    pub order: chimera_order::Config,
    /// How safely orders are written down.
    pub journal: JournalSettings,
    /// Positions.
    pub position: chimera_position::Config,
    /// Public market data.
    pub market_data: chimera_market_data::Config,
    /// The control plane of outside calls, and the heartbeat.
    pub api_factory: chimera_api_factory::Config,
    /// Where the roles are that this process does not run (`serve` only).
    pub peers: Peers,
}

/// The simulated venues of `up`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Simulators {
    /// Whether to run them; when absent, they run if no venue is configured.
    pub enabled: Option<bool>,
    /// The control API listens here, the venues on the ports after it; 0 picks free ports.
    pub base_port: u16,
    /// Seed of the markets and of the test credentials.
    pub seed: u64,
    /// A recorded market that drives the simulated book.
    pub replay: Option<PathBuf>,
}

impl Default for Simulators {
    fn default() -> Self {
        Self {
            enabled: None,
            base_port: 0,
            seed: 1,
            replay: None,
        }
    }
}

/// The keys of one account at one venue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The public half.
    pub api_key: Secret,
    /// The secret half.
    pub api_secret: Secret,
}

/// How safely orders are written down.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalSettings {
    /// `full` (the default) loses nothing acknowledged on kill -9 or power loss; `os` is faster and
    /// survives kill -9, but not power loss.
    pub durability: Durability,
}

impl JournalSettings {
    pub(crate) fn options(self) -> Options {
        Options {
            durability: self.durability,
            ..Options::default()
        }
    }
}

/// Where the other roles are, as `http://host:port`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Peers {
    /// The connector.
    pub connector: Option<String>,
    /// The order service.
    pub order: Option<String>,
    /// The position service.
    pub position: Option<String>,
    /// Market data.
    pub market_data: Option<String>,
    /// The API factory.
    pub api_factory: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9_200)),
            data_dir: PathBuf::from("data"),
            telemetry: TelemetryConfig::default(),
            drain_within_ms: 10_000,
            simulators: Simulators::default(),
            gateway: chimera_gateway::Config::default(),
            connector: chimera_connector::Config::default(),
            credentials: BTreeMap::new(),
            order: chimera_order::Config::default(),
            journal: JournalSettings::default(),
            position: chimera_position::Config::default(),
            market_data: chimera_market_data::Config::default(),
            api_factory: chimera_api_factory::Config::default(),
            peers: Peers::default(),
        }
    }
}

/// Why a configuration cannot be used. Never holds a key.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read as configuration.
    #[error(transparent)]
    Settings(#[from] settings::ConfigError),
    /// A name under `credentials` is no venue or account.
    #[error("credentials.{place}: {cause}")]
    Credentials {
        /// Where.
        place: String,
        /// What is wrong.
        cause: String,
    },
    /// A value is out of range.
    #[error("{field}: {expected}")]
    Value {
        /// The field.
        field: String,
        /// What would be valid.
        expected: String,
    },
}

impl Config {
    /// Reads a file, or the defaults when there is none, and checks what can be checked before any
    /// port is opened.
    ///
    /// # Errors
    /// Names the place and what would be valid there.
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        let config = match file {
            Some(file) => settings::load(file)?,
            None => Self::default(),
        };
        config.check()?;
        Ok(config)
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    /// Names the first setting that cannot be obeyed.
    pub fn check(&self) -> Result<(), ConfigError> {
        let value = |field: &str, expected: String| ConfigError::Value {
            field: field.to_owned(),
            expected,
        };
        self.gateway
            .validate()
            .map_err(|error| value("gateway", error.to_string()))?;
        self.order
            .validate()
            .map_err(|error| value("order", error.to_string()))?;
        if self.drain_within_ms == 0 {
            return Err(value("drain_within_ms", "above zero".to_owned()));
        }
        // Until authentication lands, nothing listens where a stranger could reach it.
        if !self.listen.ip().is_loopback() {
            return Err(value(
                "listen",
                "a loopback address until authentication lands".to_owned(),
            ));
        }
        self.credentials().map(|_| ())
    }

    /// Returns the keys by venue and account.
    ///
    /// # Errors
    /// Names an entry that is no venue or account, or whose keys cannot be used.
    pub fn credentials(&self) -> Result<HashMap<(Venue, Account), Credentials>, ConfigError> {
        let mut credentials = HashMap::new();
        for (venue, accounts) in &self.credentials {
            for (account, keys) in accounts {
                let refuse = |cause: String| ConfigError::Credentials {
                    place: format!("{venue}.{account}"),
                    cause,
                };
                let at = Venue::new(venue).map_err(|error| refuse(error.to_string()))?;
                let of = Account::new(account).map_err(|error| refuse(error.to_string()))?;
                let own = Credentials::new(keys.api_key.expose(), keys.api_secret.expose());
                credentials.insert((at, of), own);
            }
        }
        Ok(credentials)
    }

    /// Returns whether `up` runs simulated venues.
    #[must_use]
    pub fn simulates(&self) -> bool {
        self.simulators
            .enabled
            .unwrap_or(self.connector.venues.is_empty())
    }

    /// Returns where the order journal is.
    #[must_use]
    pub fn journal_file(&self) -> PathBuf {
        self.data_dir.join("orders.journal")
    }

    pub(crate) fn drain_within(&self) -> Duration {
        Duration::from_millis(self.drain_within_ms)
    }
}
