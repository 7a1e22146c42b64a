//! The newest prices of one instrument, merged from the venue's quote and day streams.

use bytes::Bytes;
use chimera_contracts::market_data::v1::{Freshness, Ticker, market_update::Update};
use chimera_model::{Instrument, UnixNanos, market::PriceLevel};
use chimera_venue::{QuoteFrame, TickerFrame};

use crate::{codec, encode, topic::Snapshot};

/// A ticker and its bytes.
#[derive(Debug)]
pub struct TickerState {
    ticker: Ticker,
    update_id: Option<u64>,
    bytes: Bytes,
}

impl TickerState {
    /// Returns a ticker that nothing is known of yet.
    pub fn new(instrument: &Instrument) -> Self {
        let ticker = Ticker {
            venue: instrument.venue.to_string(),
            symbol: instrument.symbol.to_string(),
            freshness: Freshness::Stale.into(),
            ..Ticker::default()
        };
        Self {
            ticker,
            update_id: None,
            bytes: Bytes::new(),
        }
    }

    /// Returns the ticker as it stands.
    pub fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    /// Takes a best bid and ask; an older one than held changes nothing (F91).
    pub fn on_quote(
        &mut self,
        quote: &QuoteFrame<'_>,
        received: UnixNanos,
        seq: u64,
    ) -> Option<Bytes> {
        if quote
            .update_id
            .zip(self.update_id)
            .is_some_and(|(now, held)| now < held)
        {
            return None;
        }
        self.update_id = quote.update_id.or(self.update_id);
        let texts = |level: &Option<PriceLevel>| {
            level.map_or_else(Default::default, |level| {
                (level.price.to_string(), level.quantity.to_string())
            })
        };
        (self.ticker.bid_price, self.ticker.bid_quantity) = texts(&quote.bid);
        (self.ticker.ask_price, self.ticker.ask_quantity) = texts(&quote.ask);
        self.ticker.venue_time = quote.venue_time.map(encode::time);
        self.ticker.freshness = Freshness::Live.into();
        Some(self.encode(received, seq))
    }

    /// Takes the last day's price and volume. Before the first quote they are kept, not told: a ticker
    /// without bid and ask is no ticker.
    pub fn on_day(
        &mut self,
        day: &TickerFrame<'_>,
        received: UnixNanos,
        seq: u64,
    ) -> Option<Bytes> {
        let last = day.last.map_or_else(String::new, |price| price.to_string());
        let volume = day.volume.to_string();
        if last == self.ticker.last_price && volume == self.ticker.volume_24h {
            return None;
        }
        (self.ticker.last_price, self.ticker.volume_24h) = (last, volume);
        (!self.bytes.is_empty()).then(|| self.encode(received, seq))
    }

    /// Marks the ticker stale; returns the change unless it was stale already. What a connection said
    /// about update ids ends with it.
    pub fn stale(&mut self, seq: u64) -> Option<Bytes> {
        self.update_id = None;
        if self.ticker.freshness() == Freshness::Stale {
            return None;
        }
        self.ticker.freshness = Freshness::Stale.into();
        self.ticker.seq = seq + 1;
        self.bytes = codec::element(Update::Ticker(self.ticker.clone()));
        Some(self.bytes.clone())
    }

    fn encode(&mut self, received: UnixNanos, seq: u64) -> Bytes {
        self.ticker.received_time = Some(encode::time(received));
        self.ticker.seq = seq + 1;
        self.bytes = codec::element(Update::Ticker(self.ticker.clone()));
        self.bytes.clone()
    }
}

impl Snapshot for TickerState {
    const NEWEST_ONLY: bool = true;
    const MAKES_GOOD: bool = true;

    fn snapshot(&self, _seq: u64, _depth: usize) -> Option<Bytes> {
        (!self.bytes.is_empty()).then(|| self.bytes.clone())
    }
}
