//! What a venue lets one send, as plain data; whoever sends enforces it.

use std::time::Duration;

/// A scope of [`RateLimits`] and what a request costs in it.
pub type Charge = (&'static str, u64);

/// One limit of a venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The stable name of the scope, e.g. `ip-weight-1m`.
    pub scope: &'static str,
    /// The length of its window.
    pub window: Duration,
    /// What one window allows.
    pub limit: u64,
    /// Whether it is counted per account rather than per address (F113).
    pub per_account: bool,
}

/// All limits of a venue. A request is charged to several at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// The limits.
    pub limits: Vec<Limit>,
}

/// What the venue says is used of a scope: it overrides our own count (F116).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The scope.
    pub scope: &'static str,
    /// What is used of the current window.
    pub used: u64,
}
