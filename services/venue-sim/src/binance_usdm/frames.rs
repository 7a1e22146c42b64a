//! Public frames, field by field as the venue writes them since 2026 (`ps`, `st`).

use serde::Serialize;

use super::aggregate::AggTrade;
use super::format;
use super::market_data::{Day, Level};
use crate::engine::{Price, Quantity};
use crate::exchange::{Candle, Instrument, PublicTrade, Status};
use crate::intervals::Interval;

/// The state of an instrument as frames carry it: one is trading.
fn state(instrument: &Instrument) -> u8 {
    match instrument.status {
        Status::Trading => 1,
        Status::Halted => 0,
    }
}

fn write(frame: &impl Serialize) -> String {
    // Frames are plain structures of text and numbers; those always serialise.
    serde_json::to_string(frame).unwrap_or_default()
}

/// A change of a book, or its best levels.
pub(super) struct Depth {
    pub first: u64,
    pub last: u64,
    pub previous: u64,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

pub(super) fn depth(instrument: &Instrument, now_ms: u64, time_ms: u64, depth: Depth) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        e: &'static str,
        #[serde(rename = "E")]
        event_ms: u64,
        #[serde(rename = "T")]
        time_ms: u64,
        s: &'a str,
        ps: &'a str,
        #[serde(rename = "U")]
        first: u64,
        u: u64,
        pu: u64,
        b: Vec<Level>,
        a: Vec<Level>,
        st: u8,
    }
    write(&Frame {
        e: "depthUpdate",
        event_ms: now_ms,
        time_ms,
        s: &instrument.symbol,
        ps: &instrument.symbol,
        first: depth.first,
        u: depth.last,
        pu: depth.previous,
        b: depth.bids,
        a: depth.asks,
        st: state(instrument),
    })
}

pub(super) fn book_ticker(
    instrument: &Instrument,
    now_ms: u64,
    time_ms: u64,
    last: u64,
    bid: (Price, Quantity),
    ask: (Price, Quantity),
) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        e: &'static str,
        u: u64,
        s: &'a str,
        ps: &'a str,
        b: String,
        #[serde(rename = "B")]
        bid_quantity: String,
        a: String,
        #[serde(rename = "A")]
        ask_quantity: String,
        #[serde(rename = "T")]
        time_ms: u64,
        #[serde(rename = "E")]
        event_ms: u64,
        st: u8,
    }
    write(&Frame {
        e: "bookTicker",
        u: last,
        s: &instrument.symbol,
        ps: &instrument.symbol,
        b: format::price(instrument, bid.0),
        bid_quantity: format::quantity(instrument, bid.1),
        a: format::price(instrument, ask.0),
        ask_quantity: format::quantity(instrument, ask.1),
        time_ms,
        event_ms: now_ms,
        st: state(instrument),
    })
}

pub(super) fn trade(instrument: &Instrument, now_ms: u64, trade: &PublicTrade) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        e: &'static str,
        #[serde(rename = "E")]
        event_ms: u64,
        #[serde(rename = "T")]
        time_ms: u64,
        s: &'a str,
        ps: &'a str,
        t: u64,
        p: String,
        q: String,
        #[serde(rename = "X")]
        origin: &'static str,
        m: bool,
        st: u8,
    }
    write(&Frame {
        e: "trade",
        event_ms: now_ms,
        time_ms: trade.time_ms,
        s: &instrument.symbol,
        ps: &instrument.symbol,
        t: trade.id,
        p: format::price(instrument, trade.price),
        q: format::quantity(instrument, trade.quantity),
        origin: "MARKET",
        m: trade.buyer_is_maker,
        st: state(instrument),
    })
}

pub(super) fn agg_trade(instrument: &Instrument, now_ms: u64, trade: &AggTrade) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        e: &'static str,
        #[serde(rename = "E")]
        event_ms: u64,
        a: u64,
        s: &'a str,
        ps: &'a str,
        p: String,
        q: String,
        f: u64,
        l: u64,
        #[serde(rename = "T")]
        time_ms: u64,
        m: bool,
        st: u8,
    }
    write(&Frame {
        e: "aggTrade",
        event_ms: now_ms,
        a: trade.id,
        s: &instrument.symbol,
        ps: &instrument.symbol,
        p: format::price(instrument, trade.price),
        q: format::quantity(instrument, trade.quantity),
        f: trade.first,
        l: trade.last,
        time_ms: trade.time_ms,
        m: trade.buyer_is_maker,
        st: state(instrument),
    })
}

#[derive(Serialize)]
struct MarkPrice<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_ms: u64,
    s: &'a str,
    ps: &'a str,
    p: String,
    #[serde(rename = "P")]
    settle: String,
    i: String,
    r: String,
    #[serde(rename = "T")]
    funding_ms: u64,
    st: u8,
}

/// What the mark price stream tells of an instrument.
pub(super) struct Mark {
    pub price: Price,
    pub rate: rust_decimal::Decimal,
    pub funding_ms: u64,
}

pub(super) fn mark_price(instrument: &Instrument, now_ms: u64, mark: &Mark) -> String {
    let price = format::money(mark.price.decimal());
    write(&MarkPrice {
        e: "markPriceUpdate",
        event_ms: now_ms,
        s: &instrument.symbol,
        ps: &instrument.symbol,
        p: price.clone(),
        settle: price.clone(),
        i: price,
        r: format::money(mark.rate),
        funding_ms: mark.funding_ms,
        st: state(instrument),
    })
}

pub(super) fn kline(
    instrument: &Instrument,
    now_ms: u64,
    name: &str,
    interval: Interval,
    bar: &Candle,
    closed: bool,
) -> String {
    #[derive(Serialize)]
    struct Bar<'a> {
        t: u64,
        #[serde(rename = "T")]
        close_ms: u64,
        s: &'a str,
        i: &'a str,
        f: u64,
        #[serde(rename = "L")]
        last: u64,
        o: String,
        c: String,
        h: String,
        l: String,
        v: String,
        n: u64,
        x: bool,
        q: String,
        #[serde(rename = "V")]
        taker_volume: String,
        #[serde(rename = "Q")]
        taker_quote: String,
        #[serde(rename = "B")]
        unused: &'static str,
    }
    #[derive(Serialize)]
    struct Frame<'a> {
        e: &'static str,
        #[serde(rename = "E")]
        event_ms: u64,
        s: &'a str,
        ps: &'a str,
        k: Bar<'a>,
        st: u8,
    }
    write(&Frame {
        e: "kline",
        event_ms: now_ms,
        s: &instrument.symbol,
        ps: &instrument.symbol,
        k: Bar {
            t: bar.open_ms,
            close_ms: interval.end(bar.open_ms),
            s: &instrument.symbol,
            i: name,
            f: bar.first,
            last: bar.last,
            o: format::price(instrument, bar.open),
            c: format::price(instrument, bar.close),
            h: format::price(instrument, bar.high),
            l: format::price(instrument, bar.low),
            v: format::quantity(instrument, bar.volume),
            n: bar.trades,
            x: closed,
            q: format::quote(instrument, bar.quote),
            taker_volume: format::quantity(instrument, bar.taker_volume),
            taker_quote: format::quote(instrument, bar.taker_quote),
            unused: "0",
        },
        st: state(instrument),
    })
}

pub(super) fn ticker(instrument: &Instrument, now_ms: u64, day: Day) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        e: &'static str,
        #[serde(rename = "E")]
        event_ms: u64,
        s: &'a str,
        ps: &'a str,
        p: String,
        #[serde(rename = "P")]
        percent: String,
        w: String,
        c: String,
        #[serde(rename = "Q")]
        last_quantity: String,
        o: String,
        h: String,
        l: String,
        v: String,
        q: String,
        #[serde(rename = "O")]
        open_ms: u64,
        #[serde(rename = "C")]
        close_ms: u64,
        #[serde(rename = "F")]
        first: u64,
        #[serde(rename = "L")]
        last: u64,
        n: u64,
        st: u8,
    }
    write(&Frame {
        e: "24hrTicker",
        event_ms: now_ms,
        s: &instrument.symbol,
        ps: &instrument.symbol,
        p: day.price_change,
        percent: day.price_change_percent,
        w: day.weighted_avg_price,
        c: day.last_price,
        last_quantity: day.last_qty,
        o: day.open_price,
        h: day.high_price,
        l: day.low_price,
        v: day.volume,
        q: day.quote_volume,
        open_ms: day.open_time,
        close_ms: day.close_time,
        first: day.first_id,
        last: day.last_id,
        n: day.count,
        st: state(instrument),
    })
}

pub(super) fn mini_ticker(instrument: &Instrument, now_ms: u64, day: Day) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        e: &'static str,
        #[serde(rename = "E")]
        event_ms: u64,
        s: &'a str,
        ps: &'a str,
        c: String,
        o: String,
        h: String,
        l: String,
        v: String,
        q: String,
        st: u8,
    }
    write(&Frame {
        e: "24hrMiniTicker",
        event_ms: now_ms,
        s: &instrument.symbol,
        ps: &instrument.symbol,
        c: day.last_price,
        o: day.open_price,
        h: day.high_price,
        l: day.low_price,
        v: day.volume,
        q: day.quote_volume,
        st: state(instrument),
    })
}
