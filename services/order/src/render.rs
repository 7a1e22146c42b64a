//! Orders and fills as the contract shows them.

use chimera_contracts::common::v1 as common;
use chimera_contracts::order::v1 as pb;
use chimera_model::order::{BookedFill, OrderKind, OrderState};
use chimera_model::report::FillKind;
use chimera_model::{Liquidity, Side, TimeInForce, UnixNanos};

use crate::entry::Entry;
use crate::trading::TradingState;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Returns an order as the contract shows it.
pub(crate) fn order(entry: &Entry) -> pb::Order {
    let (order, spec) = (&entry.order, entry.order.spec());
    pb::Order {
        account: spec.account.to_string(),
        client_order_index: spec.index.map_or(0, i64::from),
        venue: spec.venue.to_string(),
        symbol: spec.symbol.to_string(),
        venue_symbol: entry.venue_symbol.clone(),
        side: side(spec.side).into(),
        r#type: kind(spec.kind).into(),
        time_in_force: time_in_force(spec.time_in_force).into(),
        post_only: spec.post_only,
        reduce_only: spec.reduce_only,
        quantity: order.quantity().to_string(),
        price: text(spec.price),
        state: state(order.state()).into(),
        filled_quantity: order.filled().to_string(),
        average_price: text(order.average_price()),
        venue_order_id: text(order.venue_order_id()),
        client_order_id: text(order.client_order_id()),
        parent_client_order_index: spec.parent.map_or(0, i64::from),
        tracking_limit: entry
            .tracking
            .as_ref()
            .map(|tracking| tracking.spec().to_wire()),
        tracking_progress: entry
            .tracking
            .as_ref()
            .map(|tracking| tracking.progress(order)),
        reason: order.reason().code.clone(),
        message: order.reason().message.clone(),
        instrument_version: spec.scale.version,
        created_time: Some(timestamp(order.created_time())),
        updated_time: Some(timestamp(order.updated_time())),
        venue_time: order.venue_time().map(timestamp),
        seq: order.seq(),
        fees: order
            .fills()
            .fees()
            .map(|fee| common::Fee {
                asset: fee.asset.to_string(),
                amount: fee.amount.to_string(),
            })
            .collect(),
        external: order.is_external(),
        late_fills: order.has_late_fills(),
        overfilled: order.is_overfilled(),
        trace_id: entry.trace_id.clone(),
    }
}

/// Returns a fill as the contract shows it.
pub(crate) fn fill(entry: &Entry, fill: &BookedFill, seq: u64) -> pb::Fill {
    let spec = entry.order.spec();
    pb::Fill {
        seq,
        account: spec.account.to_string(),
        client_order_index: spec.index.map_or(0, i64::from),
        parent_client_order_index: spec.parent.map_or(0, i64::from),
        venue: spec.venue.to_string(),
        symbol: spec.symbol.to_string(),
        trade_id: fill.key.trade_id.to_string(),
        venue_order_id: fill.key.venue_order_id.to_string(),
        side: side(fill.key.side).into(),
        price: fill.price.to_string(),
        quantity: fill.quantity.to_string(),
        fee: fill.fee.map(|fee| common::Fee {
            asset: fee.asset.to_string(),
            amount: fee.amount.to_string(),
        }),
        liquidity: match fill.liquidity {
            None => common::Liquidity::Unspecified,
            Some(Liquidity::Maker) => common::Liquidity::Maker,
            Some(Liquidity::Taker) => common::Liquidity::Taker,
        }
        .into(),
        venue_time: Some(timestamp(fill.venue_time)),
        received_time: Some(timestamp(fill.received_time)),
        late: fill.late,
        external: entry.order.is_external(),
        inferred: fill.inferred,
        venue_cause: cause(fill.kind).to_owned(),
    }
}

/// Returns why the venue made a fill; nothing for ordinary trades.
pub(crate) const fn cause(kind: FillKind) -> &'static str {
    match kind {
        FillKind::Trade => "",
        FillKind::Liquidation => "LIQUIDATION",
        FillKind::AutoDeleveraging => "AUTO_DELEVERAGING",
        FillKind::Settlement => "SETTLEMENT",
    }
}

pub(crate) const fn side(side: Side) -> common::Side {
    match side {
        Side::Buy => common::Side::Buy,
        Side::Sell => common::Side::Sell,
    }
}

pub(crate) const fn kind(kind: OrderKind) -> common::OrderType {
    match kind {
        OrderKind::Limit => common::OrderType::Limit,
        OrderKind::Market => common::OrderType::Market,
        OrderKind::TrackingLimit => common::OrderType::TrackingLimit,
    }
}

pub(crate) const fn time_in_force(time_in_force: TimeInForce) -> common::TimeInForce {
    match time_in_force {
        TimeInForce::Gtc => common::TimeInForce::Gtc,
        TimeInForce::Ioc => common::TimeInForce::Ioc,
        TimeInForce::Fok => common::TimeInForce::Fok,
    }
}

pub(crate) const fn state(state: OrderState) -> pb::OrderState {
    match state {
        OrderState::Denied => pb::OrderState::Denied,
        OrderState::Submitting => pb::OrderState::Submitting,
        OrderState::Unknown => pb::OrderState::Unknown,
        OrderState::Open => pb::OrderState::Open,
        OrderState::PartiallyFilled => pb::OrderState::PartiallyFilled,
        OrderState::PendingCancel => pb::OrderState::PendingCancel,
        OrderState::Filled => pb::OrderState::Filled,
        OrderState::Cancelled => pb::OrderState::Cancelled,
        OrderState::Rejected => pb::OrderState::Rejected,
        OrderState::Expired => pb::OrderState::Expired,
    }
}

pub(crate) const fn trading_state(state: TradingState) -> pb::TradingState {
    match state {
        TradingState::Active => pb::TradingState::Active,
        TradingState::Reducing => pb::TradingState::Reducing,
        TradingState::Halted => pb::TradingState::Halted,
    }
}

/// Returns a point in time.
pub(crate) fn timestamp(time: UnixNanos) -> prost_types::Timestamp {
    let nanos = time.as_nanos();
    // Both parts fit: a u64 of nanoseconds ends in the year 2554.
    prost_types::Timestamp {
        seconds: (nanos / NANOS_PER_SECOND) as i64,
        nanos: (nanos % NANOS_PER_SECOND) as i32,
    }
}

/// Returns a span of time.
pub(crate) fn duration(span: std::time::Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        // Below a billion by its type.
        nanos: span.subsec_nanos() as i32,
    }
}

/// Returns an exact number as text; nothing when there is none.
pub(crate) fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
