//! What venues state of balances and margin.

use std::collections::VecDeque;
use std::collections::btree_map::Entry;

use chimera_model::{Asset, Decimal, UnixNanos};
use tokio::time::Instant;

use super::AccountKey;

/// A balance as a venue stated it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Balance {
    pub total: Decimal,
    pub available: Option<Decimal>,
    pub venue_time: Option<UnixNanos>,
    pub received_time: UnixNanos,
    /// When it was heard, or asked for.
    pub heard: Instant,
}

/// Margin as a venue stated it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Margin {
    pub asset: Option<Asset>,
    pub wallet_balance: Decimal,
    pub margin_balance: Decimal,
    pub available: Decimal,
    pub initial_margin: Decimal,
    pub maintenance_margin: Decimal,
    pub unrealized_pnl: Decimal,
    pub venue_time: Option<UnixNanos>,
    pub received_time: UnixNanos,
    /// When it was heard, or asked for.
    pub heard: Instant,
}

/// Says whether a word is older than the one that is known (F91): by the venue's own time where
/// both have one, else by ours.
pub(super) fn is_older(
    word: (Option<UnixNanos>, Instant),
    known: (Option<UnixNanos>, Instant),
) -> bool {
    match (word.0, known.0) {
        (Some(word), Some(known)) => word < known,
        _ => word.1 < known.1,
    }
}

/// Takes a balance unless a newer one is known; returns whether its amounts changed.
pub(super) fn take_balance(
    entry: Entry<'_, (AccountKey, Asset), Balance>,
    mut balance: Balance,
) -> bool {
    match entry {
        Entry::Vacant(entry) => {
            entry.insert(balance);
            true
        }
        Entry::Occupied(mut entry) => {
            let known = entry.get_mut();
            let (word, old) = (
                (balance.venue_time, balance.heard),
                (known.venue_time, known.heard),
            );
            if is_older(word, old) {
                return false;
            }
            // Channels that do not state what is available do not unsay it while the total stands.
            if balance.available.is_none() && balance.total == known.total {
                balance.available = known.available;
            }
            let changed = (balance.total, balance.available) != (known.total, known.available);
            *known = balance;
            changed
        }
    }
}

/// The margin of one account with its recent history.
#[derive(Debug, Default)]
pub(crate) struct MarginLine {
    latest: Option<Margin>,
    /// Oldest first; a statement enters when the next, different one comes.
    history: VecDeque<Margin>,
}

impl MarginLine {
    pub(crate) const fn latest(&self) -> Option<&Margin> {
        self.latest.as_ref()
    }

    /// Returns the newest older statements, oldest first.
    pub(crate) fn history(&self, limit: usize) -> impl Iterator<Item = &Margin> {
        self.history
            .iter()
            .skip(self.history.len().saturating_sub(limit))
    }

    /// Takes a statement unless a newer one is known; returns whether its amounts changed.
    pub(super) fn take(&mut self, margin: Margin, kept: usize) -> bool {
        let Some(latest) = self.latest else {
            self.latest = Some(margin);
            return true;
        };
        if is_older(
            (margin.venue_time, margin.heard),
            (latest.venue_time, latest.heard),
        ) {
            return false;
        }
        self.latest = Some(margin);
        let (venue_time, received_time, heard) =
            (latest.venue_time, latest.received_time, latest.heard);
        if (Margin {
            venue_time,
            received_time,
            heard,
            ..margin
        }) == latest
        {
            return false;
        }
        if self.history.len() == kept {
            self.history.pop_front();
        }
        self.history.push_back(latest);
        true
    }
}
