use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use crate::harness::{Edge, Placement, within};

/// Reads a stream line by line, as a client does.
pub struct Lines {
    body: Incoming,
    rest: Vec<u8>,
}

impl Lines {
    pub fn new(body: Incoming) -> Self {
        Self {
            body,
            rest: Vec::new(),
        }
    }

    /// Returns the next line; nothing at the end.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            match within(self.body.frame()).await {
                Some(frame) => self
                    .rest
                    .extend_from_slice(frame.unwrap().data_ref().unwrap()),
                None => {
                    assert!(self.rest.is_empty(), "half a line at the end");
                    return None;
                }
            }
        }
    }
}

/// Opens the order stream of an account.
pub async fn watch(edge: &Edge, account: &str) -> Lines {
    let mut http = edge.http().await;
    let target = format!("/v1/orders:watch?account={account}");
    let request = http
        .request(http::Method::GET, &target)
        .body(Default::default())
        .unwrap();
    let answer = http.open(request).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    Lines::new(answer.into_body())
}

#[tokio::test]
async fn a_stream_is_a_line_a_frame_and_each_comes_at_once() {
    for placement in [Placement::InProcess, Placement::AcrossSockets] {
        let edge = Edge::start_with(Default::default(), placement).await;
        // The service says nothing further until the drain, so the first line cannot have waited
        // for it.
        let mut lines = watch(&edge, "main").await;
        assert_eq!(lines.next().await.unwrap()["ack"]["epoch"], "e1");

        let mut lines = watch(&edge, "three").await;
        lines.next().await.unwrap();
        for seq in ["1", "2", "3"] {
            let line = lines.next().await.unwrap();
            assert_eq!(line["change"]["seq"], seq);
            assert_eq!(line["change"]["order"]["quantity"], "0.015");
            assert_eq!(line.get("ack"), None);
        }
        assert_eq!(lines.next().await, None);
    }
}

#[tokio::test]
async fn a_stream_of_a_posted_request_works_alike() {
    let edge = Edge::start().await;
    let body = r#"{"subscriptions":[{"venue":"v","symbol":"A","channel":"BOOK"},
                                     {"venue":"v","symbol":"B","channel":"CHANNEL_TICKER"}]}"#;
    let answer = edge.post("/v1/market-data:watch", body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.text().lines().count(), 1);
    assert_eq!(answer.json()["ack"]["items"][1]["item"], "v/B");
}

#[tokio::test]
async fn a_stream_that_fails_before_it_begins_is_an_error_like_any_other() {
    let edge = Edge::start().await;
    let answer = edge.get("/v1/orders:watch?account=expired").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.reason(), "ORDER_RATE_LIMIT");
}

#[tokio::test]
async fn a_stream_that_fails_midway_ends_with_a_line_that_says_so() {
    let edge = Edge::start().await;
    let mut lines = watch(&edge, "fail").await;
    assert!(lines.next().await.unwrap().get("ack").is_some());
    assert_eq!(lines.next().await.unwrap()["change"]["seq"], "1");
    let last = lines.next().await.unwrap();
    assert_eq!(last["error"]["code"], 429);
    assert_eq!(last["error"]["details"][0]["reason"], "ORDER_RATE_LIMIT");
    assert_eq!(lines.next().await, None);
}

#[tokio::test]
async fn a_deadline_ends_a_stream_with_a_line_that_says_so() {
    for placement in [Placement::InProcess, Placement::AcrossSockets] {
        let edge = Edge::start_with(Default::default(), placement).await;
        let mut http = edge.http().await;
        let request = http
            .request(http::Method::GET, "/v1/orders:watch?account=stuck")
            .header("grpc-timeout", "100m")
            .body(Default::default())
            .unwrap();
        let mut lines = Lines::new(http.open(request).await.into_body());
        lines.next().await.unwrap();
        assert_eq!(
            lines.next().await.unwrap()["error"]["status"],
            "DEADLINE_EXCEEDED"
        );
        assert_eq!(lines.next().await, None);
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_call_behind_it() {
    for placement in [Placement::InProcess, Placement::AcrossSockets] {
        let edge = Edge::start_with(Default::default(), placement).await;
        let mut lines = watch(&edge, "stuck").await;
        lines.next().await.unwrap();
        let mut open = edge.fake.open.subscribe();
        within(open.wait_for(|open| *open == 1)).await.unwrap();
        drop(lines);
        within(open.wait_for(|open| *open == 0)).await.unwrap();
    }
}

#[tokio::test]
async fn h06_a_reader_that_stops_reading_stops_the_service_and_not_the_memory() {
    let edge = Edge::start().await;
    let mut lines = watch(&edge, "endless").await;
    lines.next().await.unwrap();
    let mut made = edge.fake.made.subscribe();
    // Sockets and HTTP buffers take what they take; then nothing more is made.
    loop {
        let quiet = tokio::time::timeout(std::time::Duration::from_millis(300), made.changed());
        if quiet.await.is_err() {
            break;
        }
        assert!(*made.borrow() < 200_000, "nothing holds the service back");
    }
    // And the stream goes on where it stood.
    lines.next().await.unwrap();
}
