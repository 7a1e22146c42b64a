//! What a client that means harm writes into a request; by the ids of the catalogue.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use tonic::Status;
use tonic::body::Body;
use tower::ServiceExt;

use crate::harness::{Edge, within};

#[tokio::test]
async fn h33_fields_that_are_not_of_the_request_are_refused_by_name() {
    let edge = Edge::start().await;
    for field in [
        "status",
        "filled_quantity",
        "owner",
        "role",
        "venueOrderId",
        "order",
    ] {
        let answer = edge
            .post("/v1/orders", &format!("{{\"{field}\":\"x\"}}"))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(
            (answer.reason().as_str(), answer.field().as_str()),
            ("MALFORMED_REQUEST", field)
        );
        let answer = edge.get(&format!("/v1/orders?{field}=x")).await;
        assert_eq!(
            (answer.status, answer.field().as_str()),
            (StatusCode::BAD_REQUEST, field)
        );
    }
    let answer = edge.post("/v1/orders", r#"{"quanttity":"1"}"#).await;
    assert!(
        answer.text().contains("did you mean `quantity`?"),
        "{}",
        answer.text()
    );
    assert!(edge.fake.placed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn h45_any_text_of_a_symbol_stays_one_text_on_its_way() {
    let edge = Edge::start().await;
    let symbols = [
        "../../etc/passwd",
        "a/b",
        "\0",
        "\n",
        "\u{202e}",
        "'\"",
        "*",
        "btc-usdt",
        "ＢＴＣ",
        "%",
        "+",
        ":x",
    ];
    for symbol in symbols {
        let encoded: String = symbol.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let book = edge
            .get(&format!("/v1/books/binance-usdm/{encoded}"))
            .await
            .json();
        assert_eq!(book["book"]["symbol"], symbol);
        let ticker = edge
            .get(&format!("/v1/tickers?symbols={encoded}"))
            .await
            .json();
        assert_eq!(ticker["tickers"][0]["symbol"], symbol);
        let body = serde_json::json!({ "symbol": symbol }).to_string();
        assert_eq!(
            edge.post("/v1/orders", &body).await.json()["order"]["symbol"],
            symbol
        );
    }
    // An empty one is no segment, and one of 10 KB is one.
    assert_eq!(
        edge.get("/v1/books/binance-usdm/").await.status,
        StatusCode::NOT_FOUND
    );
    let long = "a".repeat(10_240);
    let book = edge
        .get(&format!("/v1/books/binance-usdm/{long}"))
        .await
        .json();
    assert_eq!(book["book"]["symbol"], long.as_str());
}

#[tokio::test]
async fn h48_numbers_outside_their_type_are_refused_by_name() {
    let edge = Edge::start().await;
    for size in [
        "2147483648",
        "-2147483649",
        "1.5",
        "1e3",
        "",
        "x",
        "0x10",
        " 1",
    ] {
        let answer = edge
            .get(&format!("/v1/orders?pageSize={}", size.replace(' ', "%20")))
            .await;
        assert_eq!(
            (answer.status, answer.field().as_str()),
            (StatusCode::BAD_REQUEST, "pageSize")
        );
        assert_eq!(answer.reason(), "INVALID_FIELD");
    }
}

#[tokio::test]
async fn h49_what_is_not_one_json_object_is_refused() {
    let edge = Edge::start().await;
    let bodies = [
        r#"{"account":"a","account":"b"}"#,
        "{} {}",
        "\u{feff}{}",
        r#"{"account":"\ud800"}"#,
        r#"{"client_order_index":NaN}"#,
        "[]",
        "7",
        "\"x\"",
        "null",
        "{",
        "{}\0",
    ];
    let mut http = edge.http().await;
    for body in bodies {
        let answer = http.post("/v1/orders", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.reason(), "MALFORMED_REQUEST", "{body}");
    }
    let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    assert_eq!(
        http.post("/v1/orders", &deep).await.status,
        StatusCode::BAD_REQUEST
    );

    let index = edge
        .post("/v1/orders", r#"{"clientOrderIndex":9007199254740993}"#)
        .await;
    assert_eq!(
        index.json()["order"]["clientOrderIndex"],
        "9007199254740993"
    );
    let answer = edge
        .post("/v1/orders", r#"{"clientOrderIndex":9223372036854775808}"#)
        .await;
    assert_eq!(answer.field(), "clientOrderIndex");
}

#[tokio::test]
async fn h49_a_body_of_another_type_or_size_is_not_read() {
    let edge = Edge::start().await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "",
    ] {
        let mut http = edge.http().await;
        let request = http
            .request(Method::POST, "/v1/orders")
            .header("content-type", kind);
        let answer = http.send(request.body(Full::from("{}")).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let large = format!("{{\"account\":\"{}\"}}", "a".repeat(1_024 * 1_024));
    let answer = edge.post("/v1/orders", &large).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.reason(), "MESSAGE_TOO_LARGE");
    // One that does not say its length is read no further than the limit.
    let part = || Ok::<_, Status>(Frame::data(Bytes::from(vec![b' '; 65_536])));
    let parts = std::iter::repeat_with(part).take(32);
    let endless = StreamBody::new(futures::stream::iter(parts));
    let request = Request::post("/v1/orders").header("content-type", "application/json");
    let request = request.body(Body::new(endless)).unwrap();
    let Ok(answer) = within(edge.channel().oneshot(request)).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let mut http = edge.http().await;
    let request = http
        .request(Method::GET, "/v1/orders/main/1")
        .header("content-type", "application/json")
        .body(Full::from("{}"))
        .unwrap();
    assert_eq!(http.send(request).await.status, StatusCode::BAD_REQUEST);
    assert!(edge.fake.placed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn h50_sides_and_types_that_do_not_exist_are_refused_with_those_that_do() {
    let edge = Edge::start().await;
    let cases = [
        (r#"{"side":"HOLD"}"#, "side", "BUY, SELL"),
        (r#"{"side":"buy"}"#, "side", "BUY, SELL"),
        (r#"{"side":3}"#, "side", "BUY, SELL"),
        (
            r#"{"type":"STOP"}"#,
            "type",
            "LIMIT, MARKET, TRACKING_LIMIT",
        ),
        (r#"{"timeInForce":"GTX"}"#, "timeInForce", "GTC, IOC, FOK"),
    ];
    for (body, field, valid) in cases {
        let answer = edge.post("/v1/orders", body).await;
        assert_eq!(
            (answer.status, answer.field().as_str()),
            (StatusCode::BAD_REQUEST, field)
        );
        assert!(answer.text().contains(valid), "{}", answer.text());
    }
    assert!(edge.fake.placed.lock().unwrap().is_empty());
}
