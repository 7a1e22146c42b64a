use std::sync::{Arc, OnceLock};

use super::{Cursor, Shared, lock, trade_id};
use crate::bench::{fan::Run, feed, pace::Schedule};

fn cursor() -> Cursor {
    let run = Run {
        topics: 2,
        first_id: 11,
        per_topic: 10,
        schedule: OnceLock::from(Schedule::soon(1_000_000)),
    };
    Cursor {
        run: Arc::new(run),
        tally: Shared::default(),
        topic: 1,
        next: 11,
    }
}

#[test]
fn the_id_of_a_trade_is_read_from_its_text() {
    let text = feed::trade(3, 9_000_000_017, feed::now_ms());
    assert_eq!(trade_id(text.as_bytes()), Some(9_000_000_017));
    for other in ["PONG", "MSG 0 1 120", "{\"t\":}", ""] {
        assert_eq!(trade_id(other.as_bytes()), None);
    }
}

#[test]
fn a_trade_counts_once_however_often_it_comes() {
    let mut cursor = cursor();
    cursor.count(11, 4);
    cursor.count(13, 4);
    cursor.count(11, 1);
    assert_eq!(lock(&cursor.tally).latencies.count(), 6);
    assert!(!cursor.is_done());
}

#[test]
fn what_is_left_out_is_missing_and_the_last_one_ends_it() {
    let mut cursor = cursor();
    cursor.count(11, 2);
    cursor.count(19, 2);
    assert_eq!(lock(&cursor.tally).latencies.count(), 4);
    assert!(cursor.is_done());
}
