use std::fs;

use super::{Place, exists_beside, fast, read_all, record};
use crate::lock::beside;
use crate::{Breach, Journal, JournalError, OnDamage, Options};

#[tokio::test]
async fn f126_a_torn_tail_is_cut_kept_and_reported() {
    let place = Place::with_records(9).await;
    place.tamper("UPDATE records SET payload = CAST('half a wri' AS BLOB) WHERE seq = 9");

    let (journal, recovery) = place.open();

    let torn = recovery.torn_tail.clone().expect("the tear is reported");
    assert!(!recovery.is_clean());
    assert_eq!((torn.first_bad_seq, torn.records), (9, 1));
    assert_eq!(recovery.head.unwrap().seq, 8);
    let kept = fs::read_to_string(&torn.kept_in).unwrap();
    assert!(kept.contains("seq=integer:9"), "{kept}");
    assert!(kept.contains("payload=blob:68616c66206120777269"), "{kept}");
    // The cut record had been acknowledged: the anchor knows.
    assert_eq!(recovery.lost_tail.unwrap().anchored.seq, 9);
    assert_eq!(read_all(&journal).len(), 8);
    assert_eq!(journal.append(vec![record(10)]).await.unwrap().first_seq, 9);
    journal.close().await.unwrap();
    let (_, recovery) = place.open();
    assert!(
        recovery.is_clean(),
        "once reported, the state is settled: {recovery:?}"
    );
}

#[tokio::test]
async fn f126_several_torn_records_are_cut_together() {
    let place = Place::with_records(9).await;
    place.tamper("UPDATE records SET hash = zeroblob(32) WHERE seq >= 6");
    let (journal, recovery) = place.open();
    let torn = recovery.torn_tail.unwrap();
    assert_eq!((torn.first_bad_seq, torn.records), (6, 4));
    assert_eq!(read_all(&journal).len(), 5);
}

#[tokio::test]
async fn f126_two_tears_at_one_place_keep_two_files() {
    let place = Place::with_records(3).await;
    for _ in 0..2 {
        place.tamper("UPDATE records SET hash = zeroblob(32) WHERE seq = 3");
        let (journal, recovery) = place.open();
        assert!(recovery.torn_tail.is_some());
        journal.append(vec![record(3)]).await.unwrap();
        journal.close().await.unwrap();
    }
    assert!(exists_beside(&place.path(), ".torn-3") && exists_beside(&place.path(), ".torn-3.1"));
}

/// Cutting there would drop acknowledged records that are still readable.
#[tokio::test]
async fn damage_in_the_middle_is_refused_and_cut_only_on_request() {
    let place = Place::with_records(9).await;
    place.tamper("UPDATE records SET kind = 1 WHERE seq = 4");
    let corrupt = JournalError::Corrupt {
        seq: 4,
        breach: Breach::Altered,
    };
    assert_eq!(place.try_open(fast()).unwrap_err(), corrupt);

    let repair = Options {
        on_damage: OnDamage::Cut,
        tail_check_records: 1,
        ..fast()
    };
    let (journal, recovery) = place.try_open(repair).unwrap();
    let torn = recovery.torn_tail.unwrap();
    assert_eq!((torn.first_bad_seq, torn.records), (4, 6));
    assert_eq!(fs::read_to_string(torn.kept_in).unwrap().lines().count(), 6);
    assert_eq!(read_all(&journal).len(), 3);
}

#[tokio::test]
async fn a_hole_in_the_tail_is_refused() {
    let place = Place::with_records(9).await;
    place.tamper("DELETE FROM records WHERE seq = 6");
    let corrupt = JournalError::Corrupt {
        seq: 6,
        breach: Breach::Missing,
    };
    assert_eq!(place.try_open(fast()).unwrap_err(), corrupt);
}

/// SQLite drops the unreadable end of its log without a word; the anchor does not.
#[tokio::test]
async fn f126_a_log_cut_short_is_reported_as_lost() {
    let place = Place::new();
    let (journal, _) = place.open();
    for number in 1..=9 {
        journal.append(vec![record(number)]).await.unwrap();
    }
    // What a machine leaves behind that lost the end of its log.
    let other = Place::new();
    for suffix in ["", "-wal", ".head"] {
        fs::copy(beside(&place.path(), suffix), beside(&other.path(), suffix)).unwrap();
    }
    let log = beside(&other.path(), "-wal");
    let length = fs::metadata(&log).unwrap().len();
    let log = fs::OpenOptions::new().write(true).open(log).unwrap();
    log.set_len(length - 100).unwrap();

    let (journal, recovery) = other.open();

    let lost = recovery.lost_tail.expect("the loss is reported");
    assert_eq!((lost.last_seq, lost.anchored.seq), (8, 9));
    assert!(recovery.torn_tail.is_none());
    assert!(exists_beside(&other.path(), ".head.lost-9"));
    assert_eq!(read_all(&journal).len(), 8);
}

#[tokio::test]
async fn a_deleted_journal_is_reported_as_lost() {
    let place = Place::with_records(5).await;
    fs::remove_file(place.path()).unwrap();
    let (_, recovery) = place.open();
    let lost = recovery.lost_tail.unwrap();
    assert_eq!((lost.last_seq, lost.anchored.seq), (0, 5));
}

#[tokio::test]
async fn an_unreadable_anchor_is_reported_and_mended() {
    let place = Place::with_records(5).await;
    let head = beside(&place.path(), ".head");
    for bad in [vec![7; 56], vec![7; 3]] {
        fs::write(&head, bad).unwrap();
        let (journal, recovery) = place.open();
        assert!(recovery.anchor_unreadable && !recovery.is_clean());
        journal.close().await.unwrap();
        let (journal, recovery) = place.open();
        assert!(recovery.is_clean());
        journal.close().await.unwrap();
    }
}

/// Power loss may leave an older anchor: it was not synced.
#[tokio::test]
async fn an_older_anchor_is_no_alarm() {
    let place = Place::with_records(5).await;
    let head = beside(&place.path(), ".head");
    let old = fs::read(&head).unwrap();
    let (journal, _) = place.open();
    journal.append(vec![record(6)]).await.unwrap();
    journal.close().await.unwrap();
    fs::write(&head, old).unwrap();
    let (_, recovery) = place.open();
    assert!(recovery.is_clean());
    assert_eq!(recovery.head.unwrap().seq, 6);
}

#[tokio::test]
async fn pages_that_are_damaged_are_refused() {
    let place = Place::with_records(200).await;
    let length = fs::metadata(place.path()).unwrap().len();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(place.path())
        .unwrap();
    file.set_len(length - 5000).unwrap();
    let refusal = Journal::open(place.path(), fast()).unwrap_err();
    assert!(matches!(refusal, JournalError::Damaged { .. }), "{refusal}");
}
