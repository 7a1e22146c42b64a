//! One running venue: the exchange, its market, its sockets, and the dialect that speaks for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::clock::SharedClock;
use crate::exchange::{Event, Exchange};
use crate::hub::Hub;
use crate::market::Market;

/// The words of a venue: what it publishes, and which sessions it keeps.
pub(crate) trait Dialect: Send + 'static {
    /// Publishes what happened.
    fn publish(&mut self, events: Vec<Event>, exchange: &mut Exchange, hub: &mut Hub, now_ms: u64);

    /// Does what is due by time: paced streams, expiries.
    fn tick(&mut self, exchange: &mut Exchange, hub: &mut Hub, now_ms: u64);

    /// Ends the private sessions of an account, or of all; returns how many.
    fn expire_sessions(&mut self, account: Option<u32>, hub: &mut Hub, now_ms: u64) -> usize;

    /// Refuses requests for a while with an HTTP status.
    fn ban(&mut self, status: u16, seconds: u64, now_ms: u64);

    /// Returns the dialect's own counters.
    fn counters(&self) -> BTreeMap<&'static str, u64>;
}

/// What a venue counted, for tests that judge clients by it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Counters {
    /// Requests by method and path.
    pub requests: BTreeMap<String, u64>,
    /// Refusals by the venue's code.
    pub refusals: BTreeMap<String, u64>,
    /// Attempts to create an order by the client's id, refused ones included.
    pub creates: BTreeMap<String, Creates>,
}

/// Attempts to create one order.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Creates {
    /// How often the client tried.
    pub attempts: u64,
    /// How often the venue took it.
    pub accepted: u64,
}

/// Client ids that are counted one by one; past this only the totals go on.
const CREATES_KEPT: usize = 100_000;

impl Counters {
    /// Counts an attempt to create an order.
    pub fn attempt(&mut self, client_id: &str, accepted: bool) {
        if self.creates.len() >= CREATES_KEPT && !self.creates.contains_key(client_id) {
            return;
        }
        let creates = self.creates.entry(client_id.to_owned()).or_default();
        creates.attempts += 1;
        creates.accepted += u64::from(accepted);
    }
}

/// All that a venue knows, behind one lock.
#[derive(Debug)]
pub(crate) struct Core<D> {
    pub exchange: Exchange,
    pub market: Market,
    pub hub: Hub,
    pub counters: Counters,
    pub dialect: D,
    pub skew_ms: i64,
    at_ms: u64,
    clock: SharedClock,
}

impl<D: Dialect> Core<D> {
    /// Returns the venue's own time: the moment up to which the market was played, however long what
    /// is done at that moment takes.
    pub fn now_ms(&self) -> u64 {
        self.at_ms.saturating_add_signed(self.skew_ms)
    }

    /// Publishes what has happened since the last call.
    pub fn flush(&mut self) {
        let events = self.exchange.take_events();
        if !events.is_empty() {
            let now_ms = self.now_ms();
            self.dialect
                .publish(events, &mut self.exchange, &mut self.hub, now_ms);
        }
    }

    /// Plays what the market did until now: what comes next is matched later than all of it.
    fn catch_up(&mut self) {
        self.at_ms = self.clock.now_ms();
        let now_ms = self.now_ms();
        self.market.advance(&mut self.exchange, now_ms);
        self.flush();
    }

    /// Lets time pass.
    pub fn tick(&mut self) {
        self.catch_up();
        let now_ms = self.now_ms();
        self.exchange.advance(now_ms);
        self.flush();
        self.dialect.tick(&mut self.exchange, &mut self.hub, now_ms);
    }
}

/// A running venue, shared by its connections.
///
/// Every call is short and synchronous, so one lock gives every request and every event one
/// order: what a socket is told never contradicts what a request was answered.
#[derive(Debug)]
pub(crate) struct Venue<D> {
    core: Mutex<Core<D>>,
}

impl<D: Dialect> Venue<D> {
    /// Wraps the parts of a venue.
    pub fn new(exchange: Exchange, market: Market, dialect: D, clock: SharedClock) -> Self {
        let core = Core {
            exchange,
            market,
            hub: Hub::default(),
            counters: Counters::default(),
            dialect,
            skew_ms: 0,
            at_ms: clock.now_ms(),
            clock,
        };
        Self {
            core: Mutex::new(core),
        }
    }

    /// Does something and publishes what came of it.
    pub fn with<R>(&self, action: impl FnOnce(&mut Core<D>) -> R) -> R {
        let mut core = self.lock();
        core.catch_up();
        let result = action(&mut core);
        core.flush();
        result
    }

    fn lock(&self) -> MutexGuard<'_, Core<D>> {
        // A panic in one request must not silence the venue; every step leaves the state whole.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
