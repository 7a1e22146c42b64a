//! What bookings add up to.

use std::collections::BTreeMap;

use super::exact::Exact;
use crate::decimal::{Decimal, DecimalError};
use crate::ids::Asset;
use crate::report::Fee;

/// What a leg does to the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegEffect {
    /// Makes it larger, or begins it.
    Opens,
    /// Makes it smaller, or ends it.
    Closes,
}

/// One side of zero of a fill (F56).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// What it does.
    pub effect: LegEffect,
    /// Signed, base units.
    pub quantity: Decimal,
    /// At what price.
    pub price: Decimal,
    /// The profit it realised, before fees, as it is shown; zero when it opens.
    pub realized_pnl: Decimal,
}

/// What bookings add up to.
///
/// Money is kept as cash: what sales brought minus what purchases cost. Realised profit follows as
/// cash plus the cost of what is held, so that the sum of realised and unrealised profit is exact
/// whatever the average is, and realised profit is exact whenever the position is flat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    quantity: Decimal,
    /// Means something only while the quantity is not zero.
    average: Exact,
    cash: Exact,
    fees: BTreeMap<Asset, Decimal>,
    /// Whether a part of it rests on the venue's word.
    inferred: bool,
}

impl State {
    pub(super) fn flat() -> Self {
        Self {
            quantity: Decimal::ZERO,
            average: Exact::zero(),
            cash: Exact::zero(),
            fees: BTreeMap::new(),
            inferred: false,
        }
    }

    pub(super) const fn quantity(&self) -> Decimal {
        self.quantity
    }

    pub(super) const fn is_inferred(&self) -> bool {
        self.inferred
    }

    pub(super) const fn fees(&self) -> &BTreeMap<Asset, Decimal> {
        &self.fees
    }

    /// Returns the average entry price; none when flat.
    pub(super) fn average(&self) -> Option<&Exact> {
        (!self.quantity.is_zero()).then_some(&self.average)
    }

    pub(super) fn realized(&self) -> Exact {
        self.cash.clone() + self.cost()
    }

    pub(super) fn unrealized(&self, mark: Decimal) -> Exact {
        Exact::from(mark) * Exact::from(self.quantity) - self.cost()
    }

    /// Books a trade of a signed quantity and returns its legs.
    pub(super) fn trade(
        &mut self,
        quantity: Decimal,
        price: Decimal,
    ) -> Result<Vec<Leg>, DecimalError> {
        let (closing, opening) = self.split(quantity)?;
        let mut legs = Vec::with_capacity(2);
        if !closing.is_zero() {
            let gain = self.average.clone() - Exact::from(price);
            let realized_pnl = (gain * Exact::from(closing)).shown()?;
            legs.push(Leg {
                effect: LegEffect::Closes,
                quantity: closing,
                price,
                realized_pnl,
            });
        }
        if !opening.is_zero() {
            let realized_pnl = Decimal::ZERO;
            legs.push(Leg {
                effect: LegEffect::Opens,
                quantity: opening,
                price,
                realized_pnl,
            });
        }
        self.cash = (self.cash.clone() - Exact::from(price) * Exact::from(quantity)).bounded();
        self.advance(closing, opening, price)?;
        Ok(legs)
    }

    /// Books a quantity that comes or goes without a profit: what goes leaves at the average, what
    /// comes is valued at `price`.
    pub(super) fn transfer(
        &mut self,
        quantity: Decimal,
        price: Decimal,
    ) -> Result<(), DecimalError> {
        let (closing, opening) = self.split(quantity)?;
        let value =
            self.average.clone() * Exact::from(closing) + Exact::from(price) * Exact::from(opening);
        self.cash = (self.cash.clone() - value).bounded();
        self.advance(closing, opening, price)
    }

    /// Takes the venue's word for quantity and average; realised profit stays.
    pub(super) fn open_as(&mut self, quantity: Decimal, average: Option<Decimal>) {
        let realized = self.realized();
        self.inferred = !quantity.is_zero();
        self.quantity = quantity;
        if let Some(average) = average {
            self.average = Exact::from(average);
        }
        self.cash = (realized - self.cost()).bounded();
    }

    /// Adds a fee; a rebate is below zero (F43).
    pub(super) fn charge(&mut self, fee: Fee) -> Result<(), DecimalError> {
        let paid = self.fees.get(&fee.asset).copied().unwrap_or(Decimal::ZERO);
        self.fees.insert(fee.asset, paid.checked_add(fee.amount)?);
        Ok(())
    }

    fn cost(&self) -> Exact {
        match self.average() {
            Some(average) => average.clone() * Exact::from(self.quantity),
            None => Exact::zero(),
        }
    }

    /// Splits a signed quantity into what closes and what opens.
    fn split(&self, quantity: Decimal) -> Result<(Decimal, Decimal), DecimalError> {
        let same_way = self.quantity.is_negative() == quantity.is_negative();
        if self.quantity.is_zero() || same_way {
            return Ok((Decimal::ZERO, quantity));
        }
        if quantity.abs() <= self.quantity.abs() {
            return Ok((quantity, Decimal::ZERO));
        }
        Ok((-self.quantity, quantity.checked_add(self.quantity)?))
    }

    fn advance(
        &mut self,
        closing: Decimal,
        opening: Decimal,
        price: Decimal,
    ) -> Result<(), DecimalError> {
        let left = self.quantity.checked_add(closing)?;
        if left.is_zero() {
            self.inferred = false;
        }
        let quantity = left.checked_add(opening)?;
        if !opening.is_zero() {
            self.average = if left.is_zero() {
                Exact::from(price)
            } else {
                let cost = self.average.clone() * Exact::from(left)
                    + Exact::from(price) * Exact::from(opening);
                cost.over(&Exact::from(quantity)).bounded()
            };
        }
        self.quantity = quantity;
        Ok(())
    }
}
