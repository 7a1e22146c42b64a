//! The stream of orders: a snapshot, then every change, resumable, never dropped (F128).
//!
//! Changes are published in the order of the journal, after they are durable. A reader has a
//! bounded queue; one that does not keep up is ended with a token from which it continues.

use std::collections::VecDeque;
use std::sync::Arc;

use chimera_contracts::order::v1 as pb;
use chimera_model::{Account, Symbol, Venue};
use tokio::sync::mpsc;

use crate::difference::identify;
use crate::error::OrderError;
use crate::ledger::Change;

/// What a reader wants to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of one account.
    pub account: Option<Account>,
    /// Of one venue.
    pub venue: Option<Venue>,
    /// Of one instrument.
    pub symbol: Option<Symbol>,
}

impl Filter {
    fn admits(&self, order: &pb::Order) -> bool {
        let same = |wanted: Option<&str>, is: &str| wanted.is_none_or(|wanted| wanted == is);
        same(self.account.as_ref().map(Account::as_str), &order.account)
            && same(self.venue.as_ref().map(Venue::as_str), &order.venue)
            && same(self.symbol.as_ref().map(Symbol::as_str), &order.symbol)
    }

    fn text(&self) -> String {
        let part = |part: Option<&str>| part.unwrap_or("*").to_owned();
        [
            part(self.account.as_ref().map(Account::as_str)),
            part(self.venue.as_ref().map(Venue::as_str)),
            part(self.symbol.as_ref().map(Symbol::as_str)),
        ]
        .join("/")
    }
}

/// Where a stream continues: an epoch and the last sequence seen, for one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// The last sequence seen.
    pub seq: u64,
}

impl Token {
    /// Returns the token's text.
    #[must_use]
    pub fn text(self, epoch: &str, filter: &Filter) -> String {
        let seq = self.seq.to_string();
        let check = identify(&["order-stream", epoch, &seq, &filter.text()]);
        format!("{epoch}.{seq}.{check}")
    }

    /// Reads a token back.
    ///
    /// # Errors
    /// Refuses what this service did not make for this filter, and tokens of another epoch.
    pub fn read(text: &str, epoch: &str, filter: &Filter) -> Result<Self, OrderError> {
        let mut parts = text.split('.');
        let (Some(of), Some(seq), Some(check), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(OrderError::InvalidResumeToken);
        };
        if check != identify(&["order-stream", of, seq, &filter.text()]) {
            return Err(OrderError::InvalidResumeToken);
        }
        if of != epoch {
            return Err(OrderError::ResumeExpired);
        }
        let seq = seq.parse().map_err(|_| OrderError::InvalidResumeToken)?;
        Ok(Self { seq })
    }
}

/// A stream as it begins.
#[derive(Debug)]
pub struct Opened {
    /// The epoch of the sequences.
    pub epoch: String,
    /// The open orders and the trading state, unless the stream is resumed.
    pub snapshot: Option<(Vec<pb::Order>, pb::TradingState)>,
    /// The sequence that the stream begins after.
    pub seq: u64,
    /// Changes that are known already.
    pub backlog: Vec<Arc<Change>>,
    /// Changes to come; ends when the reader is too slow or the service ends.
    pub changes: mpsc::Receiver<Arc<Change>>,
}

/// Changes to come.
pub(crate) type Changes = mpsc::Receiver<Arc<Change>>;

struct Reader {
    filter: Filter,
    queue: mpsc::Sender<Arc<Change>>,
}

/// Keeps the latest changes and hands them to every reader.
pub(crate) struct Hub {
    ring: VecDeque<Arc<Change>>,
    kept: usize,
    /// Everything after this sequence is in the ring.
    floor: u64,
    readers: Vec<Reader>,
    readers_max: usize,
    queue: usize,
}

impl Hub {
    pub(crate) fn new(kept: usize, readers_max: usize, queue: usize, floor: u64) -> Self {
        Self {
            ring: VecDeque::new(),
            kept,
            floor,
            readers: Vec::new(),
            readers_max,
            queue,
        }
    }

    /// Keeps a change and hands it to every reader that wants it.
    pub(crate) fn publish(&mut self, change: Change) {
        let change = Arc::new(change);
        self.readers.retain(|reader| {
            if !reader.filter.admits(&change.order) {
                return !reader.queue.is_closed();
            }
            // A full queue ends the reader; what is queued is still read, and the token after it
            // continues without a gap.
            reader.queue.try_send(Arc::clone(&change)).is_ok()
        });
        self.keep(change);
    }

    /// Keeps a change of a replay: it is history, which nobody is told of (F125).
    pub(crate) fn keep(&mut self, change: Arc<Change>) {
        self.ring.push_back(change);
        while self.ring.len() > self.kept {
            if let Some(oldest) = self.ring.pop_front() {
                self.floor = oldest.seq;
            }
        }
    }

    /// Opens a stream of what follows after a sequence.
    pub(crate) fn open(
        &mut self,
        filter: Filter,
        after: u64,
    ) -> Result<(Vec<Arc<Change>>, Changes), OrderError> {
        if after < self.floor {
            return Err(OrderError::ResumeExpired);
        }
        self.readers.retain(|reader| !reader.queue.is_closed());
        if self.readers.len() >= self.readers_max {
            return Err(OrderError::SubscriptionLimit {
                limit: self.readers_max,
            });
        }
        let later = self.ring.iter().filter(|change| change.seq > after);
        let backlog = later
            .filter(|change| filter.admits(&change.order))
            .cloned()
            .collect();
        let (queue, changes) = mpsc::channel(self.queue);
        self.readers.push(Reader { filter, queue });
        Ok((backlog, changes))
    }
}
