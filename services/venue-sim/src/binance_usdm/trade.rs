//! Placing, amending, cancelling and reading orders.

use rust_decimal::Decimal;

use super::error::ApiError;
use super::params::Params;
use super::rest::{Answer, Call, answer};
use super::wire::{FillAnswer, OrderAnswer};
use super::words;
use crate::engine::{AccountId, OrderId, Price, Quantity, SelfTrade, TimeInForce};
use crate::exchange::{Instrument, InstrumentId, Kind, NewOrder, Order, Refusal};
use crate::faults::{Facts, FaultKind};

/// Parameters of a new order.
pub(super) const ORDER: &[&str] = &[
    "symbol",
    "side",
    "positionSide",
    "type",
    "timeInForce",
    "quantity",
    "reduceOnly",
    "price",
    "newClientOrderId",
    "stopPrice",
    "closePosition",
    "activationPrice",
    "callbackRate",
    "workingType",
    "priceProtect",
    "newOrderRespType",
    "priceMatch",
    "selfTradePreventionMode",
    "goodTillDate",
];

/// What a client's order id may look like, in the venue's words.
const CLIENT_ID_RANGE: &str = "^[\\.A-Z\\:/a-z0-9_-]{1,36}$";

/// Characters of a client's order id.
const CLIENT_ID_MAX: usize = 36;

/// A dated order must live at least this much longer.
const GOOD_TILL_MIN_MS: u64 = 600_000;

/// Orders of one batch.
const BATCH_MAX: usize = 5;

/// The most orders or trades of one answer.
const LIST_MAX: usize = 1000;

/// How far back lists of orders and trades reach when asked by time: seven days, as documented.
const LOOK_BACK_MS: u64 = 7 * 24 * 60 * 60 * 1000;

pub(super) fn place(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let params = call.params;
    let placed = place_one(call, params)?;
    Ok(answer(&placed))
}

pub(super) fn place_test(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let terms = read_order(call, call.params)?;
    call.core.exchange.check(&terms)?;
    Ok(Answer::text("{}"))
}

pub(super) fn place_batch(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let list = call.params.need("batchOrders")?;
    let orders: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(list).map_err(|_| ApiError::mandatory("batchOrders"))?;
    if orders.is_empty() || orders.len() > BATCH_MAX {
        return Err(ApiError::bad(
            -4082,
            "Invalid number of batch place orders.",
        ));
    }
    let mut answers: Vec<serde_json::Value> = Vec::new();
    for order in orders {
        let pairs = order.into_iter().map(|(name, value)| match value {
            serde_json::Value::String(text) => (name, text),
            other => (name, other.to_string()),
        });
        let params = Params::from_pairs(pairs.collect());
        let placed = params.only(ORDER).and_then(|()| place_one(call, &params));
        answers.push(match placed {
            Ok(order) => serde_json::to_value(&order).unwrap_or_default(),
            Err(error) => serde_json::json!({ "code": error.code, "msg": error.message }),
        });
    }
    Ok(answer(&answers))
}

fn place_one(call: &mut Call<'_>, params: &Params) -> Result<OrderAnswer, ApiError> {
    let client_id = params
        .get("newClientOrderId")
        .unwrap_or_default()
        .to_owned();
    let placed = try_place(call, params);
    call.core.counters.attempt(&client_id, placed.is_ok());
    placed
}

fn try_place(call: &mut Call<'_>, params: &Params) -> Result<OrderAnswer, ApiError> {
    let terms = read_order(call, params)?;
    let result = match params.text("newOrderRespType")? {
        None | Some("ACK") => false,
        Some("RESULT") => true,
        Some(_) => return Err(ApiError::bad(-1136, "Invalid newOrderRespType.")),
    };
    let instrument = terms.instrument;
    let id = call.core.exchange.place(call.now_ms, terms)?;
    let order = call
        .core
        .exchange
        .order(id)
        .ok_or_else(ApiError::no_such_order)?;
    let instrument = call.core.exchange.instrument(instrument);
    Ok(if result {
        OrderAnswer::changed(instrument, order)
    } else {
        OrderAnswer::acknowledged(instrument, order)
    })
}

fn read_order(call: &mut Call<'_>, params: &Params) -> Result<NewOrder, ApiError> {
    let account = call.account()?;
    let instrument = call.instrument_of(params)?;
    let side = words::read_side(params.need("side")?)?;
    let kind = words::read_kind(params.need("type")?)?;
    check_position_side(call, params)?;
    let listing = call.core.exchange.instrument(instrument);
    let (time_in_force, price, expires_ms) = match kind {
        Kind::Limit => read_limit(params, listing, call.now_ms)?,
        Kind::Market => {
            for name in ["timeInForce", "price", "priceMatch", "goodTillDate"] {
                if params.get(name).is_some_and(|value| value != "NONE") {
                    return Err(ApiError::not_required(name));
                }
            }
            (TimeInForce::ImmediateOrCancel, None, None)
        }
    };
    if params.get("stopPrice").is_some() {
        return Err(ApiError::not_required("stopPrice"));
    }
    if params.flag("closePosition")? == Some(true) {
        let text = format!(
            "Target strategy invalid for orderType {},closePosition true",
            words::kind(kind)
        );
        return Err(ApiError::bad(-4136, text));
    }
    let quantity = params
        .need("quantity")
        .and_then(|_| params.decimal("quantity"))?;
    let quantity = quantity.ok_or_else(|| ApiError::mandatory("quantity"))?;
    let quantity = read_quantity(listing, quantity)?;
    let self_trade = params
        .text("selfTradePreventionMode")?
        .map(words::read_self_trade);
    let client_id = match params.text("newClientOrderId")? {
        Some(id) => read_client_id("newClientOrderId", id)?.to_owned(),
        None => call.core.dialect.invent_client_id(),
    };
    Ok(NewOrder {
        account,
        instrument,
        client_id,
        side,
        kind,
        price,
        quantity,
        time_in_force,
        reduce_only: params.flag("reduceOnly")?.unwrap_or(false),
        self_trade: self_trade.transpose()?.unwrap_or(SelfTrade::Allow),
        expires_ms,
    })
}

type LimitTerms = (TimeInForce, Option<Price>, Option<u64>);

fn read_limit(params: &Params, listing: &Instrument, now_ms: u64) -> Result<LimitTerms, ApiError> {
    let name = params.need("timeInForce")?;
    let time_in_force = words::read_time_in_force(name)?;
    if params
        .text("priceMatch")?
        .is_some_and(|mode| mode != "NONE")
    {
        return Err(ApiError::unsupported());
    }
    let price = params.need("price").and_then(|_| params.decimal("price"))?;
    let price = read_price(listing, price.ok_or_else(|| ApiError::mandatory("price"))?)?;
    let expires_ms = match (name, params.integer("goodTillDate")?) {
        ("GTD", None) => return Err(ApiError::mandatory("goodTillDate")),
        ("GTD", Some(at)) if at <= now_ms + GOOD_TILL_MIN_MS => {
            let text = "The goodTillDate timestamp must be greater than the current time plus 600 \
                        seconds and smaller than 253402300799000";
            return Err(ApiError::bad(-5040, text));
        }
        ("GTD", at) => at,
        (_, Some(0) | None) => None,
        (_, Some(_)) => return Err(ApiError::not_required("goodTillDate")),
    };
    Ok((time_in_force, Some(price), expires_ms))
}

fn check_position_side(call: &Call<'_>, params: &Params) -> Result<(), ApiError> {
    let hedge = call.core.exchange.account(call.account()?).hedge;
    match (params.text("positionSide")?, hedge) {
        (None | Some("BOTH"), false) => Ok(()),
        (None | Some("BOTH"), true) | (Some("LONG" | "SHORT"), false) => {
            let text = "Order's position side does not match user's setting.";
            Err(ApiError::bad(-4061, text))
        }
        (Some("LONG" | "SHORT"), true) => Err(ApiError::unsupported()),
        (Some(_), _) => Err(ApiError::bad(-4060, "Invalid position side.")),
    }
}

fn precision() -> ApiError {
    ApiError::bad(
        -1111,
        "Precision is over the maximum defined for this asset.",
    )
}

fn read_price(listing: &Instrument, price: Decimal) -> Result<Price, ApiError> {
    if price.is_zero() {
        return Err(ApiError::bad(-4001, "Price less than or equal to zero."));
    }
    if price.normalize().scale() > listing.price_precision {
        return Err(precision());
    }
    Price::from_decimal(price).ok_or_else(|| ApiError::from(Refusal::PriceTooHigh(Price::MAX)))
}

fn read_quantity(listing: &Instrument, quantity: Decimal) -> Result<Quantity, ApiError> {
    if quantity.normalize().scale() > listing.quantity_precision {
        return Err(precision());
    }
    let too_large = || ApiError::from(Refusal::QuantityTooLarge(Quantity::MAX));
    Quantity::from_decimal(quantity).ok_or_else(too_large)
}

fn read_client_id<'a>(name: &str, id: &'a str) -> Result<&'a str, ApiError> {
    if id.len() > CLIENT_ID_MAX {
        let text = "Client order id length should not be more than 36 chars";
        return Err(ApiError::bad(-4015, text));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte);
    if id.bytes().all(allowed) {
        Ok(id)
    } else {
        Err(ApiError::illegal(name, CLIENT_ID_RANGE))
    }
}

/// Finds the order that a request means, open or not.
fn find<'a>(call: &'a Call<'_>, params: &Params) -> Result<Option<&'a Order>, ApiError> {
    let account = call.account()?;
    let instrument = call.instrument_of(params)?;
    let by_id = params.integer("orderId")?;
    let by_client = params.text("origClientOrderId")?;
    let order = match (by_id, by_client) {
        (Some(id), _) => call.core.exchange.order(id),
        (None, Some(client_id)) => call.core.exchange.order_by_client(account, client_id),
        (None, None) => {
            let text = "Param 'origClientOrderId' or 'orderId' must be sent, but both were \
                        empty/null!";
            return Err(ApiError::bad(-1102, text));
        }
    };
    Ok(
        order
            .filter(|order| order.terms.account == account && order.terms.instrument == instrument),
    )
}

pub(super) fn cancel(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let found = find(call, call.params)?.map(|order| order.id);
    let id = found.ok_or_else(ApiError::unknown_order)?;
    let cancelled = cancel_one(call, id)?;
    Ok(answer(&cancelled))
}

fn cancel_one(call: &mut Call<'_>, id: OrderId) -> Result<OrderAnswer, ApiError> {
    race_fill(call, id);
    let account = call.account()?;
    call.core.exchange.cancel(call.now_ms, account, id)?;
    let order = call
        .core
        .exchange
        .order(id)
        .ok_or_else(ApiError::unknown_order)?;
    let instrument = call.core.exchange.instrument(order.terms.instrument);
    Ok(OrderAnswer::changed(instrument, order))
}

/// Fills an order at the instant its cancel arrives, where a script says so.
fn race_fill(call: &mut Call<'_>, id: OrderId) {
    let exchange = &mut call.core.exchange;
    let Some(order) = exchange.order(id) else {
        return;
    };
    let client_id = order.terms.client_id.clone();
    let symbol = exchange.instrument(order.terms.instrument).symbol.clone();
    let account = exchange.account(order.terms.account).name.clone();
    let facts = Facts {
        symbol: Some(&symbol),
        client_id: Some(&client_id),
        account: Some(&account),
        ..Facts::default()
    };
    let wanted = |kind: &FaultKind| matches!(kind, FaultKind::RaceFill { .. });
    if let Some(FaultKind::RaceFill { quantity }) = exchange.faults.take(&facts, wanted) {
        exchange.force_fill(call.now_ms, id, quantity);
    }
}

pub(super) fn cancel_batch(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    let instrument = call.instrument()?;
    let ids = read_list::<u64>(call.params, "orderIdList")?;
    let names = read_list::<String>(call.params, "origClientOrderIdList")?;
    let by_name = |name: &String| {
        let order = call.core.exchange.order_by_client(account, name);
        order.map_or(0, |order| order.id)
    };
    let wanted: Vec<OrderId> = match (ids, names) {
        (Some(ids), _) => ids,
        (None, Some(names)) => names.iter().map(by_name).collect(),
        (None, None) => return Err(ApiError::mandatory("orderIdList")),
    };
    if wanted.is_empty() || wanted.len() > 2 * BATCH_MAX {
        return Err(ApiError::bad(
            -4083,
            "Invalid number of batch cancel orders.",
        ));
    }
    let mut answers: Vec<serde_json::Value> = Vec::new();
    for id in wanted {
        let here = call
            .core
            .exchange
            .order(id)
            .is_some_and(|o| o.terms.instrument == instrument);
        let done = if here {
            cancel_one(call, id)
        } else {
            Err(ApiError::unknown_order())
        };
        answers.push(match done {
            Ok(order) => serde_json::to_value(&order).unwrap_or_default(),
            Err(error) => serde_json::json!({ "code": error.code, "msg": error.message }),
        });
    }
    Ok(answer(&answers))
}

fn read_list<T: serde::de::DeserializeOwned>(
    params: &Params,
    name: &str,
) -> Result<Option<Vec<T>>, ApiError> {
    let read = |text| serde_json::from_str(text).map_err(|_| ApiError::mandatory(name));
    params.text(name)?.map(read).transpose()
}

pub(super) fn cancel_all(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, instrument) = (call.account()?, call.instrument()?);
    cancel_everything(call, account, instrument);
    let text = "The operation of cancel all open order is done.";
    Ok(answer(&serde_json::json!({ "code": 200, "msg": text })))
}

fn cancel_everything(call: &mut Call<'_>, account: AccountId, instrument: InstrumentId) {
    let open = call.core.exchange.open_orders(account);
    let here = open.filter(|order| order.terms.instrument == instrument);
    for id in here.map(|order| order.id).collect::<Vec<OrderId>>() {
        race_fill(call, id);
        // An order that a script has just filled is no longer there to be cancelled.
        let _ = call.core.exchange.cancel(call.now_ms, account, id);
    }
}

pub(super) fn countdown(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, instrument) = (call.account()?, call.instrument()?);
    call.params.need("countdownTime")?;
    let ms = call.params.integer("countdownTime")?.unwrap_or(0);
    let due = (ms > 0).then_some(call.now_ms + ms);
    call.core.dialect.arm_countdown(account, instrument, due);
    let symbol = call.params.need("symbol")?;
    let said = serde_json::json!({ "symbol": symbol, "countdownTime": ms.to_string() });
    Ok(answer(&said))
}

pub(super) fn amend(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let params = call.params;
    let side = words::read_side(params.need("side")?)?;
    let found = find(call, params)?.map(|order| (order.id, order.terms.clone()));
    let (id, terms) = found.ok_or_else(ApiError::no_such_order)?;
    if terms.kind != Kind::Limit {
        return Err(ApiError::bad(-5025, "Only limit order is supported."));
    }
    if terms.side != side {
        return Err(ApiError::invalid("side"));
    }
    let listing = call.core.exchange.instrument(terms.instrument);
    params.need("quantity")?;
    params.need("price")?;
    let quantity = params.decimal("quantity")?.unwrap_or_default();
    let quantity = read_quantity(listing, quantity)?;
    let price = read_price(listing, params.decimal("price")?.unwrap_or_default())?;
    let amended = call.core.exchange.amend(call.now_ms, id, price, quantity);
    amended.map_err(|refusal| match refusal {
        Refusal::UnknownOrder => ApiError::no_such_order(),
        other => other.into(),
    })?;
    let order = call
        .core
        .exchange
        .order(id)
        .ok_or_else(ApiError::no_such_order)?;
    Ok(answer(&OrderAnswer::changed(
        call.core.exchange.instrument(terms.instrument),
        order,
    )))
}

pub(super) fn query(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let order = find(call, call.params)?.ok_or_else(ApiError::no_such_order)?;
    Ok(answer(&OrderAnswer::read(
        call.core.exchange.instrument(order.terms.instrument),
        order,
    )))
}

pub(super) fn query_open(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let order = find(call, call.params)?.filter(|order| order.status.is_open());
    let order = order.ok_or_else(ApiError::no_such_order)?;
    Ok(answer(&OrderAnswer::read(
        call.core.exchange.instrument(order.terms.instrument),
        order,
    )))
}

pub(super) fn open_orders(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    let symbol = call
        .params
        .text("symbol")?
        .map(|_| call.instrument())
        .transpose()?;
    let exchange = &call.core.exchange;
    let open = exchange.open_orders(account);
    let here = open.filter(|order| symbol.is_none_or(|symbol| symbol == order.terms.instrument));
    let read =
        |order: &Order| OrderAnswer::read(exchange.instrument(order.terms.instrument), order);
    Ok(answer(&here.map(read).collect::<Vec<_>>()))
}

pub(super) fn all_orders(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, instrument) = (call.account()?, call.instrument()?);
    let params = call.params;
    let limit = params.limit(500, LIST_MAX)?;
    let from = params.integer("orderId")?;
    let (start, end) = params.range()?;
    check_look_back(start, end)?;
    let exchange = &call.core.exchange;
    let listing = exchange.instrument(instrument);
    let ours = exchange.orders().filter(|order| {
        order.terms.account == account
            && order.terms.instrument == instrument
            && from.is_none_or(|from| order.id >= from)
            && start.is_none_or(|start| order.created_ms >= start)
            && end.is_none_or(|end| order.created_ms <= end)
    });
    // Asked from an id or a moment, the list begins there; else it ends now.
    let listed: Vec<&Order> = if from.is_some() || start.is_some() {
        ours.take(limit).collect()
    } else {
        let mut last: Vec<&Order> = ours.rev().take(limit).collect();
        last.reverse();
        last
    };
    let read = |order: &&Order| OrderAnswer::read(listing, order);
    Ok(answer(&listed.iter().map(read).collect::<Vec<_>>()))
}

pub(super) fn user_trades(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, instrument) = (call.account()?, call.instrument()?);
    let params = call.params;
    let limit = params.limit(500, LIST_MAX)?;
    let (order, from) = (params.integer("orderId")?, params.integer("fromId")?);
    let (start, end) = params.range()?;
    if from.is_some() && (start.is_some() || end.is_some()) {
        return Err(ApiError::bad(
            -1128,
            "Combination of optional parameters invalid.",
        ));
    }
    check_look_back(start, end)?;
    let exchange = &call.core.exchange;
    let listing = exchange.instrument(instrument);
    let ours = exchange.fills().filter(|fill| {
        fill.account == account
            && fill.instrument == instrument
            && order.is_none_or(|order| fill.order == order)
            && from.is_none_or(|from| fill.trade >= from)
            && start.is_none_or(|start| fill.time_ms >= start)
            && end.is_none_or(|end| fill.time_ms <= end)
    });
    let mut listed: Vec<FillAnswer> = if from.is_some() || start.is_some() {
        ours.take(limit)
            .map(|fill| FillAnswer::new(listing, fill))
            .collect()
    } else {
        let last = ours
            .rev()
            .take(limit)
            .map(|fill| FillAnswer::new(listing, fill));
        last.collect::<Vec<_>>().into_iter().rev().collect()
    };
    listed.truncate(limit);
    Ok(answer(&listed))
}

fn check_look_back(start: Option<u64>, end: Option<u64>) -> Result<(), ApiError> {
    match (start, end) {
        (Some(start), Some(end)) if end - start > LOOK_BACK_MS => Err(ApiError::bad(
            -4166,
            "Search window is restricted to recent 7 days only.",
        )),
        _ => Ok(()),
    }
}

/// Cancels what a countdown was armed for; called when it has run out.
pub(super) fn countdown_over(
    exchange: &mut crate::exchange::Exchange,
    account: AccountId,
    instrument: InstrumentId,
    now_ms: u64,
) {
    let open = exchange.open_orders(account);
    let here = open.filter(|order| order.terms.instrument == instrument);
    for id in here.map(|order| order.id).collect::<Vec<OrderId>>() {
        // Every id was open a line ago and nothing else runs in between.
        let _ = exchange.cancel(now_ms, account, id);
    }
}
