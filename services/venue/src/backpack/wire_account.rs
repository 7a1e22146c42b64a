//! Positions, balances and collateral, in their words.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::wire_value::{Average, Number, Whole};

/// A position, schema `FuturePositionWithMargin`.
///
/// ```json
/// {"symbol":"ETH_USDC_PERP","netQuantity":"0.0036","entryPrice":"3826.888888888888888888888889",
///  "markPrice":"3787.46813304","pnlUnrealized":"-0.141914","estLiquidationPrice":"0",…}
/// ```
#[derive(Debug, Deserialize)]
pub(super) struct Position<'a> {
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "netQuantity")]
    pub quantity: Number,
    #[serde(rename = "entryPrice")]
    pub entry_price: Average,
    #[serde(rename = "markPrice")]
    pub mark_price: Average,
    #[serde(rename = "pnlUnrealized")]
    pub unrealized: Average,
    #[serde(rename = "estLiquidationPrice")]
    pub liquidation_price: Option<Average>,
}

/// `{"e":"positionOpened","E":1754943862040486,"T":1754943862040487,"s":"ETH_USDC_PERP",
/// "q":"0.0010","B":"4236.36","M":"4235.88650933","P":"-0.000473",…}`; the first frames, which
/// tell what is open, have no `e`.
#[derive(Debug, Deserialize)]
pub(super) struct PositionFrame<'a> {
    #[serde(rename = "T")]
    pub time: Whole,
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "q")]
    pub quantity: Number,
    #[serde(rename = "B")]
    pub entry_price: Average,
    #[serde(rename = "M")]
    pub mark_price: Average,
    #[serde(rename = "P")]
    pub unrealized: Average,
}

/// `{"ETH":{"available":"0.0019918","locked":"0","staked":"0"},"USDC":{…}}`
#[derive(Debug, Deserialize)]
pub(super) struct Balances<'a>(#[serde(borrow)] pub BTreeMap<Cow<'a, str>, Balance>);

/// `{"available":"0.0019918","locked":"0","staked":"0"}`
#[derive(Debug, Deserialize)]
pub(super) struct Balance {
    pub available: Number,
    pub locked: Number,
    pub staked: Number,
}

/// The account's collateral, schema `MarginAccountSummary`; all sums are in USDC.
#[derive(Debug, Deserialize)]
pub(super) struct Collateral {
    #[serde(rename = "netEquity")]
    pub equity: Average,
    #[serde(rename = "netEquityAvailable")]
    pub available: Average,
    #[serde(rename = "netEquityLocked")]
    pub locked: Average,
    #[serde(rename = "netExposureFutures")]
    pub exposure: Average,
    #[serde(rename = "pnlUnrealized")]
    pub unrealized: Average,
    /// The maintenance margin as a fraction of the exposure.
    pub mmf: Average,
}
