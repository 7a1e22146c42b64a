//! Market data: theirs to ours.

use chimera_model::market::{Bar, BarInterval, Quote, Ticker, Trade};
use chimera_model::{Instrument, Side, TradeId, UnixNanos};

use super::wire_market as wire;
use crate::checked::{level, levels, not_negative, positive, price, same_symbol, taker_side};
use crate::error::VenueError;
use crate::public::DepthSnapshot;
use crate::wire_value::Number;

pub(super) fn depth(
    body: &[u8],
    instrument: &Instrument,
    depth_limit: usize,
) -> Result<DepthSnapshot, VenueError> {
    let depth: wire::Depth<'_> = serde_json::from_slice(body)?;
    let venue_time = depth
        .time
        .map(|time| UnixNanos::from_millis_any_age(time.0))
        .transpose()?;
    Ok(DepthSnapshot {
        last_update_id: depth.last_update_id,
        bids: levels(depth.bids.get(), instrument, depth_limit)?,
        asks: levels(depth.asks.get(), instrument, depth_limit)?,
        depth_limit,
        venue_time,
    })
}

pub(super) fn quote(body: &[u8], instrument: &Instrument) -> Result<Quote, VenueError> {
    let quote: wire::Quote<'_> = serde_json::from_slice(body)?;
    same_symbol(&quote.symbol, instrument)?;
    Ok(Quote {
        venue: instrument.venue,
        symbol: instrument.symbol,
        bid: level(quote.bid_price, quote.bid_quantity)?,
        ask: level(quote.ask_price, quote.ask_quantity)?,
        update_id: quote.last_update_id,
        venue_time: quote
            .time
            .map(|time| UnixNanos::from_millis_any_age(time.0))
            .transpose()?,
    })
}

pub(super) fn ticker(
    ticker: &wire::Ticker<'_>,
    instrument: &Instrument,
) -> Result<Ticker, VenueError> {
    same_symbol(&ticker.symbol, instrument)?;
    Ok(Ticker {
        venue: instrument.venue,
        symbol: instrument.symbol,
        last: price(ticker.last)?,
        open: price(ticker.open)?,
        high: price(ticker.high)?,
        low: price(ticker.low)?,
        volume: not_negative(ticker.volume.0)?,
        quote_volume: not_negative(ticker.quote_volume.0)?,
        bid: None,
        ask: None,
        mark_price: None,
        venue_time: Some(UnixNanos::from_millis_any_age(ticker.close_time.0)?),
    })
}

pub(super) fn trades(body: &[u8], instrument: &Instrument) -> Result<Vec<Trade>, VenueError> {
    let trades: Vec<wire::Trade> = serde_json::from_slice(body)?;
    let trade = |trade: &wire::Trade| {
        let taker = taker_side(trade.buyer_is_maker);
        one_trade(
            instrument,
            trade.id.0,
            trade.price,
            trade.quantity,
            taker,
            trade.time.0,
        )
    };
    trades.iter().map(trade).collect()
}

pub(super) fn aggregates(body: &[u8], instrument: &Instrument) -> Result<Vec<Trade>, VenueError> {
    let trades: Vec<wire::Aggregate> = serde_json::from_slice(body)?;
    let trade = |trade: &wire::Aggregate| {
        let taker = taker_side(trade.buyer_is_maker);
        one_trade(
            instrument,
            trade.aggregate_id.0,
            trade.price,
            trade.quantity,
            taker,
            trade.time.0,
        )
    };
    trades.iter().map(trade).collect()
}

fn one_trade(
    instrument: &Instrument,
    id: i64,
    price: Number,
    quantity: Number,
    taker_side: Side,
    time: i64,
) -> Result<Trade, VenueError> {
    Ok(Trade {
        venue: instrument.venue,
        symbol: instrument.symbol,
        trade_id: TradeId::new(&id.to_string())?,
        price: positive(price.0)?,
        quantity: positive(quantity.0)?,
        taker_side,
        venue_time: UnixNanos::from_millis_any_age(time)?,
    })
}

pub(super) fn bars(
    body: &[u8],
    instrument: &Instrument,
    interval: BarInterval,
    now: UnixNanos,
) -> Result<Vec<Bar>, VenueError> {
    let bars: Vec<wire::Bar> = serde_json::from_slice(body)?;
    bars.iter()
        .map(|bar| one_bar(bar, instrument, interval, now))
        .collect()
}

fn one_bar(
    bar: &wire::Bar,
    instrument: &Instrument,
    interval: BarInterval,
    now: UnixNanos,
) -> Result<Bar, VenueError> {
    let open_time = UnixNanos::from_millis_any_age(bar.0.0)?;
    // They name the last millisecond of the interval; ours is the first instant after it.
    let end_time = UnixNanos::from_millis_any_age(bar.6.0.saturating_add(1))?;
    Ok(Bar {
        venue: instrument.venue,
        symbol: instrument.symbol,
        interval,
        open_time,
        end_time,
        open: not_negative(bar.1.0)?,
        high: not_negative(bar.2.0)?,
        low: not_negative(bar.3.0)?,
        close: not_negative(bar.4.0)?,
        volume: not_negative(bar.5.0)?,
        quote_volume: not_negative(bar.7.0)?,
        trades: bar.8,
        closed: end_time <= now,
    })
}
