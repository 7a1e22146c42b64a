//! How an account is set up at its venue.

use serde::{Deserialize, Serialize};

/// Whether an instrument has one position or two (F50).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PositionMode {
    /// One net position an instrument.
    OneWay,
    /// A long and a short position side by side; not traded in.
    Hedge,
}

/// Which position of an instrument is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PositionSide {
    /// The one net position.
    Net,
    /// The long one, in hedge mode.
    Long,
    /// The short one, in hedge mode.
    Short,
}

/// What stands behind a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MarginMode {
    /// The whole account.
    Cross,
    /// Only what was set aside for it.
    Isolated,
}
