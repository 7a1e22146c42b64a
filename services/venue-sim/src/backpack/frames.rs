//! Payloads of the public streams.

use serde_json::{Value, json};

use super::format::{micros, padded, plain, price, quantity, second};
use super::market_data::index_price;
use crate::chain::Update;
use crate::engine::{Price, Quantity};
use crate::exchange::{Candle, Exchange, Instrument, InstrumentId, PublicTrade};
use crate::intervals::Interval;

/// Decimals beyond the tick that mark and index prices bear.
const MARK_DECIMALS: u32 = 8;

/// A level of a book: what is offered at which price.
type Level = (Price, Quantity);

fn levels(instrument: &Instrument, levels: &[Level]) -> Vec<[String; 2]> {
    let level = |(at, of): &Level| [price(instrument, *at), quantity(instrument, *of)];
    levels.iter().map(level).collect()
}

/// Writes changes of a book.
pub(super) fn depth(instrument: &Instrument, update: &Update, now_ms: u64) -> Value {
    json!({
        "e": "depth", "E": micros(now_ms), "s": instrument.symbol,
        "a": levels(instrument, &update.asks), "b": levels(instrument, &update.bids),
        "U": update.first, "u": update.last, "T": micros(update.time_ms),
    })
}

/// Writes the best of both sides, null where a side is empty.
pub(super) fn book_ticker(
    instrument: &Instrument,
    best: (Option<Level>, Option<Level>),
    last: u64,
    times: (u64, u64),
) -> Value {
    let at = |level: Option<Level>| level.map(|(at, _)| price(instrument, at));
    let of = |level: Option<Level>| level.map(|(_, of)| quantity(instrument, of));
    let (bid, ask) = best;
    json!({
        "e": "bookTicker", "E": micros(times.0), "s": instrument.symbol,
        "a": at(ask), "A": of(ask), "b": at(bid), "B": of(bid),
        "u": last, "T": micros(times.1),
    })
}

/// Writes a trade. A recorded market does not tell whose orders met; its trades bear zeros.
pub(super) fn trade(instrument: &Instrument, trade: &PublicTrade, now_ms: u64) -> Value {
    let (buyer, seller) = if trade.buyer_is_maker {
        (trade.maker, trade.taker)
    } else {
        (trade.taker, trade.maker)
    };
    let id = |order: Option<u64>| order.unwrap_or_default().to_string();
    json!({
        "e": "trade", "E": micros(now_ms), "s": instrument.symbol,
        "p": price(instrument, trade.price), "q": quantity(instrument, trade.quantity),
        "b": id(buyer), "a": id(seller), "t": trade.id,
        "T": micros(trade.time_ms), "m": trade.buyer_is_maker,
    })
}

/// Writes the last day.
pub(super) fn ticker(instrument: &Instrument, day: &Candle, now_ms: u64) -> Value {
    json!({
        "e": "ticker", "E": micros(now_ms), "s": instrument.symbol,
        "o": price(instrument, day.open), "c": price(instrument, day.close),
        "h": price(instrument, day.high), "l": price(instrument, day.low),
        "v": quantity(instrument, day.volume), "V": plain(day.quote), "n": day.trades,
    })
}

/// Writes a bar.
pub(super) fn kline(
    instrument: &Instrument,
    length: Interval,
    bar: &Candle,
    closed: bool,
    now_ms: u64,
) -> Value {
    json!({
        "e": "kline", "E": micros(now_ms), "s": instrument.symbol,
        "t": second(bar.open_ms, 'T'), "T": second(length.end(bar.open_ms) + 1, 'T'),
        "o": price(instrument, bar.open), "c": price(instrument, bar.close),
        "h": price(instrument, bar.high), "l": price(instrument, bar.low),
        "v": quantity(instrument, bar.volume), "n": bar.trades, "X": closed,
    })
}

/// Writes mark price, index price and funding.
pub(super) fn mark_price(exchange: &Exchange, id: InstrumentId, now_ms: u64) -> Value {
    let mark = |price: Price| padded(price.decimal(), MARK_DECIMALS);
    json!({
        "e": "markPrice", "E": micros(now_ms), "s": exchange.instrument(id).symbol,
        "p": mark(exchange.mark(id)), "f": plain(exchange.funding_rate()),
        "i": mark(index_price(exchange, id)), "n": exchange.next_funding_ms(),
        "T": micros(now_ms),
    })
}

/// Writes open interest.
pub(super) fn open_interest(exchange: &Exchange, id: InstrumentId, now_ms: u64) -> Value {
    json!({
        "e": "openInterest", "E": micros(now_ms), "s": exchange.instrument(id).symbol,
        "o": plain(exchange.open_interest(id)),
    })
}
