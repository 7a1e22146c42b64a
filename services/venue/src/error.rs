//! What went wrong with a venue, and what that proves.

use std::fmt;
use std::time::Duration;

use chimera_model::IdError;

/// Most characters kept of what a venue said (H54).
const DETAIL_CHARS_MAX: usize = 256;

/// What an error means. The class, not the code, is what callers branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The request could not be built; nothing was sent.
    NotBuilt,
    /// The venue said no, for a reason without a class of its own.
    Refused,
    /// The venue said no: a price or quantity breaks a filter; instruments are to be refreshed.
    FilterRefused,
    /// The venue said no: too little balance or margin.
    InsufficientMargin,
    /// The venue said no: a post-only order would have taken.
    PostOnlyRefused,
    /// The venue said no: a reduce-only order would not have reduced (F51).
    ReduceOnlyRefused,
    /// The venue said no: the account is in another position mode than assumed (F50).
    WrongAccountMode,
    /// The venue said no: the instrument does not exist or does not trade.
    InstrumentUnavailable,
    /// The client id is in use, which proves that an order of that id lives (F03).
    DuplicateClientId,
    /// A cancel found no open order: it may have filled; never read as cancelled (F18).
    AlreadyGone,
    /// A query found no order: one miss, not proof of absence (F05).
    NotFound,
    /// The venue is busy and says that it did not act; try again later.
    RetryLater,
    /// Too many requests; wait as long as told.
    RateLimited,
    /// Banned; nothing may be sent for as long as told (F112).
    Banned,
    /// The timestamp was outside the window: refused before processing; the clock is off (F117).
    Timestamp,
    /// Key, permission, address or signature: retrying cannot help (F119).
    AuthFailure,
    /// The session's key is unknown or has expired (F100).
    SessionExpired,
    /// Nobody knows whether the venue acted: timeout, server fault, or an unlisted code.
    Unknown,
    /// The answer could not be read, so that it proves nothing.
    Unreadable,
    /// The venue answered for another order than was asked about (F07): stop using it.
    WrongEcho,
    /// The answer is about an instrument that is not in the table.
    Unmapped,
}

/// What an error proves about the order that was placed or cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// The request had no effect: for a placement, no order exists.
    NoEffect,
    /// The order exists.
    OrderExists,
    /// The venue does not know the order now.
    OrderMissing,
    /// Nothing is proven.
    Nothing,
}

impl ErrorClass {
    /// Returns what the class proves. Only a definitive refusal proves that nothing happened.
    #[must_use]
    pub const fn evidence(self) -> Evidence {
        match self {
            Self::NotBuilt
            | Self::Refused
            | Self::FilterRefused
            | Self::InsufficientMargin
            | Self::PostOnlyRefused
            | Self::ReduceOnlyRefused
            | Self::WrongAccountMode
            | Self::InstrumentUnavailable
            | Self::RetryLater
            | Self::RateLimited
            | Self::Banned
            | Self::Timestamp
            | Self::AuthFailure
            | Self::SessionExpired => Evidence::NoEffect,
            Self::DuplicateClientId => Evidence::OrderExists,
            Self::AlreadyGone | Self::NotFound => Evidence::OrderMissing,
            Self::Unknown | Self::Unreadable | Self::WrongEcho | Self::Unmapped => {
                Evidence::Nothing
            }
        }
    }

    /// Returns the stable name of the class.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotBuilt => "NOT_BUILT",
            Self::Refused => "REFUSED",
            Self::FilterRefused => "FILTER_REFUSED",
            Self::InsufficientMargin => "INSUFFICIENT_MARGIN",
            Self::PostOnlyRefused => "POST_ONLY_REFUSED",
            Self::ReduceOnlyRefused => "REDUCE_ONLY_REFUSED",
            Self::WrongAccountMode => "WRONG_ACCOUNT_MODE",
            Self::InstrumentUnavailable => "INSTRUMENT_UNAVAILABLE",
            Self::DuplicateClientId => "DUPLICATE_CLIENT_ID",
            Self::AlreadyGone => "ALREADY_GONE",
            Self::NotFound => "NOT_FOUND",
            Self::RetryLater => "RETRY_LATER",
            Self::RateLimited => "RATE_LIMITED",
            Self::Banned => "BANNED",
            Self::Timestamp => "TIMESTAMP",
            Self::AuthFailure => "AUTH_FAILURE",
            Self::SessionExpired => "SESSION_EXPIRED",
            Self::Unknown => "UNKNOWN",
            Self::Unreadable => "UNREADABLE",
            Self::WrongEcho => "WRONG_ECHO",
            Self::Unmapped => "UNMAPPED",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// An error of a venue, or of talking to it. Holds no credential and no unescaped foreign text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{class}: {detail}")]
pub struct VenueError {
    /// What it means.
    pub class: ErrorClass,
    /// The venue's own code, if it gave one.
    pub venue_code: Option<String>,
    /// What happened, in the venue's words where it had some; bounded and escaped.
    pub detail: String,
    /// How long the venue asks to wait, if it does.
    pub retry_after: Option<Duration>,
}

impl VenueError {
    /// Makes an error of a class. `detail` is cut to a bound and freed of control characters.
    #[must_use]
    pub fn new(class: ErrorClass, detail: impl AsRef<str>) -> Self {
        let detail = printable(detail.as_ref());
        Self {
            class,
            venue_code: None,
            detail,
            retry_after: None,
        }
    }

    /// Makes an error of an answer or frame that cannot be read.
    #[must_use]
    pub fn unreadable(detail: impl AsRef<str>) -> Self {
        Self::new(ErrorClass::Unreadable, detail)
    }

    /// Makes an error of a request that cannot be built.
    #[must_use]
    pub fn not_built(detail: impl AsRef<str>) -> Self {
        Self::new(ErrorClass::NotBuilt, detail)
    }

    /// Adds the venue's own code.
    #[must_use]
    pub fn with_code(mut self, code: impl AsRef<str>) -> Self {
        self.venue_code = Some(printable(code.as_ref()));
        self
    }

    /// Adds how long the venue asks to wait.
    #[must_use]
    pub const fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }
}

impl From<serde_json::Error> for VenueError {
    fn from(error: serde_json::Error) -> Self {
        Self::unreadable(error.to_string())
    }
}

impl From<IdError> for VenueError {
    fn from(error: IdError) -> Self {
        Self::unreadable(error.to_string())
    }
}

/// Returns the text without what could end a line or steer a terminal, cut to the bound (H54).
pub(crate) fn printable(text: &str) -> String {
    let clean = |character: char| {
        if character.is_control() {
            '\u{fffd}'
        } else {
            character
        }
    };
    text.chars().take(DETAIL_CHARS_MAX).map(clean).collect()
}
