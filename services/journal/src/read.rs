//! Reading back, checked.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::chain::Hash;
use crate::error::{During, JournalError};
use crate::record::Entry;
use crate::row::{self, Bad, COLUMNS, Chain};

/// Most records in one batch of a reader.
const BATCH_RECORDS: i64 = 512;

/// A batch ends after this many bytes, so that large records do not add up.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Most entries that a look-up by key returns at once; the caller goes on after the last one.
pub(crate) const KEY_READ_MAX: u32 = 1000;

/// Hands out the records from a sequence number on, in batches, each record checked against the
/// chain. It ends with the last record there is when it gets there, or with the first error.
///
/// It blocks on the disk, and each batch is a read of its own, so that a slow reader never holds
/// the write-ahead log back.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    chain: Chain,
    ended: bool,
}

impl Reader {
    pub(crate) fn open(path: &Path, from_seq: u64) -> Result<Self, JournalError> {
        let connection = crate::schema::open_reader(path)?;
        let head = last_seq(&connection)?;
        if from_seq > head {
            return Ok(Self {
                connection,
                chain: Chain::genesis(),
                ended: true,
            });
        }
        let chain = Chain::before(&connection, from_seq.max(1))?;
        Ok(Self {
            connection,
            chain,
            ended: false,
        })
    }

    fn batch(&mut self) -> Result<Vec<Entry>, JournalError> {
        let Ok(from) = i64::try_from(self.chain.next) else {
            return Ok(Vec::new());
        };
        let sql = format!("SELECT {COLUMNS} FROM records WHERE seq >= ?1 ORDER BY seq LIMIT ?2");
        let mut select = self.connection.prepare_cached(&sql).during("read")?;
        let mut rows = select.query(params![from, BATCH_RECORDS]).during("read")?;
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(row) = rows.next().during("read")? {
            let entry = self.chain.accept(row)?;
            bytes += entry.record.bytes();
            batch.push(entry);
            if bytes >= BATCH_BYTES {
                break;
            }
        }
        Ok(batch)
    }
}

impl Iterator for Reader {
    type Item = Result<Vec<Entry>, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.batch();
        self.ended = !matches!(&batch, Ok(batch) if !batch.is_empty());
        match batch {
            Ok(batch) if batch.is_empty() => None,
            batch => Some(batch),
        }
    }
}

/// Returns the records of a key after a sequence number, each checked against its predecessor.
pub(crate) fn by_key(
    connection: &Connection,
    key: &str,
    after_seq: u64,
    limit: u32,
) -> Result<Vec<Entry>, JournalError> {
    let Ok(after) = i64::try_from(after_seq) else {
        return Ok(Vec::new());
    };
    let sql = format!(
        "SELECT {COLUMNS}, (SELECT hash FROM records AS before WHERE before.seq = records.seq - 1)
         FROM records WHERE key = ?1 AND key <> '' AND seq > ?2 ORDER BY seq LIMIT ?3"
    );
    let mut select = connection.prepare_cached(&sql).during("read by key")?;
    let mut rows = select
        .query(params![key, after, limit.min(KEY_READ_MAX)])
        .during("read by key")?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().during("read by key")? {
        let seq = row::seq_of(row).unwrap_or_default();
        let bad = |breach| JournalError::from(Bad { seq, breach });
        let entry = row::decode(row).map_err(bad)?;
        let previous = match seq {
            1 => Some(Hash::GENESIS),
            _ => row.get_ref(7).ok().and_then(row::hash_in),
        };
        let sound = match previous {
            Some(previous) => row::follows(&entry, previous).map_err(bad)?,
            None => false,
        };
        if !sound {
            return Err(bad(crate::error::Breach::Altered));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Returns the sequence number of the last record, 0 without any.
pub(crate) fn last_seq(connection: &Connection) -> Result<u64, JournalError> {
    let last: Option<i64> = connection
        .query_row("SELECT max(seq) FROM records", [], |row| row.get(0))
        .during("read the last record")?;
    Ok(last.and_then(|last| u64::try_from(last).ok()).unwrap_or(0))
}
