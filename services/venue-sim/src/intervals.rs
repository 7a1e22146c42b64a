//! Bar intervals: the same for every venue.

use crate::exchange::MINUTE_MS;

const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The epoch was a Thursday; weeks of the venue begin on Monday.
const MONDAY_SHIFT_MS: u64 = 3 * DAY_MS;

/// The length of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interval {
    /// A multiple of minutes that divides the time since the epoch evenly.
    Even(u64),
    /// From Monday on.
    Week,
    /// From the first of a month on.
    Month,
}

impl Interval {
    /// Reads the name of an interval, such as `5m`; a month is `1M`.
    pub fn read(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at(text.len().saturating_sub(1).min(text.len()));
        let unit_ms = match unit {
            "m" => MINUTE_MS,
            "h" => HOUR_MS,
            "d" => DAY_MS,
            "w" if number == "1" => return Some(Self::Week),
            "M" if number == "1" => return Some(Self::Month),
            _ => return None,
        };
        let allowed: &[&str] = match unit {
            "m" => &["1", "3", "5", "15", "30"],
            "h" => &["1", "2", "4", "6", "8", "12"],
            _ => &["1", "3"],
        };
        if !allowed.contains(&number) {
            return None;
        }
        let count: u64 = number.parse().ok()?;
        Some(Self::Even(count * unit_ms))
    }

    /// Returns when the bar that holds a moment begins.
    pub fn begin(self, at_ms: u64) -> u64 {
        match self {
            Self::Even(length) => at_ms - at_ms % length,
            Self::Week => at_ms - (at_ms + MONDAY_SHIFT_MS) % (7 * DAY_MS),
            Self::Month => at_ms - at_ms % DAY_MS - (day_of_month(at_ms / DAY_MS) - 1) * DAY_MS,
        }
    }

    /// Returns the last millisecond of the bar that begins at a moment.
    pub fn end(self, open_ms: u64) -> u64 {
        match self {
            Self::Even(length) => open_ms + length - 1,
            Self::Week => open_ms + 7 * DAY_MS - 1,
            // The first of the next month lies in the 32 days after the first of this one.
            Self::Month => self.begin(open_ms + 32 * DAY_MS) - 1,
        }
    }
}

/// Returns the day of the month, from one, of a day since the epoch (civil calendar, eras of 400
/// years that begin in March).
fn day_of_month(days: u64) -> u64 {
    let shifted = days + 719_468;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    day_of_year - (153 * month + 2) / 5 + 1
}
