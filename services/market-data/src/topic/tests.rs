use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{Key, Kind, RING, RING_AGE, RING_MAX, Read, Topic, Wake};

fn topic() -> Topic<u64> {
    let key = Key {
        venue: "binance-usdm".parse().unwrap(),
        symbol: "SOL-USDT-PERP".parse().unwrap(),
        kind: Kind::Trades,
    };
    Topic::new(key, 0)
}

fn push(topic: &Topic<u64>, text: &'static str) {
    topic.publish(|state, _| {
        *state += 1;
        Some(Bytes::from_static(text.as_bytes()))
    });
}

#[tokio::test]
async fn a_follower_reads_each_change_once_and_in_order() {
    let (topic, wake) = (topic(), Arc::new(Wake::default()));
    let id = topic.follow(wake.clone(), 7);
    let mut cursor = 0;
    push(&topic, "a");
    push(&topic, "b");
    wake.changed().await;
    assert_eq!(wake.take(), [7], "two changes mark the slot once");
    assert_eq!(
        topic.read(id, &mut cursor, true),
        Read::Changes(vec!["a".into(), "b".into()])
    );
    assert_eq!(topic.read(id, &mut cursor, true), Read::Changes(vec![]));
    push(&topic, "c");
    wake.changed().await;
    assert_eq!(wake.take(), [7]);
    assert_eq!(
        topic.read(id, &mut cursor, true),
        Read::Changes(vec!["c".into()])
    );
}

#[tokio::test(start_paused = true)]
async fn f128_a_reader_that_fell_out_of_the_ring_is_told_what_it_missed() {
    let (topic, wake) = (topic(), Arc::new(Wake::default()));
    let id = topic.follow(wake, 0);
    let mut cursor = 0;
    for _ in 0..=RING_MAX {
        push(&topic, "x");
    }
    let last = u64::try_from(RING_MAX).unwrap() + 1;
    assert_eq!(
        topic.read(id, &mut cursor, true),
        Read::Behind {
            from_seq: 1,
            to_seq: last
        }
    );
    assert_eq!(cursor, last);
    push(&topic, "y");
    assert_eq!(
        topic.read(id, &mut cursor, true),
        Read::Changes(vec!["y".into()])
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_skips_nothing_goes_on_with_the_oldest_change_there_is() {
    let (topic, wake) = (topic(), Arc::new(Wake::default()));
    let id = topic.follow(wake, 0);
    let mut cursor = 0;
    for text in ["a", "b"] {
        push(&topic, text);
    }
    for _ in 0..RING_MAX - 1 {
        push(&topic, "x");
    }
    assert_eq!(
        topic.read(id, &mut cursor, false),
        Read::Behind {
            from_seq: 1,
            to_seq: 1
        }
    );
    let Read::Changes(kept) = topic.read(id, &mut cursor, false) else {
        panic!("behind again")
    };
    assert_eq!((kept.len(), &kept[0][..]), (RING_MAX, &b"b"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_reader_exactly_a_ring_behind_misses_nothing() {
    let (topic, wake) = (topic(), Arc::new(Wake::default()));
    let id = topic.follow(wake, 0);
    let mut cursor = 0;
    for _ in 0..RING {
        push(&topic, "x");
    }
    // However long ago.
    tokio::time::advance(RING_AGE * 60).await;
    assert_eq!(
        topic.read(id, &mut cursor, true),
        Read::Changes(vec![Bytes::from("x"); RING])
    );
}

#[tokio::test(start_paused = true)]
async fn a_busy_topic_keeps_what_came_within_its_ring_s_age_and_no_more() {
    let (topic, wake) = (topic(), Arc::new(Wake::default()));
    topic.follow(wake, 0);
    let kept = |topic: &Topic<u64>| topic.inner.lock().unwrap().ring.len();
    for _ in 0..RING * 2 {
        push(&topic, "x");
    }
    tokio::time::advance(RING_AGE).await;
    push(&topic, "y");
    assert_eq!(kept(&topic), RING * 2 + 1, "none is older than that");
    tokio::time::advance(Duration::from_millis(1)).await;
    push(&topic, "z");
    assert_eq!(kept(&topic), RING, "those that are older made room");
}

#[tokio::test(start_paused = true)]
async fn f128_memory_does_not_grow_with_a_reader_that_never_reads() {
    let (topic, wake) = (topic(), Arc::new(Wake::default()));
    topic.follow(wake.clone(), 3);
    for _ in 0..RING_MAX * 2 {
        push(&topic, "x");
    }
    assert_eq!(wake.take(), [3]);
    assert_eq!(topic.inner.lock().unwrap().ring.len(), RING_MAX);
}

#[test]
fn one_that_left_is_not_marked_any_more() {
    let (topic, wake) = (topic(), Arc::new(Wake::default()));
    let id = topic.follow(wake.clone(), 3);
    topic.leave(id);
    push(&topic, "x");
    assert!(wake.take().is_empty());
}
