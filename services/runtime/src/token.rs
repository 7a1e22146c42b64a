//! Opaque texts that come back from callers: whoever issues one recognises it, and no one else can
//! make one.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

#[cfg(test)]
mod tests;

/// Bytes of the authentication code that a token carries: 128 bits, out of reach of guessing.
const TAG_BYTES: usize = 16;

/// Longest token read at all, in characters; the longest that is issued is a quarter of it.
const TEXT_MAX: usize = 1_024;

/// The key that authenticates tokens.
///
/// Tokens that must be valid after a restart, or at another replica, need a key that is the same
/// there.
#[derive(Clone)]
pub struct TokenKey(Zeroizing<[u8; 32]>);

impl TokenKey {
    /// Returns a key that only this process knows, for tokens that need not outlive it.
    pub fn random() -> Self {
        Self(Zeroizing::new(crate::chance::random()))
    }

    /// Returns the key made of `secret`, for tokens that outlive the process. `purpose` separates
    /// the keys made of one secret.
    pub fn derived(secret: &[u8], purpose: &str) -> Self {
        let mut hash = mac(secret);
        hash.update(purpose.as_bytes());
        Self(Zeroizing::new(hash.finalize().into_bytes().into()))
    }

    /// Returns a token that holds `payload` and is valid for `scope` only. The payload can be read
    /// by anyone; it is not secret.
    pub(crate) fn seal(&self, purpose: &str, scope: &[u8], payload: &[u8]) -> String {
        let tag: [u8; 32] = self
            .authenticate(purpose, scope, payload)
            .finalize()
            .into_bytes()
            .into();
        URL_SAFE_NO_PAD.encode([&tag[..TAG_BYTES], payload].concat())
    }

    /// Returns what a token holds; nothing when this key did not seal it for this purpose and
    /// scope.
    pub(crate) fn open(&self, purpose: &str, scope: &[u8], token: &str) -> Option<Vec<u8>> {
        if token.len() > TEXT_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (tag, payload) = bytes.split_at_checked(TAG_BYTES)?;
        // Compared in constant time.
        self.authenticate(purpose, scope, payload)
            .verify_truncated_left(tag)
            .ok()?;
        Some(payload.to_vec())
    }

    fn authenticate(&self, purpose: &str, scope: &[u8], payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = mac(&*self.0);
        // Each part behind its length, so that no two triples read alike.
        for part in [purpose.as_bytes(), scope, payload] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenKey([redacted])")
    }
}
