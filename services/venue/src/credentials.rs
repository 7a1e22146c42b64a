//! Secrets, which are never shown.

use std::fmt;

use zeroize::Zeroizing;

/// What proves who we are to a venue. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Credentials {
    key: Zeroizing<String>,
    secret: Zeroizing<String>,
}

impl Credentials {
    /// Holds a key and its secret.
    #[must_use]
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            key: Zeroizing::new(key.into()),
            secret: Zeroizing::new(secret.into()),
        }
    }

    /// Returns the key: for headers only.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the secret: for signing only.
    pub(crate) fn secret(&self) -> &[u8] {
        self.secret.as_bytes()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(redacted)")
    }
}

/// What opens a private stream, e.g. a listen key. Whoever has it reads the account.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey(Zeroizing<String>);

impl SessionKey {
    /// Holds a session's key.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionKey(redacted)")
    }
}
