//! Every recorded payload of the venue that the simulator sends too has the same fields, and they
//! are of the same types.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::client::{PERP, SPOT, market, next_of, resting, with};
use crate::support::{World, now_ms, shared};

/// Integers that the collectors of the recordings have put between quotation marks.
const QUOTED: [&str; 9] = [
    "E",
    "T",
    "clientId",
    "createdAt",
    "fundingInterval",
    "id",
    "nextFundingTimestamp",
    "timestamp",
    "tradeId",
];
/// The same, where the recordings hold texts in other places.
const QUOTED_OF_POSITIONS: &str = "userId";

/// Fields that the documentation has and a recording lacks, being older.
const SINCE: [&str; 8] = [
    "expiryReason",
    "limitWeight",
    "positionLimitWeight",
    "slippageTolerance",
    "slippageToleranceType",
    "visible",
    "y",
    "p",
];

/// Fields that no venue ever sent: a collector's own search and replace.
const MANGLED: [&str; 2] = [
    "borrowmarketFeeMaxMultiplier",
    "borrowmarketFeeMinMultiplier",
];

/// What is recorded and never sent here, with the reason.
const NOT_SENT: [(&str, &str); 6] = [
    ("parse_transaction", "nothing is withdrawn here"),
    ("security", "shares of companies are not traded here"),
    (
        "_trade_update_event",
        "invented: an id in the place of a text, and a field of another venue",
    ),
    (
        "_order_diff_event",
        "invented: lacks the time that every frame bears",
    ),
    (
        "_snapshot_response",
        "invented: a number in the place of a text",
    ),
    (
        "test_update_balances",
        "a part of the answer, cut out by a test",
    ),
];

fn differences(at: &str, recorded: &Value, ours: &Value, found: &mut Vec<String>) {
    let name = at.rsplit('.').next().unwrap_or_default();
    match (recorded, ours) {
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(recorded), Value::Object(ours)) => {
            for (name, value) in recorded {
                match ours.get(name) {
                    Some(own) => differences(&format!("{at}.{name}"), value, own, found),
                    None if MANGLED.contains(&name.as_str()) => {}
                    None => found.push(format!("{at}.{name} is missing")),
                }
            }
            let invented = ours.keys().filter(|name| !recorded.contains_key(*name));
            let invented = invented.filter(|name| {
                !SINCE.contains(&name.as_str()) && !name.starts_with("borrowEntryFee")
            });
            found.extend(invented.map(|name| format!("{at}.{name} is not recorded")));
        }
        (Value::Array(recorded), Value::Array(ours)) => {
            if let (Some(one), Some(own)) = (recorded.first(), ours.first()) {
                differences(&format!("{at}[]"), one, own, found);
            }
        }
        (Value::String(text), Value::Number(_))
            if QUOTED.contains(&name) || name == QUOTED_OF_POSITIONS =>
        {
            if text.parse::<i64>().is_err() {
                found.push(format!("{at} is recorded as {text}"));
            }
        }
        (Value::String(text), Value::String(own)) => {
            let decimal = |text: &str| text.parse::<Decimal>().is_ok();
            if decimal(text) != decimal(own) {
                found.push(format!("{at} is recorded as {text}, not as {own}"));
            }
        }
        (recorded, ours) if std::mem::discriminant(recorded) == std::mem::discriminant(ours) => {}
        (recorded, ours) => found.push(format!("{at} is recorded as {recorded}, not as {ours}")),
    }
}

type Payloads = BTreeMap<&'static str, Value>;

/// Makes the venue send everything once.
async fn everything(world: &World) -> Payloads {
    let mut sent = Payloads::new();
    let streams = [
        "account.orderUpdate",
        "account.positionUpdate",
        &format!("ticker.{PERP}"),
        &format!("kline.2h.{PERP}"),
        &format!("trade.{PERP}"),
        &format!("depth.{PERP}"),
    ];
    let mut socket = world.streams(&streams).await;
    let spend = with(
        market(SPOT, "Bid", "1"),
        json!({ "quantity": null, "quoteQuantity": "4.30" }),
    );
    world.taken(spend).await;
    for event in ["orderAccepted", "orderFill"] {
        let frame = socket.until(|frame| frame["data"]["e"] == event).await;
        sent.insert(
            if event == "orderFill" {
                "order filled"
            } else {
                "order accepted"
            },
            frame,
        );
    }
    sent.insert("placed", world.taken(resting(PERP, 1)).await);
    let market = with(market(PERP, "Bid", "0.5"), json!({ "clientId": 55555 }));
    sent.insert("bought", world.taken(market).await);
    let position = socket.until(|frame| frame["stream"] == streams[1]).await;
    sent.insert("position opened", position);
    let mut late = world.socket("").await;
    late.say(&world.subscription(&[streams[1]])).await;
    sent.insert("position state", late.next().await.unwrap());
    for (name, stream) in [
        ("ticker told", 2),
        ("bar told", 3),
        ("trade told", 4),
        ("book told", 5),
    ] {
        let data = next_of(&mut socket, streams[stream]).await;
        sent.insert(name, json!({ "stream": streams[stream], "data": data }));
    }
    sent.insert("refused stream", {
        socket
            .say("{\"method\":\"SUBSCRIBE\",\"params\":[\"x\"]}")
            .await;
        socket.until(|frame| frame.get("error").is_some()).await
    });
    let (bid, perp) = (
        json!({ "symbol": PERP, "limit": 3 }),
        json!({ "symbol": PERP }),
    );
    world.control("POST", "funding", &json!({})).await;
    let from = json!({ "symbol": PERP, "interval": "1m", "startTime": now_ms() / 1000 - 90 });
    let public = [
        ("markets", "/api/v1/markets", json!({})),
        ("status", "/api/v1/status", json!({})),
        ("trades", "/api/v1/trades", bid),
        ("bars", "/api/v1/klines", from),
        ("ticker", "/api/v1/ticker", perp.clone()),
        ("marks", "/api/v1/markPrices", perp.clone()),
        ("rates", "/api/v1/fundingRates", perp.clone()),
    ];
    for (name, path, fields) in public {
        sent.insert(name, world.public(path, fields).await.json());
    }
    let private = [
        ("positions", "GET", "/api/v1/position", json!({})),
        ("open", "GET", "/api/v1/orders", perp.clone()),
        ("fills", "GET", "/wapi/v1/history/fills", json!({})),
        ("capital", "GET", "/api/v1/capital", json!({})),
        ("payments", "GET", "/wapi/v1/history/funding", json!({})),
        ("all ended", "DELETE", "/api/v1/orders", perp),
        (
            "refused",
            "POST",
            "/api/v1/order",
            with(resting(PERP, 1), json!({ "price": "1" })),
        ),
    ];
    for (name, method, path, fields) in private {
        sent.insert(name, world.ask(method, path, fields).await.json());
    }
    sent.insert("cancelled", sent["all ended"][0].clone());
    sent
}

/// Which of ours a recorded payload is to be like.
fn like(source: &str, payload: &Value) -> Option<&'static str> {
    let frame = payload.get("data").unwrap_or(payload);
    let event = frame["e"].as_str();
    Some(match (source, event) {
        ("parse_market" | "all_symbols_request_mock_response", _) => "markets",
        ("parse_funding_rate" | "fetchFundingRate", _) => "marks",
        ("fetch_funding_rate_history", _) => "rates",
        ("parse_trade" | "fetchMyTrades", _) => "fills",
        ("parse_position" | "fetchPositions", _)
        | ("_get_position_risk_api_endpoint_single_position_list", _) => "positions",
        ("handle_errors", _) => "refused",
        ("handle_error_message", _) => "refused stream",
        ("createOrder", _) if payload["orderType"] == "Market" => "bought",
        ("createOrder" | "order_creation_request_successful_mock_response", _) => "placed",
        ("cancelOrder", _) => "cancelled",
        ("cancelAllOrders", _) => "all ended",
        ("fetchOpenOrders", _) => "open",
        ("fetchTrades", _) => "trades",
        ("fetchOHLCV", _) => "bars",
        ("fetchTicker" | "latest_prices_request_mock_response", _) => "ticker",
        ("fetchBalance" | "balance_request_mock_response_for_base_and_quote", _) => "capital",
        ("fetchStatus", _) => "status",
        ("_get_income_history_dict", _) => "payments",
        ("_position_update_event" | "_get_account_update_ws_event_single_position_dict", _) => {
            "position state"
        }
        (_, Some("ticker")) => "ticker told",
        (_, Some("kline")) => "bar told",
        (_, Some("trade")) => "trade told",
        (_, Some("depth")) => "book told",
        (_, Some("orderAccepted")) => "order accepted",
        (_, Some("orderFill")) => "order filled",
        (_, Some("positionOpened")) => "position opened",
        _ => return None,
    })
}

/// Brings two payloads to the same outer form.
fn aligned(name: &str, recorded: &Value, ours: &Value) -> Vec<(Value, Value)> {
    let list = |value: &Value| {
        value
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![value.clone()])
    };
    if name == "markets" {
        let kinds = list(recorded).into_iter().map(|market| {
            let kind = market["marketType"].clone();
            let own = list(ours).into_iter().find(|own| own["marketType"] == kind);
            (market, own.unwrap_or_default())
        });
        return kinds.collect();
    }
    if name == "capital" {
        return vec![(recorded["USDC"].clone(), ours["USDC"].clone())];
    }
    match (recorded, ours) {
        (Value::Object(_), Value::Array(own)) => vec![(recorded.clone(), own[0].clone())],
        (Value::Object(fields), _)
            if ours.get("data").is_some() && !fields.contains_key("data") =>
        {
            vec![(recorded.clone(), ours["data"].clone())]
        }
        _ => vec![(recorded.clone(), ours.clone())],
    }
}

#[tokio::test]
async fn recorded_payloads_and_ours_are_alike() {
    let files = [
        ("ccxt/rest_comment_samples.json", "samples", "fn", "payload"),
        ("ccxt/ws_comment_samples.json", "samples", "fn", "payload"),
        (
            "ccxt/rest_responses_subset.json",
            "cases",
            "ccxtMethod",
            "httpResponse",
        ),
        ("hummingbot_cases.json", "cases", "name", "payload"),
    ];
    let Some(folder) = shared("venues/backpack") else {
        return;
    };
    let mut config = World::backpack_config();
    // A bar that began before is then there to be told.
    config.history = std::time::Duration::from_secs(180);
    let world = World::start(config).await;
    let sent = everything(&world).await;
    let (mut found, mut compared) = (Vec::new(), 0);
    for (file, list, title, body) in files {
        let text = std::fs::read(folder.join(file)).unwrap();
        let recorded: Value = serde_json::from_slice(&text).unwrap();
        for case in recorded[list].as_array().unwrap() {
            let (source, payload) = (case[title].as_str().unwrap(), &case[body]);
            let security = payload.get("cusip").is_some();
            let known = if security { "security" } else { source };
            if NOT_SENT.iter().any(|(name, _)| *name == known) {
                continue;
            }
            let Some(name) = like(source, payload) else {
                found.push(format!("{file}: {source} is like nothing: {payload}"));
                continue;
            };
            for (theirs, ours) in aligned(name, payload, &sent[name]) {
                differences(&format!("{source} as {name}"), &theirs, &ours, &mut found);
                compared += 1;
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(compared >= 30, "{compared}");
}
