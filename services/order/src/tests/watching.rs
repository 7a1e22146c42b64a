//! The order stream.

use std::collections::BTreeMap;
use std::time::Duration;

use chimera_contracts::common::v1::StreamEndReason;
use chimera_contracts::order::v1 as pb;
use pb::watch_orders_response::Frame;
use tonic::Streaming;

use super::mesh::{Mesh, buy, reason};
use super::venue::Venue;
use crate::Config;

async fn next(stream: &mut Streaming<pb::WatchOrdersResponse>) -> Frame {
    stream.message().await.unwrap().unwrap().frame.unwrap()
}

/// Reads changes until the order of an index has a state; returns them.
async fn until_state(
    stream: &mut Streaming<pb::WatchOrdersResponse>,
    index: i64,
    state: pb::OrderState,
) -> Vec<pb::OrderChange> {
    let mut changes = Vec::new();
    loop {
        if let Frame::Change(change) = next(stream).await {
            let order = change.order.clone().unwrap();
            changes.push(change);
            if order.client_order_index == index && order.state() == state {
                return changes;
            }
        }
    }
}

/// Returns a stream that has said what stands.
async fn opened(mesh: &Mesh) -> (Streaming<pb::WatchOrdersResponse>, pb::OrderSnapshot) {
    let mut stream = mesh.watch("").await.unwrap();
    next(&mut stream).await;
    match next(&mut stream).await {
        Frame::Snapshot(snapshot) => (stream, snapshot),
        other => panic!("a snapshot is due, not {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_ack_snapshot_changes_without_a_gap() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    let mut stream = mesh.watch("").await.unwrap();
    assert!(matches!(next(&mut stream).await, Frame::Ack(ack) if !ack.epoch.is_empty()));
    let Frame::Snapshot(snapshot) = next(&mut stream).await else {
        panic!("a snapshot is due")
    };
    assert_eq!(snapshot.orders.len(), 1);
    assert_eq!(snapshot.trading_state(), pb::TradingState::Active);

    mesh.venue.fill(1, 10);
    let changes = until_state(&mut stream, 1, pb::OrderState::Filled).await;
    let mut last = snapshot.seq;
    for change in &changes {
        assert_eq!(change.prev_seq, last);
        assert!(change.seq > last);
        last = change.seq;
    }
    let causes: Vec<_> = changes.iter().map(|change| change.cause.as_str()).collect();
    assert!(causes.contains(&"FILL"), "{causes:?}");
    let fill = changes
        .iter()
        .find_map(|change| change.fill.clone())
        .unwrap();
    assert_eq!((fill.quantity.as_str(), fill.trade_id.as_str()), ("1", "1"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_resumes_after_any_frame_exactly_even_across_a_restart() {
    let mesh = Mesh::start().await;
    let (mut stream, snapshot) = opened(&mesh).await;
    for _ in 0..3 {
        mesh.place(buy("1", "99")).await.unwrap();
    }
    mesh.venue.fill(1, 10);
    let all = until_state(&mut stream, 1, pb::OrderState::Filled).await;
    let mut tokens: BTreeMap<u64, String> = all
        .iter()
        .map(|change| (change.seq, change.resume_token.clone()))
        .collect();
    tokens.insert(snapshot.seq, snapshot.resume_token);
    drop(stream);
    let mesh = mesh.crash().await;
    for (seq, token) in tokens {
        let mut stream = mesh.watch(&token).await.unwrap();
        assert!(matches!(next(&mut stream).await, Frame::Ack(_)));
        for expected in all.iter().filter(|change| change.seq > seq) {
            let Frame::Change(change) = next(&mut stream).await else {
                panic!("a change is due")
            };
            assert_eq!(&change, expected, "after {seq}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f128_a_reader_that_is_too_slow_is_ended_with_a_token_and_loses_nothing() {
    let config = Config {
        reader_queue: 8,
        ..Config::default()
    };
    let mesh = Mesh::with(config, Venue::new()).await;
    let mut stream = mesh.watch("").await.unwrap();
    next(&mut stream).await;
    next(&mut stream).await;
    let mut fast = mesh.watch("").await.unwrap();
    for _ in 0..60 {
        mesh.place(buy("0.1", "99")).await.unwrap();
        while let Ok(frame) = tokio::time::timeout(Duration::ZERO, fast.message()).await {
            frame.unwrap().unwrap();
        }
    }
    let mut seen = Vec::new();
    let mut ended = 0;
    while seen
        .last()
        .map(|change: &pb::OrderChange| change.order.as_ref().unwrap())
        .is_none_or(|order| order.client_order_index < 60 || order.venue_order_id.is_empty())
    {
        match next(&mut stream).await {
            Frame::Change(change) => seen.push(change),
            Frame::Goodbye(goodbye) => {
                assert_eq!(goodbye.reason(), StreamEndReason::SlowReader);
                assert!(stream.message().await.unwrap().is_none());
                ended += 1;
                stream = mesh.watch(&goodbye.resume_token).await.unwrap();
                next(&mut stream).await;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(ended >= 1);
    assert!(seen.windows(2).all(|pair| pair[1].prev_seq == pair[0].seq));
}

#[tokio::test(start_paused = true)]
async fn tokens_of_others_and_of_lost_history_are_refused() {
    let config = Config {
        changes_kept: 4,
        ..Config::default()
    };
    let mesh = Mesh::with(config, Venue::new()).await;
    let (_stream, snapshot) = opened(&mesh).await;
    for _ in 0..3 {
        mesh.place(buy("1", "99")).await.unwrap();
    }
    let refusal = mesh.watch(&snapshot.resume_token).await.unwrap_err();
    assert_eq!(reason(&refusal), "RESUME_EXPIRED");
    for token in ["x", "a.1.b", &snapshot.resume_token.replace('.', "-")] {
        let refusal = mesh.watch(token).await.unwrap_err();
        assert_eq!(reason(&refusal), "INVALID_RESUME_TOKEN");
    }
    // Another filter, another stream.
    let request = pb::WatchOrdersRequest {
        account: "other".into(),
        resume_token: snapshot.resume_token,
        ..Default::default()
    };
    let refusal = mesh.client().watch_orders(request).await.unwrap_err();
    assert_eq!(reason(&refusal), "INVALID_RESUME_TOKEN");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_says_that_it_lives_and_a_draining_one_says_goodbye() {
    let mesh = Mesh::start().await;
    let mut stream = mesh.watch("").await.unwrap();
    next(&mut stream).await;
    next(&mut stream).await;
    assert!(matches!(next(&mut stream).await, Frame::Heartbeat(_)));
    mesh.drain.begin();
    let Frame::Goodbye(goodbye) = next(&mut stream).await else {
        panic!("a goodbye is due")
    };
    assert_eq!(goodbye.reason(), StreamEndReason::Draining);
    let refusal = mesh.place(buy("1", "99")).await.unwrap_err();
    assert_eq!(reason(&refusal), "DRAINING");
}

#[tokio::test(start_paused = true)]
async fn fills_are_listed_in_order_and_lead_on_to_the_stream() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    for _ in 0..5 {
        mesh.venue.fill(1, 1);
    }
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 5)
        .await;
    let (mut trades, mut token, mut resume) = (Vec::new(), String::new(), String::new());
    while resume.is_empty() {
        let request = pb::ListFillsRequest {
            page_size: 2,
            page_token: token.clone(),
            ..Default::default()
        };
        let page = mesh
            .client()
            .list_fills(request)
            .await
            .unwrap()
            .into_inner();
        trades.extend(page.fills.into_iter().map(|fill| fill.trade_id));
        (token, resume) = (page.next_page_token, page.resume_token);
    }
    assert_eq!(trades, ["1", "2", "3", "4", "5"]);
    let mut stream = mesh.watch(&resume).await.unwrap();
    next(&mut stream).await;
    mesh.venue.fill(1, 5);
    let changes = until_state(&mut stream, 1, pb::OrderState::Filled).await;
    assert!(changes.iter().any(|change| {
        change
            .fill
            .as_ref()
            .is_some_and(|fill| fill.trade_id == "6")
    }));
}
