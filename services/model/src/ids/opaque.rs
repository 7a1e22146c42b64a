//! Texts that venues choose: kept as they are, bounded, and free of control characters.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::IdError;

/// Longest text of a venue; Binance's and OKX's client ids end at 36 and 32, hashes at 66.
const OPAQUE_BYTES_MAX: usize = 96;

fn check(kind: &'static str, text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { kind });
    }
    if text.len() > OPAQUE_BYTES_MAX {
        return Err(IdError::TooLong {
            kind,
            length: text.len(),
            max: OPAQUE_BYTES_MAX,
        });
    }
    // A venue's text reaches logs (H54): nothing in it may end a line or steer a terminal.
    match text
        .char_indices()
        .find(|(_, character)| character.is_control())
    {
        None => Ok(()),
        Some((position, _)) => Err(IdError::Malformed {
            kind,
            position,
            expected: "printable characters",
        }),
    }
}

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and holds it.
            ///
            /// # Errors
            /// Refuses empty, overlong and unprintable text.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check($kind, text)?;
                Ok(Self(text.into()))
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
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
                formatter.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, formatter)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        /// Lets maps keyed by this be asked with plain text.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
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

opaque! {
    /// An instrument by its venue's name, e.g. `BTCUSDT`; never part of a topic or file name (F73).
    VenueSymbol, "venue symbol"
}

opaque! {
    /// An order by its venue's id; text, because venues use numbers, hashes and both.
    VenueOrderId, "venue order id"
}

opaque! {
    /// An order by the client id it bears at the venue, ours or another's.
    ClientOrderId, "client order id"
}

opaque! {
    /// A trade by its venue's id. Distinct fills may share one (F36): the key also needs the order
    /// and the side.
    TradeId, "trade id"
}
