//! Orders and fills: theirs to ours.

use std::sync::Arc;

use chimera_model::account::PositionSide;
use chimera_model::report::{
    Fee, Fill, FillKind, OrderOrigin, OrderReport, ReportSource, ReportedStatus,
};
use chimera_model::{
    Asset, ClientOrderId, Decimal, Instrument, Liquidity, OrderType, Rounding, Side, TimeInForce,
    TradeId, UnixNanos, VenueOrderId,
};

use super::{VENUE, client_id, wire_order as wire, wire_time};
use crate::account::AccountContext;
use crate::checked::{not_negative, positive};
use crate::echo::Echo;
use crate::error::{ErrorClass, VenueError, printable};
use crate::wire_value::{Number, Whole, some};

/// Decimals of an average that is computed here: below any tick.
const AVERAGE_DECIMALS: u32 = 12;

/// Maps what the venue says of one account.
#[derive(Debug, Clone)]
pub(super) struct Mapper {
    pub(super) context: AccountContext,
}

impl Mapper {
    /// Returns the instrument of their symbol, or an error of class `Unmapped` that names it.
    pub(super) fn instrument(&self, symbol: &str) -> Result<&Arc<Instrument>, VenueError> {
        self.context
            .instruments
            .by_venue_symbol(symbol)
            .ok_or_else(|| {
                let detail = format!("no instrument {symbol:?} is known");
                VenueError::new(ErrorClass::Unmapped, detail)
            })
    }

    /// Maps an order as requests answer it. They name the time it was made, not that of its
    /// state.
    pub(super) fn order(
        &self,
        order: &wire::Order<'_>,
        source: ReportSource,
    ) -> Result<OrderReport, VenueError> {
        let instrument = self.instrument(&order.symbol)?;
        let id = order.client_id.map(client_text);
        let filled = quantity(order.executed_quantity)?;
        let system = order.system_order_type.as_deref();
        Ok(OrderReport {
            venue: VENUE,
            account: self.context.account,
            symbol: instrument.symbol,
            client_order_id: client_order_id(id.as_deref())?,
            client_order_index: id.as_deref().and_then(client_id::decode),
            cancel_client_order_id: None,
            venue_order_id: Some(VenueOrderId::new(&order.id)?),
            origin: system_origin(system).unwrap_or_else(|| client_id::origin(id.as_deref())),
            status: status(&order.status),
            status_text: printable(&order.status),
            side: side(&order.side),
            order_type: order_type(&order.order_type),
            time_in_force: time_in_force(&order.time_in_force),
            post_only: order.post_only.is_some_and(|post_only| post_only.0),
            reduce_only: order.reduce_only.is_some_and(|reduce_only| reduce_only.0),
            price: order.price.and_then(some),
            quantity: quantity(order.quantity)?,
            cumulative_filled: filled,
            average_price: average(order.executed_quote_quantity, filled)?,
            reason: order.expiry_reason.as_deref().or(system).map(printable),
            venue_time: None,
            source,
            last_fill: None,
        })
    }

    /// Returns what is known of an order whose cancel was taken and is not yet done: that, and no
    /// more (F18).
    pub(super) fn cancelling(&self, instrument: &Instrument, key: &Echo) -> OrderReport {
        let (client, venue) = match key {
            Echo::Client(id) => (Some(id.clone()), None),
            Echo::Venue(id) => (None, Some(id.clone())),
        };
        let text = client.as_ref().map(ClientOrderId::as_str);
        OrderReport {
            venue: VENUE,
            account: self.context.account,
            symbol: instrument.symbol,
            client_order_index: text.and_then(client_id::decode),
            origin: client_id::origin(text),
            client_order_id: client,
            cancel_client_order_id: None,
            venue_order_id: venue,
            status: ReportedStatus::PendingCancel,
            status_text: "accepted, not yet executed".to_owned(),
            side: None,
            order_type: None,
            time_in_force: None,
            post_only: false,
            reduce_only: false,
            price: None,
            quantity: None,
            cumulative_filled: None,
            average_price: None,
            reason: None,
            venue_time: None,
            source: ReportSource::Ack,
            last_fill: None,
        }
    }

    /// Maps an order as the private stream tells it, with the fill that caused the frame.
    pub(super) fn order_event(
        &self,
        order: &wire::OrderFrame<'_>,
    ) -> Result<OrderReport, VenueError> {
        let instrument = self.instrument(&order.symbol)?;
        let id = order.client_id.map(client_text);
        let filled = quantity(order.filled_quantity)?;
        let origin = frame_origin(order.origin.as_deref(), id.as_deref());
        Ok(OrderReport {
            venue: VENUE,
            account: self.context.account,
            symbol: instrument.symbol,
            client_order_id: client_order_id(id.as_deref())?,
            client_order_index: id.as_deref().and_then(client_id::decode),
            cancel_client_order_id: None,
            venue_order_id: Some(VenueOrderId::new(&order.order_id)?),
            origin,
            status: status(&order.status),
            status_text: printable(&order.status),
            side: side(&order.side),
            order_type: order_type(&order.order_type),
            time_in_force: time_in_force(&order.time_in_force),
            post_only: order.post_only.unwrap_or(false),
            reduce_only: order.reduce_only.unwrap_or(false),
            price: order.price.and_then(some),
            quantity: quantity(order.quantity)?,
            cumulative_filled: filled,
            average_price: average(order.filled_quote, filled)?,
            reason: order.expiry_reason.as_deref().map(printable),
            venue_time: Some(wire_time::own_micros(order.time)?),
            source: ReportSource::Stream,
            last_fill: self.event_fill(order, instrument, id.as_deref(), origin)?,
        })
    }

    /// Only executions that move quantity are fills (F41).
    fn event_fill(
        &self,
        order: &wire::OrderFrame<'_>,
        instrument: &Instrument,
        id: Option<&str>,
        origin: OrderOrigin,
    ) -> Result<Option<Fill>, VenueError> {
        if order.event != "orderFill" {
            return Ok(None);
        }
        let missing = || VenueError::unreadable("a fill without price or quantity");
        let price = positive(order.last_price.ok_or_else(missing)?.0)?;
        let quantity = positive(order.last_quantity.ok_or_else(missing)?.0)?;
        let time = wire_time::own_micros(order.time)?;
        Ok(Some(Fill {
            venue: VENUE,
            account: self.context.account,
            symbol: instrument.symbol,
            trade_id: trade_id(order.trade_id, &order.order_id, time, price, quantity)?,
            venue_order_id: VenueOrderId::new(&order.order_id)?,
            client_order_id: client_order_id(id)?,
            client_order_index: id.and_then(client_id::decode),
            side: known_side(&order.side)?,
            position_side: PositionSide::Net,
            price,
            quantity,
            fee: order
                .fee
                .zip(order.fee_symbol.as_deref())
                .and_then(|(amount, asset)| fee(amount, asset)),
            liquidity: order.maker.map(liquidity),
            realized_pnl: None,
            venue_time: time,
            kind: fill_kind(origin),
            source: ReportSource::Stream,
        }))
    }

    /// Maps a fill of the history. A fee in an asset without a name of ours is left to the caller
    /// to report (F70).
    pub(super) fn fill(&self, fill: &wire::Fill<'_>) -> Result<Fill, VenueError> {
        let instrument = self.instrument(&fill.symbol)?;
        let id = fill.client_id.map(client_text);
        let system = fill.system_order_type.as_deref();
        let origin = system_origin(system).unwrap_or_else(|| client_id::origin(id.as_deref()));
        let (price, quantity) = (positive(fill.price.0)?, positive(fill.quantity.0)?);
        let time = wire_time::own_date(&fill.timestamp)?;
        Ok(Fill {
            venue: VENUE,
            account: self.context.account,
            symbol: instrument.symbol,
            trade_id: trade_id(fill.trade_id, &fill.order_id, time, price, quantity)?,
            venue_order_id: VenueOrderId::new(&fill.order_id)?,
            client_order_id: client_order_id(id.as_deref())?,
            client_order_index: id.as_deref().and_then(client_id::decode),
            side: known_side(&fill.side)?,
            position_side: PositionSide::Net,
            price,
            quantity,
            fee: fee(fill.fee, &fill.fee_symbol),
            liquidity: Some(liquidity(fill.maker)),
            realized_pnl: None,
            venue_time: time,
            kind: fill_kind(origin),
            source: ReportSource::Rest,
        })
    }
}

/// Returns the key of a trade. Fills of the venue's own orders may have no id, or zero until
/// 2025-11-12: what is known of them stands in for it, the same in frames and in answers, so that
/// none is counted twice and none hides another.
fn trade_id(
    id: Option<Whole>,
    order: &str,
    time: UnixNanos,
    price: Decimal,
    quantity: Decimal,
) -> Result<TradeId, VenueError> {
    let text = match id {
        Some(id) if id.0 != 0 => id.0.to_string(),
        _ => format!("{order}/{}/{price}/{quantity}", time.as_millis()),
    };
    Ok(TradeId::new(&text)?)
}

fn client_text(id: Whole) -> String {
    id.0.to_string()
}

fn client_order_id(text: Option<&str>) -> Result<Option<ClientOrderId>, VenueError> {
    Ok(text.map(ClientOrderId::new).transpose()?)
}

fn quantity(number: Option<Number>) -> Result<Option<Decimal>, VenueError> {
    number.map(|number| not_negative(number.0)).transpose()
}

/// They tell the sum in the quote; the average is that by what has filled.
fn average(quote: Option<Number>, filled: Option<Decimal>) -> Result<Option<Decimal>, VenueError> {
    let (Some(quote), Some(filled)) = (quote.and_then(some), filled) else {
        return Ok(None);
    };
    if filled.is_zero() {
        return Ok(None);
    }
    quote
        .div_round(filled, AVERAGE_DECIMALS, Rounding::HalfEven)
        .map(Some)
        .map_err(|error| VenueError::unreadable(format!("average price: {error}")))
}

fn fee(amount: Number, asset: &str) -> Option<Fee> {
    let asset = Asset::new(asset).ok()?;
    let amount = amount.0;
    Some(Fee { asset, amount })
}

/// Schema `OrderStatus`. What triggers is of order kinds that are not placed here.
fn status(text: &str) -> ReportedStatus {
    match text {
        "New" => ReportedStatus::New,
        "PartiallyFilled" => ReportedStatus::PartiallyFilled,
        "Filled" => ReportedStatus::Filled,
        "Cancelled" => ReportedStatus::Cancelled,
        "Expired" => ReportedStatus::Expired,
        other => ReportedStatus::Unknown(printable(other)),
    }
}

/// Answers write `Limit`, frames `LIMIT`.
fn order_type(text: &str) -> Option<OrderType> {
    match text {
        "Limit" | "LIMIT" => Some(OrderType::Limit),
        "Market" | "MARKET" => Some(OrderType::Market),
        _ => None,
    }
}

fn time_in_force(text: &str) -> Option<TimeInForce> {
    match text {
        "GTC" => Some(TimeInForce::Gtc),
        "IOC" => Some(TimeInForce::Ioc),
        "FOK" => Some(TimeInForce::Fok),
        _ => None,
    }
}

/// Schema `SystemOrderType`: the venue's own orders (F55).
fn system_origin(text: Option<&str>) -> Option<OrderOrigin> {
    match text? {
        "LiquidatePositionOnBook" | "LiquidatePositionOnBackstop" | "CollateralConversion" => {
            Some(OrderOrigin::Liquidation)
        }
        "LiquidatePositionOnAdl" => Some(OrderOrigin::AutoDeleveraging),
        "FutureExpiry" | "OrderBookClosed" => Some(OrderOrigin::Settlement),
        _ => Some(OrderOrigin::External),
    }
}

/// Section `Order update`: the origin of a frame. Whatever is not the user's is the venue's.
fn frame_origin(origin: Option<&str>, id: Option<&str>) -> OrderOrigin {
    match origin {
        Some("LIQUIDATION_AUTOCLOSE" | "BACKSTOP_LIQUIDITY_PROVIDER" | "COLLATERAL_CONVERSION") => {
            OrderOrigin::Liquidation
        }
        Some("ADL_AUTOCLOSE") => OrderOrigin::AutoDeleveraging,
        Some("SETTLEMENT_AUTOCLOSE") => OrderOrigin::Settlement,
        _ => client_id::origin(id),
    }
}

const fn fill_kind(origin: OrderOrigin) -> FillKind {
    match origin {
        OrderOrigin::Ours | OrderOrigin::External => FillKind::Trade,
        OrderOrigin::Liquidation => FillKind::Liquidation,
        OrderOrigin::AutoDeleveraging => FillKind::AutoDeleveraging,
        OrderOrigin::Settlement => FillKind::Settlement,
    }
}

fn side(text: &str) -> Option<Side> {
    match text {
        "Bid" => Some(Side::Buy),
        "Ask" => Some(Side::Sell),
        _ => None,
    }
}

/// A fill of an unknown side moves a position nobody knows which way: it is refused (H55).
fn known_side(text: &str) -> Result<Side, VenueError> {
    side(text).ok_or_else(|| VenueError::unreadable(format!("unknown side {text:?} of a fill")))
}

const fn liquidity(maker: bool) -> Liquidity {
    if maker {
        Liquidity::Maker
    } else {
        Liquidity::Taker
    }
}
