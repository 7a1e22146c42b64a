//! Times as the venue writes them: microseconds in frames, milliseconds in answers, and dates
//! without a zone, which are UTC.

use chimera_model::UnixNanos;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::value::RawValue;

use crate::error::VenueError;
use crate::wire_value::Whole;

const MICROS_PER_MILLI: i64 = 1_000;

/// Returns a time in microseconds, at its millisecond: the same fact is told by frames and by
/// answers, and the latter know no more.
pub(super) fn micros(micros: Whole) -> Result<UnixNanos, VenueError> {
    Ok(UnixNanos::from_millis_any_age(
        micros.0.div_euclid(MICROS_PER_MILLI),
    )?)
}

/// Like [`micros`], of our own account: a time in another unit is refused (F79).
pub(super) fn own_micros(micros: Whole) -> Result<UnixNanos, VenueError> {
    Ok(UnixNanos::from_millis(
        micros.0.div_euclid(MICROS_PER_MILLI),
    )?)
}

/// Returns a time in milliseconds.
pub(super) fn millis(millis: Whole) -> Result<UnixNanos, VenueError> {
    Ok(UnixNanos::from_millis_any_age(millis.0)?)
}

/// Returns a date's time: `2025-08-13T17:26:01.197` or `2025-09-11 15:34:00`.
pub(super) fn date(text: &str) -> Result<UnixNanos, VenueError> {
    Ok(UnixNanos::from_millis_any_age(date_millis(text)?)?)
}

/// Like [`date`], of our own account: one long before the venue is refused (F96).
pub(super) fn own_date(text: &str) -> Result<UnixNanos, VenueError> {
    Ok(UnixNanos::from_millis(date_millis(text)?)?)
}

/// Returns a time that is written either way.
pub(super) fn written(text: &RawValue) -> Result<UnixNanos, VenueError> {
    match text
        .get()
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(text) => date(text),
        None => millis(serde_json::from_str(text.get())?),
    }
}

fn date_millis(text: &str) -> Result<i64, VenueError> {
    let unreadable = || VenueError::unreadable(format!("{text:?} is no date"));
    let date: DateTime = text.parse().map_err(|_| unreadable())?;
    let zoned = date.to_zoned(TimeZone::UTC).map_err(|_| unreadable())?;
    Ok(zoned.timestamp().as_millisecond())
}
