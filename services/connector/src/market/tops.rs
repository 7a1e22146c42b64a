//! The newest best bid and ask of each instrument, and whether it may be traded on.
//!
//! Freshness is judged on the connection's data: an instrument that nobody trades is quiet, not
//! stale, as long as its connection is known to carry data (F87, F88).

use std::collections::HashMap;
use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_model::market::{PriceLevel, Quote};
use chimera_model::{Instrument, Symbol, UnixNanos};
use tokio::time::Instant;

use crate::{scale, wire};

#[cfg(test)]
mod tests;

/// How far a quote may lag behind the venue's clock (F89). Beyond it the way to us is backed up,
/// and what looks new is old.
const LAG_MAX: Duration = Duration::from_secs(3);

/// One quote as it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Top {
    pub quote: Quote,
    pub received: UnixNanos,
    /// How far behind the venue's clock it came.
    pub lag: Duration,
    /// The connection it came by.
    pub generation: u64,
}

/// The tops of one venue and the health of the connection that feeds them.
#[derive(Debug)]
pub(crate) struct Tops {
    /// Silence after which a connection's prices are not traded on.
    stale_after: Duration,
    tops: HashMap<Symbol, Top>,
    /// The live connection; nothing while there is none.
    connection: Option<Connection>,
}

#[derive(Debug, Clone, Copy)]
struct Connection {
    generation: u64,
    vouched: Instant,
}

impl Tops {
    pub(crate) fn new(stale_after: Duration) -> Self {
        Self {
            stale_after,
            tops: HashMap::new(),
            connection: None,
        }
    }

    /// Notes that a connection carries the streams now.
    pub(crate) fn connected(&mut self, generation: u64, now: Instant) {
        self.connection = Some(Connection {
            generation,
            vouched: now,
        });
    }

    /// Notes that a connection ended; an older one's end changes nothing.
    pub(crate) fn disconnected(&mut self, generation: u64) {
        if self
            .connection
            .is_some_and(|connection| connection.generation == generation)
        {
            self.connection = None;
        }
    }

    /// Notes that the connection is known to carry data at this moment.
    pub(crate) fn vouch(&mut self, generation: u64, now: Instant) {
        if let Some(connection) = &mut self.connection
            && connection.generation == generation
        {
            connection.vouched = now;
        }
    }

    /// Takes a quote; returns whether it is news. An older one never replaces a newer one of the
    /// same connection (F91); a new connection begins afresh, because a venue may have counted anew
    /// (F85).
    pub(crate) fn put(&mut self, top: Top) -> bool {
        let current = self
            .connection
            .is_some_and(|live| live.generation == top.generation);
        if !current {
            return false;
        }
        let older = self.tops.get(&top.quote.symbol).is_some_and(|known| {
            known.generation == top.generation
                && matches!(
                    (known.quote.update_id, top.quote.update_id),
                    (Some(known), Some(new)) if new < known
                )
        });
        if older {
            return false;
        }
        self.tops.insert(top.quote.symbol, top);
        true
    }

    /// Takes a quote that a query gave, unless the connection has given one already.
    pub(crate) fn put_first(&mut self, top: Top) -> bool {
        let known = self.tops.get(&top.quote.symbol);
        let given = known.is_some_and(|known| known.generation == top.generation);
        !given && self.put(top)
    }

    /// Returns whether the newest quote is of the live connection, which is not silent or behind.
    pub(crate) fn is_live(&self, symbol: Symbol, now: Instant) -> bool {
        self.tops
            .get(&symbol)
            .is_some_and(|top| self.carries(top, now))
    }

    fn carries(&self, top: &Top, now: Instant) -> bool {
        self.connection
            .is_some_and(|live| live.generation == top.generation)
            && self
                .silence(now)
                .is_some_and(|silence| silence <= self.stale_after)
            && top.lag <= LAG_MAX
    }

    /// Forgets instruments that nobody wants any more.
    pub(crate) fn forget(&mut self, symbols: &[Symbol]) {
        for symbol in symbols {
            self.tops.remove(symbol);
        }
    }

    pub(crate) fn get(&self, symbol: Symbol) -> Option<&Top> {
        self.tops.get(&symbol)
    }

    /// Returns how long the connection has been silent; nothing while there is none.
    pub(crate) fn silence(&self, now: Instant) -> Option<Duration> {
        self.connection
            .map(|connection| now.saturating_duration_since(connection.vouched))
    }

    /// Returns a top of book as the contract states it; nothing before the first quote.
    pub(crate) fn view(
        &self,
        instrument: &Instrument,
        instrument_version: u64,
        now: Instant,
    ) -> Option<pb::TopOfBook> {
        let top = self.tops.get(&instrument.symbol)?;
        let silence = self.silence(now);
        let side = |level: Option<PriceLevel>| level.and_then(|level| scaled(instrument, level));
        let (bid, ask) = (side(top.quote.bid), side(top.quote.ask));
        let sound = matches!((bid, ask), (Some((bid, _)), Some((ask, _))) if bid < ask);
        Some(pb::TopOfBook {
            venue: instrument.venue.to_string(),
            symbol: instrument.symbol.to_string(),
            bid_ticks: bid.map(|(ticks, _)| ticks),
            bid_lots: bid.map_or(0, |(_, lots)| lots),
            ask_ticks: ask.map(|(ticks, _)| ticks),
            ask_lots: ask.map_or(0, |(_, lots)| lots),
            instrument_version,
            venue_time: top.quote.venue_time.map(wire::timestamp),
            received_time: Some(wire::timestamp(top.received)),
            staleness: silence.map(wire::duration),
            stale: !(sound && self.carries(top, now)),
        })
    }
}

/// Returns a level in steps. One that is off the steps or not above zero is no price (F75, F96):
/// the rules changed and the instrument is not refreshed yet, or the venue's number makes no sense.
fn scaled(instrument: &Instrument, level: PriceLevel) -> Option<(i64, i64)> {
    let ticks = scale::ticks(instrument, level.price)
        .ok()
        .filter(|ticks| *ticks > 0)?;
    let lots = scale::lots(instrument, level.quantity)
        .ok()
        .filter(|lots| *lots > 0)?;
    Some((ticks, lots))
}
