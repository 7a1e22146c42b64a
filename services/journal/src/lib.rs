//! Append-only, hash-chained event log on SQLite.
//!
//! The journal stores bytes and gives the same bytes back; what they mean is its owner's business.
//! It makes four promises:
//!
//! 1. **Acknowledged means durable.** [`Journal::append`] resolves after the commit, under the
//!    policy of [`Durability`]; the default loses nothing acknowledged on `kill -9` or power loss.
//! 2. **Order is fixed.** A record's place is its sequence number, 1, 2, 3, … without gaps; the
//!    recorded time is an attribute and never reorders anything.
//! 3. **Damage is seen.** Every record carries a SHA-256 over its content and the hash before it.
//!    Reading checks the chain; [`verify`] names the first bad record; a cut tail shows against an
//!    [`Anchor`], of which one is kept beside the file and others may be kept elsewhere.
//! 4. **Failure stops.** After a failed write, sync or checkpoint the journal is poisoned: every
//!    later append is refused with [`JournalError::Poisoned`] until it is opened again.
//!
//! Files, for a journal at `orders.journal`: `-wal` and `-shm` belong to SQLite; `.lock` holds the
//! single writer's lock; `.head` the anchor of the last commit; `.torn-N` the records that a
//! recovery cut off at sequence number N; `.head.lost-N` an anchor whose records were gone.

mod chain;
mod checkpoint;
mod error;
mod head;
mod journal;
mod lock;
mod options;
mod read;
mod record;
mod recovery;
mod row;
mod schema;
mod snapshot;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use chain::{Anchor, FORMAT, Hash, OLDEST_FORMAT};
pub use error::{Breach, JournalError};
pub use journal::{Journal, Pending};
pub use options::{Durability, OnDamage, Options};
pub use read::Reader;
pub use record::{
    Committed, Entry, MAX_APPEND_BYTES, MAX_APPEND_RECORDS, MAX_KEY_BYTES, MAX_PAYLOAD_BYTES,
    Record,
};
pub use recovery::{LostTail, Recovery, TornTail};
pub use snapshot::{MAX_SNAPSHOT_BYTES, Snapshot};
pub use verify::{Verification, verify, verify_with_anchors};
