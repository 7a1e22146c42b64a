use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use proptest::prelude::*;

use super::{Place, exists_beside, read_all, record};
use crate::{
    Committed, Durability, JournalError, MAX_APPEND_RECORDS, MAX_KEY_BYTES, MAX_PAYLOAD_BYTES,
    Options, Record,
};

#[tokio::test]
async fn what_goes_in_comes_out_in_its_order() {
    let place = Place::new();
    let (journal, recovery) = place.open();
    assert!(recovery.is_clean() && recovery.head.is_none());

    let first = journal.append(vec![record(1), record(2)]).await.unwrap();
    let second = journal.append(vec![record(3)]).await.unwrap();

    assert_eq!(
        first,
        Committed {
            first_seq: 1,
            last_seq: 2
        }
    );
    assert_eq!(
        second,
        Committed {
            first_seq: 3,
            last_seq: 3
        }
    );
    let entries = read_all(&journal);
    assert_eq!(
        entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let records: Vec<Record> = entries.iter().map(|entry| entry.record.clone()).collect();
    assert_eq!(records, [record(1), record(2), record(3)]);
    assert_eq!(journal.head().unwrap().hash, entries[2].hash);
}

#[tokio::test]
async fn a_reopened_journal_goes_on_where_it_ended() {
    let place = Place::with_records(5).await;
    let (journal, recovery) = place.try_open(Options::default()).unwrap();
    assert!(recovery.is_clean());
    assert_eq!(recovery.head.unwrap().seq, 5);
    assert_eq!(journal.append(vec![record(6)]).await.unwrap().first_seq, 6);
    assert_eq!(read_all(&journal).len(), 6);
}

/// The wall clock steps back; the place of a record does not follow it.
#[tokio::test]
async fn f122_a_clock_that_steps_back_reorders_nothing() {
    let place = Place::new();
    let (journal, _) = place.open();
    for recorded_time_ns in [5_000, 1_000, -7, i64::MAX, i64::MIN] {
        journal
            .append(vec![Record {
                recorded_time_ns,
                ..record(1)
            }])
            .await
            .unwrap();
    }
    let times: Vec<i64> = read_all(&journal)
        .iter()
        .map(|entry| entry.record.recorded_time_ns)
        .collect();
    assert_eq!(times, [5_000, 1_000, -7, i64::MAX, i64::MIN]);
}

#[tokio::test]
async fn submissions_are_committed_in_their_order() {
    let place = Place::new();
    let (journal, _) = place.open();
    let mut pending = Vec::new();
    for number in 1..=500 {
        pending.push(journal.submit(vec![record(number)]).await.unwrap());
    }
    for (place, pending) in (1..).zip(pending) {
        assert_eq!(pending.await.unwrap().first_seq, place);
    }
    let entries = read_all(&journal);
    assert!(
        entries
            .iter()
            .all(|entry| entry.record == record(entry.seq))
    );
}

#[tokio::test]
async fn many_callers_at_once_each_get_their_own_place() {
    let place = Place::new();
    let (journal, _) = place.open();
    let callers = (0..50).map(|caller| {
        let journal = journal.clone();
        tokio::spawn(async move {
            let records = vec![record(caller * 2), record(caller * 2 + 1)];
            (caller, journal.append(records).await.unwrap())
        })
    });
    let callers: Vec<_> = callers.collect();
    let entries = {
        let mut placed = Vec::new();
        for caller in callers {
            placed.push(caller.await.unwrap());
        }
        let entries = read_all(&journal);
        for (caller, committed) in placed {
            assert_eq!(committed.last_seq, committed.first_seq + 1);
            let first = usize::try_from(committed.first_seq).unwrap() - 1;
            assert_eq!(entries[first].record, record(caller * 2));
            assert_eq!(entries[first + 1].record, record(caller * 2 + 1));
        }
        entries
    };
    assert_eq!(entries.len(), 100);
}

/// An append that finds the writer free is committed by its caller, but never before what was
/// submitted earlier.
#[tokio::test]
async fn an_append_never_overtakes_a_submission_before_it() {
    let place = Place::new();
    let (journal, _) = place.open();
    for round in 0..200 {
        let submitted = journal.submit(vec![record(1)]).await.unwrap();
        let appended = journal.append(vec![record(2)]).await.unwrap();
        let submitted = submitted.await.unwrap();
        assert_eq!(submitted.first_seq, round * 2 + 1);
        assert_eq!(appended.first_seq, round * 2 + 2);
    }
}

/// A sync would hold up the thread that calls; a copy into the system's memory does not.
#[tokio::test]
async fn a_caller_commits_by_itself_only_where_no_disk_is_waited_for() {
    for (durability, at_once) in [(Durability::Os, true), (Durability::Full, false)] {
        let place = Place::new();
        let (journal, _) = place
            .try_open(Options {
                durability,
                ..Options::default()
            })
            .unwrap();
        let mut append = Box::pin(journal.append(vec![record(1)]));
        let context = &mut Context::from_waker(Waker::noop());
        let first = append.as_mut().poll(context);
        assert_eq!(first.is_ready(), at_once, "{durability:?}");
        match first {
            Poll::Ready(committed) => assert_eq!(committed.unwrap().last_seq, 1),
            Poll::Pending => assert_eq!(append.await.unwrap().last_seq, 1),
        }
        assert_eq!(read_all(&journal).len(), 1);
        assert_eq!(journal.head().unwrap().seq, 1);
    }
}

/// The log is emptied by the writer's thread also where only callers commit.
#[tokio::test]
async fn the_log_stays_bounded_where_callers_commit() {
    let place = Place::new();
    let (journal, _) = place.open();
    let large = Record {
        payload: Bytes::from(vec![7; MAX_PAYLOAD_BYTES]),
        ..record(1)
    };
    for _ in 0..80 {
        journal.append(vec![large.clone()]).await.unwrap();
    }
    let log = crate::lock::beside(&place.path(), "-wal");
    let bytes = std::fs::metadata(log).unwrap().len();
    // 80 MiB were logged; the log is kept to 32 MiB and what is written until that is seen.
    assert!(bytes < 64 << 20, "{bytes}");
}

/// The connection that looks records up is kept between look-ups, and sees what came since.
#[tokio::test]
async fn a_look_up_sees_every_record_before_it_and_is_let_go_of_at_the_end() {
    let place = Place::new();
    let (journal, _) = place.open();
    for number in 1..=20 {
        let key = record(number).key;
        let committed = journal.append(vec![record(number)]).await.unwrap();
        let found = journal.read_key(key, 0, 100).await.unwrap();
        assert_eq!(found.last().unwrap().seq, committed.last_seq);
    }
    journal.close().await.unwrap();
    // The last connection takes the log with it.
    assert!(!exists_beside(&place.path(), "-wal"));
}

/// A thread that was needed for a moment is kept, and so is the memory that the allocator gave it.
#[test]
fn a_hundred_look_ups_at_once_take_few_threads() {
    let threads = Arc::new(AtomicUsize::new(0));
    let started = threads.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .on_thread_start(move || {
            started.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    let place = Place::new();
    runtime.block_on(async {
        let (journal, _) = place.open();
        journal
            .append((1..=100).map(record).collect())
            .await
            .unwrap();
        let look_ups = (1..=100).map(|number| {
            let (journal, key) = (journal.clone(), record(number).key);
            async move { journal.read_key(key, 0, 100).await }
        });
        let look_ups: tokio::task::JoinSet<_> = look_ups.collect();
        for found in look_ups.join_all().await {
            assert!(!found.unwrap().is_empty());
        }
        journal.close().await.unwrap();
    });
    // One is at work; another may begin before the first has come to rest.
    let threads = threads.load(Ordering::Relaxed);
    assert!((1..10).contains(&threads), "{threads}");
}

/// The caller goes away after its record was queued; the record stands.
#[tokio::test]
async fn f009_a_caller_that_goes_away_takes_nothing_back() {
    let place = Place::new();
    let (journal, _) = place.open();
    drop(journal.submit(vec![record(1)]).await.unwrap());
    journal.append(vec![record(2)]).await.unwrap();
    let records: Vec<Record> = read_all(&journal)
        .into_iter()
        .map(|entry| entry.record)
        .collect();
    assert_eq!(records, [record(1), record(2)]);
}

#[tokio::test]
async fn closing_writes_what_is_queued_and_refuses_the_rest() {
    let place = Place::new();
    let (journal, _) = place.open();
    let queued = journal.submit(vec![record(1)]).await.unwrap();
    let other = journal.clone();
    journal.close().await.unwrap();
    assert_eq!(queued.await.unwrap().first_seq, 1);
    assert_eq!(
        other.append(vec![record(2)]).await,
        Err(JournalError::Closed)
    );
    let (journal, recovery) = place.open();
    assert!(recovery.is_clean());
    assert_eq!(read_all(&journal).len(), 1);
}

#[tokio::test]
async fn what_is_over_a_limit_is_refused_and_harms_nobody() {
    let place = Place::new();
    let (journal, _) = place.open();
    let too_large = |error| match error {
        Err(JournalError::TooLarge { what, .. }) => what,
        other => panic!("{other:?}"),
    };

    assert_eq!(journal.append(Vec::new()).await, Err(JournalError::Empty));
    let many = vec![record(1); MAX_APPEND_RECORDS + 1];
    assert_eq!(too_large(journal.append(many).await), "records");
    let long_key = Record {
        key: "k".repeat(MAX_KEY_BYTES + 1),
        ..record(1)
    };
    assert_eq!(too_large(journal.append(vec![long_key]).await), "key");
    let huge = Bytes::from(vec![0; MAX_PAYLOAD_BYTES + 1]);
    assert_eq!(
        too_large(
            journal
                .append(vec![Record {
                    payload: huge,
                    ..record(1)
                }])
                .await
        ),
        "payload"
    );
    let large = Record {
        payload: Bytes::from(vec![0; MAX_PAYLOAD_BYTES]),
        ..record(1)
    };
    assert_eq!(
        too_large(journal.append(vec![large.clone(); 9]).await),
        "append"
    );

    assert_eq!(journal.append(vec![large]).await.unwrap().first_seq, 1);
}

#[tokio::test]
async fn reading_starts_anywhere_and_crosses_batches() {
    let place = Place::new();
    let (journal, _) = place.open();
    journal
        .append((1..=1300).map(record).collect())
        .await
        .unwrap();
    let from = |seq| -> Vec<u64> {
        let entries = journal.read(seq).unwrap().map(Result::unwrap);
        entries.flatten().map(|entry| entry.seq).collect()
    };
    assert_eq!(journal.read(1).unwrap().count(), 3);
    assert_eq!(from(0), (1..=1300).collect::<Vec<_>>());
    assert_eq!(from(777), (777..=1300).collect::<Vec<_>>());
    assert_eq!(from(1301), [0; 0]);
    assert_eq!(from(u64::MAX), [0; 0]);
}

#[tokio::test]
async fn a_key_finds_its_records_in_pages() {
    let place = Place::new();
    let (journal, _) = place.open();
    let no_key = Record {
        key: String::new(),
        ..record(1)
    };
    journal
        .append((1..=9).map(record).chain([no_key]).collect())
        .await
        .unwrap();
    let seqs = |entries: Vec<crate::Entry>| -> Vec<u64> {
        entries.into_iter().map(|entry| entry.seq).collect()
    };
    assert_eq!(
        seqs(journal.read_key("main/1", 0, 100).await.unwrap()),
        [1, 4, 7]
    );
    assert_eq!(
        seqs(journal.read_key("main/1", 0, 2).await.unwrap()),
        [1, 4]
    );
    assert_eq!(seqs(journal.read_key("main/1", 4, 2).await.unwrap()), [7]);
    assert_eq!(
        seqs(journal.read_key("' OR 1 --", 0, 100).await.unwrap()),
        [0; 0]
    );
    assert_eq!(seqs(journal.read_key("", 0, 100).await.unwrap()), [0; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Bytes in, the same bytes out, whatever they are.
    #[test]
    fn any_record_comes_back_as_it_was(
        records in prop::collection::vec(
            (
                any::<u16>(),
                "\\PC{0,40}|\u{0}",
                prop::collection::vec(any::<u8>(), 0..200),
                any::<i64>(),
            ),
            1..20,
        )
    ) {
        let records: Vec<Record> = records
            .into_iter()
            .map(|(kind, key, payload, recorded_time_ns)| {
                Record { kind, key, payload: payload.into(), recorded_time_ns }
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let (journal, _) = place.open();
            journal.append(records.clone()).await.unwrap();
            journal.close().await.unwrap();
            let (journal, recovery) = place.open();
            assert!(recovery.is_clean());
            let read: Vec<Record> =
                read_all(&journal).into_iter().map(|entry| entry.record).collect();
            assert_eq!(read, records);
        });
    }
}
