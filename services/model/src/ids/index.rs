//! The client order index: the idempotency key of an order within its account.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::IdError;

/// Identifies an order within its account: 1 to 2^31 - 1, chosen by the caller or reserved for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct ClientOrderIndex(u32);

impl ClientOrderIndex {
    /// The lowest index.
    pub const MIN: Self = Self(1);
    /// The highest index; 31 bits, so that every venue's id rule has room for it.
    pub const MAX: Self = Self(i32::MAX as u32);

    /// Checks the range and holds the index.
    ///
    /// # Errors
    /// Refuses whatever is not in 1 to 2^31 - 1.
    pub fn new(value: i64) -> Result<Self, IdError> {
        match u32::try_from(value) {
            Ok(index) if (Self::MIN.0..=Self::MAX.0).contains(&index) => Ok(Self(index)),
            _ => Err(IdError::OutOfRange {
                kind: "client order index",
                value: i128::from(value),
                min: i128::from(Self::MIN.0),
                max: i128::from(Self::MAX.0),
            }),
        }
    }

    /// Returns the index as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Returns the index that follows, or `None` at the end of the range.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        (self < Self::MAX).then(|| Self(self.0 + 1))
    }
}

impl TryFrom<i64> for ClientOrderIndex {
    type Error = IdError;

    fn try_from(value: i64) -> Result<Self, IdError> {
        Self::new(value)
    }
}

impl From<ClientOrderIndex> for i64 {
    fn from(index: ClientOrderIndex) -> Self {
        Self::from(index.0)
    }
}

impl fmt::Display for ClientOrderIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for ClientOrderIndex {
    type Err = IdError;

    /// Reads plain digits: no sign, no leading zeros, so that one index has one text.
    fn from_str(text: &str) -> Result<Self, IdError> {
        const KIND: &str = "client order index";
        if text.is_empty() {
            return Err(IdError::Empty { kind: KIND });
        }
        let expected = "digits without sign or leading zeros";
        if let Some(position) = text.bytes().position(|byte| !byte.is_ascii_digit()) {
            return Err(IdError::Malformed {
                kind: KIND,
                position,
                expected,
            });
        }
        if text.len() > 1 && text.starts_with('0') {
            return Err(IdError::Malformed {
                kind: KIND,
                position: 0,
                expected,
            });
        }
        // Text longer than any i64 is out of range as well.
        Self::new(text.parse().unwrap_or(i64::MAX))
    }
}
