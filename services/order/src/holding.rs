//! What open and doubtful orders may still do to a position, at their worst, and which ended orders
//! memory may forget.

use chimera_model::order::OrderKind;
use chimera_model::{Decimal, Side, VenueOrderId};

use crate::key::OrderKey;
use crate::ledger::{Entry, Ledger, Line};

/// Venue ids kept of forgotten orders, some 20 MB: those of the last two minutes at the highest
/// rate of orders, which is as far back as a comparison reads fills.
const ALIASES_MAX: usize = 100_000;

impl Ledger {
    /// Counts what an order may still do to its position, at its worst.
    pub(crate) fn weigh(&mut self, key: &OrderKey) {
        let Some(entry) = self.orders.get(key) else {
            return;
        };
        let (line, side) = (entry.line(), entry.order.spec().side);
        let weight = self.weight_of(entry);
        let before = self.weights.insert(key.clone(), weight).unwrap_or_default();
        if weight.is_zero() {
            self.weights.remove(key);
        }
        let holding = self.holdings.entry(line).or_default();
        let sum = match side {
            Side::Buy => &mut holding.buys,
            Side::Sell => &mut holding.sells,
        };
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
        if spec.reduce_only {
            return Decimal::ZERO;
        }
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
                self.aliases.push_back((entry.line(), id.clone()));
            }
            if self.aliases.len() > ALIASES_MAX
                && let Some(oldest) = self.aliases.pop_front()
                && !self.is_in_memory(&oldest)
            {
                self.by_venue_id.remove(&oldest);
            }
            self.weights.remove(&key);
        }
    }

    fn is_in_memory(&self, alias: &(Line, VenueOrderId)) -> bool {
        self.by_venue_id
            .get(alias)
            .is_some_and(|key| self.orders.contains_key(key))
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
