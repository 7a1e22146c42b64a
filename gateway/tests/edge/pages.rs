use http::StatusCode;
use serde_json::json;

use crate::harness::{Edge, MARKET_DATA, ORDER, Placement};

#[tokio::test]
async fn the_index_lists_what_is_served() {
    let edge = Edge::start().await;
    let index = edge.get("/").await.json();
    let grpc: Vec<_> = index["grpc"].as_array().unwrap().iter().collect();
    assert!(grpc.contains(&&json!(ORDER)) && grpc.contains(&&json!("grpc.health.v1.Health")));
    let place = json!({
        "verb": "POST", "path": "/v1/orders", "method": "chimera.order.v1.OrderService/PlaceOrder",
    });
    assert!(
        index["rest"].as_array().unwrap().contains(&place),
        "{index}"
    );
    assert!(!index.to_string().contains("Connector"));
}

#[tokio::test]
async fn readiness_names_what_is_not_ready() {
    for placement in [Placement::InProcess, Placement::AcrossSockets] {
        let edge = Edge::start_with(Default::default(), placement).await;
        let ready = edge.get("/readyz").await;
        assert_eq!(
            (ready.status, &ready.json()["ready"]),
            (StatusCode::OK, &json!(true))
        );

        edge.market_readiness.set_not_ready();
        let ready = edge.get("/readyz").await;
        assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
        let expected = json!({"ready": false, "draining": false, "services": [
            {"service": ORDER, "serving": true},
            {"service": MARKET_DATA, "serving": false, "cause": "NOT_SERVING"},
        ]});
        assert_eq!(ready.json(), expected);
        // The process lives all the same.
        assert_eq!(edge.get("/healthz").await.status, StatusCode::OK);

        edge.market_readiness.set_ready();
        assert_eq!(edge.get("/readyz").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn metrics_name_methods_and_never_what_callers_make_up() {
    let edge = Edge::start().await;
    edge.get("/v1/orders/main/1").await;
    edge.get("/v1/h64-made-up").await;
    let metrics = edge.get("/metrics").await;
    assert_eq!(
        metrics.header("content-type"),
        Some("text/plain; version=0.0.4")
    );
    let counted = |line: &str| metrics.text().lines().any(|found| found.starts_with(line));
    assert!(counted(
        "gateway_requests_total{door=\"rest\",\
         method=\"chimera.order.v1.OrderService/GetOrder\",status=\"200\"}"
    ));
    assert!(counted(
        "gateway_requests_total{door=\"rest\",method=\"other\",status=\"404\"}"
    ));
    assert!(!metrics.text().contains("h64-made-up"));
}

#[tokio::test]
async fn pages_answer_head_without_a_body() {
    let edge = Edge::start().await;
    let mut http = edge.http().await;
    for path in ["/", "/healthz", "/readyz", "/metrics"] {
        let request = http
            .request(http::Method::HEAD, path)
            .body(Default::default())
            .unwrap();
        let answer = http.send(request).await;
        assert_eq!(
            (answer.status, answer.body.len()),
            (StatusCode::OK, 0),
            "{path}"
        );
    }
}
