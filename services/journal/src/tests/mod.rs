//! Shared by the tests: a journal in a directory of its own, and ways to harm it.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{Durability, Entry, Journal, JournalError, Options, Record, Recovery};

mod append;
mod chain;
mod crash;
mod lock;
mod recovery;
mod snapshot;
mod storage;

/// A place for one journal.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("orders.journal")
    }

    fn open(&self) -> (Journal, Recovery) {
        self.try_open(fast()).unwrap()
    }

    fn try_open(&self, options: Options) -> Result<(Journal, Recovery), JournalError> {
        Journal::open(self.path(), options)
    }

    /// A closed journal of so many records.
    async fn with_records(count: u64) -> Self {
        let place = Self::new();
        let (journal, _) = place.open();
        for number in 1..=count {
            journal.append(vec![record(number)]).await.unwrap();
        }
        journal.close().await.unwrap();
        place
    }

    /// Changes the file behind the journal's back.
    fn tamper(&self, sql: &str) {
        let connection = Connection::open(self.path()).unwrap();
        connection.execute_batch(sql).unwrap();
    }
}

/// Tests that do not ask about power loss do not pay for it.
fn fast() -> Options {
    Options {
        durability: Durability::Os,
        ..Options::default()
    }
}

fn record(number: u64) -> Record {
    Record {
        kind: 7,
        key: format!("main/{}", number % 3),
        payload: Bytes::from(format!("event {number}")),
        recorded_time_ns: i64::try_from(number).unwrap() * 1_000,
    }
}

fn read_all(journal: &Journal) -> Vec<Entry> {
    journal.read(1).unwrap().flat_map(Result::unwrap).collect()
}

fn exists_beside(path: &Path, suffix: &str) -> bool {
    crate::lock::beside(path, suffix).exists()
}
