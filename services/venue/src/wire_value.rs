//! Values as venues write them: numbers mostly as strings, sometimes bare, never by a float.

use std::fmt;

use chimera_model::Decimal;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

/// A decimal, in quotes or bare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number(pub Decimal);

/// A whole number, in quotes or bare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole(pub i64);

/// A truth, in quotes or bare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truth(pub bool);

impl fmt::Debug for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for Whole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for Truth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// Returns the text of a JSON string or number; escapes have no place in either here.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'de str, D::Error> {
    let raw = <&'de RawValue>::deserialize(deserializer)?.get();
    Ok(raw
        .strip_prefix('"')
        .and_then(|raw| raw.strip_suffix('"'))
        .unwrap_or(raw))
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Decimal::parse_venue(text(deserializer)?)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer)?
            .parse()
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer)?
            .parse()
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// Returns the value unless it is zero, which the venue writes for "none".
pub(crate) fn some(number: Number) -> Option<Decimal> {
    (!number.0.is_zero()).then_some(number.0)
}

/// Decimals kept of a quotient that a venue computed: below any tick, and far above what sums of
/// money need.
const AVERAGE_DECIMALS: usize = 12;

/// A quotient that the venue computed, e.g. an average price: written to more digits than are
/// held, and cut to [`AVERAGE_DECIMALS`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Average(pub Decimal);

impl fmt::Debug for Average {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl<'de> Deserialize<'de> for Average {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        let plain = !text.contains(['e', 'E']);
        let cut = match text.split_once('.') {
            Some((whole, fraction)) if plain && fraction.len() > AVERAGE_DECIMALS => fraction
                .get(..AVERAGE_DECIMALS)
                .and_then(|_| text.get(..=whole.len() + AVERAGE_DECIMALS)),
            _ => Some(text),
        };
        let cut = cut.ok_or_else(|| D::Error::custom("a number is cut inside a character"))?;
        Decimal::parse_venue(cut)
            .map(Self)
            .map_err(D::Error::custom)
    }
}
