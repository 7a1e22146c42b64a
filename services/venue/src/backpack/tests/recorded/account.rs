//! Orders, fills, positions and money: what is read against what stands in the tree.

use chimera_model::account::MarginMode;
use chimera_model::report::{
    AccountEvent, Fill, FillKind, OrderOrigin, OrderReport, ReportedStatus,
};
use chimera_model::{Liquidity, OrderType, Side, TimeInForce, VenueOrderId};
use serde_json::Value;

use super::super::{answered, context, credentials, decimal, index, instrument, now, venue};
use super::market::micros;
use crate::tests::tree::{nonzero, number, optional, shown, symbols, text, time, tree};
use crate::{AccountContext, FillQuery, NewOrder, OrderKey, OrderKind, VenueAdapter};

fn known(value: &Value) -> AccountContext {
    let mut found = Vec::new();
    symbols(value, &mut found);
    context(found.iter().map(String::as_str))
}

/// Returns the items of a list, or the one that stands for it.
fn list(body: &str) -> (String, Vec<Value>) {
    match tree(body) {
        Value::Array(items) => (body.to_owned(), items),
        one => (format!("[{body}]"), vec![one]),
    }
}

fn side(value: &Value) -> Side {
    match value.as_str() {
        Some("Bid") => Side::Buy,
        Some("Ask") => Side::Sell,
        other => panic!("no expectation for {other:?}"),
    }
}

fn optional_text(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| text(value))
}

/// What the quote's sum comes to by unit: the product must be the sum again.
fn check_average(name: &str, read: &OrderReport, sum: &Value, filled: &Value) {
    let filled = number(filled);
    match read.average_price {
        None => assert_eq!(filled, "0", "{name}"),
        Some(average) => {
            let product = average.checked_mul(decimal(&filled)).unwrap();
            assert_eq!(product.to_string(), number(sum), "{name}");
        }
    }
}

/// The fields that orders have in answers and in frames, under either name.
fn common(name: &str, read: &OrderReport, one: &Value, keys: [&str; 11]) {
    let [
        symbol,
        id,
        client,
        state,
        way,
        kind,
        lifetime,
        price,
        quantity,
        filled,
        sum,
    ] = keys.map(|key| &one[key]);
    assert_eq!(read.symbol, instrument(&text(symbol)).symbol, "{name}");
    let read_id = read.venue_order_id.as_ref().map(ToString::to_string);
    assert_eq!(read_id, Some(text(id)), "{name}");
    let read_id = read.client_order_id.as_ref().map(ToString::to_string);
    assert_eq!(read_id, optional_text(client), "{name}");
    let status = match state.as_str() {
        Some("New") => ReportedStatus::New,
        Some("Filled") => ReportedStatus::Filled,
        Some("Cancelled") => ReportedStatus::Cancelled,
        other => panic!("no expectation for {other:?}"),
    };
    assert_eq!(read.status, status, "{name}");
    assert_eq!(read.status_text, text(state), "{name}");
    assert_eq!(read.side, Some(side(way)), "{name}");
    let order_type = match kind.as_str().unwrap() {
        "Limit" | "LIMIT" => OrderType::Limit,
        "Market" | "MARKET" => OrderType::Market,
        other => panic!("no expectation for {other:?}"),
    };
    assert_eq!(read.order_type, Some(order_type), "{name}");
    assert_eq!(lifetime, "GTC", "{name}");
    assert_eq!(read.time_in_force, Some(TimeInForce::Gtc), "{name}");
    assert_eq!(shown(read.price), optional(price), "{name}");
    assert_eq!(shown(read.quantity), optional(quantity), "{name}");
    assert_eq!(
        shown(read.cumulative_filled),
        Some(number(filled)),
        "{name}"
    );
    check_average(name, read, sum, filled);
    // None of the recorded ids is one of ours.
    let whose = (read.origin, read.client_order_index);
    assert_eq!(whose, (OrderOrigin::External, None), "{name}");
}

fn order_fields(name: &str, read: &OrderReport, one: &Value) {
    let keys = [
        "symbol",
        "id",
        "clientId",
        "status",
        "side",
        "orderType",
        "timeInForce",
        "price",
        "quantity",
        "executedQuantity",
        "executedQuoteQuantity",
    ];
    common(name, read, one, keys);
    let post_only = one["postOnly"].as_bool().unwrap_or(false);
    let reduce_only = one["reduceOnly"].as_bool().unwrap_or(false);
    assert_eq!(read.post_only, post_only, "{name}");
    assert_eq!(read.reduce_only, reduce_only, "{name}");
    assert_eq!(time(read.venue_time), None, "{name}");
    assert!(read.last_fill.is_none(), "{name}");
}

pub(super) fn order(name: &str, body: &str) {
    let one = tree(body);
    let key = OrderKey::VenueId(VenueOrderId::new(&text(&one["id"])).unwrap());
    let symbol = instrument(one["symbol"].as_str().unwrap());
    let calls = [
        venue().cancel(&known(&one), &symbol, &key).unwrap(),
        venue()
            .order(&known(&one), &symbol, &key, None)
            .unwrap()
            .remove(0),
    ];
    for call in calls {
        let read = answered(&call, 200, body);
        let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
        order_fields(name, &read, &one);
    }
}

pub(super) fn orders(name: &str, body: &str) {
    let expected = tree(body);
    let call = venue().open_orders(&known(&expected), None);
    let read = answered(&call, 200, body).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = expected.as_array().unwrap();
    assert!(read.unmapped.is_empty(), "{name}");
    assert_eq!(read.items.len(), expected.len(), "{name}");
    for (read, one) in read.items.iter().zip(expected) {
        order_fields(name, read, one);
    }
}

fn liquidity(maker: &Value) -> Option<Liquidity> {
    Some(if maker.as_bool().unwrap() {
        Liquidity::Maker
    } else {
        Liquidity::Taker
    })
}

fn fee(read: &Fill) -> Option<(String, String)> {
    read.fee
        .map(|fee| (fee.asset.to_string(), fee.amount.to_string()))
}

pub(super) fn fills(name: &str, body: &str) {
    let (body, mut expected) = list(body);
    let symbol = instrument(expected[0]["symbol"].as_str().unwrap());
    let known = known(&Value::Array(expected.clone()));
    let call = venue().fills(&known, &symbol, &FillQuery::Newest);
    let page = answered(&call.unwrap(), 200, body);
    let page = page.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(page.list.unmapped.is_empty(), "{name}");
    assert_eq!(page.list.items.len(), expected.len(), "{name}");
    // They come newest first; dates sort as text.
    expected.sort_by_key(|one| (text(&one["timestamp"]), text(&one["tradeId"])));
    for (read, one) in page.list.items.iter().zip(&expected) {
        let symbol = instrument(one["symbol"].as_str().unwrap()).symbol;
        assert_eq!(read.symbol, symbol, "{name}");
        assert_eq!(read.trade_id.to_string(), text(&one["tradeId"]), "{name}");
        assert_eq!(read.venue_order_id.to_string(), text(&one["orderId"]));
        let client = read.client_order_id.as_ref().map(ToString::to_string);
        assert_eq!(client, optional_text(&one["clientId"]), "{name}");
        assert_eq!(read.side, side(&one["side"]), "{name}");
        assert_eq!(read.price.to_string(), number(&one["price"]), "{name}");
        assert_eq!(read.quantity.to_string(), number(&one["quantity"]));
        let expected = (text(&one["feeSymbol"]), number(&one["fee"]));
        assert_eq!(fee(read), Some(expected), "{name}");
        assert_eq!(read.liquidity, liquidity(&one["isMaker"]), "{name}");
        assert_eq!(read.kind, FillKind::Trade, "{name}");
        let date = super::market::date_millis(&one["timestamp"]);
        assert_eq!(read.venue_time.as_millis(), date, "{name}");
    }
}

/// A quotient of the venue is cut to the twelve decimals that are kept.
fn cut(value: &Value) -> Option<String> {
    let text = text(value);
    let kept = match text.split_once('.') {
        Some((whole, fraction)) => format!("{whole}.{:.12}", fraction),
        None => text,
    };
    nonzero(&Value::from(kept))
}

pub(super) fn positions(name: &str, body: &str) {
    let (body, expected) = list(body);
    let known = known(&Value::Array(expected.clone()));
    let read = answered(&venue().positions(&known), 200, body);
    let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(read.unmapped.is_empty(), "{name}");
    assert_eq!(read.items.len(), expected.len(), "{name}");
    for (read, one) in read.items.iter().zip(&expected) {
        let symbol = instrument(one["symbol"].as_str().unwrap()).symbol;
        assert_eq!(read.symbol, symbol, "{name}");
        assert_eq!(read.quantity.to_string(), number(&one["netQuantity"]));
        assert_eq!(shown(read.entry_price), cut(&one["entryPrice"]), "{name}");
        assert_eq!(shown(read.mark_price), nonzero(&one["markPrice"]), "{name}");
        let unrealized = Some(number(&one["pnlUnrealized"]));
        assert_eq!(shown(read.unrealized_pnl), unrealized, "{name}");
        let liquidation = nonzero(&one["estLiquidationPrice"]);
        assert_eq!(shown(read.liquidation_price), liquidation, "{name}");
        assert_eq!(read.margin_mode, Some(MarginMode::Cross), "{name}");
        assert_eq!((read.venue_time, read.leverage), (None, None), "{name}");
    }
}

pub(super) fn balances(name: &str, body: &str) {
    let expected = tree(body);
    let read = answered(&venue().balances(&context([])), 200, body).unwrap();
    let expected = expected.as_object().unwrap();
    assert!(read.unmapped.is_empty(), "{name}");
    assert_eq!(read.items.len(), expected.len(), "{name}");
    for read in &read.items {
        let one = &expected[read.asset.as_str()];
        let available = number(&one["available"]);
        let (locked, staked) = (number(&one["locked"]), number(&one["staked"]));
        assert_eq!(shown(read.available), Some(available.clone()), "{name}");
        let rest = decimal(&locked).checked_add(decimal(&staked)).unwrap();
        let rest_read = read.total.checked_sub(decimal(&available)).unwrap();
        assert_eq!(rest_read, rest, "{name}");
        assert_eq!(read.venue_time, None, "{name}");
    }
}

/// A fragment is put back into its envelope.
fn whole(frame: &str) -> (String, Value) {
    let one = tree(frame);
    let text = if one["data"].is_object() {
        frame.to_owned()
    } else {
        format!("{{\"stream\":\"account.orderUpdate\",\"data\":{frame}}}")
    };
    let one = tree(&text)["data"].clone();
    (text, one)
}

pub(super) fn order_frame(name: &str, frame: &str) {
    let (text_of_frame, order) = whole(frame);
    let events = venue().read_private(&known(&order), text_of_frame.as_bytes());
    let events = events.unwrap_or_else(|error| panic!("{name}: {error}"));
    let [AccountEvent::Order(read)] = events.as_slice() else {
        panic!("{name}: {events:?}")
    };
    let keys = ["s", "i", "c", "X", "S", "o", "f", "p", "q", "z", "Z"];
    common(name, read, &order, keys);
    let reduce_only = order["r"].as_bool().unwrap_or(false);
    assert_eq!(read.reduce_only, reduce_only, "{name}");
    assert_eq!(time(read.venue_time), Some(micros(&order["T"])), "{name}");
    match (order["e"].as_str().unwrap(), &read.last_fill) {
        ("orderFill", Some(fill)) => fill_fields(name, fill, &order),
        ("orderAccepted", None) => {}
        (event, fill) => panic!("{name}: {event} with {fill:?}"),
    }
}

fn fill_fields(name: &str, read: &Fill, order: &Value) {
    assert_eq!(read.trade_id.to_string(), text(&order["t"]), "{name}");
    assert_eq!(read.venue_order_id.to_string(), text(&order["i"]), "{name}");
    assert_eq!(read.side, side(&order["S"]), "{name}");
    assert_eq!(read.price.to_string(), number(&order["L"]), "{name}");
    assert_eq!(read.quantity.to_string(), number(&order["l"]), "{name}");
    let expected = (text(&order["N"]), number(&order["n"]));
    assert_eq!(fee(read), Some(expected), "{name}");
    assert_eq!(read.liquidity, liquidity(&order["m"]), "{name}");
    assert_eq!(read.venue_time.as_millis(), micros(&order["T"]), "{name}");
}

pub(super) fn position_frame(name: &str, frame: &str) {
    let (text_of_frame, one) = whole(frame);
    let events = venue().read_private(&known(&one), text_of_frame.as_bytes());
    let events = events.unwrap_or_else(|error| panic!("{name}: {error}"));
    let [AccountEvent::Position(read)] = events.as_slice() else {
        panic!("{name}: {events:?}")
    };
    let symbol = instrument(one["s"].as_str().unwrap()).symbol;
    assert_eq!(read.symbol, symbol, "{name}");
    assert_eq!(read.quantity.to_string(), number(&one["q"]), "{name}");
    assert_eq!(shown(read.entry_price), cut(&one["B"]), "{name}");
    assert_eq!(shown(read.mark_price), nonzero(&one["M"]), "{name}");
    assert_eq!(
        shown(read.unrealized_pnl),
        Some(number(&one["P"])),
        "{name}"
    );
    assert_eq!(time(read.venue_time), Some(micros(&one["T"])), "{name}");
}

/// Compares what was asked with what we would ask, where we ask such a thing; our own client id
/// and the spelling of an order's id are ours to choose.
pub(super) fn question(case: &Value) -> bool {
    let venue = venue();
    let asked = case["http"].as_str().unwrap();
    let body = case["requestBody"].as_str().map(tree).unwrap_or_default();
    let symbol = body["symbol"].as_str().unwrap_or("ETH_USDC");
    let (context, eth) = (context([symbol]), instrument(symbol));
    let request = match asked.split_once('?').map_or(asked, |(path, _)| path) {
        "GET /api/v1/position" => venue.positions(&context).request,
        "GET /api/v1/capital" => venue.balances(&context).request,
        "GET /api/v1/ticker" => venue.ticker(&eth).request,
        "GET /api/v1/orders" => venue.open_orders(&context, Some(&eth)).request,
        "GET /api/v1/trades" => {
            let newest = crate::TradeQuery::Newest;
            venue.trades(&eth, newest, 5).unwrap().request
        }
        "POST /api/v1/order" => {
            venue
                .place(&context, &eth, &order_of(&body))
                .unwrap()
                .request
        }
        "DELETE /api/v1/order" => {
            let id = VenueOrderId::new(&text(&body["orderId"])).unwrap();
            let cancel = venue.cancel(&context, &eth, &OrderKey::VenueId(id));
            cancel.unwrap().request
        }
        _ => return false,
    };
    let wire = venue.finish(&request, Some(&credentials()), now()).unwrap();
    let query = wire.url.query().map(|query| format!("?{query}"));
    let ours = format!(
        "{} {}{}",
        wire.method,
        wire.url.path(),
        query.unwrap_or_default()
    );
    assert_eq!(ours, asked);
    let plain = |mut body: Value| {
        if let Some(fields) = body.as_object_mut() {
            fields.remove("clientId");
            if let Some(id) = fields.get_mut("orderId") {
                *id = Value::from(text(id));
            }
        }
        body
    };
    let sent = std::str::from_utf8(&wire.body).unwrap();
    let sent = if sent.is_empty() {
        Value::Null
    } else {
        tree(sent)
    };
    assert_eq!(plain(sent), plain(body), "{asked}");
    true
}

fn order_of(body: &Value) -> NewOrder {
    let kind = match body["orderType"].as_str().unwrap() {
        "Market" => OrderKind::Market,
        _ => OrderKind::Limit {
            price: decimal(&text(&body["price"])),
            time_in_force: TimeInForce::Gtc,
            post_only: false,
        },
    };
    NewOrder {
        index: index(55_555),
        side: side(&body["side"]),
        quantity: decimal(&text(&body["quantity"])),
        kind,
        reduce_only: false,
    }
}
