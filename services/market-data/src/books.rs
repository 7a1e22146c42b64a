//! The order book of one instrument: the venue's chain of changes, and our own sequence on top.

use bytes::Bytes;
use chimera_contracts::market_data::v1::{
    Channel, Freshness, FreshnessChange, OrderBookDelta, market_update::Update,
};
use chimera_model::{
    Instrument, UnixNanos,
    book::{BookState as State, BookSync, Delta, Level, SequenceRule, StaleReason, SyncOutcome},
};
use chimera_venue::{DepthFrame, DepthSnapshot, VenueError};
use std::sync::Arc;

use crate::{codec, encode, topic::Snapshot};

/// Changes in a row that may leave bid and ask crossed before the book counts as stale: venues of
/// this mesh send whole states, so none may.
const CROSSED_GRACE: u32 = 0;
/// Levels a side in a snapshot that replaces a broken book for everybody.
const WHOLE: usize = 1_000;

/// A book with its synchronisation.
#[derive(Debug)]
pub struct BookState {
    instrument: Arc<Instrument>,
    sync: BookSync,
    received: Option<UnixNanos>,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

/// What a step asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing changed for readers.
    Quiet,
    /// Readers are told this.
    Change(Bytes),
    /// The book is stale; readers are told, and a snapshot is to be fetched.
    Fetch(Option<Bytes>),
}

impl BookState {
    /// Returns a book that waits for its snapshot.
    pub fn new(instrument: Arc<Instrument>, rule: SequenceRule) -> Self {
        Self {
            instrument,
            sync: BookSync::new(rule, CROSSED_GRACE),
            received: None,
            bids: Vec::new(),
            asks: Vec::new(),
        }
    }

    /// Returns whether the book can be vouched for.
    pub fn state(&self) -> State {
        self.sync.book().state()
    }

    /// Returns the book as a message.
    pub fn message(&self, seq: u64, depth: usize) -> chimera_contracts::market_data::v1::OrderBook {
        encode::book(
            &self.instrument,
            self.sync.book(),
            depth,
            seq,
            self.received,
        )
    }

    /// Takes a change of the venue's.
    ///
    /// # Errors
    /// Fails on levels that cannot be read at the instrument's scales; the book is then stale.
    pub fn on_depth(
        &mut self,
        frame: &DepthFrame<'_>,
        received: UnixNanos,
        seq: u64,
    ) -> Result<Step, VenueError> {
        self.bids.clear();
        self.asks.clear();
        frame.bids.read_into(&self.instrument, &mut self.bids)?;
        frame.asks.read_into(&self.instrument, &mut self.asks)?;
        let was_live = self.state() == State::Live;
        let delta = Delta {
            first_update_id: frame.first_update_id,
            last_update_id: frame.last_update_id,
            previous_update_id: frame.previous_update_id,
            bids: &self.bids,
            asks: &self.asks,
            venue_time: Some(frame.venue_time),
        };
        Ok(match self.sync.on_delta(&delta) {
            SyncOutcome::Updated => {
                self.received = Some(received);
                Step::Change(self.encode_delta(frame.venue_time, received, seq))
            }
            SyncOutcome::Buffered | SyncOutcome::Unchanged => Step::Quiet,
            SyncOutcome::NeedSnapshot(_) => Step::Fetch(was_live.then(|| self.encode_stale())),
        })
    }

    /// Takes a snapshot; the changes that waited for it are applied on top.
    pub fn on_snapshot(&mut self, snapshot: &DepthSnapshot, received: UnixNanos, seq: u64) -> Step {
        match self.sync.on_snapshot(&snapshot.as_snapshot()) {
            SyncOutcome::NeedSnapshot(_) => Step::Fetch(None),
            _ => {
                self.received = Some(received);
                Step::Change(codec::element(Update::BookSnapshot(
                    self.message(seq + 1, WHOLE),
                )))
            }
        }
    }

    /// Marks the book stale and forgets what waited; returns the change unless it was stale already.
    pub fn stale(&mut self, reason: StaleReason) -> Option<Bytes> {
        let was_live = self.state() == State::Live;
        self.sync.reset(reason);
        was_live.then(|| self.encode_stale())
    }

    /// Goes on with an instrument whose rules changed: other scales need another snapshot (F68).
    pub fn rescale(&mut self, instrument: Arc<Instrument>) -> Option<Bytes> {
        self.instrument = instrument;
        self.stale(StaleReason::NoSnapshot)
    }

    fn encode_delta(&self, venue_time: UnixNanos, received: UnixNanos, seq: u64) -> Bytes {
        let (bid_prices, bid_quantities) = encode::split(&self.bids);
        let (ask_prices, ask_quantities) = encode::split(&self.asks);
        codec::element(Update::BookDelta(OrderBookDelta {
            venue: self.instrument.venue.to_string(),
            symbol: self.instrument.symbol.to_string(),
            price_scale: u32::from(self.instrument.price_scale),
            quantity_scale: u32::from(self.instrument.quantity_scale),
            bid_prices,
            bid_quantities,
            ask_prices,
            ask_quantities,
            prev_seq: seq,
            seq: seq + 1,
            venue_time: Some(encode::time(venue_time)),
            received_time: Some(encode::time(received)),
        }))
    }

    fn encode_stale(&self) -> Bytes {
        codec::element(Update::Freshness(FreshnessChange {
            venue: self.instrument.venue.to_string(),
            symbol: self.instrument.symbol.to_string(),
            channel: Channel::Book.into(),
            freshness: Freshness::Stale.into(),
            reason: encode::stale_reason(self.state()),
            staleness: None,
        }))
    }
}

impl Snapshot for BookState {
    const NEWEST_ONLY: bool = false;
    const MAKES_GOOD: bool = true;

    fn snapshot(&self, seq: u64, depth: usize) -> Option<Bytes> {
        // A book that never had a snapshot has nothing to show; the first one comes as a change.
        self.received?;
        Some(codec::element(Update::BookSnapshot(
            self.message(seq, depth),
        )))
    }
}
