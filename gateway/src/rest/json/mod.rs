//! JSON, both ways: proto3 JSON by the contract's descriptors, with the strictness that money asks
//! for.
//!
//! Out: lowerCamel names; a field without presence is always there, also at its default, so that a
//! reader sees a quantity of zero as zero; what is absent is absent. 64-bit integers are text,
//! enums are their full names, scaled integers are exact decimal text.
//!
//! In: both spellings of a field's name; enums by full name, without their prefix (`BUY` for
//! `SIDE_BUY`) or by number; integers as numbers or text; decimal text only as text.

pub(crate) mod read;
mod scaled;
mod time;
mod tree;
pub(crate) mod write;

pub(crate) use tree::Json;

/// Writes a duration; nothing when it is out of range.
pub(crate) fn duration_text(seconds: i64, nanos: i32) -> Option<String> {
    time::write_duration(&prost_types::Duration { seconds, nanos })
}
