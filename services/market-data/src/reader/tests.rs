use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chimera_contracts::{
    common::v1::StreamAck,
    market_data::v1::{Trade, WatchResponse, market_update::Update, watch_response::Frame},
};
use chimera_runtime::{clock::Clock, drain::Drain};
use prost::Message as _;
use tokio::time::Instant;

use super::{GATHER_EVERY, Reader, Surroundings};
use crate::{
    codec,
    service::StreamPermit,
    tape::TapeState,
    topic::{Key, Kind, RING_MAX, Topic},
};

const HEARTBEAT: Duration = Duration::from_secs(5);

fn topic() -> Arc<Topic<TapeState>> {
    let key = Key {
        venue: "binance-usdm".parse().unwrap(),
        symbol: "SOL-USDT-PERP".parse().unwrap(),
        kind: Kind::Trades,
    };
    Arc::new(Topic::new(key, TapeState::default()))
}

fn reader(topic: &Arc<Topic<TapeState>>, drain: &Drain) -> Reader {
    let surroundings = Surroundings {
        heartbeat: HEARTBEAT,
        drain: drain.signal(),
        clock: Clock::system(),
        _permit: StreamPermit::for_test(),
    };
    Reader::new(
        StreamAck::default(),
        vec![(topic.clone(), 20)],
        surroundings,
    )
}

fn push(topic: &Topic<TapeState>, id: usize) {
    topic.publish(|_, _| {
        Some(codec::element(Update::Trade(Trade {
            trade_id: id.to_string(),
            ..Trade::default()
        })))
    });
}

async fn next(reader: &mut Reader) -> Option<Frame> {
    let bytes: Bytes = reader.next().await?;
    WatchResponse::decode(bytes).unwrap().frame
}

fn ids(frame: &Option<Frame>) -> Vec<String> {
    let Some(Frame::Updates(updates)) = frame else {
        panic!("not updates: {frame:?}")
    };
    let trades = updates.updates.iter().map(|update| match &update.update {
        Some(Update::Trade(trade)) => trade.trade_id.clone(),
        other => panic!("not a trade: {other:?}"),
    });
    trades.collect()
}

#[tokio::test]
async fn a_stream_begins_with_its_ack_and_goes_on_with_changes_in_order() {
    let (topic, drain) = (topic(), Drain::new());
    let mut reader = reader(&topic, &drain);
    assert!(matches!(next(&mut reader).await, Some(Frame::Ack(_))));
    push(&topic, 1);
    push(&topic, 2);
    assert_eq!(ids(&next(&mut reader).await), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn f128_a_slow_reader_is_told_what_it_missed_and_then_goes_on() {
    let (topic, drain) = (topic(), Drain::new());
    let mut reader = reader(&topic, &drain);
    next(&mut reader).await;
    for id in 1..=RING_MAX + 9 {
        push(&topic, id);
    }
    let Some(Frame::Lagged(lagged)) = next(&mut reader).await else {
        panic!("not told")
    };
    assert_eq!((lagged.dropped, lagged.from_seq, lagged.to_seq), (9, 1, 9));
    assert_eq!(lagged.item, "binance-usdm/SOL-USDT-PERP/trades");
    // Nothing stands for a trade that is missed: those that are still there are not left out as well.
    let mut wanted = 10..=RING_MAX + 9;
    while !wanted.is_empty() {
        for id in ids(&next(&mut reader).await) {
            assert_eq!(Some(id), wanted.next().map(|id| id.to_string()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn changes_that_follow_each_other_at_once_travel_together_and_the_first_does_not_wait() {
    let (topic, drain) = (topic(), Drain::new());
    let mut reader = reader(&topic, &drain);
    next(&mut reader).await;
    let begun = Instant::now();
    push(&topic, 1);
    assert_eq!(ids(&next(&mut reader).await), ["1"]);
    assert_eq!(Instant::now(), begun, "a change after a pause goes at once");
    push(&topic, 2);
    let pushing = async {
        tokio::task::yield_now().await;
        push(&topic, 3);
    };
    let (frame, ()) = tokio::join!(next(&mut reader), pushing);
    assert_eq!(ids(&frame), ["2", "3"]);
    assert!(begun.elapsed() >= GATHER_EVERY);
    assert!(begun.elapsed() <= Duration::from_millis(2));
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_more_changes() {
    let (topic, drain) = (topic(), Drain::new());
    let mut reader = reader(&topic, &drain);
    next(&mut reader).await;
    push(&topic, 1);
    next(&mut reader).await;
    let begun = Instant::now();
    push(&topic, 2);
    let draining = async {
        tokio::task::yield_now().await;
        drain.begin();
    };
    let (frame, ()) = tokio::join!(next(&mut reader), draining);
    assert!(matches!(frame, Some(Frame::Goodbye(_))), "{frame:?}");
    assert_eq!(Instant::now(), begun);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_says_that_it_lives_and_how_old_its_data_is() {
    let (topic, drain) = (topic(), Drain::new());
    let mut reader = reader(&topic, &drain);
    next(&mut reader).await;
    let Some(Frame::Heartbeat(heartbeat)) = next(&mut reader).await else {
        panic!("no heartbeat")
    };
    assert_eq!(heartbeat.staleness.unwrap().seconds, 5);
}

#[tokio::test]
async fn a_drain_ends_a_stream_with_goodbye_even_while_it_is_busy() {
    let (topic, drain) = (topic(), Drain::new());
    let mut reader = reader(&topic, &drain);
    next(&mut reader).await;
    push(&topic, 1);
    drain.begin();
    assert!(matches!(next(&mut reader).await, Some(Frame::Goodbye(_))));
    assert!(next(&mut reader).await.is_none());
}

#[tokio::test]
async fn a_dropped_reader_leaves_its_topics() {
    let (topic, drain) = (topic(), Drain::new());
    drop(reader(&topic, &drain));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(topic.idle(tokio::time::Instant::now()) >= Duration::from_secs(60));
}

#[tokio::test]
async fn one_backlog_is_sent_in_frames_of_bounded_size() {
    let (topic, drain) = (topic(), Drain::new());
    let mut reader = reader(&topic, &drain);
    next(&mut reader).await;
    let big = "9".repeat(40_000);
    for _ in 0..4 {
        topic.publish(|_, _| {
            Some(codec::element(Update::Trade(Trade {
                trade_id: big.clone(),
                ..Trade::default()
            })))
        });
    }
    for _ in 0..4 {
        assert_eq!(ids(&next(&mut reader).await).len(), 1);
    }
}
