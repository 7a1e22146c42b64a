//! `GET /fapi/v1/exchangeInfo` and `GET /fapi/v1/time`, in their words.
//!
//! Page `market-data/rest-api/Exchange-Information`

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire_value::{Number, Whole};

/// `{"serverTime":1499827319559}`
#[derive(Debug, Deserialize)]
pub(super) struct ServerTime {
    #[serde(rename = "serverTime")]
    pub server_time: Whole,
}

/// `{"serverTime":1565613908500,"rateLimits":[…],"symbols":[…]}`
#[derive(Debug, Deserialize)]
pub(super) struct ExchangeInfo<'a> {
    #[serde(rename = "serverTime", default)]
    pub server_time: Option<Whole>,
    #[serde(rename = "rateLimits", borrow, default)]
    pub rate_limits: Vec<RateLimit<'a>>,
    /// Read one by one: one odd instrument must not hide the others.
    #[serde(borrow)]
    pub symbols: Vec<&'a RawValue>,
}

/// `{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":2400}`
#[derive(Debug, Deserialize)]
pub(super) struct RateLimit<'a> {
    #[serde(rename = "rateLimitType", borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub interval: Cow<'a, str>,
    #[serde(rename = "intervalNum")]
    pub interval_num: u64,
    pub limit: u64,
}

/// The name alone, for what cannot be read further.
#[derive(Debug, Deserialize)]
pub(super) struct Name<'a> {
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
}

/// `{"symbol":"BLZUSDT","contractType":"PERPETUAL","status":"TRADING","baseAsset":"BLZ",
/// "quoteAsset":"USDT","marginAsset":"USDT","filters":[…],…}`; `pricePrecision` and
/// `quantityPrecision` are not the tick and the lot, so they are not read.
#[derive(Debug, Deserialize)]
pub(super) struct Symbol<'a> {
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "contractType", borrow, default)]
    pub contract_type: Cow<'a, str>,
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    #[serde(rename = "baseAsset", borrow)]
    pub base_asset: Cow<'a, str>,
    #[serde(rename = "quoteAsset", borrow)]
    pub quote_asset: Cow<'a, str>,
    #[serde(rename = "marginAsset", borrow)]
    pub margin_asset: Cow<'a, str>,
    #[serde(borrow)]
    pub filters: Vec<Filter<'a>>,
}

/// One filter; which fields it has depends on its type, and unknown types are not needed (F109).
///
/// ```json
/// {"filterType":"PRICE_FILTER","maxPrice":"300","minPrice":"0.0001","tickSize":"0.0001"}
/// {"filterType":"LOT_SIZE","maxQty":"10000000","minQty":"1","stepSize":"1"}
/// {"filterType":"MIN_NOTIONAL","notional":"5.0"}
/// {"filterType":"PERCENT_PRICE","multiplierUp":"1.1500","multiplierDown":"0.8500"}
/// ```
#[derive(Debug, Deserialize)]
pub(super) struct Filter<'a> {
    #[serde(rename = "filterType", borrow)]
    pub filter_type: Cow<'a, str>,
    #[serde(rename = "minPrice")]
    pub min_price: Option<Number>,
    #[serde(rename = "maxPrice")]
    pub max_price: Option<Number>,
    #[serde(rename = "tickSize")]
    pub tick_size: Option<Number>,
    #[serde(rename = "minQty")]
    pub min_quantity: Option<Number>,
    #[serde(rename = "maxQty")]
    pub max_quantity: Option<Number>,
    #[serde(rename = "stepSize")]
    pub step_size: Option<Number>,
    pub notional: Option<Number>,
    #[serde(rename = "multiplierUp")]
    pub multiplier_up: Option<Number>,
    #[serde(rename = "multiplierDown")]
    pub multiplier_down: Option<Number>,
}
