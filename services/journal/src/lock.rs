//! One writer per journal: an advisory lock that the system releases when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{During, JournalError};

/// How much of a lock file is read to name the holder; it is an operator's hint, nothing more.
const HOLDER_BYTES_MAX: u64 = 64;
/// How often a held lock is tried again. Whoever starts a child process shares its open files with
/// the child for a moment, and a killed predecessor is not gone at once; both pass in milliseconds.
const TRIES_MAX: u32 = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// Holds the single writer's lock while it lives.
#[derive(Debug)]
pub(crate) struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock of the journal at `path`, or says who has it.
    ///
    /// The file stays when the lock goes: removing a lock file lets two holders lock two files.
    pub(crate) fn take(path: &Path) -> Result<Self, JournalError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(beside(path, ".lock"))
            .during("open the lock file")?;
        match try_lock(&file, || std::thread::sleep(PAUSE)) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder's name is a courtesy; the refusal stands without it.
                let _ = (&file).take(HOLDER_BYTES_MAX).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "unnamed".to_owned(),
                    text => text.escape_default().to_string(),
                };
                return Err(JournalError::Locked {
                    path: path.to_owned(),
                    holder,
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(JournalError::from_io("lock", &error));
            }
        }
        file.set_len(0).during("write the lock file")?;
        file.seek(SeekFrom::Start(0))
            .during("write the lock file")?;
        write!(file, "pid {}", std::process::id()).during("write the lock file")?;
        Ok(Self { _file: file })
    }
}

/// Takes the lock, trying again after each pause while it is held, [`TRIES_MAX`] times in all.
pub(crate) fn try_lock(file: &File, mut pause: impl FnMut()) -> Result<(), TryLockError> {
    for _ in 1..TRIES_MAX {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => pause(),
            result => return result,
        }
    }
    file.try_lock()
}

/// Returns the path of a file that lives beside the journal.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Returns the one name of a journal, so that two ways to write its path meet at one lock.
pub(crate) fn canonical(path: &Path) -> Result<PathBuf, JournalError> {
    if path.exists() {
        return path.canonicalize().during("resolve the path");
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| JournalError::Storage {
        operation: "resolve the path",
        detail: "the path names no file".to_owned(),
    })?;
    Ok(parent.canonicalize().during("resolve the path")?.join(name))
}
