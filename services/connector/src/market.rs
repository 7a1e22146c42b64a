//! The best bid and ask of one venue's instruments: streamed for whoever asks, for as long as they
//! ask.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_model::{Instrument, Symbol};
use chimera_runtime::deadline::Deadline;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::desk::Desk;
use crate::error::ConnectorError;
use crate::market::subscriptions::{Full, Wanted};
use crate::market::tops::{Top, Tops};

mod connection;
mod run;
mod subscriptions;
mod tops;

pub(crate) use run::run;

/// How long a first quote is waited for when the caller names no deadline.
const FIRST_QUOTE_WITHIN: Duration = Duration::from_secs(5);

/// What is left of the caller's deadline for the answer itself, so that it hears "no fresh price"
/// and not that its time is over.
const ANSWER_MARGIN: Duration = Duration::from_millis(50);

/// Silences of a connection after which its prices are stale: one in which a quiet market is looked
/// at, and one for the look itself.
const STALE_AFTER_SILENCES: u32 = 2;

/// The market of one venue.
#[derive(Debug)]
pub(crate) struct Market {
    pub desk: Arc<Desk>,
    state: Mutex<State>,
    /// Rung when the wanted set changed.
    changed: Notify,
    /// How long a connection may be silent before it is looked at.
    silence: Duration,
}

#[derive(Debug)]
struct State {
    wanted: Wanted,
    tops: Tops,
    readers: HashMap<Symbol, Vec<Weak<Dirty>>>,
}

/// What changed since a reader last looked. Newest only: a mark, not a queue.
#[derive(Debug, Default)]
struct Dirty {
    symbols: Mutex<HashSet<Symbol>>,
    wake: Notify,
}

/// One reader's wish for tops. Dropping it ends the wish.
#[derive(Debug)]
pub(crate) struct Interest {
    market: Arc<Market>,
    dirty: Arc<Dirty>,
    symbols: Vec<Symbol>,
}

impl Market {
    pub(crate) fn new(desk: Arc<Desk>, silence: Duration) -> Self {
        let streams_max = desk.adapter.stream_rules().topics_max;
        let state = State {
            wanted: Wanted::new(streams_max),
            tops: Tops::new(silence * STALE_AFTER_SILENCES),
            readers: HashMap::new(),
        };
        Self {
            desk,
            state: Mutex::new(state),
            changed: Notify::new(),
            silence,
        }
    }

    /// Returns a wish for nothing yet.
    pub(crate) fn interest(self: &Arc<Self>) -> Interest {
        Interest {
            market: self.clone(),
            dirty: Arc::default(),
            symbols: Vec::new(),
        }
    }

    /// Returns a top of book that comes from a live connection; waits for it within the deadline.
    pub(crate) async fn top(
        self: &Arc<Self>,
        instrument: &Instrument,
    ) -> Result<pb::TopOfBook, ConnectorError> {
        let venue = self.desk.venue.to_string();
        let mut interest = self.interest();
        if interest.add(instrument.symbol).is_err() {
            let limit = self.desk.adapter.stream_rules().topics_max;
            return Err(ConnectorError::SubscriptionLimit {
                what: "market streams",
                limit,
            });
        }
        let patience = Deadline::current().map_or(FIRST_QUOTE_WITHIN, |deadline| {
            deadline
                .remaining()
                .saturating_sub(ANSWER_MARGIN)
                .min(FIRST_QUOTE_WITHIN)
        });
        let until = Instant::now() + patience;
        while !self.lock().tops.is_live(instrument.symbol, Instant::now()) {
            if timeout_at(until, interest.changed()).await.is_err() {
                let symbol = instrument.symbol.to_string();
                return Err(ConnectorError::NoFreshPrice { venue, symbol });
            }
        }
        let none = || ConnectorError::Internal {
            what: "a live top of book vanished",
        };
        self.view(instrument.symbol).ok_or_else(none)
    }

    /// Returns a top of book as it stands; nothing before the first quote.
    pub(crate) fn view(&self, symbol: Symbol) -> Option<pb::TopOfBook> {
        let instruments = self.desk.instruments();
        let instrument = instruments.table().by_symbol(&symbol)?;
        let version = instruments.version(instrument);
        self.lock().tops.view(instrument, version, Instant::now())
    }

    /// Returns how long the connection has been silent; zero while there is none to be silent.
    pub(crate) fn staleness(&self) -> Option<Duration> {
        self.lock().tops.silence(Instant::now())
    }

    fn put(&self, top: Top, first: bool) {
        let mut state = self.lock();
        let symbol = top.quote.symbol;
        let news = if first {
            state.tops.put_first(top)
        } else {
            state.tops.put(top)
        };
        if news {
            state.touch(symbol);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Wakes whoever reads an instrument.
    fn touch(&mut self, symbol: Symbol) {
        for reader in self.readers.get(&symbol).into_iter().flatten() {
            if let Some(dirty) = reader.upgrade() {
                dirty.mark(symbol);
            }
        }
    }

    /// Wakes every reader: what they have may have become stale.
    fn touch_all(&mut self) {
        let symbols: Vec<Symbol> = self.readers.keys().copied().collect();
        for symbol in symbols {
            self.touch(symbol);
        }
    }
}

impl Dirty {
    fn mark(&self, symbol: Symbol) {
        self.symbols
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(symbol);
        self.wake.notify_one();
    }
}

impl Interest {
    /// Adds an instrument to the wish.
    pub(crate) fn add(&mut self, symbol: Symbol) -> Result<(), Full> {
        if self.symbols.contains(&symbol) {
            return Ok(());
        }
        let mut state = self.market.lock();
        let new = state.wanted.add(symbol)?;
        let readers = state.readers.entry(symbol).or_default();
        readers.push(Arc::downgrade(&self.dirty));
        drop(state);
        self.symbols.push(symbol);
        self.dirty.mark(symbol);
        if new {
            self.market.changed.notify_one();
        }
        Ok(())
    }

    /// Waits for a change and returns what changed since the last time. Cancel-safe.
    pub(crate) async fn changed(&mut self) -> HashSet<Symbol> {
        loop {
            let marked = {
                let mut symbols = self
                    .dirty
                    .symbols
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *symbols)
            };
            if !marked.is_empty() {
                return marked;
            }
            self.dirty.wake.notified().await;
        }
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        let mut state = self.market.lock();
        let now = Instant::now();
        for symbol in &self.symbols {
            state.wanted.remove(*symbol, now);
            if let Some(readers) = state.readers.get_mut(symbol) {
                readers.retain(|reader| !std::ptr::eq(reader.as_ptr(), &*self.dirty));
                if readers.is_empty() {
                    state.readers.remove(symbol);
                }
            }
        }
    }
}
