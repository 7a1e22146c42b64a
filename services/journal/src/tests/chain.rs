use std::fs;

use proptest::prelude::*;

use super::{Place, read_all, record};
use crate::chain::{Hash, record_hash};
use crate::lock::beside;
use crate::{Anchor, Breach, FORMAT, Journal, JournalError, Record, verify, verify_with_anchors};

fn first_bad(place: &Place) -> Option<(u64, Breach)> {
    verify(place.path()).unwrap().first_bad
}

/// Drops the anchor beside the file, so that the chain alone must speak.
async fn without_anchor(records: u64) -> Place {
    let place = Place::with_records(records).await;
    fs::remove_file(beside(&place.path(), ".head")).unwrap();
    place
}

/// Rewrites the chain from `from` on with hashes that match: what a forger with the code would do.
fn forge(place: &Place, from: u64) {
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let (mut seq, mut previous) = (from, Hash::GENESIS);
    if from > 1 {
        previous = crate::row::stored_hash(&connection, from - 1)
            .unwrap()
            .unwrap()
            .unwrap();
    }
    let sql = format!("SELECT {} FROM records WHERE seq = ?1", crate::row::COLUMNS);
    while let Ok(Ok(entry)) = connection.query_row(&sql, [i64::try_from(seq).unwrap()], |row| {
        Ok(crate::row::decode(row))
    }) {
        previous = record_hash(FORMAT, seq, previous, &entry.record).unwrap();
        connection
            .execute(
                "UPDATE records SET hash = ?2 WHERE seq = ?1",
                rusqlite::params![i64::try_from(seq).unwrap(), previous.as_bytes()],
            )
            .unwrap();
        seq += 1;
    }
}

#[tokio::test]
async fn a_sound_journal_is_found_sound_also_while_it_is_written() {
    let place = Place::with_records(20).await;
    let (journal, _) = place.open();
    journal.append(vec![record(21)]).await.unwrap();
    let found = verify(place.path()).unwrap();
    assert!(found.is_sound(), "{found:?}");
    assert_eq!(found.sound_records, 21);
    assert_eq!(found.head, journal.head());
}

#[tokio::test]
async fn h62_a_flipped_byte_names_its_record() {
    let place = without_anchor(9).await;
    place.tamper("UPDATE records SET payload = CAST('event X' AS BLOB) WHERE seq = 4");
    assert_eq!(first_bad(&place), Some((4, Breach::Altered)));
}

#[tokio::test]
async fn h62_a_dropped_record_is_named() {
    let place = without_anchor(9).await;
    place.tamper("DELETE FROM records WHERE seq = 4");
    assert_eq!(first_bad(&place), Some((4, Breach::Missing)));
}

#[tokio::test]
async fn h62_closing_the_gap_after_a_drop_is_named() {
    let place = without_anchor(9).await;
    place.tamper(
        "DELETE FROM records WHERE seq = 4;
         UPDATE records SET seq = seq - 1 WHERE seq > 4;",
    );
    assert_eq!(first_bad(&place), Some((4, Breach::Altered)));
}

#[tokio::test]
async fn h62_reordered_records_are_named() {
    let place = without_anchor(9).await;
    place.tamper(
        "UPDATE records SET seq = 1000 WHERE seq = 4;
         UPDATE records SET seq = 4 WHERE seq = 6;
         UPDATE records SET seq = 6 WHERE seq = 1000;",
    );
    assert_eq!(first_bad(&place), Some((4, Breach::Altered)));
}

#[tokio::test]
async fn h62_an_inserted_record_is_named() {
    let place = without_anchor(3).await;
    let insert = |seq| {
        place.tamper(&format!(
            "INSERT INTO records SELECT {seq}, format, kind, key, 0, payload, hash
             FROM records WHERE seq = 3"
        ));
    };
    insert(4);
    assert_eq!(first_bad(&place), Some((4, Breach::Altered)));
    insert(-4);
    assert_eq!(first_bad(&place), Some((0, Breach::Misplaced)));
}

#[tokio::test]
async fn h62_a_cut_tail_shows_against_the_anchor_beside_the_file() {
    let place = Place::with_records(9).await;
    place.tamper("DELETE FROM records WHERE seq > 6");
    assert_eq!(first_bad(&place), Some((7, Breach::TailCut)));
}

#[tokio::test]
async fn h62_a_cut_tail_shows_against_an_anchor_kept_elsewhere() {
    let place = Place::new();
    let (journal, _) = place.open();
    journal.append((1..=9).map(record).collect()).await.unwrap();
    let anchor = journal.head().unwrap();
    journal.close().await.unwrap();
    fs::remove_file(beside(&place.path(), ".head")).unwrap();
    place.tamper("DELETE FROM records WHERE seq > 6");

    assert!(verify(place.path()).unwrap().is_sound());
    let found = verify_with_anchors(place.path(), &[anchor]).unwrap();
    assert_eq!(found.first_bad, Some((7, Breach::TailCut)));
    assert_eq!(found.sound_records, 6);
}

/// The whole file is set back to an older copy of itself, the anchor beside it too.
#[tokio::test]
async fn h62_a_file_rolled_back_shows_against_an_anchor_kept_elsewhere() {
    let place = Place::with_records(5).await;
    let head = beside(&place.path(), ".head");
    let (old_file, old_head) = (fs::read(place.path()).unwrap(), fs::read(&head).unwrap());
    let (journal, _) = place.open();
    journal.append(vec![record(6)]).await.unwrap();
    let anchor = journal.head().unwrap();
    journal.close().await.unwrap();
    fs::write(place.path(), old_file).unwrap();
    fs::write(&head, old_head).unwrap();

    let found = verify_with_anchors(place.path(), &[anchor]).unwrap();
    assert_eq!(found.first_bad, Some((6, Breach::TailCut)));
}

#[tokio::test]
async fn h62_a_forged_history_shows_against_the_anchors() {
    let place = Place::new();
    let (journal, _) = place.open();
    let mut anchors = Vec::new();
    for number in 1..=9 {
        journal.append(vec![record(number)]).await.unwrap();
        anchors.push(journal.head().unwrap());
    }
    journal.close().await.unwrap();
    let kept = [anchors[1], anchors[4], anchors[7]];
    assert!(verify_with_anchors(place.path(), &kept).unwrap().is_sound());

    place.tamper("UPDATE records SET payload = CAST('event X' AS BLOB) WHERE seq = 4");
    forge(&place, 4);

    let found = verify_with_anchors(place.path(), &kept).unwrap();
    assert_eq!(found.first_bad, Some((5, Breach::Diverged)));
    // The anchor beside the file belongs to another history: no crash does this.
    let refusal = place.try_open(super::fast()).unwrap_err();
    assert!(matches!(refusal, JournalError::Diverged { anchored } if anchored == anchors[8]));
}

#[tokio::test]
async fn h62_a_reader_stops_at_the_first_bad_record() {
    let place = Place::new();
    let (journal, _) = place.open();
    journal
        .append((1..=600).map(record).collect())
        .await
        .unwrap();
    place.tamper("UPDATE records SET kind = 8 WHERE seq = 550");
    let mut reader = journal.read(1).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().len(), 512);
    let corrupt = JournalError::Corrupt {
        seq: 550,
        breach: Breach::Altered,
    };
    assert_eq!(reader.next(), Some(Err(corrupt.clone())));
    assert_eq!(reader.next(), None);
    assert_eq!(journal.read_key("main/1", 540, 9).await, Err(corrupt));
}

/// A record of the first format keeps its hash for ever: whoever changes this breaks every journal.
#[test]
fn f136_the_first_format_stays_what_it_is() {
    let record = Record {
        kind: 7,
        key: "main/17".to_owned(),
        payload: (&b"event"[..]).into(),
        recorded_time_ns: 1_700_000_000_000_000_000,
    };
    let hash = record_hash(1, 1, Hash::GENESIS, &record).unwrap();
    assert_eq!(
        hash.to_string(),
        "27258e3be29fdf44935a7c40e555db238c179434ad30c95244c6fc70b8ddec35"
    );
    assert_eq!(record_hash(FORMAT + 1, 1, Hash::GENESIS, &record), None);
}

#[tokio::test]
async fn f136_a_format_that_is_not_known_is_refused_untouched() {
    let place = Place::with_records(3).await;
    place.tamper("PRAGMA user_version = 9");
    let before = fs::read(place.path()).unwrap();
    let unknown = |error| matches!(error, JournalError::UnknownFormat { found: 9, .. });
    assert!(unknown(place.try_open(super::fast()).unwrap_err()));
    assert!(unknown(verify(place.path()).unwrap_err()));
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[tokio::test]
async fn f136_a_record_of_an_unknown_format_is_named() {
    let place = without_anchor(3).await;
    place.tamper("UPDATE records SET format = 2 WHERE seq = 2");
    assert_eq!(
        first_bad(&place),
        Some((2, Breach::UnknownFormat { found: 2 }))
    );
}

#[tokio::test]
async fn another_file_is_no_journal() {
    let place = Place::new();
    let no_journal = |error| matches!(error, JournalError::NotAJournal { .. });
    fs::write(
        place.path(),
        "not a database, but long enough to look at".repeat(50),
    )
    .unwrap();
    assert!(no_journal(place.try_open(super::fast()).unwrap_err()));
    fs::remove_file(place.path()).unwrap();
    place.tamper("CREATE TABLE orders (id INTEGER)");
    assert!(no_journal(place.try_open(super::fast()).unwrap_err()));
    assert!(no_journal(verify(place.path()).unwrap_err()));
    let missing = verify(place.directory.path().join("nothing")).unwrap_err();
    assert!(matches!(missing, JournalError::Storage { .. }), "{missing}");
}

#[test]
fn an_anchor_reads_back_from_its_text() {
    let anchor = Anchor {
        seq: 42,
        hash: Hash::from_bytes([0xab; 32]),
    };
    assert_eq!(anchor.to_string().parse(), Ok(anchor));
    let zero = format!("0:{}", anchor.hash);
    for text in [
        "",
        "42",
        "42:",
        "x:00",
        &zero,
        "42:abcd",
        &format!("{anchor}0"),
    ] {
        assert!(text.parse::<Anchor>().is_err(), "{text}");
    }
}

/// Every bit of a record, its hash included.
fn columns() -> impl Strategy<Value = (&'static str, usize)> {
    prop_oneof![
        (Just("format"), 0..16_usize),
        (Just("kind"), 0..16_usize),
        (Just("recorded_time_ns"), 0..63_usize),
        (Just("key"), 0..48_usize),
        (Just("payload"), 0..56_usize),
        (Just("hash"), 0..256_usize),
    ]
}

fn flip(place: &Place, seq: u64, column: &str, bit: usize) {
    use rusqlite::types::Value;
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let select = format!("SELECT {column} FROM records WHERE seq = {seq}");
    let turned = |mut bytes: Vec<u8>| {
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    let value = match connection.query_row(&select, [], |row| row.get(0)).unwrap() {
        Value::Integer(number) => Value::Integer(number ^ (1 << bit)),
        Value::Blob(bytes) => Value::Blob(turned(bytes)),
        Value::Text(text) => {
            // Bytes that are no text any more are what a flipped bit leaves.
            let update =
                format!("UPDATE records SET {column} = CAST(?1 AS TEXT) WHERE seq = {seq}");
            connection
                .execute(&update, [turned(text.into_bytes())])
                .unwrap();
            return;
        }
        other => panic!("{other:?}"),
    };
    let update = format!("UPDATE records SET {column} = ?1 WHERE seq = {seq}");
    connection.execute(&update, [value]).unwrap();
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn h62_any_flipped_bit_of_a_record_is_named((column, bit) in columns(), seq in 1..=9_u64) {
        let place = block_on(without_anchor(9));
        flip(&place, seq, column, bit);
        let (first, _) = first_bad(&place).expect("the flip shows");
        prop_assert_eq!(first, seq);
    }

    /// A flip anywhere in the file is either seen, or changes nothing that can be read.
    #[test]
    fn h62_no_flipped_bit_of_the_file_changes_a_record_unseen(
        place_in_file: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        let place = block_on(Place::with_records(40));
        let (journal, _) = place.open();
        let before = read_all(&journal);
        block_on(journal.close()).unwrap();
        let mut bytes = fs::read(place.path()).unwrap();
        let at = place_in_file.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(place.path(), bytes).unwrap();

        let seen = !matches!(verify(place.path()), Ok(found) if found.is_sound());
        if !seen && let Ok((journal, _)) = Journal::open(place.path(), super::fast()) {
            prop_assert_eq!(read_all(&journal), before);
        }
    }
}
