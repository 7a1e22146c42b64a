//! Positions, balances, margin and sessions, in their words.

use std::borrow::Cow;

use serde::Deserialize;

use crate::wire_value::{Number, Truth, Whole};

/// A position. Version 3 leaves out leverage and margin type; version 2 had them.
///
/// ```json
/// {"symbol":"ADAUSDT","positionSide":"BOTH","positionAmt":"30","entryPrice":"0.385",
///  "markPrice":"0.41047590","unRealizedProfit":"0.76427700","liquidationPrice":"0",
///  "isolatedMargin":"0","updateTime":1720736417660}
/// ```
/// Page `trade/rest-api/Position-Information-V3`
#[derive(Debug, Deserialize)]
pub(super) struct Position<'a> {
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "positionSide", borrow, default)]
    pub position_side: Option<Cow<'a, str>>,
    #[serde(rename = "positionAmt")]
    pub amount: Number,
    #[serde(rename = "entryPrice")]
    pub entry_price: Number,
    #[serde(rename = "markPrice")]
    pub mark_price: Option<Number>,
    #[serde(rename = "unRealizedProfit")]
    pub unrealized_profit: Option<Number>,
    #[serde(rename = "liquidationPrice")]
    pub liquidation_price: Option<Number>,
    #[serde(rename = "isolatedMargin")]
    pub isolated_margin: Option<Number>,
    #[serde(rename = "marginType", borrow, default)]
    pub margin_type: Option<Cow<'a, str>>,
    pub leverage: Option<Number>,
    #[serde(rename = "updateTime")]
    pub update_time: Option<Whole>,
}

/// `{"asset":"USDT","balance":"122607.35","availableBalance":"23.72","updateTime":1617939110373}`
/// Page `account/rest-api/Futures-Account-Balance-V3`
#[derive(Debug, Deserialize)]
pub(super) struct Balance<'a> {
    #[serde(borrow)]
    pub asset: Cow<'a, str>,
    pub balance: Number,
    #[serde(rename = "availableBalance")]
    pub available: Number,
    #[serde(rename = "updateTime")]
    pub update_time: Option<Whole>,
}

/// The account's sums; its assets and positions are asked for elsewhere.
///
/// ```json
/// {"totalInitialMargin":"0.00","totalMaintMargin":"0.00","totalWalletBalance":"103.12",
///  "totalUnrealizedProfit":"0.00","totalMarginBalance":"103.12","availableBalance":"103.12",
///  "assets":[{"asset":"USDT","walletBalance":"103.12","updateTime":1720736417660}]}
/// ```
/// Page `account/rest-api/Account-Information-V3`
#[derive(Debug, Deserialize)]
pub(super) struct Account<'a> {
    #[serde(rename = "totalInitialMargin")]
    pub initial_margin: Number,
    #[serde(rename = "totalMaintMargin")]
    pub maintenance_margin: Number,
    #[serde(rename = "totalWalletBalance")]
    pub wallet_balance: Number,
    #[serde(rename = "totalUnrealizedProfit")]
    pub unrealized_profit: Number,
    #[serde(rename = "totalMarginBalance")]
    pub margin_balance: Number,
    #[serde(rename = "availableBalance")]
    pub available: Number,
    #[serde(rename = "multiAssetsMargin")]
    pub multi_assets: Option<Truth>,
    #[serde(borrow, default)]
    pub assets: Vec<AccountAsset<'a>>,
}

/// An asset of [`Account`].
#[derive(Debug, Deserialize)]
pub(super) struct AccountAsset<'a> {
    #[serde(borrow)]
    pub asset: Cow<'a, str>,
    #[serde(rename = "walletBalance")]
    pub wallet_balance: Number,
    #[serde(rename = "updateTime")]
    pub update_time: Option<Whole>,
}

/// `{"dualSidePosition":true}`
/// Page `account/rest-api/Get-Current-Position-Mode`
#[derive(Debug, Deserialize)]
pub(super) struct PositionMode {
    #[serde(rename = "dualSidePosition")]
    pub hedge: Truth,
}

/// `{"listenKey":"pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"}`
/// Page `user-data-streams/Start-User-Data-Stream`
#[derive(Deserialize)]
pub(super) struct ListenKey<'a> {
    #[serde(rename = "listenKey", borrow)]
    pub listen_key: Cow<'a, str>,
}
