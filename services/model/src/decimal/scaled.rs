//! Decimals as integers in units of `10^-scale`, and back.

use super::{Decimal, DecimalError, MAX_MANTISSA, MAX_SCALE};

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(rust_decimal::Decimal::ZERO);
    /// One.
    pub const ONE: Self = Self(rust_decimal::Decimal::ONE);

    /// Returns `value * 10^-scale`.
    ///
    /// # Errors
    /// Fails when the value needs more digits than are held.
    pub fn from_scaled(value: impl Into<i128>, scale: u32) -> Result<Self, DecimalError> {
        let (mut value, mut scale) = (value.into(), scale);
        if value == 0 {
            return Ok(Self::ZERO);
        }
        // Nearly every value fits 64 bits, where dividing is an order of magnitude cheaper.
        if let Ok(mut small) = i64::try_from(value) {
            while scale > 0 && small % 10 == 0 {
                small /= 10;
                scale -= 1;
            }
            if scale > MAX_SCALE {
                return Err(DecimalError::TooPrecise);
            }
            return Ok(Self(rust_decimal::Decimal::new(small, scale)));
        }
        while scale > 0 && value % 10 == 0 {
            value /= 10;
            scale -= 1;
        }
        if value.unsigned_abs() > MAX_MANTISSA {
            return Err(DecimalError::Overflow);
        }
        if scale > MAX_SCALE {
            return Err(DecimalError::TooPrecise);
        }
        rust_decimal::Decimal::try_from_i128_with_scale(value, scale)
            .map(Self)
            .map_err(|_| DecimalError::Overflow)
    }

    /// Returns the value in units of `10^-scale`.
    ///
    /// # Errors
    /// Fails when the value has more decimals than `scale` or does not fit 64 bits.
    pub fn to_scaled(self, scale: u8) -> Result<i64, DecimalError> {
        let value = self.to_scaled_wide(u32::from(scale))?;
        i64::try_from(value).map_err(|_| DecimalError::Overflow)
    }

    /// Returns the value in units of `10^-scale`, in 128 bits.
    ///
    /// # Errors
    /// Fails when the value has more decimals than `scale` or does not fit.
    pub fn to_scaled_wide(self, scale: u32) -> Result<i128, DecimalError> {
        let missing = scale
            .checked_sub(self.scale())
            .ok_or(DecimalError::Inexact { scale })?;
        if self.is_zero() {
            return Ok(0);
        }
        let factor = 10_i128.checked_pow(missing).ok_or(DecimalError::Overflow)?;
        self.mantissa()
            .checked_mul(factor)
            .ok_or(DecimalError::Overflow)
    }

    /// Returns the digits as an integer: the value is `mantissa * 10^-scale`.
    #[must_use]
    pub const fn mantissa(self) -> i128 {
        self.0.mantissa()
    }

    /// Returns the number of decimals of the canonical form.
    #[must_use]
    pub const fn scale(self) -> u32 {
        self.0.scale()
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self(rust_decimal::Decimal::from(value))
    }
}

impl From<u32> for Decimal {
    fn from(value: u32) -> Self {
        Self(rust_decimal::Decimal::from(value))
    }
}
