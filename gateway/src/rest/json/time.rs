//! `Timestamp` and `Duration` as proto3 JSON writes them, and nothing looser: RFC 3339 with an
//! offset, and seconds with up to nine decimals and an `s` (H47).

use prost_types::{Duration, Timestamp};

/// What a timestamp may look like, for a person.
pub(crate) const TIMESTAMP_VALID: &str =
    "must be an RFC 3339 time with an offset, from year 1 to 9999, e.g. 2026-01-31T12:00:00Z";

/// What a duration may look like, for a person.
pub(crate) const DURATION_VALID: &str =
    "must be seconds with an `s`, at most nine decimals, within 10,000 years, e.g. 1.5s";

/// Most seconds of a `Duration`, either way: 10,000 years, as its definition says.
const DURATION_SECONDS_MAX: i64 = 315_576_000_000;

/// The first and the last second of a `Timestamp`: 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Nanoseconds of a second.
const NANOS: i32 = 1_000_000_000;

/// Reads RFC 3339.
pub(crate) fn read_timestamp(text: &str) -> Option<Timestamp> {
    // The length bounds the work; the shape excludes what the lenient parser behind it would guess.
    if !text.is_ascii() || !(20..=35).contains(&text.len()) {
        return None;
    }
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let bytes = text.as_bytes();
    if !bytes
        .iter()
        .zip(shape)
        .all(|(byte, form)| fits(*byte, *form))
    {
        return None;
    }
    let mut rest = &bytes[shape.len()..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if !(1..=9).contains(&digits) {
            return None;
        }
        rest = &fraction[digits..];
    }
    let offset = |shape: &[u8]| {
        rest.len() == shape.len()
            && rest
                .iter()
                .zip(shape)
                .all(|(byte, form)| fits(*byte, *form))
    };
    if rest != b"Z" && !offset(b"+dd:dd") && !offset(b"-dd:dd") {
        return None;
    }
    let timestamp: Timestamp = text.parse().ok()?;
    is_timestamp(&timestamp).then_some(timestamp)
}

/// Writes RFC 3339 in UTC; nothing when it is out of range.
pub(crate) fn write_timestamp(timestamp: &Timestamp) -> Option<String> {
    is_timestamp(timestamp).then(|| timestamp.to_string())
}

fn is_timestamp(timestamp: &Timestamp) -> bool {
    TIMESTAMP_SECONDS.contains(&timestamp.seconds) && (0..NANOS).contains(&timestamp.nanos)
}

/// Reads seconds with an `s`.
pub(crate) fn read_duration(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    let (sign, number) = match number.strip_prefix('-') {
        Some(number) => (-1, number),
        None => (1, number),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str, most: usize| {
        (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(whole, 12) || !is_number(fraction, 9) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    let within = seconds < DURATION_SECONDS_MAX || (seconds == DURATION_SECONDS_MAX && nanos == 0);
    within.then_some(Duration {
        seconds: sign * seconds,
        nanos: sign as i32 * nanos,
    })
}

/// Writes seconds with an `s`, without decimals or with three, six or nine; nothing when it is out
/// of range or its parts differ in sign.
pub(crate) fn write_duration(duration: &Duration) -> Option<String> {
    let Duration { seconds, nanos } = *duration;
    let within = (-DURATION_SECONDS_MAX..=DURATION_SECONDS_MAX).contains(&seconds);
    let one_sign = (seconds >= 0 && nanos >= 0) || (seconds <= 0 && nanos <= 0);
    if !within || !one_sign || nanos.unsigned_abs() >= NANOS.unsigned_abs() {
        return None;
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let (seconds, nanos) = (seconds.unsigned_abs(), nanos.unsigned_abs());
    Some(match nanos {
        0 => format!("{sign}{seconds}s"),
        _ if nanos % 1_000_000 == 0 => format!("{sign}{seconds}.{:03}s", nanos / 1_000_000),
        _ if nanos % 1_000 == 0 => format!("{sign}{seconds}.{:06}s", nanos / 1_000),
        _ => format!("{sign}{seconds}.{nanos:09}s"),
    })
}

fn fits(byte: u8, form: u8) -> bool {
    if form == b'd' {
        byte.is_ascii_digit()
    } else {
        byte == form
    }
}
