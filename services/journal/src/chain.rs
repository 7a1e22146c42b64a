//! The hash chain: what is hashed, in which form, and what an anchor is.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::record::Record;

/// The format in which this build writes.
///
/// A record carries the format it was written in, so a file may hold records of two formats.
pub const FORMAT: u16 = 1;

/// The oldest format this build reads: the one before [`FORMAT`], once there is one.
pub const OLDEST_FORMAT: u16 = if FORMAT > 1 { FORMAT - 1 } else { 1 };

const HASH_BYTES: usize = 32;

/// Separates this use of SHA-256 from every other one.
const RECORD_DOMAIN: &[u8] = b"chimera.journal.record\0";

/// The hash of a record and, through it, of all records before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; HASH_BYTES]);

impl Hash {
    /// What stands in the place of the hash before the first record.
    pub(crate) const GENESIS: Self = Self([0; HASH_BYTES]);

    /// Returns the hash made of these bytes.
    pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place in the chain: whoever keeps one elsewhere can prove that the journal still holds what
/// it held then. Its text form is `seq:hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Sequence number of the record.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

/// Says that a text is not `seq:hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an anchor reads SEQ:HASH, a number above zero and 64 hex digits")]
pub struct AnchorSyntax;

impl FromStr for Anchor {
    type Err = AnchorSyntax;

    fn from_str(text: &str) -> Result<Self, AnchorSyntax> {
        let (seq, hash) = text.split_once(':').ok_or(AnchorSyntax)?;
        let seq = seq
            .parse()
            .ok()
            .filter(|seq| *seq > 0)
            .ok_or(AnchorSyntax)?;
        let mut bytes = [0; HASH_BYTES];
        hex::decode_to_slice(hash, &mut bytes).map_err(|_| AnchorSyntax)?;
        Ok(Self {
            seq,
            hash: Hash(bytes),
        })
    }
}

/// Returns the hash of a record in its place, or none for a format this build does not know.
///
/// Every part of variable length is preceded by its length, so that no two records share a form.
pub(crate) fn record_hash(format: u16, seq: u64, previous: Hash, record: &Record) -> Option<Hash> {
    if !(OLDEST_FORMAT..=FORMAT).contains(&format) {
        return None;
    }
    let mut hasher = Sha256::new();
    hasher.update(RECORD_DOMAIN);
    hasher.update(format.to_be_bytes());
    hasher.update(seq.to_be_bytes());
    hasher.update(previous.0);
    hasher.update(record.kind.to_be_bytes());
    hasher.update(record.recorded_time_ns.to_be_bytes());
    hasher.update((record.key.len() as u64).to_be_bytes());
    hasher.update(record.key.as_bytes());
    hasher.update((record.payload.len() as u64).to_be_bytes());
    hasher.update(&record.payload);
    Some(Hash(hasher.finalize().into()))
}

/// Returns the hash of `parts` under a domain of its own, each part preceded by its length.
pub(crate) fn hash_of(domain: &[u8], parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(domain);
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}
