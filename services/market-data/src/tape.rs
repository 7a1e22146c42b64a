//! Public trades of one instrument, and the bars that are built from them.

use bytes::Bytes;
use chimera_contracts::market_data::v1::market_update::Update;
use chimera_model::{
    DecimalError, UnixNanos,
    market::{Bar, Trade},
};

use crate::{bars::BarBuilder, codec, encode, topic::Snapshot};

/// The stream of trades; nothing of the past is shown to who comes later.
#[derive(Debug, Default)]
pub struct TapeState {
    last_trade_id: Option<u64>,
}

impl TapeState {
    /// Takes a trade; one that was seen before is no news (F94).
    pub fn on_trade(&mut self, id: u64, trade: &Trade, received: UnixNanos) -> Option<Bytes> {
        if self.last_trade_id.is_some_and(|last| id <= last) {
            return None;
        }
        self.last_trade_id = Some(id);
        Some(codec::element(Update::Trade(encode::trade(
            trade, received, false,
        ))))
    }
}

impl Snapshot for TapeState {
    const NEWEST_ONLY: bool = false;
    const MAKES_GOOD: bool = false;

    fn snapshot(&self, _seq: u64, _depth: usize) -> Option<Bytes> {
        None
    }
}

/// The bars of one interval.
#[derive(Debug)]
pub struct BarsState {
    builder: BarBuilder,
    last_trade_id: Option<u64>,
    /// The bar that was open when the building began, by the venue's word.
    first: Option<Bar>,
}

impl BarsState {
    /// Returns a state without a bar.
    pub fn new(builder: BarBuilder) -> Self {
        Self {
            builder,
            last_trade_id: None,
            first: None,
        }
    }

    /// Returns the builder.
    pub fn builder(&self) -> &BarBuilder {
        &self.builder
    }

    /// Takes the venue's word on the bar that was open when the building began.
    pub fn on_first(&mut self, bar: Bar) -> Option<Bytes> {
        if bar.open_time >= self.builder.begin() || self.first.as_ref() == Some(&bar) {
            return None;
        }
        let bytes = codec::element(Update::Bar(encode::bar(&bar)));
        self.first = Some(bar);
        Some(bytes)
    }

    /// Returns whether the venue has yet to say how the first bar ended.
    pub fn awaits_first(&self) -> bool {
        !self.first.as_ref().is_some_and(|bar| bar.closed)
    }

    /// Takes a trade.
    ///
    /// # Errors
    /// Fails when a sum needs more digits than are held.
    pub fn on_trade(&mut self, id: u64, trade: &Trade) -> Result<Option<Bytes>, DecimalError> {
        if self.last_trade_id.is_some_and(|last| id <= last) {
            return Ok(None);
        }
        self.last_trade_id = Some(id);
        Ok(elements(&self.builder.on_trade(trade)?))
    }

    /// Closes what ended before `now`.
    pub fn on_time(&mut self, now: UnixNanos) -> Option<Bytes> {
        elements(&self.builder.on_time(now))
    }
}

/// Several bars may change at once; they travel as one change.
fn elements(bars: &[Bar]) -> Option<Bytes> {
    let encoded: Vec<Bytes> = bars
        .iter()
        .map(|bar| codec::element(Update::Bar(encode::bar(bar))))
        .collect();
    (!encoded.is_empty()).then(|| encoded.concat().into())
}

impl Snapshot for BarsState {
    const NEWEST_ONLY: bool = false;
    // Bars that closed meanwhile are not in it.
    const MAKES_GOOD: bool = false;

    fn snapshot(&self, _seq: u64, _depth: usize) -> Option<Bytes> {
        let bar = self.builder.current().or(self.first.as_ref())?;
        Some(codec::element(Update::Bar(encode::bar(bar))))
    }
}
