//! Changes of one book gathered into updates that follow one another.

use std::collections::BTreeMap;

use crate::engine::{LevelChange, Price, Quantity, Side};
use crate::faults::{Facts, FaultKind, Faults};

/// One level of a book.
type Level = (Price, Quantity);

/// An update of a book: absolute quantities of the levels that changed.
#[derive(Debug)]
pub(crate) struct Update {
    /// The number of the first change.
    pub first: u64,
    /// The number of the last change.
    pub last: u64,
    /// The last number of the update before.
    pub previous: u64,
    /// When the book last changed.
    pub time_ms: u64,
    /// Bids, lowest price first.
    pub bids: Vec<Level>,
    /// Asks, lowest price first.
    pub asks: Vec<Level>,
}

/// Changes of one book at one pace, each update following the one before.
#[derive(Debug)]
pub(crate) struct Chain {
    /// How long changes are gathered; zero sends each at once.
    pub pace_ms: u64,
    due_ms: u64,
    previous: u64,
    first: Option<u64>,
    last: u64,
    time_ms: u64,
    changes: BTreeMap<(Side, Price), Quantity>,
}

impl Chain {
    /// Creates a chain of one pace.
    pub fn new(pace_ms: u64) -> Self {
        Self {
            pace_ms,
            due_ms: 0,
            previous: 0,
            first: None,
            last: 0,
            time_ms: 0,
            changes: BTreeMap::new(),
        }
    }

    /// Gathers changes.
    pub fn add(&mut self, first: u64, last: u64, changes: &[LevelChange], time_ms: u64) {
        self.first.get_or_insert(first);
        self.last = last;
        self.time_ms = time_ms;
        for change in changes {
            self.changes
                .insert((change.side, change.price), change.quantity);
        }
    }

    /// Forgets changes that nobody listens to.
    pub fn skip(&mut self, last: u64) {
        self.first = None;
        self.changes.clear();
        self.previous = last;
    }

    /// Whether a paced chain is due; the next time is a pace later.
    pub fn is_due(&mut self, now_ms: u64) -> bool {
        let due = self.pace_ms > 0 && self.due_ms <= now_ms;
        if due {
            self.due_ms = now_ms + self.pace_ms;
        }
        due
    }

    /// Takes what has been gathered; none where that is nothing, or a script leaves it out.
    pub fn take(&mut self, faults: &mut Faults, symbol: &str) -> Option<Update> {
        let first = self.first.take()?;
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        for ((side, price), quantity) in std::mem::take(&mut self.changes) {
            match side {
                Side::Buy => bids.push((price, quantity)),
                Side::Sell => asks.push((price, quantity)),
            }
        }
        let previous = std::mem::replace(&mut self.previous, self.last);
        let facts = Facts {
            symbol: Some(symbol),
            ..Facts::default()
        };
        if faults
            .take(&facts, |kind| matches!(kind, FaultKind::SkipDepth))
            .is_some()
        {
            return None;
        }
        Some(Update {
            first,
            last: self.last,
            previous,
            time_ms: self.time_ms,
            bids,
            asks,
        })
    }
}
