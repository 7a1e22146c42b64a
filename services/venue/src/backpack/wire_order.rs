//! Orders and fills of the account, in their words.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire_value::{Number, Truth, Whole};

/// An order, as placing, cancelling and asking all answer, and as the history tells it: schemas
/// `OrderType` and `Order`. The history writes `createdAt` as a date, the others in milliseconds.
///
/// ```json
/// {"id":"8284671277","clientId":55555,"createdAt":1757621458290,"symbol":"ETH_USDC_PERP",
///  "side":"Bid","orderType":"Limit","timeInForce":"GTC","postOnly":false,"reduceOnly":null,
///  "price":"4000","quantity":"0.001","executedQuantity":"0","executedQuoteQuantity":"0",
///  "status":"New","selfTradePrevention":"RejectTaker",…}
/// ```
#[derive(Debug, Deserialize)]
pub(super) struct Order<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(rename = "clientId")]
    pub client_id: Option<Whole>,
    #[serde(rename = "createdAt", borrow)]
    pub created: Option<&'a RawValue>,
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(borrow)]
    pub side: Cow<'a, str>,
    #[serde(rename = "orderType", borrow)]
    pub order_type: Cow<'a, str>,
    #[serde(rename = "timeInForce", borrow)]
    pub time_in_force: Cow<'a, str>,
    #[serde(rename = "postOnly")]
    pub post_only: Option<Truth>,
    #[serde(rename = "reduceOnly")]
    pub reduce_only: Option<Truth>,
    pub price: Option<Number>,
    pub quantity: Option<Number>,
    #[serde(rename = "executedQuantity")]
    pub executed_quantity: Option<Number>,
    #[serde(rename = "executedQuoteQuantity")]
    pub executed_quote_quantity: Option<Number>,
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    #[serde(rename = "expiryReason", borrow, default)]
    pub expiry_reason: Option<Cow<'a, str>>,
    #[serde(rename = "systemOrderType", borrow, default)]
    pub system_order_type: Option<Cow<'a, str>>,
}

/// A fill, schema `OrderFill`. The client id is text here.
///
/// ```json
/// {"tradeId":9748827,"orderId":"4238907375","clientId":null,"symbol":"ETH_USDC_PERP",
///  "side":"Bid","price":"3826.15","quantity":"0.0026","fee":"0.004974","feeSymbol":"USDC",
///  "isMaker":false,"systemOrderType":null,"timestamp":"2025-07-27T17:39:00.092"}
/// ```
#[derive(Debug, Deserialize)]
pub(super) struct Fill<'a> {
    #[serde(rename = "tradeId")]
    pub trade_id: Option<Whole>,
    #[serde(rename = "orderId", borrow)]
    pub order_id: Cow<'a, str>,
    #[serde(rename = "clientId")]
    pub client_id: Option<Whole>,
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(borrow)]
    pub side: Cow<'a, str>,
    pub price: Number,
    pub quantity: Number,
    pub fee: Number,
    #[serde(rename = "feeSymbol", borrow)]
    pub fee_symbol: Cow<'a, str>,
    #[serde(rename = "isMaker")]
    pub maker: bool,
    #[serde(rename = "systemOrderType", borrow, default)]
    pub system_order_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub timestamp: Cow<'a, str>,
}

/// An order as the private stream tells it, with the fill that caused the frame.
///
/// ```json
/// {"e":"orderFill","E":1754939110175879,"T":1754939110174705,"s":"ETH_USDC","c":123,"S":"Bid",
///  "o":"LIMIT","f":"GTC","q":"0.0010","p":"4299","X":"Filled","i":"5406825793","t":2888471,
///  "l":"0.0010","L":"4299.16","z":"0.0010","Z":"4.299160","m":false,"n":"0.000001","N":"ETH",
///  "r":false,"O":"USER","V":"RejectTaker","y":true}
/// ```
#[derive(Debug, Deserialize)]
pub(super) struct OrderFrame<'a> {
    #[serde(rename = "e")]
    pub event: &'a str,
    #[serde(rename = "T")]
    pub time: Whole,
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "c")]
    pub client_id: Option<Whole>,
    #[serde(rename = "S", borrow)]
    pub side: Cow<'a, str>,
    #[serde(rename = "o", borrow)]
    pub order_type: Cow<'a, str>,
    #[serde(rename = "f", borrow)]
    pub time_in_force: Cow<'a, str>,
    #[serde(rename = "q")]
    pub quantity: Option<Number>,
    #[serde(rename = "p")]
    pub price: Option<Number>,
    #[serde(rename = "X", borrow)]
    pub status: Cow<'a, str>,
    #[serde(rename = "R", borrow, default)]
    pub expiry_reason: Option<Cow<'a, str>>,
    #[serde(rename = "i", borrow)]
    pub order_id: Cow<'a, str>,
    #[serde(rename = "t")]
    pub trade_id: Option<Whole>,
    #[serde(rename = "l")]
    pub last_quantity: Option<Number>,
    #[serde(rename = "L")]
    pub last_price: Option<Number>,
    #[serde(rename = "z")]
    pub filled_quantity: Option<Number>,
    #[serde(rename = "Z")]
    pub filled_quote: Option<Number>,
    #[serde(rename = "m")]
    pub maker: Option<bool>,
    #[serde(rename = "n")]
    pub fee: Option<Number>,
    #[serde(rename = "N", borrow, default)]
    pub fee_symbol: Option<Cow<'a, str>>,
    #[serde(rename = "r")]
    pub reduce_only: Option<bool>,
    #[serde(rename = "y")]
    pub post_only: Option<bool>,
    #[serde(rename = "O", borrow, default)]
    pub origin: Option<Cow<'a, str>>,
}
