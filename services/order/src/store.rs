//! Where records go: the journal, or memory for simulations.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chimera_journal::{Committed, Journal, JournalError, MAX_APPEND_RECORDS, Record, Snapshot};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;

/// A record in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its sequence: the first is 1, without gaps.
    pub seq: u64,
    /// The record.
    pub record: Record,
}

/// Most records that a batch of a read holds.
const READ_MAX: usize = 512;

/// Makes the bytes of a snapshot, which takes long.
pub type Encode = Box<dyn FnOnce() -> Option<Bytes> + Send>;

type Answer<T> = BoxFuture<'static, Result<T, JournalError>>;

/// Keeps records, in order, durably when it says so. One process writes.
pub trait Store: Send + Sync + 'static {
    /// Appends records, all or none; resolves when they are durable.
    fn append(&self, records: Vec<Record>) -> Answer<Committed>;
    /// Returns a batch of records from a sequence on; empty at the end.
    fn read(&self, from_seq: u64) -> Answer<Vec<Placed>>;
    /// Returns the records of a key after a sequence, as many as fit one batch.
    fn read_key(&self, key: String, after_seq: u64) -> Answer<Vec<Placed>>;
    /// Returns the last sequence; zero when empty.
    fn last_seq(&self) -> u64;
    /// Returns the newest sound snapshot.
    fn last_snapshot(&self) -> Answer<Option<Snapshot>>;
    /// Keeps a snapshot of the state after a sequence, once it is encoded; none when it cannot be.
    fn keep_snapshot(&self, seq: u64, encode: Encode) -> Answer<()>;
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            Err(JournalError::Storage {
                operation: "read",
                detail: error.to_string(),
            })
        })
}

impl Store for Journal {
    fn append(&self, records: Vec<Record>) -> Answer<Committed> {
        let journal = self.clone();
        async move { Journal::append(&journal, records).await }.boxed()
    }

    fn read(&self, from_seq: u64) -> Answer<Vec<Placed>> {
        let journal = self.clone();
        blocking(move || {
            let batch = Journal::read(&journal, from_seq)?.next().transpose()?;
            Ok(placed(batch.unwrap_or_default()))
        })
        .boxed()
    }

    fn read_key(&self, key: String, after_seq: u64) -> Answer<Vec<Placed>> {
        let journal = self.clone();
        async move {
            let limit = u32::try_from(READ_MAX).unwrap_or(u32::MAX);
            let entries = Journal::read_key(&journal, key, after_seq, limit).await?;
            Ok(placed(entries))
        }
        .boxed()
    }

    fn last_seq(&self) -> u64 {
        self.head().map_or(0, |head| head.seq)
    }

    fn last_snapshot(&self) -> Answer<Option<Snapshot>> {
        let journal = self.clone();
        blocking(move || Journal::last_snapshot(&journal)).boxed()
    }

    fn keep_snapshot(&self, seq: u64, encode: Encode) -> Answer<()> {
        let journal = self.clone();
        async move {
            match blocking(|| Ok(encode())).await? {
                Some(payload) => journal.write_snapshot(Snapshot { seq, payload }).await,
                None => Ok(()),
            }
        }
        .boxed()
    }
}

fn placed(entries: Vec<chimera_journal::Entry>) -> Vec<Placed> {
    entries
        .into_iter()
        .map(|entry| Placed {
            seq: entry.seq,
            record: entry.record,
        })
        .collect()
}

/// Keeps records in memory: for simulations that crash a service without a disk. Clones share the
/// records, so that a service started on a clone finds what the crashed one left.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Memory>>,
    count: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Memory {
    records: Vec<Record>,
    snapshot: Option<(u64, Bytes)>,
    fails: bool,
    read_pause: Duration,
    writer: u64,
}

impl MemoryStore {
    /// Returns a store without records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every later append fail, as a full disk does, until told otherwise.
    pub fn fail(&self, fails: bool) {
        self.with(|memory| memory.fails = fails);
    }

    /// Makes every later read of one key take so long, as a busy disk does.
    pub fn read_slowly(&self, pause: Duration) {
        self.with(|memory| memory.read_pause = pause);
    }

    /// Cuts the end off, as a torn tail does: what a crash may take that was never acknowledged.
    pub fn truncate(&self, last_seq: u64) {
        let keep = usize::try_from(last_seq).unwrap_or(usize::MAX);
        self.with(|memory| memory.records.truncate(keep));
    }

    /// Returns a handle for the next process; appends through older handles are lost, as those of a
    /// process that was killed.
    #[must_use]
    pub fn take_over(&self) -> FencedStore {
        let writer = self.with(|memory| {
            memory.writer += 1;
            memory.writer
        });
        FencedStore {
            store: self.clone(),
            writer,
        }
    }

    /// Waits until so many records are kept: from there on a simulation knows to the record where it
    /// crashes a service. Cancel-safe.
    pub async fn holds(&self, records: usize) {
        // The sender lives in this value, so the wait cannot fail.
        let _ = self
            .count
            .subscribe()
            .wait_for(|count| *count >= records)
            .await;
    }

    /// Returns every record.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.with(|memory| memory.records.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        // A panic of another holder leaves whole records: they are only pushed.
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn append_as(&self, writer: Option<u64>, records: Vec<Record>) -> Answer<Committed> {
        let outcome = self.with(|memory| {
            if memory.fails || writer.is_some_and(|writer| writer != memory.writer) {
                return Err(JournalError::Full {
                    operation: "append",
                    detail: "no space left".to_owned(),
                });
            }
            if records.is_empty() {
                return Err(JournalError::Empty);
            }
            if records.len() > MAX_APPEND_RECORDS {
                return Err(JournalError::TooLarge {
                    what: "records",
                    actual: records.len(),
                    limit: MAX_APPEND_RECORDS,
                });
            }
            let first_seq = memory.records.len() as u64 + 1;
            memory.records.extend(records);
            Ok(Committed {
                first_seq,
                last_seq: memory.records.len() as u64,
            })
        });
        if let Ok(committed) = &outcome {
            let count = usize::try_from(committed.last_seq).unwrap_or(usize::MAX);
            self.count.send_replace(count);
        }
        // A commit takes a turn of the scheduler, as it would on a disk.
        async move {
            tokio::task::yield_now().await;
            outcome
        }
        .boxed()
    }
}

/// The store of one process: fenced off once the next takes over.
#[derive(Debug, Clone)]
pub struct FencedStore {
    store: MemoryStore,
    writer: u64,
}

impl Store for MemoryStore {
    fn append(&self, records: Vec<Record>) -> Answer<Committed> {
        self.append_as(None, records)
    }

    fn read(&self, from_seq: u64) -> Answer<Vec<Placed>> {
        let from = usize::try_from(from_seq.max(1) - 1).unwrap_or(usize::MAX);
        let batch = self.with(|memory| {
            let records = memory.records.iter().enumerate().skip(from).take(READ_MAX);
            records.map(place).collect()
        });
        async move { Ok(batch) }.boxed()
    }

    fn read_key(&self, key: String, after_seq: u64) -> Answer<Vec<Placed>> {
        let (batch, pause) = self.with(|memory| {
            let records = memory.records.iter().enumerate().map(place);
            let batch = records
                .filter(|placed| placed.seq > after_seq && placed.record.key == key)
                .take(READ_MAX)
                .collect();
            (batch, memory.read_pause)
        });
        async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Ok(batch)
        }
        .boxed()
    }

    fn last_seq(&self) -> u64 {
        self.with(|memory| memory.records.len() as u64)
    }

    fn last_snapshot(&self) -> Answer<Option<Snapshot>> {
        let snapshot = self.with(|memory| memory.snapshot.clone());
        async move { Ok(snapshot.map(|(seq, payload)| Snapshot { seq, payload })) }.boxed()
    }

    fn keep_snapshot(&self, seq: u64, encode: Encode) -> Answer<()> {
        let snapshot = encode().map(|payload| (seq, payload));
        self.with(|memory| memory.snapshot = snapshot.or(memory.snapshot.take()));
        async { Ok(()) }.boxed()
    }
}

fn place((at, record): (usize, &Record)) -> Placed {
    Placed {
        seq: at as u64 + 1,
        record: record.clone(),
    }
}

impl Store for FencedStore {
    fn append(&self, records: Vec<Record>) -> Answer<Committed> {
        self.store.append_as(Some(self.writer), records)
    }

    fn read(&self, from_seq: u64) -> Answer<Vec<Placed>> {
        self.store.read(from_seq)
    }

    fn read_key(&self, key: String, after_seq: u64) -> Answer<Vec<Placed>> {
        self.store.read_key(key, after_seq)
    }

    fn last_seq(&self) -> u64 {
        self.store.last_seq()
    }

    fn last_snapshot(&self) -> Answer<Option<Snapshot>> {
        self.store.last_snapshot()
    }

    fn keep_snapshot(&self, seq: u64, encode: Encode) -> Answer<()> {
        self.store.keep_snapshot(seq, encode)
    }
}
