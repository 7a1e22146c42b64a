//! What an operator sets.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use crate::error::StartError;

/// What an operator sets. Every field has a default; unknown ones are errors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long a position may differ from the venue's word before that is an alert, in
    /// milliseconds: fills and positions reach the mesh by two ways. 5 s is many times what either
    /// takes.
    pub settle_ms: u64,
    /// How often positions, balances and margin are asked for, whatever the stream says, in
    /// milliseconds (F104). It also refreshes mark prices. 10 s costs a venue some 90 of 2,400
    /// units a minute and account.
    pub venue_poll_ms: u64,
    /// How often a quiet stream sends a heartbeat, in milliseconds.
    pub heartbeat_ms: u64,
    /// Silence after which an input stream counts as lost, heartbeats included, in milliseconds.
    pub input_silence_ms: u64,
    /// Changes kept in memory for streams that resume. 8,192: half a minute at 250 a second.
    pub changes_kept: usize,
    /// Changes queued for one reader of a stream before it is ended as too slow.
    pub reader_queue: usize,
    /// Streams open at one time.
    pub readers_max: usize,
    /// Statements of margin kept an account and venue, at most the contract's 1,000.
    pub margin_history: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            settle_ms: 5_000,
            venue_poll_ms: 10_000,
            heartbeat_ms: 5_000,
            input_silence_ms: 30_000,
            changes_kept: 8_192,
            reader_queue: 1_024,
            readers_max: 1_024,
            margin_history: 1_000,
        }
    }
}

impl Config {
    /// Refuses what cannot work, naming the field and its range.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        const DAY_MS: u64 = 24 * 3_600 * 1_000;
        let milliseconds = [
            ("settle_ms", self.settle_ms),
            ("venue_poll_ms", self.venue_poll_ms),
            ("heartbeat_ms", self.heartbeat_ms),
            ("input_silence_ms", self.input_silence_ms),
        ];
        for (field, value) in milliseconds {
            within(field, value, 1..=DAY_MS)?;
        }
        let counts = [
            ("changes_kept", self.changes_kept, 1_000_000),
            ("reader_queue", self.reader_queue, 1_000_000),
            ("readers_max", self.readers_max, 100_000),
            ("margin_history", self.margin_history, 1_000),
        ];
        for (field, value, most) in counts {
            within(field, u64::try_from(value).unwrap_or(u64::MAX), 1..=most)?;
        }
        Ok(())
    }

    pub(crate) fn settle(&self) -> Duration {
        Duration::from_millis(self.settle_ms)
    }

    pub(crate) fn venue_poll(&self) -> Duration {
        Duration::from_millis(self.venue_poll_ms)
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms)
    }

    pub(crate) fn input_silence(&self) -> Duration {
        Duration::from_millis(self.input_silence_ms)
    }
}

fn within(field: &'static str, value: u64, range: RangeInclusive<u64>) -> Result<(), StartError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(StartError::Config {
        field,
        value,
        least: *range.start(),
        most: *range.end(),
    })
}
