//! Names and numbers that identify things. Each is its own type and is checked when made.

mod index;
mod name;
mod opaque;
mod time;

#[cfg(test)]
mod tests;

pub use index::ClientOrderIndex;
pub use name::{Account, Asset, Symbol, Venue};
pub use opaque::{ClientOrderId, TradeId, VenueOrderId, VenueSymbol};
pub use time::UnixNanos;

/// Why a name or number does not identify anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text was empty.
    #[error("{kind} is required, the text is empty")]
    Empty {
        /// What was to be identified.
        kind: &'static str,
    },
    /// The text was longer than allowed.
    #[error("{kind} of {length} bytes, at most {max} are allowed")]
    TooLong {
        /// What was to be identified.
        kind: &'static str,
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The text holds a character that is not allowed, or holds it in the wrong place.
    #[error("{kind} has an unexpected character at byte {position}; expected {expected}")]
    Malformed {
        /// What was to be identified.
        kind: &'static str,
        /// Where, in bytes.
        position: usize,
        /// What would be valid.
        expected: &'static str,
    },
    /// The number is outside its range.
    #[error("{kind} {value} is outside {min} to {max}")]
    OutOfRange {
        /// What was to be identified.
        kind: &'static str,
        /// The number given.
        value: i128,
        /// Lowest valid number.
        min: i128,
        /// Highest valid number.
        max: i128,
    },
}
