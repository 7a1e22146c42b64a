//! What a script can make go wrong at this venue, and how often it may be asked.

use serde_json::{Value, json};

use super::client::{PERP, SPOT, market, next_of, number, refusal, resting, with};
use crate::support::{PATIENCE, World};

const PLACE: &str = "POST /api/v1/order";

/// The order lives, and the client cannot know: every way in which a reply can be lost.
#[tokio::test]
async fn a_reply_is_lost_after_the_order_was_taken() {
    let world = World::backpack().await;
    let ways = [
        ("close", None, ""),
        ("server_error", Some(500), "SERVER_ERROR"),
        ("unavailable", Some(503), "SERVER_ERROR"),
        ("backend_timeout", Some(503), "TIMEOUT"),
    ];
    for (client_id, (how, status, code)) in (1_u32..).zip(ways) {
        let when = json!({ "endpoint": PLACE, "client_id": client_id.to_string() });
        world
            .fault(json!({ "kind": "drop_reply", "how": how, "when": when }))
            .await;
        let reply = world
            .try_ask("POST", "/api/v1/order", resting(SPOT, client_id))
            .await;
        match status {
            None => assert!(reply.is_err(), "{how}"),
            Some(status) => {
                assert_eq!(refusal(&reply.unwrap()), (status, code.to_owned()), "{how}");
            }
        }
        assert_eq!(
            world.find(SPOT, client_id).await.json()["status"],
            "New",
            "{how}"
        );
        let counters = world.counters().await;
        let creates = &counters["creates"][client_id.to_string()];
        assert_eq!(
            (&creates["attempts"], &creates["accepted"]),
            (&json!(1), &json!(1))
        );
    }
}

#[tokio::test]
async fn a_request_can_be_lost_before_it_is_taken() {
    let world = World::backpack().await;
    let fault = json!({ "kind": "drop_reply", "how": "server_error", "accept": false,
                        "when": { "endpoint": PLACE } });
    world.fault(fault).await;
    assert_eq!(world.refused(resting(SPOT, 1)).await.0, 500);
    assert_eq!(world.find(SPOT, 1).await.status, 404);
}

/// The documentation allows it for cancels: accepted, and not yet done, or never.
#[tokio::test]
async fn a_cancel_may_be_accepted_without_a_word_of_its_outcome() {
    let world = World::backpack().await;
    for (client_id, done, left) in [(1, true, 404), (2, false, 200)] {
        world.taken(resting(SPOT, client_id)).await;
        let when = json!({ "endpoint": "DELETE /api/v1/order" });
        let fault = json!({ "kind": "drop_reply", "how": "accepted", "accept": done,
                            "when": when });
        world.fault(fault).await;
        let reply = world.drop_order(SPOT, client_id).await;
        assert_eq!((reply.status, reply.text.as_str()), (202, ""));
        assert_eq!(world.find(SPOT, client_id).await.status, left);
    }
}

#[tokio::test]
async fn a_script_puts_any_of_the_venues_words_into_its_mouth() {
    let world = World::backpack().await;
    let fault = json!({ "kind": "reject", "status": 400, "code": "ACCOUNT_LIQUIDATING",
                        "message": "Account is liquidating",
                        "when": { "endpoint": PLACE, "symbol": PERP, "account": "main" },
                        "after": 1, "count": 2 });
    world.fault(fault).await;
    let mut codes = Vec::new();
    for client_id in 1..=4 {
        let reply = world
            .ask("POST", "/api/v1/order", resting(PERP, client_id))
            .await;
        codes.push(reply.json()["code"].clone());
    }
    assert_eq!(
        codes,
        [
            json!(null),
            json!("ACCOUNT_LIQUIDATING"),
            json!("ACCOUNT_LIQUIDATING"),
            json!(null)
        ]
    );
}

#[tokio::test]
async fn a_cancel_crosses_a_fill_on_the_wire() {
    let world = World::backpack().await;
    let whole = world.taken(resting(PERP, 1)).await;
    world
        .fault(json!({ "kind": "race_fill", "when": { "client_id": "1" } }))
        .await;
    let late = world.drop_order(PERP, 1).await;
    assert_eq!(refusal(&late), (400, "RESOURCE_NOT_FOUND".to_owned()));
    assert_eq!(world.past(&whole).await["status"], "Filled");

    world.taken(resting(PERP, 2)).await;
    let half = json!({ "kind": "race_fill", "quantity": "0.5", "when": { "client_id": "2" } });
    world.fault(half).await;
    let cancelled = world.drop_order(PERP, 2).await.json();
    assert_eq!(
        (&cancelled["status"], &cancelled["executedQuantity"]),
        (&json!("Cancelled"), &json!("0.5"))
    );
}

#[tokio::test]
async fn private_events_are_duplicated_dropped_delayed_and_reordered() {
    let world = World::backpack().await;
    let name = "account.orderUpdate";
    let mut socket = world.streams(&[name]).await;
    let script = |mut fault: Value, client_id: u32| {
        fault["when"] = json!({ "event": name, "client_id": client_id.to_string() });
        world.fault(fault)
    };
    script(json!({ "kind": "duplicate_event" }), 1).await;
    script(json!({ "kind": "drop_event" }), 2).await;
    script(json!({ "kind": "reorder_event", "past": 1 }), 3).await;
    script(json!({ "kind": "delay_event", "ms": 1000 }), 5).await;
    for client_id in 1..=6 {
        world.taken(resting(PERP, client_id)).await;
    }
    let mut heard = Vec::new();
    for _ in 0..6 {
        heard.push(next_of(&mut socket, name).await["c"].as_u64().unwrap());
    }
    assert_eq!(heard, [1, 1, 4, 3, 6, 5]);
}

#[tokio::test]
async fn one_match_is_printed_in_several_fills() {
    let world = World::backpack().await;
    let name = "account.orderUpdate";
    let mut socket = world.streams(&[name]).await;
    let when = json!({ "client_id": "8" });
    world
        .fault(json!({ "kind": "split_fills", "parts": 3, "when": when }))
        .await;
    let order = with(market(PERP, "Bid", "0.04"), json!({ "clientId": 8 }));
    let order = world.taken(order).await;
    assert_eq!(order["executedQuantity"], "0.04");
    let mut cumulated = Vec::new();
    let mut trades = Vec::new();
    while cumulated.last() != Some(&json!("0.04")) {
        let update = next_of(&mut socket, name).await;
        if update["e"] == "orderFill" {
            cumulated.push(update["z"].clone());
            trades.push(update["t"].as_u64().unwrap());
        }
    }
    assert_eq!(cumulated, [json!("0.01"), json!("0.02"), json!("0.04")]);
    assert!(trades.is_sorted_by(|one, next| one < next));
}

#[tokio::test]
async fn sockets_are_closed_cut_and_frozen() {
    let world = World::backpack().await;
    let name = "account.orderUpdate";
    let mut private = world.streams(&[name]).await;
    let mut public = world.streams(&["trade.SOL_USDC_PERP"]).await;
    let decide = |fate: Value, kind: &'static str| {
        let body = json!({ "fate": fate, "kind": kind });
        let world = &world;
        async move { world.control("POST", "sockets", &body).await["sockets"].clone() }
    };
    assert_eq!(decide(json!({ "to": "frozen" }), "private").await, 1);
    world.taken(resting(PERP, 1)).await;
    assert!(
        private
            .is_silent(std::time::Duration::from_millis(200))
            .await
    );
    decide(json!({ "to": "open" }), "private").await;
    world.taken(resting(PERP, 2)).await;
    private.until(|frame| frame["data"]["c"] == 2).await;
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
    let world = World::start(World::backpack_config()).await;
    let stream = format!("depth.{PERP}");
    let mut socket = world.streams(&[&stream]).await;
    let first = next_of(&mut socket, &stream).await;
    world
        .fault(json!({ "kind": "skip_depth", "when": { "symbol": PERP } }))
        .await;
    let mut last = first["u"].as_u64().unwrap();
    let gap = tokio::time::timeout(PATIENCE, async {
        loop {
            let update = next_of(&mut socket, &stream).await;
            let begins = update["U"].as_u64().unwrap();
            if begins != last + 1 {
                return begins;
            }
            last = update["u"].as_u64().unwrap();
        }
    });
    assert!(gap.await.expect("an update is left out") > last + 1);
}

#[tokio::test]
async fn a_halted_market_takes_cancels_only() {
    let world = World::backpack().await;
    world.taken(resting(SPOT, 1)).await;
    let path = format!("instruments/{SPOT}");
    world
        .control("PATCH", &path, &json!({ "status": "halted" }))
        .await;
    let markets = world
        .public("/api/v1/market", json!({ "symbol": SPOT }))
        .await
        .json();
    assert_eq!(markets["orderBookState"], "CancelOnly");
    assert_eq!(
        world.refused(resting(SPOT, 2)).await,
        (400, "TRADING_PAUSED".to_owned())
    );
    assert_eq!(
        world.drop_order(SPOT, 1).await.json()["status"],
        "Cancelled"
    );
    world.taken(resting(PERP, 3)).await;
}

#[tokio::test]
async fn the_market_moves_where_it_is_told_to_and_fills_what_rests() {
    let world = World::backpack().await;
    let order = world.taken(resting(PERP, 1)).await;
    let path = format!("market/{PERP}/move");
    world
        .control("POST", &path, &json!({ "price": "139.90" }))
        .await;
    let past = world.past(&order).await;
    assert_eq!(
        (&past["status"], &past["executedQuoteQuantity"]),
        (&json!("Filled"), &json!("140"))
    );
    let fills = json!({ "orderId": order["id"] });
    let fills = world
        .ask("GET", "/wapi/v1/history/fills", fills)
        .await
        .json();
    assert_eq!(fills[0]["isMaker"], true);
    assert_eq!(number(&fills[0]["fee"]).to_string(), "0.028");
}

#[tokio::test]
async fn who_asks_too_often_is_refused_with_429() {
    let mut config = World::backpack_config();
    config.backpack_requests_1m = 3;
    let world = World::quiet_with(config).await;
    let mut refused = None;
    // Two minutes at most can be begun, so one of these is the fourth of its own.
    for _ in 0..8 {
        let reply = world.public("/api/v1/time", json!({})).await;
        if reply.status == 429 {
            refused = Some(reply);
        }
    }
    let refused = refused.expect("eight requests in at most two minutes of three");
    assert_eq!(refusal(&refused), (429, "TOO_MANY_REQUESTS".to_owned()));
    let counters = world.counters().await;
    assert!(counters["limits"]["request_refusals"].as_u64() >= Some(2));
}

#[tokio::test]
async fn a_scripted_ban_holds_for_everybody_and_is_lifted() {
    let world = World::backpack().await;
    let ban = |seconds: u64| json!({ "status": 429, "seconds": seconds });
    world.control("POST", "ban", &ban(60)).await;
    let refused = world.public("/api/v1/time", json!({})).await;
    assert_eq!(refusal(&refused), (429, "TOO_MANY_REQUESTS".to_owned()));
    world.control("POST", "ban", &ban(0)).await;
    assert_eq!(world.public("/api/v1/time", json!({})).await.status, 200);
}
