//! What goes in and what comes out.

use bytes::Bytes;

use crate::chain::Hash;
use crate::error::JournalError;

/// Longest key: an account, a venue and a symbol fit many times over.
pub const MAX_KEY_BYTES: usize = 512;

/// Largest payload of one record: an order event is a few hundred bytes; a thousand times that is
/// a mistake of the caller and must not stall the writer for everybody.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// Most records in one append: they share one transaction, and a transaction is held in memory.
pub const MAX_APPEND_RECORDS: usize = 4096;

/// Most bytes (keys and payloads) in one append, for the same reason.
pub const MAX_APPEND_BYTES: usize = 8 * 1024 * 1024;

/// Charged per record on top of its bytes, so that empty records are not free of the memory bound.
const RECORD_OVERHEAD_BYTES: usize = 128;

/// One event to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The owner's number for the kind of event.
    pub kind: u16,
    /// What the event is about, for [`crate::Journal::read_key`]; empty when nothing in particular.
    pub key: String,
    /// The event in the owner's encoding.
    pub payload: Bytes,
    /// When the owner recorded it, nanoseconds since the Unix epoch; it may step back.
    pub recorded_time_ns: i64,
}

impl Record {
    pub(crate) fn bytes(&self) -> usize {
        self.key.len() + self.payload.len() + RECORD_OVERHEAD_BYTES
    }
}

/// A record in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its sequence number: the first is 1, and there are no gaps.
    pub seq: u64,
    /// The format it was written in.
    pub format: u16,
    /// The record itself.
    pub record: Record,
    /// The hash over it and all before it.
    pub hash: Hash,
}

/// Says where an append went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Sequence number of the first record appended.
    pub first_seq: u64,
    /// Sequence number of the last record appended.
    pub last_seq: u64,
}

/// Returns what an append weighs against the memory bound, or which limit it breaks.
pub(crate) fn weigh(records: &[Record]) -> Result<u32, JournalError> {
    let within = |what, actual, limit| {
        if actual > limit {
            Err(JournalError::TooLarge {
                what,
                actual,
                limit,
            })
        } else {
            Ok(())
        }
    };
    if records.is_empty() {
        return Err(JournalError::Empty);
    }
    within("records", records.len(), MAX_APPEND_RECORDS)?;
    let mut bytes = 0;
    for record in records {
        within("key", record.key.len(), MAX_KEY_BYTES)?;
        within("payload", record.payload.len(), MAX_PAYLOAD_BYTES)?;
        bytes += record.bytes();
    }
    within("append", bytes, MAX_APPEND_BYTES)?;
    Ok(u32::try_from(bytes).unwrap_or(u32::MAX))
}
