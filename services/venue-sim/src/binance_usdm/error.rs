//! The venue's refusals, in its own codes and texts.
//!
//! See <https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code>.

use crate::exchange::Refusal;

/// A refusal as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The venue's code.
    pub code: i64,
    /// The venue's text.
    pub message: String,
    /// Seconds for a `Retry-After` header.
    pub retry_after: Option<u64>,
}

impl ApiError {
    /// A refusal with HTTP 400.
    pub fn bad(code: i64, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The same refusal with another HTTP status.
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// A mandatory parameter is missing, empty or malformed.
    pub fn mandatory(name: &str) -> Self {
        let text = "was not sent, was empty/null, or malformed.";
        Self::bad(-1102, format!("Mandatory parameter '{name}' {text}"))
    }

    /// A parameter holds characters it may not hold.
    pub fn illegal(name: &str, range: &str) -> Self {
        let text = format!("Illegal characters found in parameter '{name}'; legal range is");
        Self::bad(-1100, format!("{text} '{range}'."))
    }

    /// A parameter's value is none the venue knows.
    pub fn invalid(name: &str) -> Self {
        Self::bad(
            -1130,
            format!("Data sent for parameter '{name}' is not valid."),
        )
    }

    /// A parameter that does not go with the others.
    pub fn not_required(name: &str) -> Self {
        Self::bad(-1106, format!("Parameter '{name}' sent when not required."))
    }

    /// A symbol the venue does not list.
    pub fn symbol() -> Self {
        Self::bad(-1121, "Invalid symbol.")
    }

    /// Something the real venue offers and this one does not.
    pub fn unsupported() -> Self {
        Self::bad(-1020, "This operation is not supported.")
    }

    /// An order that is not there to be read.
    pub fn no_such_order() -> Self {
        Self::bad(-2013, "Order does not exist.")
    }

    /// An order that is not there to be cancelled.
    pub fn unknown_order() -> Self {
        Self::bad(-2011, "Unknown order sent.")
    }

    /// Returns the JSON body.
    pub fn body(&self) -> String {
        serde_json::json!({ "code": self.code, "msg": self.message }).to_string()
    }
}

const POST_ONLY: &str = "Due to the order could not be executed as maker, the Post Only order \
    will be rejected. The order will not be recorded in the order history";
const FILL_OR_KILL: &str = "Due to the order could not be filled immediately, the FOK order has \
    been rejected. The order will not be recorded in the order history";

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (code, text) = match refusal {
            Refusal::Halted => (-4141, "Symbol is closed.".to_owned()),
            Refusal::OffTick => (-4014, "Price not increased by tick size.".to_owned()),
            Refusal::PriceTooLow(_) => (-4013, "Price less than min price.".to_owned()),
            Refusal::PriceTooHigh(_) => (-4002, "Price greater than max price.".to_owned()),
            Refusal::AboveBand(edge) => {
                (-4016, format!("Limit price can't be higher than {edge}."))
            }
            Refusal::BelowBand(edge) => (-4024, format!("Limit price can't be lower than {edge}.")),
            Refusal::BestOutsideBand => {
                let text = "The counterparty's best price does not meet the PERCENT_PRICE filter \
                            limit.";
                (-4131, text.to_owned())
            }
            Refusal::OffStep => (-4023, "Qty not increased by step size.".to_owned()),
            Refusal::NoQuantity => (-4003, "Quantity less than or equal to zero.".to_owned()),
            Refusal::QuantityTooSmall(_) => (-4004, "Quantity less than min quantity.".to_owned()),
            Refusal::QuantityTooLarge(_) => {
                (-4005, "Quantity greater than max quantity.".to_owned())
            }
            Refusal::NotionalTooSmall(least) => {
                let text = format!("Order's notional must be no smaller than {least}");
                (-4164, format!("{text} (unless you choose reduce only)."))
            }
            Refusal::DuplicateClientId => (-4116, "ClientOrderId is duplicated.".to_owned()),
            Refusal::TooManyOrders => (-2025, "Reach max open order limit.".to_owned()),
            Refusal::NothingToReduce => (-2022, "ReduceOnly Order is rejected.".to_owned()),
            Refusal::AlreadyReduced => {
                let text = "ReduceOnly Order Failed. Please check your existing position and open \
                            orders";
                (-4118, text.to_owned())
            }
            Refusal::PositionTooLarge => {
                let text = "Exceeded the maximum allowable position at current leverage.";
                (-2027, text.to_owned())
            }
            // This venue has no band around the last trade and no spot; told in its nearest words.
            Refusal::FarFromLast => (
                -4016,
                "Limit price can't be higher than the cap.".to_owned(),
            ),
            Refusal::FundsInsufficient => (-2018, "Balance is insufficient.".to_owned()),
            Refusal::MarginInsufficient => (-2019, "Margin is insufficient.".to_owned()),
            Refusal::WouldTake => (-5022, POST_ONLY.to_owned()),
            Refusal::NotFillable => (-5021, FILL_OR_KILL.to_owned()),
            Refusal::UnknownOrder => return Self::unknown_order(),
            Refusal::NothingToAmend => (-5027, "No need to modify the order.".to_owned()),
        };
        Self::bad(code, text)
    }
}
