//! Public market data, in their words: answers and frames.
//!
//! Sections `Markets`, `Trades` and `Streams / Public`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire_value::{Number, Whole};

/// `{"asks":[["18.70","1.000"]],"bids":[…],"lastUpdateId":"94978271","timestamp":1694687965941000}`
#[derive(Debug, Deserialize)]
pub(super) struct Depth<'a> {
    #[serde(rename = "lastUpdateId")]
    pub last_update_id: Whole,
    pub timestamp: Option<Whole>,
    #[serde(borrow)]
    pub bids: &'a RawValue,
    #[serde(borrow)]
    pub asks: &'a RawValue,
}

/// `{"symbol":"ETH_USDC","firstPrice":"4202.87","lastPrice":"4182.41","high":"4349.75",
/// "low":"4161.84","volume":"6732.4927","quoteVolume":"28695174.189628","trades":"24843",…}`
#[derive(Debug, Deserialize)]
pub(super) struct Ticker<'a> {
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "firstPrice")]
    pub first: Number,
    #[serde(rename = "lastPrice")]
    pub last: Number,
    pub high: Number,
    pub low: Number,
    pub volume: Number,
    #[serde(rename = "quoteVolume")]
    pub quote_volume: Number,
}

/// `{"id":7558558,"price":"1626.15","quantity":"0.0333","timestamp":1781067801978,
/// "isBuyerMaker":true,…}`; trades without an id met outside the book.
#[derive(Debug, Deserialize)]
pub(super) struct Trade {
    pub id: Option<Whole>,
    pub price: Number,
    pub quantity: Number,
    pub timestamp: Whole,
    #[serde(rename = "isBuyerMaker")]
    pub buyer_is_maker: crate::wire_value::Truth,
}

/// `{"start":"2025-09-11 15:33:00","end":"2025-09-11 15:34:00","open":"4422.62","high":"4422.75",
/// "low":"4422.62","close":"4422.62","volume":"0.0176","quoteVolume":"77.840361","trades":"2"}`;
/// an interval without trades may have no prices.
#[derive(Debug, Deserialize)]
pub(super) struct Bar<'a> {
    #[serde(borrow)]
    pub start: Cow<'a, str>,
    #[serde(borrow)]
    pub end: Cow<'a, str>,
    pub open: Option<Number>,
    pub high: Option<Number>,
    pub low: Option<Number>,
    pub close: Option<Number>,
    pub volume: Number,
    #[serde(rename = "quoteVolume")]
    pub quote_volume: Number,
    pub trades: Whole,
}

/// `{"e":"depth","E":1694687965941000,"s":"SOL_USDC","a":[["18.70","0.000"]],"b":[…],
/// "U":94978271,"u":94978271,"T":1694687965940999}`
#[derive(Debug, Deserialize)]
pub(super) struct DepthFrame<'a> {
    #[serde(rename = "E")]
    pub event_time: Whole,
    #[serde(rename = "T")]
    pub time: Option<Whole>,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "U")]
    pub first_update_id: Whole,
    #[serde(rename = "u")]
    pub last_update_id: Whole,
    #[serde(rename = "b", borrow)]
    pub bids: &'a RawValue,
    #[serde(rename = "a", borrow)]
    pub asks: &'a RawValue,
}

/// `{"e":"bookTicker","E":1694687965941000,"s":"SOL_USDC","a":"18.70","A":"1.000","b":"18.67",
/// "B":"2.000","u":"111063070525358080","T":1694687965940999}`; an empty side is not written.
#[derive(Debug, Deserialize)]
pub(super) struct QuoteFrame<'a> {
    #[serde(rename = "u")]
    pub update_id: Option<Whole>,
    #[serde(rename = "T")]
    pub time: Option<Whole>,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "b")]
    pub bid_price: Option<Number>,
    #[serde(rename = "B")]
    pub bid_quantity: Option<Number>,
    #[serde(rename = "a")]
    pub ask_price: Option<Number>,
    #[serde(rename = "A")]
    pub ask_quantity: Option<Number>,
}

/// `{"e":"trade","E":1694688638091000,"s":"SOL_USDC","p":"18.68","q":"0.122","b":"1110…",
/// "a":"1110…","t":12345,"T":1694688638089000,"m":true}`
#[derive(Debug, Deserialize)]
pub(super) struct TradeFrame<'a> {
    #[serde(rename = "T")]
    pub time: Whole,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "t")]
    pub trade_id: Option<u64>,
    #[serde(rename = "p")]
    pub price: Number,
    #[serde(rename = "q")]
    pub quantity: Number,
    #[serde(rename = "m")]
    pub buyer_is_maker: bool,
}

/// `{"e":"kline","E":1694687692980000,"s":"SOL_USD","t":"2024-09-11T12:00:00",
/// "T":"2024-09-11T12:01:00","o":"18.75","c":"19.25","h":"19.80","l":"18.50","v":"32123",
/// "n":93828,"X":false}`; the length stands in the stream's name.
#[derive(Debug, Deserialize)]
pub(super) struct BarFrame<'a> {
    #[serde(rename = "E")]
    pub event_time: Whole,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "t")]
    pub start: &'a str,
    #[serde(rename = "T")]
    pub end: &'a str,
    #[serde(rename = "o")]
    pub open: Number,
    #[serde(rename = "c")]
    pub close: Number,
    #[serde(rename = "h")]
    pub high: Number,
    #[serde(rename = "l")]
    pub low: Number,
    #[serde(rename = "v")]
    pub volume: Number,
    #[serde(rename = "n")]
    pub trades: u64,
    #[serde(rename = "X")]
    pub closed: bool,
}

/// `{"e":"ticker","E":1694687692980000,"s":"SOL_USD","o":"18.75","c":"19.24","h":"19.80",
/// "l":"18.50","v":"32123","V":"928190","n":93828}`
#[derive(Debug, Deserialize)]
pub(super) struct TickerFrame<'a> {
    #[serde(rename = "E")]
    pub event_time: Whole,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "o")]
    pub open: Number,
    #[serde(rename = "c")]
    pub last: Number,
    #[serde(rename = "h")]
    pub high: Number,
    #[serde(rename = "l")]
    pub low: Number,
    #[serde(rename = "v")]
    pub volume: Number,
    #[serde(rename = "V")]
    pub quote_volume: Number,
}

/// `{"e":"markPrice","E":1694687965941000,"s":"SOL_USDC","p":"18.70","f":"1.70","i":"19.70",
/// "n":1694687965941,"T":1694687965940999}`; `n` is in milliseconds.
#[derive(Debug, Deserialize)]
pub(super) struct MarkPriceFrame<'a> {
    #[serde(rename = "E")]
    pub event_time: Whole,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "p")]
    pub mark_price: Number,
    #[serde(rename = "f")]
    pub funding_rate: Option<Number>,
    #[serde(rename = "i")]
    pub index_price: Option<Number>,
    #[serde(rename = "n")]
    pub next_funding_time: Option<Whole>,
}
