//! The journal's disk: what was synced survives a crash, what was being written may or may not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chimera_journal::{Committed, JournalError, Record, Snapshot};
use chimera_order::{Store, StoredRecord};
use futures::FutureExt;
use futures::future::BoxFuture;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Most records that a batch of a read holds.
const READ_MAX: usize = 512;

/// How long a sync takes, in microseconds: from a quick disk to a busy one.
const SYNC_MICROS: std::ops::Range<u64> = 200..4_000;

type Answer<T> = BoxFuture<'static, Result<T, JournalError>>;

/// The disk of the order service's host. Clones share it.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<Platter>>);

struct Platter {
    records: Vec<Record>,
    snapshot: Option<(u64, Bytes)>,
    /// What is written and not yet synced: lost or kept by a crash, whole.
    writing: Option<Vec<Record>>,
    /// The process that may write; those before it are dead.
    writer: u64,
    stalled: Duration,
    chance: ChaCha8Rng,
    torn: u64,
}

impl Disk {
    /// Returns an empty disk.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Platter {
            records: Vec::new(),
            snapshot: None,
            writing: None,
            writer: 0,
            stalled: Duration::ZERO,
            chance: ChaCha8Rng::seed_from_u64(seed),
            torn: 0,
        })))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Platter) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the file for the next process. What the last one was writing when it died is there
    /// in whole or not at all: a transaction's tail is torn off by recovery.
    pub fn take_over(&self) -> File {
        let writer = self.with(|platter| {
            platter.writer += 1;
            if let Some(records) = platter.writing.take() {
                platter.torn += 1;
                if platter.chance.random_bool(0.5) {
                    platter.records.extend(records);
                }
            }
            platter.writer
        });
        File {
            disk: self.clone(),
            writer,
        }
    }

    /// Makes every sync take so much longer, until told otherwise.
    pub fn stall(&self, by: Duration) {
        self.with(|platter| platter.stalled = by);
    }

    /// Returns every record that a reader finds.
    pub fn records(&self) -> Vec<Record> {
        self.with(|platter| platter.records.clone())
    }

    /// Returns how many writes a crash has torn.
    pub fn torn(&self) -> u64 {
        self.with(|platter| platter.torn)
    }
}

/// One process's hold on the disk.
pub struct File {
    disk: Disk,
    writer: u64,
}

impl Store for File {
    fn append(&self, records: Vec<Record>) -> Answer<Committed> {
        if records.is_empty() {
            return async { Err(JournalError::Empty) }.boxed();
        }
        let (disk, writer) = (self.disk.clone(), self.writer);
        let sync = disk.with(|platter| {
            if platter.writer == writer {
                platter.writing = Some(records);
            }
            let micros = platter.chance.random_range(SYNC_MICROS);
            platter.stalled + Duration::from_micros(micros)
        });
        async move {
            tokio::time::sleep(sync).await;
            disk.with(|platter| {
                let dead = JournalError::Storage {
                    operation: "append",
                    detail: "this process is dead".to_owned(),
                };
                if platter.writer != writer {
                    return Err(dead);
                }
                let records = platter.writing.take().ok_or(dead)?;
                let first_seq = platter.records.len() as u64 + 1;
                platter.records.extend(records);
                Ok(Committed {
                    first_seq,
                    last_seq: platter.records.len() as u64,
                })
            })
        }
        .boxed()
    }

    fn read(&self, from_seq: u64) -> Answer<Vec<StoredRecord>> {
        let from = usize::try_from(from_seq.max(1) - 1).unwrap_or(usize::MAX);
        let batch = self.disk.with(|platter| {
            let records = platter.records.iter().enumerate().skip(from);
            records.take(READ_MAX).map(place).collect()
        });
        async move { Ok(batch) }.boxed()
    }

    fn read_key(&self, key: String, after_seq: u64) -> Answer<Vec<StoredRecord>> {
        let batch = self.disk.with(|platter| {
            let records = platter.records.iter().enumerate().map(place);
            let ours = records.filter(|it| it.seq > after_seq && it.record.key == key);
            ours.take(READ_MAX).collect()
        });
        async move { Ok(batch) }.boxed()
    }

    fn last_seq(&self) -> u64 {
        self.disk.with(|platter| platter.records.len() as u64)
    }

    fn last_snapshot(&self) -> Answer<Option<Snapshot>> {
        let snapshot = self.disk.with(|platter| platter.snapshot.clone());
        async move { Ok(snapshot.map(|(seq, payload)| Snapshot { seq, payload })) }.boxed()
    }

    fn keep_snapshot(&self, snapshot: Snapshot) -> Answer<()> {
        let writer = self.writer;
        self.disk.with(|platter| {
            if platter.writer == writer {
                platter.snapshot = Some((snapshot.seq, snapshot.payload));
            }
        });
        async { Ok(()) }.boxed()
    }
}

fn place((at, record): (usize, &Record)) -> StoredRecord {
    StoredRecord {
        seq: at as u64 + 1,
        record: record.clone(),
    }
}
