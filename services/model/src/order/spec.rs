//! What was asked for.

use serde::{Deserialize, Serialize};

use crate::decimal::{Decimal, DecimalError};
use crate::ids::{Account, ClientOrderIndex, Symbol, Venue};
use crate::instrument::{PriceTicks, QuantityLots};
use crate::words::{Side, TimeInForce};

/// How an order finds its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderKind {
    /// Takes what the book offers.
    Market,
    /// Trades at its price or better.
    Limit,
    /// A parent that works by limit children, one after the other.
    TrackingLimit,
}

/// The steps an order's numbers were scaled by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// The step of prices.
    pub tick_size: Decimal,
    /// The step of quantities.
    pub lot_size: Decimal,
    /// The instrument version that has these steps.
    pub version: u64,
}

/// Why a number is not a count of steps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// It is not a multiple of the step.
    #[error("{value} is not a multiple of {step}")]
    OffGrid {
        /// The number.
        value: Decimal,
        /// The step.
        step: Decimal,
    },
    /// It does not fit.
    #[error("{value} in steps of {step} does not fit 64 bits")]
    OutOfRange {
        /// The number.
        value: Decimal,
        /// The step.
        step: Decimal,
    },
}

impl Scale {
    /// Returns a price as a count of ticks.
    ///
    /// # Errors
    /// Refuses what is off the grid or does not fit.
    pub fn ticks(&self, price: Decimal) -> Result<PriceTicks, ScaleError> {
        steps(price, self.tick_size).map(PriceTicks)
    }

    /// Returns a quantity as a count of lots.
    ///
    /// # Errors
    /// Refuses what is off the grid or does not fit.
    pub fn lots(&self, quantity: Decimal) -> Result<QuantityLots, ScaleError> {
        steps(quantity, self.lot_size).map(QuantityLots)
    }

    /// Returns the price of a count of ticks.
    ///
    /// # Errors
    /// Fails when the exact price cannot be held.
    pub fn price(&self, ticks: PriceTicks) -> Result<Decimal, DecimalError> {
        self.tick_size.checked_mul(Decimal::from(ticks.0))
    }

    /// Returns the quantity of a count of lots.
    ///
    /// # Errors
    /// Fails when the exact quantity cannot be held.
    pub fn quantity(&self, lots: QuantityLots) -> Result<Decimal, DecimalError> {
        self.lot_size.checked_mul(Decimal::from(lots.0))
    }
}

fn steps(value: Decimal, step: Decimal) -> Result<i64, ScaleError> {
    let scale = value.scale().max(step.scale());
    let out_of_range = || ScaleError::OutOfRange { value, step };
    let units = value.to_scaled_wide(scale).map_err(|_| out_of_range())?;
    let unit = step.to_scaled_wide(scale).map_err(|_| out_of_range())?;
    if unit <= 0 {
        return Err(out_of_range());
    }
    if units % unit != 0 {
        return Err(ScaleError::OffGrid { value, step });
    }
    i64::try_from(units / unit).map_err(|_| out_of_range())
}

/// What was asked for. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSpec {
    /// Whose.
    pub account: Account,
    /// Our index; `None` for an external order without one of ours.
    pub index: Option<ClientOrderIndex>,
    /// Where.
    pub venue: Venue,
    /// Of what.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// How it finds its price.
    pub kind: OrderKind,
    /// How long it may work.
    pub time_in_force: TimeInForce,
    /// Whether it may only rest.
    pub post_only: bool,
    /// Whether it may only shrink the position.
    pub reduce_only: bool,
    /// How much, in base units; above zero.
    pub quantity: Decimal,
    /// At what price or better; limit orders only.
    pub price: Option<Decimal>,
    /// The steps its numbers were scaled by.
    pub scale: Scale,
    /// The tracking limit it is a child of.
    pub parent: Option<ClientOrderIndex>,
}
