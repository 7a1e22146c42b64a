//! Every refusal, produced by a request.

use serde_json::json;

use crate::support::{Pairs, World, limit};

const PATH: &str = "/fapi/v1/order";

/// Returns the parameters of a good order with some replaced, added (new name) or dropped (empty).
fn but(changes: Pairs<'static>) -> Vec<(&'static str, &'static str)> {
    let mut pairs = limit("code", "60000", "0.002").to_vec();
    for (name, value) in changes {
        pairs.retain(|(seen, _)| seen != name);
        if *value != "-" {
            pairs.push((name, value));
        }
    }
    pairs
}

fn market(changes: Pairs<'static>) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![("type", "MARKET"), ("price", "-"), ("timeInForce", "-")];
    all.extend_from_slice(changes);
    let mut pairs = limit("code", "60000", "0.002").to_vec();
    for (name, value) in all {
        pairs.retain(|(seen, _)| *seen != name);
        if value != "-" {
            pairs.push((name, value));
        }
    }
    pairs
}

#[tokio::test]
async fn malformed_orders_are_refused_with_the_venues_codes() {
    let world = World::quiet().await;
    const LONG: &str = "0123456789012345678901234567890123456";
    let cases: Vec<(i64, Vec<(&str, &str)>)> = vec![
        (-1102, but(&[("symbol", "-")])),
        (-1102, but(&[("side", "-")])),
        (-1102, but(&[("type", "-")])),
        (-1102, but(&[("timeInForce", "-")])),
        (-1102, but(&[("price", "-")])),
        (-1102, but(&[("quantity", "-")])),
        (-1102, but(&[("quantity", "")])),
        (-1104, but(&[("newClientOrderID", "misspelt")])),
        (-1105, but(&[("newClientOrderId", "")])),
        (-1121, but(&[("symbol", "NOPE")])),
        (-1121, but(&[("symbol", "btcusdt")])),
        (-1117, but(&[("side", "LONG")])),
        (-1116, but(&[("type", "ICEBERG")])),
        (-4120, but(&[("type", "STOP_MARKET"), ("stopPrice", "1")])),
        (-1115, but(&[("timeInForce", "GTE")])),
        (-1100, but(&[("price", "6e4")])),
        (-1100, but(&[("price", "-60000")])),
        (-1100, but(&[("quantity", "+0.002")])),
        (-1100, but(&[("quantity", "0,002")])),
        (-1100, but(&[("newClientOrderId", "a b")])),
        (-1100, but(&[("newClientOrderId", "a€b")])),
        (-1100, but(&[("reduceOnly", "maybe")])),
        (-4015, but(&[("newClientOrderId", LONG)])),
        (-1106, market(&[("timeInForce", "GTC")])),
        (-1106, market(&[("price", "60000")])),
        (-1106, but(&[("stopPrice", "1")])),
        (-1106, but(&[("goodTillDate", "1900000000000")])),
        (-1102, but(&[("timeInForce", "GTD")])),
        (
            -5040,
            but(&[("timeInForce", "GTD"), ("goodTillDate", "1700000000000")]),
        ),
        (-1136, but(&[("newOrderRespType", "FULL")])),
        (-5039, but(&[("selfTradePreventionMode", "DECREMENT")])),
        (-4060, but(&[("positionSide", "UP")])),
        (-4061, but(&[("positionSide", "LONG")])),
        (-4136, but(&[("closePosition", "true")])),
        (-1020, but(&[("priceMatch", "OPPONENT")])),
    ];
    for (code, pairs) in cases {
        let reply = world.order(&pairs).await;
        assert_eq!(
            (reply.status, reply.code()),
            (400, code),
            "{pairs:?}: {}",
            reply.text
        );
    }
    assert_eq!(world.ledger().await["orders"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn orders_outside_the_filters_are_refused_with_the_venues_codes() {
    let world = World::quiet().await;
    let cases: Vec<(i64, Vec<(&str, &str)>)> = vec![
        (-1111, but(&[("price", "60000.001")])),
        (-4014, but(&[("price", "60000.05")])),
        (-4001, but(&[("price", "0")])),
        (-4013, but(&[("price", "500")])),
        (-4002, but(&[("price", "9999999")])),
        (-4016, but(&[("price", "70000")])),
        (-4024, but(&[("side", "SELL"), ("price", "50000")])),
        (-1111, but(&[("quantity", "0.0021")])),
        (-4003, but(&[("quantity", "0")])),
        (-4005, but(&[("quantity", "1001")])),
        (-4005, market(&[("quantity", "121")])),
        (-4164, but(&[("quantity", "0.001")])),
        (-4164, market(&[("quantity", "0.001")])),
        (-2019, but(&[("quantity", "100")])),
        (
            -2022,
            but(&[("side", "SELL"), ("price", "62000"), ("reduceOnly", "true")]),
        ),
        (-5022, but(&[("timeInForce", "GTX"), ("price", "62000")])),
        (-5021, but(&[("timeInForce", "FOK"), ("price", "60000")])),
    ];
    for (code, pairs) in cases {
        let reply = world.order(&pairs).await;
        assert_eq!(
            (reply.status, reply.code()),
            (400, code),
            "{pairs:?}: {}",
            reply.text
        );
    }
    assert_eq!(world.ledger().await["orders"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_position_is_as_large_as_its_leverage_allows() {
    let world = World::quiet().await;
    let most = [("symbol", "BTCUSDT"), ("leverage", "125")];
    assert_eq!(
        world
            .signed("POST", "/fapi/v1/leverage", &most)
            .await
            .status,
        200
    );
    assert_eq!(
        world.order(&but(&[("quantity", "5.1")])).await.code(),
        -2027
    );
    assert_eq!(world.order(&but(&[("quantity", "4.9")])).await.status, 200);
}

#[tokio::test]
async fn filters_that_change_while_running_are_the_ones_that_count() {
    let world = World::quiet().await;
    let change = json!({ "step": "0.002", "min_quantity": "0.004", "price_precision": 1 });
    world.control("PATCH", "instruments/BTCUSDT", &change).await;

    let off_step = world.order(&but(&[("quantity", "0.005")])).await;
    let too_small = world.order(&but(&[("quantity", "0.002")])).await;
    assert_eq!((off_step.code(), too_small.code()), (-4023, -4004));

    let info = world.get("/fapi/v1/exchangeInfo", &[]).await.json();
    let lot = &info["symbols"][0]["filters"][1];
    assert_eq!(
        (lot["stepSize"].as_str(), lot["minQty"].as_str()),
        (Some("0.002"), Some("0.004"))
    );
}

#[tokio::test]
async fn a_halted_instrument_takes_no_orders_and_still_cancels() {
    let world = World::quiet().await;
    world.resting("before").await;
    world
        .control(
            "PATCH",
            "instruments/BTCUSDT",
            &json!({ "status": "halted" }),
        )
        .await;

    assert_eq!(
        world.order(&limit("halt", "60000", "0.002")).await.code(),
        -4141
    );
    assert_eq!(world.cancel("before").await.status, 200);

    world
        .control(
            "PATCH",
            "instruments/BTCUSDT",
            &json!({ "status": "trading" }),
        )
        .await;
    world.resting("after").await;
}

#[tokio::test]
async fn orders_that_are_not_there_have_their_own_codes() {
    let world = World::quiet().await;
    let none = world.signed("DELETE", PATH, &[("symbol", "BTCUSDT")]).await;
    let amend = [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("origClientOrderId", "none"),
        ("quantity", "0.002"),
        ("price", "60000"),
    ];
    assert_eq!(none.code(), -1102);
    assert_eq!(world.cancel("none").await.code(), -2011);
    assert_eq!(world.query("none").await.code(), -2013);
    assert_eq!(world.signed("PUT", PATH, &amend).await.code(), -2013);
}

#[tokio::test]
async fn a_client_id_is_unique_among_open_orders_only() {
    let world = World::quiet().await;
    world.resting("same").await;
    assert_eq!(
        world.order(&limit("same", "60000", "0.002")).await.code(),
        -4116
    );

    assert_eq!(world.cancel("same").await.status, 200);
    world.resting("same").await;

    let counters = world.counters().await;
    assert_eq!(
        counters["creates"]["same"],
        json!({ "attempts": 3, "accepted": 2 })
    );
}

#[tokio::test]
async fn an_account_has_as_many_open_orders_as_it_may() {
    let world = World::quiet().await;
    world
        .control(
            "PATCH",
            "instruments/BTCUSDT",
            &json!({ "max_open_orders": 2 }),
        )
        .await;
    world.resting("a").await;
    world.resting("b").await;
    assert_eq!(
        world.order(&limit("c", "60000", "0.002")).await.code(),
        -2025
    );
}

#[tokio::test]
async fn a_position_that_is_spoken_for_cannot_be_reduced_twice() {
    let world = World::quiet().await;
    world.buy_market("open", "0.01").await;
    let reduce = |client_id: &'static str, quantity: &'static str| {
        let mut pairs = limit(client_id, "63000", quantity).to_vec();
        pairs[1] = ("side", "SELL");
        pairs.push(("reduceOnly", "true"));
        pairs
    };
    assert_eq!(world.order(&reduce("first", "0.01")).await.status, 200);
    assert_eq!(world.order(&reduce("second", "0.001")).await.code(), -4118);
}

#[tokio::test]
async fn a_hedged_account_refuses_one_way_orders() {
    let world = World::quiet().await;
    world
        .control("POST", "accounts/main", &json!({ "hedge": true }))
        .await;
    let mode = world.signed("GET", "/fapi/v1/positionSide/dual", &[]).await;
    assert_eq!(mode.json(), json!({ "dualSidePosition": true }));
    assert_eq!(
        world.order(&limit("hedge", "60000", "0.002")).await.code(),
        -4061
    );

    let back = [("dualSidePosition", "false")];
    assert_eq!(
        world
            .signed("POST", "/fapi/v1/positionSide/dual", &back)
            .await
            .status,
        200
    );
    world.resting("one-way").await;
}

#[tokio::test]
async fn settings_are_refused_with_the_venues_codes() {
    let world = World::quiet().await;
    let cases: [(i64, &str, Pairs<'_>); 8] = [
        (
            -4028,
            "/fapi/v1/leverage",
            &[("symbol", "BTCUSDT"), ("leverage", "126")],
        ),
        (
            -4028,
            "/fapi/v1/leverage",
            &[("symbol", "BTCUSDT"), ("leverage", "0")],
        ),
        (-1102, "/fapi/v1/leverage", &[("symbol", "BTCUSDT")]),
        (
            -4046,
            "/fapi/v1/marginType",
            &[("symbol", "BTCUSDT"), ("marginType", "CROSSED")],
        ),
        (
            -1020,
            "/fapi/v1/marginType",
            &[("symbol", "BTCUSDT"), ("marginType", "ISOLATED")],
        ),
        (
            -4059,
            "/fapi/v1/positionSide/dual",
            &[("dualSidePosition", "false")],
        ),
        (
            -1020,
            "/fapi/v1/positionSide/dual",
            &[("dualSidePosition", "true")],
        ),
        (-4082, "/fapi/v1/batchOrders", &[("batchOrders", "[]")]),
    ];
    for (code, path, pairs) in cases {
        let reply = world.signed("POST", path, pairs).await;
        assert_eq!(
            (reply.status, reply.code()),
            (400, code),
            "{path}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn public_requests_are_refused_with_the_venues_codes() {
    let world = World::quiet().await;
    let cases: [(u16, i64, &str); 13] = [
        (404, -5000, "/fapi/v1/nothing"),
        (400, -1102, "/fapi/v1/depth"),
        (400, -1121, "/fapi/v1/depth?symbol=NOPE"),
        (400, -4021, "/fapi/v1/depth?symbol=BTCUSDT&limit=7"),
        (400, -1100, "/fapi/v1/depth?symbol=BTCUSDT&limit=x"),
        (400, -1101, "/fapi/v1/depth?symbol=BTCUSDT&symbol=ETHUSDT"),
        (400, -1104, "/fapi/v1/depth?symbol=BTCUSDT&levels=5"),
        (400, -1120, "/fapi/v1/klines?symbol=BTCUSDT&interval=7m"),
        (400, -1102, "/fapi/v1/klines?symbol=BTCUSDT"),
        (
            400,
            -1130,
            "/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1501",
        ),
        (
            400,
            -1023,
            "/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=2&endTime=1",
        ),
        (400, -1130, "/fapi/v1/trades?symbol=BTCUSDT&limit=1001"),
        (400, -1105, "/fapi/v1/ticker/price?symbol="),
    ];
    for (status, code, path) in cases {
        let reply = world.raw("GET", path, None, "").await;
        assert_eq!(
            (reply.status, reply.code()),
            (status, code),
            "{path}: {}",
            reply.text
        );
    }
    assert_eq!(
        world.raw("POST", "/fapi/v1/depth", None, "").await.code(),
        -5000
    );
}

#[tokio::test]
async fn lists_refuse_what_does_not_go_together() {
    let world = World::quiet().await;
    let from: Pairs<'_> = &[("symbol", "BTCUSDT"), ("fromId", "1"), ("startTime", "1")];
    let wide: Pairs<'_> = &[
        ("symbol", "BTCUSDT"),
        ("startTime", "1700000000000"),
        ("endTime", "1800000000000"),
    ];
    assert_eq!(
        world
            .signed("GET", "/fapi/v1/userTrades", from)
            .await
            .code(),
        -1128
    );
    assert_eq!(
        world
            .signed("GET", "/fapi/v1/userTrades", wide)
            .await
            .code(),
        -4166
    );
    assert_eq!(
        world.signed("GET", "/fapi/v1/allOrders", wide).await.code(),
        -4166
    );
}
