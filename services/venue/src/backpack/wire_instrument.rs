//! Markets, in their words.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire_value::Number;

/// The list: each market is read by itself, so that one hides no other.
#[derive(Debug, Deserialize)]
pub(super) struct Markets<'a>(#[serde(borrow)] pub Vec<&'a RawValue>);

/// The name alone.
#[derive(Debug, Deserialize)]
pub(super) struct Name<'a> {
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
}

/// A market, schema `Market`.
///
/// ```json
/// {"symbol":"SOL_USDC_PERP","baseSymbol":"SOL","quoteSymbol":"USDC","marketType":"PERP",
///  "orderBookState":"Open","filters":{"price":{…},"quantity":{…}},…}
/// ```
#[derive(Debug, Deserialize)]
pub(super) struct Market<'a> {
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "baseSymbol", borrow)]
    pub base: Cow<'a, str>,
    #[serde(rename = "quoteSymbol", borrow)]
    pub quote: Cow<'a, str>,
    #[serde(rename = "marketType", borrow)]
    pub market_type: Cow<'a, str>,
    #[serde(rename = "orderBookState", borrow)]
    pub state: Cow<'a, str>,
    pub filters: Filters,
}

/// `{"price":{…},"quantity":{…}}`
#[derive(Debug, Deserialize)]
pub(super) struct Filters {
    pub price: PriceFilter,
    pub quantity: QuantityFilter,
}

/// `{"minPrice":"0.01","maxPrice":null,"tickSize":"0.01","maxMultiplier":"1.25",
/// "minMultiplier":"0.75",…}`
#[derive(Debug, Deserialize)]
pub(super) struct PriceFilter {
    #[serde(rename = "minPrice")]
    pub min_price: Option<Number>,
    #[serde(rename = "maxPrice")]
    pub max_price: Option<Number>,
    #[serde(rename = "tickSize")]
    pub tick_size: Number,
    #[serde(rename = "maxMultiplier")]
    pub max_multiplier: Option<Number>,
    #[serde(rename = "minMultiplier")]
    pub min_multiplier: Option<Number>,
}

/// `{"minQuantity":"0.01","maxQuantity":null,"stepSize":"0.01"}`
#[derive(Debug, Deserialize)]
pub(super) struct QuantityFilter {
    #[serde(rename = "minQuantity")]
    pub min_quantity: Number,
    #[serde(rename = "maxQuantity")]
    pub max_quantity: Option<Number>,
    #[serde(rename = "stepSize")]
    pub step_size: Number,
}
