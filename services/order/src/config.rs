//! What an operator sets.

use std::path::PathBuf;
use std::time::Duration;

use chimera_model::Decimal;
use serde::Deserialize;

/// What an operator sets. Every field has a default; unknown ones are errors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What risk allows.
    pub risk: RiskConfig,
    /// How long things may take.
    pub timing: TimingConfig,
    /// Where the timeline files go, one an order; none are written when absent.
    pub timeline_directory: Option<PathBuf>,
    /// Ended orders kept in memory for lists and repetitions; older ones are read from the journal.
    /// 10,000: about 10 MB.
    pub closed_orders_kept: usize,
    /// Changes kept in memory for streams that resume. 16,384: a minute at 250 changes a second.
    pub changes_kept: usize,
    /// Changes queued for one reader of a stream before it is ended as too slow.
    pub reader_queue: usize,
    /// Streams open at one time.
    pub readers_max: usize,
    /// A snapshot of the state is kept every so many records, which bounds a restart.
    pub snapshot_every_records: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            risk: RiskConfig::default(),
            timing: TimingConfig::default(),
            timeline_directory: None,
            closed_orders_kept: 10_000,
            changes_kept: 16_384,
            reader_queue: 4_096,
            readers_max: 1_024,
            snapshot_every_records: 50_000,
        }
    }
}

/// What risk allows, for each account at each venue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskConfig {
    /// The largest net exposure of one instrument in quote units, open and doubtful orders counted
    /// at their worst.
    pub exposure_max: Decimal,
    /// How far beyond the opposite touch a price may take, as a fraction of it: 0.05 lets a buy
    /// pay 5 % above the best ask. A market order needs a spread no wider than this.
    pub collar: Decimal,
    /// How far behind the own touch a price may rest, as a fraction of it.
    pub collar_passive: Decimal,
    /// How old the top of book may be that an order is checked against, in milliseconds.
    pub price_age_ms_max: u64,
    /// New orders a second; those that lower exposure may use as many again.
    pub orders_per_second_max: u32,
    /// Orders that are not final at one time.
    pub open_orders_max: usize,
    /// The part of an order's notional that must be available as margin where the venue states no
    /// leverage: 1 is all of it.
    pub margin_rate: Decimal,
    /// The part of an order's notional that is kept for fees.
    pub fee_rate: Decimal,
}

/// Returns a constant of this file; its text is known to be a decimal.
fn constant(value: i64, decimals: u32) -> Decimal {
    Decimal::from_scaled(value, decimals).unwrap_or_default()
}

impl Default for RiskConfig {
    fn default() -> Self {
        Self {
            exposure_max: constant(100_000, 0),
            collar: constant(5, 2),
            collar_passive: constant(5, 1),
            price_age_ms_max: 5_000,
            orders_per_second_max: 1_000,
            open_orders_max: 5_000,
            margin_rate: constant(1, 0),
            fee_rate: constant(1, 3),
        }
    }
}

/// How long things may take, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimingConfig {
    /// How long a submission or a cancel may take before its outcome counts as unknown. Above
    /// every venue's own timeout, so that its word is heard if there is one.
    pub command_deadline_ms: u64,
    /// How long a query may take.
    pub query_deadline_ms: u64,
    /// The first pause between queries for an order in doubt; doubles up to the longest.
    pub query_pause_ms: u64,
    /// The longest pause between queries for an order in doubt.
    pub query_pause_ms_max: u64,
    /// How long after the venue's validity window a request may still surface (F05).
    pub absence_grace_ms: u64,
    /// How far apart two misses must be to count as two.
    pub absence_spacing_ms: u64,
    /// How many counted misses prove absence.
    pub absence_misses: u32,
    /// An order that is not final and of which nothing was heard for so long is asked for (F33).
    pub silence_ms_max: u64,
    /// How long fills may lag behind a stated quantity before they are fetched.
    pub fills_grace_ms: u64,
    /// How often fills are fetched before a missing one is inferred.
    pub fills_attempts: u32,
    /// The pause after a cancel that the venue took before the order is asked for.
    pub cancel_proof_ms: u64,
    /// How often a cancel is sent before it is given up and left to an operator (F26).
    pub cancel_attempts: u32,
    /// How long a caller of CancelOrder waits for the proof before it is told PENDING_CANCEL.
    pub cancel_answer_ms: u64,
    /// The first pause before a lost stream is opened anew; doubles up to the longest.
    pub reconnect_pause_ms: u64,
    /// The longest pause before a lost stream is opened anew.
    pub reconnect_pause_ms_max: u64,
    /// How often this mesh compares itself with each venue although nothing seems wrong (F104).
    pub compare_every_ms: u64,
    /// How long the answer to a kill waits for submissions that had passed the last check.
    pub kill_settle_ms: u64,
    /// How long the answer to a kill then waits for the proof that nothing is open at the venues.
    pub kill_verify_ms: u64,
    /// A stream without changes says so this often.
    pub heartbeat_ms: u64,
    /// How long an instrument's rules are believed without asking again (F68).
    pub instrument_age_ms_max: u64,
}

impl Default for TimingConfig {
    fn default() -> Self {
        Self {
            command_deadline_ms: 10_000,
            query_deadline_ms: 5_000,
            query_pause_ms: 200,
            query_pause_ms_max: 5_000,
            absence_grace_ms: 2_000,
            absence_spacing_ms: 1_000,
            absence_misses: 3,
            silence_ms_max: 30_000,
            fills_grace_ms: 500,
            fills_attempts: 5,
            cancel_proof_ms: 500,
            cancel_attempts: 5,
            cancel_answer_ms: 1_000,
            reconnect_pause_ms: 100,
            reconnect_pause_ms_max: 5_000,
            compare_every_ms: 60_000,
            kill_settle_ms: 2_000,
            kill_verify_ms: 3_000,
            heartbeat_ms: 5_000,
            instrument_age_ms_max: 10_000,
        }
    }
}

/// A setting that cannot be obeyed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {expected}")]
pub struct ConfigError {
    /// Which one, by its path.
    pub field: &'static str,
    /// What would be valid.
    pub expected: &'static str,
}

impl Config {
    /// Checks what the types do not.
    ///
    /// # Errors
    /// Names the first setting that cannot be obeyed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let refuse = |field, expected| Err(ConfigError { field, expected });
        if !self.risk.exposure_max.is_positive() {
            return refuse("risk.exposure_max", "an amount above zero");
        }
        if !self.risk.collar.is_positive() {
            return refuse("risk.collar", "a fraction above zero, such as 0.05");
        }
        if !self.risk.collar_passive.is_positive() || self.risk.collar_passive > Decimal::ONE {
            return refuse("risk.collar_passive", "a fraction above zero, at most 1");
        }
        if !self.risk.margin_rate.is_positive() || self.risk.fee_rate.is_negative() {
            return refuse("risk.margin_rate", "fractions above zero");
        }
        if self.risk.orders_per_second_max == 0 || self.risk.open_orders_max == 0 {
            return refuse("risk.orders_per_second_max", "counts above zero");
        }
        if self.changes_kept == 0 || self.reader_queue == 0 || self.readers_max == 0 {
            return refuse("changes_kept", "counts above zero");
        }
        let timing = &self.timing;
        if timing.absence_misses < 2 || timing.absence_spacing_ms == 0 {
            return refuse("timing.absence_misses", "at least 2 spaced misses");
        }
        if timing.command_deadline_ms == 0 || timing.query_deadline_ms == 0 {
            return refuse("timing.command_deadline_ms", "a time above zero");
        }
        if timing.query_pause_ms == 0 || timing.reconnect_pause_ms == 0 || timing.heartbeat_ms == 0
        {
            return refuse("timing.query_pause_ms", "a time above zero");
        }
        if timing.cancel_attempts == 0 || timing.fills_attempts == 0 {
            return refuse("timing.cancel_attempts", "a count above zero");
        }
        Ok(())
    }
}

/// Returns a setting as a duration.
pub(crate) const fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}
