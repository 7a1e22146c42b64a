//! What the venue allows.
//!
//! 2,000 requests a minute and subaccount, 30 of them for market data of a span of time (support
//! page `API and developer docs / FAQs`, read 2026-11). Answers do not say what is used. Requests
//! without a key belong to no subaccount; they are held to the same numbers.

use std::time::Duration;

use crate::limits::{Charge, Limit, RateLimits};

/// Signed requests.
pub(super) const REQUESTS: &str = "requests-1m";
/// Public requests.
const PUBLIC: &str = "public-requests-1m";
/// Public requests for a span of time.
const HISTORY: &str = "public-history-1m";

/// What a signed request costs.
pub(super) fn signed() -> Vec<Charge> {
    vec![(REQUESTS, 1)]
}

/// What a public request costs.
pub(super) fn public() -> Vec<Charge> {
    vec![(PUBLIC, 1)]
}

/// What a public request for a span of time costs.
pub(super) fn history() -> Vec<Charge> {
    vec![(PUBLIC, 1), (HISTORY, 1)]
}

/// Returns the documented limits.
pub(super) fn documented() -> RateLimits {
    let limit = |scope, limit, per_account| Limit {
        scope,
        window: Duration::from_secs(60),
        limit,
        per_account,
    };
    RateLimits {
        limits: vec![
            limit(REQUESTS, 2_000, true),
            limit(PUBLIC, 2_000, false),
            limit(HISTORY, 30, false),
        ],
    }
}
