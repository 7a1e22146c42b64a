//! What became of a request that may change an order: the one place that tells refused, unknown,
//! gone and not sent apart (F01, F02, F12, F18).

use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_egress::{CallError, Sent};
use chimera_model::UnixNanos;
use chimera_runtime::fault::Fault;
use chimera_venue::{ErrorClass, Evidence, VenueError};

use crate::ask::NoAnswer;
use crate::error::ConnectorError;
use crate::wire;

#[cfg(test)]
mod tests;

/// When a request refused for its timestamp may be tried again: by then the clock was measured
/// anew.
const CLOCK_HEALS_WITHIN: Duration = Duration::from_secs(1);

/// What a request does to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Submit,
    Cancel,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Done {
    pub outcome: pb::Outcome,
    pub detail: Option<pb::OutcomeDetail>,
    pub report: Option<pb::OrderReport>,
    pub sent_time: Option<prost_types::Timestamp>,
}

impl Done {
    /// Nothing left this house.
    pub(crate) fn not_sent(reason: &str, words: &str) -> Self {
        Self::because(pb::Outcome::NotSent, reason, words)
    }

    /// Nobody knows.
    pub(crate) fn unknown(reason: &str, words: &str) -> Self {
        Self::because(pb::Outcome::Unknown, reason, words)
    }

    fn because(outcome: pb::Outcome, reason: &str, words: &str) -> Self {
        let detail = pb::OutcomeDetail {
            reason: reason.to_owned(),
            venue_message: wire::cut(words),
            ..Default::default()
        };
        Self {
            outcome,
            detail: Some(detail),
            report: None,
            sent_time: None,
        }
    }

    /// The venue answered with an error.
    pub(crate) fn refused(action: Action, error: &VenueError) -> Self {
        let detail = pb::OutcomeDetail {
            reason: reason(error.class).to_owned(),
            venue_code: error.venue_code.clone().unwrap_or_default(),
            venue_message: wire::cut(&error.detail),
            retry_after: retry_after(error).map(wire::duration),
            duplicate_client_id: error.class == ErrorClass::DuplicateClientId,
        };
        let outcome = outcome(action, error.class);
        Self {
            outcome,
            detail: Some(detail),
            report: None,
            sent_time: None,
        }
    }

    /// There is no answer.
    pub(crate) fn unanswered(error: &NoAnswer) -> Self {
        match error {
            NoAnswer::NotBuilt(error) => Self::not_sent("INVALID_FIELD", &error.detail),
            // Nothing but a quota makes a request wait before it is built.
            NoAnswer::NotInTime => Self::not_sent("VENUE_RATE_LIMIT", &error.to_string()),
            NoAnswer::Withdrawn(why) => Self::not_sent("VENUE_NOT_READY", why),
            NoAnswer::Halted => Self::not_sent("TRADING_HALTED", &error.to_string()),
            NoAnswer::Call { error, left } => Self::failed_call(error, *left),
        }
    }

    fn failed_call(error: &CallError, left: Option<UnixNanos>) -> Self {
        let (outcome, reason) = match error.sent() {
            Sent::No => (pb::Outcome::NotSent, error.reason()),
            Sent::Maybe => (pb::Outcome::Unknown, "ORDER_OUTCOME_UNKNOWN"),
        };
        let mut done = Self::because(outcome, reason, &error.cause.to_string());
        if let Some(detail) = &mut done.detail {
            detail.retry_after = error.retry_after().map(wire::duration);
        }
        if outcome == pb::Outcome::Unknown {
            done.sent_time = left.map(wire::timestamp);
        }
        done
    }
}

/// Returns the outcome that a class of error proves, and none that it does not.
fn outcome(action: Action, class: ErrorClass) -> pb::Outcome {
    if class == ErrorClass::NotBuilt {
        return pb::Outcome::NotSent;
    }
    match (class.evidence(), action) {
        (Evidence::NoEffect, _) => pb::Outcome::Rejected,
        (Evidence::OrderMissing, Action::Cancel) => pb::Outcome::NotFound,
        // An order that exists under this id is no refusal (F03), and a submit cannot miss an
        // order.
        (Evidence::OrderExists | Evidence::OrderMissing | Evidence::Nothing, _) => {
            pb::Outcome::Unknown
        }
    }
}

/// Returns the contract's reason for a class.
fn reason(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::NotBuilt => "INVALID_FIELD",
        ErrorClass::Refused | ErrorClass::FilterRefused | ErrorClass::PostOnlyRefused => {
            "ORDER_REJECTED"
        }
        ErrorClass::InsufficientMargin => "INSUFFICIENT_MARGIN",
        ErrorClass::ReduceOnlyRefused => "REDUCE_ONLY",
        ErrorClass::InstrumentUnavailable => "INSTRUMENT_NOT_TRADING",
        ErrorClass::WrongAccountMode | ErrorClass::Timestamp => "VENUE_REFUSED",
        ErrorClass::AlreadyGone | ErrorClass::NotFound => "ORDER_NOT_FOUND",
        ErrorClass::RetryLater => "VENUE_UNAVAILABLE",
        ErrorClass::RateLimited | ErrorClass::Banned => "VENUE_RATE_LIMIT",
        ErrorClass::AuthFailure | ErrorClass::SessionExpired => "VENUE_AUTHENTICATION",
        ErrorClass::Unreadable | ErrorClass::Unmapped => "VENUE_ANSWER_UNREADABLE",
        ErrorClass::DuplicateClientId | ErrorClass::Unknown | ErrorClass::WrongEcho => {
            "ORDER_OUTCOME_UNKNOWN"
        }
    }
}

fn retry_after(error: &VenueError) -> Option<Duration> {
    let clock = (error.class == ErrorClass::Timestamp).then_some(CLOCK_HEALS_WITHIN);
    error.retry_after.or(clock)
}

/// Returns the failure of a query that the venue answered with an error.
pub(crate) fn query_refused(venue: &str, account: &str, error: &VenueError) -> ConnectorError {
    let venue = venue.to_owned();
    let venue_code = error.venue_code.clone().unwrap_or_default();
    match error.class {
        ErrorClass::RateLimited | ErrorClass::Banned => ConnectorError::RateLimited {
            venue,
            scope: "the venue's own".to_owned(),
            retry_after: error.retry_after,
        },
        ErrorClass::AuthFailure => ConnectorError::Authentication {
            venue,
            account: account.to_owned(),
            venue_code,
        },
        ErrorClass::Unknown | ErrorClass::RetryLater | ErrorClass::Timestamp => {
            ConnectorError::Unavailable {
                venue,
                cause: error.to_string(),
            }
        }
        ErrorClass::Unreadable | ErrorClass::WrongEcho | ErrorClass::Unmapped => {
            ConnectorError::Unreadable {
                venue,
                cause: error.detail.clone(),
            }
        }
        _ => ConnectorError::Refused {
            venue,
            venue_code,
            venue_message: error.detail.clone(),
        },
    }
}

/// Returns the failure of a query that has no answer.
pub(crate) fn query_unanswered(venue: &str, error: &NoAnswer) -> ConnectorError {
    let venue = venue.to_owned();
    match error {
        NoAnswer::NotBuilt(error) => ConnectorError::Refused {
            venue,
            venue_code: String::new(),
            venue_message: error.detail.clone(),
        },
        NoAnswer::NotInTime | NoAnswer::Withdrawn(_) | NoAnswer::Halted => {
            ConnectorError::DeadlineExceeded
        }
        NoAnswer::Call { error, .. } => match error.reason() {
            "VENUE_RATE_LIMIT" => ConnectorError::RateLimited {
                venue,
                scope: error.cause.to_string(),
                retry_after: error.retry_after(),
            },
            "BREAKER_OPEN" => ConnectorError::BreakerOpen {
                venue,
                endpoint: error.endpoint.to_owned(),
                retry_after: error.retry_after(),
            },
            "DEADLINE_EXCEEDED" => ConnectorError::DeadlineExceeded,
            _ => ConnectorError::Unavailable {
                venue,
                cause: error.cause.to_string(),
            },
        },
    }
}
