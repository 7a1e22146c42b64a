//! One stream of reports an account, from both channels, to any number of readers.
//!
//! Never drops an event for a reader that is still on: a reader that is too slow is taken off, gets
//! what was queued for it, and is told so. Publishing never waits (F90): the socket's reader calls
//! it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chimera_contracts::connector::v1::account_event::Event;
use tokio::sync::mpsc;

use crate::metrics;

#[cfg(test)]
mod tests;

/// Events that may wait for one reader. A burst at a venue is a few hundred events; a reader that
/// is 4,096 behind does not follow at all. At some 400 bytes an event this bounds a reader to 2 MB.
pub(crate) const QUEUE_MAX: usize = 4_096;

/// Readers of one account: order, position and a few tools. More is a leak somewhere.
pub(crate) const READERS_MAX: usize = 64;

/// One report with its place in the stream.
#[derive(Debug)]
pub(crate) struct Entry {
    pub seq: u64,
    pub event: Event,
}

/// Why a reader gets nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It was too slow.
    Slow,
    /// The stream is over.
    Closed,
}

const RUNNING: u8 = 0;
const SLOW: u8 = 1;

/// Publishes the events of one account.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seq: u64,
    generation: u64,
    closed: bool,
    readers: Vec<Outlet>,
}

#[derive(Debug)]
struct Outlet {
    queue: mpsc::Sender<Arc<Entry>>,
    end: Arc<AtomicU8>,
}

/// Reads the events of one account, from the moment it was made. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Reader {
    queue: mpsc::Receiver<Arc<Entry>>,
    end: Arc<AtomicU8>,
}

/// As many readers as are allowed are reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyReaders;

impl Hub {
    /// Gives every reader the event.
    pub(crate) fn publish(&self, event: Event) {
        self.lock().publish(event);
    }

    /// Gives every reader an event of one connection, unless a newer one counts (F103); returns
    /// whether it passed.
    pub(crate) fn publish_from(&self, generation: u64, event: Event) -> bool {
        let mut state = self.lock();
        let current = state.generation == generation;
        if current {
            state.publish(event);
        }
        current
    }

    /// Lets events of the connection `generation` pass from now on, and of no older one.
    pub(crate) fn advance(&self, generation: u64) {
        let mut state = self.lock();
        state.generation = state.generation.max(generation);
    }

    /// Returns a reader of all events after the sequence returned with it. `snapshot` is taken at
    /// exactly that point: no event falls between the two.
    pub(crate) fn subscribe<S>(
        &self,
        snapshot: impl FnOnce() -> S,
    ) -> Result<(u64, S, Reader), TooManyReaders> {
        let mut state = self.lock();
        state.readers.retain(|reader| !reader.queue.is_closed());
        if state.readers.len() >= READERS_MAX {
            return Err(TooManyReaders);
        }
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let end = Arc::new(AtomicU8::new(RUNNING));
        if !state.closed {
            state.readers.push(Outlet {
                queue: sender,
                end: end.clone(),
            });
        }
        Ok((state.seq, snapshot(), Reader { queue, end }))
    }

    /// Ends the stream: readers get what is queued for them, then [`End::Closed`].
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.readers.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves the state half changed, whatever panics elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn publish(&mut self, event: Event) {
        self.seq += 1;
        let entry = Arc::new(Entry {
            seq: self.seq,
            event,
        });
        self.readers
            .retain(|reader| match reader.queue.try_send(entry.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    reader.end.store(SLOW, Ordering::Release);
                    metrics::slow_reader();
                    false
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            });
    }
}

impl Reader {
    /// Waits for the next event. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Arc<Entry>, End> {
        match self.queue.recv().await {
            Some(entry) => Ok(entry),
            None if self.end.load(Ordering::Acquire) == SLOW => Err(End::Slow),
            None => Err(End::Closed),
        }
    }
}
