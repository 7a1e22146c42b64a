//! What requests cost and what the venue allows.
//!
//! Weights by address, orders by account.
//! Page `general-info`
//! `exchangeInfo.rateLimits` and the usage headers are the truth; the numbers here are what is
//! documented, used until the venue has spoken.

use std::time::Duration;

use http::HeaderMap;

use super::wire_instrument::RateLimit;
use crate::limits::{Charge, Limit, RateLimits, Usage};

/// Weight of requests per minute and address.
pub(super) const WEIGHT: &str = "ip-weight-1m";
/// Orders per ten seconds and account.
pub(super) const ORDERS_10S: &str = "orders-10s";
/// Orders per minute and account.
pub(super) const ORDERS_1M: &str = "orders-1m";

/// The headers that say what is used of a scope.
const USAGE_HEADERS: [(&str, &str); 3] = [
    ("x-mbx-used-weight-1m", WEIGHT),
    ("x-mbx-order-count-10s", ORDERS_10S),
    ("x-mbx-order-count-1m", ORDERS_1M),
];

/// What a placement costs: no weight, one order in both windows. It names the weight all the same:
/// when the venue refuses the address for it, orders wait as well (F112).
pub(super) const PLACE: [Charge; 3] = [(WEIGHT, 0), (ORDERS_10S, 1), (ORDERS_1M, 1)];

/// Returns the documented limits.
pub(super) fn documented() -> RateLimits {
    RateLimits {
        limits: vec![
            limit(WEIGHT, 60, 2_400, false),
            limit(ORDERS_10S, 10, 300, true),
            limit(ORDERS_1M, 60, 1_200, true),
        ],
    }
}

/// Returns the limits with what the venue states in place of what is documented (F116). Windows
/// that no request is charged to are left out.
pub(super) fn stated(stated: &[RateLimit<'_>]) -> RateLimits {
    let mut limits = documented();
    for rate in stated {
        let scope = match (&*rate.kind, &*rate.interval, rate.interval_num) {
            ("REQUEST_WEIGHT", "MINUTE", 1) => WEIGHT,
            ("ORDERS", "SECOND", 10) => ORDERS_10S,
            ("ORDERS", "MINUTE", 1) => ORDERS_1M,
            _ => continue,
        };
        for limit in limits
            .limits
            .iter_mut()
            .filter(|limit| limit.scope == scope)
        {
            limit.limit = rate.limit;
        }
    }
    limits
}

/// Returns what an answer's headers say is used.
pub(super) fn usage(headers: &HeaderMap) -> Vec<Usage> {
    let read = |(name, scope): &(&str, &'static str)| {
        let used = headers.get(*name)?.to_str().ok()?.parse().ok()?;
        Some(Usage { scope, used })
    };
    USAGE_HEADERS.iter().filter_map(read).collect()
}

/// Returns the depth to ask for, and its weight.
/// Page `market-data/rest-api/Order-Book`
pub(super) fn depth(wanted: usize) -> (usize, u64) {
    const OFFERED: [(usize, u64); 7] = [
        (5, 2),
        (10, 2),
        (20, 2),
        (50, 2),
        (100, 5),
        (500, 10),
        (1_000, 20),
    ];
    OFFERED
        .into_iter()
        .find(|(depth, _)| *depth >= wanted)
        .unwrap_or((1_000, 20))
}

/// Returns the weight of so many bars.
/// Page `market-data/rest-api/Kline-Candlestick-Data`
pub(super) const fn bars_weight(limit: usize) -> u64 {
    match limit {
        0..100 => 1,
        100..500 => 2,
        500..=1_000 => 5,
        _ => 10,
    }
}

const fn limit(scope: &'static str, seconds: u64, limit: u64, per_account: bool) -> Limit {
    Limit {
        scope,
        window: Duration::from_secs(seconds),
        limit,
        per_account,
    }
}
