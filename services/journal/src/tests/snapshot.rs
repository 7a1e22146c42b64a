use bytes::Bytes;

use super::{Place, fast, record};
use crate::{JournalError, Snapshot, verify};

fn snapshot(seq: u64) -> Snapshot {
    Snapshot {
        seq,
        payload: Bytes::from(format!("state after {seq}")),
    }
}

async fn with_snapshots() -> Place {
    let place = Place::new();
    let (journal, _) = place.open();
    journal.append((1..=9).map(record).collect()).await.unwrap();
    assert_eq!(journal.last_snapshot().unwrap(), None);
    for seq in [2, 5, 7] {
        journal.write_snapshot(snapshot(seq)).await.unwrap();
    }
    journal.close().await.unwrap();
    place
}

#[tokio::test]
async fn a_reader_starts_from_the_last_snapshot() {
    let place = with_snapshots().await;
    let (journal, _) = place.open();
    let found = journal.last_snapshot().unwrap().unwrap();
    assert_eq!(found, snapshot(7));
    let rest: Vec<u64> = journal
        .read(found.seq + 1)
        .unwrap()
        .flat_map(Result::unwrap)
        .map(|entry| entry.seq)
        .collect();
    assert_eq!(rest, [8, 9]);
}

#[tokio::test]
async fn a_bad_snapshot_is_passed_over_and_named() {
    let place = with_snapshots().await;
    place.tamper("UPDATE snapshots SET payload = CAST('lies' AS BLOB) WHERE seq = 7");
    let (journal, _) = place.open();
    assert_eq!(journal.last_snapshot().unwrap(), Some(snapshot(5)));
    let found = verify(place.path()).unwrap();
    assert_eq!(found.bad_snapshots, [7]);
    assert!(!found.is_sound() && found.first_bad.is_none());
}

#[tokio::test]
async fn a_snapshot_of_lost_records_is_not_used() {
    let place = with_snapshots().await;
    place.tamper("DELETE FROM records WHERE seq > 6");
    let (journal, recovery) = place.open();
    assert!(recovery.lost_tail.is_some());
    assert_eq!(journal.last_snapshot().unwrap(), Some(snapshot(5)));
    journal.append(vec![record(70)]).await.unwrap();
    assert_eq!(journal.last_snapshot().unwrap(), Some(snapshot(5)));
    journal.write_snapshot(snapshot(7)).await.unwrap();
    assert_eq!(journal.last_snapshot().unwrap(), Some(snapshot(7)));
}

#[tokio::test]
async fn only_what_is_recorded_has_snapshots() {
    let place = Place::with_records(3).await;
    let (journal, _) = place.try_open(fast()).unwrap();
    for seq in [0, 4, u64::MAX] {
        let refusal = journal.write_snapshot(snapshot(seq)).await;
        assert_eq!(refusal, Err(JournalError::SnapshotOutside { seq, head: 3 }));
    }
    assert_eq!(journal.append(vec![record(4)]).await.unwrap().first_seq, 4);
}
