//! Scaled integers as exact decimal text: `12345` at three decimals is `12.345`, both ways without
//! rounding.

use std::fmt::Write;

/// Most decimals of a scaled integer, as the contract states it.
pub(crate) const SCALE_MAX: u32 = 18;

/// Writes a scaled integer; all its decimals, so that a column of prices lines up.
pub(crate) fn write(text: &mut String, scaled: i64, scale: u32) {
    if scaled < 0 {
        text.push('-');
    }
    let unit = 10_u64.pow(scale.min(SCALE_MAX));
    let (whole, fraction) = (scaled.unsigned_abs() / unit, scaled.unsigned_abs() % unit);
    // Writing into a string cannot fail.
    let _ = match scale {
        0 => write!(text, "{whole}"),
        _ => write!(text, "{whole}.{fraction:0width$}", width = scale as usize),
    };
}

/// Reads decimal text in plain form; nothing when it is none, or does not fit exactly.
pub(crate) fn read(text: &str, scale: u32) -> Option<i64> {
    let (negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (number, ""),
    };
    let scale = scale as usize;
    // Zeros behind the scale change nothing; anything else there would be lost.
    let (kept, beyond) = fraction.split_at_checked(scale).unwrap_or((fraction, ""));
    if whole.is_empty() || beyond.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let padding = std::iter::repeat_n(b'0', scale - kept.len());
    let digits = whole.bytes().chain(kept.bytes()).chain(padding);
    // Counted below zero, where there is room for one more.
    let counted = digits.into_iter().try_fold(0_i64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_sub(digit)
    })?;
    if negative {
        Some(counted)
    } else {
        counted.checked_neg()
    }
}
