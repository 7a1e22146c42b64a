//! The endpoints as a table: who may call, what it weighs, which parameters it reads.
//!
//! Weights and parameters as the venue documents them:
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures>.

use super::error::ApiError;
use super::params::Params;
use super::rest::{Answer, Call};
use super::{holdings, market_data, orders, sessions, trade};

/// What a caller must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// Nothing.
    Public,
    /// A key.
    Key,
    /// A key and a signature.
    Signed,
}

/// One endpoint.
pub(super) struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub security: Security,
    pub weight: fn(&Params) -> u32,
    pub params: &'static [&'static str],
    pub run: fn(&mut Call<'_>) -> Result<Answer, ApiError>,
}

type Run = fn(&mut Call<'_>) -> Result<Answer, ApiError>;
type Weight = fn(&Params) -> u32;

const fn public(
    path: &'static str,
    weight: Weight,
    params: &'static [&'static str],
    run: Run,
) -> Route {
    Route {
        method: "GET",
        path,
        security: Security::Public,
        weight,
        params,
        run,
    }
}

const fn key(method: &'static str, run: Run) -> Route {
    let params = &["listenKey"];
    let path = "/fapi/v1/listenKey";
    Route {
        method,
        path,
        security: Security::Key,
        weight: w::<1>,
        params,
        run,
    }
}

const fn signed(
    method: &'static str,
    path: &'static str,
    weight: Weight,
    params: &'static [&'static str],
    run: Run,
) -> Route {
    Route {
        method,
        path,
        security: Security::Signed,
        weight,
        params,
        run,
    }
}

fn w<const WEIGHT: u32>(_: &Params) -> u32 {
    WEIGHT
}

/// One weight where a symbol is named, another where it is not.
fn by_symbol<const ONE: u32, const ALL: u32>(params: &Params) -> u32 {
    if params.get("symbol").is_some() {
        ONE
    } else {
        ALL
    }
}

fn depth_weight(params: &Params) -> u32 {
    match params
        .get("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(500u32)
    {
        0..=50 => 2,
        51..=100 => 5,
        101..=500 => 10,
        _ => 20,
    }
}

fn kline_weight(params: &Params) -> u32 {
    match params
        .get("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(500u32)
    {
        0..=99 => 1,
        100..=499 => 2,
        500..=1000 => 5,
        _ => 10,
    }
}

const SYMBOL: &[&str] = &["symbol"];
const ONE_ORDER: &[&str] = &["symbol", "orderId", "origClientOrderId"];
const AMEND: &[&str] = &[
    "symbol",
    "orderId",
    "origClientOrderId",
    "side",
    "quantity",
    "price",
    "priceMatch",
];
const KLINES: &[&str] = &["symbol", "interval", "startTime", "endTime", "limit"];
const FUNDING: &[&str] = &["symbol", "startTime", "endTime", "limit"];
const TRADES: &[&str] = &["symbol", "startTime", "endTime", "fromId", "limit"];
const LISTS: &[&str] = &["symbol", "orderIdList", "origClientOrderIdList"];
const INCOME: &[&str] = &[
    "symbol",
    "incomeType",
    "startTime",
    "endTime",
    "page",
    "limit",
];
const USER_TRADES: &[&str] = &[
    "symbol",
    "orderId",
    "startTime",
    "endTime",
    "fromId",
    "limit",
];
const ALL_ORDERS: &[&str] = &["symbol", "orderId", "startTime", "endTime", "limit"];

/// All endpoints.
static ROUTES: &[Route] = &[
    public("/fapi/v1/ping", w::<1>, &[], market_data::ping),
    public("/fapi/v1/time", w::<1>, &[], market_data::time),
    public(
        "/fapi/v1/exchangeInfo",
        w::<1>,
        SYMBOL,
        market_data::exchange_info,
    ),
    public(
        "/fapi/v1/depth",
        depth_weight,
        &["symbol", "limit"],
        market_data::depth,
    ),
    public(
        "/fapi/v1/trades",
        w::<5>,
        &["symbol", "limit"],
        market_data::trades,
    ),
    public(
        "/fapi/v1/historicalTrades",
        w::<20>,
        TRADES,
        market_data::historical_trades,
    ),
    public(
        "/fapi/v1/aggTrades",
        w::<20>,
        TRADES,
        market_data::agg_trades,
    ),
    public("/fapi/v1/klines", kline_weight, KLINES, market_data::klines),
    public(
        "/fapi/v1/ticker/24hr",
        by_symbol::<1, 40>,
        SYMBOL,
        market_data::ticker_day,
    ),
    public(
        "/fapi/v1/ticker/price",
        by_symbol::<1, 2>,
        SYMBOL,
        market_data::ticker_price,
    ),
    public(
        "/fapi/v2/ticker/price",
        by_symbol::<1, 2>,
        SYMBOL,
        market_data::ticker_price,
    ),
    public(
        "/fapi/v1/ticker/bookTicker",
        by_symbol::<2, 5>,
        SYMBOL,
        market_data::ticker_book,
    ),
    public(
        "/fapi/v1/premiumIndex",
        by_symbol::<1, 10>,
        SYMBOL,
        market_data::premium_index,
    ),
    public(
        "/fapi/v1/fundingRate",
        w::<1>,
        FUNDING,
        market_data::funding_rate,
    ),
    public(
        "/fapi/v1/fundingInfo",
        w::<1>,
        &[],
        market_data::funding_info,
    ),
    public(
        "/fapi/v1/openInterest",
        w::<1>,
        SYMBOL,
        market_data::open_interest,
    ),
    signed("POST", "/fapi/v1/order", w::<0>, trade::ORDER, trade::place),
    signed(
        "POST",
        "/fapi/v1/order/test",
        w::<1>,
        trade::ORDER,
        trade::place_test,
    ),
    signed("PUT", "/fapi/v1/order", w::<1>, AMEND, trade::amend),
    signed(
        "DELETE",
        "/fapi/v1/order",
        w::<1>,
        ONE_ORDER,
        orders::cancel,
    ),
    signed("GET", "/fapi/v1/order", w::<1>, ONE_ORDER, orders::query),
    signed(
        "GET",
        "/fapi/v1/openOrder",
        w::<1>,
        ONE_ORDER,
        orders::query_open,
    ),
    signed(
        "POST",
        "/fapi/v1/batchOrders",
        w::<5>,
        &["batchOrders"],
        trade::place_batch,
    ),
    signed(
        "DELETE",
        "/fapi/v1/batchOrders",
        w::<1>,
        LISTS,
        orders::cancel_batch,
    ),
    signed(
        "DELETE",
        "/fapi/v1/allOpenOrders",
        w::<1>,
        SYMBOL,
        orders::cancel_all,
    ),
    signed(
        "GET",
        "/fapi/v1/openOrders",
        by_symbol::<1, 40>,
        SYMBOL,
        orders::open_orders,
    ),
    signed(
        "GET",
        "/fapi/v1/allOrders",
        w::<5>,
        ALL_ORDERS,
        orders::all_orders,
    ),
    signed(
        "GET",
        "/fapi/v1/userTrades",
        w::<5>,
        USER_TRADES,
        orders::user_trades,
    ),
    signed(
        "POST",
        "/fapi/v1/countdownCancelAll",
        w::<10>,
        &["symbol", "countdownTime"],
        orders::countdown,
    ),
    signed(
        "POST",
        "/fapi/v1/leverage",
        w::<1>,
        &["symbol", "leverage"],
        holdings::set_leverage,
    ),
    signed(
        "POST",
        "/fapi/v1/marginType",
        w::<1>,
        &["symbol", "marginType"],
        holdings::set_margin,
    ),
    signed(
        "GET",
        "/fapi/v1/positionSide/dual",
        w::<30>,
        &[],
        holdings::position_mode,
    ),
    signed(
        "POST",
        "/fapi/v1/positionSide/dual",
        w::<1>,
        &["dualSidePosition"],
        holdings::set_position_mode,
    ),
    signed(
        "GET",
        "/fapi/v1/multiAssetsMargin",
        w::<30>,
        &[],
        holdings::multi_assets,
    ),
    signed("GET", "/fapi/v2/balance", w::<5>, &[], holdings::balance),
    signed("GET", "/fapi/v3/balance", w::<5>, &[], holdings::balance),
    signed("GET", "/fapi/v2/account", w::<5>, &[], holdings::account_v2),
    signed("GET", "/fapi/v3/account", w::<5>, &[], holdings::account_v3),
    signed(
        "GET",
        "/fapi/v2/positionRisk",
        w::<5>,
        SYMBOL,
        holdings::position_risk_v2,
    ),
    signed(
        "GET",
        "/fapi/v3/positionRisk",
        w::<5>,
        SYMBOL,
        holdings::position_risk_v3,
    ),
    signed(
        "GET",
        "/fapi/v1/accountConfig",
        w::<5>,
        &[],
        holdings::account_config,
    ),
    signed(
        "GET",
        "/fapi/v1/symbolConfig",
        w::<5>,
        SYMBOL,
        holdings::symbol_config,
    ),
    signed(
        "GET",
        "/fapi/v1/commissionRate",
        w::<20>,
        SYMBOL,
        holdings::commission_rate,
    ),
    signed(
        "GET",
        "/fapi/v1/leverageBracket",
        w::<1>,
        SYMBOL,
        holdings::leverage_bracket,
    ),
    signed("GET", "/fapi/v1/income", w::<30>, INCOME, holdings::income),
    signed(
        "GET",
        "/fapi/v1/rateLimit/order",
        w::<1>,
        &[],
        holdings::order_limits,
    ),
    signed(
        "GET",
        "/sapi/v1/capital/config/getall",
        w::<1>,
        &[],
        holdings::none_of_these,
    ),
    signed(
        "GET",
        "/sapi/v1/margin/allPairs",
        w::<1>,
        &[],
        holdings::none_of_these,
    ),
    signed(
        "GET",
        "/sapi/v1/margin/isolated/allPairs",
        w::<1>,
        &[],
        holdings::none_of_these,
    ),
    key("POST", sessions::create),
    key("PUT", sessions::keep_alive),
    key("DELETE", sessions::close),
];

/// Returns the endpoint of a method and a path.
pub(super) fn find(method: &str, path: &str) -> Option<&'static Route> {
    ROUTES
        .iter()
        .find(|route| route.method == method && route.path == path)
}

/// Returns how many new orders a request counts for.
pub(super) fn orders_in(route: &Route, params: &Params) -> u32 {
    match (route.method, route.path) {
        ("POST" | "PUT", "/fapi/v1/order") => 1,
        ("POST", "/fapi/v1/batchOrders") => {
            let list = params.get("batchOrders").unwrap_or_default();
            let orders = serde_json::from_str::<Vec<serde::de::IgnoredAny>>(list);
            orders.map_or(0, |orders| u32::try_from(orders.len()).unwrap_or(u32::MAX))
        }
        _ => 0,
    }
}
