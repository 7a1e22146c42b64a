//! Another attempt, for what may be repeated and only while the venue can bear it. Orders never get
//! here: their callers do not say `repeatable`.

use std::time::Duration;

use http::StatusCode;
use rand::{Rng, RngExt};

use crate::http::{HttpError, HttpResponse};

#[cfg(test)]
mod tests;

/// How often and how fast a repeatable call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts of one call, the first included.
    pub attempts_max: u32,
    /// The longest first pause; doubles with each attempt.
    pub backoff: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
    /// Retries allowed for every hundred first attempts.
    pub budget_percent: u32,
    /// Retries saved up at most, and there at the start.
    pub budget_max: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            // A third attempt still helps against two bad gateways behind one name; a fourth rarely
            // does.
            attempts_max: 3,
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(2),
            // A venue that is down gets a fifth more traffic, not three times as much.
            budget_percent: 20,
            budget_max: 10,
        }
    }
}

/// What a cluster's callers have saved for retries, in hundredths of one.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    policy: RetryPolicy,
    saved: u32,
}

/// The price of one retry, in hundredths.
const RETRY: u32 = 100;

impl RetryBudget {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            saved: policy.budget_max.saturating_mul(RETRY),
        }
    }

    /// Saves for a first attempt.
    pub(crate) fn deposit(&mut self) {
        let cap = self.policy.budget_max.saturating_mul(RETRY);
        self.saved = self
            .saved
            .saturating_add(self.policy.budget_percent)
            .min(cap);
    }

    /// Pays for a retry, if there is enough.
    pub(crate) fn withdraw(&mut self) -> bool {
        let paid = self.saved.checked_sub(RETRY);
        self.saved = paid.unwrap_or(self.saved);
        paid.is_some()
    }
}

/// Returns the pause before the attempt after `attempts`: anything up to the doubled backoff, so
/// that callers that failed together do not come back together.
pub(crate) fn pause(policy: &RetryPolicy, attempts: u32, chance: &mut impl Rng) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let longest = policy
        .backoff
        .saturating_mul(1 << doublings)
        .min(policy.backoff_max);
    longest.mul_f64(chance.random::<f64>())
}

/// Returns whether another attempt could end better: the venue's trouble of the moment, and nothing
/// that is the request's own fault or about limits.
pub(crate) fn may_end_better(outcome: &Result<HttpResponse, HttpError>) -> bool {
    match outcome {
        Ok(response) => matches!(
            response.status,
            StatusCode::REQUEST_TIMEOUT
                | StatusCode::INTERNAL_SERVER_ERROR
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        ),
        Err(error) => match error {
            HttpError::Connect { .. }
            | HttpError::NotWritten
            | HttpError::Timeout { .. }
            | HttpError::Transport { .. } => true,
            HttpError::Malformed { .. }
            | HttpError::Expired
            | HttpError::Redirect { .. }
            | HttpError::BodyTooLarge { .. } => false,
        },
    }
}
