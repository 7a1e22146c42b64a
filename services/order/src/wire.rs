//! The connector's words as the model's.

use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as pb;
use chimera_model::account::PositionSide;
use chimera_model::instrument::{
    ContractForm, InstrumentKind, InstrumentStatus, MarketLot, PriceTicks, QuantityLots,
};
use chimera_model::order::{CancelAnswer, Reason, Scale, SubmitAnswer};
use chimera_model::report::{
    Fee, Fill, FillKind, OrderOrigin, OrderReport, ReportSource, ReportedStatus,
};
use chimera_model::{
    Account, Asset, ClientOrderIndex, Decimal, Instrument, Liquidity, OrderType, Side, TimeInForce,
    UnixNanos, Venue,
};
use chimera_runtime::fault::{Outcome, outcome_of, reason_of};
use tonic::Status;

/// Something the connector said that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the connector's {what} cannot be read")]
pub struct Unreadable {
    /// What.
    pub what: &'static str,
}

pub(crate) fn unreadable<E>(what: &'static str) -> impl FnOnce(E) -> Unreadable {
    move |_| Unreadable { what }
}

/// Returns an instrument.
pub(crate) fn instrument(wire: &common::Instrument) -> Result<Instrument, Unreadable> {
    let decimal = |text: &str, what| text.parse::<Decimal>().map_err(unreadable(what));
    let optional = |text: &str, what| match text {
        "" => Ok(Decimal::ZERO),
        text => decimal(text, what),
    };
    let tick_size = decimal(&wire.tick_size, "tick_size")?;
    let lot_size = decimal(&wire.lot_size, "lot_size")?;
    let max_quantity = decimal(&wire.max_quantity, "max_quantity")?;
    let min_quantity = optional(&wire.min_quantity, "min_quantity")?;
    let max_market = optional(&wire.max_market_quantity, "max_market_quantity")?;
    let asset = |text: &str, what| Asset::new(text).map_err(unreadable(what));
    let min_notional = optional(&wire.min_notional, "min_notional")?;
    let scale = |step: Decimal| u8::try_from(step.scale()).map_err(unreadable("scale"));
    let instrument = Instrument {
        venue: Venue::new(&wire.venue).map_err(unreadable("venue"))?,
        symbol: wire.symbol.parse().map_err(unreadable("symbol"))?,
        venue_symbol: wire
            .venue_symbol
            .parse()
            .map_err(unreadable("venue_symbol"))?,
        kind: match wire.kind() {
            common::InstrumentKind::Spot => InstrumentKind::Spot,
            common::InstrumentKind::Perpetual => InstrumentKind::Perpetual,
            common::InstrumentKind::Unspecified => return Err(Unreadable { what: "kind" }),
        },
        form: ContractForm::Linear,
        base: asset(&wire.base_asset, "base_asset")?,
        quote: asset(&wire.quote_asset, "quote_asset")?,
        settle: asset(&wire.settle_asset, "settle_asset")?,
        tick_size,
        lot_size,
        price_scale: scale(tick_size)?,
        quantity_scale: scale(lot_size)?,
        min_quantity,
        max_quantity,
        market_lot: max_market.is_positive().then_some(MarketLot {
            lot_size,
            min_quantity,
            max_quantity: max_market,
        }),
        min_notional: min_notional.is_positive().then_some(min_notional),
        price_collar: None,
        min_price: None,
        max_price: None,
        contract_multiplier: optional(&wire.contract_multiplier, "contract_multiplier")
            .map(|value| if value.is_zero() { Decimal::ONE } else { value })?,
        status: match wire.status() {
            common::InstrumentStatus::Trading => InstrumentStatus::Trading,
            common::InstrumentStatus::CancelOnly => InstrumentStatus::CancelOnly,
            common::InstrumentStatus::Halted => InstrumentStatus::Halted,
            common::InstrumentStatus::Unspecified => InstrumentStatus::Unknown(String::new()),
        },
        version: wire.version,
    };
    instrument.check().map_err(unreadable("instrument"))?;
    Ok(instrument)
}

/// Returns the steps of an instrument.
pub(crate) const fn scale(instrument: &Instrument) -> Scale {
    Scale {
        tick_size: instrument.tick_size,
        lot_size: instrument.lot_size,
        version: instrument.version,
    }
}

/// Returns an order's report; `scale` has the version that the report names.
pub(crate) fn order_report(
    wire: &pb::OrderReport,
    scale: &Scale,
) -> Result<OrderReport, Unreadable> {
    let lots = |lots: i64| {
        scale
            .quantity(QuantityLots(lots))
            .map_err(unreadable("lots"))
    };
    let price = scale
        .price(PriceTicks(wire.price_ticks))
        .map_err(unreadable("price_ticks"))?;
    let quantity = lots(wire.quantity_lots)?;
    let filled = lots(wire.filled_lots)?;
    let status = match wire.status() {
        pb::ReportedStatus::New => ReportedStatus::New,
        pb::ReportedStatus::PartiallyFilled => ReportedStatus::PartiallyFilled,
        pb::ReportedStatus::Filled => ReportedStatus::Filled,
        pb::ReportedStatus::Cancelled => ReportedStatus::Cancelled,
        pb::ReportedStatus::Rejected => ReportedStatus::Rejected,
        pb::ReportedStatus::Expired => ReportedStatus::Expired,
        pb::ReportedStatus::PendingCancel => ReportedStatus::PendingCancel,
        pb::ReportedStatus::Unrecognised | pb::ReportedStatus::Unspecified => {
            ReportedStatus::Unknown(wire.status_text.clone())
        }
    };
    // A venue that says FILLED and states no quantity means all of it.
    let cumulative_filled =
        (status != ReportedStatus::Filled || !filled.is_zero()).then_some(filled);
    Ok(OrderReport {
        venue: Venue::new(&wire.venue).map_err(unreadable("venue"))?,
        account: Account::new(&wire.account).map_err(unreadable("account"))?,
        symbol: wire.symbol.parse().map_err(unreadable("symbol"))?,
        client_order_id: optional(&wire.client_order_id, "client_order_id")?,
        client_order_index: index(wire.client_order_index)?,
        cancel_client_order_id: None,
        venue_order_id: optional(&wire.venue_order_id, "venue_order_id")?,
        origin: origin(&wire.venue_cause, wire.client_order_index),
        status,
        status_text: wire.status_text.clone(),
        side: side(wire.side()),
        order_type: match wire.order_type() {
            common::OrderType::Limit => Some(OrderType::Limit),
            common::OrderType::Market => Some(OrderType::Market),
            common::OrderType::TrackingLimit | common::OrderType::Unspecified => None,
        },
        time_in_force: time_in_force(wire.time_in_force()),
        post_only: wire.post_only,
        reduce_only: wire.reduce_only,
        price: price.is_positive().then_some(price),
        quantity: quantity.is_positive().then_some(quantity),
        cumulative_filled,
        average_price: decimal(&wire.average_price, "average_price")?,
        reason: (!wire.reason.is_empty()).then(|| wire.reason.clone()),
        venue_time: wire.venue_time.as_ref().and_then(time),
        source: source(wire.source()),
        last_fill: None,
    })
}

/// Returns a fill.
pub(crate) fn fill(wire: &pb::Fill) -> Result<Fill, Unreadable> {
    let number = |text: &str, what| text.parse::<Decimal>().map_err(unreadable(what));
    let fee = wire.fee.as_ref().map(|fee| {
        Ok::<_, Unreadable>(Fee {
            asset: Asset::new(&fee.asset).map_err(unreadable("fee asset"))?,
            amount: number(&fee.amount, "fee amount")?,
        })
    });
    Ok(Fill {
        venue: Venue::new(&wire.venue).map_err(unreadable("venue"))?,
        account: Account::new(&wire.account).map_err(unreadable("account"))?,
        symbol: wire.symbol.parse().map_err(unreadable("symbol"))?,
        trade_id: wire.trade_id.parse().map_err(unreadable("trade_id"))?,
        venue_order_id: wire
            .venue_order_id
            .parse()
            .map_err(unreadable("venue_order_id"))?,
        client_order_id: optional(&wire.client_order_id, "client_order_id")?,
        client_order_index: index(wire.client_order_index)?,
        side: side(wire.side()).ok_or(Unreadable { what: "side" })?,
        position_side: PositionSide::Net,
        price: number(&wire.price, "price")?,
        quantity: number(&wire.quantity, "quantity")?,
        fee: fee.transpose()?,
        liquidity: match wire.liquidity() {
            common::Liquidity::Unspecified => None,
            common::Liquidity::Maker => Some(Liquidity::Maker),
            common::Liquidity::Taker => Some(Liquidity::Taker),
        },
        realized_pnl: decimal(&wire.realized_pnl, "realized_pnl")?,
        venue_time: wire
            .venue_time
            .as_ref()
            .and_then(time)
            .unwrap_or(UnixNanos::EPOCH),
        kind: match origin(&wire.venue_cause, 0) {
            OrderOrigin::Liquidation => FillKind::Liquidation,
            OrderOrigin::AutoDeleveraging => FillKind::AutoDeleveraging,
            OrderOrigin::Settlement => FillKind::Settlement,
            OrderOrigin::Ours | OrderOrigin::External => FillKind::Trade,
        },
        source: source(wire.source()),
    })
}

fn origin(cause: &str, index: i64) -> OrderOrigin {
    match cause {
        "LIQUIDATION" => OrderOrigin::Liquidation,
        "AUTO_DELEVERAGING" => OrderOrigin::AutoDeleveraging,
        "SETTLEMENT" => OrderOrigin::Settlement,
        _ if index > 0 => OrderOrigin::Ours,
        _ => OrderOrigin::External,
    }
}

fn index(wire: i64) -> Result<Option<ClientOrderIndex>, Unreadable> {
    match wire {
        0 => Ok(None),
        index => ClientOrderIndex::new(index)
            .map(Some)
            .map_err(unreadable("client_order_index")),
    }
}

fn optional<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<Option<T>, Unreadable> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(unreadable(what)),
    }
}

/// Returns a number that may be missing.
pub(crate) fn decimal(text: &str, what: &'static str) -> Result<Option<Decimal>, Unreadable> {
    optional(text, what)
}

/// Returns a side; nothing when it is not stated.
pub(crate) const fn side(wire: common::Side) -> Option<Side> {
    match wire {
        common::Side::Buy => Some(Side::Buy),
        common::Side::Sell => Some(Side::Sell),
        common::Side::Unspecified => None,
    }
}

/// Returns a lifetime; nothing when it is not stated.
pub(crate) const fn order_type(wire: common::OrderType) -> Option<OrderType> {
    match wire {
        common::OrderType::Limit => Some(OrderType::Limit),
        common::OrderType::Market => Some(OrderType::Market),
        common::OrderType::TrackingLimit | common::OrderType::Unspecified => None,
    }
}

pub(crate) const fn time_in_force(wire: common::TimeInForce) -> Option<TimeInForce> {
    match wire {
        common::TimeInForce::Gtc => Some(TimeInForce::Gtc),
        common::TimeInForce::Ioc => Some(TimeInForce::Ioc),
        common::TimeInForce::Fok => Some(TimeInForce::Fok),
        common::TimeInForce::Unspecified => None,
    }
}

const fn source(wire: pb::ReportSource) -> ReportSource {
    match wire {
        pb::ReportSource::Query => ReportSource::Rest,
        pb::ReportSource::Acknowledgement => ReportSource::Ack,
        // What does not say how it came is trusted least.
        pb::ReportSource::Stream | pb::ReportSource::Unspecified => ReportSource::Stream,
    }
}

/// Returns a point in time; nothing when it is before 1970 or not a time.
pub(crate) fn time(wire: &prost_types::Timestamp) -> Option<UnixNanos> {
    let seconds = u64::try_from(wire.seconds).ok()?;
    let nanos = u64::try_from(wire.nanos)
        .ok()
        .filter(|nanos| *nanos < 1_000_000_000)?;
    Some(UnixNanos::from_nanos(
        seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?,
    ))
}

/// Returns a span of time; nothing when it is negative.
pub(crate) fn duration(wire: &prost_types::Duration) -> Option<Duration> {
    let seconds = u64::try_from(wire.seconds).ok()?;
    let nanos = u32::try_from(wire.nanos)
        .ok()
        .filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(seconds, nanos))
}

fn reason(detail: Option<&pb::OutcomeDetail>) -> Reason {
    let Some(detail) = detail else {
        return Reason::none();
    };
    let code = if detail.venue_code.is_empty() {
        &detail.reason
    } else {
        &detail.venue_code
    };
    let message = if detail.venue_message.is_empty() {
        &detail.reason
    } else {
        &detail.venue_message
    };
    Reason::new(code, message)
}

/// Returns what became of a submission, as its answer says it.
pub(crate) fn submit_answer(
    outcome: pb::Outcome,
    detail: Option<&pb::OutcomeDetail>,
    report: Option<OrderReport>,
) -> SubmitAnswer {
    let reason = reason(detail);
    match outcome {
        pb::Outcome::Accepted => SubmitAnswer::Accepted(report.map(Box::new)),
        pb::Outcome::Rejected => SubmitAnswer::Rejected {
            reason,
            duplicate: detail.is_some_and(|detail| detail.duplicate_client_id),
        },
        pb::Outcome::NotSent => SubmitAnswer::NotSent {
            reason: Reason::new(detail.map_or("", |detail| &detail.reason), reason.message),
        },
        // NOT_FOUND is no answer to a submission; whatever is not clear is unknown.
        pb::Outcome::Unknown | pb::Outcome::Unspecified | pb::Outcome::NotFound => {
            SubmitAnswer::Unknown { reason }
        }
    }
}

/// Returns what became of a cancel request, as its answer says it.
pub(crate) fn cancel_answer(
    outcome: pb::Outcome,
    detail: Option<&pb::OutcomeDetail>,
    report: Option<OrderReport>,
) -> CancelAnswer {
    let reason = reason(detail);
    match outcome {
        pb::Outcome::Accepted => CancelAnswer::Accepted(report.map(Box::new)),
        pb::Outcome::Rejected => CancelAnswer::Rejected(reason),
        pb::Outcome::NotSent => CancelAnswer::NotSent(reason),
        pb::Outcome::NotFound => CancelAnswer::NotFound(reason),
        pb::Outcome::Unknown | pb::Outcome::Unspecified => CancelAnswer::Unknown(reason),
    }
}

/// Returns whether a failed call certainly left no byte at a venue: only a failure that says itself
/// that nothing was begun. Everything else leaves doubt, whatever its code or its words.
pub(crate) fn was_not_sent(status: &Status) -> bool {
    outcome_of(status) == Outcome::NotBegun
}

/// Returns the reason of a failed call.
pub(crate) fn failure(status: &Status) -> Reason {
    Reason::new(reason_of(status).unwrap_or_default(), status.message())
}
