//! A stored row, and the walk along the chain that judges it.

use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::chain::{Anchor, Hash, record_hash};
use crate::error::{Breach, During, JournalError};
use crate::record::{Entry, MAX_KEY_BYTES, MAX_PAYLOAD_BYTES, Record};

/// The columns of a record, in the order in which rows are read here.
pub(crate) const COLUMNS: &str = "seq, format, kind, key, recorded_time_ns, payload, hash";

/// A record that does not stand the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    /// Where the chain first breaks.
    pub(crate) seq: u64,
    pub(crate) breach: Breach,
}

impl From<Bad> for JournalError {
    fn from(bad: Bad) -> Self {
        Self::Corrupt {
            seq: bad.seq,
            breach: bad.breach,
        }
    }
}

/// Walks along the chain, one row after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    /// The sequence number that must come next.
    pub(crate) next: u64,
    previous: Hash,
}

impl Chain {
    /// Starts before the first record.
    pub(crate) const fn genesis() -> Self {
        Self {
            next: 1,
            previous: Hash::GENESIS,
        }
    }

    /// Starts so that the record `next` is the first to be checked, against the stored hash of the
    /// one before it.
    pub(crate) fn before(connection: &Connection, next: u64) -> Result<Self, JournalError> {
        if next <= 1 {
            return Ok(Self::genesis());
        }
        match stored_hash(connection, next - 1)? {
            Some(Some(previous)) => Ok(Self { next, previous }),
            Some(None) => Err(Bad {
                seq: next - 1,
                breach: Breach::Malformed { column: "hash" },
            }
            .into()),
            None => Err(Bad {
                seq: next - 1,
                breach: Breach::Missing,
            }
            .into()),
        }
    }

    /// Returns the row's record when it is the right one, and steps past it.
    pub(crate) fn accept(&mut self, row: &Row<'_>) -> Result<Entry, Bad> {
        let next = self.next;
        let bad = |breach| Bad { seq: next, breach };
        match seq_of(row) {
            None => {
                return Err(Bad {
                    seq: 0,
                    breach: Breach::Misplaced,
                });
            }
            Some(seq) if seq > next => return Err(bad(Breach::Missing)),
            Some(seq) if seq < next => {
                return Err(Bad {
                    seq,
                    breach: Breach::Misplaced,
                });
            }
            Some(_) => {}
        }
        let entry = decode(row).map_err(bad)?;
        if !follows(&entry, self.previous).map_err(bad)? {
            return Err(bad(Breach::Altered));
        }
        self.next += 1;
        self.previous = entry.hash;
        Ok(entry)
    }

    /// Returns the last record accepted.
    pub(crate) fn head(&self) -> Option<Anchor> {
        (self.next > 1).then(|| Anchor {
            seq: self.next - 1,
            hash: self.previous,
        })
    }
}

/// Returns the row's sequence number; none when it is below 1.
pub(crate) fn seq_of(row: &Row<'_>) -> Option<u64> {
    let seq = row.get_ref(0).ok()?.as_i64().ok()?;
    u64::try_from(seq).ok().filter(|seq| *seq > 0)
}

/// Says whether the entry's hash is the one that its content and the hash before it demand.
pub(crate) fn follows(entry: &Entry, previous: Hash) -> Result<bool, Breach> {
    record_hash(entry.format, entry.seq, previous, &entry.record)
        .map(|hash| hash == entry.hash)
        .ok_or(Breach::UnknownFormat {
            found: entry.format,
        })
}

/// Reads a row into an entry, without judging its hash.
pub(crate) fn decode(row: &Row<'_>) -> Result<Entry, Breach> {
    let column = |index: usize, column: &'static str| {
        row.get_ref(index).map_err(|_| Breach::Malformed { column })
    };
    let seq = seq_of(row).ok_or(Breach::Malformed { column: "seq" })?;
    let format = small(column(1, "format")?, "format")?;
    let kind = small(column(2, "kind")?, "kind")?;
    let key = match column(3, "key")? {
        ValueRef::Text(text) if text.len() <= MAX_KEY_BYTES => std::str::from_utf8(text).ok(),
        _ => None,
    }
    .ok_or(Breach::Malformed { column: "key" })?;
    let ValueRef::Integer(recorded_time_ns) = column(4, "recorded_time_ns")? else {
        return Err(Breach::Malformed {
            column: "recorded_time_ns",
        });
    };
    let payload = match column(5, "payload")? {
        ValueRef::Blob(payload) if payload.len() <= MAX_PAYLOAD_BYTES => payload,
        _ => return Err(Breach::Malformed { column: "payload" }),
    };
    let hash = hash_in(column(6, "hash")?).ok_or(Breach::Malformed { column: "hash" })?;
    let payload = Bytes::copy_from_slice(payload);
    let record = Record {
        kind,
        key: key.to_owned(),
        payload,
        recorded_time_ns,
    };
    Ok(Entry {
        seq,
        format,
        record,
        hash,
    })
}

/// Returns the hash stored with a record: none without the record, `Some(None)` if unreadable.
pub(crate) fn stored_hash(
    connection: &Connection,
    seq: u64,
) -> Result<Option<Option<Hash>>, JournalError> {
    let Ok(seq) = i64::try_from(seq) else {
        return Ok(None);
    };
    connection
        .prepare_cached("SELECT hash FROM records WHERE seq = ?1")
        .and_then(|mut select| {
            select
                .query_row([seq], |row| Ok(hash_in(row.get_ref(0)?)))
                .optional()
        })
        .during("read a hash")
}

pub(crate) fn hash_in(value: ValueRef<'_>) -> Option<Hash> {
    match value {
        ValueRef::Blob(bytes) => Hash::from_slice(bytes),
        _ => None,
    }
}

fn small(value: ValueRef<'_>, column: &'static str) -> Result<u16, Breach> {
    match value {
        ValueRef::Integer(number) => u16::try_from(number).ok(),
        _ => None,
    }
    .ok_or(Breach::Malformed { column })
}
