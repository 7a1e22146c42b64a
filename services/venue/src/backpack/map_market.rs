//! Market data: theirs to ours.

use chimera_model::book::Level;
use chimera_model::market::{Bar, BarInterval, PriceLevel, Quote, Ticker, Trade};
use chimera_model::{Decimal, Instrument, TradeId, UnixNanos};

use super::{wire_market as wire, wire_time};
use crate::checked::{levels, not_negative, positive, price, same_symbol, taker_side};
use crate::error::VenueError;
use crate::public::DepthSnapshot;
use crate::wire_value::Whole;

/// Returns an id or count of theirs.
pub(super) fn natural(whole: Whole) -> Result<u64, VenueError> {
    let negative = |_| VenueError::unreadable(format!("{whole:?} is below zero"));
    u64::try_from(whole.0).map_err(negative)
}

/// Both sides are written from the lowest price up.
pub(super) fn depth(
    body: &[u8],
    instrument: &Instrument,
    depth_limit: usize,
) -> Result<DepthSnapshot, VenueError> {
    let depth: wire::Depth<'_> = serde_json::from_slice(body)?;
    let mut bids = levels(depth.bids.get(), instrument, depth_limit)?;
    let mut asks = levels(depth.asks.get(), instrument, depth_limit)?;
    bids.sort_unstable_by_key(|level| std::cmp::Reverse(level.price.0));
    asks.sort_unstable_by_key(|level| level.price.0);
    Ok(DepthSnapshot {
        last_update_id: natural(depth.last_update_id)?,
        bids,
        asks,
        depth_limit,
        venue_time: depth.timestamp.map(wire_time::micros).transpose()?,
    })
}

/// The venue answers no quote: it is the top of a short book. Its id is the book's, which quotes
/// of the stream are not numbered by.
pub(super) fn quote(
    body: &[u8],
    instrument: &Instrument,
    depth: usize,
) -> Result<Quote, VenueError> {
    let book = self::depth(body, instrument, depth)?;
    Ok(Quote {
        venue: instrument.venue,
        symbol: instrument.symbol,
        bid: top(&book.bids, instrument)?,
        ask: top(&book.asks, instrument)?,
        update_id: None,
        venue_time: book.venue_time,
    })
}

fn top(levels: &[Level], instrument: &Instrument) -> Result<Option<PriceLevel>, VenueError> {
    let Some(level) = levels.iter().find(|level| level.quantity.0 > 0) else {
        return Ok(None);
    };
    let unscaled = |value: i64, scale: u8| {
        Decimal::from_scaled(value, u32::from(scale))
            .map_err(|error| VenueError::unreadable(error.to_string()))
    };
    Ok(Some(PriceLevel {
        price: unscaled(level.price.0, instrument.price_scale)?,
        quantity: unscaled(level.quantity.0, instrument.quantity_scale)?,
    }))
}

/// A ticker names no time.
pub(super) fn ticker(
    ticker: &wire::Ticker<'_>,
    instrument: &Instrument,
) -> Result<Ticker, VenueError> {
    same_symbol(&ticker.symbol, instrument)?;
    Ok(Ticker {
        venue: instrument.venue,
        symbol: instrument.symbol,
        last: price(ticker.last)?,
        open: price(ticker.first)?,
        high: price(ticker.high)?,
        low: price(ticker.low)?,
        volume: not_negative(ticker.volume.0)?,
        quote_volume: not_negative(ticker.quote_volume.0)?,
        bid: None,
        ask: None,
        mark_price: None,
        venue_time: None,
    })
}

/// Reads trades, which come newest first. One without an id, or with zero, met outside the book
/// and is left out.
pub(super) fn trades(body: &[u8], instrument: &Instrument) -> Result<Vec<Trade>, VenueError> {
    let trades: Vec<wire::Trade> = serde_json::from_slice(body)?;
    let mut read = Vec::with_capacity(trades.len());
    for trade in &trades {
        let Some(id) = trade.id.filter(|id| id.0 != 0) else {
            continue;
        };
        let id = natural(id)?;
        let trade = Trade {
            venue: instrument.venue,
            symbol: instrument.symbol,
            trade_id: TradeId::new(&id.to_string())?,
            price: positive(trade.price.0)?,
            quantity: positive(trade.quantity.0)?,
            taker_side: taker_side(trade.buyer_is_maker.0),
            venue_time: wire_time::millis(trade.timestamp)?,
        };
        read.push((id, trade));
    }
    read.sort_by_key(|(id, _)| *id);
    Ok(read.into_iter().map(|(_, trade)| trade).collect())
}

/// Reads bars, oldest first. An interval in which nothing traded may have no prices: no bar.
pub(super) fn bars(
    body: &[u8],
    instrument: &Instrument,
    interval: BarInterval,
    now: UnixNanos,
) -> Result<Vec<Bar>, VenueError> {
    let bars: Vec<wire::Bar<'_>> = serde_json::from_slice(body)?;
    let mut read = Vec::with_capacity(bars.len());
    for bar in &bars {
        let (Some(open), Some(high), Some(low), Some(close)) =
            (bar.open, bar.high, bar.low, bar.close)
        else {
            continue;
        };
        let end_time = wire_time::date(&bar.end)?;
        read.push(Bar {
            venue: instrument.venue,
            symbol: instrument.symbol,
            interval,
            open_time: wire_time::date(&bar.start)?,
            end_time,
            open: not_negative(open.0)?,
            high: not_negative(high.0)?,
            low: not_negative(low.0)?,
            close: not_negative(close.0)?,
            volume: not_negative(bar.volume.0)?,
            quote_volume: not_negative(bar.quote_volume.0)?,
            trades: natural(bar.trades)?,
            closed: end_time <= now,
        });
    }
    read.sort_by_key(|bar| bar.open_time);
    Ok(read)
}
