//! Arithmetic that is exact, or says how it rounds, or fails.

use std::ops::Neg;

use super::{Decimal, DecimalError, MAX_SCALE};

/// Where a value goes that does not fit the decimals asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Towards zero: never more than there is.
    Down,
    /// Away from zero.
    Up,
    /// Towards negative infinity.
    Floor,
    /// Towards positive infinity.
    Ceiling,
    /// To the nearest, ties to even.
    HalfEven,
}

/// How the part that is cut off compares to half a unit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    None,
    BelowHalf,
    Half,
    AboveHalf,
}

impl Decimal {
    /// Returns the sum.
    ///
    /// # Errors
    /// Fails when the exact sum cannot be held.
    pub fn checked_add(self, other: Self) -> Result<Self, DecimalError> {
        let scale = self.scale().max(other.scale());
        // An operand too large to be aligned keeps its last digit: the sum could not be held.
        let left = self.to_scaled_wide(scale)?;
        let right = other.to_scaled_wide(scale)?;
        Self::from_scaled(
            left.checked_add(right).ok_or(DecimalError::Overflow)?,
            scale,
        )
    }

    /// Returns the difference.
    ///
    /// # Errors
    /// Fails when the exact difference cannot be held.
    pub fn checked_sub(self, other: Self) -> Result<Self, DecimalError> {
        self.checked_add(-other)
    }

    /// Returns the product.
    ///
    /// # Errors
    /// Fails when the exact product cannot be held.
    pub fn checked_mul(self, other: Self) -> Result<Self, DecimalError> {
        let product = self
            .mantissa()
            .checked_mul(other.mantissa())
            .ok_or(DecimalError::Overflow)?;
        Self::from_scaled(product, self.scale() + other.scale())
    }

    /// Returns the quotient when it is a decimal that can be held, else an error.
    ///
    /// # Errors
    /// Fails on zero and on quotients that do not end within [`MAX_SCALE`] decimals.
    pub fn div_exact(self, other: Self) -> Result<Self, DecimalError> {
        // The fewest decimals first: at the most of them a large quotient would not fit.
        for scale in self.scale().saturating_sub(other.scale())..=MAX_SCALE {
            if let (quotient, Rest::None) = divide(self, other, scale)? {
                return Self::from_scaled(quotient, scale);
            }
        }
        Err(DecimalError::Inexact { scale: MAX_SCALE })
    }

    /// Returns the quotient at `scale` decimals, rounded as told.
    ///
    /// # Errors
    /// Fails on zero and on quotients too large to hold.
    pub fn div_round(
        self,
        other: Self,
        scale: u32,
        rounding: Rounding,
    ) -> Result<Self, DecimalError> {
        let (quotient, rest) = divide(self, other, scale)?;
        let negative = self.is_negative() != other.is_negative();
        Self::from_scaled(rounded(quotient, rest, negative, rounding), scale)
    }

    /// Returns the value at `scale` decimals, rounded as told.
    ///
    /// # Errors
    /// Fails when rounding up leaves more digits than are held.
    pub fn round(self, scale: u32, rounding: Rounding) -> Result<Self, DecimalError> {
        if self.scale() <= scale {
            return Ok(self);
        }
        self.div_round(Self::ONE, scale, rounding)
    }

    /// Returns the value without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Returns whether the value is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Returns whether the value is above zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        !self.is_zero() && self.0.is_sign_positive()
    }

    /// Returns whether the value is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        !self.is_zero() && self.0.is_sign_negative()
    }
}

impl Neg for Decimal {
    type Output = Self;

    fn neg(self) -> Self {
        if self.is_zero() { self } else { Self(-self.0) }
    }
}

/// Divides at `scale` decimals, truncating; says what was cut off. The quotient is signed.
fn divide(dividend: Decimal, divisor: Decimal, scale: u32) -> Result<(i128, Rest), DecimalError> {
    if divisor.is_zero() {
        return Err(DecimalError::DivisionByZero);
    }
    let negative = dividend.is_negative() != divisor.is_negative();
    let (top, bottom) = (
        dividend.mantissa().unsigned_abs(),
        divisor.mantissa().unsigned_abs(),
    );
    let (mut quotient, mut remainder) = (top / bottom, top % bottom);
    // The quotient of the mantissas stands at this many decimals.
    let natural = i64::from(dividend.scale()) - i64::from(divisor.scale());
    let shift = i64::from(scale) - natural;
    let rest = if shift >= 0 {
        for _ in 0..shift {
            if quotient == 0 && remainder == 0 {
                break;
            }
            // The remainder is below a 28-digit divisor, so ten times it fits with room.
            remainder *= 10;
            let digit = remainder / bottom;
            remainder %= bottom;
            quotient = quotient
                .checked_mul(10)
                .and_then(|quotient| quotient.checked_add(digit))
                .ok_or(DecimalError::Overflow)?;
        }
        rest_of(remainder * 2, bottom, remainder != 0)
    } else {
        cut(&mut quotient, remainder, shift.unsigned_abs() as u32)
    };
    let quotient = i128::try_from(quotient).map_err(|_| DecimalError::Overflow)?;
    Ok((if negative { -quotient } else { quotient }, rest))
}

/// Cuts `digits` more digits off a quotient that already left a remainder.
fn cut(quotient: &mut u128, remainder: u128, digits: u32) -> Rest {
    let Some(unit) = 10_u128.checked_pow(digits) else {
        // Below half a unit of any size this large: mantissas have 28 digits.
        let rest = if *quotient == 0 && remainder == 0 {
            Rest::None
        } else {
            Rest::BelowHalf
        };
        *quotient = 0;
        return rest;
    };
    let lost = *quotient % unit;
    *quotient /= unit;
    let half = unit / 2;
    match lost.cmp(&half) {
        std::cmp::Ordering::Equal if remainder == 0 => Rest::Half,
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => Rest::AboveHalf,
        std::cmp::Ordering::Less if lost == 0 && remainder == 0 => Rest::None,
        std::cmp::Ordering::Less => Rest::BelowHalf,
    }
}

fn rest_of(twice: u128, unit: u128, any: bool) -> Rest {
    match twice.cmp(&unit) {
        _ if !any => Rest::None,
        std::cmp::Ordering::Less => Rest::BelowHalf,
        std::cmp::Ordering::Equal => Rest::Half,
        std::cmp::Ordering::Greater => Rest::AboveHalf,
    }
}

fn rounded(quotient: i128, rest: Rest, negative: bool, rounding: Rounding) -> i128 {
    let away = match rounding {
        _ if rest == Rest::None => false,
        Rounding::Down => false,
        Rounding::Up => true,
        Rounding::Floor => negative,
        Rounding::Ceiling => !negative,
        Rounding::HalfEven => match rest {
            Rest::AboveHalf => true,
            Rest::Half => quotient % 2 != 0,
            Rest::None | Rest::BelowHalf => false,
        },
    };
    match (away, negative) {
        (false, _) => quotient,
        (true, false) => quotient + 1,
        (true, true) => quotient - 1,
    }
}
