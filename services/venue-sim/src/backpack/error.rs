//! The venue's refusals: a code in capitals and a text, or plain text where a request cannot be
//! read at all.

use crate::exchange::Refusal;

/// A refusal as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The venue's code; plain text is sent where there is none.
    pub code: Option<String>,
    /// The venue's text.
    pub message: String,
}

impl ApiError {
    /// A refusal with HTTP 400.
    pub fn bad(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: Some(code.to_owned()),
            message: message.into(),
        }
    }

    /// The same refusal with another HTTP status.
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// A request that does not fit the endpoint.
    pub fn client(message: impl Into<String>) -> Self {
        Self::bad("INVALID_CLIENT_REQUEST", message)
    }

    /// A request that cannot be read: plain text.
    pub fn unread(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: None,
            message: message.into(),
        }
    }

    /// A parameter of the query that cannot be read.
    pub fn query(name: &str, reason: &str) -> Self {
        Self::unread(format!("failed to parse parameter `{name}`: {reason}"))
    }

    /// A field of the body that cannot be read.
    pub fn payload(name: &str, reason: &str) -> Self {
        let text = "parse request payload error: failed to parse";
        Self::unread(format!("{text} \"{name}\": {reason}"))
    }

    /// A path that is none of the venue's.
    pub fn path() -> Self {
        Self::unread("404 not found").with_status(404)
    }

    /// A market that the venue does not list.
    pub fn symbol() -> Self {
        Self::client("Invalid market symbol")
    }

    /// Something the real venue offers and this one does not.
    pub fn unsupported() -> Self {
        Self::bad("NOT_IMPLEMENTED", "Not implemented")
    }

    /// An order that is not there.
    pub fn no_such_order() -> Self {
        Self::bad("RESOURCE_NOT_FOUND", "Order not found")
    }

    /// Returns what counts the refusal.
    pub fn counted_as(&self) -> String {
        let plain = || format!("HTTP_{}", self.status);
        self.code.clone().unwrap_or_else(plain)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (code, text) = match refusal {
            Refusal::Halted => ("TRADING_PAUSED", "Trading is paused for this market"),
            Refusal::OffTick => ("INVALID_CLIENT_REQUEST", "Price decimal too long"),
            Refusal::PriceTooLow(_) => {
                ("INVALID_PRICE", "Price is below the minimum allowed value")
            }
            Refusal::PriceTooHigh(_) => {
                ("INVALID_PRICE", "Price is above the maximum allowed value")
            }
            Refusal::AboveBand(_) | Refusal::BelowBand(_) | Refusal::BestOutsideBand => {
                ("INVALID_PRICE", "Price is outside of the mark price band")
            }
            Refusal::FarFromLast => (
                "INVALID_PRICE",
                "Price is too far from the last active price",
            ),
            Refusal::OffStep => ("INVALID_CLIENT_REQUEST", "Quantity decimal too long"),
            Refusal::NoQuantity | Refusal::QuantityTooSmall(_) => (
                "INVALID_CLIENT_REQUEST",
                "Quantity is below the minimum allowed value",
            ),
            Refusal::QuantityTooLarge(_) => (
                "INVALID_CLIENT_REQUEST",
                "Quantity is above the maximum allowed value",
            ),
            // This venue knows neither a least order value nor unique client ids; told in its
            // nearest words should a script bring them about.
            Refusal::NotionalTooSmall(_) => (
                "INVALID_QUANTITY",
                "Quantity is below the minimum allowed value",
            ),
            Refusal::DuplicateClientId => ("INVALID_ORDER", "Duplicate client ID"),
            Refusal::TooManyOrders => ("ORDER_LIMIT", "Too many open orders"),
            Refusal::NothingToReduce | Refusal::AlreadyReduced => {
                ("INVALID_ORDER", "Reduce only order not reduced")
            }
            Refusal::PositionTooLarge => ("POSITION_LIMIT", "Position limit exceeded"),
            Refusal::FundsInsufficient => ("INSUFFICIENT_FUNDS", "Insufficient funds"),
            Refusal::MarginInsufficient => ("INSUFFICIENT_MARGIN", "Insufficient margin"),
            Refusal::WouldTake => (
                "INVALID_ORDER",
                "Order would immediately match and take liquidity",
            ),
            Refusal::NotFillable => (
                "INVALID_ORDER",
                "Fill or kill order would not complete fill immediately",
            ),
            Refusal::UnknownOrder | Refusal::NothingToAmend => return Self::no_such_order(),
        };
        Self::bad(code, text)
    }
}
