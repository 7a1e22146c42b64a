//! Durations as people write them: `250ms`, `10s`, `5m`, `2h`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// A text that is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number and a unit of ms, s, m or h, e.g. 250ms or 10s")]
pub struct DurationError;

/// Reads a duration such as `250ms`, `10s`, `5m` or `2h`; `0` needs no unit.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or(DurationError)?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().map_err(|_| DurationError)?;
    let millis_each = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(DurationError),
    };
    number
        .checked_mul(millis_each)
        .map(Duration::from_millis)
        .ok_or(DurationError)
}

/// Reads a field of a configuration as a duration:
/// `#[serde(deserialize_with = "chimera_runtime::config::deserialize_duration")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map_err(serde::de::Error::custom)
}
