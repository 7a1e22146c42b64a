//! The stream of changes: its shape, its tokens, its ends.

use std::time::Duration;

use chimera_contracts::common::v1::StreamEndReason;
use chimera_contracts::order::v1 as order;
use chimera_contracts::position::v1 as pb;
use chimera_contracts::position::v1::position_change::Change;
use chimera_contracts::position::v1::watch_positions_response::Frame;
use chimera_runtime::drain::Completion;
use chimera_runtime::fault::reason_of;
use tonic::Code;

use super::fake_connector::FakeConnector;
use super::fake_order::FakeOrder;
use super::mesh::{Mesh, SOL, buy, quick, within};
use crate::Config;

fn quantity(change: &pb::PositionChange) -> &str {
    match &change.change {
        Some(Change::Position(position)) => &position.quantity,
        other => panic!("{other:?}"),
    }
}

/// No venue that speaks: every change is one of a fill.
async fn without_venue(config: Config) -> Mesh {
    let mesh = Mesh::with(config, FakeOrder::default(), FakeConnector::new(&[])).await;
    mesh.is_ready().await;
    mesh
}

#[tokio::test]
async fn a_stream_is_ack_then_snapshot_then_changes_in_a_chain() {
    let mesh = without_venue(quick()).await;
    mesh.order.conclude(buy(1, "1", "100"));
    mesh.until("main", SOL, |position| position.quantity == "1")
        .await;
    let mut watch = mesh.watch("", "").await.unwrap();
    let Some(Frame::Ack(ack)) = watch.next().await else {
        panic!("an ack comes first")
    };
    assert!(!ack.epoch.is_empty() && ack.items[0].accepted);
    let Some(Frame::Snapshot(snapshot)) = watch.next().await else {
        panic!("then a snapshot")
    };
    assert_eq!(snapshot.positions[0].quantity, "1");
    assert_eq!(snapshot.positions[0].seq, snapshot.seq);
    let mut last = snapshot.seq;
    for number in 2..=10 {
        mesh.order.conclude(buy(number, "1", "100"));
        let change = watch.change().await;
        assert_eq!(
            (change.prev_seq, quantity(&change)),
            (last, number.to_string().as_str())
        );
        assert!(change.seq > last);
        last = change.seq;
    }
}

/// The reader's own filter makes its own chain.
#[tokio::test]
async fn f046_a_filtered_stream_has_a_chain_of_its_own() {
    let mesh = without_venue(quick()).await;
    let mut watch = mesh.watch("main", "").await.unwrap();
    let mut last = watch.snapshot().await.seq;
    for number in 1..=5 {
        let other = order::Fill {
            account: "other".to_owned(),
            ..buy(number, "1", "100")
        };
        mesh.order.conclude(other);
        mesh.order.conclude(buy(number, "1", "100"));
        let change = watch.change().await;
        assert_eq!(
            (change.prev_seq, quantity(&change)),
            (last, number.to_string().as_str())
        );
        last = change.seq;
    }
}

#[tokio::test]
async fn a_quiet_stream_beats_and_its_token_stays_fresh() {
    let mesh = without_venue(quick()).await;
    let mut watch = mesh.watch("main", "").await.unwrap();
    let snapshot = watch.snapshot().await;
    // Changes of others pass by; the token follows them, the chain does not.
    mesh.order.conclude(order::Fill {
        account: "other".to_owned(),
        ..buy(1, "1", "100")
    });
    mesh.until("other", SOL, |position| position.quantity == "1")
        .await;
    let beat = loop {
        let frame = watch.next().await.unwrap();
        let Frame::Heartbeat(beat) = frame else {
            panic!("{frame:?}")
        };
        if beat.resume_token != snapshot.resume_token {
            break beat;
        }
    };
    assert_eq!(beat.last_seq, snapshot.seq);
    assert!(beat.staleness.is_some() && beat.sent_time.is_some());
    drop(watch);

    mesh.order.conclude(buy(2, "1", "100"));
    let mut resumed = mesh.watch("main", &beat.resume_token).await.unwrap();
    let change = resumed.change().await;
    assert_eq!((change.prev_seq, quantity(&change)), (snapshot.seq, "1"));
}

#[tokio::test]
async fn a_token_continues_with_exactly_what_was_missed() {
    let mesh = without_venue(quick()).await;
    let mut watch = mesh.watch("main", "").await.unwrap();
    watch.snapshot().await;
    for number in 1..=6 {
        mesh.order.conclude(buy(number, "1", "100"));
    }
    for _ in 0..3 {
        watch.change().await;
    }
    let (token, mut all) = (
        watch.token.clone(),
        mesh.watch("main", &watch.token).await.unwrap(),
    );
    drop(watch);
    let Some(Frame::Ack(_)) = all.next().await else {
        panic!("an ack comes first")
    };
    let mut prev_seq = None;
    for wanted in ["4", "5", "6"] {
        let change = all.change().await;
        assert_eq!(quantity(&change), wanted);
        assert!(prev_seq.is_none_or(|seq| seq == change.prev_seq));
        prev_seq = Some(change.seq);
    }
    // Twice from the same token gives the same.
    let mut again = mesh.watch("main", &token).await.unwrap();
    assert_eq!(quantity(&again.change().await), "4");
}

#[tokio::test]
async fn h031_a_token_is_good_for_its_filter_and_its_epoch_only() {
    let mesh = without_venue(quick()).await;
    let mut watch = mesh.watch("main", "").await.unwrap();
    watch.snapshot().await;
    let token = watch.token.clone();
    let refusal = |mesh: &Mesh, account: &'static str, token: String| {
        let client = mesh.client.clone();
        async move {
            let venue = String::new();
            let account = account.to_owned();
            let request = pb::WatchPositionsRequest {
                account,
                venue,
                resume_token: token,
            };
            let refusal = client.clone().watch_positions(request).await.err().unwrap();
            (refusal.code(), reason_of(&refusal).unwrap())
        }
    };
    let invalid = (Code::InvalidArgument, "INVALID_RESUME_TOKEN".to_owned());
    assert_eq!(refusal(&mesh, "", token.clone()).await, invalid);
    assert_eq!(refusal(&mesh, "other", token.clone()).await, invalid);
    let later = token.replacen(".0.", ".9.", 1);
    for forged in [
        "x",
        "....",
        &"9".repeat(5_000),
        &later,
        &format!("{token}0"),
    ] {
        assert_eq!(
            refusal(&mesh, "main", forged.to_owned()).await,
            invalid,
            "{forged}"
        );
    }
    let expired = (Code::OutOfRange, "RESUME_EXPIRED".to_owned());
    let another = without_venue(quick()).await;
    assert_eq!(refusal(&another, "main", token).await, expired);
}

#[tokio::test]
async fn a_token_of_history_that_is_not_kept_any_more_has_expired() {
    let mesh = without_venue(Config {
        changes_kept: 3,
        ..quick()
    })
    .await;
    let mut watch = mesh.watch("main", "").await.unwrap();
    watch.snapshot().await;
    let mut tokens = vec![watch.token.clone()];
    for number in 1..=5 {
        mesh.order.conclude(buy(number, "1", "100"));
        watch.change().await;
        tokens.push(watch.token.clone());
    }
    let refusal = mesh.watch("main", &tokens[1]).await.err().unwrap();
    assert_eq!(reason_of(&refusal).as_deref(), Some("RESUME_EXPIRED"));
    let mut resumed = mesh.watch("main", &tokens[2]).await.unwrap();
    assert_eq!(quantity(&resumed.change().await), "3");
}

/// It is ended with a token, and by it gets all that it missed: nothing dropped, nothing twice.
#[tokio::test]
async fn f128_a_reader_that_is_too_slow_is_ended_and_loses_nothing() {
    let config = Config {
        reader_queue: 8,
        heartbeat_ms: 3_600_000,
        ..quick()
    };
    let mesh = without_venue(config).await;
    let mut watch = mesh.watch("main", "").await.unwrap();
    let mut last = watch.snapshot().await.seq;
    // Far more than its queue and every buffer on the way take in.
    for number in 1..=4_000 {
        mesh.order.conclude(buy(number, "1", "100"));
    }
    // By question: a second stream would be too slow as well.
    within(async {
        let all = |held: &pb::Position| held.quantity == "4000";
        while !mesh.positions().await.unwrap().iter().any(all) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut read = 0;
    let mut ended = 0;
    while read < 4_000 {
        match watch.next().await.unwrap() {
            Frame::Change(change) => {
                assert_eq!(change.prev_seq, last);
                last = change.seq;
                read += 1;
            }
            Frame::Goodbye(goodbye) => {
                assert_eq!(goodbye.reason(), StreamEndReason::SlowReader);
                assert!(goodbye.reconnect_after.is_some());
                ended += 1;
                watch = mesh.watch("main", &watch.token).await.unwrap();
            }
            Frame::Ack(_) | Frame::Heartbeat(_) => {}
            Frame::Snapshot(_) => panic!("a stream that resumes has no snapshot"),
        }
    }
    assert!(ended >= 1, "the reader was slow and was not ended");
}

#[tokio::test]
async fn a_drain_says_goodbye_and_ends() {
    let mesh = without_venue(quick()).await;
    let mut watch = mesh.watch("main", "").await.unwrap();
    watch.snapshot().await;
    let drain = mesh.drain.clone();
    let completed = tokio::spawn(async move { drain.complete(Duration::from_secs(30)).await });
    let goodbye = watch.goodbye().await;
    assert_eq!(goodbye.reason(), StreamEndReason::Draining);
    assert!(!goodbye.resume_token.is_empty());
    drop(watch);
    assert_eq!(within(completed).await.unwrap(), Completion::Finished);
    let refusal = mesh.watch("main", "").await.err().unwrap();
    assert_eq!(reason_of(&refusal).as_deref(), Some("DRAINING"));
    // What is known is still told.
    mesh.positions().await.unwrap();
}

#[tokio::test]
async fn f127_streams_are_bounded() {
    let mesh = without_venue(Config {
        readers_max: 2,
        ..quick()
    })
    .await;
    let first = mesh.watch("", "").await.unwrap();
    let _second = mesh.watch("", "").await.unwrap();
    let refusal = mesh.watch("", "").await.err().unwrap();
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    assert_eq!(reason_of(&refusal).as_deref(), Some("SUBSCRIPTION_LIMIT"));
    drop(first);
    within(async {
        while mesh.watch("", "").await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
