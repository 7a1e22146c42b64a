use http::StatusCode;
use serde_json::json;

use crate::harness::Edge;

#[tokio::test]
async fn an_error_shows_everything_that_the_service_said_of_it() {
    let edge = Edge::start().await;
    let answer = edge.post("/v1/orders", r#"{"symbol":"LIMITED"}"#).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    // Whole seconds, rounded up.
    assert_eq!(answer.header("retry-after"), Some("2"));
    let expected = json!({"error": {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "message": "too many orders in the window",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ORDER_RATE_LIMIT", "domain": "chimera",
                "metadata": {"limit": "10", "window": "1s"},
            },
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": "quantity", "description": "a multiple of 0.01"}],
            },
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.250s"},
            {
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [
                    {"subject": "account:main", "description": "10 orders a second"},
                ],
            },
        ],
    }});
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn every_grpc_code_has_its_http_status() {
    let edge = Edge::start().await;
    let table = [
        (1, 499, "CANCELLED"),
        (2, 500, "UNKNOWN"),
        (3, 400, "INVALID_ARGUMENT"),
        (4, 504, "DEADLINE_EXCEEDED"),
        (5, 404, "NOT_FOUND"),
        (6, 409, "ALREADY_EXISTS"),
        (7, 403, "PERMISSION_DENIED"),
        (8, 429, "RESOURCE_EXHAUSTED"),
        (9, 400, "FAILED_PRECONDITION"),
        (10, 409, "ABORTED"),
        (11, 400, "OUT_OF_RANGE"),
        (12, 501, "UNIMPLEMENTED"),
        (13, 500, "INTERNAL"),
        (14, 503, "UNAVAILABLE"),
        (15, 500, "DATA_LOSS"),
        (16, 401, "UNAUTHENTICATED"),
    ];
    for (code, http, name) in table {
        let answer = edge.get(&format!("/v1/orders/code/{code}")).await;
        assert_eq!(answer.status.as_u16(), http, "{name}");
        assert_eq!(answer.json()["error"]["code"], http);
        assert_eq!(answer.json()["error"]["status"], name);
    }
}

#[tokio::test]
async fn a_service_that_panics_is_an_internal_error_and_the_edge_goes_on() {
    let edge = Edge::start().await;
    let answer = edge.get("/v1/orders/panic/1").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.text().contains("on purpose"), "{answer:?}");
    assert_eq!(edge.get("/v1/orders/main/1").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_path_is_answered_with_its_nearest() {
    let edge = Edge::start().await;
    let answer = edge.get("/v1/order").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.reason(), "UNKNOWN_METHOD");
    let near = answer.json()["error"]["details"][0]["metadata"]["near"].to_string();
    assert!(near.contains("GET /v1/orders"), "{near}");
    // A service that is not mounted has no paths either.
    assert_eq!(
        edge.get("/v1/positions").await.status,
        StatusCode::NOT_FOUND
    );
    // What has nothing in common with anything gets no advice.
    let answer = edge
        .get("/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz")
        .await;
    assert_eq!(answer.json()["error"]["details"][0]["metadata"], json!({}));
}

#[tokio::test]
async fn a_wrong_verb_is_answered_with_the_right_ones() {
    let edge = Edge::start().await;
    let mut http = edge.http().await;
    let cases = [
        ("DELETE", "/v1/orders", "GET, POST"),
        ("POST", "/v1/orders/main/1", "GET"),
        ("GET", "/v1/orders/main/1:cancel", "POST"),
        ("PUT", "/v1/trading-state", "GET, POST"),
        ("HEAD", "/v1/tickers", "GET"),
        ("POST", "/healthz", "GET, HEAD"),
    ];
    for (verb, path, allow) in cases {
        let verb = http::Method::try_from(verb).unwrap();
        let request = http.request(verb, path).body(Default::default()).unwrap();
        let answer = http.send(request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
}
