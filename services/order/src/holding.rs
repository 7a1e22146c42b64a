//! What open and doubtful orders may still do to a position, at their worst, and which ended orders
//! memory may forget.

use chimera_model::order::OrderKind;
use chimera_model::{Decimal, DecimalError, Side};
use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::key::OrderKey;
use crate::ledger::Ledger;

/// What an account holds of an instrument, and what may still come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Holding {
    /// The position by fills and adjustments, signed.
    pub position: Decimal,
    /// What open and doubtful buys may still add.
    pub buys: Decimal,
    /// What open and doubtful sells may still take.
    pub sells: Decimal,
    /// What open and doubtful buys that may only reduce may still add.
    pub reducing_buys: Decimal,
    /// What open and doubtful sells that may only reduce may still take.
    pub reducing_sells: Decimal,
}

impl Holding {
    /// Returns how much of the position an order of a side works against; below zero when it adds
    /// to it.
    #[must_use]
    pub fn against(&self, side: Side) -> Decimal {
        match side {
            Side::Buy => -self.position,
            Side::Sell => self.position,
        }
    }

    /// Returns this with one more order on its way.
    ///
    /// # Errors
    /// Fails when the sum cannot be held.
    pub fn with(
        mut self,
        side: Side,
        reduce_only: bool,
        quantity: Decimal,
    ) -> Result<Self, DecimalError> {
        let sum = self.sum(side, reduce_only);
        *sum = sum.checked_add(quantity)?;
        Ok(self)
    }

    /// Returns this without a part of what is on its way.
    #[must_use]
    pub fn without(mut self, side: Side, reduce_only: bool, quantity: Decimal) -> Self {
        let sum = self.sum(side, reduce_only);
        *sum = sum.checked_sub(quantity).unwrap_or(*sum);
        self
    }

    /// Returns how far beyond flat everything on its way on a side could take the position; zero or
    /// below when it cannot turn it.
    ///
    /// What may only reduce fills first, at worst: it takes the position away that the rest would
    /// have reduced, and the rest then adds what it would have closed.
    ///
    /// # Errors
    /// Fails when a sum cannot be held.
    pub fn beyond_flat(&self, side: Side) -> Result<Decimal, DecimalError> {
        let (adding, reducing) = match side {
            Side::Buy => (self.buys, self.reducing_buys),
            Side::Sell => (self.sells, self.reducing_sells),
        };
        let against = self.against(side);
        let reduced = reducing.min(against.max(Decimal::ZERO));
        adding.checked_add(reduced)?.checked_sub(against)
    }

    const fn sum(&mut self, side: Side, reduce_only: bool) -> &mut Decimal {
        match (side, reduce_only) {
            (Side::Buy, false) => &mut self.buys,
            (Side::Buy, true) => &mut self.reducing_buys,
            (Side::Sell, false) => &mut self.sells,
            (Side::Sell, true) => &mut self.reducing_sells,
        }
    }
}

impl Ledger {
    /// Counts what an order may still do to its position, at its worst.
    pub(crate) fn weigh(&mut self, key: &OrderKey) {
        let Some(entry) = self.orders.get(key) else {
            return;
        };
        let (line, spec) = (entry.line(), entry.order.spec());
        let (side, reduce_only) = (spec.side, spec.reduce_only);
        let weight = self.weight_of(entry);
        let before = self.weights.insert(key.clone(), weight).unwrap_or_default();
        if weight.is_zero() {
            self.weights.remove(key);
        }
        let sum = self
            .holdings
            .entry(line)
            .or_default()
            .sum(side, reduce_only);
        match sum
            .checked_sub(before)
            .and_then(|rest| rest.checked_add(weight))
        {
            Ok(changed) => *sum = changed,
            // Quantities pass the instrument's maximum before they come here, so that thousands of
            // them fit; one that does not is not counted, and not taken off later either.
            Err(_) => {
                self.weights.insert(key.clone(), before);
            }
        }
    }

    fn weight_of(&self, entry: &Entry) -> Decimal {
        let (order, spec) = (&entry.order, entry.order.spec());
        if order.state().is_final() {
            return match spec.kind {
                OrderKind::TrackingLimit => Decimal::ZERO,
                _ => order.missing_fills(),
            };
        }
        // A child works within what its parent has reserved.
        if entry
            .parent_key()
            .is_some_and(|parent| self.open.contains(&parent))
        {
            return Decimal::ZERO;
        }
        let rest = order.quantity().checked_sub(order.fills().quantity());
        rest.map_or(Decimal::ZERO, |rest| rest.max(Decimal::ZERO))
    }

    /// Forgets the oldest ended orders beyond the bound; the journal still has them. Called between
    /// the steps of whoever works on orders, never within one.
    pub(crate) fn forget_oldest(&mut self) {
        let mut looked_at = 0;
        while self.closed.len() > self.closed_kept && looked_at < self.closed.len() {
            let Some(key) = self.closed.pop_front() else {
                return;
            };
            if self.is_needed(&key) {
                self.closed.push_back(key);
                looked_at += 1;
                continue;
            }
            if let Some(entry) = self.orders.remove(&key)
                && let Some(id) = entry.order.venue_order_id()
            {
                self.by_venue_id.remove(&(entry.line(), id.clone()));
            }
            self.weights.remove(&key);
        }
    }

    fn is_needed(&self, key: &OrderKey) -> bool {
        let Some(entry) = self.orders.get(key) else {
            return false;
        };
        let parent_open = entry
            .parent_key()
            .is_some_and(|parent| self.open.contains(&parent));
        // A child in memory tells its parent of its fills.
        let has_children = entry.tracking.as_ref().is_some_and(|tracking| {
            let mut children = tracking.children();
            children.any(|child| {
                self.orders
                    .contains_key(&OrderKey::ours(key.account(), child))
            })
        });
        parent_open || has_children || entry.order.missing_fills().is_positive()
    }
}
