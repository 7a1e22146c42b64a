use chimera_contracts::connector::v1::account_event::Event;
use chimera_egress::{Egress, EgressPolicy};
use chimera_model::Account;
use chimera_runtime::Clock;
use chimera_venue::Credentials;

use super::*;
use crate::config::Config;
use crate::desk::Desk;
use crate::hub::QUEUE_MAX;

/// A session that was never begun: what is published here is all there is.
fn session() -> Arc<Session> {
    let config: Config = serde_json::from_str(r#"{"venues": {"binance-usdm": {}}}"#).unwrap();
    let adapter = config.venues().unwrap().remove(0).adapter;
    let clock = Clock::system();
    let egress = Egress::over_sockets(EgressPolicy::default(), None, clock.clone()).unwrap();
    let desk = Arc::new(Desk::new(adapter, egress, clock));
    let credentials = Credentials::new("key", "secret");
    Arc::new(Session::new(
        desk,
        Account::new("main").unwrap(),
        credentials,
    ))
}

fn event() -> Event {
    Event::Balance(pb::BalanceReport::default())
}

#[tokio::test]
async fn f128_a_reader_that_is_too_slow_gets_what_it_has_and_is_told_why_it_ends() {
    let session = session();
    session.hub.publish(event());
    let frames = frames(session.clone(), "epoch".into(), Signal::never()).unwrap();
    for _ in 0..=QUEUE_MAX {
        session.hub.publish(event());
    }
    let frames: Vec<Frame> = frames
        .filter_map(|message| async move { message.frame })
        .collect()
        .await;
    let [
        Frame::Ack(ack),
        Frame::Snapshot(snapshot),
        events @ ..,
        Frame::Goodbye(goodbye),
    ] = &frames[..]
    else {
        panic!("acknowledgement, snapshot, events, goodbye");
    };
    assert_eq!((ack.epoch.as_str(), snapshot.seq), ("epoch", 1));
    assert_eq!(events.len(), QUEUE_MAX);
    let mut last = snapshot.seq;
    for frame in events {
        let Frame::Event(event) = frame else {
            panic!("{frame:?}")
        };
        assert_eq!((event.prev_seq, event.seq), (last, last + 1));
        last = event.seq;
    }
    assert_eq!(goodbye.reason(), common::StreamEndReason::SlowReader);
}

#[tokio::test]
async fn a_drain_ends_a_stream_with_a_goodbye_after_what_is_queued() {
    let session = session();
    let drain = chimera_runtime::drain::Drain::new();
    let frames = frames(session.clone(), "epoch".into(), drain.signal()).unwrap();
    session.hub.publish(event());
    drain.begin();
    let frames: Vec<Frame> = frames
        .filter_map(|message| async move { message.frame })
        .collect()
        .await;
    assert!(matches!(frames[2], Frame::Event(_)), "{:?}", frames[2]);
    assert!(matches!(frames[3], Frame::Goodbye(_)), "{:?}", frames[3]);
    assert_eq!(frames.len(), 4);
}
