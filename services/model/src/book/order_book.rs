//! The book of one instrument.

use super::ladder::{Ladder, Level};
use crate::ids::UnixNanos;
use crate::words::Side;

/// How a venue numbers its deltas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceRule {
    /// Each delta names the last id of the one before (`pu`); the first one after a snapshot has
    /// `first <= snapshot <= last`; older ones have `last < snapshot`.
    FuturesPrev,
    /// Each delta begins at the id after the last; the first one after a snapshot has
    /// `first <= snapshot + 1 <= last`; older ones have `last <= snapshot`.
    SpotNext,
}

/// Why a book cannot be vouched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleReason {
    /// No snapshot has been applied yet.
    NoSnapshot,
    /// A delta is missing (F80).
    Gap {
        /// The id that would have followed.
        expected: u64,
        /// The id that came.
        got: u64,
    },
    /// The snapshot is older than the first delta known (F81).
    SnapshotTooOld,
    /// Bid and ask stayed crossed for longer than the venue is allowed to (F83).
    Crossed,
    /// A price or quantity made no sense (F96).
    Malformed,
    /// More deltas than are buffered came before a snapshot.
    BufferFull,
    /// The owner says so: the connection was lost, or the data is too old.
    Disconnected,
}

/// Whether a book can be vouched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookState {
    /// The book equals the venue's as of the last delta.
    Live,
    /// The book is not to be trusted.
    Stale(StaleReason),
}

/// The whole book at one update id.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// The venue's id of this state.
    pub last_update_id: u64,
    /// Bids in any order.
    pub bids: &'a [Level],
    /// Asks in any order.
    pub asks: &'a [Level],
    /// How many levels a side were asked for; as many in the answer mean there may be more (F86).
    pub depth_limit: usize,
    /// The venue's time, where it gives one.
    pub venue_time: Option<UnixNanos>,
}

/// A change of the book. Quantities are absolute.
#[derive(Debug, Clone, Copy)]
pub struct Delta<'a> {
    /// The first update id in it.
    pub first_update_id: u64,
    /// The last update id in it.
    pub last_update_id: u64,
    /// The last update id of the delta before, where the venue names it.
    pub previous_update_id: Option<u64>,
    /// Changed bids.
    pub bids: &'a [Level],
    /// Changed asks.
    pub asks: &'a [Level],
    /// The venue's time.
    pub venue_time: Option<UnixNanos>,
}

/// What became of a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaOutcome {
    /// It is part of the book now.
    Applied,
    /// The snapshot already held it.
    Old,
    /// It was not applied; the book is stale, for this reason, from before this returned (F80).
    Stale(StaleReason),
}

/// Some levels of a book, from the best.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepthView {
    /// Bids, best first.
    pub bids: Vec<Level>,
    /// Asks, best first.
    pub asks: Vec<Level>,
    /// Whether levels among or after these may be missing, because no snapshot reached so deep.
    pub partial: bool,
}

/// The book of one instrument.
#[derive(Debug, Clone)]
pub struct OrderBook {
    rule: SequenceRule,
    /// Deltas in a row that may leave the book crossed before it is called stale (F83).
    crossed_grace: u32,
    bids: Ladder,
    asks: Ladder,
    state: BookState,
    last_update_id: u64,
    /// Whether a delta has followed the snapshot: the first one obeys another rule.
    spliced: bool,
    crossed_deltas: u32,
    venue_time: Option<UnixNanos>,
}

impl OrderBook {
    /// Makes an empty book, stale until a snapshot comes.
    #[must_use]
    pub const fn new(rule: SequenceRule, crossed_grace: u32) -> Self {
        Self {
            rule,
            crossed_grace,
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
            state: BookState::Stale(StaleReason::NoSnapshot),
            last_update_id: 0,
            spliced: false,
            crossed_deltas: 0,
            venue_time: None,
        }
    }

    /// Replaces the whole book (F82); it is live as of the snapshot.
    pub fn apply_snapshot(&mut self, snapshot: &Snapshot<'_>) -> BookState {
        self.clear();
        if !sane(snapshot.bids) || !sane(snapshot.asks) {
            self.state = BookState::Stale(StaleReason::Malformed);
            return self.state;
        }
        let (bids, asks, limit) = (snapshot.bids, snapshot.asks, snapshot.depth_limit);
        let distinct = self.bids.replace(bids, bids.len() >= limit)
            & self.asks.replace(asks, asks.len() >= limit);
        if !distinct {
            self.state = BookState::Stale(StaleReason::Malformed);
            return self.state;
        }
        self.last_update_id = snapshot.last_update_id;
        self.venue_time = snapshot.venue_time;
        self.state = BookState::Live;
        self.judge_crossing();
        self.state
    }

    /// Applies a delta that follows the last one, ignores one the snapshot held, and calls the
    /// book stale on any other.
    pub fn apply_delta(&mut self, delta: &Delta<'_>) -> DeltaOutcome {
        if let BookState::Stale(reason) = self.state {
            return DeltaOutcome::Stale(reason);
        }
        match self.follows(delta) {
            Ok(true) => {}
            Ok(false) => return DeltaOutcome::Old,
            Err(reason) => return self.stale(reason),
        }
        if !sane(delta.bids) || !sane(delta.asks) {
            return self.stale(StaleReason::Malformed);
        }
        for level in delta.bids {
            self.bids.set(*level);
        }
        for level in delta.asks {
            self.asks.set(*level);
        }
        self.last_update_id = delta.last_update_id;
        self.spliced = true;
        self.venue_time = delta.venue_time.or(self.venue_time);
        self.judge_crossing();
        match self.state {
            BookState::Live => DeltaOutcome::Applied,
            BookState::Stale(reason) => DeltaOutcome::Stale(reason),
        }
    }

    /// Calls the book stale. Its levels stay readable, marked as what they are.
    pub fn invalidate(&mut self, reason: StaleReason) {
        self.state = BookState::Stale(reason);
    }

    /// Returns whether the book can be vouched for.
    #[must_use]
    pub const fn state(&self) -> BookState {
        self.state
    }

    /// Returns the update id of the last state.
    #[must_use]
    pub const fn last_update_id(&self) -> u64 {
        self.last_update_id
    }

    /// Returns the venue's time of the last state.
    #[must_use]
    pub const fn venue_time(&self) -> Option<UnixNanos> {
        self.venue_time
    }

    /// Returns the best bid.
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.best()
    }

    /// Returns the best ask.
    #[must_use]
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.best()
    }

    /// Returns whether the best bid is at or above the best ask.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        match (self.best_bid(), self.best_ask()) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => false,
        }
    }

    /// Returns how many bids and asks are held.
    #[must_use]
    pub fn level_counts(&self) -> (usize, usize) {
        (self.bids.len(), self.asks.len())
    }

    /// Iterates over the bids, best first.
    pub fn bids(&self) -> impl Iterator<Item = Level> + '_ {
        self.bids.iter()
    }

    /// Iterates over the asks, best first.
    pub fn asks(&self) -> impl Iterator<Item = Level> + '_ {
        self.asks.iter()
    }

    /// Returns up to `depth` levels a side, and whether some may be missing among them (F86).
    #[must_use]
    pub fn depth(&self, depth: usize) -> DepthView {
        DepthView {
            bids: self.bids.iter().take(depth).collect(),
            asks: self.asks.iter().take(depth).collect(),
            partial: [&self.bids, &self.asks]
                .into_iter()
                .any(|ladder| ladder.is_truncated() && depth > ladder.vouched()),
        }
    }

    fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.last_update_id = 0;
        self.spliced = false;
        self.crossed_deltas = 0;
        self.venue_time = None;
    }

    fn stale(&mut self, reason: StaleReason) -> DeltaOutcome {
        self.state = BookState::Stale(reason);
        DeltaOutcome::Stale(reason)
    }

    /// Returns whether the delta is next (`true`) or already held (`false`), else what is wrong.
    fn follows(&self, delta: &Delta<'_>) -> Result<bool, StaleReason> {
        let (first, last, held) = (
            delta.first_update_id,
            delta.last_update_id,
            self.last_update_id,
        );
        let previous = delta.previous_update_id;
        // Ids never fall once deltas follow each other, whatever the chain says.
        if first > last || (self.spliced && last < held) {
            return Err(StaleReason::Malformed);
        }
        match (self.rule, self.spliced) {
            (SequenceRule::FuturesPrev, false) if last < held => Ok(false),
            (SequenceRule::FuturesPrev, false) if first <= held => Ok(true),
            // A delta that names the snapshot as its predecessor leaves nothing out either.
            (SequenceRule::FuturesPrev, _) if previous == Some(held) => Ok(true),
            (SequenceRule::FuturesPrev, _) => {
                let got = previous.ok_or(StaleReason::Malformed)?;
                Err(StaleReason::Gap {
                    expected: held,
                    got,
                })
            }
            (SequenceRule::SpotNext, false) if last <= held => Ok(false),
            (SequenceRule::SpotNext, false) if first <= held.saturating_add(1) => Ok(true),
            (SequenceRule::SpotNext, _) if held.checked_add(1) == Some(first) => Ok(true),
            (SequenceRule::SpotNext, _) => Err(StaleReason::Gap {
                expected: held.saturating_add(1),
                got: first,
            }),
        }
    }

    fn judge_crossing(&mut self) {
        if !self.is_crossed() {
            self.crossed_deltas = 0;
            return;
        }
        self.crossed_deltas = self.crossed_deltas.saturating_add(1);
        if self.crossed_deltas > self.crossed_grace {
            self.state = BookState::Stale(StaleReason::Crossed);
        }
    }
}

/// Prices above zero, quantities not below it (F96).
fn sane(levels: &[Level]) -> bool {
    levels
        .iter()
        .all(|level| level.price.0 > 0 && level.quantity.0 >= 0)
}
