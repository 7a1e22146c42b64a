//! Bringing a book to life: buffer first, then fetch, then splice (F81).

use std::collections::VecDeque;

use super::ladder::Level;
use super::order_book::{
    BookState, Delta, DeltaOutcome, OrderBook, SequenceRule, Snapshot, StaleReason,
};
use crate::ids::UnixNanos;

/// Deltas kept while a snapshot is fetched: 100 s at ten a second, past any fetch's deadline.
pub const BUFFERED_DELTAS_MAX: usize = 1_000;

/// What a step of the synchronisation asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncOutcome {
    /// The book changed and is live.
    Updated,
    /// The delta is kept until a snapshot comes.
    Buffered,
    /// Nothing changed: the delta was already held.
    Unchanged,
    /// A snapshot is to be fetched; deltas are buffered from now on. The book is stale.
    NeedSnapshot(StaleReason),
}

/// A delta that waits for a snapshot.
#[derive(Debug, Clone)]
struct Held {
    first_update_id: u64,
    last_update_id: u64,
    previous_update_id: Option<u64>,
    bids: Vec<Level>,
    asks: Vec<Level>,
    venue_time: Option<UnixNanos>,
}

/// A book and the deltas that came before its snapshot.
#[derive(Debug, Clone)]
pub struct BookSync {
    book: OrderBook,
    buffer: VecDeque<Held>,
}

impl BookSync {
    /// Makes an empty book that waits for its first delta and snapshot.
    #[must_use]
    pub const fn new(rule: SequenceRule, crossed_grace: u32) -> Self {
        Self {
            book: OrderBook::new(rule, crossed_grace),
            buffer: VecDeque::new(),
        }
    }

    /// Returns the book, live or stale.
    #[must_use]
    pub const fn book(&self) -> &OrderBook {
        &self.book
    }

    /// Returns how many deltas wait for a snapshot.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the next delta of the stream.
    pub fn on_delta(&mut self, delta: &Delta<'_>) -> SyncOutcome {
        if let BookState::Stale(_) = self.book.state() {
            return self.hold(delta);
        }
        match self.book.apply_delta(delta) {
            DeltaOutcome::Applied => SyncOutcome::Updated,
            DeltaOutcome::Old => SyncOutcome::Unchanged,
            DeltaOutcome::Stale(reason) => {
                // The delta that broke the chain is the first that the next snapshot must cover.
                self.buffer.clear();
                if reason != StaleReason::Malformed {
                    self.hold(delta);
                }
                SyncOutcome::NeedSnapshot(reason)
            }
        }
    }

    /// Takes a snapshot, then the deltas that waited for it.
    pub fn on_snapshot(&mut self, snapshot: &Snapshot<'_>) -> SyncOutcome {
        if let BookState::Stale(reason) = self.book.apply_snapshot(snapshot) {
            return SyncOutcome::NeedSnapshot(reason);
        }
        while let Some(held) = self.buffer.pop_front() {
            match self.book.apply_delta(&held.as_delta()) {
                DeltaOutcome::Applied | DeltaOutcome::Old => {}
                DeltaOutcome::Stale(reason) => return self.retry(held, reason),
            }
        }
        SyncOutcome::Updated
    }

    /// Calls the book stale and forgets the deltas: those of another connection prove nothing.
    pub fn reset(&mut self, reason: StaleReason) {
        self.buffer.clear();
        self.book.invalidate(reason);
    }

    fn hold(&mut self, delta: &Delta<'_>) -> SyncOutcome {
        if self.buffer.len() >= BUFFERED_DELTAS_MAX {
            // The oldest are the ones a snapshot still to come is most likely to hold already.
            self.buffer.pop_front();
            self.buffer.push_back(Held::from(delta));
            return SyncOutcome::NeedSnapshot(StaleReason::BufferFull);
        }
        self.buffer.push_back(Held::from(delta));
        SyncOutcome::Buffered
    }

    /// The buffer does not join the snapshot: keeps what is still a chain and asks again.
    fn retry(&mut self, held: Held, reason: StaleReason) -> SyncOutcome {
        self.buffer.push_front(held);
        let reason = match reason {
            StaleReason::Gap { .. } => StaleReason::SnapshotTooOld,
            StaleReason::Malformed => {
                self.buffer.clear();
                reason
            }
            other => other,
        };
        self.book.invalidate(reason);
        SyncOutcome::NeedSnapshot(reason)
    }
}

impl From<&Delta<'_>> for Held {
    fn from(delta: &Delta<'_>) -> Self {
        Self {
            first_update_id: delta.first_update_id,
            last_update_id: delta.last_update_id,
            previous_update_id: delta.previous_update_id,
            bids: delta.bids.to_vec(),
            asks: delta.asks.to_vec(),
            venue_time: delta.venue_time,
        }
    }
}

impl Held {
    fn as_delta(&self) -> Delta<'_> {
        Delta {
            first_update_id: self.first_update_id,
            last_update_id: self.last_update_id,
            previous_update_id: self.previous_update_id,
            bids: &self.bids,
            asks: &self.asks,
            venue_time: self.venue_time,
        }
    }
}
