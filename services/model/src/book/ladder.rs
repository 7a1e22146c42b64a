//! One side of a book.

use crate::instrument::{ScaledPrice, ScaledQuantity};
use crate::words::Side;

/// Most levels a side holds. Venues' snapshots end at 1,000 to 5,000 levels; what accumulates
/// beyond them between two resyncs is far from the touch and is dropped from the far end (F127).
const LEVELS_MAX: usize = 20_000;

/// A price and how much stands at it, as integers of the instrument's scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// The price.
    pub price: ScaledPrice,
    /// The absolute quantity; zero removes the level.
    pub quantity: ScaledQuantity,
}

/// The levels of one side, best last.
///
/// Updates cluster at the touch: with the best at the end, a binary search over a flat array and
/// a short move of memory beat any tree.
#[derive(Debug, Clone)]
pub(super) struct Ladder {
    side: Side,
    levels: Vec<Level>,
    /// The worst price the last snapshot vouches for; beyond it levels are unknown (F86).
    horizon: Option<ScaledPrice>,
}

impl Ladder {
    pub(super) const fn new(side: Side) -> Self {
        Self {
            side,
            levels: Vec::new(),
            horizon: None,
        }
    }

    /// Replaces everything (F82), and returns whether no price came twice. `truncated` says that
    /// the venue knows more levels than it told.
    pub(super) fn replace(&mut self, levels: &[Level], truncated: bool) -> bool {
        self.levels.clear();
        self.levels
            .extend(levels.iter().filter(|level| level.quantity.0 > 0));
        let side = self.side;
        self.levels
            .sort_unstable_by_key(|level| Self::rank(side, level.price));
        let distinct = self
            .levels
            .windows(2)
            .all(|pair| pair[0].price != pair[1].price);
        self.horizon = if truncated {
            self.levels.first().map(|level| level.price)
        } else {
            None
        };
        self.bound();
        distinct
    }

    pub(super) fn clear(&mut self) {
        self.levels.clear();
        self.horizon = None;
    }

    /// Sets the absolute quantity at a price; removing a level that is not known is normal.
    pub(super) fn set(&mut self, level: Level) {
        let rank = Self::rank(self.side, level.price);
        let found = self
            .levels
            .binary_search_by_key(&rank, |held| Self::rank(self.side, held.price));
        match (found, level.quantity.0) {
            (Ok(at), 0) => {
                self.levels.remove(at);
            }
            (Ok(at), _) => self.levels[at].quantity = level.quantity,
            (Err(_), 0) => {}
            (Err(at), _) => {
                self.levels.insert(at, level);
                self.bound();
            }
        }
    }

    pub(super) fn best(&self) -> Option<Level> {
        self.levels.last().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.levels.len()
    }

    /// Iterates from the best level outwards.
    pub(super) fn iter(&self) -> impl Iterator<Item = Level> + '_ {
        self.levels.iter().rev().copied()
    }

    /// Returns how many levels, from the best, the snapshot vouches for.
    pub(super) fn vouched(&self) -> usize {
        match self.horizon {
            None => self.levels.len(),
            Some(horizon) => {
                let rank = Self::rank(self.side, horizon);
                let beyond = self
                    .levels
                    .partition_point(|held| Self::rank(self.side, held.price) < rank);
                self.levels.len() - beyond
            }
        }
    }

    /// Returns whether levels beyond those held may exist.
    pub(super) const fn is_truncated(&self) -> bool {
        self.horizon.is_some()
    }

    /// Drops the worst levels above the bound; they become unknown.
    fn bound(&mut self) {
        if self.levels.len() > LEVELS_MAX {
            self.levels.drain(..self.levels.len() - LEVELS_MAX);
            let worst = self.levels.first().map(|level| level.price);
            self.horizon = match (self.horizon, worst) {
                (Some(horizon), Some(worst)) if self.is_worse(worst, horizon) => Some(horizon),
                (_, worst) => worst,
            };
        }
    }

    fn is_worse(&self, price: ScaledPrice, other: ScaledPrice) -> bool {
        Self::rank(self.side, price) < Self::rank(self.side, other)
    }

    /// Rises from the worst price to the best.
    const fn rank(side: Side, price: ScaledPrice) -> i64 {
        match side {
            Side::Buy => price.0,
            // Prices are above zero, so that the negation cannot overflow.
            Side::Sell => -price.0,
        }
    }
}
