//! Exact decimals: every price, quantity and amount of money in the house.
//!
//! A value has at most [`MAX_DIGITS`] significant digits and at most [`MAX_SCALE`] decimals, and
//! every operation is exact or an error. Only functions that take a [`Rounding`] ever round.

mod arithmetic;
mod parse;
mod scaled;
mod text;

#[cfg(test)]
mod tests;

pub use arithmetic::Rounding;
pub use parse::scaled_from_text;

/// Most significant digits of a [`Decimal`]; what a 96-bit mantissa holds for every digit.
pub const MAX_DIGITS: u32 = 28;

/// Most decimals of a [`Decimal`].
pub const MAX_SCALE: u32 = 28;

/// Largest mantissa, so that whatever is computed can also be written and read back.
const MAX_MANTISSA: u128 = 10_u128.pow(MAX_DIGITS) - 1;

/// An exact decimal number in canonical form: no trailing zeros, no negative zero.
///
/// ```
/// use chimera_model::Decimal;
///
/// let price: Decimal = "0.0150".parse()?;
/// assert_eq!(price.to_string(), "0.015");
/// assert!("1,5".parse::<Decimal>().is_err());
/// # Ok::<(), chimera_model::DecimalError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(rust_decimal::Decimal);

/// Why a decimal could not be read or computed. Nothing was rounded on the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text was empty.
    #[error("a decimal is required, the text is empty")]
    Empty,
    /// The text was longer than any number it could stand for.
    #[error("decimal text of {length} bytes, at most {max} are read")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes read at most.
        max: usize,
    },
    /// The text is not a plain decimal.
    #[error("not a plain decimal such as 0.015: unexpected character at byte {position}")]
    Malformed {
        /// Where reading stopped, in bytes.
        position: usize,
    },
    /// The value needs more digits than are held; it is refused, not rounded.
    #[error("more than {MAX_DIGITS} significant digits or {MAX_SCALE} decimals")]
    TooPrecise,
    /// The result is too large to hold.
    #[error("decimal overflow")]
    Overflow,
    /// The value has more decimals than the scale asked for.
    #[error("more than {scale} decimals")]
    Inexact {
        /// Decimals allowed.
        scale: u32,
    },
    /// Division by zero.
    #[error("division by zero")]
    DivisionByZero,
}
