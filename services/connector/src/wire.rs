//! The model's words as the contract's: reports in ticks and lots, everything else in decimal text.

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as pb;
use chimera_model::instrument::{InstrumentKind, InstrumentStatus};
use chimera_model::report::{
    BalanceReport, CashReport, Fill, FillKind, MarginReport, OrderOrigin, OrderReport,
    PositionReport, ReportSource, ReportedStatus,
};
use chimera_model::{Decimal, Instrument, Liquidity, OrderType, Side, TimeInForce, UnixNanos};

use crate::instruments::Instruments;
use crate::scale;

#[cfg(test)]
mod tests;

/// Longest text of a venue that is passed on, in characters.
const VENUE_TEXT_MAX: usize = 256;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// What every report of one connection shares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    /// When this process received it.
    pub received: UnixNanos,
    /// The generation of the private stream it came by, or that stood when it came.
    pub generation: u64,
}

/// A report about an instrument, or in numbers, that this process cannot state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    #[error("no instrument {0} is known")]
    UnknownInstrument(String),
    #[error("an order's {field} is no whole number of steps in any known version of {symbol}")]
    OffScale { symbol: String, field: &'static str },
}

/// Returns an order's report, scaled by the newest version of its instrument that states it
/// exactly: an order may have been placed before a tick changed (F68), and nothing is rounded.
pub(crate) fn order(
    report: &OrderReport,
    instruments: &Instruments,
    stamp: Stamp,
) -> Result<pb::OrderReport, WireError> {
    let mut refused = WireError::UnknownInstrument(report.symbol.to_string());
    let mut scaled = None;
    for instrument in instruments.versions(report.symbol) {
        match Scaled::of(report, instrument) {
            Ok(numbers) => {
                scaled = Some((numbers, instruments.version(instrument)));
                break;
            }
            Err(field) => {
                refused = WireError::OffScale {
                    symbol: report.symbol.to_string(),
                    field,
                };
            }
        }
    }
    let Some((numbers, instrument_version)) = scaled else {
        return Err(refused);
    };
    Ok(pb::OrderReport {
        venue: report.venue.to_string(),
        account: report.account.to_string(),
        symbol: report.symbol.to_string(),
        client_order_index: report.client_order_index.map_or(0, i64::from),
        client_order_id: text(report.client_order_id.as_ref()),
        venue_order_id: text(report.venue_order_id.as_ref()),
        status: reported_status(&report.status).into(),
        status_text: cut(&report.status_text),
        side: report.side.map_or(common::Side::Unspecified, side).into(),
        order_type: report
            .order_type
            .map_or(common::OrderType::Unspecified, order_type)
            .into(),
        time_in_force: report
            .time_in_force
            .map_or(common::TimeInForce::Unspecified, time_in_force)
            .into(),
        post_only: report.post_only,
        reduce_only: report.reduce_only,
        quantity_lots: numbers.quantity,
        price_ticks: numbers.price,
        filled_lots: numbers.filled,
        average_price: text(report.average_price.filter(|price| !price.is_zero())),
        instrument_version,
        reason: report.reason.as_deref().map(cut).unwrap_or_default(),
        venue_time: report.venue_time.map(timestamp),
        received_time: Some(timestamp(stamp.received)),
        source: source(report.source).into(),
        generation: stamp.generation,
        venue_cause: order_cause(report.origin).to_owned(),
    })
}

struct Scaled {
    price: i64,
    quantity: i64,
    filled: i64,
}

impl Scaled {
    /// Returns the numbers of a report, or the field that this version cannot state.
    fn of(report: &OrderReport, instrument: &Instrument) -> Result<Self, &'static str> {
        let lots = |value: Option<Decimal>, field| match value {
            Some(value) => scale::lots(instrument, value).map_err(|_| field),
            None => Ok(0),
        };
        let price = match report.price {
            Some(price) => scale::ticks(instrument, price).map_err(|_| "price")?,
            None => 0,
        };
        Ok(Self {
            price,
            quantity: lots(report.quantity, "quantity")?,
            filled: lots(report.cumulative_filled, "filled quantity")?,
        })
    }
}

/// Returns a fill; its numbers stay decimals, since venues fill between our ticks.
pub(crate) fn fill(fill: &Fill, stamp: Stamp) -> pb::Fill {
    pb::Fill {
        venue: fill.venue.to_string(),
        account: fill.account.to_string(),
        symbol: fill.symbol.to_string(),
        trade_id: fill.trade_id.to_string(),
        venue_order_id: fill.venue_order_id.to_string(),
        client_order_index: fill.client_order_index.map_or(0, i64::from),
        client_order_id: text(fill.client_order_id.as_ref()),
        side: side(fill.side).into(),
        price: fill.price.to_string(),
        quantity: fill.quantity.to_string(),
        fee: fill.fee.map(|fee| common::Fee {
            asset: fee.asset.to_string(),
            amount: fee.amount.to_string(),
        }),
        liquidity: fill
            .liquidity
            .map_or(common::Liquidity::Unspecified, liquidity)
            .into(),
        realized_pnl: text(fill.realized_pnl),
        venue_time: Some(timestamp(fill.venue_time)),
        received_time: Some(timestamp(stamp.received)),
        source: source(fill.source).into(),
        generation: stamp.generation,
        venue_cause: fill_cause(fill.kind).to_owned(),
    }
}

/// Returns a position.
pub(crate) fn position(report: &PositionReport, stamp: Stamp) -> pb::PositionReport {
    pb::PositionReport {
        venue: report.venue.to_string(),
        account: report.account.to_string(),
        symbol: report.symbol.to_string(),
        quantity: report.quantity.to_string(),
        entry_price: report.entry_price.unwrap_or(Decimal::ZERO).to_string(),
        mark_price: text(report.mark_price),
        unrealized_pnl: text(report.unrealized_pnl),
        leverage: text(report.leverage),
        venue_time: report.venue_time.map(timestamp),
        received_time: Some(timestamp(stamp.received)),
        source: source(report.source).into(),
    }
}

/// Returns a balance.
pub(crate) fn balance(report: &BalanceReport, stamp: Stamp) -> pb::BalanceReport {
    pb::BalanceReport {
        asset: report.asset.to_string(),
        total: report.total.to_string(),
        available: text(report.available),
        venue_time: report.venue_time.map(timestamp),
        received_time: Some(timestamp(stamp.received)),
    }
}

/// Returns the margin of an account.
pub(crate) fn margin(report: &MarginReport, stamp: Stamp) -> pb::MarginReport {
    pb::MarginReport {
        venue: report.venue.to_string(),
        account: report.account.to_string(),
        asset: text(report.asset),
        wallet_balance: report.wallet_balance.to_string(),
        margin_balance: report.equity.to_string(),
        available: report.available.to_string(),
        initial_margin: report.initial_margin.to_string(),
        maintenance_margin: report.maintenance_margin.to_string(),
        unrealized_pnl: report.unrealized_pnl.to_string(),
        venue_time: report.venue_time.map(timestamp),
        received_time: Some(timestamp(stamp.received)),
    }
}

/// Returns a movement of cash.
pub(crate) fn cash(report: &CashReport) -> pb::CashEvent {
    pb::CashEvent {
        venue: report.venue.to_string(),
        account: report.account.to_string(),
        kind: cut(&report.kind_text),
        asset: report.asset.to_string(),
        amount: report.amount.to_string(),
        venue_time: Some(timestamp(report.venue_time)),
    }
}

/// Returns an instrument with its rules.
pub(crate) fn instrument(instrument: &Instrument, version: u64) -> common::Instrument {
    let kind = match instrument.kind {
        InstrumentKind::Spot => common::InstrumentKind::Spot,
        InstrumentKind::Perpetual => common::InstrumentKind::Perpetual,
    };
    let status = match instrument.status {
        InstrumentStatus::Trading => common::InstrumentStatus::Trading,
        InstrumentStatus::CancelOnly => common::InstrumentStatus::CancelOnly,
        InstrumentStatus::Halted | InstrumentStatus::PreTrading | InstrumentStatus::Closed => {
            common::InstrumentStatus::Halted
        }
        InstrumentStatus::Unknown(_) => common::InstrumentStatus::Unspecified,
    };
    let market = instrument.market_lot;
    common::Instrument {
        venue: instrument.venue.to_string(),
        symbol: instrument.symbol.to_string(),
        venue_symbol: instrument.venue_symbol.to_string(),
        kind: kind.into(),
        base_asset: instrument.base.to_string(),
        quote_asset: instrument.quote.to_string(),
        settle_asset: instrument.settle.to_string(),
        tick_size: instrument.tick_size.to_string(),
        lot_size: instrument.lot_size.to_string(),
        min_quantity: instrument.min_quantity.to_string(),
        max_quantity: instrument.max_quantity.to_string(),
        max_market_quantity: market
            .map_or(instrument.max_quantity, |lot| lot.max_quantity)
            .to_string(),
        min_notional: instrument.min_notional.unwrap_or(Decimal::ZERO).to_string(),
        contract_multiplier: instrument.contract_multiplier.to_string(),
        status: status.into(),
        version,
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

/// Returns a signed span of nanoseconds.
pub(crate) fn signed_duration(nanos: i64) -> prost_types::Duration {
    prost_types::Duration {
        seconds: nanos / NANOS_PER_SECOND as i64,
        nanos: (nanos % NANOS_PER_SECOND as i64) as i32,
    }
}

/// Returns a span of time; the longest that can be stated when it is longer.
pub(crate) fn duration(duration: std::time::Duration) -> prost_types::Duration {
    signed_duration(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}

/// Returns a venue's words, printable and cut to what is passed on (H54).
pub(crate) fn cut(words: &str) -> String {
    let printable = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(VENUE_TEXT_MAX).collect()
}

pub(crate) fn side(side: Side) -> common::Side {
    match side {
        Side::Buy => common::Side::Buy,
        Side::Sell => common::Side::Sell,
    }
}

pub(crate) fn order_type(order_type: OrderType) -> common::OrderType {
    match order_type {
        OrderType::Limit => common::OrderType::Limit,
        OrderType::Market => common::OrderType::Market,
    }
}

pub(crate) fn time_in_force(time_in_force: TimeInForce) -> common::TimeInForce {
    match time_in_force {
        TimeInForce::Gtc => common::TimeInForce::Gtc,
        TimeInForce::Ioc => common::TimeInForce::Ioc,
        TimeInForce::Fok => common::TimeInForce::Fok,
    }
}

fn liquidity(liquidity: Liquidity) -> common::Liquidity {
    match liquidity {
        Liquidity::Maker => common::Liquidity::Maker,
        Liquidity::Taker => common::Liquidity::Taker,
    }
}

fn source(source: ReportSource) -> pb::ReportSource {
    match source {
        ReportSource::Stream => pb::ReportSource::Stream,
        ReportSource::Rest => pb::ReportSource::Query,
        ReportSource::Ack => pb::ReportSource::Acknowledgement,
    }
}

fn reported_status(status: &ReportedStatus) -> pb::ReportedStatus {
    match status {
        ReportedStatus::New => pb::ReportedStatus::New,
        ReportedStatus::PartiallyFilled => pb::ReportedStatus::PartiallyFilled,
        ReportedStatus::Filled => pb::ReportedStatus::Filled,
        ReportedStatus::Cancelled => pb::ReportedStatus::Cancelled,
        ReportedStatus::Rejected => pb::ReportedStatus::Rejected,
        ReportedStatus::Expired => pb::ReportedStatus::Expired,
        ReportedStatus::PendingCancel => pb::ReportedStatus::PendingCancel,
        ReportedStatus::Unknown(_) => pb::ReportedStatus::Unrecognised,
    }
}

fn order_cause(origin: OrderOrigin) -> &'static str {
    match origin {
        OrderOrigin::Ours | OrderOrigin::External => "",
        OrderOrigin::Liquidation => "LIQUIDATION",
        OrderOrigin::AutoDeleveraging => "AUTO_DELEVERAGING",
        OrderOrigin::Settlement => "SETTLEMENT",
    }
}

fn fill_cause(kind: FillKind) -> &'static str {
    match kind {
        FillKind::Trade => "",
        FillKind::Liquidation => "LIQUIDATION",
        FillKind::AutoDeleveraging => "AUTO_DELEVERAGING",
        FillKind::Settlement => "SETTLEMENT",
    }
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
