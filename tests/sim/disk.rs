//! The journal's disk: what was synced survives a crash, what was being written may or may not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chimera_journal::{Committed, JournalError, Record, Snapshot};
use chimera_order::{Encode, Store, StoredRecord};
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
    /// The places of each key's records.
    places: HashMap<String, Vec<usize>>,
    snapshot: Option<(u64, Bytes)>,
    /// What is written and not yet synced: lost or kept by a crash.
    writing: Option<Vec<Record>>,
    /// The write in which the process is to die.
    trap: Option<Trap>,
    /// The trap of the write that has begun and will not end.
    sprung: Option<Trap>,
    /// Whether the process that hangs in it was not noticed yet.
    hangs: bool,
    /// The process that may write; those before it are dead.
    writer: u64,
    stalled: Duration,
    chance: ChaCha8Rng,
    parts: Vec<Part>,
}

impl Platter {
    fn keep(&mut self, records: Vec<Record>) {
        for record in records {
            let places = self.places.entry(record.key.clone()).or_default();
            places.push(self.records.len());
            self.records.push(record);
        }
    }
}

/// Waits for a write in which the process dies.
#[derive(Clone, Copy)]
struct Trap {
    /// The next write of at least so many records is the one.
    least: usize,
    /// Decides how much of it stays.
    cut: u64,
}

/// How much of a write was there when the next process read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Records that recovery found whole and in order.
    pub kept: usize,
    /// Records that were being written.
    pub of: usize,
}

impl Disk {
    /// Returns an empty disk.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Platter {
            records: Vec::new(),
            places: HashMap::new(),
            snapshot: None,
            writing: None,
            writer: 0,
            stalled: Duration::ZERO,
            chance: ChaCha8Rng::seed_from_u64(seed),
            trap: None,
            sprung: None,
            hangs: false,
            parts: Vec::new(),
        })))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Platter) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the file for the next process. What the last one was writing when it died is there
    /// in whole or not at all, as a transaction; where it died in a trap, the first records of it
    /// are: recovery cuts a torn tail off at the first record that does not follow.
    pub fn take_over(&self) -> File {
        let writer = self.with(|platter| {
            platter.writer += 1;
            let sprung = platter.sprung.take();
            platter.hangs = false;
            let Some(mut records) = platter.writing.take() else {
                return platter.writer;
            };
            let of = records.len();
            match sprung {
                Some(trap) => {
                    let choices = of as u64 + 1;
                    records.truncate(usize::try_from(trap.cut % choices).unwrap_or(0));
                }
                None if platter.chance.random_bool(0.5) => {}
                None => records.clear(),
            }
            let kept = records.len();
            platter.parts.push(Part { kept, of });
            platter.keep(records);
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

    /// Sets a trap: the next write of at least so many records does not end, and `cut` decides how
    /// many of them are there afterwards.
    pub fn set_trap(&self, least: usize, cut: u64) {
        self.with(|platter| platter.trap = Some(Trap { least, cut }));
    }

    /// Takes back a trap that nobody stepped into.
    pub fn lift_trap(&self) {
        self.with(|platter| platter.trap = None);
    }

    /// Returns once whether a process hangs in a write, to be killed there.
    pub fn trap_sprung(&self) -> bool {
        self.with(|platter| std::mem::take(&mut platter.hangs))
    }

    /// Returns what was found of each write that a crash has torn.
    pub fn parts(&self) -> Vec<Part> {
        self.with(|platter| platter.parts.clone())
    }

    /// Returns every record that a reader finds.
    pub fn records(&self) -> Vec<Record> {
        self.with(|platter| platter.records.clone())
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
            let micros = platter.chance.random_range(SYNC_MICROS);
            let mut ends = true;
            if platter.writer == writer {
                if let Some(trap) = platter.trap.filter(|trap| records.len() >= trap.least) {
                    (platter.trap, platter.sprung, platter.hangs) = (None, Some(trap), true);
                    ends = false;
                }
                platter.writing = Some(records);
            }
            ends.then(|| platter.stalled + Duration::from_micros(micros))
        });
        async move {
            match sync {
                Some(sync) => tokio::time::sleep(sync).await,
                None => std::future::pending().await,
            }
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
                platter.keep(records);
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
            let places = platter.places.get(&key).into_iter().flatten();
            let ours = places.filter(|at| **at as u64 >= after_seq);
            let ours = ours.map(|at| place((*at, &platter.records[*at])));
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

    fn keep_snapshot(&self, seq: u64, encode: Encode) -> Answer<()> {
        let (writer, payload) = (self.writer, encode());
        self.disk.with(|platter| {
            if platter.writer == writer
                && let Some(payload) = payload
            {
                platter.snapshot = Some((seq, payload));
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
