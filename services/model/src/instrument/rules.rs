//! The rules an order must keep, checked before it leaves (F66), exactly.

use std::fmt;

use super::definition::Instrument;
use super::units::{PriceTicks, QuantityLots};
use crate::decimal::{Decimal, DecimalError, Rounding};
use crate::words::{OrderType, Side};

/// A rule of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The value must be above zero.
    Positive,
    /// A price is a multiple of the tick size.
    TickSize,
    /// A quantity is a multiple of the lot size.
    LotSize,
    /// A price has a floor.
    MinPrice,
    /// A price has a ceiling.
    MaxPrice,
    /// A quantity has a floor.
    MinQuantity,
    /// A quantity has a ceiling.
    MaxQuantity,
    /// A notional has a floor.
    MinNotional,
    /// A price stays within reach of the reference price.
    PriceCollar,
    /// The value must be countable in steps of this instrument.
    Range,
}

impl Rule {
    /// Returns the stable name of the rule.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Positive => "POSITIVE",
            Self::TickSize => "TICK_SIZE",
            Self::LotSize => "LOT_SIZE",
            Self::MinPrice => "MIN_PRICE",
            Self::MaxPrice => "MAX_PRICE",
            Self::MinQuantity => "MIN_QUANTITY",
            Self::MaxQuantity => "MAX_QUANTITY",
            Self::MinNotional => "MIN_NOTIONAL",
            Self::PriceCollar => "PRICE_COLLAR",
            Self::Range => "RANGE",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// The valid values around one that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nearest {
    /// The greatest valid value below, if there is one.
    pub below: Option<Decimal>,
    /// The least valid value above, if there is one.
    pub above: Option<Decimal>,
}

impl fmt::Display for Nearest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.below, self.above) {
            (Some(below), Some(above)) => write!(formatter, "nearest are {below} and {above}"),
            (Some(value), None) | (None, Some(value)) => write!(formatter, "nearest is {value}"),
            (None, None) => formatter.write_str("no value is near"),
        }
    }
}

/// A value that breaks a rule. Nothing was rounded; the nearest valid values stand beside it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {value} breaks {rule} {limit}; {nearest}")]
pub struct RuleViolation {
    /// Which field: `price`, `quantity` or `notional`.
    pub field: &'static str,
    /// What it held.
    pub value: Decimal,
    /// Which rule.
    pub rule: Rule,
    /// The rule's own number.
    pub limit: Decimal,
    /// What would be valid instead.
    pub nearest: Nearest,
}

/// The multiples a value must be one of: `step` units apart, from `low` to `high`.
#[derive(Clone, Copy)]
struct Grid {
    step: i128,
    low: i128,
    high: i128,
    scale: u32,
}

impl Grid {
    fn new(step: Decimal, low: Decimal, high: Option<Decimal>, scale: u8) -> Option<Self> {
        let scale = u32::from(scale);
        let step = step.to_scaled_wide(scale).ok().filter(|step| *step > 0)?;
        // Bounds need not be on the grid: they are moved inwards, to the first valid multiple.
        let low = low
            .round(scale, Rounding::Ceiling)
            .ok()?
            .to_scaled_wide(scale)
            .ok()?;
        let low = up(low.max(1), step)?;
        let high = match high {
            Some(high) => high
                .round(scale, Rounding::Floor)
                .ok()?
                .to_scaled_wide(scale)
                .ok()?,
            None => i128::from(i64::MAX),
        };
        let high = high.min(i128::from(i64::MAX));
        Some(Self {
            step,
            low,
            high: high - high.rem_euclid(step),
            scale,
        })
    }

    fn nearest(&self, value: Decimal) -> Nearest {
        let at = |units: i128| {
            let inside = units >= self.low && units <= self.high;
            inside
                .then(|| Decimal::from_scaled(units, self.scale).ok())
                .flatten()
        };
        let floor = value.round(self.scale, Rounding::Floor);
        let Some(floor) = floor
            .ok()
            .and_then(|value| value.to_scaled_wide(self.scale).ok())
        else {
            // Too large to be put on the grid at all: the end of it is the nearest.
            let end = if value.is_negative() {
                self.low
            } else {
                self.high
            };
            return match value.is_negative() {
                true => Nearest {
                    below: None,
                    above: at(end),
                },
                false => Nearest {
                    below: at(end),
                    above: None,
                },
            };
        };
        let below = floor - floor.rem_euclid(self.step);
        let on_grid = Decimal::from_scaled(below, self.scale).is_ok_and(|below| below == value);
        let above = if on_grid { below } else { below + self.step };
        Nearest {
            below: at(below.min(self.high)),
            above: at(above.max(self.low)),
        }
    }
}

fn up(value: i128, step: i128) -> Option<i128> {
    match value.rem_euclid(step) {
        0 => Some(value),
        rest => value.checked_add(step - rest),
    }
}

impl Instrument {
    /// Returns a limit price as a number of ticks.
    ///
    /// # Errors
    /// Names the rule the price breaks and the nearest valid prices.
    pub fn price_ticks(&self, price: Decimal) -> Result<PriceTicks, RuleViolation> {
        let low = self.min_price.unwrap_or(Decimal::ZERO);
        // Venues write "no upper bound" as zero.
        let high = self.max_price.filter(|high| high.is_positive());
        let grid = Grid::new(self.tick_size, low, high, self.price_scale);
        let violation = |rule, limit| RuleViolation {
            field: "price",
            value: price,
            rule,
            limit,
            nearest: grid.map(|grid| grid.nearest(price)).unwrap_or_default(),
        };
        if !price.is_positive() {
            return Err(violation(Rule::Positive, Decimal::ZERO));
        }
        if price < low {
            return Err(violation(Rule::MinPrice, low));
        }
        if let Some(high) = high.filter(|high| price > *high) {
            return Err(violation(Rule::MaxPrice, high));
        }
        match steps(price, self.tick_size) {
            Steps::On(ticks) => Ok(PriceTicks(ticks)),
            Steps::Off => Err(violation(Rule::TickSize, self.tick_size)),
            Steps::OutOfRange => Err(violation(Rule::Range, self.tick_size)),
        }
    }

    /// Returns a quantity of an order of this type as a number of lots.
    ///
    /// # Errors
    /// Names the rule the quantity breaks and the nearest valid quantities.
    pub fn quantity_lots(
        &self,
        quantity: Decimal,
        order_type: OrderType,
    ) -> Result<QuantityLots, RuleViolation> {
        let (step, low, high) = self.lot_rules(order_type);
        let grid = Grid::new(step, low, high, self.quantity_scale);
        let violation = |rule, limit| RuleViolation {
            field: "quantity",
            value: quantity,
            rule,
            limit,
            nearest: grid.map(|grid| grid.nearest(quantity)).unwrap_or_default(),
        };
        if !quantity.is_positive() {
            return Err(violation(Rule::Positive, Decimal::ZERO));
        }
        if quantity < low {
            return Err(violation(Rule::MinQuantity, low));
        }
        if let Some(high) = high.filter(|high| quantity > *high) {
            return Err(violation(Rule::MaxQuantity, high));
        }
        // A market order may have a coarser grid, but its lots are still those of the instrument.
        match (steps(quantity, step), steps(quantity, self.lot_size)) {
            (Steps::On(_), Steps::On(lots)) => Ok(QuantityLots(lots)),
            (Steps::OutOfRange, _) | (_, Steps::OutOfRange) => Err(violation(Rule::Range, step)),
            (Steps::Off, _) | (_, Steps::Off) => Err(violation(Rule::LotSize, step)),
        }
    }

    /// Returns the least valid quantity of an order of this type.
    #[must_use]
    pub fn least_quantity(&self, order_type: OrderType) -> Option<Decimal> {
        let (step, low, high) = self.lot_rules(order_type);
        Grid::new(step, low, high, self.quantity_scale)?
            .nearest(Decimal::ZERO)
            .above
    }

    /// Returns the greatest valid quantity that is not above `quantity`: sizes of exits and of
    /// what remains, which may shrink but never grow (F52).
    #[must_use]
    pub fn quantity_at_most(&self, quantity: Decimal, order_type: OrderType) -> Option<Decimal> {
        match self.quantity_lots(quantity, order_type) {
            Ok(_) => Some(quantity),
            Err(violation) => violation.nearest.below,
        }
    }

    /// Returns the valid price nearest to `price` that is no worse for the maker: not above it for
    /// a buy, not below it for a sell.
    #[must_use]
    pub fn price_not_beyond(&self, price: Decimal, side: Side) -> Option<Decimal> {
        match (self.price_ticks(price), side) {
            (Ok(_), _) => Some(price),
            (Err(violation), Side::Buy) => violation.nearest.below,
            (Err(violation), Side::Sell) => violation.nearest.above,
        }
    }

    /// Returns the value of a quantity at a price, in the settle asset (F58, F72, H44).
    ///
    /// Only linear instruments pass [`Instrument::check`], and quantities are in base units, so
    /// the contract multiplier has no part in this.
    ///
    /// # Errors
    /// Fails when the exact value cannot be held; an order of that size is to be denied.
    pub fn notional(
        &self,
        price: PriceTicks,
        quantity: QuantityLots,
    ) -> Result<Decimal, DecimalError> {
        self.price(price)?.checked_mul(self.quantity(quantity)?)
    }

    /// Checks a notional against the least one, which reduce-only orders are exempt from.
    ///
    /// # Errors
    /// Names the least notional.
    pub fn check_notional(
        &self,
        notional: Decimal,
        reduce_only: bool,
    ) -> Result<(), RuleViolation> {
        match self.min_notional {
            Some(limit) if notional < limit && !reduce_only => Err(RuleViolation {
                field: "notional",
                value: notional,
                rule: Rule::MinNotional,
                limit,
                nearest: Nearest {
                    below: None,
                    above: Some(limit),
                },
            }),
            _ => Ok(()),
        }
    }

    /// Checks a limit price against the reference price it may not stray from.
    ///
    /// # Errors
    /// Names the limit and the nearest valid price.
    pub fn check_collar(
        &self,
        side: Side,
        price: Decimal,
        reference: Decimal,
    ) -> Result<(), RuleViolation> {
        let Some(collar) = self.price_collar else {
            return Ok(());
        };
        let multiplier = match side {
            Side::Buy => collar.multiplier_up,
            Side::Sell => collar.multiplier_down,
        };
        // A reference too large to multiply proves nothing about the price: it is refused.
        let limit = reference.checked_mul(multiplier).unwrap_or(Decimal::ZERO);
        let inside = limit.is_positive()
            && match side {
                Side::Buy => price <= limit,
                Side::Sell => price >= limit,
            };
        if inside {
            return Ok(());
        }
        let grid = Grid::new(self.tick_size, Decimal::ZERO, None, self.price_scale);
        let around = grid.map(|grid| grid.nearest(limit)).unwrap_or_default();
        let nearest = match side {
            Side::Buy => Nearest {
                below: around.below,
                above: None,
            },
            Side::Sell => Nearest {
                below: None,
                above: around.above,
            },
        };
        Err(RuleViolation {
            field: "price",
            value: price,
            rule: Rule::PriceCollar,
            limit,
            nearest,
        })
    }

    fn lot_rules(&self, order_type: OrderType) -> (Decimal, Decimal, Option<Decimal>) {
        let (step, low, high) = match (order_type, self.market_lot) {
            (OrderType::Market, Some(lot)) => (lot.lot_size, lot.min_quantity, lot.max_quantity),
            _ => (self.lot_size, self.min_quantity, self.max_quantity),
        };
        (step, low, Some(high).filter(|high| high.is_positive()))
    }
}

enum Steps {
    On(i64),
    Off,
    OutOfRange,
}

/// Counts the steps of a value that is on its grid.
fn steps(value: Decimal, step: Decimal) -> Steps {
    // Two integers of one scale: exact whatever the step, and without a division that may not end.
    let scale = value.scale().max(step.scale());
    let (Ok(value), Ok(step)) = (value.to_scaled_wide(scale), step.to_scaled_wide(scale)) else {
        return Steps::OutOfRange;
    };
    match (
        value.checked_rem(step),
        value.checked_div(step).map(i64::try_from),
    ) {
        (Some(0), Some(Ok(steps))) => Steps::On(steps),
        (Some(0), _) | (None, _) => Steps::OutOfRange,
        (Some(_), _) => Steps::Off,
    }
}
