//! What a client that means harm does to the transport; by the ids of the catalogue.

use std::io::Write;

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
    // ValidateOrderRequest { order { tracking_limit { … } } } over and over: unknown nesting is
    // skipped or refused, and never recursed into.
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

/// Heads that two readers could read in two ways; `HOST` is the line that names this server.
const AMBIGUOUS: [(&str, &str); 17] = [
    (
        "length and chunks",
        "POST / HTTP/1.1\nHOST\ncontent-length: 4\ntransfer-encoding: chunked",
    ),
    (
        "chunks and length",
        "POST / HTTP/1.1\nHOST\ntransfer-encoding: chunked\ncontent-length: 4",
    ),
    (
        "chunks",
        "POST / HTTP/1.1\nHOST\ntransfer-encoding: chunked",
    ),
    (
        "an odd coding",
        "POST / HTTP/1.1\nHOST\ntransfer-encoding: xchunked",
    ),
    (
        "two codings",
        "POST / HTTP/1.1\nHOST\ntransfer-encoding: chunked, identity",
    ),
    (
        "two lengths",
        "POST / HTTP/1.1\nHOST\ncontent-length: 2\ncontent-length: 3",
    ),
    (
        "a list of lengths",
        "POST / HTTP/1.1\nHOST\ncontent-length: 2, 2",
    ),
    (
        "a signed length",
        "POST / HTTP/1.1\nHOST\ncontent-length: +2",
    ),
    (
        "a folded line",
        "POST / HTTP/1.1\nHOST\nx: a\n b\ncontent-length: 2",
    ),
    (
        "a space before the colon",
        "POST / HTTP/1.1\nHOST\ncontent-length : 2",
    ),
    ("no host", "POST / HTTP/1.1\ncontent-length: 2"),
    (
        "two hosts",
        "POST / HTTP/1.1\nHOST\nHOST\ncontent-length: 2",
    ),
    (
        "a host with a name before it",
        "POST / HTTP/1.1\nhost: a@localhost\ncontent-length: 2",
    ),
    (
        "an absolute target",
        "GET http://localhost/v1/orders HTTP/1.1\nHOST",
    ),
    (
        "a foreign target",
        "GET http://evil.example/ HTTP/1.1\nHOST",
    ),
    ("a tunnel", "CONNECT localhost:80 HTTP/1.1\nHOST"),
    ("no version", "GET /"),
];

#[tokio::test]
async fn h18_a_request_that_can_be_read_in_two_ways_is_refused_and_the_connection_closed() {
    let edge = Edge::start().await;
    let address = edge.address();
    let send = |head: &str| {
        let head = head
            .replace("HOST", &format!("host: {address}"))
            .replace('\n', "\r\n");
        // Whoever reads the length sees one request, whoever reads the chunks two.
        let request = format!("{head}\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n");
        let address = address.clone();
        async move { raw(&address, request.as_bytes()).await }
    };
    for (case, head) in AMBIGUOUS {
        let answer = send(head).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request"),
            "{case}: {answer}"
        );
        let answers = answer.matches("\r\ndate: ").count();
        assert_eq!(answers, 1, "{case}: {answer}");
    }
    // The framing of this one is beyond doubt; it is not for this server.
    let answer = send("GET / HTTP/1.1\nhost: evil.example").await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden"), "{answer}");
    assert_eq!(answer.matches("\r\ndate: ").count(), 1, "{answer}");
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
