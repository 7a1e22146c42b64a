//! The venue's error codes and what they prove, as data.
//!
//! Page `error-code`
//! A code that is not here proves nothing about a placement or a cancel.

use crate::error::ErrorClass;
use crate::request::Operation;

const PAGE: &str =
    "https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code";

/// A code of the venue and its class for each kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code.
    pub code: i32,
    /// The venue's name of it.
    pub name: &'static str,
    /// Its class when the request was a placement.
    pub place: ErrorClass,
    /// Its class when the request was a cancel.
    pub cancel: ErrorClass,
    /// Its class when the request changes no order.
    pub query: ErrorClass,
}

impl Code {
    /// Returns the vendor's page of this code.
    #[must_use]
    pub fn page(&self) -> String {
        format!("{PAGE}#{}-{}", self.code, self.name.to_ascii_lowercase())
    }

    /// Returns the class for a kind of request.
    #[must_use]
    pub const fn class(&self, operation: Operation) -> ErrorClass {
        match operation {
            Operation::Place => self.place,
            Operation::Cancel => self.cancel,
            Operation::Query | Operation::Session => self.query,
        }
    }
}

/// One class whatever was asked: the request was refused before it had an effect.
const fn any(code: i32, name: &'static str, class: ErrorClass) -> Code {
    Code {
        code,
        name,
        place: class,
        cancel: class,
        query: class,
    }
}

/// Nothing is proven of an order; a query may simply be repeated.
const fn doubt(code: i32, name: &'static str) -> Code {
    let (unknown, query) = (ErrorClass::Unknown, ErrorClass::RetryLater);
    Code {
        code,
        name,
        place: unknown,
        cancel: unknown,
        query,
    }
}

/// Refuses a placement; on anything else it would be out of place and proves nothing.
const fn place(code: i32, name: &'static str, class: ErrorClass) -> Code {
    Code {
        code,
        name,
        place: class,
        cancel: ErrorClass::Unknown,
        query: ErrorClass::Refused,
    }
}

/// The order is not among the open ones, or not among all.
const fn missing(code: i32, name: &'static str) -> Code {
    let (cancel, query) = (ErrorClass::AlreadyGone, ErrorClass::NotFound);
    Code {
        code,
        name,
        place: ErrorClass::Unknown,
        cancel,
        query,
    }
}

use ErrorClass::{
    AuthFailure, DuplicateClientId, FilterRefused, InstrumentUnavailable, InsufficientMargin,
    PostOnlyRefused, RateLimited, ReduceOnlyRefused, Refused, RetryLater, SessionExpired,
    Timestamp, WrongAccountMode,
};

/// Every code that is understood, in the order of the vendor's page.
pub const CODES: &[Code] = &[
    // 10xx: the venue's servers and the network.
    doubt(-1000, "UNKNOWN"),
    doubt(-1001, "DISCONNECTED"),
    any(-1002, "UNAUTHORIZED", AuthFailure),
    any(-1003, "TOO_MANY_REQUESTS", RateLimited),
    doubt(-1006, "UNEXPECTED_RESP"),
    doubt(-1007, "TIMEOUT"),
    any(-1008, "REQUEST_THROTTLED", RetryLater),
    any(-1011, "NON_WHITE_LIST", AuthFailure),
    any(-1013, "INVALID_MESSAGE", FilterRefused),
    any(-1014, "UNKNOWN_ORDER_COMPOSITION", Refused),
    any(-1015, "TOO_MANY_ORDERS", RateLimited),
    doubt(-1016, "SERVICE_SHUTTING_DOWN"),
    any(-1020, "UNSUPPORTED_OPERATION", Refused),
    any(-1021, "INVALID_TIMESTAMP", Timestamp),
    any(-1022, "INVALID_SIGNATURE", AuthFailure),
    any(-1023, "START_TIME_GREATER_THAN_END_TIME", Refused),
    any(-1099, "NOT_FOUND", AuthFailure),
    // 11xx: the request itself.
    any(-1100, "ILLEGAL_CHARS", Refused),
    any(-1101, "TOO_MANY_PARAMETERS", Refused),
    any(-1102, "MANDATORY_PARAM_EMPTY_OR_MALFORMED", Refused),
    any(-1103, "UNKNOWN_PARAM", Refused),
    any(-1104, "UNREAD_PARAMETERS", Refused),
    any(-1105, "PARAM_EMPTY", Refused),
    any(-1106, "PARAM_NOT_REQUIRED", Refused),
    any(-1108, "BAD_ASSET", Refused),
    any(-1109, "BAD_ACCOUNT", AuthFailure),
    any(-1110, "BAD_INSTRUMENT_TYPE", Refused),
    any(-1111, "BAD_PRECISION", FilterRefused),
    any(-1112, "NO_DEPTH", Refused),
    any(-1114, "TIF_NOT_REQUIRED", Refused),
    any(-1115, "INVALID_TIF", Refused),
    any(-1116, "INVALID_ORDER_TYPE", Refused),
    any(-1117, "INVALID_SIDE", Refused),
    any(-1118, "EMPTY_NEW_CL_ORD_ID", Refused),
    any(-1119, "EMPTY_ORG_CL_ORD_ID", Refused),
    any(-1120, "BAD_INTERVAL", Refused),
    any(-1121, "BAD_SYMBOL", InstrumentUnavailable),
    any(-1122, "INVALID_SYMBOL_STATUS", InstrumentUnavailable),
    any(-1125, "INVALID_LISTEN_KEY", SessionExpired),
    any(-1126, "ASSET_NOT_SUPPORTED", Refused),
    any(-1127, "MORE_THAN_XX_HOURS", Refused),
    any(-1128, "OPTIONAL_PARAMS_BAD_COMBO", Refused),
    any(-1130, "INVALID_PARAMETER", Refused),
    any(-1136, "INVALID_NEW_ORDER_RESP_TYPE", Refused),
    // 20xx: processing.
    place(-2010, "NEW_ORDER_REJECTED", Refused),
    missing(-2011, "CANCEL_REJECTED"),
    missing(-2013, "NO_SUCH_ORDER"),
    any(-2014, "BAD_API_KEY_FMT", AuthFailure),
    any(-2015, "REJECTED_MBX_KEY", AuthFailure),
    any(-2017, "API_KEYS_LOCKED", AuthFailure),
    place(-2018, "BALANCE_NOT_SUFFICIENT", InsufficientMargin),
    place(-2019, "MARGIN_NOT_SUFFICIEN", InsufficientMargin),
    place(-2020, "UNABLE_TO_FILL", Refused),
    place(-2021, "ORDER_WOULD_IMMEDIATELY_TRIGGER", Refused),
    place(-2022, "REDUCE_ONLY_REJECT", ReduceOnlyRefused),
    place(-2023, "USER_IN_LIQUIDATION", Refused),
    place(-2024, "POSITION_NOT_SUFFICIENT", ReduceOnlyRefused),
    place(-2025, "MAX_OPEN_ORDER_EXCEEDED", Refused),
    place(-2026, "REDUCE_ONLY_ORDER_TYPE_NOT_SUPPORTED", Refused),
    place(-2027, "MAX_LEVERAGE_RATIO", InsufficientMargin),
    place(-2028, "MIN_LEVERAGE_RATIO", InsufficientMargin),
    // 40xx: filters and account settings.
    place(-4001, "PRICE_LESS_THAN_ZERO", FilterRefused),
    place(-4002, "PRICE_GREATER_THAN_MAX_PRICE", FilterRefused),
    place(-4003, "QTY_LESS_THAN_ZERO", FilterRefused),
    place(-4004, "QTY_LESS_THAN_MIN_QTY", FilterRefused),
    place(-4005, "QTY_GREATER_THAN_MAX_QTY", FilterRefused),
    place(-4013, "PRICE_LESS_THAN_MIN_PRICE", FilterRefused),
    place(-4014, "PRICE_NOT_INCREASED_BY_TICK_SIZE", FilterRefused),
    any(-4015, "INVALID_CL_ORD_ID_LEN", Refused),
    place(-4016, "PRICE_HIGHTER_THAN_MULTIPLIER_UP", FilterRefused),
    any(-4021, "INVALID_DEPTH_LIMIT", Refused),
    place(-4023, "QTY_NOT_INCREASED_BY_STEP_SIZE", FilterRefused),
    place(-4024, "PRICE_LOWER_THAN_MULTIPLIER_DOWN", FilterRefused),
    place(-4050, "CROSS_BALANCE_INSUFFICIENT", InsufficientMargin),
    place(-4051, "ISOLATED_BALANCE_INSUFFICIENT", InsufficientMargin),
    any(-4056, "INVALID_API_KEY_TYPE", AuthFailure),
    place(-4060, "INVALID_POSITION_SIDE", WrongAccountMode),
    place(-4061, "POSITION_SIDE_NOT_MATCH", WrongAccountMode),
    place(-4062, "REDUCE_ONLY_CONFLICT", ReduceOnlyRefused),
    place(-4087, "REDUCE_ONLY_ORDER_PERMISSION", Refused),
    place(-4088, "NO_PLACE_ORDER_PERMISSION", Refused),
    any(-4109, "INACTIVE_ACCOUNT", AuthFailure),
    place(-4116, "DUPLICATED_CLIENT_ORDER_ID", DuplicateClientId),
    place(-4118, "REDUCE_ONLY_MARGIN_CHECK_FAILED", ReduceOnlyRefused),
    place(-4120, "STOP_ORDER_SWITCH_ALGO", Refused),
    place(-4131, "MARKET_ORDER_REJECT", Refused),
    place(
        -4140,
        "INVALID_OPENING_POSITION_STATUS",
        InstrumentUnavailable,
    ),
    place(-4141, "SYMBOL_ALREADY_CLOSED", InstrumentUnavailable),
    place(-4164, "MIN_NOTIONAL", FilterRefused),
    any(-4165, "INVALID_TIME_INTERVAL", Refused),
    place(-4192, "COOLING_OFF_PERIOD", Refused),
    place(-4400, "TRADING_QUANTITATIVE_RULE", Refused),
    place(-4401, "LARGE_POSITION_SYM_RULE", Refused),
    place(-4402, "COMPLIANCE_BLACK_SYMBOL_RESTRICTION", Refused),
    // 50xx: execution.
    place(-5021, "FOK_ORDER_REJECT", Refused),
    place(-5022, "GTX_ORDER_REJECT", PostOnlyRefused),
    any(-5028, "ME_RECVWINDOW_REJECT", Timestamp),
];

/// Returns what is known of a code.
pub(super) fn find(code: i64) -> Option<&'static Code> {
    CODES.iter().find(|known| i64::from(known.code) == code)
}
