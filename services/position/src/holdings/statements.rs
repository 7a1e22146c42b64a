//! What venues state of balances and margin.

use std::collections::VecDeque;
use std::collections::btree_map::Entry;
use std::time::Duration;

use chimera_model::{Asset, Decimal, UnixNanos};

use super::{AccountKey, Dated};

/// The oldest that an answer of a venue may be when it is given: its questions are answered from
/// copies that trail its streams, by a second or two on a bad day.
const ANSWER_AGE_MAX: Duration = Duration::from_secs(5);

/// A balance as a venue stated it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Balance {
    pub total: Decimal,
    pub available: Option<Decimal>,
    pub received_time: UnixNanos,
    pub said: Dated,
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
    pub received_time: UnixNanos,
    pub said: Dated,
}

/// Says whether a word is older than the one that is known (F91): by the venue's own time where
/// both have one, else by ours.
///
/// A venue's clock may be set back. What it said before that is not the newest for ever: an answer
/// that was asked for long after it is newer, whatever its date.
pub(super) fn is_older(word: Dated, known: Dated) -> bool {
    let (heard, known_heard) = (word.heard.instant, known.heard.instant);
    if word.asked && heard >= known_heard + ANSWER_AGE_MAX {
        return false;
    }
    match (word.venue_time, known.venue_time) {
        (Some(word), Some(known)) => word < known,
        _ => heard < known_heard,
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
            if is_older(balance.said, known.said) {
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
        if is_older(margin.said, latest.said) {
            return false;
        }
        self.latest = Some(margin);
        let (received_time, said) = (latest.received_time, latest.said);
        if (Margin {
            received_time,
            said,
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
