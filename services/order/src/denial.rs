//! Why risk says no.

use chimera_model::Decimal;

/// Why risk says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Balance or margin is not enough.
    #[error("{required} {asset} would be needed and {available} is available")]
    InsufficientMargin {
        /// What would be needed.
        required: Decimal,
        /// What is there, less what is on its way.
        available: Decimal,
        /// In what.
        asset: String,
    },
    /// Net exposure would pass its cap.
    #[error("net exposure would be {exposure}, at most {limit} is allowed")]
    ExposureLimit {
        /// What it would be at worst.
        exposure: Decimal,
        /// The cap.
        limit: Decimal,
    },
    /// The price is too far from the market.
    #[error("price {price} is outside {minimum} to {maximum} around {reference}")]
    PriceCollar {
        /// The price asked for.
        price: Decimal,
        /// The market's.
        reference: Decimal,
        /// The lowest allowed.
        minimum: Decimal,
        /// The highest allowed.
        maximum: Decimal,
    },
    /// Too many orders that are not final.
    #[error("{limit} orders are open, which is as many as may be")]
    OpenOrderLimit {
        /// How many may be.
        limit: usize,
    },
    /// The kill switch.
    #[error("trading is {state}")]
    TradingHalted {
        /// The trading state.
        state: &'static str,
    },
    /// It would not reduce.
    #[error("the position is {position}: the order would not reduce it")]
    ReduceOnly {
        /// The position.
        position: Decimal,
    },
    /// A number that risk needs cannot be held.
    #[error("a number that risk needs does not fit: {what}")]
    NumberOutOfRange {
        /// Which.
        what: &'static str,
    },
}

impl Denial {
    /// Returns the reason by the contract's list.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::InsufficientMargin { .. } => "INSUFFICIENT_MARGIN",
            Self::ExposureLimit { .. } => "EXPOSURE_LIMIT",
            Self::PriceCollar { .. } => "PRICE_COLLAR",
            Self::OpenOrderLimit { .. } => "OPEN_ORDER_LIMIT",
            Self::TradingHalted { .. } => "TRADING_HALTED",
            Self::ReduceOnly { .. } => "REDUCE_ONLY",
            Self::NumberOutOfRange { .. } => "NUMBER_OUT_OF_RANGE",
        }
    }

    /// Returns the numbers by name.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::InsufficientMargin {
                required,
                available,
                asset,
            } => vec![
                ("required", required.to_string()),
                ("available", available.to_string()),
                ("asset", asset.clone()),
            ],
            Self::ExposureLimit { exposure, limit } => vec![
                ("exposure", exposure.to_string()),
                ("limit", limit.to_string()),
            ],
            Self::PriceCollar {
                price,
                reference,
                minimum,
                maximum,
            } => vec![
                ("price", price.to_string()),
                ("reference", reference.to_string()),
                ("minimum", minimum.to_string()),
                ("maximum", maximum.to_string()),
            ],
            Self::OpenOrderLimit { limit } => vec![("limit", limit.to_string())],
            Self::TradingHalted { state } => vec![("trading_state", (*state).to_owned())],
            Self::ReduceOnly { position } => vec![("position", position.to_string())],
            Self::NumberOutOfRange { what } => vec![("what", (*what).to_owned())],
        }
    }
}
