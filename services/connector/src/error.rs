//! Why a call failed. What became of an order is never an error here: that is an outcome.

use std::time::Duration;

use chimera_runtime::fault::{
    Fault, FieldError, FieldViolation, InvalidArgument, Outcome, QuotaViolation,
};
use tonic::Code;

/// Why a call to the connector failed; nothing at the venue was changed by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// A field cannot be read.
    #[error(transparent)]
    Invalid(#[from] InvalidArgument),
    /// No such venue.
    #[error("venue {venue} is not configured; known are {known}")]
    UnknownVenue {
        /// The name asked for.
        venue: String,
        /// The names configured.
        known: String,
    },
    /// No such account at that venue.
    #[error("account {account} is not configured at {venue}")]
    UnknownAccount {
        /// The venue.
        venue: String,
        /// The name asked for.
        account: String,
    },
    /// No such instrument.
    #[error("{venue} has no instrument {symbol}")]
    UnknownInstrument {
        /// The venue.
        venue: String,
        /// The name asked for.
        symbol: String,
    },
    /// The session cannot serve this yet, or no more.
    #[error("the session to {venue} is not ready: {session}")]
    NotReady {
        /// The venue.
        venue: String,
        /// Where the session stands, and why.
        session: String,
    },
    /// No price came in time that may be traded on.
    #[error("no fresh price of {symbol} at {venue}")]
    NoFreshPrice {
        /// The venue.
        venue: String,
        /// The instrument.
        symbol: String,
    },
    /// More subscriptions or readers than are allowed.
    #[error("at most {limit} {what} are served")]
    SubscriptionLimit {
        /// What is limited.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// The venue was not reached, or answered with a fault of its own.
    #[error("{venue} did not answer: {cause}")]
    Unavailable {
        /// The venue.
        venue: String,
        /// The class of the failure.
        cause: String,
    },
    /// The venue's rate limit, or our own in front of it.
    #[error("rate limit of {venue}: {scope}")]
    RateLimited {
        /// The venue.
        venue: String,
        /// Which limit.
        scope: String,
        /// Until when.
        retry_after: Option<Duration>,
    },
    /// The breaker of the endpoint is open.
    #[error("calls to {endpoint} of {venue} are held back after faults")]
    BreakerOpen {
        /// The venue.
        venue: String,
        /// The endpoint.
        endpoint: String,
        /// When it is tried again.
        retry_after: Option<Duration>,
    },
    /// The venue refused our credentials.
    #[error("{venue} refused the credentials of {account}")]
    Authentication {
        /// The venue.
        venue: String,
        /// The account.
        account: String,
        /// The venue's code.
        venue_code: String,
    },
    /// The venue refused the request.
    #[error("{venue} refused: {venue_code} {venue_message}")]
    Refused {
        /// The venue.
        venue: String,
        /// Its code.
        venue_code: String,
        /// Its words.
        venue_message: String,
    },
    /// The answer was not what the venue's documentation says.
    #[error("the answer of {venue} cannot be read: {cause}")]
    Unreadable {
        /// The venue.
        venue: String,
        /// What is wrong with it; never its content.
        cause: String,
    },
    /// This process is ending.
    #[error("the connector is draining")]
    Draining,
    /// The caller's time is over.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// A defect.
    #[error("internal fault: {what}")]
    Internal {
        /// Where.
        what: &'static str,
    },
}

impl From<FieldError> for ConnectorError {
    fn from(error: FieldError) -> Self {
        Self::Invalid(error.into())
    }
}

impl Fault for ConnectorError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidArgument,
            Self::UnknownVenue { .. }
            | Self::UnknownAccount { .. }
            | Self::UnknownInstrument { .. } => Code::NotFound,
            Self::NotReady { .. }
            | Self::NoFreshPrice { .. }
            | Self::Unavailable { .. }
            | Self::BreakerOpen { .. }
            | Self::Draining => Code::Unavailable,
            Self::SubscriptionLimit { .. } | Self::RateLimited { .. } => Code::ResourceExhausted,
            Self::Authentication { .. } | Self::Refused { .. } => Code::FailedPrecondition,
            Self::Unreadable { .. } | Self::Internal { .. } => Code::Internal,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(invalid) => invalid.reason(),
            Self::UnknownVenue { .. } => "UNKNOWN_VENUE",
            Self::UnknownAccount { .. } => "UNKNOWN_ACCOUNT",
            Self::UnknownInstrument { .. } => "UNKNOWN_INSTRUMENT",
            Self::NotReady { .. } => "VENUE_NOT_READY",
            Self::NoFreshPrice { .. } => "NO_FRESH_PRICE",
            Self::SubscriptionLimit { .. } => "SUBSCRIPTION_LIMIT",
            Self::Unavailable { .. } => "VENUE_UNAVAILABLE",
            Self::RateLimited { .. } => "VENUE_RATE_LIMIT",
            Self::BreakerOpen { .. } => "BREAKER_OPEN",
            Self::Authentication { .. } => "VENUE_AUTHENTICATION",
            Self::Refused { .. } => "VENUE_REFUSED",
            Self::Unreadable { .. } => "VENUE_ANSWER_UNREADABLE",
            Self::Draining => "DRAINING",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Internal { .. } => "INTERNAL",
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let outcome = self.outcome().map(Outcome::fact);
        outcome.into_iter().chain(self.own_facts()).collect()
    }

    fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid(invalid) => invalid.fields(),
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::BreakerOpen { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    fn quota(&self) -> Vec<QuotaViolation> {
        match self {
            Self::RateLimited { venue, scope, .. } => {
                vec![QuotaViolation::new(format!("venue:{venue}"), scope.clone())]
            }
            _ => Vec::new(),
        }
    }
}

impl ConnectorError {
    /// Returns what the failure says of the work that was asked for: only what is found out before
    /// anything is begun proves that nothing was.
    const fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Invalid(_)
            | Self::UnknownVenue { .. }
            | Self::UnknownAccount { .. }
            | Self::UnknownInstrument { .. }
            | Self::NotReady { .. }
            | Self::Draining => Some(Outcome::NotBegun),
            _ => None,
        }
    }

    fn own_facts(&self) -> Vec<(&'static str, String)> {
        let pair = |one: (&'static str, &String), other: (&'static str, &String)| {
            vec![(one.0, one.1.clone()), (other.0, other.1.clone())]
        };
        match self {
            Self::Invalid(invalid) => invalid.facts(),
            Self::UnknownVenue { venue, known } => pair(("venue", venue), ("known", known)),
            Self::UnknownAccount { venue, account } => pair(("venue", venue), ("account", account)),
            Self::UnknownInstrument { venue, symbol } | Self::NoFreshPrice { venue, symbol } => {
                pair(("venue", venue), ("symbol", symbol))
            }
            Self::NotReady { venue, session } => pair(("venue", venue), ("session", session)),
            Self::SubscriptionLimit { what, limit } => {
                vec![("what", (*what).to_owned()), ("limit", limit.to_string())]
            }
            Self::Unavailable { venue, cause } | Self::Unreadable { venue, cause } => {
                pair(("venue", venue), ("cause", cause))
            }
            Self::RateLimited { venue, scope, .. } => pair(("venue", venue), ("scope", scope)),
            Self::BreakerOpen {
                venue, endpoint, ..
            } => pair(("venue", venue), ("endpoint", endpoint)),
            Self::Authentication {
                venue,
                account,
                venue_code,
            } => {
                let mut facts = pair(("venue", venue), ("account", account));
                facts.push(("venue_code", venue_code.clone()));
                facts
            }
            Self::Refused {
                venue,
                venue_code,
                venue_message,
            } => {
                let mut facts = pair(("venue", venue), ("venue_code", venue_code));
                facts.push(("venue_message", venue_message.clone()));
                facts
            }
            Self::Internal { what } => vec![("what", (*what).to_owned())],
            Self::Draining | Self::DeadlineExceeded => Vec::new(),
        }
    }
}
