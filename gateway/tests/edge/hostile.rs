//! What a client that means harm sends to the edge; by the ids of the catalogue.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use chimera_runtime::Channel;
use chimera_runtime::fault::reason_of;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt;

use crate::harness::{Edge, within};
use crate::http::raw;

const PLACE_ORDER: &str = "/chimera.order.v1.OrderService/PlaceOrder";

/// Sends bytes as the body of a gRPC call and returns how it ended.
async fn grpc(edge: &Edge, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Status {
    let channel: Channel = edge.channel();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Body::new(Full::from(Bytes::from(body))))
        .unwrap();
    let Ok(answer) = within(channel.oneshot(request)).await;
    let (head, body) = answer.into_parts();
    if let Some(status) = Status::from_header_map(&head.headers) {
        return status;
    }
    if head.status != StatusCode::OK {
        return Status::unknown(head.status.to_string());
    }
    let trailers = match within(body.collect()).await {
        Ok(collected) => collected.trailers().cloned(),
        Err(status) => return status,
    };
    Status::from_header_map(&trailers.unwrap_or_default()).expect("a status")
}

async fn still_serves(edge: &Edge) {
    assert_eq!(edge.get("/v1/orders/main/1").await.status, StatusCode::OK);
}

#[tokio::test]
async fn h07_a_client_that_trickles_or_says_nothing_is_let_go() {
    let edge = Edge::start().await;
    let beginnings: [&[u8]; 3] = [b"", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nhost: loc"];
    let closed = beginnings.map(|begin| {
        let address = edge.address();
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begin).await.unwrap();
            let mut rest = Vec::new();
            within(stream.read_to_end(&mut rest)).await
        }
    });
    for read in futures::future::join_all(closed).await {
        let _closed_one_way_or_the_other = read;
    }
    still_serves(&edge).await;
}

#[tokio::test]
async fn h07_a_body_that_never_comes_is_given_up() {
    let config = chimera_gateway::Config {
        body_within_ms: 100,
        ..Default::default()
    };
    let edge = Edge::start_with(config, crate::harness::Placement::InProcess).await;
    let head = format!(
        "POST /v1/orders HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{",
        edge.address()
    );
    let answer = raw(&edge.address(), head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("not_begun"), "{answer}");
    assert!(edge.fake.placed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn h09_too_many_or_too_long_headers_are_refused() {
    let edge = Edge::start().await;
    let host = edge.address();
    let long = format!(
        "GET / HTTP/1.1\r\nhost: {host}\r\nx: {}\r\n\r\n",
        "a".repeat(1_000_000)
    );
    let many: String = (0..1_000)
        .map(|number| format!("x-{number}: 1\r\n"))
        .collect();
    let many = format!("GET / HTTP/1.1\r\nhost: {host}\r\n{many}\r\n");
    for request in [long, many] {
        let answer = raw(&host, request.as_bytes()).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
            "{answer}"
        );
    }
    let uri = format!(
        "GET /{} HTTP/1.1\r\nhost: {host}\r\n\r\n",
        "a".repeat(70_000)
    );
    let answer = raw(&host, uri.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 414") || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    let control = format!("GET / HTTP/1.1\r\nhost: {host}\r\nx: a\x01b\r\n\r\n");
    assert!(
        raw(&host, control.as_bytes())
            .await
            .starts_with("HTTP/1.1 400")
    );

    let value = "a".repeat(20_000);
    let status = grpc(&edge, PLACE_ORDER, &[("x", &value)], vec![0; 5]).await;
    assert_eq!(status.message(), "431 Request Header Fields Too Large");
    still_serves(&edge).await;
}

#[tokio::test]
async fn h10_frames_that_lie_about_their_length_are_refused() {
    let edge = Edge::start().await;
    let cases: [(&str, Vec<u8>, Code); 5] = [
        (
            "a claim of 4 GiB",
            [vec![0, 255, 255, 255, 255], vec![0; 9]].concat(),
            Code::ResourceExhausted,
        ),
        (
            "a short body",
            vec![0, 0, 0, 0, 9, 1],
            Code::InvalidArgument,
        ),
        ("two messages", vec![0; 10], Code::InvalidArgument),
        (
            "bytes behind it",
            vec![0, 0, 0, 0, 0, 7],
            Code::InvalidArgument,
        ),
        ("half a prefix", vec![0, 0], Code::InvalidArgument),
    ];
    for (case, body, code) in cases {
        let status = grpc(&edge, PLACE_ORDER, &[], body).await;
        assert!(
            status.code() == code || status.code() == Code::Internal,
            "{case}: {status:?}"
        );
        assert_ne!(status.code(), Code::Ok, "{case}");
    }
    assert!(edge.fake.placed.lock().unwrap().is_empty());
}

fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1_024 * 1_024];
    for _ in 0..64 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

#[tokio::test]
async fn h11_a_compressed_bomb_is_never_blown_up() {
    let edge = Edge::start().await;
    let bomb = bomb();
    let mut framed = vec![1];
    framed.extend(u32::try_from(bomb.len()).unwrap().to_be_bytes());
    framed.extend(&bomb);
    let status = grpc(
        &edge,
        PLACE_ORDER,
        &[("grpc-encoding", "gzip")],
        framed.clone(),
    )
    .await;
    assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
    // The flag without the header.
    assert_ne!(grpc(&edge, PLACE_ORDER, &[], framed).await.code(), Code::Ok);

    let mut http = edge.http().await;
    let request = http
        .request(Method::POST, "/v1/orders")
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(Full::from(bomb))
        .unwrap();
    let answer = http.send(request).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(answer.field(), "content-encoding");
}

#[tokio::test]
async fn h12_a_message_nested_without_end_is_refused() {
    let edge = Edge::start().await;
    // ValidateOrderRequest { order { tracking_limit { … } } } over and over: unknown nesting is skipped
    // or refused, and never recursed into.
    let mut nested = Vec::new();
    for _ in 0..10_000 {
        let mut outer = vec![0x0a];
        let mut length = nested.len();
        while length >= 0x80 {
            outer.push((length as u8 & 0x7f) | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.extend(&nested);
        nested = outer;
    }
    let mut framed = vec![0];
    framed.extend(u32::try_from(nested.len()).unwrap().to_be_bytes());
    framed.extend(nested);
    let path = "/chimera.order.v1.OrderService/ValidateOrder";
    assert_ne!(grpc(&edge, path, &[], framed).await.code(), Code::Ok);
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(
        edge.post("/v1/orders", &deep).await.status,
        StatusCode::BAD_REQUEST
    );
    still_serves(&edge).await;
}

#[tokio::test]
async fn h13_bytes_that_are_no_message_are_the_callers_fault() {
    let edge = Edge::start().await;
    let framed = |message: &[u8]| [&[0, 0, 0, 0, message.len() as u8], message].concat();
    // Field 3 is text: bytes that are no UTF-8, and a number in its place.
    for message in [&[0x1a, 1, 0xff][..], &[0x18, 1], &[0x1a, 9]] {
        let status = grpc(&edge, PLACE_ORDER, &[], framed(message)).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert_eq!(reason_of(&status).as_deref(), Some("MALFORMED_REQUEST"));
    }
    assert!(edge.fake.placed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn h14_a_deadline_that_has_passed_or_cannot_be_read_reaches_no_service() {
    let edge = Edge::start().await;
    for timeout in ["0n", "-1S", "1x", "", "999999999S", "1.5S"] {
        let status = grpc(&edge, PLACE_ORDER, &[("grpc-timeout", timeout)], vec![0; 5]).await;
        let refused = matches!(
            status.code(),
            Code::DeadlineExceeded | Code::InvalidArgument
        );
        assert!(refused, "{timeout}: {status:?}");
        let mut http = edge.http().await;
        let request = http
            .request(Method::POST, "/v1/orders")
            .header("grpc-timeout", timeout)
            .body(Full::default())
            .unwrap();
        let answer = http.send(request).await;
        assert!(
            matches!(answer.status.as_u16(), 400 | 504),
            "{timeout}: {answer:?}"
        );
    }
    assert!(edge.fake.placed.lock().unwrap().is_empty());
    let status = grpc(
        &edge,
        PLACE_ORDER,
        &[("grpc-timeout", "99999999H")],
        vec![0; 5],
    )
    .await;
    assert_eq!(status.code(), Code::Ok);
}

#[tokio::test]
async fn h17_no_other_spelling_of_a_path_reaches_a_method() {
    let edge = Edge::start().await;
    let tricks = [
        "/chimera.order.v1.OrderService/PlaceOrder/",
        "//chimera.order.v1.OrderService/PlaceOrder",
        "/chimera.order.v1.orderservice/placeorder",
        "/chimera.order.v1.OrderService//PlaceOrder",
        "/chimera.order.v1.OrderService/./PlaceOrder",
        "/chimera.order.v1.OrderService/Place%4frder",
        "/x/../chimera.order.v1.OrderService/PlaceOrder",
        "/chimera.order.v1.OrderService",
        "/",
        "/chimera.connector.v1.ConnectorService/SubmitLimitOrder",
        "/v1/orders",
    ];
    for path in tricks {
        let status = grpc(&edge, path, &[], vec![0; 5]).await;
        assert_eq!(status.code(), Code::Unimplemented, "{path}: {status:?}");
        assert_eq!(reason_of(&status).as_deref(), Some("UNKNOWN_METHOD"));
    }
    let tricks = [
        "//v1/orders",
        "/v1//orders",
        "/v1/orders/",
        "/V1/orders",
        "/v1/%6frders",
        "/v1/./orders",
        "/v1/../v1/orders",
        "/v1/orders%2f",
        "/v1/orders;a=b",
        "/v1/orders%00",
    ];
    let mut http = edge.http().await;
    for path in tricks {
        let answer = http.post(path, "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {answer:?}");
    }
    assert!(edge.fake.placed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn h18_a_request_that_can_be_read_in_two_ways_is_refused_and_the_connection_closed() {
    let edge = Edge::start().await;
    let address = edge.address();
    let post = |lines: &str, body: &str| {
        format!("POST /v1/orders HTTP/1.1\r\ncontent-type: application/json\r\n{lines}\r\n{body}")
    };
    let host = format!("host: {address}\r\n");
    let chunked = "0\r\n\r\nPOST /v1/orders HTTP/1.1\r\n\r\n";
    let cases = [
        (
            "length and chunks",
            post(
                &format!("{host}content-length: 4\r\ntransfer-encoding: chunked\r\n"),
                chunked,
            ),
        ),
        (
            "chunks and length",
            post(
                &format!("{host}transfer-encoding: chunked\r\ncontent-length: 4\r\n"),
                chunked,
            ),
        ),
        (
            "chunks",
            post(&format!("{host}transfer-encoding: chunked\r\n"), chunked),
        ),
        (
            "odd coding",
            post(&format!("{host}transfer-encoding: xchunked\r\n"), chunked),
        ),
        (
            "two codings",
            post(
                &format!("{host}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n"),
                chunked,
            ),
        ),
        (
            "two lengths",
            post(
                &format!("{host}content-length: 2\r\ncontent-length: 3\r\n"),
                "{}",
            ),
        ),
        (
            "signed length",
            post(&format!("{host}content-length: +2\r\n"), "{}"),
        ),
        (
            "folded line",
            post(&format!("{host}x: a\r\n b\r\ncontent-length: 2\r\n"), "{}"),
        ),
        (
            "space before colon",
            post(&format!("{host}content-length : 2\r\n"), "{}"),
        ),
        ("no host", post("content-length: 2\r\n", "{}")),
        (
            "two hosts",
            post(&format!("{host}{host}content-length: 2\r\n"), "{}"),
        ),
        (
            "another host",
            post("host: evil.example\r\ncontent-length: 2\r\n", "{}"),
        ),
        (
            "userinfo",
            post(&format!("host: a@{address}\r\ncontent-length: 2\r\n"), "{}"),
        ),
        (
            "absolute target",
            format!("GET http://{address}/v1/orders HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "foreign target",
            format!("GET http://evil.example/ HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "tunnel",
            format!("CONNECT {address} HTTP/1.1\r\n{host}\r\n"),
        ),
        ("no version", "GET /\r\n\r\n".to_owned()),
    ];
    for (case, request) in cases {
        let answer = raw(&address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{case}: {answer}");
        assert_eq!(
            answer.matches("HTTP/1.1 400 Bad Request").count(),
            1,
            "{case}: {answer}"
        );
    }
    assert!(edge.fake.placed.lock().unwrap().is_empty());
}

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
    // One that hides its length over HTTP/2 is read no further than the limit either.
    assert_eq!(edge.get("/v1/orders").await.status, StatusCode::OK);
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

#[tokio::test]
async fn h08_connections_beyond_the_limit_are_closed_and_the_others_served() {
    let config = chimera_gateway::Config {
        connections_max: 2,
        ..Default::default()
    };
    let edge = Edge::start_with(config, crate::harness::Placement::InProcess).await;
    let mut first = edge.http().await;
    let mut second = edge.http().await;
    assert_eq!(first.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(second.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(raw(&edge.address(), b"GET / HTTP/1.1\r\n").await, "");
    assert_eq!(first.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn small_answers_do_not_wait_for_an_acknowledgement() {
    let edge = Edge::start().await;
    let mut http = edge.http().await;
    http.get("/healthz").await;
    // With Nagle's algorithm each of these would take 40 ms.
    let begun = tokio::time::Instant::now();
    for _ in 0..50 {
        http.get("/v1/orders/main/1").await;
    }
    assert!(
        begun.elapsed() < Duration::from_millis(50 * 40),
        "{:?}",
        begun.elapsed()
    );
}
