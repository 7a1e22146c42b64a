//! Orders and fills: theirs to ours.

use std::sync::Arc;

use chimera_model::account::PositionSide;
use chimera_model::report::{Fee, Fill, OrderOrigin, OrderReport, ReportSource, ReportedStatus};
use chimera_model::{
    Asset, ClientOrderId, Decimal, Instrument, Liquidity, OrderType, Side, TimeInForce, TradeId,
    UnixNanos, VenueOrderId,
};

use super::{VENUE, client_id, wire_event, wire_order};
use crate::account::AccountContext;
use crate::checked::{not_negative, positive};
use crate::client_id::ClientIdPrefix;
use crate::error::{ErrorClass, VenueError, printable};
use crate::wire_value::{Number, Whole, some};

/// Maps what the venue says of one account.
#[derive(Debug, Clone)]
pub(super) struct Mapper {
    pub(super) context: AccountContext,
    pub(super) prefix: ClientIdPrefix,
}

/// What their order type and lifetime are in our words; what is not ours is `None`.
struct Form {
    order_type: Option<OrderType>,
    time_in_force: Option<TimeInForce>,
    post_only: bool,
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

    /// Maps an order as requests answer it.
    pub(super) fn order(
        &self,
        order: &wire_order::Order<'_>,
        source: ReportSource,
    ) -> Result<OrderReport, VenueError> {
        let instrument = self.instrument(&order.symbol)?;
        let id = &*order.client_order_id;
        let form = form(&order.order_type, &order.time_in_force);
        let (status, reason) = status(&order.status);
        let filled = not_negative(order.executed_quantity.0)?;
        Ok(OrderReport {
            venue: VENUE,
            account: self.context.account,
            symbol: instrument.symbol,
            client_order_id: client_order_id(id)?,
            client_order_index: client_id::decode(&self.prefix, id),
            cancel_client_order_id: None,
            venue_order_id: Some(venue_order_id(order.order_id)?),
            origin: client_id::origin(&self.prefix, id),
            status,
            status_text: printable(&order.status),
            side: side(&order.side),
            order_type: form.order_type,
            time_in_force: form.time_in_force,
            post_only: form.post_only,
            reduce_only: order.reduce_only.is_some_and(|reduce_only| reduce_only.0),
            price: some(order.price),
            quantity: Some(not_negative(order.quantity.0)?),
            cumulative_filled: Some(filled),
            average_price: average(order.average_price, filled),
            reason,
            venue_time: order.update_time.and_then(time),
            source,
            last_fill: None,
        })
    }

    /// Maps an order as the private stream tells it, with the fill that caused the frame.
    pub(super) fn order_event(
        &self,
        order: &wire_event::OrderOfFrame<'_>,
        event_time: Whole,
    ) -> Result<OrderReport, VenueError> {
        let instrument = self.instrument(&order.symbol)?;
        let original = order
            .original_client_order_id
            .as_deref()
            .filter(|id| !id.is_empty());
        let id = original.unwrap_or(&order.client_order_id);
        let cancel = original.is_some().then_some(&*order.client_order_id);
        let form = form(&order.order_type, &order.time_in_force);
        let (status, text) = status(&order.status);
        let expiry = order.expiry_reason.filter(|reason| reason.0 != 0);
        let filled = not_negative(order.filled_quantity.0)?;
        Ok(OrderReport {
            venue: VENUE,
            account: self.context.account,
            symbol: instrument.symbol,
            client_order_id: client_order_id(id)?,
            client_order_index: client_id::decode(&self.prefix, id),
            cancel_client_order_id: cancel.map(client_order_id).transpose()?.flatten(),
            venue_order_id: Some(venue_order_id(order.order_id)?),
            origin: client_id::origin(&self.prefix, id),
            status,
            status_text: printable(&order.status),
            side: side(&order.side),
            order_type: form.order_type,
            time_in_force: form.time_in_force,
            post_only: form.post_only,
            reduce_only: order.reduce_only.0,
            price: some(order.price),
            quantity: Some(not_negative(order.quantity.0)?),
            cumulative_filled: Some(filled),
            average_price: average(order.average_price, filled),
            reason: expiry
                .map(|reason| format!("expiry reason {}", reason.0))
                .or(text),
            venue_time: Some(UnixNanos::from_millis(event_time.0)?),
            source: ReportSource::Stream,
            last_fill: self.event_fill(order, instrument, id)?,
        })
    }

    /// Only executions that move quantity are fills (F41): trades, and `CALCULATED`, which is the
    /// venue's word for the execution of a liquidation.
    fn event_fill(
        &self,
        order: &wire_event::OrderOfFrame<'_>,
        instrument: &Instrument,
        id: &str,
    ) -> Result<Option<Fill>, VenueError> {
        if !matches!(&*order.execution, "TRADE" | "CALCULATED") || order.last_quantity.0.is_zero() {
            return Ok(None);
        }
        let origin = client_id::origin(&self.prefix, id);
        let fee = order
            .fee_asset
            .as_deref()
            .zip(order.fee)
            .and_then(|(asset, amount)| {
                Some(Fee {
                    asset: Asset::new(asset).ok()?,
                    amount: amount.0,
                })
            });
        Ok(Some(Fill {
            venue: VENUE,
            account: self.context.account,
            symbol: instrument.symbol,
            trade_id: TradeId::new(&order.trade_id.0.to_string())?,
            venue_order_id: venue_order_id(order.order_id)?,
            client_order_id: client_order_id(id)?,
            client_order_index: client_id::decode(&self.prefix, id),
            side: known_side(&order.side)?,
            position_side: position_side(order.position_side.as_deref())?,
            price: positive(order.last_price.0)?,
            quantity: positive(order.last_quantity.0)?,
            fee,
            liquidity: Some(liquidity(order.maker.0)),
            realized_pnl: order.realized_pnl.map(|pnl| pnl.0),
            venue_time: UnixNanos::from_millis(order.trade_time.0)?,
            kind: event_kind(&order.execution, origin),
            source: ReportSource::Stream,
        }))
    }

    /// Maps a trade of the account. It does not name the client id; the order's id ties them. A
    /// fee in an asset without a name of ours is left to the caller to report (F70).
    pub(super) fn trade(&self, trade: &wire_order::AccountTrade<'_>) -> Result<Fill, VenueError> {
        let instrument = self.instrument(&trade.symbol)?;
        Ok(Fill {
            venue: VENUE,
            account: self.context.account,
            symbol: instrument.symbol,
            trade_id: TradeId::new(&trade.id.0.to_string())?,
            venue_order_id: venue_order_id(trade.order_id)?,
            client_order_id: None,
            client_order_index: None,
            side: known_side(&trade.side)?,
            position_side: position_side(trade.position_side.as_deref())?,
            price: positive(trade.price.0)?,
            quantity: positive(trade.quantity.0)?,
            fee: Asset::new(&trade.commission_asset).ok().map(|asset| Fee {
                asset,
                amount: trade.commission.0,
            }),
            liquidity: Some(liquidity(trade.maker.0)),
            realized_pnl: trade.realized_pnl.map(|pnl| pnl.0),
            venue_time: UnixNanos::from_millis(trade.time.0)?,
            kind: client_id::fill_kind(OrderOrigin::External),
            source: ReportSource::Rest,
        })
    }
}

/// Returns which position is meant; frames of one-way accounts of old do not say.
pub(super) fn position_side(text: Option<&str>) -> Result<PositionSide, VenueError> {
    match text {
        None | Some("BOTH") => Ok(PositionSide::Net),
        Some("LONG") => Ok(PositionSide::Long),
        Some("SHORT") => Ok(PositionSide::Short),
        Some(other) => Err(VenueError::unreadable(format!(
            "unknown position side {other:?}"
        ))),
    }
}

/// Returns a time; zero stands for "never".
pub(super) fn time(millis: Whole) -> Option<UnixNanos> {
    UnixNanos::from_millis(millis.0).ok()
}

fn event_kind(execution: &str, origin: OrderOrigin) -> chimera_model::report::FillKind {
    let origin = match (execution, origin) {
        ("CALCULATED", OrderOrigin::Ours | OrderOrigin::External) => OrderOrigin::Liquidation,
        (_, origin) => origin,
    };
    client_id::fill_kind(origin)
}

/// Page `common-definition`
fn status(text: &str) -> (ReportedStatus, Option<String>) {
    let status = match text {
        "NEW" => ReportedStatus::New,
        "PARTIALLY_FILLED" => ReportedStatus::PartiallyFilled,
        "FILLED" => ReportedStatus::Filled,
        "CANCELED" => ReportedStatus::Cancelled,
        "REJECTED" => ReportedStatus::Rejected,
        "EXPIRED" => ReportedStatus::Expired,
        // Self-trade prevention (F32).
        "EXPIRED_IN_MATCH" => {
            return (ReportedStatus::Expired, Some("EXPIRED_IN_MATCH".to_owned()));
        }
        "PENDING_CANCEL" => ReportedStatus::PendingCancel,
        other => ReportedStatus::Unknown(printable(other)),
    };
    (status, None)
}

fn form(order_type: &str, time_in_force: &str) -> Form {
    Form {
        order_type: match order_type {
            "LIMIT" => Some(OrderType::Limit),
            "MARKET" => Some(OrderType::Market),
            _ => None,
        },
        time_in_force: match time_in_force {
            "GTC" | "GTX" => Some(TimeInForce::Gtc),
            "IOC" => Some(TimeInForce::Ioc),
            "FOK" => Some(TimeInForce::Fok),
            _ => None,
        },
        post_only: time_in_force == "GTX",
    }
}

fn side(text: &str) -> Option<Side> {
    match text {
        "BUY" => Some(Side::Buy),
        "SELL" => Some(Side::Sell),
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

fn client_order_id(text: &str) -> Result<Option<ClientOrderId>, VenueError> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(ClientOrderId::new(text)?))
}

fn venue_order_id(id: Whole) -> Result<VenueOrderId, VenueError> {
    Ok(VenueOrderId::new(&id.0.to_string())?)
}

/// An average without fills is written as zero.
fn average(price: Option<Number>, filled: Decimal) -> Option<Decimal> {
    if filled.is_zero() {
        None
    } else {
        price.and_then(some)
    }
}
