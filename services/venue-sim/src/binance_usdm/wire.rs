//! Answers about orders, accounts and positions, field by field as the venue writes them.
//!
//! See <https://developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api>.

use rust_decimal::Decimal;
use serde::Serialize;

use super::error::ApiError;
use super::format;
use super::words;
use crate::account::Position;
use crate::engine::AccountId;
use crate::exchange::{Exchange, Fill, Instrument, InstrumentId, Order};

/// An order; `cumQty` only where it was just placed or cancelled, `time` only where it was read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderAnswer {
    order_id: u64,
    symbol: String,
    status: &'static str,
    client_order_id: String,
    price: String,
    avg_price: String,
    orig_qty: String,
    executed_qty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cum_qty: Option<String>,
    cum_quote: String,
    time_in_force: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    reduce_only: bool,
    close_position: bool,
    side: &'static str,
    position_side: &'static str,
    stop_price: String,
    working_type: &'static str,
    price_protect: bool,
    orig_type: &'static str,
    price_match: &'static str,
    self_trade_prevention_mode: &'static str,
    good_till_date: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<u64>,
    update_time: u64,
}

/// What became of one order of a batch.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Each {
    /// It is as it says.
    Done(Box<OrderAnswer>),
    /// It was refused.
    Refused {
        /// The venue's code.
        code: i64,
        /// The venue's text.
        msg: String,
    },
}

impl From<Result<OrderAnswer, ApiError>> for Each {
    fn from(done: Result<OrderAnswer, ApiError>) -> Self {
        match done {
            Ok(order) => Self::Done(Box::new(order)),
            Err(error) => Self::Refused {
                code: error.code,
                msg: error.message,
            },
        }
    }
}

impl OrderAnswer {
    /// The answer to a request that changed the order.
    pub fn changed(instrument: &Instrument, order: &Order) -> Self {
        let executed = format::quantity(instrument, order.executed);
        Self {
            cum_qty: Some(executed),
            ..Self::new(instrument, order)
        }
    }

    /// The answer to a request that read the order.
    pub fn read(instrument: &Instrument, order: &Order) -> Self {
        Self {
            time: Some(order.created_ms),
            ..Self::new(instrument, order)
        }
    }

    /// The answer of an order as it was taken, before anything traded.
    pub fn acknowledged(instrument: &Instrument, order: &Order) -> Self {
        let mut taken = order.clone();
        taken.executed = crate::engine::Quantity::ZERO;
        taken.executed_quote = Decimal::ZERO;
        taken.status = crate::exchange::OrderStatus::New;
        taken.updated_ms = order.created_ms;
        Self::changed(instrument, &taken)
    }

    fn new(instrument: &Instrument, order: &Order) -> Self {
        let terms = &order.terms;
        Self {
            order_id: order.id,
            symbol: instrument.symbol.clone(),
            status: words::status(order.status),
            client_order_id: terms.client_id.clone(),
            price: format::price(instrument, terms.price.unwrap_or_default()),
            avg_price: format::average(instrument, order),
            orig_qty: format::quantity(instrument, terms.quantity),
            executed_qty: format::quantity(instrument, order.executed),
            cum_qty: None,
            cum_quote: format::quote(instrument, order.executed_quote),
            time_in_force: words::time_in_force(terms),
            kind: words::kind(terms.kind),
            reduce_only: terms.reduce_only,
            close_position: false,
            side: words::side(terms.side),
            position_side: "BOTH",
            stop_price: format::price(instrument, crate::engine::Price::ZERO),
            working_type: "CONTRACT_PRICE",
            price_protect: false,
            orig_type: words::kind(terms.kind),
            price_match: "NONE",
            self_trade_prevention_mode: words::self_trade(terms.self_trade),
            good_till_date: terms.expires_ms.unwrap_or(0),
            time: None,
            update_time: order.updated_ms,
        }
    }
}

/// One of the account's trades.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FillAnswer {
    symbol: String,
    id: u64,
    order_id: u64,
    side: &'static str,
    price: String,
    qty: String,
    realized_pnl: String,
    margin_asset: String,
    quote_qty: String,
    commission: String,
    commission_asset: String,
    time: u64,
    position_side: &'static str,
    buyer: bool,
    maker: bool,
}

impl FillAnswer {
    /// The answer of one fill.
    pub fn new(instrument: &Instrument, fill: &Fill) -> Self {
        let quote = crate::engine::notional(fill.price, fill.quantity);
        Self {
            symbol: instrument.symbol.clone(),
            id: fill.trade,
            order_id: fill.order,
            side: words::side(fill.side),
            price: format::price(instrument, fill.price),
            qty: format::quantity(instrument, fill.quantity),
            realized_pnl: format::money(fill.realised),
            margin_asset: instrument.quote.clone(),
            quote_qty: format::quote(instrument, quote),
            commission: format::money(fill.fee),
            commission_asset: instrument.quote.clone(),
            time: fill.time_ms,
            position_side: "BOTH",
            buyer: fill.side == crate::engine::Side::Buy,
            maker: fill.maker,
        }
    }
}

/// What the venue derives of one position, as text.
#[derive(Debug)]
pub(crate) struct PositionView {
    pub amount: String,
    pub entry: String,
    pub break_even: String,
    pub mark: String,
    pub unrealised: String,
    pub liquidation: String,
    pub notional: String,
    pub initial: String,
    pub maintenance: String,
    pub position_initial: String,
    pub order_initial: String,
    pub bids: String,
    pub asks: String,
    pub leverage: u32,
    pub max_notional: String,
    pub updated_ms: u64,
}

impl PositionView {
    /// Derives the view of one instrument.
    pub fn new(exchange: &Exchange, account: AccountId, id: InstrumentId) -> Self {
        let instrument = exchange.instrument(id);
        let position = exchange.account(account).position(id);
        let exposure = exchange.exposure(account, id);
        Self {
            amount: format::position(instrument, position.quantity),
            entry: format::entry(position.entry()),
            break_even: format::entry(position.break_even()),
            mark: format::money(exchange.mark(id).decimal()),
            unrealised: format::money(exposure.unrealised),
            liquidation: liquidation(exchange, account, id, &position),
            notional: format::money(exposure.position),
            initial: format::money(exposure.initial_margin()),
            maintenance: format::money(exposure.maintenance_margin()),
            position_initial: format::money(exposure.position_margin()),
            order_initial: format::money(exposure.order_margin()),
            bids: format::money(exposure.bids),
            asks: format::money(exposure.asks),
            leverage: exposure.leverage,
            max_notional: instrument.cap_at(exposure.leverage).normalize().to_string(),
            updated_ms: position.updated_ms,
        }
    }
}

/// Returns the price at which the margin balance would fall to the maintenance margin.
fn liquidation(
    exchange: &Exchange,
    account: AccountId,
    id: InstrumentId,
    position: &Position,
) -> String {
    if position.quantity.is_zero() {
        return "0".to_owned();
    }
    let margin = exchange.margin(account);
    let own = exchange.exposure(account, id);
    let others = margin.unrealised - own.unrealised - margin.maintenance + own.maintenance_margin();
    let free = margin.wallet + others + own.deduction - position.cost;
    let slope = position.quantity.abs() * own.maintenance - position.quantity;
    let price = free.checked_div(slope).unwrap_or(Decimal::ZERO);
    if price <= Decimal::ZERO {
        "0".to_owned()
    } else {
        format::entry(price.round_dp(8))
    }
}
