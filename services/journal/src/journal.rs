//! The handle.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use rusqlite::Connection;
use tokio::sync::{Mutex as AsyncMutex, Semaphore, mpsc, oneshot};

use crate::chain::Anchor;
use crate::checkpoint::Checkpointer;
use crate::error::JournalError;
use crate::lock::{WriterLock, canonical};
use crate::options::Options;
use crate::read::{self, Reader};
use crate::record::{Committed, Entry, MAX_APPEND_BYTES, Record, weigh};
use crate::recovery::{Recovery, recover};
use crate::schema;
use crate::snapshot::{self, MAX_SNAPSHOT_BYTES, Snapshot};
use crate::writer::{self, Append, Command, QUEUE_APPENDS, Seat, State, Writer};

/// Memory that queued records may take together: a few of the largest appends, or a full queue of
/// usual ones many times over. Callers beyond it wait.
const QUEUE_BYTES: usize = 4 * MAX_APPEND_BYTES;

/// The connection for look-ups by key, which go one by one: opening a connection costs more than the
/// reading, and a hundred at once would each hold a thread, with the memory that the allocator keeps
/// for it, long after.
#[derive(Debug, Default)]
enum LookUp {
    /// None was opened yet.
    #[default]
    Unopened,
    /// It waits for the next look-up.
    Open(Connection),
    /// The journal is closed: a connection that stays would keep the log from being removed.
    Over,
}

/// An open journal: a cheap handle to the one writer.
///
/// When the last handle goes, what was queued is still written, behind the dropper's back;
/// [`Journal::close`] waits for it.
#[derive(Clone, Debug)]
pub struct Journal {
    path: Arc<PathBuf>,
    /// Before the queue, whose end closes the journal: it goes first.
    look_up: Arc<AsyncMutex<LookUp>>,
    seat: Seat,
    queue: mpsc::Sender<Command>,
    memory: Arc<Semaphore>,
    state: Arc<State>,
}

impl Journal {
    /// Opens the journal at `path` for writing, makes it when there is none, repairs a torn tail
    /// and tells what it found.
    ///
    /// Blocks on the disk. Refuses with [`JournalError::Locked`] while another writer has it open,
    /// in this process or another.
    pub fn open(
        path: impl AsRef<Path>,
        options: Options,
    ) -> Result<(Self, Recovery), JournalError> {
        let path = canonical(path.as_ref())?;
        let lock = WriterLock::take(&path)?;
        let connection = schema::open_writer(&path, &options)?;
        let (recovery, head_file) = recover(&connection, &path, &options)?;
        let state = Arc::new(State::new(&path, recovery.head));
        let durability = options.durability;
        let checkpointer = Checkpointer::start(&path, durability, Arc::clone(&state))?;
        let writer = Writer {
            connection,
            head_file,
            state: Arc::clone(&state),
            checkpointer,
            lock,
            durability,
        };
        let (queue, commands) = mpsc::channel(QUEUE_APPENDS);
        let seat = Arc::new(Mutex::new(Some(writer)));
        writer::start(Arc::clone(&seat), Arc::clone(&state), commands)?;
        let memory = Arc::new(Semaphore::new(QUEUE_BYTES));
        Ok((
            Self {
                path: Arc::new(path),
                look_up: Arc::default(),
                seat,
                queue,
                memory,
                state,
            },
            recovery,
        ))
    }

    /// Appends records, all or none, one after the other, and resolves when they are durable under
    /// the journal's [`crate::Durability`].
    ///
    /// Dropped before they are queued, nothing is written; dropped later, they are written all the
    /// same. After [`JournalError::Storage`] or [`JournalError::Full`] it is not known whether they
    /// are kept, and the journal is poisoned.
    ///
    /// Where nothing waits before them and no disk is waited for, the calling thread commits.
    pub async fn append(&self, records: Vec<Record>) -> Result<Committed, JournalError> {
        let bytes = weigh(&records)?.into();
        let (seat, state) = (&self.seat, &self.state);
        match writer::commit_in_place(seat, state, &self.queue, records, bytes) {
            Ok(outcome) => outcome,
            Err(records) => self.submit(records).await?.await,
        }
    }

    /// Queues records and returns without waiting for the commit; appends are committed in the
    /// order in which their submission returned.
    ///
    /// Waits while the queue is full. Cancel-safe: dropped, nothing was queued.
    pub async fn submit(&self, records: Vec<Record>) -> Result<Pending, JournalError> {
        let weight = weigh(&records)?;
        if let Some(stop) = self.state.stopped() {
            return Err(stop);
        }
        let memory = Arc::clone(&self.memory);
        let permit = memory
            .acquire_many_owned(weight)
            .await
            .map_err(|_| self.gone())?;
        let (reply, outcome) = oneshot::channel();
        let append = Append {
            records,
            bytes: u64::from(weight),
            reply,
            permit,
        };
        self.send(Command::Append(append)).await?;
        Ok(Pending {
            outcome,
            state: Arc::clone(&self.state),
        })
    }

    /// Returns the last commit's place in the chain, none while the journal is empty. Kept
    /// elsewhere, it proves later that nothing was cut or rewritten.
    pub fn head(&self) -> Option<Anchor> {
        self.state.head()
    }

    /// Returns why the journal takes no more records: poisoned, or closed.
    pub fn stopped(&self) -> Option<JournalError> {
        self.state.stopped()
    }

    /// Returns a reader of the records from `from_seq` on. Blocks on the disk, as the reader does.
    pub fn read(&self, from_seq: u64) -> Result<Reader, JournalError> {
        Reader::open(&self.path, from_seq)
    }

    /// Returns up to `limit` (at most 1000) records of a key after a sequence number, in order.
    /// Goes to a blocking thread of the runtime.
    pub async fn read_key(
        &self,
        key: impl Into<String>,
        after_seq: u64,
        limit: u32,
    ) -> Result<Vec<Entry>, JournalError> {
        let (path, key) = (self.path.clone(), key.into());
        let mut look_up = self.look_up.clone().lock_owned().await;
        blocking(move || {
            if matches!(*look_up, LookUp::Unopened) {
                *look_up = LookUp::Open(schema::open_reader(&path)?);
            }
            match &*look_up {
                LookUp::Open(connection) => read::by_key(connection, &key, after_seq, limit),
                _ => read::by_key(&schema::open_reader(&path)?, &key, after_seq, limit),
            }
        })
        .await
    }

    /// Keeps the owner's state as it is after the record `snapshot.seq`, durable like an append.
    /// Appends wait meanwhile. The last two snapshots are kept.
    pub async fn write_snapshot(&self, snapshot: Snapshot) -> Result<(), JournalError> {
        let actual = snapshot.payload.len();
        if actual > MAX_SNAPSHOT_BYTES {
            let limit = MAX_SNAPSHOT_BYTES;
            return Err(JournalError::TooLarge {
                what: "snapshot",
                actual,
                limit,
            });
        }
        self.ask(|reply| Command::Snapshot { snapshot, reply })
            .await
    }

    /// Returns the last snapshot that is sound and belongs to this history; reading goes on after
    /// it. Blocks on the disk.
    pub fn last_snapshot(&self) -> Result<Option<Snapshot>, JournalError> {
        snapshot::last(&schema::open_reader(&self.path)?)
    }

    /// Writes what is queued, stops the writer, and lets the next one open the journal.
    ///
    /// Later appends through any handle are refused with [`JournalError::Closed`].
    pub async fn close(&self) -> Result<(), JournalError> {
        *self.look_up.lock().await = LookUp::Over;
        self.ask(|reply| Command::Close { reply }).await
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), JournalError>>) -> Command,
    ) -> Result<(), JournalError> {
        let (reply, outcome) = oneshot::channel();
        self.send(command(reply)).await?;
        outcome.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Queues a command. Cancel-safe: what is counted is queued.
    async fn send(&self, command: Command) -> Result<(), JournalError> {
        let place = self.queue.reserve().await.map_err(|_| self.gone())?;
        self.state.queue_one();
        place.send(command);
        Ok(())
    }

    fn gone(&self) -> JournalError {
        gone(&self.state)
    }
}

/// Records that are queued; resolves when they are durable. Dropped, they are written all the same.
#[derive(Debug)]
#[must_use = "records are not durable before this resolves"]
pub struct Pending {
    outcome: oneshot::Receiver<Result<Committed, JournalError>>,
    state: Arc<State>,
}

impl Future for Pending {
    type Output = Result<Committed, JournalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome)
            .poll(context)
            .map(|outcome| outcome.unwrap_or_else(|_| Err(gone(&self.state))))
    }
}

/// Returns why nobody answers.
fn gone(state: &State) -> JournalError {
    state.stopped().unwrap_or_else(|| {
        let error = JournalError::Storage {
            operation: "append",
            detail: "the writer thread ended".to_owned(),
        };
        state.poison(&error);
        error
    })
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
