//! Reading decimals from text, never by way of a float.

use std::str::FromStr;

use super::{Decimal, DecimalError, MAX_DIGITS, MAX_MANTISSA, MAX_SCALE};

/// Longest text of ours: sign, point and every digit a value may have, with room for zeros.
const STRICT_BYTES_MAX: usize = 64;

/// Longest text of a venue. Venues pad with zeros; none pads this far.
const VENUE_BYTES_MAX: usize = 128;

/// Eighteen digits never overflow 64 bits.
const PLAIN_DIGITS_MAX: usize = 18;

/// Beyond this an exponent cannot belong to a value that is held.
const EXPONENT_MAX: i64 = 1_000;

/// What a text spells: `mantissa * 10^exponent`, the mantissa without trailing zeros.
struct Spelled {
    negative: bool,
    mantissa: u128,
    exponent: i64,
    /// Digits from the first that is not zero, trailing zeros included.
    significant: u32,
    decimals: u32,
    leading_zero: bool,
    has_exponent: bool,
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Reads the plain form only: `-?digits(.digits)?`, no leading zeros, no `-0`, no exponent.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let spelled = spell(text.as_bytes(), STRICT_BYTES_MAX)?;
        if spelled.has_exponent {
            let position = text.find(['e', 'E']).unwrap_or(text.len());
            return Err(DecimalError::Malformed { position });
        }
        if spelled.leading_zero || (spelled.negative && spelled.mantissa == 0) {
            return Err(DecimalError::Malformed {
                position: usize::from(spelled.negative),
            });
        }
        if spelled.significant > MAX_DIGITS || spelled.decimals > MAX_SCALE {
            return Err(DecimalError::TooPrecise);
        }
        spelled.value()
    }
}

impl Decimal {
    /// Reads a venue's number: the plain form, any zeros around it, and the exponent form (F69).
    ///
    /// # Errors
    /// Refuses whatever is not a JSON number, and whatever would round.
    pub fn parse_venue(text: &str) -> Result<Self, DecimalError> {
        match plain(text.as_bytes()) {
            Some((value, decimals)) => Self::from_scaled(value, decimals),
            None => spell(text.as_bytes(), VENUE_BYTES_MAX)?.value(),
        }
    }
}

/// The common case of [`Decimal::parse_venue`]: few digits and at most one point. Whatever is odd
/// is left to the careful reader.
fn plain(text: &[u8]) -> Option<(i64, u32)> {
    let negative = text.first() == Some(&b'-');
    let digits = &text[usize::from(negative)..];
    let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
        Some(point) if point + 1 < digits.len() => (&digits[..point], &digits[point + 1..]),
        Some(_) => return None,
        None => (digits, &[][..]),
    };
    if whole.is_empty() || whole.len() + fraction.len() > PLAIN_DIGITS_MAX {
        return None;
    }
    let mut value: i64 = 0;
    for byte in whole.iter().chain(fraction) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some((if negative { -value } else { value }, fraction.len() as u32))
}

/// Reads text straight into an integer of `10^-scale` units: the hot path of books.
///
/// # Errors
/// Fails where [`Decimal::parse_venue`] fails, and when the value does not fit exactly.
pub fn scaled_from_text(text: &str, scale: u8) -> Result<i64, DecimalError> {
    match scaled_plain(text.as_bytes(), scale) {
        Some(value) => Ok(value),
        None => Decimal::parse_venue(text)?.to_scaled(scale),
    }
}

/// The common case of [`scaled_from_text`]; whatever is odd is left to the careful reader.
fn scaled_plain(text: &[u8], scale: u8) -> Option<i64> {
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &[][..]),
    };
    let scale = usize::from(scale);
    if whole.is_empty() || whole.len() + scale > PLAIN_DIGITS_MAX || whole.len() == text.len() - 1 {
        return None;
    }
    // The careful reader refuses a text of this length, whatever it says.
    if text.len() > VENUE_BYTES_MAX {
        return None;
    }
    let (kept, zeros) = fraction.split_at(fraction.len().min(scale));
    if zeros.iter().any(|byte| *byte != b'0') {
        return None;
    }
    let mut value: i64 = 0;
    for byte in whole.iter().chain(kept) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    for _ in kept.len()..scale {
        value *= 10;
    }
    Some(value)
}

fn spell(text: &[u8], bytes_max: usize) -> Result<Spelled, DecimalError> {
    if text.is_empty() {
        return Err(DecimalError::Empty);
    }
    if text.len() > bytes_max {
        return Err(DecimalError::TooLong {
            length: text.len(),
            max: bytes_max,
        });
    }
    let negative = text[0] == b'-';
    let start = usize::from(negative);
    let whole_end = digits_end(text, start);
    if whole_end == start {
        return Err(DecimalError::Malformed { position: start });
    }
    let mut end = whole_end;
    let mut fraction = 0..0;
    if text.get(end) == Some(&b'.') {
        let fraction_end = digits_end(text, end + 1);
        if fraction_end == end + 1 {
            return Err(DecimalError::Malformed {
                position: fraction_end,
            });
        }
        fraction = end + 1..fraction_end;
        end = fraction_end;
    }
    let decimals = fraction.len();
    let (mantissa, zeros, significant) =
        read_digits(text[start..whole_end].iter().chain(&text[fraction]))?;
    let (exponent, has_exponent) = read_exponent(text, end)?;
    Ok(Spelled {
        negative,
        mantissa,
        exponent: i64::from(zeros) + exponent - decimals as i64,
        significant,
        decimals: decimals as u32,
        leading_zero: text[start] == b'0' && whole_end - start > 1,
        has_exponent,
    })
}

fn digits_end(text: &[u8], start: usize) -> usize {
    let length = text[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    start + length
}

/// Returns the mantissa without its trailing zeros, how many those were, and all significant
/// digits.
fn read_digits<'a>(digits: impl Iterator<Item = &'a u8>) -> Result<(u128, u32, u32), DecimalError> {
    let (mut mantissa, mut zeros, mut held) = (0_u128, 0_u32, 0_u32);
    for byte in digits {
        if *byte == b'0' {
            zeros += 1;
            continue;
        }
        held = if mantissa == 0 { 1 } else { held + zeros + 1 };
        if held > MAX_DIGITS {
            return Err(DecimalError::TooPrecise);
        }
        let shift = if mantissa == 0 {
            1
        } else {
            10_u128.pow(zeros + 1)
        };
        mantissa = mantissa * shift + u128::from(byte - b'0');
        zeros = 0;
    }
    let significant = if mantissa == 0 { 1 } else { held + zeros };
    Ok((mantissa, zeros, significant))
}

fn read_exponent(text: &[u8], at: usize) -> Result<(i64, bool), DecimalError> {
    match text.get(at) {
        None => return Ok((0, false)),
        Some(b'e' | b'E') => {}
        Some(_) => return Err(DecimalError::Malformed { position: at }),
    }
    let negative = text.get(at + 1) == Some(&b'-');
    let signed = negative || text.get(at + 1) == Some(&b'+');
    let start = at + 1 + usize::from(signed);
    let end = digits_end(text, start.min(text.len()));
    if end <= start || end < text.len() {
        return Err(DecimalError::Malformed { position: end });
    }
    let mut exponent = 0_i64;
    for byte in &text[start..end] {
        exponent = (exponent * 10 + i64::from(byte - b'0')).min(EXPONENT_MAX);
    }
    Ok((if negative { -exponent } else { exponent }, true))
}

impl Spelled {
    fn value(self) -> Result<Decimal, DecimalError> {
        if self.mantissa == 0 {
            return Ok(Decimal::ZERO);
        }
        let signed = |mantissa: u128| {
            // At most 28 digits by now, far inside an i128.
            let mantissa = mantissa as i128;
            if self.negative { -mantissa } else { mantissa }
        };
        if self.exponent <= 0 {
            let scale = self.exponent.unsigned_abs();
            if scale > u64::from(MAX_SCALE) {
                return Err(DecimalError::TooPrecise);
            }
            return Decimal::from_scaled(signed(self.mantissa), scale as u32);
        }
        if self.exponent >= i64::from(MAX_DIGITS) {
            return Err(DecimalError::TooPrecise);
        }
        let shifted = self.mantissa.checked_mul(10_u128.pow(self.exponent as u32));
        let shifted = shifted.filter(|value| *value <= MAX_MANTISSA);
        Decimal::from_scaled(signed(shifted.ok_or(DecimalError::TooPrecise)?), 0)
    }
}
