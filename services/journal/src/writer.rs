//! The one writer: its thread commits together whatever waits, and acknowledges afterwards. Where
//! nothing waits and no disk is waited for, whoever appends commits in its place.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread;
use std::time::Instant;

use rusqlite::{Connection, params};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::chain::{Anchor, FORMAT, Hash, record_hash};
use crate::checkpoint::{Checkpointer, checkpoint};
use crate::error::{During, JournalError};
use crate::head::HeadFile;
use crate::lock::WriterLock;
use crate::options::Durability;
use crate::record::{Committed, MAX_APPEND_BYTES, MAX_APPEND_RECORDS, Record};
use crate::snapshot::{self, Snapshot};

/// Appends that may wait for the writer. A commit takes as many as fit, so this is one commit's
/// worth of the smallest ones; callers beyond it wait.
pub(crate) const QUEUE_APPENDS: usize = 1024;

type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// What the thread is asked to do.
pub(crate) enum Command {
    Append(Append),
    Snapshot {
        snapshot: Snapshot,
        reply: Reply<()>,
    },
    /// Empties the log, which a commit in the thread's place leaves to it.
    Tend,
    Close {
        reply: Reply<()>,
    },
}

/// Records that belong together, and who waits for them.
pub(crate) struct Append {
    pub(crate) records: Vec<Record>,
    pub(crate) bytes: u64,
    pub(crate) reply: Reply<Committed>,
    /// Gives the memory back when the append is done with.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// What the handles and the threads share.
#[derive(Debug)]
pub(crate) struct State {
    head: Mutex<Option<Anchor>>,
    stop: OnceLock<JournalError>,
    /// Commands that were queued and are not done.
    queued: AtomicUsize,
    pub(crate) metrics: Metrics,
}

impl State {
    pub(crate) fn new(path: &Path, head: Option<Anchor>) -> Self {
        Self {
            head: Mutex::new(head),
            stop: OnceLock::new(),
            queued: AtomicUsize::new(0),
            metrics: Metrics::new(path),
        }
    }

    pub(crate) fn head(&self) -> Option<Anchor> {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_head(&self, head: Anchor) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
    }

    /// Counts a command that is about to be queued.
    pub(crate) fn queue_one(&self) {
        self.queued.fetch_add(1, Ordering::SeqCst);
    }

    fn done(&self, commands: usize) {
        self.queued.fetch_sub(commands, Ordering::SeqCst);
    }

    fn is_idle(&self) -> bool {
        self.queued.load(Ordering::SeqCst) == 0
    }

    /// Returns why nothing may be written any more.
    pub(crate) fn stopped(&self) -> Option<JournalError> {
        self.stop.get().cloned()
    }

    /// Stops the journal for good; the first reason stays.
    pub(crate) fn poison(&self, error: &JournalError) {
        if self
            .stop
            .set(JournalError::Poisoned {
                cause: error.to_string(),
            })
            .is_ok()
        {
            self.metrics.poisoned.set(1);
            tracing::error!(%error, "journal is poisoned, it takes no more records");
        }
    }

    pub(crate) fn close(&self) {
        // A poisoned journal stays poisoned.
        let _ = self.stop.set(JournalError::Closed);
    }
}

/// What the journal tells the operator.
#[derive(Debug)]
pub(crate) struct Metrics {
    records: metrics::Counter,
    commit_seconds: metrics::Histogram,
    batch_records: metrics::Histogram,
    poisoned: metrics::Gauge,
    log_pages: metrics::Gauge,
}

impl Metrics {
    fn new(path: &Path) -> Self {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let labels = [("journal", name)];
        Self {
            records: metrics::counter!("journal_records_total", &labels),
            commit_seconds: metrics::histogram!("journal_commit_seconds", &labels),
            batch_records: metrics::histogram!("journal_batch_records", &labels),
            poisoned: metrics::gauge!("journal_poisoned", &labels),
            log_pages: metrics::gauge!("journal_log_pages", &labels),
        }
    }

    pub(crate) fn log_pages(&self, pages: i64) {
        self.log_pages.set(u32::try_from(pages).unwrap_or(u32::MAX));
    }
}

/// Where the writer is, for its thread and for whoever commits in the thread's place; empty once
/// the journal is closed.
pub(crate) type Seat = Arc<Mutex<Option<Writer>>>;

fn take_seat(seat: &Seat) -> MutexGuard<'_, Option<Writer>> {
    // A panic within a commit leaves its transaction open, so that the next one fails and poisons.
    seat.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Owns the writing connection.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) head_file: HeadFile,
    pub(crate) state: Arc<State>,
    pub(crate) checkpointer: Checkpointer,
    pub(crate) lock: WriterLock,
    pub(crate) durability: Durability,
}

/// Starts the thread; it ends when it is told to, or when the last handle is gone.
pub(crate) fn start(
    seat: Seat,
    state: Arc<State>,
    queue: mpsc::Receiver<Command>,
) -> Result<(), JournalError> {
    thread::Builder::new()
        .name("journal-writer".to_owned())
        .spawn(move || run(&seat, &state, queue))
        .during("start the writer thread")
        .map(drop)
}

fn run(seat: &Seat, state: &State, mut queue: mpsc::Receiver<Command>) {
    let mut put_back = None;
    let closed = loop {
        let command = put_back.take().or_else(|| queue.blocking_recv());
        let mut writer = take_seat(seat);
        let Some(writer) = writer.as_mut() else {
            break None;
        };
        match command {
            None => break None,
            Some(Command::Close { reply }) => break Some(reply),
            Some(Command::Tend) => {
                writer.see_to_log(0);
                state.done(1);
            }
            Some(Command::Snapshot { snapshot, reply }) => {
                let outcome = writer.keep(&snapshot);
                state.done(1);
                // Whoever asked may have gone; the snapshot stands all the same.
                let _ = reply.send(outcome);
            }
            Some(Command::Append(first)) => {
                let (batch, next) = gather(first, &mut queue);
                put_back = next;
                let appends = batch.len();
                writer.write(batch);
                state.done(appends);
            }
        }
    };
    state.close();
    // Appends still queued are refused by their dropped replies.
    drop(queue);
    let writer = take_seat(seat).take();
    if let Some(writer) = writer {
        writer.end();
    }
    if let Some(reply) = closed {
        let _ = reply.send(Ok(()));
    }
}

/// Commits in place of the thread, when nothing waits for it and nobody else writes; hands the
/// records back otherwise.
///
/// Two changes of thread cost more than the commit itself. Only for [`Durability::Os`], where a
/// commit copies a few pages into the system's memory: a sync would hold up the caller's thread.
pub(crate) fn commit_in_place(
    seat: &Seat,
    state: &State,
    queue: &mpsc::Sender<Command>,
    records: Vec<Record>,
    bytes: u64,
) -> Result<Result<Committed, JournalError>, Vec<Record>> {
    let mut writer = match seat.try_lock() {
        Ok(writer) => writer,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return Err(records),
    };
    // Whoever queues from here on waits for the seat, so the order of appends holds.
    let in_place = |writer: &&mut Writer| state.is_idle() && writer.durability == Durability::Os;
    let Some(writer) = writer.as_mut().filter(in_place) else {
        return Err(records);
    };
    let outcome = writer.store(records.iter());
    if outcome.is_ok()
        && !writer.checkpointer.counted(bytes)
        && let Ok(place) = queue.try_reserve()
    {
        state.queue_one();
        place.send(Command::Tend);
    }
    Ok(outcome)
}

impl Writer {
    fn end(self) {
        let Self {
            connection,
            checkpointer,
            lock,
            ..
        } = self;
        drop(checkpointer);
        // What the log still holds is durable already; the next open would read it from there.
        if let Err(error) = checkpoint(&connection, "TRUNCATE") {
            tracing::warn!(%error, "journal log was not emptied at close");
        }
        drop(connection);
        drop(lock);
    }

    fn keep(&mut self, snapshot: &Snapshot) -> Result<(), JournalError> {
        if let Some(stop) = self.state.stopped() {
            return Err(stop);
        }
        let outcome = snapshot::write(&self.connection, snapshot);
        match &outcome {
            Ok(()) => self.see_to_log(snapshot.payload.len() as u64),
            // The caller's mistake; nothing was written.
            Err(JournalError::SnapshotOutside { .. }) => {}
            Err(error) => self.state.poison(error),
        }
        outcome
    }

    fn write(&mut self, batch: Vec<Append>) {
        let stored = self.store(batch.iter().flat_map(|append| &append.records));
        let mut seq = match stored {
            Ok(committed) => committed.first_seq - 1,
            Err(error) => return refuse(batch, &error),
        };
        let mut bytes = 0;
        for append in batch {
            let first_seq = seq + 1;
            seq += append.records.len() as u64;
            bytes += append.bytes;
            // Whoever asked may have gone; the records stand all the same.
            let _ = append.reply.send(Ok(Committed {
                first_seq,
                last_seq: seq,
            }));
            drop(append.permit);
        }
        self.see_to_log(bytes);
    }

    /// Makes records durable, all or none, and moves the head. After a failure the journal is
    /// poisoned.
    fn store<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
    ) -> Result<Committed, JournalError> {
        if let Some(stop) = self.state.stopped() {
            return Err(stop);
        }
        let started = Instant::now();
        let before = self.state.head();
        let head = self
            .commit(records, before)
            .inspect_err(|error| self.state.poison(error))?;
        // The records are durable, so they are acknowledged even if this fails.
        if let Err(error) = self.head_file.write(head) {
            self.state.poison(&error);
        }
        self.state.set_head(head);
        let last = before.map_or(0, |before| before.seq);
        let count = head.seq - last;
        let metrics = &self.state.metrics;
        metrics.records.increment(count);
        metrics
            .batch_records
            .record(u32::try_from(count).unwrap_or(u32::MAX));
        metrics.commit_seconds.record(started.elapsed());
        Ok(Committed {
            first_seq: last + 1,
            last_seq: head.seq,
        })
    }

    fn see_to_log(&mut self, bytes: u64) {
        if let Err(error) = self.checkpointer.committed(&self.connection, bytes) {
            self.state.poison(&error);
        }
    }

    /// Writes records in one transaction and returns the new head.
    fn commit<'a>(
        &self,
        records: impl Iterator<Item = &'a Record>,
        before: Option<Anchor>,
    ) -> Result<Anchor, JournalError> {
        // Prepared once: parsing these two words would take a tenth of the commit.
        let step = |sql: &str| self.connection.prepare_cached(sql)?.execute([]);
        step("BEGIN IMMEDIATE").during("begin")?;
        let committed = self.insert(records, before).and_then(|head| {
            step("COMMIT").during(match self.durability {
                Durability::Full => "commit and sync",
                Durability::Os => "commit",
            })?;
            Ok(head)
        });
        if committed.is_err() && !self.connection.is_autocommit() {
            // The journal is poisoned either way; open again, it finds nothing of this.
            let _ = step("ROLLBACK");
        }
        committed
    }

    fn insert<'a>(
        &self,
        records: impl Iterator<Item = &'a Record>,
        before: Option<Anchor>,
    ) -> Result<Anchor, JournalError> {
        let mut head = before.unwrap_or(Anchor {
            seq: 0,
            hash: Hash::GENESIS,
        });
        let mut insert = self
            .connection
            .prepare_cached(
                "INSERT INTO records
                 (seq, format, kind, key, recorded_time_ns, payload, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .during("append")?;
        for record in records {
            let seq = head.seq + 1;
            let hash = record_hash(FORMAT, seq, head.hash, record).ok_or(
                // `FORMAT` is always among the formats known.
                JournalError::Storage {
                    operation: "append",
                    detail: "unknown format".to_owned(),
                },
            )?;
            insert
                .execute(params![
                    i64::try_from(seq).unwrap_or(i64::MAX),
                    FORMAT,
                    record.kind,
                    record.key,
                    record.recorded_time_ns,
                    &record.payload[..],
                    hash.as_bytes(),
                ])
                .during("append")?;
            head = Anchor { seq, hash };
        }
        Ok(head)
    }
}

/// Takes what waits behind the first append, up to one commit's worth, and hands back a command of
/// another kind that it met.
fn gather(first: Append, queue: &mut mpsc::Receiver<Command>) -> (Vec<Append>, Option<Command>) {
    let mut records = first.records.len();
    let mut bytes = first.bytes;
    let mut batch = vec![first];
    while records < MAX_APPEND_RECORDS && bytes < MAX_APPEND_BYTES as u64 {
        match queue.try_recv() {
            Ok(Command::Append(append)) => {
                records += append.records.len();
                bytes += append.bytes;
                batch.push(append);
            }
            Ok(other) => return (batch, Some(other)),
            Err(_) => break,
        }
    }
    (batch, None)
}

fn refuse(batch: Vec<Append>, error: &JournalError) {
    for append in batch {
        // Whoever asked may have gone.
        let _ = append.reply.send(Err(error.clone()));
    }
}
