use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chimera_contracts::order::v1::{
    GetOrderRequest, GetOrderResponse, PlaceOrderRequest, WatchOrdersRequest, WatchOrdersResponse,
};
use chimera_gateway::Config;
use http::{Method, StatusCode};
use http_body_util::Full;
use prost::Message;

use crate::harness::{Edge, Placement};
use crate::http::Answer;

const GET_ORDER: &str = "/chimera.order.v1.OrderService/GetOrder";

fn framed(message: &impl Message) -> Vec<u8> {
    let encoded = message.encode_to_vec();
    let mut framed = vec![0];
    framed.extend(u32::try_from(encoded.len()).unwrap().to_be_bytes());
    framed.extend(encoded);
    framed
}

/// Splits a gRPC-web body into its messages and its trailers.
fn frames(mut body: &[u8]) -> (Vec<Vec<u8>>, String) {
    let (mut messages, mut trailers) = (Vec::new(), String::new());
    while let Some((head, rest)) = body.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let (frame, rest) = rest.split_at(length);
        match head[0] {
            0 => messages.push(frame.to_vec()),
            0x80 => trailers = String::from_utf8(frame.to_vec()).unwrap(),
            flag => panic!("flag {flag}"),
        }
        body = rest;
    }
    (messages, trailers)
}

/// Each part of a text body is base64 of its own.
fn decode_text(body: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(body).unwrap();
    let mut decoded = Vec::new();
    let mut part = String::new();
    for quad in text.as_bytes().chunks(4) {
        part.push_str(std::str::from_utf8(quad).unwrap());
        if quad.ends_with(b"=") {
            decoded.extend(BASE64_STANDARD.decode(&part).unwrap());
            part.clear();
        }
    }
    decoded.extend(BASE64_STANDARD.decode(&part).unwrap());
    decoded
}

async fn call(edge: &Edge, path: &str, kind: &str, body: Vec<u8>) -> Answer {
    let mut http = edge.http().await;
    let request = http
        .request(Method::POST, path)
        .header("content-type", kind)
        .header("x-grpc-web", "1")
        .body(Full::from(Bytes::from(body)))
        .unwrap();
    http.send(request).await
}

fn get(account: &str) -> GetOrderRequest {
    GetOrderRequest {
        account: account.into(),
        client_order_index: 7,
    }
}

#[tokio::test]
async fn a_page_calls_in_binary_and_in_text() {
    for placement in [Placement::InProcess, Placement::AcrossSockets] {
        let edge = Edge::start_with(Default::default(), placement).await;
        for kind in ["application/grpc-web", "application/grpc-web+proto"] {
            let answer = call(&edge, GET_ORDER, kind, framed(&get("main"))).await;
            assert_eq!(answer.status, StatusCode::OK);
            let (messages, trailers) = frames(&answer.body);
            let order = GetOrderResponse::decode(messages[0].as_slice())
                .unwrap()
                .order
                .unwrap();
            assert_eq!(order.client_order_index, 7);
            assert!(trailers.contains("grpc-status:0"), "{trailers}");
        }
        for kind in [
            "application/grpc-web-text",
            "application/grpc-web-text+proto",
        ] {
            let mut http = edge.http().await;
            let request = http
                .request(Method::POST, GET_ORDER)
                .header("content-type", kind)
                .header("accept", kind)
                .body(Full::from(BASE64_STANDARD.encode(framed(&get("main")))))
                .unwrap();
            let answer = http.send(request).await;
            let (messages, trailers) = frames(&decode_text(&answer.body));
            let order = GetOrderResponse::decode(messages[0].as_slice())
                .unwrap()
                .order
                .unwrap();
            assert_eq!(order.account, "main");
            assert!(trailers.contains("grpc-status:0"), "{trailers}");
        }
    }
}

#[tokio::test]
async fn a_page_reads_a_stream_and_an_error() {
    let edge = Edge::start().await;
    let kind = "application/grpc-web+proto";
    let watch = WatchOrdersRequest {
        account: "three".into(),
        ..Default::default()
    };
    let path = "/chimera.order.v1.OrderService/WatchOrders";
    let answer = call(&edge, path, kind, framed(&watch)).await;
    let (messages, trailers) = frames(&answer.body);
    assert_eq!(messages.len(), 4);
    WatchOrdersResponse::decode(messages[3].as_slice()).unwrap();
    assert!(trailers.contains("grpc-status:0"));

    let place = PlaceOrderRequest {
        symbol: "LIMITED".into(),
        ..Default::default()
    };
    let path = "/chimera.order.v1.OrderService/PlaceOrder";
    let answer = call(&edge, path, kind, framed(&place)).await;
    let status = answer.header("grpc-status").map(str::to_owned);
    let (_, trailers) = frames(&answer.body);
    assert!(
        status.as_deref() == Some("8") || trailers.contains("grpc-status:8"),
        "{answer:?}"
    );

    let answer = call(
        &edge,
        "/chimera.order.v1.OrderService/Nothing",
        kind,
        Vec::new(),
    )
    .await;
    assert_eq!(answer.header("grpc-status"), Some("12"));
}

#[tokio::test]
async fn what_is_no_grpc_web_call_is_refused_in_the_words_of_http() {
    let edge = Edge::start().await;
    for kind in [
        "application/grpc-web+json",
        "application/grpc+json",
        "application/grpcx",
    ] {
        let answer = call(&edge, GET_ORDER, kind, Vec::new()).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let answer = call(&edge, GET_ORDER, "application/grpc", framed(&get("main"))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("HTTP/2"));
    let mut http = edge.http().await;
    let request = http
        .request(Method::GET, GET_ORDER)
        .header("content-type", "application/grpc-web");
    let answer = http.send(request.body(Full::default()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

async fn from_origin(edge: &Edge, method: Method, origin: &str, host: Option<&str>) -> Answer {
    let mut http = edge.http().await;
    let address = edge.address();
    let mut request = http::Request::builder()
        .method(method.clone())
        .uri("/v1/orders/main/1")
        .header("host", host.unwrap_or(&address))
        .header("origin", origin);
    if method == Method::OPTIONS {
        request = request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,x-grpc-web");
    }
    http.send(request.body(Full::default()).unwrap()).await
}

/// An edge that lists one origin and one name of its own.
async fn listing() -> Edge {
    let config = Config {
        origins: vec!["https://desk.example".into()],
        hosts: vec!["chimera.internal".into()],
        ..Config::default()
    };
    Edge::start_with(config, Placement::InProcess).await
}

#[tokio::test]
async fn h19_listed_origins_loopback_and_this_server_may_call() {
    let edge = listing().await;
    let own = format!("http://{}", edge.address());
    let allowed = [
        ("https://desk.example", None),
        ("http://localhost:5173", None),
        ("http://127.0.0.1", None),
        ("https://[::1]:3000", None),
        (own.as_str(), None),
        ("https://chimera.internal", Some("chimera.internal")),
    ];
    for (origin, host) in allowed {
        for method in [Method::GET, Method::OPTIONS] {
            let answer = from_origin(&edge, method.clone(), origin, host).await;
            assert!(answer.status.is_success(), "{method} {origin}: {answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
            assert_eq!(answer.header("access-control-allow-credentials"), None);
            assert_eq!(answer.header("vary"), Some("origin"));
        }
        let asked = from_origin(&edge, Method::OPTIONS, origin, host).await;
        assert_eq!(asked.status, StatusCode::NO_CONTENT);
        let headers = asked.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("x-grpc-web"), "{headers}");
        let methods = asked.header("access-control-allow-methods").unwrap();
        assert!(methods.contains("POST"), "{methods}");
        let answer = from_origin(&edge, Method::GET, origin, host).await;
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(
            exposed.contains("grpc-status") && exposed.contains("x-trace-id"),
            "{exposed}"
        );
    }
}

#[tokio::test]
async fn h19_no_other_origin_may_call() {
    let edge = listing().await;
    let foreign = [
        "null",
        "https://evil.example",
        "https://desk.example.evil.example",
        "http://desk.example",
        "https://desk.example:444",
        "https://desk.example/",
        "*",
        "",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        "file://",
        "http://2130706433",
        "http://0x7f.1",
        "chrome-extension://localhost",
        "https://DESK.example",
        "localhost",
    ];
    for origin in foreign {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let answer = from_origin(&edge, method.clone(), origin, None).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {origin}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
            assert_eq!(answer.reason(), "ORIGIN_NOT_ALLOWED");
        }
    }
    assert!(edge.fake.placed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn h19_a_page_whose_name_was_pointed_here_is_refused() {
    let edge = Edge::start().await;
    let answer = from_origin(
        &edge,
        Method::GET,
        "http://evil.example",
        Some("evil.example"),
    )
    .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.reason(), "ORIGIN_NOT_ALLOWED");
    assert_eq!(answer.header("access-control-allow-origin"), None);
}
