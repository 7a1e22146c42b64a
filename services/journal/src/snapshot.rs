//! Snapshots: what a reader may start from instead of the first record.

use bytes::Bytes;
use rusqlite::{Connection, Row, params};

use crate::chain::{FORMAT, Hash, OLDEST_FORMAT, hash_of};
use crate::error::{During, JournalError};
use crate::row::{hash_in, stored_hash};

/// Largest snapshot: appends wait while one is written.
pub const MAX_SNAPSHOT_BYTES: usize = 64 * 1024 * 1024;

/// How many are kept: the last one, and one to fall back to when that is damaged.
const KEPT: i64 = 2;

const DOMAIN: &[u8] = b"chimera.journal.snapshot\0";

/// The owner's state after the record `seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last record whose effect is in it; reading goes on with the next.
    pub seq: u64,
    /// The state in the owner's encoding.
    pub payload: Bytes,
}

fn hash(format: u16, seq: u64, record: Hash, payload: &[u8]) -> Hash {
    let format = format.to_be_bytes();
    hash_of(
        DOMAIN,
        &[&format, &seq.to_be_bytes(), record.as_bytes(), payload],
    )
}

/// Keeps a snapshot and forgets the oldest.
pub(crate) fn write(connection: &Connection, snapshot: &Snapshot) -> Result<(), JournalError> {
    let head = crate::read::last_seq(connection)?;
    let outside = JournalError::SnapshotOutside {
        seq: snapshot.seq,
        head,
    };
    let record = match stored_hash(connection, snapshot.seq)? {
        Some(Some(record)) => record,
        _ => return Err(outside),
    };
    let seq = i64::try_from(snapshot.seq).map_err(|_| outside)?;
    let hash = hash(FORMAT, snapshot.seq, record, &snapshot.payload);
    let keep = || -> rusqlite::Result<()> {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute(
            "INSERT OR REPLACE INTO snapshots (seq, format, record_hash, payload, hash)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                seq,
                FORMAT,
                record.as_bytes(),
                &snapshot.payload[..],
                hash.as_bytes()
            ],
        )?;
        transaction.execute(
            "DELETE FROM snapshots WHERE seq NOT IN
             (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?1)",
            [KEPT],
        )?;
        transaction.commit()
    };
    keep().during("write a snapshot")
}

/// Returns the last sound snapshot, passing over bad ones.
pub(crate) fn last(connection: &Connection) -> Result<Option<Snapshot>, JournalError> {
    let mut found = None;
    each(connection, |seq, snapshot| {
        match snapshot {
            Some(snapshot) => found = Some(snapshot),
            None => tracing::error!(seq, "journal snapshot is bad, an older one is used"),
        }
        found.is_none()
    })?;
    Ok(found)
}

/// Returns the places of bad snapshots.
pub(crate) fn bad(connection: &Connection) -> Result<Vec<u64>, JournalError> {
    let mut bad = Vec::new();
    each(connection, |seq, snapshot| {
        if snapshot.is_none() {
            bad.push(seq);
        }
        true
    })?;
    Ok(bad)
}

/// Visits the snapshots, the last first, until `visit` has enough.
fn each(
    connection: &Connection,
    mut visit: impl FnMut(u64, Option<Snapshot>) -> bool,
) -> Result<(), JournalError> {
    let mut select = connection
        .prepare("SELECT seq, format, record_hash, payload, hash FROM snapshots ORDER BY seq DESC")
        .during("read snapshots")?;
    let mut rows = select.query([]).during("read snapshots")?;
    while let Some(row) = rows.next().during("read snapshots")? {
        let seq = crate::row::seq_of(row).unwrap_or_default();
        let record = stored_hash(connection, seq)?.flatten();
        if !visit(seq, decode(row, seq, record)) {
            break;
        }
    }
    Ok(())
}

/// Reads a row; none when it is not what was written, or belongs to another record.
fn decode(row: &Row<'_>, seq: u64, record_now: Option<Hash>) -> Option<Snapshot> {
    let format = u16::try_from(row.get_ref(1).ok()?.as_i64().ok()?).ok()?;
    let record = hash_in(row.get_ref(2).ok()?)?;
    let payload = row.get_ref(3).ok()?.as_blob().ok()?;
    let stored = hash_in(row.get_ref(4).ok()?)?;
    let sound = (OLDEST_FORMAT..=FORMAT).contains(&format)
        && record_now == Some(record)
        && hash(format, seq, record, payload) == stored;
    sound.then(|| Snapshot {
        seq,
        payload: Bytes::copy_from_slice(payload),
    })
}
