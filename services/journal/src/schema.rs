//! The tables, and how a connection is set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::chain::{FORMAT, OLDEST_FORMAT};
use crate::error::{During, JournalError};
use crate::options::{Durability, Options};

/// Marks the file as a journal (`CHJL`), for `file` and for us.
const APPLICATION_ID: i64 = 0x4348_4a4c;

/// How long a write waits for another one. Only a checkpoint or an operator's shell can hold the
/// write lock, each for moments; past this something is wrong and the journal stops.
const WRITE_WAIT: Duration = Duration::from_secs(10);

/// How long a reader waits; in write-ahead mode it waits only while the log is being recovered.
const READ_WAIT: Duration = Duration::from_secs(10);

/// Page cache of the writer in KiB: the right edge of two trees needs little.
const WRITER_CACHE_KIB: i64 = 8 * 1024;

/// The write-ahead log is cut back to this size after a checkpoint that emptied it.
const LOG_SIZE_KEPT: i64 = 64 * 1024 * 1024;

const TABLES: &str = "
    CREATE TABLE records (
        seq INTEGER PRIMARY KEY,
        format INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        key TEXT NOT NULL,
        recorded_time_ns INTEGER NOT NULL,
        payload BLOB NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    CREATE INDEX records_by_key ON records (key) WHERE key <> '';
    CREATE TABLE snapshots (
        seq INTEGER PRIMARY KEY,
        format INTEGER NOT NULL,
        record_hash BLOB NOT NULL,
        payload BLOB NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
";

/// Opens the journal for writing, making it when there is none.
pub(crate) fn open_writer(path: &Path, options: &Options) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).during("open")?;
    connection.busy_timeout(WRITE_WAIT).during("open")?;
    let is_new = is_new(&connection, path)?;
    set_up(&connection, options.durability).during("set up")?;
    if let Some(bytes) = options.max_size_bytes {
        let page_bytes: i64 = connection
            .pragma_query_value(None, "page_size", |row| row.get(0))
            .during("set up")?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page_bytes.max(1);
        connection
            .pragma_update_and_check(None, "max_page_count", pages.max(1), |_| Ok(()))
            .during("set up")?;
    }
    if is_new {
        create(&mut connection).during("create the tables")?;
        if options.durability == Durability::Full {
            sync_directory(path)?;
        }
    }
    Ok(connection)
}

/// Opens the journal for reading; writes nothing, and needs no lock.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).during("open for reading")?;
    connection
        .busy_timeout(READ_WAIT)
        .during("open for reading")?;
    if is_new(&connection, path)? {
        return Err(JournalError::NotAJournal {
            path: path.to_owned(),
        });
    }
    harden(&connection).during("open for reading")?;
    Ok(connection)
}

/// Opens a second connection for checkpoints, with the same syncs as the writer's.
pub(crate) fn open_checkpointer(
    path: &Path,
    durability: Durability,
) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).during("open for checkpoints")?;
    set_up(&connection, durability).during("open for checkpoints")?;
    Ok(connection)
}

/// Makes the directory entry of a new file durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), JournalError> {
    // Only Unix lets a directory be opened and synced; elsewhere the file's own sync must do.
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        std::fs::File::open(directory)
            .and_then(|directory| directory.sync_all())
            .during("sync the directory")?;
    }
    Ok(())
}

/// Says whether the file is empty; anything that is no journal of a known format is refused.
fn is_new(connection: &Connection, path: &Path) -> Result<bool, JournalError> {
    let not_a_journal = || JournalError::NotAJournal {
        path: path.to_owned(),
    };
    let read = |pragma: &str| -> rusqlite::Result<i64> {
        connection.pragma_query_value(None, pragma, |row| row.get(0))
    };
    let foreign = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => not_a_journal(),
        _ => JournalError::from_sqlite("read the format", &error),
    };
    let application = read("application_id").map_err(foreign)?;
    let format = read("user_version").map_err(foreign)?;
    let pages = read("page_count").map_err(foreign)?;
    if pages == 0 {
        return Ok(true);
    }
    if application != APPLICATION_ID {
        return Err(not_a_journal());
    }
    if !(i64::from(OLDEST_FORMAT)..=i64::from(FORMAT)).contains(&format) {
        return Err(JournalError::UnknownFormat {
            found: format,
            oldest: OLDEST_FORMAT,
            newest: FORMAT,
        });
    }
    Ok(false)
}

fn set_up(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        // A file system without shared memory; every other mode would sync differently.
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
            Some(format!("write-ahead logging is refused (mode {mode})")),
        ));
    }
    match durability {
        Durability::Full => {
            connection.pragma_update(None, "synchronous", "FULL")?;
            // Without effect but on systems where a plain sync stops at the drive's cache.
            connection.pragma_update(None, "fullfsync", true)?;
            connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        }
        Durability::Os => connection.pragma_update(None, "synchronous", "NORMAL")?,
    }
    // A thread of its own checkpoints, so that no append pays for it.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_SIZE_KEPT, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    harden(connection)
}

/// Trusts nothing that stands in the file.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}
