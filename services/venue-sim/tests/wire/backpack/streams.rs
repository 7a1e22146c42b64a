//! Public streams, and what an account is told.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::client::{PERP, SPOT, market, next_of, number, resting, with};
use crate::support::{Socket, World};

type Levels = BTreeMap<(bool, Decimal), Decimal>;

fn apply(levels: &mut Levels, update: &Value, bids: &str, asks: &str) {
    for (is_bid, name) in [(true, bids), (false, asks)] {
        for level in update[name].as_array().unwrap() {
            let (key, quantity) = ((is_bid, number(&level[0])), number(&level[1]));
            if quantity.is_zero() {
                levels.remove(&key);
            } else {
                levels.insert(key, quantity);
            }
        }
    }
}

async fn snapshot(world: &World, symbol: &str) -> (Levels, u64) {
    let asked = json!({ "symbol": symbol, "limit": 1000 });
    let book = world.public("/api/v1/depth", asked).await.json();
    let mut levels = Levels::new();
    apply(&mut levels, &book, "bids", "asks");
    (
        levels,
        book["lastUpdateId"].as_str().unwrap().parse().unwrap(),
    )
}

/// Follows a book as the venue documents it, and checks the chain on the way.
async fn follow(
    world: &World,
    socket: &mut Socket,
    (stream, symbol): (&str, &str),
    updates: usize,
) -> (Levels, u64) {
    let mut buffer = vec![next_of(socket, stream).await];
    let (mut levels, held) = snapshot(world, symbol).await;
    let mut last: Option<u64> = None;
    let mut applied = 0;
    while applied < updates {
        let update = match buffer.pop() {
            Some(update) => update,
            None => next_of(socket, stream).await,
        };
        let number = |name: &str| update[name].as_u64().unwrap();
        if number("u") <= held {
            continue;
        }
        match last {
            None => assert!(number("U") <= held + 1, "{held}: {update}"),
            Some(last) => assert_eq!(number("U"), last + 1),
        }
        last = Some(number("u"));
        apply(&mut levels, &update, "b", "a");
        applied += 1;
    }
    (levels, last.unwrap())
}

#[tokio::test]
async fn a_book_followed_by_the_venues_rules_equals_the_venues_book() {
    let world = World::start(World::backpack_config()).await;
    for window in ["", "200ms.", "600ms.", "1000ms."] {
        let symbol = if window == "200ms." { SPOT } else { PERP };
        let stream = format!("depth.{window}{symbol}");
        let mut socket = world.streams(&[&stream]).await;
        let updates = if window.is_empty() { 30 } else { 3 };
        let (mut levels, mut last) = follow(&world, &mut socket, (&stream, symbol), updates).await;
        world
            .control("POST", "market", &json!({ "paused": true }))
            .await;
        let (truth, end) = snapshot(&world, symbol).await;
        while last < end {
            let update = next_of(&mut socket, &stream).await;
            last = update["u"].as_u64().unwrap();
            apply(&mut levels, &update, "b", "a");
        }
        assert_eq!(levels, truth, "{stream}");
        world
            .control("POST", "market", &json!({ "paused": false }))
            .await;
    }
}

#[tokio::test]
async fn the_best_prices_told_are_those_of_the_book() {
    let world = World::backpack().await;
    let stream = format!("bookTicker.{PERP}");
    let mut socket = world.streams(&[&stream]).await;
    let (bid, ask) = world.touch(PERP).await;
    world.finer_tick(PERP).await;
    let inside = (bid + Decimal::new(1, 3)).to_string();
    let order = with(
        resting(PERP, 1),
        json!({ "price": inside, "quantity": "0.37" }),
    );
    world.taken(order).await;
    let told = next_of(&mut socket, &stream).await;
    assert_eq!((&told["b"], &told["B"]), (&json!(inside), &json!("0.37")));
    assert_eq!(number(&told["a"]), ask);
    world.drop_order(PERP, 1).await;
    let told = next_of(&mut socket, &stream).await;
    assert_eq!(number(&told["b"]), bid);
}

#[tokio::test]
async fn trades_on_the_stream_are_those_of_rest_and_make_the_bars() {
    let world = World::backpack().await;
    let (trade, bar) = (format!("trade.{PERP}"), format!("kline.1m.{PERP}"));
    let mut socket = world
        .streams(&[&trade, &bar, &format!("ticker.{PERP}")])
        .await;
    let order = world.taken(market(PERP, "Bid", "0.02")).await;
    let print = next_of(&mut socket, &trade).await;
    assert_eq!(
        (&print["q"], &print["m"], &print["b"]),
        (&json!("0.02"), &json!(false), &order["id"])
    );
    let newest = json!({ "symbol": PERP, "limit": 1 });
    let rest = world.public("/api/v1/trades", newest).await.json();
    assert_eq!(
        (&rest[0]["id"], &rest[0]["price"], &rest[0]["quantity"]),
        (&print["t"], &print["p"], &print["q"])
    );
    assert_eq!(
        rest[0]["timestamp"].as_u64().unwrap() * 1000,
        print["T"].as_u64().unwrap()
    );
    let told = socket
        .until(|frame| frame["stream"] == bar.as_str() && frame["data"]["c"] == print["p"])
        .await["data"]
        .clone();
    assert_eq!(told["X"], false);
    let day = next_of(&mut socket, &format!("ticker.{PERP}")).await;
    let ticker = world
        .public("/api/v1/ticker", json!({ "symbol": PERP }))
        .await
        .json();
    assert_eq!(number(&day["c"]), number(&ticker["lastPrice"]));
    assert_eq!(day["n"].to_string(), ticker["trades"].as_str().unwrap());
    let from = crate::support::now_ms() / 1000 - 120;
    let bars = json!({ "symbol": PERP, "interval": "1m", "startTime": from });
    let bars = world.public("/api/v1/klines", bars).await.json();
    // A new minute may have begun meanwhile.
    let begun = told["t"].as_str().unwrap().replace('T', " ");
    let mut bars = bars.as_array().unwrap().iter();
    let same = bars.find(|bar| bar["start"] == begun.as_str()).unwrap();
    assert_eq!(number(&same["close"]), number(&print["p"]));
}

#[tokio::test]
async fn a_bar_is_closed_once_and_the_next_one_follows() {
    let world = World::start(World::backpack_config()).await;
    let stream = format!("kline.1m.{SPOT}");
    let mut socket = world.streams(&[&stream]).await;
    let running = next_of(&mut socket, &stream).await;
    assert_eq!(running["X"], false);
    world
        .control("POST", "clock", &json!({ "skew_ms": 60_000 }))
        .await;
    let closed = socket.until(|frame| frame["data"]["X"] == true).await["data"].clone();
    assert_eq!(closed["t"], running["t"]);
    let next = next_of(&mut socket, &stream).await;
    assert_eq!((&next["X"], &next["t"]), (&json!(false), &closed["T"]));
}

#[tokio::test]
async fn marks_and_open_interest_are_told_as_rest_tells_them() {
    let world = World::backpack().await;
    world.taken(market(PERP, "Bid", "3")).await;
    let (mark, interest) = (format!("markPrice.{PERP}"), format!("openInterest.{PERP}"));
    let mut socket = world.streams(&[&mark]).await;
    let told = next_of(&mut socket, &mark).await;
    let rest = world
        .public("/api/v1/markPrices", json!({ "symbol": PERP }))
        .await
        .json();
    assert_eq!(number(&told["p"]), number(&rest[0]["markPrice"]));
    assert_eq!(number(&told["i"]), number(&rest[0]["indexPrice"]));
    assert_eq!(told["n"], rest[0]["nextFundingTimestamp"]);
    let all = world.public("/api/v1/markPrices", json!({})).await.json();
    assert_eq!(all.as_array().unwrap().len(), 3);

    let mut late = world.streams(&[&interest]).await;
    let told = next_of(&mut late, &interest).await;
    let rest = world
        .public("/api/v1/openInterest", json!({ "symbol": PERP }))
        .await
        .json();
    assert_eq!(number(&told["o"]), number(&rest[0]["openInterest"]));
    assert_eq!(number(&told["o"]), Decimal::from(3));
}

#[tokio::test]
async fn bad_messages_get_the_venues_words_and_harm_nothing() {
    let world = World::backpack().await;
    let mut socket = world.streams(&["trade.SOL_USDC"]).await;
    let cases = [
        (
            json!({ "method": "SUBSCRIBE", "params": ["depth.300ms.SOL_USDC"] }),
            4008,
        ),
        (
            json!({ "method": "SUBSCRIBE", "params": ["nothing.SOL_USDC"] }),
            4006,
        ),
        (json!({ "method": "NOPE", "params": [] }), 4002),
        (
            json!({ "method": "SUBSCRIBE", "params": "trade.SOL_USDC" }),
            4002,
        ),
    ];
    for (message, code) in cases {
        socket.say(&message.to_string()).await;
        let reply = socket.next().await.unwrap();
        assert_eq!(reply["error"]["code"], code, "{message}: {reply}");
        assert!(reply["id"].is_null());
    }
    world.taken(market(SPOT, "Bid", "1")).await;
    assert_eq!(socket.next().await.unwrap()["stream"], "trade.SOL_USDC");
    let leave = json!({ "method": "UNSUBSCRIBE", "params": ["trade.SOL_USDC"] });
    socket.say(&leave.to_string()).await;
    world.subscribe(&mut socket, &[]).await;
    world.taken(market(SPOT, "Bid", "1")).await;
    world.subscribe(&mut socket, &["account.orderUpdate"]).await;
    world.taken(market(SPOT, "Bid", "1")).await;
    // The first that is heard after leaving is of another stream.
    assert_eq!(
        socket.next().await.unwrap()["stream"],
        "account.orderUpdate"
    );
}

#[tokio::test]
async fn every_step_of_an_order_is_told() {
    let world = World::backpack().await;
    let name = "account.orderUpdate";
    let narrow = format!("{name}.{PERP}");
    let mut socket = world.streams(&[name]).await;
    let mut other = world.streams(&[&narrow]).await;
    let (bid, _) = world.touch(PERP).await;
    world.taken(resting(SPOT, 1)).await;
    world.drop_order(SPOT, 1).await;
    let iocs = json!({ "price": bid.to_string(), "timeInForce": "IOC" });
    world.taken(with(resting(PERP, 2), iocs)).await;
    world
        .taken(with(market(PERP, "Bid", "0.01"), json!({ "clientId": 3 })))
        .await;
    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(next_of(&mut socket, name).await);
    }
    let steps: Vec<(u64, &str, &str)> = told
        .iter()
        .map(|frame| {
            let text = |name: &str| frame[name].as_str().unwrap();
            (frame["c"].as_u64().unwrap(), text("e"), text("X"))
        })
        .collect();
    assert_eq!(
        steps,
        [
            (1, "orderAccepted", "New"),
            (1, "orderCancelled", "Cancelled"),
            (2, "orderAccepted", "New"),
            (2, "orderExpired", "Expired"),
            (3, "orderAccepted", "New"),
            (3, "orderFill", "Filled"),
        ]
    );
    assert_eq!(told[3]["R"], "IMMEDIATE_OR_CANCEL");
    let fill = &told[5];
    assert_eq!(
        (&fill["l"], &fill["z"], &fill["m"], &fill["N"]),
        (
            &json!("0.01"),
            &json!("0.01"),
            &json!(false),
            &json!("USDC")
        )
    );
    let fills = world
        .ask("GET", "/wapi/v1/history/fills", json!({ "symbol": PERP }))
        .await;
    let fills = fills.json();
    assert_eq!(
        (&fills[0]["tradeId"], &fills[0]["price"]),
        (&fill["t"], &fill["L"])
    );
    assert_eq!(number(&fills[0]["fee"]), number(&fill["n"]));
    assert_eq!(
        next_of(&mut other, &narrow).await,
        told[2],
        "the other market is not told here"
    );
}

#[tokio::test]
async fn what_an_account_holds_is_told_when_it_moves() {
    let world = World::backpack().await;
    let name = "account.balanceUpdate";
    let mut socket = world.streams(&[name]).await;
    world.taken(resting(SPOT, 1)).await;
    let told = next_of(&mut socket, name).await;
    assert_eq!(
        (&told["a"], number(&told["L"])),
        (&json!("USDC"), Decimal::from(140))
    );
    world.drop_order(SPOT, 1).await;
    let freed = next_of(&mut socket, name).await;
    assert_eq!(number(&freed["L"]), Decimal::ZERO);
    assert_eq!(number(&freed["A"]), number(&told["A"]) + Decimal::from(140));
    world.taken(market(SPOT, "Bid", "1")).await;
    let bought = socket
        .until(|frame| frame["stream"] == name && frame["data"]["a"] == "SOL")
        .await["data"]
        .clone();
    let held = world.ask("GET", "/api/v1/capital", json!({})).await.json();
    assert_eq!(number(&bought["A"]), number(&held["SOL"]["available"]));
}
