//! Rate limits, bans and their headers.

use chimera_venue_sim::LimitConfig;
use serde_json::json;

use crate::support::{World, limit};

async fn tight(limits: LimitConfig) -> World {
    let mut config = World::config();
    config.binance_limits = limits;
    World::quiet_with(config).await
}

#[tokio::test]
async fn every_answer_says_what_weight_was_used() {
    let world = World::quiet().await;
    let used = |reply: &crate::support::Reply| -> u32 {
        reply.headers["x-mbx-used-weight-1m"].parse().unwrap()
    };
    let first = used(&world.get("/fapi/v1/ping", &[]).await);
    let book = [("symbol", "BTCUSDT"), ("limit", "1000")];
    let second = used(&world.get("/fapi/v1/depth", &book).await);
    // A minute may begin in between.
    assert!(
        second == first + 20 || second == 20,
        "{first} then {second}"
    );
}

#[tokio::test]
async fn orders_are_counted_by_account_and_say_so() {
    let world = World::quiet().await;
    let reply = world.order(&limit("count", "60000", "0.002")).await;
    assert_eq!(reply.headers["x-mbx-order-count-10s"], "1");
    assert_eq!(reply.headers["x-mbx-order-count-1m"], "1");
    let read = world.query("count").await;
    assert!(!read.headers.contains_key("x-mbx-order-count-10s"));
}

#[tokio::test]
async fn too_many_orders_are_refused_with_429() {
    let world = tight(LimitConfig {
        orders_10s: 2,
        ..LimitConfig::default()
    })
    .await;
    let mut refused = None;
    // Two windows of ten seconds at most can be begun, so one of these is the third in its own.
    for number in 0..5 {
        let reply = world
            .order(&limit(&format!("n{number}"), "60000", "0.002"))
            .await;
        if reply.status == 429 {
            refused = Some(reply);
        }
    }
    let refused = refused.expect("five orders in at most two windows of two");
    assert_eq!(refused.code(), -1015);
    assert!(
        refused
            .text
            .contains("current limit is 2 orders per TEN_SECONDS")
    );
    assert!(
        world.counters().await["limits"]["order_refusals"]
            .as_u64()
            .unwrap()
            >= 1
    );
}

#[tokio::test]
async fn too_much_weight_is_429_first_and_a_ban_for_who_does_not_stop() {
    let world = tight(LimitConfig {
        weight_1m: 30,
        ..LimitConfig::default()
    })
    .await;
    let mut statuses = Vec::new();
    let mut banned = None;
    for _ in 0..200 {
        let reply = world.get("/fapi/v1/ping", &[]).await;
        statuses.push(reply.status);
        if reply.status == 418 {
            banned = Some(reply);
            break;
        }
    }
    let banned = banned.expect("the ban comes");
    assert!(statuses.contains(&429));
    assert_eq!(banned.code(), -1003);
    assert!(banned.text.contains("banned until"));
    let seconds: u64 = banned.headers["retry-after"].parse().unwrap();
    assert!((118..=120).contains(&seconds), "{seconds}");
    let counters = world.counters().await;
    assert!(counters["limits"]["weight_refusals"].as_u64().unwrap() > 10);
}

#[tokio::test]
async fn a_scripted_ban_holds_for_everybody_and_is_lifted() {
    let world = World::quiet().await;
    for status in [429, 418] {
        world
            .control("POST", "ban", &json!({ "status": status, "seconds": 60 }))
            .await;
        let refused = world.get("/fapi/v1/time", &[]).await;
        assert_eq!((refused.status, refused.code()), (status, -1003));
        let seconds: u64 = refused.headers["retry-after"].parse().unwrap();
        assert!((58..=60).contains(&seconds));
    }
    world
        .control("POST", "ban", &json!({ "status": 418, "seconds": 0 }))
        .await;
    assert_eq!(world.get("/fapi/v1/time", &[]).await.status, 200);
}

#[tokio::test]
async fn a_client_that_says_too_much_on_a_socket_is_closed() {
    let world = World::quiet().await;
    let mut socket = world.socket("/public/ws").await;
    for id in 0..11 {
        socket
            .say(&json!({ "method": "LIST_SUBSCRIPTIONS", "id": id }).to_string())
            .await;
    }
    assert_eq!(socket.end().await, Some(1008));
    assert_eq!(
        world.counters().await["limits"]["sockets_closed_for_chatter"],
        1
    );
}

#[tokio::test]
async fn an_address_that_reconnects_without_end_is_refused() {
    let world = World::quiet().await;
    for _ in 0..300 {
        drop(world.socket("/public/ws").await);
    }
    let refused = tokio_tungstenite::connect_async(format!("{}/public/ws", world.ws)).await;
    // A window of five minutes may have begun on the way.
    if refused.is_err() {
        let counters = world.counters().await;
        assert_eq!(counters["limits"]["connection_refusals"], 1);
    }
}
