//! What can go wrong, and what is wrong with a record.

use std::path::PathBuf;

use crate::chain::Anchor;

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// Its content does not match its hash, or the chain before it is another one.
    #[error("does not match its hash")]
    Altered,
    /// The record that should stand here is not there.
    #[error("is missing")]
    Missing,
    /// A record stands where none can be: before the first.
    #[error("stands before the first record")]
    Misplaced,
    /// A column does not hold what it must.
    #[error("has an unreadable {column}")]
    Malformed {
        /// Which one.
        column: &'static str,
    },
    /// It was written in a format this build does not know.
    #[error("has the unknown format {found}")]
    UnknownFormat {
        /// The format it names.
        found: u16,
    },
    /// An anchor proves that there was a record here; the journal ends before it.
    #[error("was cut off")]
    TailCut,
    /// An anchor proves that another record stood here: the history was rewritten or forked.
    #[error("is not the record that was anchored")]
    Diverged,
}

/// What a journal refuses or fails with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Another process, or another handle in this one, has the journal open for writing.
    #[error("{} is open for writing elsewhere ({holder})", path.display())]
    Locked {
        /// The journal.
        path: PathBuf,
        /// Who, as far as the lock file tells.
        holder: String,
    },
    /// The file is something else.
    #[error("{} is not a journal", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// The file has a format this build does not read.
    #[error("journal format {found} is not among those this build reads ({oldest} to {newest})")]
    UnknownFormat {
        /// The format the file names.
        found: i64,
        /// The oldest that could be read.
        oldest: u16,
        /// The newest that could be read.
        newest: u16,
    },
    /// A record is bad.
    #[error("record {seq} {breach}")]
    Corrupt {
        /// Sequence number of the first bad record.
        seq: u64,
        /// What is wrong with it.
        breach: Breach,
    },
    /// The anchor beside the file names another record than the one that stands there: the file
    /// was replaced by one of another history. No crash does this. Removing the `.head` file
    /// accepts the history as it stands.
    #[error("the journal's history is not the one that was anchored at {anchored}")]
    Diverged {
        /// What the anchor says.
        anchored: Anchor,
    },
    /// The pages of the file are damaged; the records cannot be reached.
    #[error("the journal's file is damaged: {detail}")]
    Damaged {
        /// What SQLite says.
        detail: String,
    },
    /// The disk, or the journal's own bound, is full.
    #[error("no space left for the journal ({operation}): {detail}")]
    Full {
        /// What was being done.
        operation: &'static str,
        /// What the system says.
        detail: String,
    },
    /// The storage failed. Whether the records of a failed append are kept shows at the next open.
    #[error("the journal's storage failed ({operation}): {detail}")]
    Storage {
        /// What was being done.
        operation: &'static str,
        /// What the system says.
        detail: String,
    },
    /// An earlier failure stopped the journal; nothing was written.
    #[error("the journal takes no more records since: {cause}")]
    Poisoned {
        /// The earlier failure.
        cause: String,
    },
    /// The journal was closed; nothing was written.
    #[error("the journal is closed")]
    Closed,
    /// An append without records.
    #[error("an append needs at least one record")]
    Empty,
    /// An append, record or snapshot is over its limit; nothing was written.
    #[error("{what} of {actual} is over the limit of {limit}")]
    TooLarge {
        /// What is too large: `records`, `key`, `payload`, `append` or `snapshot`.
        what: &'static str,
        /// Its size.
        actual: usize,
        /// The limit.
        limit: usize,
    },
    /// A snapshot of a state that the journal does not hold.
    #[error("a snapshot at {seq} is not within the journal's 1 to {head}")]
    SnapshotOutside {
        /// Where it was to stand.
        seq: u64,
        /// The last record.
        head: u64,
    },
}

impl JournalError {
    /// Reads what SQLite says while `operation` was being done.
    pub(crate) fn from_sqlite(operation: &'static str, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { detail },
            Some(ErrorCode::DiskFull) => Self::Full { operation, detail },
            _ => Self::Storage { operation, detail },
        }
    }

    /// Reads what the system says while `operation` was being done.
    pub(crate) fn from_io(operation: &'static str, error: &std::io::Error) -> Self {
        let detail = error.to_string();
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::Full { operation, detail }
            }
            _ => Self::Storage { operation, detail },
        }
    }
}

/// Names the operation that failed, at the place where it did.
pub(crate) trait During<T> {
    fn during(self, operation: &'static str) -> Result<T, JournalError>;
}

impl<T> During<T> for rusqlite::Result<T> {
    fn during(self, operation: &'static str) -> Result<T, JournalError> {
        self.map_err(|error| JournalError::from_sqlite(operation, &error))
    }
}

impl<T> During<T> for std::io::Result<T> {
    fn during(self, operation: &'static str) -> Result<T, JournalError> {
        self.map_err(|error| JournalError::from_io(operation, &error))
    }
}
