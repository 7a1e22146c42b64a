//! Which orders of an account at a venue count against its limits: kept as orders change, so that
//! risk need not look at every open order for each new one.

use std::collections::BTreeSet;

use crate::key::{OrderKey, SiteKey};
use crate::ledger::Ledger;

#[cfg(test)]
pub(crate) mod tests;

/// The orders of an account at a venue that are not final and not somebody else's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    own: BTreeSet<OrderKey>,
    unseen: BTreeSet<OrderKey>,
}

impl Ledger {
    /// Counts an order where it belongs now. To be called after every change of its state.
    pub(crate) fn count(&mut self, key: &OrderKey) {
        let Some(entry) = self.orders.get(key) else {
            return;
        };
        let own = !entry.order.state().is_final() && !entry.order.is_external();
        let unseen = own && (entry.order.state().is_in_doubt() || entry.tracking.is_some());
        let standing = self.standing.entry(entry.site()).or_default();
        for (set, belongs) in [(&mut standing.own, own), (&mut standing.unseen, unseen)] {
            if !belongs {
                set.remove(key);
            } else if !set.contains(key) {
                set.insert(key.clone());
            }
        }
    }

    /// Returns how many orders of an account at a venue are not final, parents included.
    pub(crate) fn open_orders_at(&self, site: SiteKey) -> usize {
        self.standing
            .get(&site)
            .map_or(0, |standing| standing.own.len())
    }

    /// Returns the orders that the venue's own account of margin may not show yet: those in doubt,
    /// and tracking limits, whose next child may come at any moment.
    pub(crate) fn unseen_at(&self, site: SiteKey) -> impl Iterator<Item = &OrderKey> {
        let standing = self.standing.get(&site);
        standing.into_iter().flat_map(|standing| &standing.unseen)
    }
}
