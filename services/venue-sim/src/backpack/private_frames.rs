//! Payloads of the private streams.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::format::{micros, padded, plain, price, quantity};
use super::holdings::exposed_quantity;
use super::positions::{Change, Opening};
use super::{wire, words};
use crate::account::Position;
use crate::engine::{AccountId, TimeInForce};
use crate::exchange::{Exchange, Execution, Fill, InstrumentId, Kind, Order};

/// Writes a change of an order.
pub(super) fn order_update(
    exchange: &Exchange,
    order: &Order,
    change: (Execution, Option<&Fill>),
    now_ms: u64,
    time_ms: u64,
) -> Value {
    let (execution, fill) = change;
    let terms = &order.terms;
    let instrument = exchange.instrument(terms.instrument);
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("e", json!(event(execution)));
    put("E", json!(micros(now_ms)));
    put("s", json!(instrument.symbol));
    if !terms.client_id.is_empty() {
        put("c", wire::client_id(&terms.client_id));
    }
    put("S", json!(words::side(terms.side)));
    put("o", json!(words::kind(terms.kind).to_uppercase()));
    put("f", json!(words::time_in_force(terms.time_in_force)));
    put("q", json!(quantity(instrument, terms.quantity)));
    if let Some(quote) = terms.quote_quantity {
        put("Q", json!(plain(quote)));
    }
    if let (Kind::Limit, Some(limit)) = (terms.kind, terms.price) {
        put("p", json!(price(instrument, limit)));
    }
    put("X", json!(words::status(order.status)));
    if execution == Execution::Expired {
        put("R", json!(words::expiry(order).1));
    }
    put("i", json!(order.id.to_string()));
    put("t", json!(fill.map(|fill| fill.trade)));
    if let Some(fill) = fill {
        put("l", json!(quantity(instrument, fill.quantity)));
        put("L", json!(price(instrument, fill.price)));
        put("m", json!(fill.maker));
        put("n", json!(plain(fill.fee)));
        put("N", json!(fill.fee_asset));
    }
    put("z", json!(plain(order.executed.decimal())));
    put("Z", json!(plain(order.executed_quote)));
    put("V", json!(words::self_trade(terms.self_trade)));
    put("T", json!(micros(time_ms)));
    put("O", json!("USER"));
    put("r", json!(terms.reduce_only));
    put("y", json!(terms.time_in_force == TimeInForce::PostOnly));
    Value::Object(fields)
}

/// Returns what the venue calls a change of an order.
pub(super) const fn event(execution: Execution) -> &'static str {
    match execution {
        Execution::New => "orderAccepted",
        Execution::Trade => "orderFill",
        Execution::Cancelled => "orderCancelled",
        Execution::Expired => "orderExpired",
        Execution::Amended => "orderModified",
    }
}

/// Writes a position; without a change it is the state that a subscription begins with.
pub(super) fn position_update(
    exchange: &Exchange,
    key: (AccountId, InstrumentId),
    position: &Position,
    change: Option<Change>,
    opening: &Opening,
    now_ms: u64,
) -> Value {
    let (account, id) = key;
    let instrument = exchange.instrument(id);
    let mark = exchange.mark(id);
    let exposed = exposed_quantity(exchange, account, id);
    let notional = exposed * mark.decimal();
    let exposure = exchange.exposure(account, id);
    let maintenance = exposure
        .roots
        .map_or(Decimal::ZERO, |(_, part)| part.at(notional));
    let quantity = |quantity| padded(quantity, instrument.quantity_precision);
    let mut frame = json!({
        "E": micros(now_ms),
        "s": instrument.symbol,
        "b": plain(opening.break_even(exchange, key, position)),
        "B": plain(position.entry()),
        "l": "0",
        "f": plain(exposure.initial_fraction(notional)),
        "M": plain(mark.decimal()),
        "m": plain(maintenance),
        "q": quantity(position.quantity),
        "Q": quantity(exposed),
        "n": plain(notional),
        "i": opening.id,
        "p": plain(opening.realised(position)),
        "P": plain(position.unrealised(mark)),
        "T": micros(now_ms),
    });
    if let Some(change) = change {
        frame["e"] = json!(match change {
            Change::Opened => "positionOpened",
            Change::Adjusted => "positionAdjusted",
            Change::Closed => "positionClosed",
        });
    }
    frame
}

/// Writes what is held of an asset.
pub(super) fn balance_update(
    asset: &str,
    (total, locked): (Decimal, Decimal),
    now_ms: u64,
) -> Value {
    json!({
        "e": "balanceUpdate", "E": micros(now_ms), "a": asset,
        "A": plain(total - locked), "L": plain(locked), "S": "0", "T": micros(now_ms),
    })
}
