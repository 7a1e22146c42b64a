//! Requests that mean harm, sent as raw bytes behind the generated client's back.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::Code;
use tonic::body::Body;
use tower::ServiceExt;

use super::probe::{Probe, Server, Word, within, word};
use crate::Channel;
use crate::fault::{fields_of, reason_of};
use crate::listen::ListenOptions;
use crate::server::Router;
use prost::Message;

struct Target {
    probe: Probe,
    channels: Vec<Channel>,
    server: Server,
}

async fn target() -> Target {
    let probe = Probe::new();
    let server = Server::start(vec![probe.service()], ListenOptions::default()).await;
    let channels = vec![Channel::in_process([probe.service()]), server.channel()];
    Target {
        probe,
        channels,
        server,
    }
}

fn request(path: &str, body: impl Into<Bytes>) -> Request<Body> {
    Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(Full::new(body.into())))
        .unwrap()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    frame
}

/// Sends a request and returns the status of its answer, wherever it stands.
async fn status_of(channel: &Channel, request: Request<Body>) -> tonic::Status {
    let answer = match channel.clone().oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    if let Some(status) = tonic::Status::from_header_map(answer.headers()) {
        return status;
    }
    let collected = answer.into_body().collect().await.unwrap();
    tonic::Status::from_header_map(collected.trailers().unwrap()).unwrap()
}

/// Sends a request over a connection of its own, behind which no channel keeps the deadline.
async fn bare_status_of(server: &Server, mut request: Request<Body>) -> tonic::Status {
    let path = request.uri().path().to_owned();
    *request.uri_mut() = format!("http://{}{path}", server.address).parse().unwrap();
    let socket = tokio::net::TcpStream::connect(&server.address)
        .await
        .unwrap();
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let answer = within(sender.send_request(request)).await.unwrap();
    if let Some(status) = tonic::Status::from_header_map(answer.headers()) {
        return status;
    }
    let collected = within(answer.into_body().collect()).await.unwrap();
    tonic::Status::from_header_map(collected.trailers().unwrap()).unwrap()
}

#[tokio::test]
async fn the_server_keeps_a_deadline_by_itself_until_the_trailers() {
    let target = target().await;
    for (path, text) in [(ECHO, "hang"), (WATCH, "open"), (WATCH, "endless")] {
        let mut request = request(path, framed(&word(text).encode_to_vec()));
        request
            .headers_mut()
            .insert("grpc-timeout", "80m".parse().unwrap());
        let status = bare_status_of(&target.server, request).await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{text}");
        assert_eq!(
            reason_of(&status).as_deref(),
            Some("DEADLINE_EXCEEDED"),
            "{text}"
        );
        target.probe.until_running(0).await;
    }
}

#[tokio::test]
async fn h14_the_server_refuses_a_budget_of_nothing_before_its_handler() {
    let probe = Probe::new();
    // No channel in front, which would refuse by itself; and the body is there at once, so that only
    // the refusal keeps the handler from running.
    let router = Router::new([probe.service()]);
    for budget in ["0n", "0S", "00000000H"] {
        let mut request = request(ECHO, framed(&word("hello").encode_to_vec()));
        request
            .headers_mut()
            .insert("grpc-timeout", budget.parse().unwrap());
        let answer = router.clone().call(request).await;
        let status = tonic::Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{budget}");
    }
    assert_eq!(probe.begun(), 0);
}

const WATCH: &str = "/probe.v1.ProbeService/Watch";
const ECHO: &str = "/probe.v1.ProbeService/Echo";

#[tokio::test]
async fn h10_a_length_prefix_of_4_gib_is_refused_before_anything_is_reserved() {
    let target = target().await;
    for channel in &target.channels {
        let status = status_of(channel, request(ECHO, &b"\0\xff\xff\xff\xff"[..])).await;
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert_eq!(reason_of(&status).as_deref(), Some("MESSAGE_TOO_LARGE"));
    }
    assert_eq!(target.probe.begun(), 0);
}

#[tokio::test]
async fn h10_a_short_body_and_a_second_message_are_refused() {
    let target = target().await;
    let good = framed(&word("hello").encode_to_vec());
    let broken = [
        ("short", good[..good.len() - 1].to_vec()),
        ("short prefix", good[..3].to_vec()),
        ("twice", good.repeat(2)),
        ("trailing", [good.as_slice(), b"x"].concat()),
        ("flag of no meaning", [b"\x02", &good[1..]].concat()),
        ("h11: compressed by nothing", [b"\x01", &good[1..]].concat()),
    ];
    for channel in &target.channels {
        assert_eq!(
            status_of(channel, request(ECHO, good.clone())).await.code(),
            Code::Ok
        );
        for (name, body) in &broken {
            let status = status_of(channel, request(ECHO, body.clone())).await;
            assert_eq!(status.code(), Code::InvalidArgument, "{name}: {status:?}");
            assert_eq!(
                reason_of(&status).as_deref(),
                Some("MALFORMED_REQUEST"),
                "{name}"
            );
        }
    }
    assert_eq!(target.probe.begun(), target.channels.len());
}

#[tokio::test]
async fn h13_a_message_that_cannot_be_decoded_is_refused_by_the_field_at_fault() {
    let target = target().await;
    let not_utf8 = framed(b"\x0a\x02\xff\xfe");
    let wrong_wire_type = framed(b"\x12\x01x");
    let nested = framed(b"\x1a\x04\x0a\x02\xff\xfe");
    for channel in &target.channels {
        for (body, field) in [
            (&not_utf8, "text"),
            (&wrong_wire_type, "number"),
            (&nested, "inner.text"),
        ] {
            let status = status_of(channel, request(ECHO, body.clone())).await;
            assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
            assert_eq!(reason_of(&status).as_deref(), Some("MALFORMED_REQUEST"));
            assert_eq!(fields_of(&status)[0].field, field);
        }
    }
    assert_eq!(target.probe.begun(), 0);
}

#[tokio::test]
async fn h12_a_message_nested_10_000_deep_is_refused() {
    let target = target().await;
    let mut nested = Vec::new();
    for _ in 0..10_000 {
        let mut outer = vec![0x1a];
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.extend(&nested);
        nested = outer;
    }
    assert!(Word::decode(nested.as_slice()).is_err());
    for channel in &target.channels {
        let status = status_of(channel, request(ECHO, framed(&nested))).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
    assert_eq!(target.probe.begun(), 0);
}

#[tokio::test]
async fn h14_a_timeout_that_cannot_be_read_is_refused_by_name() {
    let target = target().await;
    let body = framed(&word("hello").encode_to_vec());
    for channel in &target.channels {
        for text in ["-1S", "garbage", "999999999S", "1.5S", ""] {
            let mut request = request(ECHO, body.clone());
            request
                .headers_mut()
                .insert("grpc-timeout", text.parse().unwrap());
            let status = status_of(channel, request).await;
            assert_eq!(status.code(), Code::InvalidArgument, "{text:?}");
            assert_eq!(fields_of(&status)[0].field, "grpc-timeout", "{text:?}");
        }
        for text in ["0n", "0S", "00000000H"] {
            let mut request = request(ECHO, body.clone());
            request
                .headers_mut()
                .insert("grpc-timeout", text.parse().unwrap());
            assert_eq!(
                status_of(channel, request).await.code(),
                Code::DeadlineExceeded,
                "{text}"
            );
        }
        assert_eq!(target.probe.begun(), 0);
    }
    for (count, channel) in target.channels.iter().enumerate() {
        let mut request = request(ECHO, body.clone());
        request
            .headers_mut()
            .insert("grpc-timeout", "99999999H".parse().unwrap());
        assert_eq!(status_of(channel, request).await.code(), Code::Ok);
        assert_eq!(target.probe.begun(), count + 1);
    }
}

#[tokio::test]
async fn h17_only_the_exact_path_of_a_method_is_served() {
    let target = target().await;
    let tricks = [
        "/probe.v1.ProbeService/Missing",
        "/probe.v1.ProbeService/echo",
        "/probe.v1.ProbeService/Echo/",
        "//probe.v1.ProbeService/Echo",
        "/probe.v1.ProbeService//Echo",
        "/probe.v1.ProbeService/%45cho",
        "/probe.v1.probeservice/Echo",
        "/x/../probe.v1.ProbeService/Echo",
        "/probe.v1.ProbeService",
        "/",
    ];
    for channel in &target.channels {
        for path in tricks {
            let status = status_of(channel, request(path, framed(b""))).await;
            assert_eq!(status.code(), Code::Unimplemented, "{path}");
            assert_eq!(
                reason_of(&status).as_deref(),
                Some("UNKNOWN_METHOD"),
                "{path}"
            );
        }
    }
    assert_eq!(target.probe.begun(), 0);
}
