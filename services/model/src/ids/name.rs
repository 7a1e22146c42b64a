//! Our own names: short, of a strict alphabet, held inline so that copies cost nothing.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::IdError;

/// Longest inline name: `1000000MOG-USDT-PERP` has 20 bytes; twice that leaves room.
const NAME_BYTES_MAX: usize = 40;

/// ASCII text held inline. Unused bytes are zero, so that comparing bytes compares texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Inline {
    bytes: [u8; NAME_BYTES_MAX],
    length: u8,
}

impl Inline {
    /// Holds ASCII text of at most [`NAME_BYTES_MAX`] bytes; callers have checked both.
    const fn new(text: &[u8]) -> Self {
        let mut bytes = [0; NAME_BYTES_MAX];
        let mut at = 0;
        while at < text.len() {
            bytes[at] = text[at];
            at += 1;
        }
        Self {
            bytes,
            length: text.len() as u8,
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)])
            .expect("invariant: names are checked to be ASCII when they are made")
    }
}

/// What a kind of name may look like: words of `lower` or upper letters and digits, by hyphens.
struct Shape {
    kind: &'static str,
    bytes_max: usize,
    lower: bool,
    words_min: usize,
    words_max: usize,
    expected: &'static str,
}

impl Shape {
    const fn check(&self, text: &[u8]) -> Result<Inline, IdError> {
        let (kind, expected) = (self.kind, self.expected);
        if text.is_empty() {
            return Err(IdError::Empty { kind });
        }
        if text.len() > self.bytes_max {
            return Err(IdError::TooLong {
                kind,
                length: text.len(),
                max: self.bytes_max,
            });
        }
        let (mut at, mut words, mut in_word) = (0, 1, false);
        while at < text.len() {
            let byte = text[at];
            let letter = if self.lower {
                byte.is_ascii_lowercase()
            } else {
                byte.is_ascii_uppercase()
            };
            if letter || byte.is_ascii_digit() {
                in_word = true;
            } else if byte == b'-' && in_word && words < self.words_max {
                in_word = false;
                words += 1;
            } else {
                return Err(IdError::Malformed {
                    kind,
                    position: at,
                    expected,
                });
            }
            at += 1;
        }
        if !in_word || words < self.words_min {
            return Err(IdError::Malformed {
                kind,
                position: text.len(),
                expected,
            });
        }
        Ok(Inline::new(text))
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $shape:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Inline);

        impl $name {
            const SHAPE: Shape = $shape;

            /// Checks the text and holds it.
            ///
            /// # Errors
            /// Names what is wrong with the text, and where.
            pub const fn new(text: &str) -> Result<Self, IdError> {
                match Self::SHAPE.check(text.as_bytes()) {
                    Ok(inline) => Ok(Self(inline)),
                    Err(error) => Err(error),
                }
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), formatter)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(D::Error::custom)
            }
        }
    };
}

name! {
    /// A venue by our name, e.g. `binance-usdm`.
    Venue,
    Shape {
        kind: "venue",
        bytes_max: 32,
        lower: true,
        words_min: 1,
        words_max: 4,
        expected: "lower-case words of a-z and 0-9 joined by hyphens, e.g. binance-usdm",
    }
}

name! {
    /// An account by our name, e.g. `main`.
    Account,
    Shape {
        kind: "account",
        bytes_max: 32,
        lower: true,
        words_min: 1,
        words_max: 8,
        expected: "lower-case words of a-z and 0-9 joined by hyphens, e.g. main",
    }
}

name! {
    /// A canonical symbol: `BTC-USDT` (spot) or `SOL-USDC-PERP` (perpetual).
    ///
    /// Only this alphabet reaches topics, file names and storage (F73, H45); what a venue calls
    /// the instrument is a [`VenueSymbol`](super::VenueSymbol).
    Symbol,
    Shape {
        kind: "symbol",
        bytes_max: NAME_BYTES_MAX,
        lower: false,
        words_min: 2,
        words_max: 3,
        expected: "BASE-QUOTE or BASE-QUOTE-PERP in A-Z and 0-9, e.g. SOL-USDC-PERP",
    }
}

name! {
    /// An asset, e.g. `USDT`.
    Asset,
    Shape {
        kind: "asset",
        bytes_max: 24,
        lower: false,
        words_min: 1,
        words_max: 1,
        expected: "letters A-Z and digits, e.g. USDT",
    }
}

impl Venue {
    /// Holds a name that is part of the program, as a constant.
    ///
    /// # Panics
    /// Panics while compiling when the name is not valid; it is for constants only.
    #[must_use]
    pub const fn literal(text: &'static str) -> Self {
        match Self::new(text) {
            Ok(venue) => venue,
            Err(_) => panic!("a venue's name is lower-case words joined by hyphens"),
        }
    }
}

impl Symbol {
    /// Builds the canonical symbol of a spot pair.
    ///
    /// # Errors
    /// Fails when the parts together are too long.
    pub fn spot(base: &Asset, quote: &Asset) -> Result<Self, IdError> {
        Self::new(&format!("{base}-{quote}"))
    }

    /// Builds the canonical symbol of a perpetual.
    ///
    /// # Errors
    /// Fails when the parts together are too long.
    pub fn perpetual(base: &Asset, quote: &Asset) -> Result<Self, IdError> {
        Self::new(&format!("{base}-{quote}-PERP"))
    }
}
