//! Placing and amending orders.

use rust_decimal::Decimal;

use super::error::ApiError;
use super::orders::find;
use super::params::Params;
use super::rest::{Answer, Call, answer};
use super::wire::{Each, OrderAnswer};
use super::words;
use crate::engine::{Price, Quantity, SelfTrade, TimeInForce};
use crate::exchange::{Instrument, Kind, NewOrder, Refusal};

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
pub(super) const BATCH_MAX: usize = 5;

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
    let mut answers: Vec<Each> = Vec::new();
    for order in orders {
        let pairs = order.into_iter().map(|(name, value)| match value {
            serde_json::Value::String(text) => (name, text),
            other => (name, other.to_string()),
        });
        let params = Params::from_pairs(pairs.collect());
        let placed = params.only(ORDER).and_then(|()| place_one(call, &params));
        answers.push(placed.into());
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
        quote_quantity: None,
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
