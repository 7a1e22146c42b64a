//! Orders, fills, money and positions over REST.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chimera_venue_sim::{SharedClock, SystemClock, WallClock};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{World, limit};

fn decimal(value: &Value) -> Decimal {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not text: {value}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_limit_order_rests_is_read_and_is_cancelled() {
    let world = World::quiet().await;
    let placed = world.resting("rest").await;
    assert_eq!(
        (&placed["status"], &placed["origQty"]),
        (&json!("NEW"), &json!("0.002"))
    );
    assert!(
        placed["orderId"].as_u64().unwrap() > u64::from(u32::MAX),
        "more than 32 bits"
    );

    let read = world.query("rest").await.json();
    assert_eq!(read["orderId"], placed["orderId"]);
    let open = world
        .signed("GET", "/fapi/v1/openOrders", &[("symbol", "BTCUSDT")])
        .await
        .json();
    assert_eq!(open.as_array().unwrap().len(), 1);

    let cancelled = world.cancel("rest").await.json();
    assert_eq!(cancelled["status"], "CANCELED");
    let one = [("symbol", "BTCUSDT"), ("origClientOrderId", "rest")];
    assert_eq!(
        world.signed("GET", "/fapi/v1/openOrder", &one).await.code(),
        -2013
    );
    assert_eq!(world.query("rest").await.json()["status"], "CANCELED");
}

/// `ACK` answers before anything trades; `RESULT` waits for what came of it.
#[tokio::test]
async fn the_answer_is_as_fresh_as_was_asked_for() {
    let world = World::quiet().await;
    let market = |client_id: &'static str, kind: &'static str| {
        let mut pairs = vec![("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "MARKET")];
        pairs.extend([("quantity", "0.002"), ("newClientOrderId", client_id)]);
        pairs.push(("newOrderRespType", kind));
        pairs
    };
    let acknowledged = world.order(&market("ack", "ACK")).await.json();
    let result = world.order(&market("result", "RESULT")).await.json();
    let said = |order: &Value| (order["status"].clone(), order["executedQty"].clone());
    assert_eq!(said(&acknowledged), (json!("NEW"), json!("0.000")));
    assert_eq!(said(&result), (json!("FILLED"), json!("0.002")));
    assert_eq!(world.query("ack").await.json()["status"], "FILLED");
}

/// A busy machine: between two looks at the clock the market moves on.
#[derive(Default)]
struct Hurried(AtomicU32);

impl WallClock for Hurried {
    fn now(&self) -> Duration {
        SystemClock.now() + Duration::from_millis(5) * self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// The market is played in steps; an order between two of them comes after what was due before.
#[tokio::test]
async fn a_later_trade_bears_no_earlier_time() {
    let mut config = World::config();
    config.events_per_second = 400;
    let world = World::start_by(SharedClock::new(Hurried::default()), config).await;
    for number in 0..60 {
        world.buy_market(&format!("taken-{number}"), "0.002").await;
    }
    let newest = [("symbol", "BTCUSDT"), ("limit", "1000")];
    let trades = world.get("/fapi/v1/trades", &newest).await.json();
    let told = trades.as_array().unwrap().iter();
    let told: Vec<(u64, u64)> = told
        .map(|trade| {
            (
                trade["id"].as_u64().unwrap(),
                trade["time"].as_u64().unwrap(),
            )
        })
        .collect();
    assert!(told.is_sorted_by_key(|(id, _)| *id));
    assert!(told.is_sorted_by_key(|(_, time)| *time), "{told:?}");
}

#[tokio::test]
async fn a_round_trip_moves_the_wallet_by_profit_and_fees_exactly() {
    let world = World::quiet().await;
    world.buy_market("in", "0.05").await;
    let held = world
        .signed("GET", "/fapi/v3/positionRisk", &[])
        .await
        .json();
    assert_eq!(held[0]["positionAmt"], "0.050");
    assert!(decimal(&held[0]["initialMargin"]) > Decimal::ZERO);

    let close = [
        ("symbol", "BTCUSDT"),
        ("side", "SELL"),
        ("type", "MARKET"),
        ("quantity", "0.2"),
        ("reduceOnly", "true"),
        ("newOrderRespType", "RESULT"),
    ];
    let closed = world.order(&close).await.json();
    assert_eq!(
        closed["executedQty"], "0.050",
        "a reduce-only order is cut to the position"
    );

    let flat = world
        .signed("GET", "/fapi/v3/positionRisk", &[])
        .await
        .json();
    assert_eq!(flat, json!([]));
    let trades = world
        .signed("GET", "/fapi/v1/userTrades", &[("symbol", "BTCUSDT")])
        .await
        .json();
    let (mut cash, mut fees, mut profit) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    for trade in trades.as_array().unwrap() {
        let sign = if trade["buyer"] == true {
            -Decimal::ONE
        } else {
            Decimal::ONE
        };
        cash += sign * decimal(&trade["price"]) * decimal(&trade["qty"]);
        fees += decimal(&trade["commission"]);
        profit += decimal(&trade["realizedPnl"]);
    }
    assert_eq!(profit, cash);
    let wallet = world.signed("GET", "/fapi/v3/balance", &[]).await.json();
    assert_eq!(
        decimal(&wallet[0]["balance"]),
        Decimal::from(100_000) + cash - fees
    );
    let ledger = world.ledger().await;
    assert_eq!(ledger["accounts"][0]["wallet"].as_str().unwrap(), {
        (Decimal::from(100_000) + cash - fees)
            .normalize()
            .to_string()
    });
    let income = world.signed("GET", "/fapi/v1/income", &[]).await.json();
    let paid: Decimal = income
        .as_array()
        .unwrap()
        .iter()
        .map(|row| decimal(&row["income"]))
        .sum();
    assert_eq!(paid, cash - fees);
}

#[tokio::test]
async fn margin_is_bound_by_orders_and_freed_by_their_cancel() {
    let world = World::quiet().await;
    let account = || async { world.signed("GET", "/fapi/v3/account", &[]).await.json() };
    let before = account().await;
    assert_eq!(before["availableBalance"], "100000.00000000");
    assert_ne!(
        before["assets"][0]["updateTime"], 0,
        "zero says that the asset was never used, and clients leave its balance out"
    );
    assert_eq!(world.order(&limit("bind", "60000", "1")).await.status, 200);

    let bound = account().await;
    assert_eq!(bound["totalOpenOrderInitialMargin"], "3000.00000000");
    assert_eq!(bound["availableBalance"], "97000.00000000");

    world.cancel("bind").await;
    assert_eq!(account().await["availableBalance"], "100000.00000000");
}

#[tokio::test]
async fn leverage_decides_how_much_margin_binds() {
    let world = World::quiet().await;
    let set = [("symbol", "BTCUSDT"), ("leverage", "10")];
    let answer = world.signed("POST", "/fapi/v1/leverage", &set).await.json();
    assert_eq!(
        (&answer["leverage"], &answer["symbol"]),
        (&json!(10), &json!("BTCUSDT"))
    );
    world.order(&limit("bind", "60000", "1")).await;
    let account = world.signed("GET", "/fapi/v2/account", &[]).await.json();
    assert_eq!(account["totalOpenOrderInitialMargin"], "6000.00000000");
    assert_eq!(account["positions"][0]["leverage"], "10");
}

#[tokio::test]
async fn an_amended_order_keeps_its_id_and_changes_its_terms() {
    let world = World::quiet().await;
    let placed = world.resting("amend").await;
    let amend = [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("origClientOrderId", "amend"),
        ("quantity", "0.003"),
        ("price", "59990"),
    ];
    let amended = world.signed("PUT", "/fapi/v1/order", &amend).await.json();
    assert_eq!(amended["orderId"], placed["orderId"]);
    assert_eq!(
        (&amended["price"], &amended["origQty"]),
        (&json!("59990.00"), &json!("0.003"))
    );
    assert_eq!(
        world.signed("PUT", "/fapi/v1/order", &amend).await.code(),
        -5027
    );
}

/// An amended order replaces itself: its own margin is not counted twice.
#[tokio::test]
async fn an_amendment_needs_margin_only_for_what_it_adds() {
    let world = World::quiet().await;
    assert_eq!(
        world.order(&limit("large", "60000", "20")).await.status,
        200
    );
    let amend = |quantity: &'static str| {
        let world = &world;
        async move {
            let pairs = [
                ("symbol", "BTCUSDT"),
                ("side", "BUY"),
                ("origClientOrderId", "large"),
                ("quantity", quantity),
                ("price", "60000"),
            ];
            world.signed("PUT", "/fapi/v1/order", &pairs).await
        }
    };
    assert_eq!(amend("30").await.status, 200);
    assert_eq!(amend("34").await.code(), -2019);
}

#[tokio::test]
async fn a_batch_answers_for_each_order() {
    let world = World::quiet().await;
    let one = |price: &str, client_id: &str| {
        json!({ "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                "quantity": "0.002", "price": price, "newClientOrderId": client_id })
    };
    let list = json!([one("60000", "one"), one("60000.05", "two")]).to_string();
    let pairs = [("batchOrders", list.as_str())];
    let placed = world
        .signed("POST", "/fapi/v1/batchOrders", &pairs)
        .await
        .json();
    assert_eq!(
        (&placed[0]["status"], &placed[1]["code"]),
        (&json!("NEW"), &json!(-4014))
    );

    let names = [
        ("symbol", "BTCUSDT"),
        ("origClientOrderIdList", "[\"one\",\"two\"]"),
    ];
    let gone = world
        .signed("DELETE", "/fapi/v1/batchOrders", &names)
        .await
        .json();
    assert_eq!(
        (&gone[0]["status"], &gone[1]["code"]),
        (&json!("CANCELED"), &json!(-2011))
    );
}

#[tokio::test]
async fn cancel_all_takes_one_symbols_orders_only() {
    let world = World::quiet().await;
    world.resting("btc").await;
    let eth = [
        ("symbol", "ETHUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("price", "2600"),
        ("quantity", "0.01"),
        ("newClientOrderId", "eth"),
    ];
    assert_eq!(world.order(&eth).await.status, 200);
    let all = [("symbol", "BTCUSDT")];
    let done = world
        .signed("DELETE", "/fapi/v1/allOpenOrders", &all)
        .await
        .json();
    assert_eq!(done["code"], 200);
    let open = world.signed("GET", "/fapi/v1/openOrders", &[]).await.json();
    assert_eq!(open.as_array().unwrap().len(), 1);
    assert_eq!(open[0]["clientOrderId"], "eth");
}

#[tokio::test]
async fn reduce_only_orders_shrink_and_end_with_the_position() {
    let world = World::quiet().await;
    world.buy_market("open", "0.01").await;
    let mut reduce = limit("take-profit", "63000", "0.01").to_vec();
    reduce[1] = ("side", "SELL");
    reduce.push(("reduceOnly", "true"));
    assert_eq!(world.order(&reduce).await.status, 200);
    let sell = |quantity: &'static str| {
        vec![
            ("symbol", "BTCUSDT"),
            ("side", "SELL"),
            ("type", "MARKET"),
            ("quantity", quantity),
        ]
    };

    assert_eq!(world.order(&sell("0.004")).await.status, 200);
    assert_eq!(world.query("take-profit").await.json()["origQty"], "0.006");

    assert_eq!(world.order(&sell("0.006")).await.status, 200);
    assert_eq!(world.query("take-profit").await.json()["status"], "EXPIRED");
}

#[tokio::test]
async fn self_trades_end_the_order_that_was_chosen() {
    let world = World::quiet().await;
    let ask = world
        .get("/fapi/v1/ticker/bookTicker", &[("symbol", "BTCUSDT")])
        .await
        .json();
    let inside = ask["askPrice"].as_str().unwrap().to_owned();
    // Our own order joins the queue at the best ask; taking the whole level meets it.
    let mut sell = limit("maker", &inside, "0.002").to_vec();
    sell[1] = ("side", "SELL");
    assert_eq!(world.order(&sell).await.status, 200);
    let mut buy = limit("taker", &inside, "1").to_vec();
    buy.push(("selfTradePreventionMode", "EXPIRE_MAKER"));
    assert_eq!(world.order(&buy).await.status, 200);
    assert_eq!(
        world.query("maker").await.json()["status"],
        "EXPIRED_IN_MATCH"
    );
}

#[tokio::test]
async fn funding_is_exchanged_on_positions() {
    let world = World::quiet().await;
    world.buy_market("hold", "0.1").await;
    let before = decimal(&world.ledger().await["accounts"][0]["wallet"]);
    world.control("POST", "funding", &json!({})).await;
    let after = decimal(&world.ledger().await["accounts"][0]["wallet"]);
    assert!(after < before, "a long pays at a positive rate");
    let kind = [("incomeType", "FUNDING_FEE")];
    let income = world.signed("GET", "/fapi/v1/income", &kind).await.json();
    assert_eq!(decimal(&income[0]["income"]), after - before);
    let history = world
        .get("/fapi/v1/fundingRate", &[("symbol", "BTCUSDT")])
        .await
        .json();
    assert_eq!(history[0]["fundingRate"], "0.00010000");
}

#[tokio::test]
async fn the_countdown_cancels_what_nobody_keeps_alive() {
    let world = World::quiet().await;
    let mut stream = world.private().await;
    world.resting("left").await;
    let arm = [("symbol", "BTCUSDT"), ("countdownTime", "100")];
    let armed = world
        .signed("POST", "/fapi/v1/countdownCancelAll", &arm)
        .await
        .json();
    assert_eq!(
        armed,
        json!({ "symbol": "BTCUSDT", "countdownTime": "100" })
    );
    let update = stream.until(|value| value["o"]["X"] == "CANCELED").await;
    assert_eq!(update["o"]["c"], "left");
}
