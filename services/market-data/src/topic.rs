//! One thing that can be watched: its state, the ring of its last changes, and who follows it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chimera_model::market::BarInterval;
use chimera_model::{Symbol, Venue};
use tokio::{sync::Notify, time::Instant};

#[cfg(test)]
mod tests;

/// Changes kept for readers that are behind, however old. At a busy book's 100 changes a second this
/// is five seconds, longer than any healthy reader sleeps; a reader further behind gets a snapshot,
/// which is cheaper for both than what it missed.
pub const RING: usize = 512;
/// A busier topic keeps what came within this: a reader may pause as long, whatever the rate.
const RING_AGE: Duration = Duration::from_secs(1);
/// Changes kept at most: trades of 16,000 a second, in about 2 MB.
pub const RING_MAX: usize = 16_384;

/// What of an instrument is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Best bid and ask and the last price; the newest alone counts.
    Ticker,
    /// The order book.
    Book,
    /// Public trades.
    Trades,
    /// Bars of one interval, built from the trades.
    Bars(BarInterval),
}

impl Kind {
    /// Returns the word for it in acks and logs.
    pub fn word(self) -> String {
        match self {
            Self::Ticker => "ticker".to_owned(),
            Self::Book => "book".to_owned(),
            Self::Trades => "trades".to_owned(),
            Self::Bars(interval) => format!("bars/{}", interval.as_str()),
        }
    }
}

/// Names a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The venue.
    pub venue: Venue,
    /// The canonical symbol.
    pub symbol: Symbol,
    /// What of it.
    pub kind: Kind,
}

impl Key {
    /// Returns the key as clients see it, e.g. `binance-usdm/SOL-USDT-PERP/book`.
    pub fn text(&self) -> String {
        format!("{}/{}/{}", self.venue, self.symbol, self.kind.word())
    }
}

/// A change, encoded once as an element of a `MarketUpdates` message.
#[derive(Clone, Debug)]
pub struct Change {
    /// This change's sequence in the topic.
    pub seq: u64,
    /// The element, tag and length included.
    pub bytes: Bytes,
    /// When it was published.
    at: Instant,
}

/// Whoever follows topics: which of them changed since it last looked.
#[derive(Debug, Default)]
pub struct Wake {
    dirty: Mutex<Vec<usize>>,
    notify: Notify,
}

impl Wake {
    /// Takes the slots that changed, each once.
    pub fn take(&self) -> Vec<usize> {
        std::mem::take(&mut *lock(&self.dirty))
    }

    /// Waits until a slot changed. Cancel-safe: what changed meanwhile is still taken.
    pub async fn changed(&self) {
        self.notify.notified().await;
    }

    fn mark(&self, slot: usize) {
        // Each slot is marked once until its owner looks, so this list is bounded by its topics.
        lock(&self.dirty).push(slot);
        self.notify.notify_one();
    }
}

/// A follower's seat in a topic.
#[derive(Debug)]
struct Follower {
    id: u64,
    wake: Arc<Wake>,
    slot: usize,
    marked: bool,
}

/// What a follower gets when it looks.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Changes after the cursor, oldest first.
    Changes(Vec<Bytes>),
    /// The cursor fell out of the ring.
    Behind {
        /// The first change missed.
        from_seq: u64,
        /// The last change missed.
        to_seq: u64,
    },
}

/// A state that can be shown whole.
pub trait Snapshot: Send + 'static {
    /// Whether only the newest change counts, so that a reader takes the snapshot instead of the ring.
    const NEWEST_ONLY: bool;

    /// Whether the snapshot makes good what a reader missed; if not, the reader goes on with the oldest
    /// change that is kept.
    const MAKES_GOOD: bool;

    /// Returns the state as an encoded element, or `None` while there is nothing to show.
    fn snapshot(&self, seq: u64, depth: usize) -> Option<Bytes>;
}

/// What a reader needs of any topic.
pub trait Followed: Send + Sync {
    /// See [`Topic::follow`].
    fn follow(&self, wake: Arc<Wake>, slot: usize) -> u64;
    /// See [`Topic::leave`].
    fn leave(&self, id: u64);
    /// Returns what came after `cursor`; where only the newest counts, that alone.
    fn read(&self, id: u64, cursor: &mut u64) -> Read;
    /// Returns what a reader that fell behind goes on with.
    fn make_good(&self, id: u64, depth: usize, cursor: &mut u64) -> Vec<Bytes>;
    /// Returns the state whole, and moves the cursor to it.
    fn show(&self, depth: usize, cursor: &mut u64) -> Option<Bytes>;
    /// See [`Topic::key`].
    fn name(&self) -> &Key;
    /// See [`Topic::silence`].
    fn silent_for(&self, now: Instant) -> std::time::Duration;
}

impl<S: Snapshot> Followed for Topic<S> {
    fn follow(&self, wake: Arc<Wake>, slot: usize) -> u64 {
        Self::follow(self, wake, slot)
    }

    fn leave(&self, id: u64) {
        Self::leave(self, id);
    }

    fn read(&self, id: u64, cursor: &mut u64) -> Read {
        if S::NEWEST_ONLY {
            self.lock().unmark(id);
            return Read::Changes(self.show(0, cursor).into_iter().collect());
        }
        Self::read(self, id, cursor, S::MAKES_GOOD)
    }

    fn make_good(&self, id: u64, depth: usize, cursor: &mut u64) -> Vec<Bytes> {
        if S::MAKES_GOOD {
            return self.show(depth, cursor).into_iter().collect();
        }
        match Self::read(self, id, cursor, false) {
            Read::Changes(changes) => changes,
            // It fell out again in between, and the next look will tell of it.
            Read::Behind { from_seq, .. } => {
                *cursor = from_seq - 1;
                Vec::new()
            }
        }
    }

    fn show(&self, depth: usize, cursor: &mut u64) -> Option<Bytes> {
        self.look(|state, seq| {
            *cursor = seq;
            state.snapshot(seq, depth)
        })
    }

    fn name(&self) -> &Key {
        self.key()
    }

    fn silent_for(&self, now: Instant) -> std::time::Duration {
        self.silence(now)
    }
}

/// A topic with the state `S` behind it. The feed changes it, readers look; the lock is held for
/// memory work only, never across an await.
#[derive(Debug)]
pub struct Topic<S> {
    key: Key,
    inner: Mutex<Inner<S>>,
}

#[derive(Debug)]
struct Inner<S> {
    state: S,
    seq: u64,
    ring: VecDeque<Change>,
    followers: Vec<Follower>,
    next_follower: u64,
    last_input: Instant,
    last_used: Instant,
}

impl<S> Topic<S> {
    /// Returns a topic without changes.
    pub fn new(key: Key, state: S) -> Self {
        let now = Instant::now();
        Self {
            key,
            inner: Mutex::new(Inner {
                state,
                seq: 0,
                ring: VecDeque::new(),
                followers: Vec::new(),
                next_follower: 0,
                last_input: now,
                last_used: now,
            }),
        }
    }

    /// Returns the topic's name.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Looks at the state and the sequence it stands at.
    pub fn look<T>(&self, look: impl FnOnce(&S, u64) -> T) -> T {
        let mut inner = self.lock();
        inner.last_used = Instant::now();
        look(&inner.state, inner.seq)
    }

    /// Changes the state; `change` gets the sequence before it and may return the encoded change,
    /// which is then the next sequence, seen by every follower.
    pub fn publish(&self, change: impl FnOnce(&mut S, u64) -> Option<Bytes>) {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.last_input = now;
        let before = inner.seq;
        let Some(bytes) = change(&mut inner.state, before) else {
            return;
        };
        inner.seq = before + 1;
        inner.forget(now);
        let seq = inner.seq;
        inner.ring.push_back(Change {
            seq,
            bytes,
            at: now,
        });
        for follower in inner
            .followers
            .iter_mut()
            .filter(|follower| !follower.marked)
        {
            follower.marked = true;
            follower.wake.mark(follower.slot);
        }
    }

    /// Seats a follower, whose `slot` is marked in `wake` on each change. The follower begins behind
    /// everything that is in the ring now: it takes a snapshot first.
    pub fn follow(&self, wake: Arc<Wake>, slot: usize) -> u64 {
        let mut inner = self.lock();
        let id = inner.next_follower;
        inner.next_follower += 1;
        inner.followers.push(Follower {
            id,
            wake,
            slot,
            marked: false,
        });
        inner.last_used = Instant::now();
        id
    }

    /// Takes a follower's seat away.
    pub fn leave(&self, id: u64) {
        let mut inner = self.lock();
        inner.followers.retain(|follower| follower.id != id);
        inner.last_used = Instant::now();
    }

    /// Returns what came after `cursor`, and moves the cursor there. One that fell out of the ring
    /// moves behind everything where `skips` says so, otherwise before the oldest change.
    pub fn read(&self, id: u64, cursor: &mut u64, skips: bool) -> Read {
        let mut inner = self.lock();
        inner.unmark(id);
        let from_seq = *cursor + 1;
        let to_seq = inner.seq;
        let oldest = inner.ring.front().map_or(to_seq + 1, |change| change.seq);
        if from_seq < oldest {
            let to_seq = if skips { to_seq } else { oldest - 1 };
            *cursor = to_seq;
            return Read::Behind { from_seq, to_seq };
        }
        *cursor = to_seq;
        let skip = usize::try_from(from_seq - oldest).unwrap_or(usize::MAX);
        Read::Changes(
            inner
                .ring
                .iter()
                .skip(skip)
                .map(|change| change.bytes.clone())
                .collect(),
        )
    }

    /// Returns how long the topic has had no input.
    pub fn silence(&self, now: Instant) -> std::time::Duration {
        now.saturating_duration_since(self.lock().last_input)
    }

    /// Returns how long nobody has looked or followed; zero while somebody follows.
    pub fn idle(&self, now: Instant) -> std::time::Duration {
        let inner = self.lock();
        if inner.followers.is_empty() {
            now.saturating_duration_since(inner.last_used)
        } else {
            std::time::Duration::ZERO
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        lock(&self.inner)
    }
}

impl<S> Inner<S> {
    /// Notes that a follower looks: its next change marks it again.
    fn unmark(&mut self, id: u64) {
        // Seats are taken in the order of their numbers, and leaving keeps it.
        let seat = self.followers.binary_search_by_key(&id, |it| it.id);
        if let Some(follower) = seat.ok().and_then(|seat| self.followers.get_mut(seat)) {
            follower.marked = false;
        }
    }

    /// Makes room for one more change.
    fn forget(&mut self, now: Instant) {
        while let Some(oldest) = self.ring.front() {
            let old = now.saturating_duration_since(oldest.at) > RING_AGE;
            let more = self.ring.len() >= RING && old;
            if !more && self.ring.len() < RING_MAX {
                return;
            }
            self.ring.pop_front();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while a lock was held left plain data behind, each part of which is still valid.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
