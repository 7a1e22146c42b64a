//! Which market streams are wanted, and which of them one connection has confirmed (F93, F94, F97,
//! F98).
//!
//! The wanted set outlives connections; what was requested and confirmed belongs to one generation
//! and is forgotten with it.

use std::collections::HashMap;
use std::time::Duration;

use chimera_model::Symbol;
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// How long a stream nobody reads is kept: a tracking limit looks at its price every 10 s by
/// default, and subscribing anew each time would cost it a round trip and the venue a message.
const LINGER: Duration = Duration::from_secs(300);

/// How long a stream that the venue refused is not asked for again.
const REFUSED_FOR: Duration = Duration::from_secs(30);

/// How long a request may stay unanswered before the generation is held to be broken.
pub(crate) const CONFIRM_WITHIN: Duration = Duration::from_secs(10);

/// The set of streams that are wanted, by how many.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// What one connection carries at this venue.
    streams_max: usize,
    readers: HashMap<Symbol, Readers>,
}

#[derive(Debug)]
struct Readers {
    count: usize,
    idle_since: Option<Instant>,
}

/// As many streams are wanted as one connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Wanted {
    pub(crate) fn new(streams_max: usize) -> Self {
        Self {
            streams_max,
            readers: HashMap::new(),
        }
    }

    /// Adds one reader; returns whether the stream is new to the set.
    pub(crate) fn add(&mut self, symbol: Symbol) -> Result<bool, Full> {
        if let Some(readers) = self.readers.get_mut(&symbol) {
            readers.count += 1;
            readers.idle_since = None;
            return Ok(false);
        }
        if self.readers.len() >= self.streams_max {
            return Err(Full);
        }
        self.readers.insert(
            symbol,
            Readers {
                count: 1,
                idle_since: None,
            },
        );
        Ok(true)
    }

    /// Takes one reader away; the stream lingers when it was the last one.
    pub(crate) fn remove(&mut self, symbol: Symbol, now: Instant) {
        if let Some(readers) = self.readers.get_mut(&symbol) {
            readers.count = readers.count.saturating_sub(1);
            if readers.count == 0 {
                readers.idle_since = Some(now);
            }
        }
    }

    /// Takes out and returns the streams that nobody has read for long.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Symbol> {
        let expired = |readers: &Readers| {
            let idle = readers
                .idle_since
                .map(|since| now.saturating_duration_since(since));
            idle.is_some_and(|idle| idle >= LINGER)
        };
        self.readers
            .extract_if(|_, readers| expired(readers))
            .map(|(symbol, _)| symbol)
            .collect()
    }

    pub(crate) fn contains(&self, symbol: Symbol) -> bool {
        self.readers.contains_key(&symbol)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Symbol> {
        self.readers.keys().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }
}

/// What one connection was asked for and has confirmed. Dies with the connection.
#[derive(Debug, Default)]
pub(crate) struct Table {
    streams: HashMap<Symbol, Stage>,
    last_request: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Requested { request: u64, at: Instant },
    Confirmed,
    Refused { at: Instant },
}

/// The steps from what a connection carries to what is wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    pub subscribe: Vec<Symbol>,
    pub unsubscribe: Vec<Symbol>,
}

impl Table {
    /// Returns what is still to be asked for.
    pub(crate) fn steps(&self, wanted: &Wanted, now: Instant) -> Steps {
        let to_ask = |symbol: &Symbol| match self.streams.get(symbol) {
            None => true,
            Some(Stage::Refused { at }) => now.saturating_duration_since(*at) >= REFUSED_FOR,
            Some(Stage::Requested { .. } | Stage::Confirmed) => false,
        };
        let surplus = self
            .streams
            .keys()
            .copied()
            .filter(|symbol| !wanted.contains(*symbol));
        Steps {
            subscribe: wanted.iter().filter(to_ask).collect(),
            unsubscribe: surplus.collect(),
        }
    }

    /// Returns a number for the next request.
    pub(crate) fn number(&mut self) -> u64 {
        self.last_request += 1;
        self.last_request
    }

    /// Notes a request to subscribe.
    pub(crate) fn requested(&mut self, request: u64, symbols: &[Symbol], now: Instant) {
        self.last_request = self.last_request.max(request);
        let stage = Stage::Requested { request, at: now };
        self.streams
            .extend(symbols.iter().map(|symbol| (*symbol, stage)));
    }

    /// Notes that streams were given up.
    pub(crate) fn given_up(&mut self, symbols: &[Symbol]) {
        for symbol in symbols {
            self.streams.remove(symbol);
        }
    }

    /// Takes the venue's yes to a request; returns what it had asked for.
    pub(crate) fn confirmed(&mut self, answered: u64) -> Vec<Symbol> {
        self.answered(answered, Stage::Confirmed)
    }

    /// Takes the venue's no to a request; returns what it had asked for.
    pub(crate) fn refused(&mut self, answered: u64, now: Instant) -> Vec<Symbol> {
        self.answered(answered, Stage::Refused { at: now })
    }

    fn answered(&mut self, answered: u64, next: Stage) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        for (symbol, stage) in &mut self.streams {
            if matches!(*stage, Stage::Requested { request, .. } if request == answered) {
                *stage = next;
                symbols.push(*symbol);
            }
        }
        symbols
    }

    /// Returns whether everything wanted is confirmed (F93).
    pub(crate) fn complete(&self, wanted: &Wanted) -> bool {
        wanted
            .iter()
            .all(|symbol| self.streams.get(&symbol) == Some(&Stage::Confirmed))
    }

    /// Returns whether a request has waited too long for its answer.
    pub(crate) fn overdue(&self, now: Instant) -> bool {
        self.streams.values().any(|stage| match stage {
            Stage::Requested { at, .. } => now.saturating_duration_since(*at) > CONFIRM_WITHIN,
            Stage::Confirmed | Stage::Refused { .. } => false,
        })
    }
}
