//! Verifying signatures over the exact bytes sent.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Returns query and body as they were signed, and the signature, wherever it stood.
///
/// The venue signs the query followed directly by the body, both without the signature itself.
pub(crate) fn signed_text(query: &str, body: &str) -> (String, Option<String>) {
    let mut signature = None;
    let mut text = String::with_capacity(query.len() + body.len());
    for part in [query, body] {
        let mut kept: Vec<&str> = Vec::new();
        for pair in part.split('&') {
            match pair.strip_prefix("signature=") {
                Some(value) => signature = Some(value.to_owned()),
                None => kept.push(pair),
            }
        }
        text.push_str(&kept.join("&"));
    }
    (text, signature)
}

/// Whether a signature is the secret's over a text. Compares in constant time.
pub(crate) fn verify(secret: &str, text: &str, signature: &str) -> bool {
    let Ok(claimed) = hex::decode(signature) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return false;
    };
    mac.update(text.as_bytes());
    mac.verify_slice(&claimed).is_ok()
}
