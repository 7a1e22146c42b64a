//! Changes, kept for a while and given to every reader whose filter they match.
//!
//! A reader never misses a change: one that is too slow is taken off, gets what was queued for it,
//! and continues with a token. Publishing never waits.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chimera_contracts::position::v1::position_change::Change as Body;
use chimera_model::{Account, Venue};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::error::PositionError;
use crate::metrics;

#[cfg(test)]
mod tests;

/// Which accounts and venues are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Filter {
    pub account: Option<Account>,
    pub venue: Option<Venue>,
}

impl Filter {
    pub(crate) fn matches(&self, account: Account, venue: Venue) -> bool {
        self.account.is_none_or(|wanted| wanted == account)
            && self.venue.is_none_or(|wanted| wanted == venue)
    }
}

/// One change with its place.
#[derive(Debug)]
pub(crate) struct Change {
    pub seq: u64,
    pub account: Account,
    pub venue: Venue,
    pub body: Body,
}

/// What a reader gets.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Change(Arc<Change>),
    /// Nothing else was for a while.
    Heartbeat {
        seq: u64,
        staleness: Option<Duration>,
    },
}

/// Why a reader gets nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It was too slow.
    Slow,
    /// The server ends.
    Draining,
}

/// The reading end. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Reader {
    queue: mpsc::Receiver<Item>,
    end: Arc<OnceLock<End>>,
}

impl Reader {
    /// Waits for the next item; none when the reader was ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Item> {
        self.queue.recv().await
    }

    /// Returns why it was ended.
    pub(crate) fn end(&self) -> End {
        self.end.get().copied().unwrap_or(End::Draining)
    }
}

#[derive(Debug)]
struct Outlet {
    filter: Filter,
    queue: mpsc::Sender<Item>,
    end: Arc<OnceLock<End>>,
    last_sent: Instant,
}

impl Outlet {
    /// Returns whether the reader is still on.
    fn send(&mut self, item: Item, now: Instant) -> bool {
        match self.queue.try_send(item) {
            Ok(()) => {
                self.last_sent = now;
                true
            }
            Err(mpsc::error::TrySendError::Full(_)) => {
                // It was not ended before: an ended outlet is not kept.
                let _ = self.end.set(End::Slow);
                metrics::slow_reader();
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

/// The bounds of a hub.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub changes_kept: usize,
    pub reader_queue: usize,
    pub readers_max: usize,
}

/// Publishes changes.
#[derive(Debug)]
pub(crate) struct Hub {
    bounds: Bounds,
    seq: u64,
    kept: VecDeque<Arc<Change>>,
    readers: Vec<Outlet>,
}

impl Hub {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            seq: 0,
            kept: VecDeque::new(),
            readers: Vec::new(),
        }
    }

    /// Returns the sequence of the last change.
    pub(crate) const fn seq(&self) -> u64 {
        self.seq
    }

    /// Gives the change of the next sequence to every reader it matches.
    pub(crate) fn publish(&mut self, account: Account, venue: Venue, body: Body, now: Instant) {
        self.seq += 1;
        let change = Arc::new(Change {
            seq: self.seq,
            account,
            venue,
            body,
        });
        if self.kept.len() == self.bounds.changes_kept {
            self.kept.pop_front();
        }
        self.kept.push_back(change.clone());
        self.readers.retain_mut(|reader| {
            !reader.filter.matches(account, venue) || reader.send(Item::Change(change.clone()), now)
        });
    }

    /// Sends a heartbeat to every reader that got nothing since `interval`.
    pub(crate) fn beat(
        &mut self,
        now: Instant,
        interval: Duration,
        staleness: impl Fn(&Filter) -> Option<Duration>,
    ) {
        let seq = self.seq;
        self.readers.retain_mut(|reader| {
            if now.saturating_duration_since(reader.last_sent) < interval {
                return !reader.queue.is_closed();
            }
            let staleness = staleness(&reader.filter);
            reader.send(Item::Heartbeat { seq, staleness }, now)
        });
        metrics::readers(self.readers.len());
    }

    /// Returns the changes after `seq` that match, if all of them are still kept.
    pub(crate) fn after(
        &self,
        seq: u64,
        filter: &Filter,
    ) -> Result<Vec<Arc<Change>>, PositionError> {
        let oldest_needed = seq + 1;
        let oldest_kept = self.kept.front().map_or(self.seq + 1, |change| change.seq);
        if seq > self.seq || oldest_needed < oldest_kept {
            return Err(PositionError::ResumeExpired);
        }
        let matching = self
            .kept
            .iter()
            .filter(|change| change.seq > seq && filter.matches(change.account, change.venue));
        Ok(matching.cloned().collect())
    }

    /// Returns a reader of every change from now on.
    pub(crate) fn subscribe(
        &mut self,
        filter: Filter,
        now: Instant,
    ) -> Result<Reader, PositionError> {
        self.readers.retain(|reader| !reader.queue.is_closed());
        let limit = self.bounds.readers_max;
        if self.readers.len() >= limit {
            return Err(PositionError::TooManyReaders { limit });
        }
        let (sender, queue) = mpsc::channel(self.bounds.reader_queue);
        let end = Arc::new(OnceLock::new());
        self.readers.push(Outlet {
            filter,
            queue: sender,
            end: end.clone(),
            last_sent: now,
        });
        metrics::readers(self.readers.len());
        Ok(Reader { queue, end })
    }

    /// Ends every reader: it gets what is queued for it, then learns that the server ends.
    pub(crate) fn drain(&mut self) {
        for reader in self.readers.drain(..) {
            // It was not ended before: an ended outlet is not kept.
            let _ = reader.end.set(End::Draining);
        }
        metrics::readers(0);
    }
}
