//! Frames of the private stream, in their words.
//!
//! Page `user-data-streams`

use std::borrow::Cow;

use serde::Deserialize;

use crate::wire_value::{Number, Truth, Whole};

/// `{"e":"ORDER_TRADE_UPDATE","E":1568879465651,"T":1568879465650,"o":{…}}`
#[derive(Debug, Deserialize)]
pub(super) struct OrderFrame<'a> {
    #[serde(rename = "T")]
    pub time: Whole,
    #[serde(rename = "o", borrow)]
    pub order: OrderOfFrame<'a>,
}

/// The order and what just happened to it.
///
/// ```json
/// {"s":"BTCUSDT","c":"TEST","S":"SELL","o":"LIMIT","f":"GTC","q":"0.001","p":"7100.50",
///  "ap":"7100.50","x":"TRADE","X":"PARTIALLY_FILLED","i":8886774,"l":"0.001","z":"0.001",
///  "L":"7100.50","N":"USDT","n":"0.01","T":1568879465651,"t":12345678,"m":true,"R":false,
///  "ps":"BOTH","rp":"12.34"}
/// ```
/// Page `user-data-streams/Event-Order-Update`
#[derive(Debug, Deserialize)]
pub(super) struct OrderOfFrame<'a> {
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "c", borrow)]
    pub client_order_id: Cow<'a, str>,
    /// The original client id where `c` is that of a cancel (F16); spot's habit, accepted here.
    #[serde(rename = "C", borrow, default)]
    pub original_client_order_id: Option<Cow<'a, str>>,
    #[serde(rename = "S", borrow)]
    pub side: Cow<'a, str>,
    #[serde(rename = "o", borrow)]
    pub order_type: Cow<'a, str>,
    #[serde(rename = "f", borrow)]
    pub time_in_force: Cow<'a, str>,
    #[serde(rename = "q")]
    pub quantity: Number,
    #[serde(rename = "p")]
    pub price: Number,
    #[serde(rename = "ap")]
    pub average_price: Option<Number>,
    #[serde(rename = "x", borrow)]
    pub execution: Cow<'a, str>,
    #[serde(rename = "X", borrow)]
    pub status: Cow<'a, str>,
    #[serde(rename = "i")]
    pub order_id: Whole,
    #[serde(rename = "l")]
    pub last_quantity: Number,
    #[serde(rename = "z")]
    pub filled_quantity: Number,
    #[serde(rename = "L")]
    pub last_price: Number,
    #[serde(rename = "N", borrow, default)]
    pub fee_asset: Option<Cow<'a, str>>,
    #[serde(rename = "n")]
    pub fee: Option<Number>,
    #[serde(rename = "T")]
    pub trade_time: Whole,
    #[serde(rename = "t")]
    pub trade_id: Whole,
    #[serde(rename = "m")]
    pub maker: Truth,
    #[serde(rename = "R")]
    pub reduce_only: Truth,
    #[serde(rename = "ps", borrow, default)]
    pub position_side: Option<Cow<'a, str>>,
    #[serde(rename = "rp")]
    pub realized_pnl: Option<Number>,
    /// Why it expired, a number of the vendor's; absent in older frames.
    #[serde(rename = "er")]
    pub expiry_reason: Option<Whole>,
}

/// `{"e":"ACCOUNT_UPDATE","E":1564745798939,"T":1564745798938,
/// "a":{"m":"ORDER","B":[…],"P":[…]}}`
/// Page `user-data-streams/Event-Balance-and-Position-Update`
#[derive(Debug, Deserialize)]
pub(super) struct AccountFrame<'a> {
    #[serde(rename = "T")]
    pub time: Whole,
    #[serde(rename = "a", borrow)]
    pub update: AccountOfFrame<'a>,
}

/// Why and what.
#[derive(Debug, Deserialize)]
pub(super) struct AccountOfFrame<'a> {
    #[serde(rename = "m", borrow)]
    pub reason: Cow<'a, str>,
    #[serde(rename = "B", borrow, default)]
    pub balances: Vec<BalanceOfFrame<'a>>,
    #[serde(rename = "P", borrow, default)]
    pub positions: Vec<PositionOfFrame<'a>>,
}

/// `{"a":"USDT","wb":"122624.12345678","cw":"100.12345678","bc":"50.12345678"}`
#[derive(Debug, Deserialize)]
pub(super) struct BalanceOfFrame<'a> {
    #[serde(rename = "a", borrow)]
    pub asset: Cow<'a, str>,
    #[serde(rename = "wb")]
    pub wallet_balance: Number,
    /// What changed without profit, loss and fees; absent in older frames.
    #[serde(rename = "bc")]
    pub change: Option<Number>,
}

/// `{"s":"BTCUSDT","pa":"20","ep":"6563.6","up":"2850.21",
/// "mt":"isolated","iw":"13200.7","ps":"LONG"}`
#[derive(Debug, Deserialize)]
pub(super) struct PositionOfFrame<'a> {
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "pa")]
    pub amount: Number,
    #[serde(rename = "ep")]
    pub entry_price: Number,
    #[serde(rename = "up")]
    pub unrealized_profit: Number,
    #[serde(rename = "mt", borrow, default)]
    pub margin_type: Option<Cow<'a, str>>,
    #[serde(rename = "iw")]
    pub isolated_wallet: Option<Number>,
    #[serde(rename = "ps", borrow, default)]
    pub position_side: Option<Cow<'a, str>>,
}

/// `{"e":"MARGIN_CALL","E":1587727187525,"cw":"3.16","p":[{"s":"ETHUSDT",…}]}`
/// Page `user-data-streams/Event-Margin-Call`
#[derive(Debug, Deserialize)]
pub(super) struct MarginCallFrame<'a> {
    #[serde(rename = "E")]
    pub event_time: Whole,
    #[serde(rename = "p", borrow)]
    pub positions: Vec<SymbolOnly<'a>>,
}

/// The symbol of a longer object.
#[derive(Debug, Deserialize)]
pub(super) struct SymbolOnly<'a> {
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
}

/// `{"e":"ACCOUNT_CONFIG_UPDATE","E":1611646737479,"T":1611646737476,"ac":{"s":"BTCUSDT","l":25}}`,
/// or with `"ai":{"j":true}` instead of `ac`.
/// Page `user-data-streams/Event-Account-Configuration-Update-previous-Leverage-Update`
#[derive(Debug, Deserialize)]
pub(super) struct ConfigFrame<'a> {
    #[serde(rename = "ac", borrow, default)]
    pub leverage: Option<LeverageOfFrame<'a>>,
    #[serde(rename = "ai", default)]
    pub assets: Option<AssetModeOfFrame>,
}

/// A leverage.
#[derive(Debug, Deserialize)]
pub(super) struct LeverageOfFrame<'a> {
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "l")]
    pub leverage: Number,
}

/// Whether several assets back all positions.
#[derive(Debug, Deserialize)]
pub(super) struct AssetModeOfFrame {
    #[serde(rename = "j")]
    pub multi_assets: Truth,
}
