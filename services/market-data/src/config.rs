//! Tuning of market data; every value has a default that suits one process and a few venues.

use std::time::Duration;

use serde::Deserialize;

/// Tuning of market data.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Levels a side fetched with a book's snapshot, 5 to 1,000.
    pub book_depth: usize,
    /// How long a venue's public stream may be silent before its data counts as stale, in
    /// milliseconds. Any instrument worth trading updates several times a second.
    pub silence_ms: u64,
    /// How often a quiet watch stream sends a heartbeat, in milliseconds.
    pub heartbeat_ms: u64,
    /// How long the first answer for an instrument that nobody watched before may take, in
    /// milliseconds: a subscription and a snapshot.
    pub first_data_ms: u64,
    /// How long a topic that nobody uses stays subscribed, in seconds.
    pub linger_s: u64,
    /// How often instruments are read anew, in seconds.
    pub instruments_refresh_s: u64,
    /// How many watch streams may be open at once.
    pub streams_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            book_depth: 1_000,
            silence_ms: 10_000,
            heartbeat_ms: 5_000,
            first_data_ms: 5_000,
            linger_s: 300,
            instruments_refresh_s: 600,
            streams_max: 20_000,
        }
    }
}

impl Config {
    pub(crate) fn silence(&self) -> Duration {
        Duration::from_millis(self.silence_ms.max(1))
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms.max(1))
    }

    pub(crate) fn first_data(&self) -> Duration {
        Duration::from_millis(self.first_data_ms)
    }

    pub(crate) fn linger(&self) -> Duration {
        Duration::from_secs(self.linger_s)
    }

    pub(crate) fn instruments_refresh(&self) -> Duration {
        Duration::from_secs(self.instruments_refresh_s.max(1))
    }
}
