//! How venues say "too much": statuses 429 and 418, and `Retry-After`.

use std::time::Duration;

use http::{HeaderValue, StatusCode};

/// The longest silence a header can ask for: Binance's longest ban is three days.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// How long a 429 without `Retry-After` silences the scopes charged. Ten seconds is the short
/// window of most venues; going on at once is what turns 429 into 418.
const RATE_LIMITED_DEFAULT: Duration = Duration::from_secs(10);

/// How long a 418 without `Retry-After` silences the cluster: Binance's shortest ban.
const BANNED_DEFAULT: Duration = Duration::from_secs(2 * 60);

/// What an answer's status says about limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateLimit {
    /// 429: whoever shares the scopes charged stays silent.
    Scopes(Duration),
    /// 418: the address is banned, and with it the whole cluster.
    Cluster(Duration),
}

/// Returns what a status and its `Retry-After` ask for, if it is about limits at all.
pub(crate) fn rate_limit(status: StatusCode, retry_after: Option<Duration>) -> Option<RateLimit> {
    match status.as_u16() {
        429 => Some(RateLimit::Scopes(
            retry_after.unwrap_or(RATE_LIMITED_DEFAULT),
        )),
        418 => Some(RateLimit::Cluster(retry_after.unwrap_or(BANNED_DEFAULT))),
        _ => None,
    }
}

/// Reads `Retry-After` in whole seconds, the only form venues send, up to three days.
pub(crate) fn retry_after(header: Option<&HeaderValue>) -> Option<Duration> {
    let seconds: u64 = header?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}
