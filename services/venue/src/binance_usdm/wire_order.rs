//! Orders and trades of the account, in their words.

use std::borrow::Cow;

use serde::Deserialize;

use crate::wire_value::{Number, Truth, Whole};

/// An order, as placing, cancelling and asking all answer.
///
/// ```json
/// {"orderId":22542179,"symbol":"BTCUSDT","status":"NEW","clientOrderId":"testOrder",
///  "price":"50000.00","avgPrice":"0.00","origQty":"0.001","executedQty":"0","cumQuote":"0",
///  "timeInForce":"GTC","type":"LIMIT","reduceOnly":false,"side":"BUY","positionSide":"BOTH",
///  "updateTime":1625474304765}
/// ```
/// Page `trade/rest-api/Query-Order`
#[derive(Debug, Deserialize)]
pub(super) struct Order<'a> {
    #[serde(rename = "orderId")]
    pub order_id: Whole,
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    #[serde(rename = "clientOrderId", borrow)]
    pub client_order_id: Cow<'a, str>,
    pub price: Number,
    #[serde(rename = "avgPrice")]
    pub average_price: Option<Number>,
    #[serde(rename = "origQty")]
    pub quantity: Number,
    #[serde(rename = "executedQty")]
    pub executed_quantity: Number,
    #[serde(rename = "timeInForce", borrow)]
    pub time_in_force: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    pub order_type: Cow<'a, str>,
    /// Absent in answers of 2019.
    #[serde(rename = "reduceOnly")]
    pub reduce_only: Option<Truth>,
    #[serde(borrow)]
    pub side: Cow<'a, str>,
    #[serde(rename = "updateTime")]
    pub update_time: Option<Whole>,
}

/// A trade of the account.
///
/// ```json
/// {"symbol":"BTCUSDT","id":698759,"orderId":25851813,"side":"SELL","price":"7819.01",
///  "qty":"0.002","realizedPnl":"-0.91539999","commission":"0.07819010",
///  "commissionAsset":"USDT","time":1569514978020,"positionSide":"BOTH","maker":false}
/// ```
/// Page `trade/rest-api/Account-Trade-List`
#[derive(Debug, Deserialize)]
pub(super) struct AccountTrade<'a> {
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    pub id: Whole,
    #[serde(rename = "orderId")]
    pub order_id: Whole,
    #[serde(borrow)]
    pub side: Cow<'a, str>,
    pub price: Number,
    #[serde(rename = "qty")]
    pub quantity: Number,
    #[serde(rename = "realizedPnl")]
    pub realized_pnl: Option<Number>,
    pub commission: Number,
    #[serde(rename = "commissionAsset", borrow)]
    pub commission_asset: Cow<'a, str>,
    pub time: Whole,
    #[serde(rename = "positionSide", borrow, default)]
    pub position_side: Option<Cow<'a, str>>,
    pub maker: Truth,
}
