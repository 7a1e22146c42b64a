//! Public market data, in their words: answers and frames.
//!
//! Page `market-data/rest-api`
//! Page `websocket-market-streams`
//!
//! Frames of 2026 also carry `ps` and `st`; fields that are not needed are not read.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire_value::{Number, Whole};

/// `{"lastUpdateId":1027024,"E":1589436922972,"T":1589436922959,
/// "bids":[["4.0","431"]],"asks":[…]}`
#[derive(Debug, Deserialize)]
pub(super) struct Depth<'a> {
    #[serde(rename = "lastUpdateId")]
    pub last_update_id: u64,
    #[serde(rename = "T")]
    pub time: Option<Whole>,
    #[serde(borrow)]
    pub bids: &'a RawValue,
    #[serde(borrow)]
    pub asks: &'a RawValue,
}

/// `{"e":"depthUpdate","E":1571889248277,"T":1571889248276,"s":"BTCUSDT","U":390497796,
/// "u":390497878,"pu":390497794,"b":[["7403.89","0.002"]],"a":[["7405.96","3.340"]]}`
#[derive(Debug, Deserialize)]
pub(super) struct DepthFrame<'a> {
    #[serde(rename = "E")]
    pub event_time: i64,
    #[serde(rename = "T")]
    pub time: Option<i64>,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "U")]
    pub first_update_id: u64,
    #[serde(rename = "u")]
    pub last_update_id: u64,
    #[serde(rename = "pu")]
    pub previous_update_id: Option<u64>,
    #[serde(rename = "b", borrow)]
    pub bids: &'a RawValue,
    #[serde(rename = "a", borrow)]
    pub asks: &'a RawValue,
}

/// `{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BNBUSDT",
/// "b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}`
#[derive(Debug, Deserialize)]
pub(super) struct QuoteFrame<'a> {
    #[serde(rename = "u")]
    pub update_id: Option<u64>,
    #[serde(rename = "T")]
    pub time: Option<i64>,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "b")]
    pub bid_price: Number,
    #[serde(rename = "B")]
    pub bid_quantity: Number,
    #[serde(rename = "a")]
    pub ask_price: Number,
    #[serde(rename = "A")]
    pub ask_quantity: Number,
}

/// `{"symbol":"BTCUSDT","bidPrice":"4.0","bidQty":"431.0","askPrice":"4.2","askQty":"9.0",
/// "time":1589437530011,"lastUpdateId":1027024}`
#[derive(Debug, Deserialize)]
pub(super) struct Quote<'a> {
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "bidPrice")]
    pub bid_price: Number,
    #[serde(rename = "bidQty")]
    pub bid_quantity: Number,
    #[serde(rename = "askPrice")]
    pub ask_price: Number,
    #[serde(rename = "askQty")]
    pub ask_quantity: Number,
    pub time: Option<Whole>,
    #[serde(rename = "lastUpdateId")]
    pub last_update_id: Option<u64>,
}

/// `{"e":"trade","E":1723161256322,"T":1723161256322,"s":"BTCUSDT","t":5266583935,
/// "p":"61800.30","q":"0.006","X":"MARKET","m":false}`
#[derive(Debug, Deserialize)]
pub(super) struct TradeFrame<'a> {
    #[serde(rename = "T")]
    pub time: i64,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "t")]
    pub trade_id: u64,
    #[serde(rename = "p")]
    pub price: Number,
    #[serde(rename = "q")]
    pub quantity: Number,
    /// `MARKET` for trades of the book; older frames do not say.
    #[serde(rename = "X")]
    pub kind: Option<&'a str>,
    #[serde(rename = "m")]
    pub buyer_is_maker: bool,
}

/// `{"e":"aggTrade","E":123456789,"s":"BTCUSDT","a":5933014,"p":"0.001","q":"100","f":100,
/// "l":105,"T":123456785,"m":true}`; frames of 2019 have no `a`, the last trade's id stands in.
#[derive(Debug, Deserialize)]
pub(super) struct AggregateFrame<'a> {
    #[serde(rename = "T")]
    pub time: i64,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "a")]
    pub aggregate_id: Option<u64>,
    #[serde(rename = "l")]
    pub last_trade_id: u64,
    #[serde(rename = "p")]
    pub price: Number,
    #[serde(rename = "q")]
    pub quantity: Number,
    #[serde(rename = "m")]
    pub buyer_is_maker: bool,
}

/// `{"id":28457,"price":"4.00000100","qty":"12.0","quoteQty":"48.0","time":1499865549590,
/// "isBuyerMaker":true}`
#[derive(Debug, Deserialize)]
pub(super) struct Trade {
    pub id: Whole,
    pub price: Number,
    #[serde(rename = "qty")]
    pub quantity: Number,
    pub time: Whole,
    #[serde(rename = "isBuyerMaker")]
    pub buyer_is_maker: bool,
}

/// `{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true}`
#[derive(Debug, Deserialize)]
pub(super) struct Aggregate {
    #[serde(rename = "a")]
    pub aggregate_id: Whole,
    #[serde(rename = "p")]
    pub price: Number,
    #[serde(rename = "q")]
    pub quantity: Number,
    #[serde(rename = "T")]
    pub time: Whole,
    #[serde(rename = "m")]
    pub buyer_is_maker: bool,
}

/// `{"e":"kline","E":1638747660000,"s":"BTCUSDT","k":{…}}`
#[derive(Debug, Deserialize)]
pub(super) struct BarFrame<'a> {
    #[serde(rename = "E")]
    pub event_time: i64,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "k", borrow)]
    pub bar: BarOfFrame<'a>,
}

/// `{"t":1638747660000,"T":1638747719999,"i":"1m","o":"0.0010","c":"0.0020","h":"0.0025",
/// "l":"0.0015","v":"1000","n":100,"x":false,"q":"1.0000","V":"500","Q":"0.500"}`
#[derive(Debug, Deserialize)]
pub(super) struct BarOfFrame<'a> {
    #[serde(rename = "t")]
    pub open_time: i64,
    #[serde(rename = "i")]
    pub interval: &'a str,
    #[serde(rename = "o")]
    pub open: Number,
    #[serde(rename = "h")]
    pub high: Number,
    #[serde(rename = "l")]
    pub low: Number,
    #[serde(rename = "c")]
    pub close: Number,
    #[serde(rename = "v")]
    pub volume: Number,
    #[serde(rename = "q")]
    pub quote_volume: Number,
    #[serde(rename = "n")]
    pub trades: u64,
    #[serde(rename = "x")]
    pub closed: bool,
}

/// `[open time, open, high, low, close, volume, close time, quote volume, trades,
/// taker buy volume, taker buy quote volume, unused]`
#[derive(Debug, Deserialize)]
pub(super) struct Bar(
    pub Whole,
    pub Number,
    pub Number,
    pub Number,
    pub Number,
    pub Number,
    pub Whole,
    pub Number,
    pub u64,
    pub serde::de::IgnoredAny,
    pub serde::de::IgnoredAny,
    pub serde::de::IgnoredAny,
);

/// `{"e":"24hrTicker","E":1672515782136,"s":"BTCUSDT","c":"16584.6","o":"16716.0","h":"16764.8",
/// "l":"16456.5","v":"122474.8","q":"2036102085.6",…}`; `24hrMiniTicker` has the same fields.
#[derive(Debug, Deserialize)]
pub(super) struct TickerFrame<'a> {
    #[serde(rename = "E")]
    pub event_time: i64,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "c")]
    pub last: Number,
    #[serde(rename = "o")]
    pub open: Number,
    #[serde(rename = "h")]
    pub high: Number,
    #[serde(rename = "l")]
    pub low: Number,
    #[serde(rename = "v")]
    pub volume: Number,
    #[serde(rename = "q")]
    pub quote_volume: Number,
}

/// `{"symbol":"BTCUSDT","lastPrice":"4.00000200","openPrice":"99.0","highPrice":"100.0",
/// "lowPrice":"0.1","volume":"8913.3","quoteVolume":"15.3","closeTime":1499869899040,…}`
#[derive(Debug, Deserialize)]
pub(super) struct Ticker<'a> {
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "lastPrice")]
    pub last: Number,
    #[serde(rename = "openPrice")]
    pub open: Number,
    #[serde(rename = "highPrice")]
    pub high: Number,
    #[serde(rename = "lowPrice")]
    pub low: Number,
    pub volume: Number,
    #[serde(rename = "quoteVolume")]
    pub quote_volume: Number,
    #[serde(rename = "closeTime")]
    pub close_time: Whole,
}

/// `{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15","i":"11784.62",
/// "P":"11784.25","r":"0.00038167","T":1562306400000}`
#[derive(Debug, Deserialize)]
pub(super) struct MarkPriceFrame<'a> {
    #[serde(rename = "E")]
    pub event_time: i64,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "p")]
    pub mark_price: Number,
    #[serde(rename = "i")]
    pub index_price: Option<Number>,
    /// Empty for contracts without funding.
    #[serde(rename = "r")]
    pub funding_rate: Option<Cow<'a, str>>,
    #[serde(rename = "T")]
    pub next_funding_time: Option<i64>,
}
