//! Placing orders.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::rest::{Answer, Call};
use super::{wire, words};
use crate::engine::{Price, Quantity, SelfTrade, Side, TimeInForce, notional};
use crate::exchange::{Exchange, InstrumentId, Kind, NewOrder, Refusal};

/// Orders of one batch.
const BATCH_MAX: usize = 50;

/// Fields of an order that ask for what this venue does not have.
const UNSUPPORTED: [&str; 11] = [
    "triggerPrice",
    "triggerQuantity",
    "triggerBy",
    "stopLossTriggerPrice",
    "stopLossLimitPrice",
    "stopLossTriggerBy",
    "takeProfitTriggerPrice",
    "takeProfitLimitPrice",
    "takeProfitTriggerBy",
    "slippageTolerance",
    "slippageToleranceType",
];

/// Settings of borrowing and lending; only their absence or `false` can be honoured.
const BORROWING: [&str; 4] = [
    "autoBorrow",
    "autoBorrowRepay",
    "autoLend",
    "autoLendRedeem",
];

pub(super) fn place(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let params = call.params;
    Ok(Answer::json(&place_one(call, params)?))
}

pub(super) fn place_batch(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let orders = call.parts;
    if orders.is_empty() || orders.len() > BATCH_MAX {
        return Err(ApiError::client("Invalid number of orders"));
    }
    let mut answers: Vec<Value> = Vec::new();
    for params in orders {
        let (operation, mut answer) = match place_one(call, params) {
            Ok(order) => ("Ok", order),
            Err(error) => {
                let code = error.code.as_deref().unwrap_or("INVALID_CLIENT_REQUEST");
                ("Err", json!({ "code": code, "message": error.message }))
            }
        };
        answer["operation"] = json!(operation);
        answers.push(answer);
    }
    Ok(Answer::json(&answers))
}

fn place_one(call: &mut Call<'_>, params: &Params) -> Result<Value, ApiError> {
    let client_id = params.shown("clientId").unwrap_or_default();
    let placed = try_place(call, params);
    if !client_id.is_empty() {
        call.core.counters.attempt(&client_id, placed.is_ok());
    }
    placed
}

fn try_place(call: &mut Call<'_>, params: &Params) -> Result<Value, ApiError> {
    let terms = read_order(call, params)?;
    let instrument = terms.instrument;
    let id = call.core.exchange.place(call.now_ms, terms)?;
    let order = call.core.exchange.order(id);
    let order = order.ok_or_else(ApiError::no_such_order)?;
    Ok(wire::order(
        call.core.exchange.instrument(instrument),
        order,
    ))
}

fn read_order(call: &Call<'_>, params: &Params) -> Result<NewOrder, ApiError> {
    let kind = params.word("orderType", words::read_kind)?;
    let kind = kind.ok_or_else(|| params.absent("orderType"))?;
    let side = params.word("side", words::read_side)?;
    let side = side.ok_or_else(|| params.absent("side"))?;
    let client_id = params.client_id()?;
    let self_trade = params.word("selfTradePrevention", words::read_self_trade)?;
    let reduce_only = params.flag("reduceOnly")?.unwrap_or(false);
    let instrument = call.instrument_of(params)?;
    check_unsupported(params)?;
    let price = read_price(params, kind)?;
    let time_in_force = read_life(params, kind)?;
    let quote_quantity = params.decimal("quoteQuantity")?;
    let exchange = &call.core.exchange;
    let quantity = match (params.decimal("quantity")?, quote_quantity) {
        (Some(quantity), None) => {
            Quantity::from_decimal(quantity).ok_or(ApiError::from(Refusal::OffStep))?
        }
        (None, Some(quote)) if kind == Kind::Market => {
            affordable(exchange, instrument, side, quote)
        }
        (None, Some(_)) => return Err(ApiError::client("Limit orders must specify `quantity`")),
        (None, None) | (Some(_), Some(_)) => {
            let text = "Must specify one of `quantity` or `quoteQuantity`";
            return Err(ApiError::client(text));
        }
    };
    if reduce_only && exchange.instrument(instrument).is_spot() {
        return Err(ApiError::client(
            "Reduce only is not supported on spot markets",
        ));
    }
    Ok(NewOrder {
        account: call.account()?,
        instrument,
        client_id: client_id.map(|id| id.to_string()).unwrap_or_default(),
        side,
        kind,
        price,
        quantity,
        quote_quantity,
        time_in_force,
        reduce_only,
        self_trade: self_trade.unwrap_or(SelfTrade::ExpireTaker),
        expires_ms: None,
    })
}

fn check_unsupported(params: &Params) -> Result<(), ApiError> {
    for name in BORROWING {
        if params.flag(name)? == Some(true) {
            return Err(ApiError::unsupported());
        }
    }
    if UNSUPPORTED.iter().any(|name| params.has(name)) {
        return Err(ApiError::unsupported());
    }
    Ok(())
}

fn read_price(params: &Params, kind: Kind) -> Result<Option<Price>, ApiError> {
    match (kind, params.decimal("price")?) {
        (Kind::Market, None) => Ok(None),
        (Kind::Market, Some(_)) => Err(ApiError::client("Market orders must not specify `price`")),
        (Kind::Limit, None) => Err(ApiError::client("Limit orders must specify `price`")),
        (Kind::Limit, Some(price)) => {
            let price = Price::from_decimal(price);
            price.map(Some).ok_or(ApiError::from(Refusal::OffTick))
        }
    }
}

fn read_life(params: &Params, kind: Kind) -> Result<TimeInForce, ApiError> {
    let named = params.word("timeInForce", words::read_time_in_force)?;
    let life = named.unwrap_or(TimeInForce::GoodTillCancelled);
    if !params.flag("postOnly")?.unwrap_or(false) {
        return Ok(life);
    }
    if kind == Kind::Market || life != TimeInForce::GoodTillCancelled {
        let text = "Post only is only allowed on limit orders that are good till cancelled";
        return Err(ApiError::client(text));
    }
    Ok(TimeInForce::PostOnly)
}

/// Returns the most that an amount buys or brings in, by the book as it stands.
fn affordable(
    exchange: &Exchange,
    instrument: InstrumentId,
    side: Side,
    mut quote: Decimal,
) -> Quantity {
    let step = exchange.instrument(instrument).step;
    let mut quantity = Quantity::ZERO;
    for (price, standing) in exchange.book(instrument).depth(side.opposite(), usize::MAX) {
        let worth = notional(price, standing);
        if worth <= quote {
            quote -= worth;
            quantity += standing;
            continue;
        }
        let part = quote.checked_div(price.decimal()).unwrap_or_default();
        let part = Quantity::from_decimal(part.trunc_with_scale(8));
        return (quantity + part.unwrap_or(Quantity::ZERO)).floor_to(step);
    }
    quantity.floor_to(step)
}
