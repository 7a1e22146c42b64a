//! The venue's error codes and what they prove, as data: schema `ApiErrorCode`.
//!
//! A code that is not here proves nothing about a placement or a cancel.

use crate::error::ErrorClass;
use crate::request::Operation;

/// A code of the venue and its class for each kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    /// The code.
    pub code: &'static str,
    place: ErrorClass,
    cancel: ErrorClass,
    query: ErrorClass,
}

impl Code {
    /// Returns the class for a kind of request.
    pub(super) const fn class(&self, operation: Operation) -> ErrorClass {
        match operation {
            Operation::Place => self.place,
            Operation::Cancel => self.cancel,
            Operation::Query | Operation::Session => self.query,
        }
    }
}

/// One class whatever was asked: the request was refused before it had an effect.
const fn any(code: &'static str, class: ErrorClass) -> Code {
    Code {
        code,
        place: class,
        cancel: class,
        query: class,
    }
}

/// Nothing is proven of an order; a query may simply be repeated.
const fn doubt(code: &'static str) -> Code {
    let (unknown, query) = (ErrorClass::Unknown, ErrorClass::RetryLater);
    Code {
        code,
        place: unknown,
        cancel: unknown,
        query,
    }
}

/// Refuses a placement; on a cancel it would be out of place and proves nothing.
const fn place(code: &'static str, class: ErrorClass) -> Code {
    Code {
        code,
        place: class,
        cancel: ErrorClass::Unknown,
        query: ErrorClass::Refused,
    }
}

use ErrorClass::{
    AuthFailure, FilterRefused, InstrumentUnavailable, InsufficientMargin, RateLimited, Refused,
    RetryLater,
};

/// Every code of the schema, in its order.
pub(super) const CODES: &[Code] = &[
    any("ACCOUNT_DEACTIVATED", AuthFailure),
    place("ACCOUNT_LIQUIDATING", Refused),
    place("BORROW_LIMIT", InsufficientMargin),
    place("BORROW_REQUIRES_LEND_REDEEM", InsufficientMargin),
    any("FORBIDDEN", AuthFailure),
    place("INSUFFICIENT_FUNDS", InsufficientMargin),
    place("INSUFFICIENT_MARGIN", InsufficientMargin),
    place("INSUFFICIENT_SUPPLY", InsufficientMargin),
    any("INVALID_ASSET", InstrumentUnavailable),
    any("INVALID_CLIENT_REQUEST", Refused),
    any("INVALID_MARKET", InstrumentUnavailable),
    place("INVALID_ORDER", Refused),
    place("INVALID_PRICE", FilterRefused),
    any("INVALID_POSITION_ID", Refused),
    place("INVALID_QUANTITY", FilterRefused),
    any("INVALID_RANGE", Refused),
    any("INVALID_SIGNATURE", AuthFailure),
    any("INVALID_SOURCE", AuthFailure),
    any("INVALID_SYMBOL", InstrumentUnavailable),
    any("INVALID_TWO_FACTOR_CODE", AuthFailure),
    place("LEND_LIMIT", Refused),
    place("LEND_REQUIRES_BORROW_REPAY", Refused),
    any("MAINTENANCE", RetryLater),
    place("MAX_LEVERAGE_REACHED", InsufficientMargin),
    any("NOT_IMPLEMENTED", Refused),
    place("ORDER_LIMIT", Refused),
    place("POSITION_LIMIT", Refused),
    // Named in the schema without a word of what it means: it proves nothing.
    doubt("PRECONDITION_FAILED"),
    // The order is not among the open ones: it may have filled.
    Code {
        code: "RESOURCE_NOT_FOUND",
        place: ErrorClass::Unknown,
        cancel: ErrorClass::AlreadyGone,
        query: ErrorClass::NotFound,
    },
    doubt("SERVER_ERROR"),
    doubt("TIMEOUT"),
    doubt("TOO_EARLY"),
    any("TOO_MANY_REQUESTS", RateLimited),
    any("TRADING_PAUSED", InstrumentUnavailable),
    any("UNAUTHORIZED", AuthFailure),
];

/// Returns what is known of a code.
pub(super) fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.code == code)
}
