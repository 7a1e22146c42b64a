//! Which client ids are ours.

use std::fmt;

use crate::error::VenueError;

/// Longest prefix: with a hyphen and ten digits it stays within the tightest venue's 32 characters.
const PREFIX_CHARS_MAX: usize = 16;

/// Prefixes that venues use for orders of their own (F55).
const RESERVED: [&str; 3] = ["autoclose", "adl", "settlement"];

/// What every client id of this instance begins with, so that any order at a venue can be told to
/// be ours or not after a total loss of state (F15, F28).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClientIdPrefix(Box<str>);

impl ClientIdPrefix {
    /// Checks the text and holds it.
    ///
    /// # Errors
    /// Refuses what is not 1 to 16 letters and digits, and what venues use themselves.
    pub fn new(text: &str) -> Result<Self, VenueError> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if text.is_empty() || text.len() > PREFIX_CHARS_MAX || !plain {
            let expected = "a client id prefix has 1 to 16 letters A-Z, a-z and digits";
            return Err(VenueError::not_built(expected));
        }
        if RESERVED
            .iter()
            .any(|reserved| text.eq_ignore_ascii_case(reserved))
        {
            return Err(VenueError::not_built(
                "this client id prefix is a venue's own",
            ));
        }
        Ok(Self(text.into()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientIdPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}
