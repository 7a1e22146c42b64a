//! The venue's words for the terms of an order, in both directions.

use super::error::ApiError;
use crate::engine::{SelfTrade, Side, TimeInForce};
use crate::exchange::{BalanceReason, Execution, Kind, NewOrder, OrderStatus};

/// Order types that the venue takes elsewhere since conditional orders have their own endpoints.
const CONDITIONAL: [&str; 5] = [
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
];

pub(crate) fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

pub(crate) fn read_side(text: &str) -> Result<Side, ApiError> {
    match text {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(ApiError::bad(-1117, "Invalid side.")),
    }
}

pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Limit => "LIMIT",
        Kind::Market => "MARKET",
    }
}

pub(crate) fn read_kind(text: &str) -> Result<Kind, ApiError> {
    match text {
        "LIMIT" => Ok(Kind::Limit),
        "MARKET" => Ok(Kind::Market),
        text if CONDITIONAL.contains(&text) => {
            let text = "Order type not supported for this endpoint. Please use the Algo Order API \
                        endpoints instead.";
            Err(ApiError::bad(-4120, text))
        }
        _ => Err(ApiError::bad(-1116, "Invalid orderType.")),
    }
}

pub(crate) fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::New => "NEW",
        OrderStatus::PartiallyFilled => "PARTIALLY_FILLED",
        OrderStatus::Filled => "FILLED",
        OrderStatus::Cancelled => "CANCELED",
        OrderStatus::Expired => "EXPIRED",
        OrderStatus::ExpiredOnSelf => "EXPIRED_IN_MATCH",
    }
}

/// The venue shows a market order as good till cancelled.
pub(crate) fn time_in_force(terms: &NewOrder) -> &'static str {
    match (terms.kind, terms.time_in_force) {
        (Kind::Market, _) => "GTC",
        (Kind::Limit, TimeInForce::GoodTillCancelled) if terms.expires_ms.is_some() => "GTD",
        (Kind::Limit, TimeInForce::GoodTillCancelled) => "GTC",
        (Kind::Limit, TimeInForce::ImmediateOrCancel) => "IOC",
        (Kind::Limit, TimeInForce::FillOrKill) => "FOK",
        (Kind::Limit, TimeInForce::PostOnly) => "GTX",
    }
}

pub(crate) fn read_time_in_force(text: &str) -> Result<TimeInForce, ApiError> {
    match text {
        "GTC" | "GTD" => Ok(TimeInForce::GoodTillCancelled),
        "IOC" => Ok(TimeInForce::ImmediateOrCancel),
        "FOK" => Ok(TimeInForce::FillOrKill),
        "GTX" => Ok(TimeInForce::PostOnly),
        _ => Err(ApiError::bad(-1115, "Invalid timeInForce.")),
    }
}

pub(crate) fn self_trade(mode: SelfTrade) -> &'static str {
    match mode {
        SelfTrade::Allow => "NONE",
        SelfTrade::ExpireTaker => "EXPIRE_TAKER",
        SelfTrade::ExpireMaker => "EXPIRE_MAKER",
        SelfTrade::ExpireBoth => "EXPIRE_BOTH",
    }
}

pub(crate) fn read_self_trade(text: &str) -> Result<SelfTrade, ApiError> {
    match text {
        "NONE" => Ok(SelfTrade::Allow),
        "EXPIRE_TAKER" => Ok(SelfTrade::ExpireTaker),
        "EXPIRE_MAKER" => Ok(SelfTrade::ExpireMaker),
        "EXPIRE_BOTH" => Ok(SelfTrade::ExpireBoth),
        _ => Err(ApiError::bad(-5039, "Invalid self trade prevention mode.")),
    }
}

pub(crate) fn execution(execution: Execution) -> &'static str {
    match execution {
        Execution::New => "NEW",
        Execution::Trade => "TRADE",
        Execution::Cancelled => "CANCELED",
        Execution::Expired => "EXPIRED",
        Execution::Amended => "AMENDMENT",
    }
}

pub(crate) fn balance_reason(reason: BalanceReason) -> &'static str {
    match reason {
        BalanceReason::Order => "ORDER",
        BalanceReason::Funding => "FUNDING_FEE",
        BalanceReason::Deposit => "DEPOSIT",
    }
}
