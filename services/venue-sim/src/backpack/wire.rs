//! Orders and fills as REST shows them.

use serde_json::{Map, Value, json};

use super::format::{moment, plain};
use super::words;
use crate::engine::TimeInForce;
use crate::exchange::{Fill, Instrument, Kind, Order, OrderStatus};

/// Writes a client's id: a number, or null where there is none.
pub(super) fn client_id(text: &str) -> Value {
    text.parse::<u32>().map_or(Value::Null, |id| json!(id))
}

/// Writes an order.
pub(super) fn order(instrument: &Instrument, order: &Order) -> Value {
    let mut fields = common(instrument, order);
    fields.insert("createdAt".to_owned(), json!(order.created_ms));
    for name in ["relatedOrderId", "strategyId", "triggeredAt"] {
        fields.insert(name.to_owned(), Value::Null);
    }
    Value::Object(fields)
}

/// Writes an order of the history, whose time is text.
pub(super) fn past_order(instrument: &Instrument, order: &Order) -> Value {
    let mut fields = common(instrument, order);
    fields.insert("createdAt".to_owned(), json!(moment(order.created_ms)));
    let expired = matches!(
        order.status,
        OrderStatus::Expired | OrderStatus::ExpiredOnSelf
    );
    let reason = expired.then(|| words::expiry(order).0);
    fields.insert("expiryReason".to_owned(), json!(reason));
    fields.insert("systemOrderType".to_owned(), Value::Null);
    Value::Object(fields)
}

fn common(instrument: &Instrument, order: &Order) -> Map<String, Value> {
    let terms = &order.terms;
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("id", json!(order.id.to_string()));
    put("clientId", client_id(&terms.client_id));
    put("symbol", json!(instrument.symbol));
    put("side", json!(words::side(terms.side)));
    put("orderType", json!(words::kind(terms.kind)));
    put("status", json!(words::status(order.status)));
    put("quantity", json!(plain(terms.quantity.decimal())));
    put("executedQuantity", json!(plain(order.executed.decimal())));
    put("executedQuoteQuantity", json!(plain(order.executed_quote)));
    put(
        "selfTradePrevention",
        json!(words::self_trade(terms.self_trade)),
    );
    put(
        "timeInForce",
        json!(words::time_in_force(terms.time_in_force)),
    );
    put(
        "reduceOnly",
        if terms.reduce_only {
            json!(true)
        } else {
            Value::Null
        },
    );
    match terms.kind {
        Kind::Limit => {
            put(
                "price",
                json!(terms.price.map(|price| plain(price.decimal()))),
            );
            put(
                "postOnly",
                json!(terms.time_in_force == TimeInForce::PostOnly),
            );
        }
        Kind::Market => {
            let quote = terms.quote_quantity.unwrap_or(order.executed_quote);
            put("quoteQuantity", json!(plain(quote)));
        }
    }
    for name in [
        "stopLossLimitPrice",
        "stopLossTriggerBy",
        "stopLossTriggerPrice",
        "takeProfitLimitPrice",
        "takeProfitTriggerBy",
        "takeProfitTriggerPrice",
        "triggerBy",
        "triggerPrice",
        "triggerQuantity",
    ] {
        put(name, Value::Null);
    }
    fields
}

/// Writes a fill.
pub(super) fn fill(instrument: &Instrument, fill: &Fill, client: &str) -> Value {
    json!({
        "clientId": (!client.is_empty()).then_some(client),
        "fee": plain(fill.fee),
        "feeSymbol": fill.fee_asset,
        "isMaker": fill.maker,
        "orderId": fill.order.to_string(),
        "price": plain(fill.price.decimal()),
        "quantity": plain(fill.quantity.decimal()),
        "side": words::side(fill.side),
        "symbol": instrument.symbol,
        "systemOrderType": null,
        "timestamp": moment(fill.time_ms),
        "tradeId": fill.trade,
    })
}
