//! Orders, fills, positions and money: what is read against what stands in the tree.

use chimera_model::account::{MarginMode, PositionMode, PositionSide};
use chimera_model::report::{
    AccountEvent, Fill, FillKind, OrderOrigin, OrderReport, PositionReport, ReportedStatus,
};
use chimera_model::{Liquidity, OrderType, Side, TimeInForce, VenueOrderId};
use serde_json::Value;

use super::super::{answered, context, instrument, venue};
use crate::tests::tree::{
    millis, nonzero, number, optional, optional_millis, optional_nonzero, shown, symbols, text,
    time, tree,
};
use crate::{AccountContext, FillQuery, OrderKey};

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
        Some("BUY") => Side::Buy,
        Some("SELL") => Side::Sell,
        other => panic!("no expectation for {other:?}"),
    }
}

fn position_side(value: &Value) -> PositionSide {
    match value.as_str() {
        Some("BOTH") | None => PositionSide::Net,
        Some("LONG") => PositionSide::Long,
        Some("SHORT") => PositionSide::Short,
        other => panic!("no expectation for {other:?}"),
    }
}

fn status(value: &Value) -> ReportedStatus {
    match value.as_str() {
        Some("NEW") => ReportedStatus::New,
        Some("PARTIALLY_FILLED") => ReportedStatus::PartiallyFilled,
        Some("FILLED") => ReportedStatus::Filled,
        other => panic!("no expectation for {other:?}"),
    }
}

/// The fields that orders have in answers and in frames, under either name.
fn common(name: &str, read: &OrderReport, one: &Value, keys: [&str; 10]) {
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
    ] = keys.map(|key| &one[key]);
    let expected = instrument(&text(symbol)).symbol;
    assert_eq!(read.symbol, expected, "{name}");
    assert_eq!(
        read.venue_order_id.as_ref().map(ToString::to_string),
        Some(text(id)),
        "{name}"
    );
    assert_eq!(
        read.client_order_id.as_ref().map(ToString::to_string),
        Some(text(client))
    );
    assert_eq!(
        (&read.status, &read.status_text),
        (&status(state), &text(state)),
        "{name}"
    );
    assert_eq!(read.side, Some(side(way)), "{name}");
    let order_type = match kind.as_str() {
        Some("LIMIT") => Some(OrderType::Limit),
        Some("MARKET") => Some(OrderType::Market),
        _ => None,
    };
    assert_eq!(read.order_type, order_type, "{name}");
    let expected = match lifetime.as_str() {
        Some("GTC") => TimeInForce::Gtc,
        Some("IOC") => TimeInForce::Ioc,
        other => panic!("no expectation for {other:?}"),
    };
    assert_eq!(
        (read.time_in_force, read.post_only),
        (Some(expected), false),
        "{name}"
    );
    assert_eq!(shown(read.price), nonzero(price), "{name}");
    assert_eq!(shown(read.quantity), Some(number(quantity)), "{name}");
    assert_eq!(
        shown(read.cumulative_filled),
        Some(number(filled)),
        "{name}"
    );
    let liquidation = text(client).starts_with("autoclose-");
    let origin = if liquidation {
        OrderOrigin::Liquidation
    } else {
        OrderOrigin::External
    };
    assert_eq!(
        (read.origin, read.client_order_index),
        (origin, None),
        "{name}"
    );
}

fn order_fields(name: &str, read: &OrderReport, one: &Value) {
    common(
        name,
        read,
        one,
        [
            "symbol",
            "orderId",
            "clientOrderId",
            "status",
            "side",
            "type",
            "timeInForce",
            "price",
            "origQty",
            "executedQty",
        ],
    );
    assert_eq!(
        read.reduce_only,
        one["reduceOnly"].as_bool().unwrap_or(false),
        "{name}"
    );
    assert_eq!(
        shown(read.average_price),
        optional_nonzero(&one["avgPrice"]),
        "{name}"
    );
    assert_eq!(
        time(read.venue_time),
        optional_millis(&one["updateTime"]),
        "{name}"
    );
    assert!(read.last_fill.is_none(), "{name}");
}

pub(super) fn order(name: &str, body: &str) {
    let one = tree(body);
    let key = OrderKey::VenueId(VenueOrderId::new(&text(&one["orderId"])).unwrap());
    let symbol = instrument(one["symbol"].as_str().unwrap());
    let call = venue()
        .order(&known(&one), &symbol, &key, None)
        .unwrap()
        .remove(0);
    let read = answered(&call, 200, body).unwrap_or_else(|error| panic!("{name}: {error}"));
    order_fields(name, &read, &one);
}

pub(super) fn orders(name: &str, body: &str) {
    let expected = tree(body);
    let call = venue().open_orders(&known(&expected), None);
    let read = answered(&call, 200, body).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = expected.as_array().unwrap();
    assert_eq!(
        (read.items.len(), read.unmapped.len()),
        (expected.len(), 0),
        "{name}"
    );
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

pub(super) fn trades(name: &str, body: &str) {
    let expected = tree(body);
    let symbol = instrument(expected[0]["symbol"].as_str().unwrap());
    let call = venue()
        .fills(&known(&expected), &symbol, &FillQuery::Newest)
        .unwrap();
    let page = answered(&call, 200, body).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = expected.as_array().unwrap();
    assert_eq!(
        (page.list.items.len(), page.list.unmapped.len()),
        (expected.len(), 0),
        "{name}"
    );
    for (read, one) in page.list.items.iter().zip(expected) {
        assert_eq!(
            read.symbol,
            instrument(one["symbol"].as_str().unwrap()).symbol,
            "{name}"
        );
        assert_eq!(read.trade_id.to_string(), text(&one["id"]), "{name}");
        assert_eq!(
            read.venue_order_id.to_string(),
            text(&one["orderId"]),
            "{name}"
        );
        assert_eq!(read.side, side(&one["side"]), "{name}");
        assert_eq!(
            read.position_side,
            position_side(&one["positionSide"]),
            "{name}"
        );
        assert_eq!(read.price.to_string(), number(&one["price"]), "{name}");
        assert_eq!(read.quantity.to_string(), number(&one["qty"]), "{name}");
        assert_eq!(
            shown(read.realized_pnl),
            Some(number(&one["realizedPnl"])),
            "{name}"
        );
        let expected = (text(&one["commissionAsset"]), number(&one["commission"]));
        assert_eq!(fee(read), Some(expected), "{name}");
        assert_eq!(read.liquidity, liquidity(&one["maker"]), "{name}");
        assert_eq!(read.venue_time.as_millis(), millis(&one["time"]), "{name}");
    }
}

pub(super) fn positions(name: &str, body: &str) {
    let (body, expected) = list(body);
    let known = known(&Value::Array(expected.clone()));
    let read = answered(&venue().positions(&known), 200, body);
    let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(
        (read.items.len(), read.unmapped.len()),
        (expected.len(), 0),
        "{name}"
    );
    for (read, one) in read.items.iter().zip(&expected) {
        assert_eq!(read.side, position_side(&one["positionSide"]), "{name}");
        assert_eq!(
            read.quantity.to_string(),
            number(&one["positionAmt"]),
            "{name}"
        );
        assert_eq!(
            shown(read.entry_price),
            nonzero(&one["entryPrice"]),
            "{name}"
        );
        assert_eq!(
            shown(read.mark_price),
            optional_nonzero(&one["markPrice"]),
            "{name}"
        );
        assert_eq!(
            shown(read.unrealized_pnl),
            optional(&one["unRealizedProfit"]),
            "{name}"
        );
        let liquidation = optional_nonzero(&one["liquidationPrice"]);
        assert_eq!(shown(read.liquidation_price), liquidation, "{name}");
        assert_eq!(
            shown(read.isolated_margin),
            optional_nonzero(&one["isolatedMargin"]),
            "{name}"
        );
        assert_eq!(shown(read.leverage), optional(&one["leverage"]), "{name}");
        margin_mode(name, read, &one["marginType"]);
        assert_eq!(
            time(read.venue_time),
            optional_millis(&one["updateTime"]),
            "{name}"
        );
    }
}

fn margin_mode(name: &str, read: &PositionReport, expected: &Value) {
    let expected = match expected.as_str() {
        Some("cross") => MarginMode::Cross,
        Some("isolated") => MarginMode::Isolated,
        other => panic!("no expectation for {other:?}"),
    };
    assert_eq!(read.margin_mode, Some(expected), "{name}");
}

pub(super) fn balances(name: &str, body: &str) {
    let expected = tree(body);
    let read = answered(&venue().balances(&context([])), 200, body).unwrap();
    let expected = expected.as_array().unwrap();
    assert_eq!(
        (read.items.len(), read.unmapped.len()),
        (expected.len(), 0),
        "{name}"
    );
    for (read, one) in read.items.iter().zip(expected) {
        assert_eq!(read.asset.to_string(), text(&one["asset"]), "{name}");
        assert_eq!(read.total.to_string(), number(&one["balance"]), "{name}");
        assert_eq!(
            shown(read.available),
            Some(number(&one["availableBalance"])),
            "{name}"
        );
        assert_eq!(
            time(read.venue_time),
            optional_millis(&one["updateTime"]),
            "{name}"
        );
    }
}

pub(super) fn margin(name: &str, body: &str) {
    let one = tree(body);
    let read = answered(&venue().margin(&context([])), 200, body);
    let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
    for (field, key) in [
        (read.wallet_balance, "totalWalletBalance"),
        (read.equity, "totalMarginBalance"),
        (read.available, "availableBalance"),
        (read.initial_margin, "totalInitialMargin"),
        (read.maintenance_margin, "totalMaintMargin"),
        (read.unrealized_pnl, "totalUnrealizedProfit"),
    ] {
        assert_eq!(field.to_string(), number(&one[key]), "{name} {key}");
    }
    // Said to be single-asset, or no USDT from which the sums could come.
    let single = one["multiAssetsMargin"].as_bool() == Some(false);
    assert_eq!(
        read.asset.map(|asset| asset.to_string()),
        single.then(|| "USDT".to_owned()),
        "{name}"
    );
    assert_eq!(
        time(read.venue_time),
        optional_millis(&one["assets"][0]["updateTime"]),
        "{name}"
    );
}

pub(super) fn position_mode(name: &str, body: &str) {
    let read = answered(&venue().position_mode().unwrap(), 200, body).unwrap();
    let hedge = tree(body)["dualSidePosition"].as_bool().unwrap();
    let expected = if hedge {
        PositionMode::Hedge
    } else {
        PositionMode::OneWay
    };
    assert_eq!(read, expected, "{name}");
}

/// A fragment is put back into its frame.
fn whole(frame: &str, kind: &str, wrap: impl Fn(&Value) -> String) -> (String, Value) {
    let one = tree(frame);
    let text = if one["e"] == *kind {
        frame.to_owned()
    } else {
        wrap(&one)
    };
    let whole = tree(&text);
    (text, whole)
}

pub(super) fn order_frame(name: &str, frame: &str) {
    let (text_of_frame, one) = whole(frame, "ORDER_TRADE_UPDATE", |order| {
        format!(
            "{{\"e\":\"ORDER_TRADE_UPDATE\",\"E\":{0},\"T\":{0},\"o\":{order}}}",
            order["T"]
        )
    });
    let events = venue().read_private(&known(&one), text_of_frame.as_bytes());
    let events = events.unwrap_or_else(|error| panic!("{name}: {error}"));
    let [AccountEvent::Order(read)] = events.as_slice() else {
        panic!("{name}: {events:?}")
    };
    let order = &one["o"];
    common(
        name,
        read,
        order,
        ["s", "i", "c", "X", "S", "o", "f", "p", "q", "z"],
    );
    assert_eq!(read.reduce_only, order["R"].as_bool().unwrap(), "{name}");
    assert_eq!(
        shown(read.average_price),
        optional_nonzero(&order["ap"]),
        "{name}"
    );
    assert_eq!(time(read.venue_time), Some(millis(&one["T"])), "{name}");
    match (order["x"].as_str().unwrap(), &read.last_fill) {
        ("TRADE" | "CALCULATED", Some(fill)) => fill_fields(name, fill, order),
        ("NEW", None) => {}
        (execution, fill) => panic!("{name}: {execution} with {fill:?}"),
    }
}

fn fill_fields(name: &str, read: &Fill, order: &Value) {
    assert_eq!(read.trade_id.to_string(), text(&order["t"]), "{name}");
    assert_eq!(read.venue_order_id.to_string(), text(&order["i"]), "{name}");
    assert_eq!(read.side, side(&order["S"]), "{name}");
    assert_eq!(read.position_side, position_side(&order["ps"]), "{name}");
    assert_eq!(read.price.to_string(), number(&order["L"]), "{name}");
    assert_eq!(read.quantity.to_string(), number(&order["l"]), "{name}");
    assert_eq!(
        fee(read),
        Some((text(&order["N"]), number(&order["n"]))),
        "{name}"
    );
    assert_eq!(read.liquidity, liquidity(&order["m"]), "{name}");
    assert_eq!(shown(read.realized_pnl), optional(&order["rp"]), "{name}");
    assert_eq!(read.venue_time.as_millis(), millis(&order["T"]), "{name}");
    let liquidation = order["x"] == "CALCULATED";
    let kind = if liquidation {
        FillKind::Liquidation
    } else {
        FillKind::Trade
    };
    assert_eq!(read.kind, kind, "{name}");
}

pub(super) fn account_frame(name: &str, frame: &str) {
    let (text_of_frame, one) = whole(frame, "ACCOUNT_UPDATE", |position| {
        let update = format!("{{\"m\":\"ORDER\",\"B\":[],\"P\":[{position}]}}");
        format!(
            "{{\"e\":\"ACCOUNT_UPDATE\",\"E\":1564745798939,\"T\":1564745798939,\"a\":{update}}}"
        )
    });
    let events = venue().read_private(&known(&one), text_of_frame.as_bytes());
    let mut events = events
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .into_iter();
    let at = Some(millis(&one["T"]));
    for balance in one["a"]["B"].as_array().unwrap() {
        let Some(AccountEvent::Balance(read)) = events.next() else {
            panic!("{name}: no balance")
        };
        assert_eq!(read.asset.to_string(), text(&balance["a"]), "{name}");
        assert_eq!(read.total.to_string(), number(&balance["wb"]), "{name}");
        assert_eq!(time(read.venue_time), at, "{name}");
        if let Some(change) = optional_nonzero(&balance["bc"]) {
            let Some(AccountEvent::Cash(read)) = events.next() else {
                panic!("{name}: no cash")
            };
            assert_eq!(
                (read.amount.to_string(), &read.kind_text),
                (change, &text(&one["a"]["m"]))
            );
        }
    }
    for position in one["a"]["P"].as_array().unwrap() {
        let Some(AccountEvent::Position(read)) = events.next() else {
            panic!("{name}: no position")
        };
        assert_eq!(read.side, position_side(&position["ps"]), "{name}");
        assert_eq!(read.quantity.to_string(), number(&position["pa"]), "{name}");
        assert_eq!(shown(read.entry_price), nonzero(&position["ep"]), "{name}");
        assert_eq!(
            shown(read.unrealized_pnl),
            Some(number(&position["up"])),
            "{name}"
        );
        assert_eq!(
            shown(read.isolated_margin),
            nonzero(&position["iw"]),
            "{name}"
        );
        margin_mode(name, &read, &position["mt"]);
        assert_eq!(time(read.venue_time), at, "{name}");
    }
    assert_eq!(events.next(), None, "{name}");
}

pub(super) fn ignored_event(name: &str, frame: &str) {
    let kind = text(&tree(frame)["e"]);
    let read = venue()
        .read_private(&context([]), frame.as_bytes())
        .unwrap();
    assert_eq!(read, [AccountEvent::Ignored { kind }], "{name}");
}
