//! What a simulator is started with.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::backpack;
use crate::binance_usdm::LimitConfig;

/// A venue that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VenueKind {
    /// Binance USDⓈ-M futures.
    BinanceUsdm,
    /// Backpack, spot and perpetuals.
    Backpack,
}

impl VenueKind {
    /// All venues, in the order of their ports.
    pub const ALL: [Self; 2] = [Self::BinanceUsdm, Self::Backpack];

    /// Returns the venue's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BinanceUsdm => "binance-usdm",
            Self::Backpack => "backpack",
        }
    }

    /// Returns how far above the base port the venue listens.
    pub const fn port_offset(self) -> u16 {
        match self {
            Self::BinanceUsdm => 1,
            Self::Backpack => 2,
        }
    }
}

impl fmt::Display for VenueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no venue bears.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no simulated venue is called {name:?}; there are: {}", known())]
pub struct UnknownVenue {
    /// The name.
    pub name: String,
}

fn known() -> String {
    VenueKind::ALL.map(VenueKind::name).join(", ")
}

impl FromStr for VenueKind {
    type Err = UnknownVenue;

    fn from_str(name: &str) -> Result<Self, UnknownVenue> {
        let found = Self::ALL.into_iter().find(|venue| venue.name() == name);
        found.ok_or_else(|| UnknownVenue {
            name: name.to_owned(),
        })
    }
}

/// An account that every simulated venue opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountConfig {
    /// Its name.
    pub name: String,
    /// What it starts with, in the venue's margin asset.
    pub deposit: Decimal,
}

/// A recorded market that drives one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayConfig {
    /// The recording.
    pub file: PathBuf,
    /// The instrument's symbol at the venue; the recording's own where absent.
    pub symbol: Option<String>,
    /// How fast it plays, in thousandths of its own speed.
    pub speed_permille: u64,
}

/// What a simulator is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimConfig {
    /// Which venues run.
    pub venues: Vec<VenueKind>,
    /// What chance is drawn from: keys, ids, the generated market.
    pub seed: u64,
    /// Steps of the generated market in a second, for each instrument.
    pub events_per_second: u32,
    /// How much history of real matches the generated market opens with.
    pub history: Duration,
    /// A recorded market for one instrument; the others stay generated.
    pub replay: Option<ReplayConfig>,
    /// The accounts opened at every venue.
    pub accounts: Vec<AccountConfig>,
    /// Rate limits of Binance USDⓈ-M.
    pub binance_limits: LimitConfig,
    /// Whether Binance's root address serves every stream, as before April 2026.
    pub binance_legacy_root: bool,
    /// Requests that Backpack takes from one address in a minute.
    pub backpack_requests_1m: u32,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            venues: VenueKind::ALL.to_vec(),
            seed: 1,
            events_per_second: 20,
            history: Duration::from_secs(30 * 60),
            replay: None,
            accounts: vec![AccountConfig {
                name: "main".to_owned(),
                deposit: Decimal::from(10_000),
            }],
            binance_limits: LimitConfig::default(),
            binance_legacy_root: false,
            backpack_requests_1m: backpack::REQUESTS_1M,
        }
    }
}
