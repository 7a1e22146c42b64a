//! Numbers and times as the venue writes them: REST without trailing zeros, streams padded to
//! tick and step.

use rust_decimal::Decimal;

use crate::engine::{Price, Quantity};
use crate::exchange::Instrument;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Writes a decimal without trailing zeros.
pub(super) fn plain(value: Decimal) -> String {
    if value.is_zero() {
        return "0".to_owned();
    }
    value.normalize().to_string()
}

/// Writes a price as streams do.
pub(super) fn price(instrument: &Instrument, price: Price) -> String {
    padded(price.decimal(), instrument.price_precision)
}

/// Writes a quantity as streams do.
pub(super) fn quantity(instrument: &Instrument, quantity: Quantity) -> String {
    padded(quantity.decimal(), instrument.quantity_precision)
}

/// Writes a decimal with exactly so many decimals, cutting what is beyond.
pub(super) fn padded(value: Decimal, decimals: u32) -> String {
    let mut value = value.trunc_with_scale(decimals);
    value.rescale(decimals);
    if value.is_zero() {
        value.set_sign_positive(true);
    }
    value.to_string()
}

/// Returns microseconds, as streams bear them.
pub(super) fn micros(time_ms: u64) -> u64 {
    time_ms * 1000
}

/// Writes a moment to the millisecond, without a zone, as histories do.
pub(super) fn moment(time_ms: u64) -> String {
    format!("{}.{:03}", second(time_ms, 'T'), time_ms % 1000)
}

/// Writes a moment to the second, without a zone.
pub(super) fn second(time_ms: u64, between: char) -> String {
    let (year, month, day) = civil(time_ms / DAY_MS);
    let seconds = time_ms % DAY_MS / 1000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}")
}

/// Returns year, month and day of a day since the epoch (civil calendar, eras of 400 years that
/// begin in March).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}
