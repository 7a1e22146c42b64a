//! The endpoints as a table, as the venue documents them: <https://docs.backpack.exchange>.

use super::error::ApiError;
use super::rest::{Answer, Call};
use super::{history, holdings, listing, market_data, orders, trade};

type Run = fn(&mut Call<'_>) -> Result<Answer, ApiError>;

/// One endpoint.
pub(super) struct Route {
    method: &'static str,
    path: &'static str,
    /// What a signature must say; nothing is signed where there is none.
    pub instruction: Option<&'static str>,
    pub run: Run,
}

const fn public(path: &'static str, run: Run) -> Route {
    Route {
        method: "GET",
        path,
        instruction: None,
        run,
    }
}

const fn signed(
    method: &'static str,
    path: &'static str,
    instruction: &'static str,
    run: Run,
) -> Route {
    Route {
        method,
        path,
        instruction: Some(instruction),
        run,
    }
}

const ROUTES: &[Route] = &[
    public("/api/v1/status", listing::status),
    public("/api/v1/ping", listing::ping),
    public("/api/v1/time", listing::time),
    public("/api/v1/markets", listing::markets),
    public("/api/v1/market", listing::market),
    public("/api/v1/assets", listing::assets),
    public("/api/v1/securities", listing::securities),
    public("/api/v1/depth", market_data::depth),
    public("/api/v1/trades", market_data::trades),
    public("/api/v1/trades/history", market_data::trades),
    public("/api/v1/klines", market_data::klines),
    public("/api/v1/ticker", market_data::ticker),
    public("/api/v1/tickers", market_data::tickers),
    public("/api/v1/markPrices", market_data::mark_prices),
    public("/api/v1/fundingRates", market_data::funding_rates),
    public("/api/v1/openInterest", market_data::open_interest),
    signed("GET", "/api/v1/account", "accountQuery", holdings::account),
    signed(
        "PATCH",
        "/api/v1/account",
        "accountUpdate",
        holdings::update_account,
    ),
    signed(
        "GET",
        "/api/v1/account/limits/order",
        "maxOrderQuantity",
        holdings::order_limit,
    ),
    signed("GET", "/api/v1/capital", "balanceQuery", holdings::capital),
    signed(
        "GET",
        "/api/v1/capital/collateral",
        "collateralQuery",
        holdings::collateral,
    ),
    signed(
        "GET",
        "/api/v1/position",
        "positionQuery",
        holdings::positions,
    ),
    signed("POST", "/api/v1/order", "orderExecute", trade::place),
    signed("POST", "/api/v1/orders", "orderExecute", trade::place_batch),
    signed("GET", "/api/v1/order", "orderQuery", orders::query),
    signed("DELETE", "/api/v1/order", "orderCancel", orders::cancel),
    signed(
        "GET",
        "/api/v1/orders",
        "orderQueryAll",
        orders::open_orders,
    ),
    signed(
        "DELETE",
        "/api/v1/orders",
        "orderCancelAll",
        orders::cancel_all,
    ),
    signed(
        "GET",
        "/wapi/v1/history/orders",
        "orderHistoryQueryAll",
        history::orders,
    ),
    signed(
        "GET",
        "/wapi/v1/history/fills",
        "fillHistoryQueryAll",
        history::fills,
    ),
    signed(
        "GET",
        "/wapi/v1/history/funding",
        "fundingHistoryQueryAll",
        history::funding,
    ),
];

/// Returns the endpoint of a method and path.
pub(super) fn find(method: &str, path: &str) -> Option<&'static Route> {
    ROUTES
        .iter()
        .find(|route| route.method == method && route.path == path)
}
