//! What a venue states as filled without naming the trades.

use super::event::Event;
use super::fills::{BookedFill, FillKey};
use super::order_record::Order;
use crate::decimal::{Decimal, Rounding};
use crate::ids::{TradeId, UnixNanos, VenueOrderId};
use crate::report::FillKind;

/// Decimals of an inferred price: what an average needs to give the same notional back.
const PRICE_DECIMALS: u32 = 18;

/// Returns the event that books what the venue stated as filled and did not itemise, or takes back
/// what it itemised since (F35, F38). Nothing when the fills account for everything, or when no
/// price can be inferred.
///
/// The id is a function of the order: however often and wherever it is concluded, there is one
/// inferred fill an order, restated and never added to (F124).
#[must_use]
pub fn infer(order: &Order, received_time: UnixNanos) -> Option<Event> {
    let key = inferred_key(order)?;
    let real = order.fills().real_quantity();
    let wanted = order.stated().checked_sub(real).ok()?;
    let wanted = wanted.max(Decimal::ZERO);
    let held = order.fills().inferred(&key);
    if held.map_or(Decimal::ZERO, |held| held.quantity) == wanted {
        return None;
    }
    let price = match held {
        Some(held) if wanted < held.quantity => held.price,
        _ => inferred_price(order, wanted)?,
    };
    Some(Event::Restated(BookedFill {
        key,
        price,
        quantity: wanted,
        fee: None,
        liquidity: None,
        kind: FillKind::Trade,
        venue_time: order.venue_time().unwrap_or(received_time),
        received_time,
        late: false,
        inferred: true,
    }))
}

/// Returns the key of the order's one inferred fill.
///
/// One that is booked keeps its key, also when the venue's id of the order becomes known after it:
/// under a second key it would be booked a second time, here and wherever fills are told (F38).
fn inferred_key(order: &Order) -> Option<FillKey> {
    if let Some(held) = order.fills().all_inferred().next() {
        return Some(held.key.clone());
    }
    let spec = order.spec();
    let venue_order_id = match (order.venue_order_id(), spec.index) {
        (Some(id), _) => id.clone(),
        (None, Some(index)) => VenueOrderId::new(&format!("index-{index}")).ok()?,
        (None, None) => return None,
    };
    Some(FillKey {
        trade_id: TradeId::new("inferred").ok()?,
        venue_order_id,
        side: spec.side,
    })
}

/// Returns the price that makes the average come out as stated; without one, the limit price.
fn inferred_price(order: &Order, quantity: Decimal) -> Option<Decimal> {
    let from_average = || {
        let whole = order.stated_average()?.checked_mul(order.stated()).ok()?;
        let mut known = Decimal::ZERO;
        for fill in order.fills().iter().filter(|fill| !fill.inferred) {
            let part = fill.price.checked_mul(fill.quantity).ok()?;
            known = known.checked_add(part).ok()?;
        }
        let rest = whole.checked_sub(known).ok()?;
        let price = (0..=PRICE_DECIMALS)
            .rev()
            .find_map(|decimals| rest.div_round(quantity, decimals, Rounding::HalfEven).ok());
        price.filter(|price| price.is_positive())
    };
    from_average().or(order.spec().price)
}
