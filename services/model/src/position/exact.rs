//! Exact ratios within, decimals to show.

use std::cmp::Ordering;
use std::ops::{Add, Mul, Sub};

use num_bigint::BigInt;
use num_rational::BigRational;

use crate::decimal::{Decimal, DecimalError};

/// Decimals of prices and profits when they are shown, half to even; fewer where a large number
/// leaves less room within a [`Decimal`].
pub const SHOWN_DECIMALS: u32 = 18;

/// A denominator grows with every averaging after a partial close, for as long as the position is
/// never flat. Past this it is rounded: some sixteen such rounds stay exact, and afterwards an
/// error of 10^-100 is beyond every sum of money, while memory and time stay bounded.
const DENOMINATOR_BITS_MAX: u64 = 512;

/// Decimals kept then.
const ROUNDED_DECIMALS: u32 = 100;

/// An exact number: sums and products of decimals, and their quotients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Exact(BigRational);

impl Exact {
    pub(super) fn zero() -> Self {
        Self(BigRational::from_integer(BigInt::ZERO))
    }

    /// Returns the quotient; the divisor is never zero: callers divide by what they just increased.
    pub(super) fn over(self, divisor: &Self) -> Self {
        Self(self.0 / &divisor.0)
    }

    pub(super) fn abs(self) -> Self {
        if self < Self::zero() {
            Self::zero() - self
        } else {
            self
        }
    }

    /// Returns the number, rounded far below any money when it has grown too long to carry.
    pub(super) fn bounded(self) -> Self {
        if self.0.denom().bits() <= DENOMINATOR_BITS_MAX {
            return self;
        }
        let mantissa = self.rounded(ROUNDED_DECIMALS);
        Self(BigRational::new(mantissa, ten_to(ROUNDED_DECIMALS)))
    }

    /// Returns the number as it is shown, see [`SHOWN_DECIMALS`].
    pub(super) fn shown(&self) -> Result<Decimal, DecimalError> {
        let fitting = (0..=SHOWN_DECIMALS).rev().find_map(|decimals| {
            let mantissa = i128::try_from(self.rounded(decimals)).ok()?;
            Decimal::from_scaled(mantissa, decimals).ok()
        });
        fitting.ok_or(DecimalError::Overflow)
    }

    /// Returns the number times `10^decimals`, rounded half to even.
    fn rounded(&self, decimals: u32) -> BigInt {
        let scaled = &self.0 * BigRational::from_integer(ten_to(decimals));
        let floor = scaled.floor();
        let whole = floor.to_integer();
        let half = BigRational::new(BigInt::from(1), BigInt::from(2));
        let up = match (scaled - floor).cmp(&half) {
            Ordering::Less => false,
            Ordering::Equal => whole.bit(0),
            Ordering::Greater => true,
        };
        if up { whole + 1 } else { whole }
    }
}

fn ten_to(decimals: u32) -> BigInt {
    BigInt::from(10).pow(decimals)
}

impl From<Decimal> for Exact {
    fn from(value: Decimal) -> Self {
        Self(BigRational::new(
            BigInt::from(value.mantissa()),
            ten_to(value.scale()),
        ))
    }
}

impl Add for Exact {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Exact {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul for Exact {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
}
