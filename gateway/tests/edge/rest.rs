use chimera_contracts::common::v1::{OrderType, Side, TimeInForce};
use http::{Method, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::harness::{Edge, Placement};

#[tokio::test]
async fn an_order_placed_over_rest_reaches_the_service_as_it_was_meant() {
    for placement in [Placement::InProcess, Placement::AcrossSockets] {
        let edge = Edge::start_with(Default::default(), placement).await;
        let body = json!({
            "account": "main", "client_order_index": "7", "venue": "binance-usdm", "symbol": "SOL",
            "side": "BUY", "type": "ORDER_TYPE_TRACKING_LIMIT", "quantity": "0.015",
            "timeInForce": 1, "postOnly": true,
            "trackingLimit": {"priceOffsetTicks": 2, "interval": "10s", "maxAttempts": 5},
        });
        let answer = edge.post("/v1/orders", &body.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));

        let placed = edge.fake.placed.lock().unwrap()[0].clone();
        assert_eq!(placed.client_order_index, Some(7));
        assert_eq!(placed.side(), Side::Buy);
        assert_eq!(placed.r#type(), OrderType::TrackingLimit);
        assert_eq!(placed.time_in_force(), TimeInForce::Gtc);
        assert_eq!(placed.quantity, "0.015");
        assert!(placed.post_only && !placed.reduce_only);
        let tracking = placed.tracking_limit.unwrap();
        assert_eq!((tracking.price_offset_ticks, tracking.max_attempts), (2, 5));
        assert_eq!(tracking.interval.unwrap().seconds, 10);

        let order = &answer.json()["order"];
        assert_eq!(order["clientOrderIndex"], "7");
        assert_eq!(order["side"], "SIDE_BUY");
        assert_eq!(order["state"], "ORDER_STATE_OPEN");
        assert_eq!(order["quantity"], "0.015");
        assert_eq!(order["price"], "");
        assert_eq!(order["seq"], "18446744073709551615");
        assert_eq!(order["createdTime"], "2026-01-31T12:00:00.005Z");
        assert_eq!(order["reduceOnly"], false);
        assert_eq!(order.get("venueTime"), None);
        assert_eq!(answer.json()["replayed"], false);
    }
}

#[tokio::test]
async fn path_query_and_verb_reach_their_method() {
    let edge = Edge::start().await;
    let answer = edge.get("/v1/orders/ma%20in/9").await;
    assert_eq!(answer.json()["order"]["account"], "ma in");
    assert_eq!(answer.json()["order"]["clientOrderIndex"], "9");

    let answer = edge.get("/v1/orders/main/9:explain").await;
    assert_eq!(
        answer.json()["entries"][0]["facts"].to_string(),
        r#"{"a":"1","b":"2"}"#
    );

    for body in ["", "{}", r#"{"account":"main"}"#] {
        let answer = edge.post("/v1/orders/main/9:cancel", body).await;
        assert_eq!(answer.json()["order"]["clientOrderIndex"], "9", "{body}");
    }
    let answer = edge
        .post("/v1/orders/main/9:cancel", r#"{"account":"other"}"#)
        .await;
    assert_eq!(
        (answer.status, answer.field()),
        (StatusCode::BAD_REQUEST, "account".into())
    );

    let answer = edge
        .get("/v1/orders?account=main&states=OPEN&states=ORDER_STATE_FILLED")
        .await;
    assert_eq!(answer.json()["orders"][0]["account"], "main");

    let answer = edge.get("/v1/tickers?symbols=A&symbols=B").await;
    assert_eq!(answer.json()["tickers"][1]["symbol"], "B");

    let bars = "/v1/bars/binance-usdm/SOL?interval=1M&start_time=2026-01-31T12:00:00%2B02:00";
    let answer = edge.get(bars).await;
    assert_eq!(answer.json()["bars"][0]["interval"], "BAR_INTERVAL_1M");
    assert_eq!(answer.json()["bars"][0]["openTime"], "2026-01-31T10:00:00Z");
}

#[tokio::test]
async fn scaled_integers_are_shown_as_exact_decimals() {
    let edge = Edge::start().await;
    let book = edge
        .get("/v1/books/binance-usdm/SOL?depth=5&requireLive=true")
        .await
        .json();
    assert_eq!(book["book"]["bidPrices"], json!(["100.00", "-0.05"]));
    assert_eq!(book["book"]["bidQuantities"], json!(["0.001", "1.500"]));
    assert_eq!(book["book"]["askPrices"], json!(["100.01"]));
    assert_eq!(book["book"]["askQuantities"], json!(["0.000"]));
}

#[tokio::test]
async fn deadline_and_trace_travel_from_rest_to_the_service() {
    let edge = Edge::start().await;
    let mut http = edge.http().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = http
        .request(Method::GET, "/v1/orders/main/1")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .header("grpc-timeout", "5S")
        .body(Full::default())
        .unwrap();
    let answer = http.send(request).await;
    assert_eq!(answer.header("x-trace-id"), Some(trace));
    let seen = edge.fake.header("traceparent").unwrap();
    assert!(
        seen.contains(trace) && !seen.contains("00f067aa0ba902b7"),
        "{seen}"
    );
    let budget = edge.fake.budget_micros();
    assert!((1..5_000_000).contains(&budget), "{budget}");

    // Without either, the edge begins a trace and grants its own deadline.
    let answer = edge.get("/v1/orders/main/1").await;
    let begun = answer.header("x-trace-id").unwrap().to_owned();
    assert_eq!(begun.len(), 32);
    assert!(edge.fake.header("traceparent").unwrap().contains(&begun));
    assert!(edge.fake.header("grpc-timeout").is_some());
}

#[tokio::test]
async fn a_deadline_that_passes_is_a_gateway_timeout() {
    for placement in [Placement::InProcess, Placement::AcrossSockets] {
        let edge = Edge::start_with(Default::default(), placement).await;
        let mut http = edge.http().await;
        let request = http
            .request(Method::GET, "/v1/orders/hang/1")
            .header("grpc-timeout", "50m");
        let answer = http.send(request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(answer.reason(), "DEADLINE_EXCEEDED");
    }
    let config = chimera_gateway::Config {
        unary_deadline_ms: 50,
        ..Default::default()
    };
    let edge = Edge::start_with(config, Placement::InProcess).await;
    assert_eq!(
        edge.get("/v1/orders/hang/1").await.status,
        StatusCode::GATEWAY_TIMEOUT
    );
}
