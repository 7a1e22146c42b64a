//! What goes wrong here, and how callers learn of it.

use std::time::Duration;

use chimera_model::{DecimalError, IdError};
use chimera_runtime::fault::{Fault, QuotaViolation};
use chimera_runtime::fault::{FieldError, FieldViolation, InvalidArgument};
use chimera_runtime::server::DescriptorError;
use tonic::Code;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is out of its range.
    #[error("{field} is {value}, and must be {least} to {most}")]
    Config {
        /// Which setting.
        field: &'static str,
        /// What it is.
        value: u64,
        /// The least it may be.
        least: u64,
        /// The most it may be.
        most: u64,
    },
    /// The contract does not describe this service.
    #[error(transparent)]
    Contract(#[from] DescriptorError),
}

/// How long a caller waits for the history of fills: pages of a thousand take milliseconds each.
const SOON: Duration = Duration::from_millis(250);

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PositionError {
    /// Fields of the request cannot be read.
    #[error(transparent)]
    Invalid(#[from] InvalidArgument),
    /// No such venue is configured.
    #[error("no venue {venue} is configured; known are {known}")]
    UnknownVenue {
        /// The venue asked for.
        venue: String,
        /// Those that there are.
        known: String,
    },
    /// No such account trades at the venue.
    #[error("no account {account} trades at {venue}")]
    UnknownAccount {
        /// The account asked for.
        account: String,
        /// The venue asked for.
        venue: String,
    },
    /// The venue has not stated it yet.
    #[error("{venue} has not stated the margin of {account} yet")]
    VenueNotReady {
        /// The account asked for.
        account: String,
        /// The venue asked for.
        venue: String,
    },
    /// The history of fills is being read.
    #[error("positions are being built from the history of fills")]
    Recovering,
    /// The token's epoch is over, or the history after it is not kept any more.
    #[error("the stream cannot be continued from there; begin with a snapshot")]
    ResumeExpired,
    /// The token was not made here, or for another filter.
    #[error("the resume token was not made by this service for this filter")]
    InvalidResumeToken,
    /// As many streams are open as may be.
    #[error("at most {limit} streams are open at one time")]
    TooManyReaders {
        /// How many may be.
        limit: usize,
    },
    /// A sum is too large to be stated exactly.
    #[error("a sum cannot be stated exactly: {0}")]
    Number(#[from] DecimalError),
    /// The server is ending.
    #[error("the server is draining")]
    Draining,
    /// The task that owns the positions is gone.
    #[error("the positions are not kept any more")]
    Stopped,
}

impl PositionError {
    /// Says that a field of the request is no name.
    pub(crate) fn field(name: &str, error: &IdError) -> Self {
        Self::Invalid(FieldError::new(name, error.to_string()).into())
    }
}

impl Fault for PositionError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(error) => error.code(),
            Self::UnknownVenue { .. } | Self::UnknownAccount { .. } => Code::NotFound,
            Self::VenueNotReady { .. } | Self::Recovering | Self::Draining => Code::Unavailable,
            Self::ResumeExpired => Code::OutOfRange,
            Self::InvalidResumeToken | Self::Number(_) => Code::InvalidArgument,
            Self::TooManyReaders { .. } => Code::ResourceExhausted,
            Self::Stopped => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(error) => error.reason(),
            Self::UnknownVenue { .. } => "UNKNOWN_VENUE",
            Self::UnknownAccount { .. } => "UNKNOWN_ACCOUNT",
            Self::VenueNotReady { .. } => "VENUE_NOT_READY",
            Self::Recovering => "RECOVERING",
            Self::ResumeExpired => "RESUME_EXPIRED",
            Self::InvalidResumeToken => "INVALID_RESUME_TOKEN",
            Self::TooManyReaders { .. } => "SUBSCRIPTION_LIMIT",
            Self::Number(_) => "NUMBER_OUT_OF_RANGE",
            Self::Draining => "DRAINING",
            Self::Stopped => "INTERNAL",
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Invalid(error) => error.facts(),
            Self::UnknownVenue { venue, known } => {
                vec![("venue", venue.clone()), ("known", known.clone())]
            }
            Self::UnknownAccount { account, venue } | Self::VenueNotReady { account, venue } => {
                vec![("account", account.clone()), ("venue", venue.clone())]
            }
            Self::TooManyReaders { limit } => vec![("limit", limit.to_string())],
            Self::Number(error) => vec![("cause", error.to_string())],
            Self::Recovering
            | Self::ResumeExpired
            | Self::InvalidResumeToken
            | Self::Draining
            | Self::Stopped => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid(error) => error.fields(),
            Self::InvalidResumeToken => {
                let valid = "a token of a frame of this stream, with the same filter";
                vec![FieldViolation::new("resume_token", valid)]
            }
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Recovering | Self::VenueNotReady { .. } | Self::TooManyReaders { .. } => {
                Some(SOON)
            }
            _ => None,
        }
    }

    fn quota(&self) -> Vec<QuotaViolation> {
        match self {
            Self::TooManyReaders { limit } => {
                vec![QuotaViolation::new(
                    "position:streams",
                    format!("at most {limit}"),
                )]
            }
            _ => Vec::new(),
        }
    }
}
