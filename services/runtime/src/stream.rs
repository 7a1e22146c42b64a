//! Streams that promise every event: bounded queues that end a reader who is too slow instead of
//! dropping, growing or waiting (F128), and tokens by which a reader goes on where it ended.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::mpsc::{self, error::TrySendError};
use tonic::Code;

use crate::fault::{Fault, FieldViolation};
use crate::token::TokenKey;

#[cfg(test)]
mod tests;

const PURPOSE: &str = "resume";

/// Why a stream ended in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server is draining.
    Draining,
    /// The reader was too slow; it can resume.
    SlowReader,
    /// The state behind the stream was rebuilt; begin with a snapshot.
    EpochChanged,
}

/// What a reader gets next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// The next event.
    Event(T),
    /// Nothing more comes, for this reason. Every event before it was delivered.
    End(End),
}

/// Passes every event to every reader, each through a bounded queue of its own. Clones are the
/// same.
///
/// Publishing never waits. Events are cloned for each reader: put large ones behind an `Arc`.
#[derive(Debug)]
pub struct Fanout<T> {
    readers: Arc<Mutex<Readers<T>>>,
    queue_max: usize,
    readers_max: usize,
}

#[derive(Debug)]
struct Readers<T> {
    open: Vec<Reader<T>>,
    /// Set once everything has ended; later readers end at once.
    ended: Option<End>,
}

#[derive(Debug)]
struct Reader<T> {
    queue: mpsc::Sender<T>,
    end: Arc<OnceLock<End>>,
}

impl<T> Clone for Fanout<T> {
    fn clone(&self) -> Self {
        Self {
            readers: self.readers.clone(),
            ..*self
        }
    }
}

impl<T: Clone> Fanout<T> {
    /// Returns a fan-out to at most `readers_max` readers, each of which may be `queue_max` events
    /// behind.
    pub fn new(queue_max: usize, readers_max: usize) -> Self {
        let readers = Readers {
            open: Vec::new(),
            ended: None,
        };
        Self {
            readers: Arc::new(Mutex::new(readers)),
            queue_max,
            readers_max,
        }
    }

    /// Returns a reader of every event from now on.
    pub fn subscribe(&self) -> Result<Subscription<T>, SubscriptionLimit> {
        let (queue, events) = mpsc::channel(self.queue_max);
        let end = Arc::new(OnceLock::new());
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.open.retain(|reader| !reader.queue.is_closed());
        match readers.ended {
            Some(ended) => {
                // The lock is new, so it can only be empty.
                let _ = end.set(ended);
            }
            None if readers.open.len() >= self.readers_max => {
                return Err(SubscriptionLimit {
                    limit: self.readers_max,
                });
            }
            None => readers.open.push(Reader {
                queue,
                end: end.clone(),
            }),
        }
        Ok(Subscription { events, end })
    }

    /// Passes `event` to every reader. A reader whose queue is full is ended: it gets what is in
    /// its queue and then [`End::SlowReader`].
    pub fn publish(&self, event: &T) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers
            .open
            .retain(|reader| match reader.queue.try_send(event.clone()) {
                Ok(()) => true,
                Err(TrySendError::Closed(_)) => false,
                Err(TrySendError::Full(_)) => {
                    // Ended once only: the reader leaves the list with this.
                    let _ = reader.end.set(End::SlowReader);
                    metrics::counter!("slow_readers_ended_total").increment(1);
                    false
                }
            });
    }

    /// Ends every reader, now and in future, for `reason`; each still gets what is in its queue.
    pub fn end(&self, reason: End) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.ended.get_or_insert(reason);
        for reader in readers.open.drain(..) {
            // Ended once only: the reader leaves the list with this.
            let _ = reader.end.set(reason);
        }
    }

    /// Returns how many readers there are.
    pub fn readers(&self) -> usize {
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers
            .open
            .iter()
            .filter(|reader| !reader.queue.is_closed())
            .count()
    }
}

/// One reader's side of a [`Fanout`]. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription<T> {
    events: mpsc::Receiver<T>,
    end: Arc<OnceLock<End>>,
}

impl<T> Subscription<T> {
    /// Returns the next event, or why none comes any more. Cancel-safe: no event is lost.
    pub async fn next(&mut self) -> Next<T> {
        match self.events.recv().await {
            Some(event) => Next::Event(event),
            // Without a reason, whoever published is gone: the server is ending.
            None => Next::End(self.end.get().copied().unwrap_or(End::Draining)),
        }
    }
}

/// As many readers as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are as many readers as there may be: {limit}")]
pub struct SubscriptionLimit {
    /// How many there may be.
    pub limit: usize,
}

impl Fault for SubscriptionLimit {
    fn code(&self) -> Code {
        Code::ResourceExhausted
    }

    fn reason(&self) -> &'static str {
        "SUBSCRIPTION_LIMIT"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("limit", self.limit.to_string())]
    }
}

/// Names one life of a server's state: sequences of different epochs cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// Returns an epoch that never was.
    pub fn random() -> Self {
        Self(crate::chance::random())
    }

    /// Returns the epoch of that number, for state that outlives the process.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// Issues and reads the tokens by which a reader goes on where its stream ended.
#[derive(Clone, Debug)]
pub struct ResumeTokens {
    key: TokenKey,
}

impl ResumeTokens {
    /// Returns tokens under `key`, which must outlive the process if the streams' history does.
    pub fn new(key: TokenKey) -> Self {
        Self { key }
    }

    /// Returns the token that goes on behind `seq`. `scope` is what the reader may see, e.g. its
    /// account and filter: the token is good for nothing else (H31).
    pub fn issue(&self, scope: &[u8], epoch: Epoch, seq: u64) -> String {
        let payload = [epoch.0.to_be_bytes(), seq.to_be_bytes()].concat();
        self.key.seal(PURPOSE, scope, &payload)
    }

    /// Returns the sequence behind which a reader goes on.
    pub fn read(&self, scope: &[u8], epoch: Epoch, token: &str) -> Result<u64, ResumeError> {
        let payload = self
            .key
            .open(PURPOSE, scope, token)
            .ok_or(ResumeError::Invalid)?;
        let (of_epoch, seq) = payload.split_at_checked(8).ok_or(ResumeError::Invalid)?;
        let seq = seq.try_into().map_err(|_| ResumeError::Invalid)?;
        match of_epoch == epoch.0.to_be_bytes() {
            true => Ok(u64::from_be_bytes(seq)),
            false => Err(ResumeError::Expired),
        }
    }
}

/// A resume token that leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// This service did not issue it, or not for this stream.
    #[error("resume_token was not issued by this service for this stream")]
    Invalid,
    /// Its epoch is over, or what came behind it is no longer kept.
    #[error("resume_token leads to history that is no longer kept; begin with a snapshot")]
    Expired,
}

impl Fault for ResumeError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid => Code::InvalidArgument,
            Self::Expired => Code::OutOfRange,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid => "INVALID_RESUME_TOKEN",
            Self::Expired => "RESUME_EXPIRED",
        }
    }

    fn fields(&self) -> Vec<FieldViolation> {
        let valid = "empty, or the last resume_token of this stream";
        vec![FieldViolation::new("resume_token", valid)]
    }
}
