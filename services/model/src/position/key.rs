//! Which position.

use std::fmt;

use crate::ids::{Account, Asset, IdError, Symbol, Venue};

/// The last word of a perpetual's canonical symbol.
const PERPETUAL: &str = "PERP";

/// Names a position. The account is part of it: accounts are never merged (F46).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PositionKey {
    /// Whose.
    pub account: Account,
    /// Where.
    pub venue: Venue,
    /// Of what.
    pub symbol: Symbol,
}

impl PositionKey {
    /// Returns whether it is a position in the asset itself, which fees can be charged in (F42).
    #[must_use]
    pub fn is_spot(&self) -> bool {
        self.words().nth(2) != Some(PERPETUAL)
    }

    /// Returns the asset that the quantity counts.
    pub(super) fn base(&self) -> Result<Asset, IdError> {
        Asset::new(self.words().next().unwrap_or_default())
    }

    /// Returns the asset that prices and profits are in: the quote, for spot and linear contracts.
    pub(super) fn settle(&self) -> Result<Asset, IdError> {
        Asset::new(self.words().nth(1).unwrap_or_default())
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.symbol.as_str().split('-')
    }
}

impl fmt::Display for PositionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.account, self.venue, self.symbol)
    }
}
