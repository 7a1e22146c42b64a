//! The fills of one order: a set, with exact sums.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::decimal::{Decimal, DecimalError, Rounding};
use crate::ids::{Asset, TradeId, UnixNanos, VenueOrderId};
use crate::report::{Fee, FillKind};
use crate::words::{Liquidity, Side};

/// Decimals of an average price when it is shown; within, it stays an exact ratio.
const AVERAGE_DECIMALS: u32 = 18;

/// Names a fill. A trade id alone does not: one trade may have both of our sides, or several of
/// our orders (F36).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FillKey {
    /// The venue's id of the trade.
    pub trade_id: TradeId,
    /// The venue's id of the order.
    pub venue_order_id: VenueOrderId,
    /// Which way.
    pub side: Side,
}

/// A fill as it is booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookedFill {
    /// What names it.
    pub key: FillKey,
    /// At what price; above zero.
    pub price: Decimal,
    /// How much; above zero, or zero for an inferred fill that is taken back.
    pub quantity: Decimal,
    /// What it cost, where the venue says it.
    pub fee: Option<Fee>,
    /// Whether it rested or took, where the venue says it.
    pub liquidity: Option<Liquidity>,
    /// What made it.
    pub kind: FillKind,
    /// When it matched.
    pub venue_time: UnixNanos,
    /// When the first word of it came.
    pub received_time: UnixNanos,
    /// Whether it came after the order's end (F19).
    pub late: bool,
    /// Whether it was concluded from a cumulative quantity; it gives way to the real ones (F35,
    /// F38).
    pub inferred: bool,
}

/// Why a fill cannot be booked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// It is booked already.
    #[error("the fill is booked already")]
    Duplicate,
    /// Price or quantity is not above zero.
    #[error("price and quantity of a fill are above zero")]
    NotPositive,
    /// A sum cannot be held.
    #[error("the sum of the fills cannot be held: {0}")]
    Sum(#[from] DecimalError),
}

/// The sum of price times quantity, wider than a [`Decimal`]; exact until it says that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Notional {
    mantissa: i128,
    scale: u32,
    /// False once a sum did not fit: the average is then not known, the quantity still is.
    exact: bool,
}

impl Notional {
    const ZERO: Self = Self {
        mantissa: 0,
        scale: 0,
        exact: true,
    };

    fn plus(self, price: Decimal, quantity: Decimal) -> Self {
        let sum = || {
            let product = price.mantissa().checked_mul(quantity.mantissa())?;
            let scale = price.scale() + quantity.scale();
            let (low, high) = (self.scale.min(scale), self.scale.max(scale));
            let shift = 10_i128.checked_pow(high - low)?;
            let (left, right) = if self.scale < scale {
                (self.mantissa.checked_mul(shift)?, product)
            } else {
                (self.mantissa, product.checked_mul(shift)?)
            };
            Some((left.checked_add(right)?, high))
        };
        match sum() {
            Some((mantissa, scale)) if self.exact => Self {
                mantissa,
                scale,
                exact: true,
            },
            _ => Self {
                exact: false,
                ..self
            },
        }
    }

    fn decimal(self) -> Option<Decimal> {
        if !self.exact {
            return None;
        }
        Decimal::from_scaled(self.mantissa, self.scale).ok()
    }
}

/// The fills of one order with their sums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<BookedFill>", into = "Vec<BookedFill>")]
pub struct Fills {
    fills: BTreeMap<FillKey, BookedFill>,
    quantity: Decimal,
    real_quantity: Decimal,
    notional: Notional,
    fees: BTreeMap<Asset, Decimal>,
}

impl Default for Fills {
    fn default() -> Self {
        Self {
            fills: BTreeMap::new(),
            quantity: Decimal::ZERO,
            real_quantity: Decimal::ZERO,
            notional: Notional::ZERO,
            fees: BTreeMap::new(),
        }
    }
}

impl Fills {
    /// Returns the sum of all quantities, inferred ones included.
    #[must_use]
    pub const fn quantity(&self) -> Decimal {
        self.quantity
    }

    /// Returns the sum of the quantities that the venue itself named by trade id.
    #[must_use]
    pub const fn real_quantity(&self) -> Decimal {
        self.real_quantity
    }

    /// Returns the sum of price times quantity, if it can be held.
    #[must_use]
    pub fn notional(&self) -> Option<Decimal> {
        self.notional.decimal()
    }

    /// Returns the average price at 18 decimals, half to even; nothing without fills.
    #[must_use]
    pub fn average_price(&self) -> Option<Decimal> {
        let notional = self.notional()?;
        if self.quantity.is_zero() {
            return None;
        }
        // Large prices do not have room for all decimals; as many as fit are shown.
        (0..=AVERAGE_DECIMALS).rev().find_map(|decimals| {
            notional
                .div_round(self.quantity, decimals, Rounding::HalfEven)
                .ok()
        })
    }

    /// Returns the fees by asset; a rebate is below zero (F43).
    pub fn fees(&self) -> impl Iterator<Item = Fee> + '_ {
        self.fees.iter().map(|(asset, amount)| Fee {
            asset: *asset,
            amount: *amount,
        })
    }

    /// Returns whether a fill is booked.
    #[must_use]
    pub fn contains(&self, key: &FillKey) -> bool {
        self.fills.contains_key(key)
    }

    /// Returns the fills by key.
    pub fn iter(&self) -> impl Iterator<Item = &BookedFill> + '_ {
        self.fills.values()
    }

    /// Returns how many fills are booked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fills.len()
    }

    /// Returns whether nothing is booked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fills.is_empty()
    }

    /// Returns the inferred fill that stands for what a venue order has not itemised.
    #[must_use]
    pub fn inferred(&self, key: &FillKey) -> Option<&BookedFill> {
        self.fills.get(key).filter(|fill| fill.inferred)
    }

    /// Returns every inferred fill.
    pub fn all_inferred(&self) -> impl Iterator<Item = &BookedFill> + '_ {
        self.iter().filter(|fill| fill.inferred)
    }

    /// Returns the sum as it would be with one more quantity.
    ///
    /// # Errors
    /// Fails when the sum cannot be held.
    pub fn quantity_with(&self, more: Decimal) -> Result<Decimal, DecimalError> {
        self.quantity.checked_add(more)
    }

    /// Books a fill.
    ///
    /// # Errors
    /// Refuses a fill that is booked already (F34), is not above zero, or overflows a sum; nothing
    /// is changed then.
    pub fn book(&mut self, fill: BookedFill) -> Result<(), FillError> {
        if self.contains(&fill.key) {
            return Err(FillError::Duplicate);
        }
        if !fill.price.is_positive() || !fill.quantity.is_positive() {
            return Err(FillError::NotPositive);
        }
        let mut fees = None;
        if let Some(fee) = &fill.fee {
            let paid = self.fees.get(&fee.asset).copied().unwrap_or(Decimal::ZERO);
            fees = Some((fee.asset, paid.checked_add(fee.amount)?));
        }
        let quantity = self.quantity.checked_add(fill.quantity)?;
        if !fill.inferred {
            self.real_quantity = self.real_quantity.checked_add(fill.quantity)?;
        }
        self.quantity = quantity;
        if let Some((asset, paid)) = fees {
            self.fees.insert(asset, paid);
        }
        self.notional = self.notional.plus(fill.price, fill.quantity);
        self.fills.insert(fill.key.clone(), fill);
        Ok(())
    }

    /// Books an inferred fill in the place of the one of the same key; zero takes it back.
    ///
    /// # Errors
    /// Refuses what [`Fills::book`] refuses, and a key that a real fill has.
    pub fn restate(&mut self, fill: BookedFill) -> Result<(), FillError> {
        if !fill.inferred || self.fills.get(&fill.key).is_some_and(|old| !old.inferred) {
            return Err(FillError::Duplicate);
        }
        let mut kept: Vec<BookedFill> = self
            .fills
            .values()
            .filter(|old| old.key != fill.key)
            .cloned()
            .collect();
        if !fill.quantity.is_zero() {
            kept.push(fill);
        }
        *self = Self::try_from(kept)?;
        Ok(())
    }
}

impl TryFrom<Vec<BookedFill>> for Fills {
    type Error = FillError;

    fn try_from(fills: Vec<BookedFill>) -> Result<Self, FillError> {
        let mut set = Self::default();
        for fill in fills {
            set.book(fill)?;
        }
        Ok(set)
    }
}

impl From<Fills> for Vec<BookedFill> {
    fn from(set: Fills) -> Self {
        set.fills.into_values().collect()
    }
}
