//! Public streams.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Socket, World, shared};

type Levels = BTreeMap<(bool, String), String>;

fn apply(levels: &mut Levels, update: &Value, bids: &str, asks: &str) {
    for (is_bid, name) in [(true, bids), (false, asks)] {
        for level in update[name].as_array().unwrap() {
            let (price, quantity) = (level[0].as_str().unwrap(), level[1].as_str().unwrap());
            let key = (is_bid, price.to_owned());
            if quantity.trim_matches(['0', '.']).is_empty() {
                levels.remove(&key);
            } else {
                levels.insert(key, quantity.to_owned());
            }
        }
    }
}

/// Builds a book as the venue documents it, and checks the chain on the way.
async fn build(world: &World, socket: &mut Socket, updates: usize) -> (Levels, u64) {
    let mut buffer = vec![socket.until(|value| value["e"] == "depthUpdate").await];
    let depth = [("symbol", "BTCUSDT"), ("limit", "1000")];
    let snapshot = world.get("/fapi/v1/depth", &depth).await.json();
    let held = snapshot["lastUpdateId"].as_u64().unwrap();
    let mut levels = Levels::new();
    apply(&mut levels, &snapshot, "bids", "asks");
    let mut last: Option<u64> = None;
    let mut applied = 0;
    while applied < updates {
        let update = match buffer.pop() {
            Some(update) => update,
            None => socket.until(|value| value["e"] == "depthUpdate").await,
        };
        let number = |name: &str| update[name].as_u64().unwrap();
        if number("u") < held {
            continue;
        }
        match last {
            None => assert!(
                number("U") <= held && held <= number("u"),
                "{held}: {update}"
            ),
            Some(last) => assert_eq!(number("pu"), last),
        }
        last = Some(number("u"));
        apply(&mut levels, &update, "b", "a");
        applied += 1;
    }
    (levels, last.unwrap())
}

#[tokio::test]
async fn a_book_built_by_the_venues_rules_equals_the_venues_book() {
    let world = World::start(World::config()).await;
    for stream in ["btcusdt@depth@0ms", "btcusdt@depth@100ms", "btcusdt@depth"] {
        let mut socket = world.socket(&format!("/public/ws/{stream}")).await;
        let (mut levels, mut last) = build(&world, &mut socket, 12).await;
        world
            .control("POST", "market", &json!({ "paused": true }))
            .await;
        let depth = [("symbol", "BTCUSDT"), ("limit", "1000")];
        let truth = world.get("/fapi/v1/depth", &depth).await.json();
        while last < truth["lastUpdateId"].as_u64().unwrap() {
            let update = socket.until(|value| value["e"] == "depthUpdate").await;
            last = update["u"].as_u64().unwrap();
            apply(&mut levels, &update, "b", "a");
        }
        let mut wanted = Levels::new();
        apply(&mut wanted, &truth, "bids", "asks");
        assert_eq!(levels, wanted, "{stream}");
        world
            .control("POST", "market", &json!({ "paused": false }))
            .await;
    }
}

#[tokio::test]
async fn the_best_prices_of_an_update_are_those_of_the_book() {
    let world = World::start(World::config()).await;
    let path = "/public/stream?streams=btcusdt@depth@0ms/btcusdt@bookTicker";
    let mut socket = world.socket(path).await;
    let first = socket
        .until(|value| value["data"]["e"] == "depthUpdate")
        .await;
    let depth = [("symbol", "BTCUSDT"), ("limit", "1000")];
    let snapshot = world.get("/fapi/v1/depth", &depth).await.json();
    let held = snapshot["lastUpdateId"].as_u64().unwrap();
    let mut levels = Levels::new();
    apply(&mut levels, &snapshot, "bids", "asks");
    let (mut agreed, mut at) = (0, first["data"]["u"].as_u64().unwrap());
    while agreed < 20 {
        let message = socket.next().await.unwrap();
        let data = &message["data"];
        let number = data["u"].as_u64().unwrap();
        if number <= held {
            continue;
        }
        if data["e"] == "depthUpdate" {
            apply(&mut levels, data, "b", "a");
            at = number;
            continue;
        }
        if number == at {
            let best = |is_bid: bool| {
                let side = levels.iter().filter(|((bid, _), _)| *bid == is_bid);
                let mut prices: Vec<f64> =
                    side.map(|((_, price), _)| price.parse().unwrap()).collect();
                prices.sort_by(f64::total_cmp);
                if is_bid {
                    prices.pop()
                } else {
                    prices.first().copied()
                }
            };
            let said = |name: &str| data[name].as_str().unwrap().parse::<f64>().ok();
            assert_eq!((said("b"), said("a")), (best(true), best(false)));
            agreed += 1;
        }
    }
}

#[tokio::test]
async fn trades_on_the_stream_are_those_of_rest_and_make_the_bars() {
    let world = World::quiet().await;
    let path = "/stream?streams=btcusdt@trade/btcusdt@bookTicker";
    let mut trades = world.socket(path).await;
    let mut market = world
        .socket("/market/ws/btcusdt@aggTrade/btcusdt@kline_1m")
        .await;
    let bar = market.until(|value| value["e"] == "kline").await;
    let order = world.buy_market("print", "0.002").await;

    let print = trades.until(|value| value["data"]["e"] == "trade").await["data"].clone();
    assert_eq!((&print["q"], &print["m"]), (&json!("0.002"), &json!(false)));
    let rest = [("symbol", "BTCUSDT"), ("limit", "1")];
    let last = world.get("/fapi/v1/trades", &rest).await.json();
    assert_eq!(
        (&last[0]["id"], &last[0]["price"]),
        (&print["t"], &print["p"])
    );
    let aggregate = market.until(|value| value["e"] == "aggTrade").await;
    assert_eq!(aggregate["l"], print["t"]);
    let average: f64 = order["avgPrice"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        print["p"].as_str().unwrap().parse::<f64>().unwrap(),
        average
    );

    let next = market
        .until(|value| value["e"] == "kline" && value["k"]["c"] == print["p"])
        .await;
    assert!(next["k"]["L"].as_u64() > bar["k"]["L"].as_u64());
    let bars = [("symbol", "BTCUSDT"), ("interval", "1m"), ("limit", "1")];
    let rest = world.get("/fapi/v1/klines", &bars).await.json();
    assert_eq!(rest[0][0], next["k"]["t"]);
    assert_eq!(rest[0][4], print["p"]);
}

#[tokio::test]
async fn a_bar_is_closed_once_and_the_next_one_follows() {
    let world = World::start(World::config()).await;
    let mut socket = world.socket("/market/ws/btcusdt@kline_1m").await;
    let running = socket.until(|value| value["k"]["x"] == false).await;
    let open = running["k"]["t"].as_u64().unwrap();
    world
        .control("POST", "clock", &json!({ "skew_ms": 60_000 }))
        .await;

    let closed = socket.until(|value| value["k"]["x"] == true).await;
    assert_eq!(closed["k"]["t"].as_u64().unwrap(), open);
    let next = socket.next().await.unwrap();
    assert_eq!(
        (&next["k"]["x"], next["k"]["t"].as_u64()),
        (&json!(false), Some(open + 60_000))
    );
}

/// The venue's rule since April 2026: each endpoint serves its own streams and takes the names of
/// others in silence.
#[tokio::test]
async fn an_endpoint_serves_only_its_own_streams() {
    let world = World::quiet().await;
    let mut root = world.socket("/ws/btcusdt@aggTrade/btcusdt@trade").await;
    let mut public = world
        .socket("/public/ws/btcusdt@markPrice@1s/btcusdt@trade")
        .await;
    let mut market = world
        .socket("/market/ws/btcusdt@trade/btcusdt@aggTrade")
        .await;
    world.buy_market("tell", "0.002").await;
    assert_eq!(root.next().await.unwrap()["e"], "trade");
    assert_eq!(public.next().await.unwrap()["e"], "trade");
    assert_eq!(market.next().await.unwrap()["e"], "aggTrade");
}

#[tokio::test]
async fn the_old_root_serves_everything_where_it_is_wanted() {
    let mut config = World::config();
    config.binance_legacy_root = true;
    let world = World::quiet_with(config).await;
    let key = world.listen_key().await;
    let mut root = world
        .socket(&format!("/ws/{key}/btcusdt@aggTrade/btcusdt@trade"))
        .await;
    world.buy_market("tell", "0.002").await;
    let mut heard: Vec<String> = Vec::new();
    while !["trade", "aggTrade", "ORDER_TRADE_UPDATE"]
        .iter()
        .all(|e| heard.iter().any(|h| h == e))
    {
        heard.push(root.next().await.unwrap()["e"].as_str().unwrap().to_owned());
    }
}

#[tokio::test]
async fn subscriptions_change_while_connected() {
    let world = World::quiet().await;
    let mut socket = world.socket("/public/ws").await;
    let subscribe = json!({ "method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1 });
    socket.say(&subscribe.to_string()).await;
    assert_eq!(
        socket.next().await.unwrap(),
        json!({ "result": null, "id": 1 })
    );
    socket
        .say("{\"method\":\"LIST_SUBSCRIPTIONS\",\"id\":\"a\"}")
        .await;
    assert_eq!(
        socket.next().await.unwrap(),
        json!({ "result": ["btcusdt@trade"], "id": "a" })
    );
    socket
        .say("{\"method\":\"SET_PROPERTY\",\"params\":[\"combined\",true],\"id\":3}")
        .await;
    assert_eq!(
        socket.next().await.unwrap(),
        json!({ "result": null, "id": 3 })
    );
    world.buy_market("one", "0.002").await;
    assert_eq!(socket.next().await.unwrap()["stream"], "btcusdt@trade");

    let leave = json!({ "method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 4 });
    socket.say(&leave.to_string()).await;
    assert_eq!(
        socket.next().await.unwrap(),
        json!({ "result": null, "id": 4 })
    );
    world.buy_market("two", "0.002").await;
    assert!(
        socket
            .is_silent(std::time::Duration::from_millis(150))
            .await
    );
}

#[tokio::test]
async fn bad_messages_get_the_venues_words() {
    let world = World::quiet().await;
    let cases = [
        ("{", 3, "Invalid JSON"),
        ("{\"id\":1}", 2, "Invalid request: missing field `method`"),
        (
            "{\"method\":\"SUBSCRIBE\",\"params\":[1],\"id\":1}",
            2,
            "property name must be a string",
        ),
        ("{\"method\":\"NOPE\",\"id\":1}", 2, "unknown variant NOPE"),
        (
            "{\"method\":\"SUBSCRIBE\",\"params\":[],\"id\":{}}",
            2,
            "request ID",
        ),
        (
            "{\"method\":\"SET_PROPERTY\",\"params\":[\"combined\",1],\"id\":1}",
            1,
            "expected Boolean",
        ),
        (
            "{\"method\":\"GET_PROPERTY\",\"params\":[\"x\"],\"id\":1}",
            0,
            "Unknown property",
        ),
    ];
    let mut socket = world.socket("/public/ws").await;
    for (message, code, text) in cases {
        socket.say(message).await;
        let reply = socket.next().await.unwrap();
        assert_eq!(reply["error"]["code"], code, "{message}: {reply}");
        assert!(
            reply["error"]["msg"].as_str().unwrap().contains(text),
            "{message}: {reply}"
        );
    }
}

#[tokio::test]
async fn frames_have_the_fields_of_recorded_ones() {
    let folder = "venues/binance/nautilus/futures";
    if shared(folder).is_none() {
        return;
    }
    let world = World::start(World::config()).await;
    let mut public = world
        .socket("/public/ws/btcusdt@depth@0ms/btcusdt@bookTicker/btcusdt@trade")
        .await;
    let market = "/market/ws/btcusdt@aggTrade/btcusdt@kline_1m/btcusdt@markPrice@1s/btcusdt@ticker";
    let mut market = world.socket(market).await;
    let mut private = world.private().await;
    world.buy_market("shape", "0.002").await;
    let cases = [
        (
            0,
            "depthUpdate",
            "market_data_json/depth_update_stream.json",
        ),
        (0, "bookTicker", "market_data_json/book_ticker_stream.json"),
        (0, "trade", "market_data_json/trade_stream.json"),
        (1, "aggTrade", "market_data_json/agg_trade_stream.json"),
        (1, "kline", "market_data_json/kline_stream_open.json"),
        (
            1,
            "markPriceUpdate",
            "market_data_json/mark_price_stream.json",
        ),
        (1, "24hrTicker", "market_data_json/ticker_stream.json"),
        (2, "ACCOUNT_UPDATE", "user_data_json/account_update.json"),
    ];
    for (which, event, file) in cases {
        let Some(file) = shared(&format!("{folder}/{file}")) else {
            continue;
        };
        let recorded: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let socket = match which {
            0 => &mut public,
            1 => &mut market,
            _ => &mut private,
        };
        let ours = socket.until(|value| value["e"] == event).await;
        for (name, value) in recorded.as_object().unwrap() {
            let own = &ours[name];
            assert!(!own.is_null(), "{event}.{name} is missing");
            assert_eq!(own.is_string(), value.is_string(), "{event}.{name}");
            assert_eq!(own.is_number(), value.is_number(), "{event}.{name}");
        }
    }
}
