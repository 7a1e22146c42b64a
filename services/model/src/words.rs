//! Words that every order, fill and trade share.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which way an order or trade goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Side {
    /// Buys the base.
    Buy,
    /// Sells the base.
    Sell,
}

impl Side {
    /// Returns the other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        })
    }
}

/// How an order finds its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderType {
    /// Takes what the book offers.
    Market,
    /// Trades at its price or better.
    Limit,
}

/// How long an order stands. Post-only is a flag beside it, not a lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TimeInForce {
    /// Until filled or cancelled.
    Gtc,
    /// Fills what it can at once; the rest is cancelled.
    Ioc,
    /// Fills whole at once, or not at all.
    Fok,
}

/// Which side of the book a fill was on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Liquidity {
    /// Rested in the book.
    Maker,
    /// Took from the book.
    Taker,
}
