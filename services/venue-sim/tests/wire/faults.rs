//! Everything that a script can make go wrong.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{PATIENCE, World, limit, now_ms};

const PLACE: &str = "POST /fapi/v1/order";

fn accepted(counters: &Value, client_id: &str) -> (u64, u64) {
    let creates = &counters["creates"][client_id];
    let number = |name: &str| creates[name].as_u64().unwrap_or(0);
    (number("attempts"), number("accepted"))
}

/// The order lives, and the client cannot know: every way in which a reply can be lost.
#[tokio::test]
async fn a_reply_is_lost_after_the_order_was_taken() {
    let world = World::quiet().await;
    let ways = [
        ("close", None, 0),
        ("server_error", Some(500), -1000),
        ("unavailable", Some(503), -1000),
        ("backend_timeout", Some(408), -1007),
        ("backend_unknown", Some(500), -1006),
    ];
    for (how, status, code) in ways {
        let when = json!({ "endpoint": PLACE, "client_id": how });
        world
            .fault(json!({ "kind": "drop_reply", "how": how, "when": when }))
            .await;
        let reply = world
            .try_signed("POST", "/fapi/v1/order", &limit(how, "60000", "0.002"))
            .await;
        match status {
            None => assert!(reply.is_err(), "{how}"),
            Some(status) => {
                let reply = reply.unwrap();
                assert_eq!((reply.status, reply.code()), (status, code), "{how}");
            }
        }
        assert_eq!(world.query(how).await.json()["status"], "NEW", "{how}");
        assert_eq!(accepted(&world.counters().await, how), (1, 1));
    }
}

#[tokio::test]
async fn a_reply_that_is_no_json_is_a_page_or_half_an_answer() {
    let world = World::quiet().await;
    for (how, status) in [("html", 502), ("truncated", 200)] {
        let when = json!({ "client_id": how });
        world
            .fault(json!({ "kind": "drop_reply", "how": how, "when": when }))
            .await;
        let reply = world.order(&limit(how, "60000", "0.002")).await;
        assert_eq!(reply.status, status);
        assert!(
            serde_json::from_str::<Value>(&reply.text).is_err(),
            "{}",
            reply.text
        );
        assert_eq!(world.query(how).await.json()["status"], "NEW");
    }
}

#[tokio::test]
async fn a_reply_that_never_comes_leaves_the_order_alive() {
    let world = World::quiet().await;
    let when = json!({ "endpoint": PLACE });
    world
        .fault(json!({ "kind": "drop_reply", "how": "timeout", "when": when }))
        .await;
    let pairs = limit("hang", "60000", "0.002");
    let reply = world.try_signed("POST", "/fapi/v1/order", &pairs);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), reply)
            .await
            .is_err()
    );
    assert_eq!(world.query("hang").await.json()["status"], "NEW");
}

#[tokio::test]
async fn a_request_can_be_lost_before_it_is_taken() {
    let world = World::quiet().await;
    let fault = json!({ "kind": "drop_reply", "how": "server_error", "accept": false,
                        "when": { "endpoint": PLACE } });
    world.fault(fault).await;
    assert_eq!(
        world.order(&limit("lost", "60000", "0.002")).await.status,
        500
    );
    assert_eq!(world.query("lost").await.code(), -2013);
    assert_eq!(accepted(&world.counters().await, "lost"), (0, 0));
}

#[tokio::test]
async fn a_fault_happens_as_often_as_it_says_and_only_to_whom_it_names() {
    let world = World::quiet().await;
    let fault = json!({ "kind": "reject", "status": 400, "code": -1008, "message": "busy",
                        "when": { "endpoint": PLACE, "symbol": "BTCUSDT" },
                        "after": 1, "count": 2 });
    world.fault(fault).await;
    let mut codes = Vec::new();
    for number in 0..4 {
        let client_id = format!("n{number}");
        codes.push(
            world
                .order(&limit(&client_id, "60000", "0.002"))
                .await
                .code(),
        );
    }
    assert_eq!(codes, [0, -1008, -1008, 0]);
    let faults = world.control("GET", "faults", &Value::Null).await;
    assert_eq!(
        (&faults[0]["hits"], &faults[0]["count"]),
        (&json!(2), &json!(0))
    );
    // What is taken out of force is told, hits and all.
    let path = format!("faults/{}", faults[0]["id"]);
    assert_eq!(world.control("DELETE", &path, &Value::Null).await, faults);
    world.fault(json!({ "kind": "drop_event" })).await;
    let left = world.control("DELETE", "faults", &Value::Null).await;
    assert_eq!(left[0]["kind"], "drop_event");
    assert_eq!(
        world.control("GET", "faults", &Value::Null).await,
        json!([])
    );
}

#[tokio::test]
async fn requests_and_replies_come_late() {
    let world = World::quiet().await;
    let when = json!({ "endpoint": "GET /fapi/v1/time" });
    world
        .fault(json!({ "kind": "delay_reply", "ms": 200, "when": when }))
        .await;
    let told = world.get("/fapi/v1/time", &[]).await.json()["serverTime"]
        .as_u64()
        .unwrap();
    assert!(now_ms() >= told + 200);

    world
        .fault(json!({ "kind": "delay_request", "ms": 200, "when": when }))
        .await;
    let began = now_ms();
    let told = world.get("/fapi/v1/time", &[]).await.json()["serverTime"]
        .as_u64()
        .unwrap();
    assert!(told >= began + 200);
}

#[tokio::test]
async fn private_events_are_duplicated_dropped_delayed_and_reordered() {
    let world = World::quiet().await;
    let mut stream = world.private().await;
    let script = |kind: Value, client_id: &str| {
        let mut fault = kind;
        fault["when"] = json!({ "event": "ORDER_TRADE_UPDATE", "client_id": client_id });
        fault
    };
    world
        .fault(script(json!({ "kind": "duplicate_event" }), "twice"))
        .await;
    world
        .fault(script(json!({ "kind": "drop_event" }), "never"))
        .await;
    world
        .fault(script(
            json!({ "kind": "reorder_event", "past": 1 }),
            "later",
        ))
        .await;
    world
        .fault(script(json!({ "kind": "delay_event", "ms": 1000 }), "slow"))
        .await;
    for client_id in ["twice", "never", "later", "sooner", "slow", "last"] {
        world.resting(client_id).await;
    }
    let mut heard = Vec::new();
    for _ in 0..6 {
        heard.push(stream.order().await["o"]["c"].as_str().unwrap().to_owned());
    }
    assert_eq!(heard, ["twice", "twice", "sooner", "later", "last", "slow"]);
}

#[tokio::test]
async fn one_match_is_printed_in_several_fills() {
    let world = World::quiet().await;
    let mut stream = world.private().await;
    world
        .fault(json!({ "kind": "split_fills", "parts": 3, "when": { "client_id": "split" } }))
        .await;
    let order = world.buy_market("split", "0.004").await;
    assert_eq!(order["executedQty"], "0.004");
    let mut fills = Vec::new();
    while fills.last() != Some(&json!("0.004")) {
        let update = stream.order().await;
        if update["o"]["x"] == "TRADE" {
            fills.push(update["o"]["z"].clone());
        }
    }
    assert_eq!(fills, [json!("0.001"), json!("0.002"), json!("0.004")]);
}

#[tokio::test]
async fn a_cancel_crosses_a_fill_on_the_wire() {
    let world = World::quiet().await;
    world.resting("whole").await;
    world
        .fault(json!({ "kind": "race_fill", "when": { "client_id": "whole" } }))
        .await;
    assert_eq!(world.cancel("whole").await.code(), -2011);
    assert_eq!(world.query("whole").await.json()["status"], "FILLED");

    world.resting("half").await;
    let half = json!({ "kind": "race_fill", "quantity": "0.001", "when": { "client_id": "half" } });
    world.fault(half).await;
    let cancelled = world.cancel("half").await.json();
    assert_eq!(cancelled["status"], "CANCELED");
    assert_eq!(cancelled["executedQty"], "0.001");
}

#[tokio::test]
async fn an_order_is_filled_at_will() {
    let world = World::quiet().await;
    let placed = world.resting("fill").await;
    let path = format!("orders/{}/fill", placed["orderId"]);
    world
        .control("POST", &path, &json!({ "quantity": "0.001" }))
        .await;
    assert_eq!(
        world.query("fill").await.json()["status"],
        "PARTIALLY_FILLED"
    );
    world.control("POST", &path, &json!({})).await;
    assert_eq!(world.query("fill").await.json()["status"], "FILLED");
    assert_eq!(
        world.try_control("POST", &path, &json!({})).await.status,
        404
    );
}

#[tokio::test]
async fn sockets_are_closed_cut_and_frozen_by_kind() {
    let world = World::quiet().await;
    let mut public = world.socket("/public/ws/btcusdt@trade").await;
    let mut private = world.private().await;
    let decide = |fate: Value, kind: &'static str| {
        let body = json!({ "fate": fate, "kind": kind });
        let world = &world;
        async move { world.control("POST", "sockets", &body).await["sockets"].clone() }
    };
    assert_eq!(decide(json!({ "to": "frozen" }), "private").await, 1);
    world.resting("unheard").await;
    assert!(private.is_silent(Duration::from_millis(200)).await);
    decide(json!({ "to": "open" }), "private").await;
    world.resting("heard").await;
    assert_eq!(private.order().await["o"]["c"], "heard");

    assert_eq!(
        decide(json!({ "to": "closed", "code": 1012 }), "private").await,
        1
    );
    assert_eq!(private.end().await, Some(1012));
    assert_eq!(decide(json!({ "to": "cut" }), "public").await, 1);
    assert_eq!(public.end().await, None);
}

#[tokio::test]
async fn a_skipped_book_update_breaks_the_chain() {
    let world = World::start(World::config()).await;
    let mut socket = world.socket("/public/ws/btcusdt@depth@0ms").await;
    let first = socket.next().await.unwrap();
    world
        .fault(json!({ "kind": "skip_depth", "when": { "symbol": "BTCUSDT" } }))
        .await;
    let mut last = first["u"].clone();
    let gap = tokio::time::timeout(PATIENCE, async {
        loop {
            let update = socket.next().await.unwrap();
            if update["pu"] != last {
                return update;
            }
            last = update["u"].clone();
        }
    });
    let after = gap.await.expect("an update is left out");
    assert!(after["pu"].as_u64() > last.as_u64());
}

#[tokio::test]
async fn the_market_moves_where_it_is_told_to_and_trades_on_the_way() {
    let world = World::quiet().await;
    world.resting("reached").await;
    let best = world
        .control("POST", "market/BTCUSDT/move", &json!({ "price": "59900" }))
        .await;
    assert_eq!(best["bid"][0], "59900");
    let order = world.query("reached").await.json();
    assert_eq!(
        (&order["status"], &order["avgPrice"]),
        (&json!("FILLED"), &json!("60000.00000"))
    );
}

#[tokio::test]
async fn a_trade_is_injected_at_a_price() {
    let world = World::quiet().await;
    world.resting("near").await;
    let trade = json!({ "side": "sell", "price": "60000", "quantity": "1000" });
    world.control("POST", "market/BTCUSDT/trade", &trade).await;
    assert_eq!(world.query("near").await.json()["status"], "FILLED");
}

#[tokio::test]
async fn money_is_paid_in_and_told() {
    let world = World::quiet().await;
    let mut stream = world.private().await;
    let paid = world
        .control("POST", "accounts/main", &json!({ "deposit": "50.5" }))
        .await;
    assert_eq!(paid["wallet"], "100050.5");
    let told = stream.until(|value| value["e"] == "ACCOUNT_UPDATE").await;
    assert_eq!(
        (&told["a"]["m"], &told["a"]["B"][0]["bc"]),
        (&json!("DEPOSIT"), &json!("50.50000000"))
    );
}

#[tokio::test]
async fn the_control_interface_names_what_it_does_not_know() {
    let world = World::quiet().await;
    let unknown = world
        .try_control("POST", "faults", &json!({ "kind": "gremlins" }))
        .await;
    assert_eq!(unknown.status, 422);
    let misspelt = json!({ "kind": "drop_event", "when": { "clientid": "x" } });
    assert_eq!(
        world.try_control("POST", "faults", &misspelt).await.status,
        422
    );
    assert_eq!(
        world
            .try_control("GET", "instruments/NOPE", &Value::Null)
            .await
            .status,
        404
    );
    assert_eq!(
        world
            .try_control("GET", "ledger?account=nobody", &Value::Null)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_stopped_simulator_says_goodbye_and_is_gone() {
    let world = World::quiet().await;
    let mut socket = world.socket("/public/ws/btcusdt@trade").await;
    let rest = world.rest.clone();
    let World { simulator, .. } = world;
    tokio::time::timeout(PATIENCE, simulator.shutdown())
        .await
        .expect("it ends");
    assert_eq!(socket.end().await, Some(1001));
    let address = rest.trim_start_matches("http://").to_owned();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
