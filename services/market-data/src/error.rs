//! What goes wrong here, and how callers learn of it.

use std::time::Duration;

use chimera_egress::CallError;
use chimera_runtime::{fault::Fault, server::DescriptorError};
use chimera_venue::VenueError;
use tonic::Code;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The contract does not describe this service.
    #[error(transparent)]
    Contract(#[from] DescriptorError),
}

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub enum MarketDataError {
    /// No such venue is configured.
    #[error("no venue {venue} is configured; known are {known}")]
    UnknownVenue {
        /// The venue asked for.
        venue: String,
        /// Those that there are.
        known: String,
    },
    /// The venue has no such instrument.
    #[error("{venue} has no instrument or alias {symbol}")]
    UnknownInstrument {
        /// The venue.
        venue: String,
        /// The name asked for.
        symbol: String,
    },
    /// The venue's instruments have not been read yet.
    #[error("{venue} has not told its instruments yet")]
    NotReady {
        /// The venue.
        venue: String,
    },
    /// The book is stale and a live one was asked for, or no data came in time.
    #[error("the {what} of {symbol} at {venue} is stale: {why}")]
    Stale {
        /// The venue.
        venue: String,
        /// The symbol.
        symbol: String,
        /// Ticker or book.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The call did not leave, or no answer came.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The venue's answer is a refusal or cannot be read.
    #[error(transparent)]
    Venue(#[from] VenueError),
    /// Too many streams or subscriptions.
    #[error("at most {limit} {what}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// A page token that this server did not make for this filter.
    #[error("the page token was not made by this server for this filter")]
    PageToken,
}

/// How long to wait for instruments at start: one answer of the venue.
const SOON: Duration = Duration::from_secs(1);

impl Fault for MarketDataError {
    fn code(&self) -> Code {
        match self {
            Self::UnknownVenue { .. } | Self::UnknownInstrument { .. } => Code::NotFound,
            Self::NotReady { .. } | Self::Stale { .. } | Self::Call(_) => Code::Unavailable,
            Self::Venue(_) => Code::Unavailable,
            Self::TooMany { .. } => Code::ResourceExhausted,
            Self::PageToken => Code::InvalidArgument,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownVenue { .. } => "UNKNOWN_VENUE",
            Self::UnknownInstrument { .. } => "UNKNOWN_INSTRUMENT",
            Self::NotReady { .. } => "VENUE_NOT_READY",
            Self::Stale { .. } => "STALE_MARKET_DATA",
            Self::Call(_) | Self::Venue(_) => "VENUE_UNAVAILABLE",
            Self::TooMany { .. } => "SUBSCRIPTION_LIMIT",
            Self::PageToken => "INVALID_PAGE_TOKEN",
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::UnknownVenue { venue, known } => {
                vec![("venue", venue.clone()), ("known", known.clone())]
            }
            Self::UnknownInstrument { venue, symbol } => {
                vec![("venue", venue.clone()), ("symbol", symbol.clone())]
            }
            Self::NotReady { venue } => vec![("venue", venue.clone())],
            Self::Stale {
                venue,
                symbol,
                what,
                why,
            } => vec![
                ("venue", venue.clone()),
                ("symbol", symbol.clone()),
                ("what", (*what).to_owned()),
                ("why", why.clone()),
            ],
            Self::Call(_) | Self::Venue(_) | Self::PageToken => Vec::new(),
            Self::TooMany { what, limit } => {
                vec![("what", (*what).to_owned()), ("limit", limit.to_string())]
            }
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::NotReady { .. }).then_some(SOON)
    }
}
