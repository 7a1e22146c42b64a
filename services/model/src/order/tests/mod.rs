//! Shared makers of orders and reports, and the tests by subject.

mod conclusions;
mod convergence;
mod fills;
mod scale;
mod table;

use super::*;
use crate::decimal::Decimal;
use crate::ids::{
    Account, Asset, ClientOrderId, ClientOrderIndex, Symbol, TradeId, UnixNanos, Venue,
    VenueOrderId,
};
use crate::report::{Fee, Fill, FillKind, OrderOrigin, OrderReport, ReportSource, ReportedStatus};
use crate::words::{Side, TimeInForce};

pub(super) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(super) fn spec(quantity: &str) -> OrderSpec {
    OrderSpec {
        account: Account::new("main").unwrap(),
        index: Some(ClientOrderIndex::new(7).unwrap()),
        venue: Venue::new("example").unwrap(),
        symbol: Symbol::new("SOL-USDT-PERP").unwrap(),
        side: Side::Buy,
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        quantity: decimal(quantity),
        price: Some(decimal("100")),
        scale: Scale {
            tick_size: decimal("0.01"),
            lot_size: decimal("0.1"),
            version: 1,
        },
        parent: None,
    }
}

pub(super) fn stamp(seq: u64) -> Stamp {
    Stamp {
        seq,
        recorded_time: UnixNanos::from_nanos(1_000 + seq),
        venue_time: None,
    }
}

pub(super) fn order(quantity: &str) -> Order {
    Order::intended(spec(quantity), stamp(1))
}

/// Applies what a report proves and returns the kinds of events.
pub(super) fn tell(order: &mut Order, report: &Report) -> Vec<EventKind> {
    let events = conclude(order, report);
    for event in &events {
        let seq = order.seq() + 1;
        order.apply(event, stamp(seq)).unwrap();
    }
    events.iter().map(Event::kind).collect()
}

pub(super) fn says(status: ReportedStatus, filled: &str) -> Report {
    Report::Stated(Box::new(statement(status, filled)))
}

pub(super) fn statement(status: ReportedStatus, filled: &str) -> OrderReport {
    let spec = spec("1");
    OrderReport {
        venue: spec.venue,
        account: spec.account,
        symbol: spec.symbol,
        client_order_id: Some(ClientOrderId::new("x-7").unwrap()),
        client_order_index: spec.index,
        cancel_client_order_id: None,
        venue_order_id: Some(VenueOrderId::new("900").unwrap()),
        origin: OrderOrigin::Ours,
        status,
        status_text: String::new(),
        side: Some(spec.side),
        order_type: None,
        time_in_force: None,
        post_only: false,
        reduce_only: false,
        price: None,
        quantity: None,
        cumulative_filled: Some(decimal(filled)),
        average_price: Some(decimal("100")),
        reason: None,
        venue_time: None,
        source: ReportSource::Stream,
        last_fill: None,
    }
}

pub(super) fn fill(trade: &str, price: &str, quantity: &str) -> Fill {
    let spec = spec("1");
    Fill {
        venue: spec.venue,
        account: spec.account,
        symbol: spec.symbol,
        trade_id: TradeId::new(trade).unwrap(),
        venue_order_id: VenueOrderId::new("900").unwrap(),
        client_order_id: None,
        client_order_index: spec.index,
        side: spec.side,
        position_side: crate::account::PositionSide::Net,
        price: decimal(price),
        quantity: decimal(quantity),
        fee: Some(Fee {
            asset: Asset::new("USDT").unwrap(),
            amount: decimal("0.01"),
        }),
        liquidity: None,
        realized_pnl: None,
        venue_time: UnixNanos::from_nanos(5),
        kind: FillKind::Trade,
        source: ReportSource::Stream,
    }
}

pub(super) fn filled(trade: &str, price: &str, quantity: &str) -> Report {
    executed(fill(trade, price, quantity))
}

pub(super) fn executed(fill: Fill) -> Report {
    Report::Executed {
        fill: Box::new(fill),
        received_time: UnixNanos::from_nanos(6),
    }
}

pub(super) fn reason(words: &str) -> Reason {
    Reason::new("-1", words)
}

pub(super) fn accepted() -> Report {
    Report::Submitted(SubmitAnswer::Accepted(None))
}
