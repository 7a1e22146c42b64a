//! Keys, signatures and time.

use serde_json::Value;

use crate::support::{World, encode, now_ms, shared, sign};

/// The documentation's examples: all in the query, all in the body, a part in each.
#[tokio::test]
async fn a_signature_counts_over_query_and_body_as_sent_wherever_it_stands() {
    let world = World::quiet().await;
    let (stamp, path) = (now_ms().to_string(), "/fapi/v1/order/test");
    let head = encode(&[("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "LIMIT")]);
    let tail = encode(&[
        ("quantity", "0.002"),
        ("price", "60000"),
        ("timeInForce", "GTC"),
        ("timestamp", &stamp),
    ]);
    let whole = format!("{head}&{tail}");
    let signed = sign(&world.secret, &whole);
    let mixed = sign(&world.secret, &format!("{head}{tail}"));
    let key = Some(world.key.as_str());
    let cases = [
        (format!("{path}?{whole}&signature={signed}"), String::new()),
        (path.to_owned(), format!("{whole}&signature={signed}")),
        (
            format!("{path}?{head}"),
            format!("{tail}&signature={mixed}"),
        ),
        (format!("{path}?{head}&signature={mixed}"), tail.clone()),
        (format!("{path}?signature={signed}&{whole}"), String::new()),
    ];
    for (uri, body) in cases {
        let reply = world.raw("POST", &uri, key, &body).await;
        assert_eq!(
            (reply.status, reply.text.as_str()),
            (200, "{}"),
            "{uri} {body}"
        );
    }
    let reordered = format!("{tail}&{head}");
    let uri = format!("{path}?{reordered}&signature={signed}");
    assert_eq!(world.raw("POST", &uri, key, "").await.code(), -1022);
}

/// Vectors that independent clients made; the verifier recomputes none of them from its own words.
#[tokio::test]
async fn signatures_of_independent_clients_are_reproduced() {
    let Some(file) = shared("venues/binance/signing_vectors.json") else {
        return;
    };
    let vectors: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut checked = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let Some(signature) = case["signature"].as_str() else {
            continue;
        };
        let secret = case["secret"]
            .as_str()
            .or(vectors["secret"].as_str())
            .unwrap();
        let prehash = case["prehash"].as_str().unwrap();
        assert_eq!(sign(secret, prehash), signature);
        checked += 1;
    }
    assert!(checked >= 6);
}

#[tokio::test]
async fn keys_are_asked_for_first_and_refused_with_401() {
    let world = World::quiet().await;
    let path = "/fapi/v3/balance?timestamp=1";
    let missing = world.raw("GET", path, None, "").await;
    let unknown = world.raw("GET", path, Some("nobody"), "").await;
    assert_eq!((missing.status, missing.code()), (401, -2014));
    assert_eq!((unknown.status, unknown.code()), (401, -2015));
}

#[tokio::test]
async fn a_request_is_taken_only_within_its_window() {
    let world = World::quiet().await;
    let balance = |age_ms: i64, window: &'static str| {
        let world = &world;
        async move {
            let stamp = now_ms().saturating_add_signed(-age_ms).to_string();
            let pairs = [("timestamp", stamp.as_str()), ("recvWindow", window)];
            world.signed("GET", "/fapi/v3/balance", &pairs).await
        }
    };
    assert_eq!(balance(0, "5000").await.status, 200);
    assert_eq!(balance(4_000, "5000").await.status, 200);
    let late = balance(6_000, "5000").await;
    assert_eq!(late.code(), -1021);
    assert!(late.text.contains("outside of the recvWindow"));
    let early = balance(-5_000, "5000").await;
    assert_eq!(early.code(), -1021);
    assert!(early.text.contains("1000ms ahead"));
    assert_eq!(balance(50_000, "60000").await.status, 200);
    assert_eq!(balance(0, "60001").await.code(), -1131);
}

#[tokio::test]
async fn a_skewed_venue_clock_refuses_honest_timestamps() {
    let world = World::quiet().await;
    world
        .control("POST", "clock", &serde_json::json!({ "skew_ms": 30_000 }))
        .await;

    let time = world.get("/fapi/v1/time", &[]).await.json()["serverTime"]
        .as_u64()
        .unwrap();
    assert!(time > now_ms() + 20_000);
    assert_eq!(
        world.signed("GET", "/fapi/v3/balance", &[]).await.code(),
        -1021
    );

    let stamp = time.to_string();
    let shifted = world
        .signed("GET", "/fapi/v3/balance", &[("timestamp", &stamp)])
        .await;
    assert_eq!(shifted.status, 200);
}
