//! Journals whose files were damaged: a record is read as it was written, or not at all, and what is
//! missing is told.

use std::{fs, path::Path};

use chimera_journal::{Durability, Entry, Journal, Options, Record, verify};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::mutation::{cases, chance};

const RECORDS: usize = 60;
const FILE: &str = "journal.db";

fn options() -> Options {
    Options {
        durability: Durability::Os,
        ..Options::default()
    }
}

/// Writes a journal and returns its records as it tells them.
async fn write(folder: &Path) -> Vec<Entry> {
    let (journal, _) = Journal::open(folder.join(FILE), options()).unwrap();
    for number in 0..RECORDS {
        let record = Record {
            kind: 1,
            key: format!("order-{}", number % 7),
            payload: vec![number as u8; 40 + number * 3].into(),
            recorded_time_ns: number as i64,
        };
        journal.append(vec![record]).await.unwrap();
    }
    let entries = journal.read(1).unwrap().flat_map(Result::unwrap).collect();
    journal.close().await.unwrap();
    entries
}

/// Damages a file as a disk does: single bits, blocks of zeros, blocks of elsewhere, a lost end.
fn damage(bytes: &mut Vec<u8>, chance: &mut ChaCha8Rng) {
    for _ in 0..chance.random_range(1..4) {
        let at = chance.random_range(0..bytes.len());
        let length = chance.random_range(1..=512.min(bytes.len() - at));
        match chance.random_range(0..6) {
            0..3 => bytes[at] ^= 1 << chance.random_range(0..8),
            3 => bytes[at..at + length].fill(0),
            4 => {
                let from = chance.random_range(0..=bytes.len() - length);
                bytes.copy_within(from..from + length, at);
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
}

#[tokio::test]
async fn f126_a_damaged_journal_tells_no_lie_and_hides_no_loss() {
    let sound = tempfile::tempdir().unwrap();
    let written = write(sound.path()).await;
    assert_eq!(written.len(), RECORDS);
    let mut chance = chance("journals");
    let (mut whole, mut cut, mut refused) = (0, 0, 0);
    for _ in 0..cases(300) {
        let damaged = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(sound.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), damaged.path().join(entry.file_name())).unwrap();
        }
        let file = damaged.path().join(FILE);
        let mut bytes = fs::read(&file).unwrap();
        damage(&mut bytes, &mut chance);
        fs::write(&file, &bytes).unwrap();

        let verified = verify(&file);
        let Ok((journal, recovery)) = Journal::open(&file, options()) else {
            refused += 1;
            // A refusal to open is never a journal that a check calls sound.
            assert!(!verified.is_ok_and(|found| found.is_sound()));
            continue;
        };
        let mut read = Vec::new();
        let mut failed = false;
        for batch in journal.read(1).into_iter().flatten() {
            match batch {
                Ok(batch) => read.extend(batch),
                Err(_) => failed = true,
            }
        }
        assert_eq!(
            read,
            written[..read.len()],
            "records other than were written"
        );
        let complete = read.len() == RECORDS;
        assert!(
            complete || failed || !recovery.is_clean(),
            "a loss untold: {recovery:?}"
        );
        match complete {
            true => whole += 1,
            false => cut += 1,
        }
        // Closing may fail on a file that is damaged where only writing goes.
        let _ = journal.close().await;
    }
    println!("{whole} whole, {cut} cut and told, {refused} refused");
    assert!(whole > 0 && refused > 0);
}
