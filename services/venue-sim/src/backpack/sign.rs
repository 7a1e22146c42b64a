//! Keys, and signatures over what a request asks for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::params::Params;
use crate::account::Credentials;

const SEED_BYTES: usize = 32;

/// Draws a key pair: base64 of the verifying key, and of the seed.
pub(crate) fn credentials(rng: &mut ChaCha8Rng) -> Credentials {
    let mut seed = [0_u8; SEED_BYTES];
    rng.fill_bytes(&mut seed);
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
        .expect("any 32 bytes are a seed, and this is 32 bytes");
    Credentials {
        key: STANDARD.encode(pair.public_key()),
        secret: STANDARD.encode(seed),
    }
}

/// Returns the text that a request signs. An instruction with several parameter lists is a batch.
pub(super) fn signed_text(
    instruction: &str,
    parts: &[Params],
    timestamp: &str,
    window: &str,
) -> String {
    let part = |params: &Params| format!("instruction={instruction}{}&", params.signed_text());
    let parts: String = parts.iter().map(part).collect();
    format!("{parts}timestamp={timestamp}&window={window}")
}

/// Whether a signature is the key's over a text; both come in base64.
pub(super) fn verify(key: &str, text: &str, signature: &str) -> bool {
    let (Ok(key), Ok(signature)) = (STANDARD.decode(key), STANDARD.decode(signature)) else {
        return false;
    };
    let key = UnparsedPublicKey::new(&ED25519, key);
    key.verify(text.as_bytes(), &signature).is_ok()
}
