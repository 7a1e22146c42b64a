//! Scaled integers: what the book is made of.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use rust_decimal::Decimal;

/// Decimals kept by every price and quantity of the engine.
///
/// One scale for all instruments keeps a book valid when its tick changes while it is running;
/// eight decimals hold every tick and step of the venues simulated here.
pub const SCALE: u32 = 8;

macro_rules! scaled {
    ($name:ident, $what:literal) => {
        #[doc = $what]
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);
            /// The largest value there is.
            pub const MAX: Self = Self(i64::MAX);

            /// Returns the value of `raw` units of 10^-8.
            pub const fn from_raw(raw: i64) -> Self {
                Self(raw)
            }

            /// Returns the value in units of 10^-8.
            pub const fn raw(self) -> i64 {
                self.0
            }

            /// Returns the value of a decimal, or nothing where eight decimals or 64 bits do not
            /// hold it exactly.
            pub fn from_decimal(value: Decimal) -> Option<Self> {
                let mut exact = value.normalize();
                if exact.scale() > SCALE {
                    return None;
                }
                exact.rescale(SCALE);
                i64::try_from(exact.mantissa())
                    .ok()
                    .filter(|_| exact.scale() == SCALE)
                    .map(Self)
            }

            /// Returns the exact decimal.
            pub fn decimal(self) -> Decimal {
                Decimal::new(self.0, SCALE).normalize()
            }

            /// Whether it is zero.
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// Whether it is a whole multiple of `step` (anything is of a step of zero).
            pub const fn is_multiple_of(self, step: Self) -> bool {
                step.0 == 0 || self.0 % step.0 == 0
            }

            /// Returns the largest multiple of `step` that is not above it.
            pub const fn floor_to(self, step: Self) -> Self {
                if step.0 == 0 {
                    self
                } else {
                    Self(self.0 - self.0.rem_euclid(step.0))
                }
            }

            /// Returns the difference, or zero where `other` is larger.
            pub const fn saturating_sub(self, other: Self) -> Self {
                if other.0 >= self.0 {
                    Self(0)
                } else {
                    Self(self.0 - other.0)
                }
            }

            /// Returns the sum, at most the largest value there is.
            pub const fn saturating_add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                self.saturating_add(other)
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                input.deserialize_str(Text).map(Self)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.decimal())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.decimal())
            }
        }
    };
}

/// Reads a plain decimal text into units of 10^-8; nothing where they do not hold it exactly.
///
/// A recording holds millions of numbers, so this goes straight from digits to the integer.
fn read(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let missing = (SCALE as usize).checked_sub(fraction.len())?;
    if whole.is_empty() {
        return None;
    }
    let mut units: i64 = 0;
    for byte in whole
        .bytes()
        .chain(fraction.bytes())
        .chain(std::iter::repeat_n(b'0', missing))
    {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        units = units.checked_mul(10)?.checked_add(digit)?;
    }
    Some(if negative { -units } else { units })
}

struct Text;

impl serde::de::Visitor<'_> for Text {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal as text, of at most eight decimals")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<i64, E> {
        read(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

scaled!(Price, "A price in quote units, at eight decimals.");
scaled!(Quantity, "A quantity in base units, at eight decimals.");

/// Returns price times quantity, exactly.
///
/// Filters bound both factors so far below the range of a decimal that the product always fits;
/// were they ever widened past it, the largest decimal makes every margin check refuse.
pub fn notional(price: Price, quantity: Quantity) -> Decimal {
    price
        .decimal()
        .checked_mul(quantity.decimal())
        .unwrap_or(Decimal::MAX)
}
