//! What the next child of a tracking limit may be: its price, its size, and whether it may leave now.

use chimera_model::order::OrderSpec;
use chimera_model::{Decimal, Instrument, OrderType, Side};

use crate::attempts::Standing;
use crate::holding::Holding;
use crate::key::OrderKey;
use crate::market::Top;
use crate::metrics;
use crate::risk::{Refusal, exposure, is_way_out, lowers_exposure, reference};
use crate::service::Desk;
use crate::submit::line;

impl Desk {
    /// Returns whether a child may leave at a price. Its parent was judged at the price of its own
    /// time; the market has moved since (I5 of the simulation: a rise between the two).
    pub(crate) fn child_fits(
        &self,
        key: &OrderKey,
        standing: &Standing,
        price: Decimal,
        top: &Top,
    ) -> bool {
        let (rest, holding) = self.rest_beside(key, standing);
        let worst = reference(rest.side, top).map_or(price, |reference| reference.max(price));
        let judged = exposure(&self.tools.config.risk, &rest, &holding, worst);
        let fits = judged.is_ok() || lowers_exposure(&rest, &holding);
        if let Err(Refusal::Denied(denial)) = judged
            && !fits
        {
            metrics::denied(denial.reason());
        }
        fits
    }

    /// Returns whether a child is a way out.
    pub(crate) fn child_is_way_out(&self, key: &OrderKey, standing: &Standing) -> bool {
        let (rest, holding) = self.rest_beside(key, standing);
        is_way_out(&rest, &holding)
    }

    /// Returns what is left of a parent as an order, and what everything else holds: what the parent
    /// itself has reserved is not counted against it.
    fn rest_beside(&self, key: &OrderKey, standing: &Standing) -> (OrderSpec, Holding) {
        let own = self.ledger.weights.get(key).copied().unwrap_or_default();
        let spec = &standing.spec;
        let holding = self.ledger.holding(&line(spec));
        let holding = holding.without(spec.side, spec.reduce_only, own);
        let rest = OrderSpec {
            quantity: standing.remaining,
            ..spec.clone()
        };
        (rest, holding)
    }

    /// Returns whether what a live child has left could be placed anew.
    pub(crate) fn is_placeable(&self, standing: &Standing) -> bool {
        let spec = &standing.spec;
        let known = self.tools.market.known(spec.venue, spec.symbol.as_str());
        let price = self.last_price(spec.venue, &spec.symbol);
        match (known, price) {
            (Some(instrument), Some(price)) => {
                child_quantity(standing, &instrument, price).is_some()
            }
            _ => true,
        }
    }
}

/// Returns the price at the touch of the own side, moved away from the market; nothing without a
/// touch.
pub(crate) fn child_price(
    standing: &Standing,
    instrument: &Instrument,
    top: Top,
) -> Option<Decimal> {
    let (side, touch) = (standing.spec.side, top.touch(standing.spec.side)?);
    let ticks = Decimal::from(i64::from(standing.tracking.price_offset_ticks));
    let offset = instrument.tick_size.checked_mul(ticks).ok()?;
    let moved = match side {
        Side::Buy => touch.checked_sub(offset).ok()?,
        Side::Sell => touch.checked_add(offset).ok()?,
    };
    instrument.price_not_beyond(moved, side)
}

/// Returns the size of the next child: all that is left, if the venue takes that.
pub(crate) fn child_quantity(
    standing: &Standing,
    instrument: &Instrument,
    price: Decimal,
) -> Option<Decimal> {
    let quantity = instrument.quantity_at_most(standing.remaining, OrderType::Limit)?;
    let notional = price.checked_mul(quantity).ok()?;
    instrument
        .check_notional(notional, standing.spec.reduce_only)
        .ok()?;
    Some(quantity)
}
