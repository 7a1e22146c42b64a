//! Points in time, in one unit.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::IdError;

/// 2009-01-03: no venue's clock is older than the first block.
const MILLIS_MIN: u64 = 1_230_940_800_000;

/// 2200-01-01: microseconds taken for milliseconds lie far beyond (F79).
const MILLIS_MAX: u64 = 7_258_118_400_000;

/// Nanoseconds since 1970-01-01 UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct UnixNanos(u64);

impl UnixNanos {
    /// The epoch itself.
    pub const EPOCH: Self = Self(0);

    /// Holds a count of nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Holds a count of milliseconds.
    ///
    /// # Errors
    /// Refuses what is before 2009 or after 2199: a factor of 1000 in the unit lands there (F79).
    pub fn from_millis(millis: i64) -> Result<Self, IdError> {
        match u64::try_from(millis) {
            Ok(value) if (MILLIS_MIN..MILLIS_MAX).contains(&value) => Ok(Self(value * 1_000_000)),
            _ => Err(IdError::OutOfRange {
                kind: "time in milliseconds",
                value: i128::from(millis),
                min: i128::from(MILLIS_MIN),
                max: i128::from(MILLIS_MAX),
            }),
        }
    }

    /// Holds a count of milliseconds of public data, however long ago: lag is judged downstream
    /// (F89), and only the unit is judged here.
    ///
    /// # Errors
    /// Refuses what is negative or after 2199.
    pub fn from_millis_any_age(millis: i64) -> Result<Self, IdError> {
        match u64::try_from(millis) {
            Ok(value) if value < MILLIS_MAX => Ok(Self(value * 1_000_000)),
            _ => Err(IdError::OutOfRange {
                kind: "time in milliseconds",
                value: i128::from(millis),
                min: 0,
                max: i128::from(MILLIS_MAX),
            }),
        }
    }

    /// Returns nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns whole milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Returns the time that passed since `earlier`, zero when that is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the time after `duration`; the last that can be held when that is beyond.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl fmt::Display for UnixNanos {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}
