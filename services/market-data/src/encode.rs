//! The model's words as the contract's.

use std::time::Duration;

use chimera_contracts::{
    common::v1::{
        Instrument as InstrumentMessage, InstrumentKind, InstrumentStatus, Side as SideWord,
    },
    market_data::v1::{
        self as pb, BarInterval as IntervalWord, Freshness, OrderBook as BookMessage,
    },
};
use chimera_model::{
    Decimal, Instrument, Side, UnixNanos,
    book::{BookState, Level, OrderBook, StaleReason},
    instrument::{InstrumentKind as Kind, InstrumentStatus as State},
    market::{Bar, BarInterval, Trade},
};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Returns a time of the contract.
pub fn time(time: UnixNanos) -> prost_types::Timestamp {
    let nanos = time.as_nanos();
    prost_types::Timestamp {
        seconds: i64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(i64::MAX),
        nanos: i32::try_from(nanos % NANOS_PER_SECOND).unwrap_or(0),
    }
}

/// Returns a duration of the contract; what does not fit is the longest one.
pub fn duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or(0),
    }
}

/// Returns an instrument of the contract.
pub fn instrument(instrument: &Instrument) -> InstrumentMessage {
    InstrumentMessage {
        venue: instrument.venue.to_string(),
        symbol: instrument.symbol.to_string(),
        venue_symbol: instrument.venue_symbol.to_string(),
        kind: match instrument.kind {
            Kind::Spot => InstrumentKind::Spot,
            Kind::Perpetual => InstrumentKind::Perpetual,
        }
        .into(),
        base_asset: instrument.base.to_string(),
        quote_asset: instrument.quote.to_string(),
        settle_asset: instrument.settle.to_string(),
        tick_size: instrument.tick_size.to_string(),
        lot_size: instrument.lot_size.to_string(),
        min_quantity: instrument.min_quantity.to_string(),
        max_quantity: instrument.max_quantity.to_string(),
        max_market_quantity: instrument
            .market_lot
            .as_ref()
            .map_or(instrument.max_quantity, |lot| lot.max_quantity)
            .to_string(),
        min_notional: instrument.min_notional.unwrap_or(Decimal::ZERO).to_string(),
        contract_multiplier: instrument.contract_multiplier.to_string(),
        status: match instrument.status {
            State::Trading => InstrumentStatus::Trading,
            State::CancelOnly => InstrumentStatus::CancelOnly,
            _ => InstrumentStatus::Halted,
        }
        .into(),
        version: instrument.version,
    }
}

/// Returns a trade of the contract.
pub fn trade(trade: &Trade, received: UnixNanos, replayed: bool) -> pb::Trade {
    pb::Trade {
        venue: trade.venue.to_string(),
        symbol: trade.symbol.to_string(),
        trade_id: trade.trade_id.to_string(),
        price: trade.price.to_string(),
        quantity: trade.quantity.to_string(),
        aggressor: match trade.taker_side {
            Side::Buy => SideWord::Buy,
            Side::Sell => SideWord::Sell,
        }
        .into(),
        venue_time: Some(time(trade.venue_time)),
        received_time: Some(time(received)),
        replayed,
    }
}

/// Returns a bar of the contract.
pub fn bar(bar: &Bar) -> pb::Bar {
    pb::Bar {
        venue: bar.venue.to_string(),
        symbol: bar.symbol.to_string(),
        interval: interval_word(bar.interval).into(),
        open_time: Some(time(bar.open_time)),
        open: bar.open.to_string(),
        high: bar.high.to_string(),
        low: bar.low.to_string(),
        close: bar.close.to_string(),
        volume: bar.volume.to_string(),
        quote_volume: bar.quote_volume.to_string(),
        trade_count: bar.trades,
        closed: bar.closed,
    }
}

/// Returns the contract's word for an interval.
pub fn interval_word(interval: BarInterval) -> IntervalWord {
    match interval {
        BarInterval::OneMinute => IntervalWord::BarInterval1m,
        BarInterval::ThreeMinutes => IntervalWord::BarInterval3m,
        BarInterval::FiveMinutes => IntervalWord::BarInterval5m,
        BarInterval::FifteenMinutes => IntervalWord::BarInterval15m,
        BarInterval::ThirtyMinutes => IntervalWord::BarInterval30m,
        BarInterval::OneHour => IntervalWord::BarInterval1h,
        BarInterval::FourHours => IntervalWord::BarInterval4h,
        BarInterval::OneDay => IntervalWord::BarInterval1d,
        _ => IntervalWord::Unspecified,
    }
}

/// Returns the interval that the contract's word means.
pub fn interval(word: IntervalWord) -> Option<BarInterval> {
    BarInterval::ALL
        .into_iter()
        .find(|interval| word != IntervalWord::Unspecified && interval_word(*interval) == word)
}

/// Returns why a book is stale, in words; empty when it is live.
pub fn stale_reason(state: BookState) -> String {
    let BookState::Stale(reason) = state else {
        return String::new();
    };
    match reason {
        StaleReason::NoSnapshot => "no snapshot yet".to_owned(),
        StaleReason::Gap { expected, got } => {
            format!("gap: {expected} should have followed, {got} came")
        }
        StaleReason::SnapshotTooOld => "the snapshot is older than the stream".to_owned(),
        StaleReason::Crossed => "bid and ask are crossed".to_owned(),
        StaleReason::Malformed => "a level made no sense".to_owned(),
        StaleReason::BufferFull => "no snapshot came in time".to_owned(),
        StaleReason::Disconnected => "the venue's stream is lost or silent".to_owned(),
    }
}

/// Returns a book of the contract, down to `depth` levels.
pub fn book(
    instrument: &Instrument,
    book: &OrderBook,
    depth: usize,
    seq: u64,
    received: Option<UnixNanos>,
) -> BookMessage {
    let view = book.depth(depth);
    let (bid_prices, bid_quantities) = split(&view.bids);
    let (ask_prices, ask_quantities) = split(&view.asks);
    let freshness = match book.state() {
        BookState::Live => Freshness::Live,
        BookState::Stale(_) => Freshness::Stale,
    };
    BookMessage {
        venue: instrument.venue.to_string(),
        symbol: instrument.symbol.to_string(),
        price_scale: u32::from(instrument.price_scale),
        quantity_scale: u32::from(instrument.quantity_scale),
        bid_prices,
        bid_quantities,
        ask_prices,
        ask_quantities,
        seq,
        venue_update_id: book.last_update_id().to_string(),
        venue_time: book.venue_time().map(time),
        received_time: received.map(time),
        freshness: freshness.into(),
        stale_reason: stale_reason(book.state()),
        partial: view.partial,
    }
}

/// Splits levels into the contract's parallel arrays.
pub fn split(levels: &[Level]) -> (Vec<i64>, Vec<i64>) {
    levels
        .iter()
        .map(|level| (level.price.0, level.quantity.0))
        .unzip()
}
