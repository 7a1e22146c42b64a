//! Keys, signatures and time.

use serde_json::{Value, json};

use super::client::{SPOT, Seal, refusal, resting, sign};
use crate::support::{World, now_ms};

const CAPITAL: &str = "/api/v1/capital";
const EXPIRED: (u16, &str) = (400, "INVALID_CLIENT_REQUEST");

async fn capital(world: &World, seal: Seal) -> (u16, String) {
    refusal(&world.under(&seal, "GET", CAPITAL, &json!({})).await)
}

#[tokio::test]
async fn every_header_is_asked_for_and_the_window_is_not() {
    let world = World::backpack().await;
    let seal = Seal::now("balanceQuery", &json!({}));
    let signature = sign(&world.secret, &seal.text);
    let all = [
        ("X-API-Key", world.key.as_str()),
        ("X-Signature", signature.as_str()),
        ("X-Timestamp", seal.stamp.as_str()),
    ];
    let whole = world.sealed("GET", CAPITAL, &all, &json!({})).await;
    assert_eq!(whole.unwrap().status, 200);
    for left_out in 0..all.len() {
        let mut some = all.to_vec();
        some.remove(left_out);
        let reply = world.sealed("GET", CAPITAL, &some, &json!({})).await;
        assert_eq!(
            refusal(&reply.unwrap()).0,
            400,
            "without {}",
            all[left_out].0
        );
    }
}

#[tokio::test]
async fn a_signature_counts_for_what_it_was_made_for_and_nothing_else() {
    let world = World::backpack().await;
    let order = resting(SPOT, 1);
    let place = |seal: Seal| {
        let (world, order) = (&world, &order);
        async move { refusal(&world.under(&seal, "POST", "/api/v1/order", order).await) }
    };
    let forged = (400, "INVALID_SIGNATURE".to_owned());
    let other = resting(SPOT, 2);
    assert_eq!(place(Seal::now("orderExecute", &other)).await, forged);
    assert_eq!(place(Seal::now("orderCancel", &order)).await, forged);
    assert_eq!(place(Seal::now("orderExecute", &json!({}))).await, forged);
    let mut late = Seal::now("orderExecute", &order);
    late.stamp = (now_ms() + 1).to_string();
    assert_eq!(place(late).await, forged);
    let mut wider = Seal::now("orderExecute", &order);
    wider.window = Some("6000");
    assert_eq!(place(wider).await, forged);
    assert_eq!(world.find(SPOT, 1).await.status, 404);
    assert_eq!(place(Seal::now("orderExecute", &order)).await.0, 200);
}

#[tokio::test]
async fn a_key_that_nobody_has_is_not_authorized() {
    let world = World::backpack().await;
    let seal = Seal::now("balanceQuery", &json!({}));
    let signature = sign(&world.secret, &seal.text);
    let stranger = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
    let headers = [
        ("X-API-Key", stranger),
        ("X-Signature", signature.as_str()),
        ("X-Timestamp", seal.stamp.as_str()),
    ];
    let reply = world.sealed("GET", CAPITAL, &headers, &json!({})).await;
    assert_eq!(refusal(&reply.unwrap()), (401, "UNAUTHORIZED".to_owned()));
}

#[tokio::test]
async fn a_request_is_taken_only_within_its_window() {
    let world = World::backpack().await;
    let aged = |age_ms: i64, window: Option<&'static str>| {
        let stamp = now_ms().saturating_add_signed(-age_ms);
        let seal = Seal::at(stamp, window, "balanceQuery", &json!({}));
        capital(&world, seal)
    };
    let expired = (EXPIRED.0, EXPIRED.1.to_owned());
    assert_eq!(aged(0, None).await.0, 200);
    assert_eq!(aged(3_000, None).await.0, 200);
    assert_eq!(aged(6_000, None).await, expired);
    assert_eq!(aged(6_000, Some("60000")).await.0, 200);
    assert_eq!(aged(0, Some("60001")).await, expired);
    assert_eq!(aged(2_000, Some("1000")).await, expired);
    assert_eq!(aged(-5_000, None).await, expired);
    assert_eq!(aged(0, Some("soon")).await, expired);
}

#[tokio::test]
async fn a_skewed_venue_clock_refuses_honest_timestamps() {
    let world = World::backpack().await;
    let skew = json!({ "skew_ms": 30_000 });
    world.control("POST", "clock", &skew).await;
    let time = world.public("/api/v1/time", json!({})).await;
    let time: u64 = time.text.parse().unwrap();
    assert!(time > now_ms() + 20_000);
    let honest = Seal::now("balanceQuery", &json!({}));
    assert_eq!(capital(&world, honest).await.1, EXPIRED.1);
    let shifted = Seal::at(time, None, "balanceQuery", &json!({}));
    assert_eq!(capital(&world, shifted).await.0, 200);
}

/// Clients differ in the type of an order's id; the signed text is the same.
#[tokio::test]
async fn an_orders_id_may_come_as_a_text_or_as_a_number() {
    let world = World::backpack().await;
    for as_number in [false, true] {
        let placed = world.taken(resting(SPOT, 9)).await;
        let text = placed["id"].as_str().unwrap();
        let id = if as_number {
            json!(text.parse::<u64>().unwrap())
        } else {
            json!(text)
        };
        let cancel = json!({ "symbol": SPOT, "orderId": id });
        let reply = world.ask("DELETE", "/api/v1/order", cancel).await;
        assert_eq!(reply.json()["status"], "Cancelled");
    }
}

#[tokio::test]
async fn private_streams_want_a_signature_over_the_subscription() {
    let world = World::backpack().await;
    let private = ["account.orderUpdate"];
    let honest: Value = serde_json::from_str(&world.subscription(&private)).unwrap();
    let mut unsigned = honest.clone();
    unsigned.as_object_mut().unwrap().remove("signature");
    let mut forged = honest.clone();
    forged["signature"][1] = json!(sign(&world.secret, "instruction=accountQuery"));
    let mut stale = honest.clone();
    let old = Seal::at(now_ms() - 6_000, None, "subscribe", &json!({}));
    stale["signature"][1] = json!(sign(&world.secret, &old.text));
    stale["signature"][2] = json!(old.stamp);
    let mut socket = world.socket("").await;
    for wrong in [unsigned, forged, stale] {
        socket.say(&wrong.to_string()).await;
        let reply = socket.next().await.unwrap();
        assert!(reply["error"]["code"].is_u64(), "{wrong}: {reply}");
    }
    world.taken(resting(SPOT, 1)).await;
    world.subscribe(&mut socket, &private).await;
    world.taken(resting(SPOT, 2)).await;
    let told = socket.next().await.unwrap();
    assert_eq!(told["stream"], private[0]);
    assert_eq!(
        told["data"]["c"], 2,
        "what was refused has subscribed: {told}"
    );
}
