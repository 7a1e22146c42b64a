//! I5: what was let through never passes the limit, with everything open or in doubt counted at its
//! worst; and while only reducing is allowed, nothing else is let through.

use std::collections::BTreeSet;
use std::time::Duration;

use chimera_model::Side;
use chimera_model::order::Command;
use chimera_order::{Body, OrderKey, TradingState};
use rust_decimal::Decimal;

use super::Report;
use crate::sim::evidence::{Seen, exact};
use crate::sim::hosts::EXPOSURE_MAX;
use crate::sim::journal::{self, Row, Story, Told};
use crate::sim::scene::EPOCH;

/// How far a service's clock and its price may be behind: a price of that time may have been used.
const PRICE_WITHIN: Duration = Duration::from_secs(40);

/// Reads the journal and counts at each intent.
pub fn exposure(seen: &Seen, report: &mut Report) {
    // What cannot be read is told by I4.
    let rows = journal::read(&seen.journal).unwrap_or_default();
    let through = let_through(seen, &rows);
    let mut story = Story::default();
    let mut adjusted = Decimal::ZERO;
    let mut trading = TradingState::Active;
    for row in &rows {
        // What is wrong with a step is told by I4.
        let _ = story.take(row);
        match &row.logged.body {
            Body::Trading(change) => trading = change.state,
            Body::Position(adjustment) => adjusted += exact(&adjustment.change),
            Body::Intent(intent) if intent.tracking.is_none() => {}
            _ => continue,
        }
        let Some(key) = row.logged.key.as_ref().filter(|key| through.contains(*key)) else {
            continue;
        };
        let Some(order) = story.orders.get(key) else {
            continue;
        };
        let at = Duration::from_nanos(row.logged.recorded_time.as_nanos());
        let price = price(seen, order, at.saturating_sub(EPOCH));
        let (worst, against) = worst(&story, order, adjusted);
        let lowers = against > Decimal::ZERO && worst <= Decimal::ZERO;
        if !lowers && worst * price > Decimal::from(EXPOSURE_MAX) {
            let what = format!("order {key} brings {worst} at {price}, {EXPOSURE_MAX} is allowed");
            report.violate("I5", what);
        }
        if trading != TradingState::Active && !lowers && !order.spec.reduce_only {
            report.violate(
                "I6",
                format!("order {key} was let through while {trading:?}"),
            );
        }
    }
}

/// Returns the orders that were let through: those of which it is recorded that they were to be
/// sent, and those that were. A denial is two records, of which a crash may leave the intent.
fn let_through(seen: &Seen, rows: &[Row]) -> BTreeSet<OrderKey> {
    let asked = rows.iter().filter(|row| {
        let body = &row.logged.body;
        matches!(body, Body::Command(Command::Submit))
    });
    let mut through: BTreeSet<_> = asked.filter_map(|row| row.logged.key.clone()).collect();
    let places = seen.wire.0.iter().filter(|request| request.places());
    let ids: BTreeSet<_> = places
        .filter_map(|request| request.parameters.get("newClientOrderId"))
        .collect();
    let listed = seen.last.iter().flat_map(|last| &last.orders);
    let left = listed.filter(|order| ids.contains(&order.client_order_id));
    let indices: BTreeSet<_> = left.map(|order| order.client_order_index).collect();
    let keys = rows.iter().filter_map(|row| row.logged.key.as_ref());
    let index = |key: &OrderKey| key.index().map(|index| i64::from(index.get()));
    let sent = keys.filter(|key| index(key).is_some_and(|index| indices.contains(&index)));
    through.extend(sent.cloned());
    through
}

/// Returns how far beyond flat an order's side may come if all of that side fills, and how much
/// there is to reduce before.
fn worst(story: &Story, order: &Told, adjusted: Decimal) -> (Decimal, Decimal) {
    let sign = |side: Side| match side {
        Side::Buy => Decimal::ONE,
        Side::Sell => -Decimal::ONE,
    };
    let towards = sign(order.spec.side);
    let mut position = adjusted * towards;
    let (mut adding, mut reducing) = (Decimal::ZERO, Decimal::ZERO);
    for other in story.orders.values() {
        position += other.booked() * sign(other.spec.side) * towards;
        if other.spec.side == order.spec.side {
            match other.spec.reduce_only {
                true => reducing += other.open(),
                false => adding += other.open(),
            }
        }
    }
    // What may only reduce cannot turn the position, but may take away what the rest would reduce.
    let reduced = reducing.min((-position).max(Decimal::ZERO));
    (position + adding + reduced, -position)
}

/// Returns the least that a unit was counted at: the order's own price, or the lowest of the prices
/// that the service may have known.
fn price(seen: &Seen, order: &Told, at: Duration) -> Decimal {
    let own = order.spec.price.as_ref().map(exact);
    let side = order.spec.side;
    let known = seen
        .books
        .between(at.saturating_sub(PRICE_WITHIN), at + PRICE_WITHIN);
    let opposite = known.map(|best| match side {
        Side::Buy => exact(&best.ask.0),
        Side::Sell => exact(&best.bid.0),
    });
    let lowest = opposite.min().unwrap_or_default();
    own.unwrap_or_default().max(lowest)
}
