//! Placing, cancelling and reading orders.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::client::{PERP, SPOT, market, refusal, resting, with};
use crate::support::World;

fn gone() -> (u16, String) {
    (400, "RESOURCE_NOT_FOUND".to_owned())
}

fn client(text: &str) -> (u16, String) {
    (400, text.to_owned())
}

#[tokio::test]
async fn an_order_is_placed_found_and_cancelled() {
    let world = World::backpack().await;
    for symbol in [SPOT, PERP] {
        let placed = world.taken(resting(symbol, 7)).await;
        assert_eq!(
            (
                &placed["status"],
                &placed["clientId"],
                &placed["timeInForce"]
            ),
            (&json!("New"), &json!(7), &json!("GTC"))
        );
        assert_eq!(world.find(symbol, 7).await.json(), placed);
        let by_id = json!({ "symbol": symbol, "orderId": placed["id"] });
        let found = world.ask("GET", "/api/v1/order", by_id.clone()).await;
        assert_eq!(found.json(), placed);
        let open = json!({ "symbol": symbol });
        let open = world.ask("GET", "/api/v1/orders", open).await.json();
        assert_eq!(open, json!([placed]));

        let cancelled = world.ask("DELETE", "/api/v1/order", by_id.clone()).await;
        assert_eq!(cancelled.json()["status"], "Cancelled");
        let again = world.ask("DELETE", "/api/v1/order", by_id.clone()).await;
        assert_eq!(refusal(&again), gone());
        let found = world.ask("GET", "/api/v1/order", by_id).await;
        assert_eq!(refusal(&found), (404, gone().1));
        assert_eq!(world.past(&placed).await["status"], "Cancelled");
    }
}

/// A filled order is no longer on the book: it is the history that tells of it.
#[tokio::test]
async fn only_resting_orders_are_found() {
    let world = World::backpack().await;
    let bought = with(market(PERP, "Bid", "2"), json!({ "clientId": 5 }));
    let bought = world.taken(bought).await;
    assert_eq!(
        (&bought["status"], &bought["executedQuantity"]),
        (&json!("Filled"), &json!("2"))
    );
    assert_eq!(world.find(PERP, 5).await.status, 404);
    assert_eq!(world.past(&bought).await["status"], "Filled");
    let fills = json!({ "orderId": bought["id"] });
    let fills = world
        .ask("GET", "/wapi/v1/history/fills", fills)
        .await
        .json();
    let sum: Decimal = fills
        .as_array()
        .unwrap()
        .iter()
        .map(|fill| super::client::number(&fill["quantity"]))
        .sum();
    assert_eq!(sum, Decimal::TWO);
    assert_eq!(fills[0]["clientId"], "5");
}

#[tokio::test]
async fn an_order_is_named_by_one_id_and_by_its_market() {
    let world = World::backpack().await;
    let placed = world.taken(resting(SPOT, 7)).await;
    let cases = [
        json!({ "symbol": SPOT }),
        json!({ "symbol": SPOT, "orderId": placed["id"], "clientId": 7 }),
        json!({ "symbol": SPOT, "orderId": "x" }),
    ];
    for named in cases {
        for method in ["GET", "DELETE"] {
            let reply = world.ask(method, "/api/v1/order", named.clone()).await;
            assert_eq!(refusal(&reply), client("INVALID_CLIENT_REQUEST"), "{named}");
        }
    }
    let elsewhere = json!({ "symbol": PERP, "clientId": 7 });
    let reply = world.ask("DELETE", "/api/v1/order", elsewhere).await;
    assert_eq!(refusal(&reply), gone());
    assert_eq!(world.find(SPOT, 7).await.json()["status"], "New");
}

/// The venue keeps nobody from using an id again; the newest order that bears it is meant.
#[tokio::test]
async fn a_clients_id_may_be_used_again() {
    let world = World::backpack().await;
    let first = world.taken(resting(SPOT, 7)).await;
    let second = world.taken(resting(SPOT, 7)).await;
    assert_ne!(first["id"], second["id"]);
    assert_eq!(world.find(SPOT, 7).await.json()["id"], second["id"]);
    assert_eq!(world.drop_order(SPOT, 7).await.json()["id"], second["id"]);
    assert_eq!(world.find(SPOT, 7).await.json()["id"], first["id"]);
    let counters = world.counters().await;
    assert_eq!(counters["creates"]["7"]["accepted"], 2);
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_said_in_the_venues_codes() {
    let world = World::backpack().await;
    let bad = "INVALID_CLIENT_REQUEST";
    let cases = [
        (json!({ "price": "140.005" }), bad),
        (json!({ "quantity": "1.001" }), bad),
        (json!({ "quantity": "0" }), bad),
        (json!({ "quantity": null }), bad),
        (json!({ "quoteQuantity": "10" }), bad),
        (json!({ "quantity": null, "quoteQuantity": "10" }), bad),
        (json!({ "price": null }), bad),
        (json!({ "symbol": "DOGE_USDC" }), bad),
        (json!({ "postOnly": true, "timeInForce": "IOC" }), bad),
        (json!({ "price": "100" }), "INVALID_PRICE"),
        (json!({ "price": "1200" }), "INVALID_PRICE"),
        (
            json!({ "price": "175", "side": "Ask" }),
            "INSUFFICIENT_FUNDS",
        ),
        (json!({ "quantity": "100000" }), "INSUFFICIENT_FUNDS"),
        (json!({ "price": "160", "postOnly": true }), "INVALID_ORDER"),
        (
            json!({ "symbol": PERP, "reduceOnly": true }),
            "INVALID_ORDER",
        ),
        (
            json!({ "triggerPrice": "150", "triggerQuantity": "1" }),
            "NOT_IMPLEMENTED",
        ),
        (json!({ "autoBorrow": true }), "NOT_IMPLEMENTED"),
    ];
    for (changes, code) in cases {
        let order = with(resting(SPOT, 1), changes.clone());
        assert_eq!(world.refused(order).await, client(code), "{changes}");
    }
    let much = with(resting(PERP, 1), json!({ "quantity": "100000" }));
    assert_eq!(world.refused(much).await, client("INSUFFICIENT_MARGIN"));
    let open = world.ask("GET", "/api/v1/orders", json!({})).await.json();
    assert_eq!(open, json!([]));
    let counters = world.counters().await;
    let creates = &counters["creates"]["1"];
    assert_eq!(creates["accepted"], 0);
    assert!(counters["refusals"]["INVALID_PRICE"].as_u64() >= Some(2));
}

/// What cannot be read at all is answered with plain text.
#[tokio::test]
async fn what_cannot_be_read_is_refused_in_plain_text() {
    let world = World::backpack().await;
    let cases = [
        (json!({ "side": "Buy" }), "side"),
        (json!({ "orderType": "Stop" }), "orderType"),
        (json!({ "timeInForce": "DAY" }), "timeInForce"),
        (json!({ "clientId": 4_294_967_296_u64 }), "clientId"),
        (json!({ "clientId": -1 }), "clientId"),
        (json!({ "clientId": "abc" }), "clientId"),
        (json!({ "price": 140 }), "price"),
        (json!({ "price": "1e2" }), "price"),
        (json!({ "price": "-140" }), "price"),
        (json!({ "postOnly": "true" }), "postOnly"),
        (json!({ "side": null }), "side"),
    ];
    for (changes, field) in cases {
        let (status, text) = world.refused(with(resting(SPOT, 1), changes.clone())).await;
        assert_eq!(status, 400, "{changes}");
        assert!(
            text.starts_with("parse request payload error"),
            "{changes}: {text}"
        );
        assert!(text.contains(field), "{changes}: {text}");
    }
    let largest = with(resting(SPOT, 0), json!({ "clientId": 4_294_967_295_u64 }));
    assert_eq!(world.taken(largest).await["clientId"], 4_294_967_295_u64);
    let zero = world.taken(resting(SPOT, 0)).await;
    assert_eq!(zero["clientId"], 0);
    let path = world.public("/api/v1/nothing", json!({})).await;
    assert_eq!(path.status, 404);
    let interval = json!({ "symbol": SPOT, "interval": "7m", "startTime": 0 });
    let reply = world.public("/api/v1/klines", interval).await;
    assert!(
        reply
            .text
            .starts_with("failed to parse parameter `interval`"),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn what_does_not_rest_is_filled_or_expires() {
    let world = World::backpack().await;
    let (bid, ask) = world.touch(PERP).await;
    let at = |price: Decimal, life: &str| {
        let changes = json!({ "price": price.to_string(), "timeInForce": life });
        with(resting(PERP, 3), changes)
    };
    let expired = world.taken(at(bid, "IOC")).await;
    assert_eq!(
        (&expired["status"], &expired["executedQuantity"]),
        (&json!("Expired"), &json!("0"))
    );
    assert_eq!(
        world.past(&expired).await["expiryReason"],
        "ImmediateOrCancel"
    );
    assert_eq!(world.taken(at(ask, "IOC")).await["status"], "Filled");
    assert_eq!(world.refused(at(bid, "FOK")).await, client("INVALID_ORDER"));
    assert_eq!(world.taken(at(ask, "FOK")).await["status"], "Filled");
    let post = with(at(bid, "GTC"), json!({ "postOnly": true }));
    let posted = world.taken(post).await;
    assert_eq!(
        (&posted["status"], &posted["postOnly"]),
        (&json!("New"), &json!(true))
    );
}

/// A market order stops at a price; what is left of it expires.
#[tokio::test]
async fn a_market_order_never_eats_the_whole_book() {
    let mut config = World::backpack_config();
    config.accounts[0].deposit = Decimal::from(100_000_000);
    let world = World::quiet_with(config).await;
    let (_, ask) = world.touch(PERP).await;
    // Inside the band around the mark price, beyond the reach of a market order.
    let far = (ask * Decimal::new(105, 2)).round_dp(2).to_string();
    let offer = json!({ "side": "Ask", "price": far });
    world.taken(with(resting(PERP, 1), offer)).await;
    let greedy = json!({ "selfTradePrevention": "RejectMaker" });
    let greedy = with(market(PERP, "Bid", "100000"), greedy);
    let order = world.taken(greedy).await;
    assert_eq!(world.find(PERP, 1).await.json()["status"], "New");
    assert_eq!(order["status"], "Expired");
    let fills = json!({ "orderId": order["id"], "limit": 1000 });
    let fills = world
        .ask("GET", "/wapi/v1/history/fills", fills)
        .await
        .json();
    let fills = fills.as_array().unwrap();
    let worst = fills
        .iter()
        .map(|fill| super::client::number(&fill["price"]))
        .max();
    assert!(
        worst.unwrap() <= ask * Decimal::new(103, 2),
        "{worst:?} from {ask}"
    );
    assert_eq!(world.past(&order).await["expiryReason"], "PriceImpact");
}

#[tokio::test]
async fn a_batch_answers_for_each_order() {
    let world = World::backpack().await;
    let wrong = with(resting(SPOT, 2), json!({ "price": "1" }));
    let batch = json!([resting(SPOT, 1), wrong, resting(PERP, 3)]);
    let answers = world.ask("POST", "/api/v1/orders", batch).await.json();
    let operations: Vec<&Value> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| &answer["operation"])
        .collect();
    assert_eq!(operations, ["Ok", "Err", "Ok"]);
    assert_eq!(answers[1]["code"], "INVALID_PRICE");
    assert_eq!(
        (&answers[0]["clientId"], &answers[2]["status"]),
        (&json!(1), &json!("New"))
    );
    let open = world.ask("GET", "/api/v1/orders", json!({})).await.json();
    assert_eq!(open.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn all_orders_of_one_market_are_cancelled() {
    let world = World::backpack().await;
    for client_id in 1..=3 {
        world.taken(resting(SPOT, client_id)).await;
    }
    let other = world.taken(resting(PERP, 4)).await;
    let conditional = json!({ "symbol": SPOT, "orderType": "ConditionalOrder" });
    let reply = world.ask("DELETE", "/api/v1/orders", conditional).await;
    assert_eq!(reply.json(), json!([]));
    let reply = world
        .ask("DELETE", "/api/v1/orders", json!({ "symbol": SPOT }))
        .await;
    let ended = reply.json();
    let ended = ended.as_array().unwrap();
    assert_eq!(ended.len(), 3);
    assert!(ended.iter().all(|order| order["status"] == "Cancelled"));
    let open = world.ask("GET", "/api/v1/orders", json!({})).await.json();
    assert_eq!(open, json!([other]));
    let perpetual = world
        .ask("GET", "/api/v1/orders", json!({ "marketType": "PERP" }))
        .await;
    assert_eq!(perpetual.json(), json!([other]));
    let spot = world
        .ask("GET", "/api/v1/orders", json!({ "marketType": "SPOT" }))
        .await;
    assert_eq!(spot.json(), json!([]));
}

/// Both orders are one account's: the setting of the one that comes says which ends.
#[tokio::test]
async fn nobody_trades_with_oneself() {
    let world = World::backpack().await;
    let (bid, _) = world.touch(PERP).await;
    world.finer_tick(PERP).await;
    let inside = (bid + Decimal::new(1, 3)).to_string();
    let rest = |client_id| with(resting(PERP, client_id), json!({ "price": inside }));
    let meet = |how: &str| {
        let changes = json!({ "price": inside, "side": "Ask", "selfTradePrevention": how });
        with(resting(PERP, 9), changes)
    };
    world.taken(rest(1)).await;
    assert_eq!(world.taken(meet("RejectTaker")).await["status"], "Expired");
    assert_eq!(world.find(PERP, 1).await.json()["status"], "New");
    let both = world.taken(meet("RejectBoth")).await;
    assert_eq!(both["status"], "Expired");
    assert_eq!(
        world.past(&both).await["expiryReason"],
        "SelfTradePrevention"
    );
    assert_eq!(world.find(PERP, 1).await.status, 404);
    world.taken(rest(2)).await;
    assert_eq!(world.taken(meet("RejectMaker")).await["status"], "New");
    assert_eq!(world.find(PERP, 2).await.status, 404);
    let fills = world.ask("GET", "/wapi/v1/history/fills", json!({})).await;
    assert_eq!(fills.json(), json!([]));
}

#[tokio::test]
async fn histories_are_read_in_pages_and_by_time() {
    let world = World::backpack().await;
    for client_id in 1..=5 {
        let order = with(market(PERP, "Bid", "0.1"), json!({ "clientId": client_id }));
        world.taken(order).await;
    }
    let ids = |filter: Value| {
        let world = &world;
        async move {
            let reply = world.ask("GET", "/wapi/v1/history/orders", filter).await;
            let orders = reply.json();
            let ids = orders.as_array().unwrap().iter();
            ids.map(|order| order["clientId"].as_u64().unwrap())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(ids(json!({})).await, [5, 4, 3, 2, 1]);
    assert_eq!(ids(json!({ "limit": 2, "offset": 1 })).await, [4, 3]);
    assert_eq!(
        ids(json!({ "sortDirection": "Asc", "limit": 2 })).await,
        [1, 2]
    );
    assert_eq!(ids(json!({ "symbol": SPOT })).await, [] as [u64; 0]);
    let wide = world
        .ask("GET", "/wapi/v1/history/fills", json!({ "limit": 1001 }))
        .await;
    assert_eq!(wide.status, 400);
    let future = json!({ "from": crate::support::now_ms() + 60_000 });
    let none = world.ask("GET", "/wapi/v1/history/fills", future).await;
    assert_eq!(none.json(), json!([]));
}
