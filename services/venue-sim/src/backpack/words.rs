//! The venue's names of things.

use crate::engine::{SelfTrade, Side, TimeInForce};
use crate::exchange::{Instrument, Kind, Order, OrderStatus};

/// Writes a side.
pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "Bid",
        Side::Sell => "Ask",
    }
}

/// Reads a side.
pub(super) fn read_side(text: &str) -> Option<Side> {
    match text {
        "Bid" => Some(Side::Buy),
        "Ask" => Some(Side::Sell),
        _ => None,
    }
}

/// Writes a kind of order.
pub(super) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Limit => "Limit",
        Kind::Market => "Market",
    }
}

/// Reads a kind of order.
pub(super) fn read_kind(text: &str) -> Option<Kind> {
    match text {
        "Limit" => Some(Kind::Limit),
        "Market" => Some(Kind::Market),
        _ => None,
    }
}

/// Writes how long an order lives; post-only is a flag beside it.
pub(super) const fn time_in_force(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::GoodTillCancelled | TimeInForce::PostOnly => "GTC",
        TimeInForce::ImmediateOrCancel => "IOC",
        TimeInForce::FillOrKill => "FOK",
    }
}

/// Reads how long an order lives.
pub(super) fn read_time_in_force(text: &str) -> Option<TimeInForce> {
    match text {
        "GTC" => Some(TimeInForce::GoodTillCancelled),
        "IOC" => Some(TimeInForce::ImmediateOrCancel),
        "FOK" => Some(TimeInForce::FillOrKill),
        _ => None,
    }
}

/// Writes what happens on meeting oneself.
pub(super) const fn self_trade(self_trade: SelfTrade) -> &'static str {
    match self_trade {
        SelfTrade::ExpireTaker => "RejectTaker",
        SelfTrade::ExpireMaker => "RejectMaker",
        SelfTrade::ExpireBoth => "RejectBoth",
        SelfTrade::Allow => "Allow",
    }
}

/// Reads what happens on meeting oneself.
pub(super) fn read_self_trade(text: &str) -> Option<SelfTrade> {
    match text {
        "RejectTaker" => Some(SelfTrade::ExpireTaker),
        "RejectMaker" => Some(SelfTrade::ExpireMaker),
        "RejectBoth" => Some(SelfTrade::ExpireBoth),
        _ => None,
    }
}

/// Writes where an order is in its life.
pub(super) const fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::New => "New",
        OrderStatus::PartiallyFilled => "PartiallyFilled",
        OrderStatus::Filled => "Filled",
        OrderStatus::Cancelled => "Cancelled",
        OrderStatus::Expired | OrderStatus::ExpiredOnSelf => "Expired",
    }
}

/// Returns why an order expired: as histories write it, and as streams do.
pub(super) fn expiry(order: &Order) -> (&'static str, &'static str) {
    let terms = &order.terms;
    match (order.status, terms.kind, terms.time_in_force) {
        (OrderStatus::ExpiredOnSelf, _, _) => ("SelfTradePrevention", "SELF_TRADE_PREVENTION"),
        (_, Kind::Market, _) => ("PriceImpact", "PRICE_IMPACT"),
        (_, Kind::Limit, TimeInForce::ImmediateOrCancel) => {
            ("ImmediateOrCancel", "IMMEDIATE_OR_CANCEL")
        }
        (_, Kind::Limit, _) if terms.reduce_only => {
            ("ReduceOnlyNotReduced", "REDUCE_ONLY_NOT_REDUCED")
        }
        (_, Kind::Limit, _) => ("Unknown", "UNKNOWN"),
    }
}

/// Reads a kind of market; not all of them are listed here.
pub(super) fn read_market_type(text: &str) -> Option<&'static str> {
    let known = ["SPOT", "PERP", "IPERP", "DATED", "PREDICTION", "RFQ"];
    known.into_iter().find(|known| *known == text)
}

/// Writes a kind of market.
pub(super) fn market_type(instrument: &Instrument) -> &'static str {
    if instrument.is_spot() { "SPOT" } else { "PERP" }
}

/// Whether a market is of one of the kinds that a request is narrowed to.
pub(super) fn fits(kinds: &[&str], instrument: &Instrument) -> bool {
    kinds.is_empty() || kinds.contains(&market_type(instrument))
}
