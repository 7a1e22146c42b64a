//! Moves the write-ahead log into the main file, beside the writer instead of in its way.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::error::{During, JournalError};
use crate::options::Durability;
use crate::writer::State;

/// A checkpoint is asked for after about this many pages were logged (4 MiB, SQLite's own measure).
const PAGES_PER_CHECKPOINT: u64 = 1000;

/// Pages logged by a commit besides the payload's own: the edges of the two trees.
const PAGES_PER_COMMIT: u64 = 3;

const PAGE_BYTES: u64 = 4096;

/// A log longer than this (32 MiB) is emptied by the writer itself, which then waits for it: under
/// steady load the thread beside it never finds the moment at which nothing is left to move.
const LOG_PAGES_MAX: i64 = 8 * 1024;

/// Asks for checkpoints and ends the thread that makes them.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    ask: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Pages logged since the last request, estimated.
    pages: u64,
    /// Pages in the log at the last checkpoint; it starts over only when all of them were moved.
    log_pages: Arc<AtomicI64>,
}

impl Checkpointer {
    pub(crate) fn start(
        path: &Path,
        durability: Durability,
        state: Arc<State>,
    ) -> Result<Self, JournalError> {
        let connection = crate::schema::open_checkpointer(path, durability)?;
        let log_pages = Arc::new(AtomicI64::new(0));
        let pages = Arc::clone(&log_pages);
        // One place: a second request while one runs says nothing new.
        let (ask, asked) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("journal-checkpoint".to_owned())
            .spawn(move || run(&connection, &asked, &state, &pages))
            .during("start the checkpoint thread")?;
        Ok(Self {
            ask: Some(ask),
            thread: Some(thread),
            pages: 0,
            log_pages,
        })
    }

    /// Counts a commit of so many bytes, and sees to the log when it is time.
    pub(crate) fn committed(
        &mut self,
        writer: &Connection,
        bytes: u64,
    ) -> Result<(), JournalError> {
        if !self.counted(bytes) {
            // Readers that are in the way read one batch each; if they stay, the next time will do.
            let left = checkpoint(writer, "RESTART")?;
            self.log_pages.store(0, Ordering::Relaxed);
            tracing::debug!(left, "journal log was emptied by the writer");
        }
        Ok(())
    }

    /// Counts a commit of so many bytes and asks for a checkpoint when it is time. Returns whether
    /// the log is still within its bound.
    pub(crate) fn counted(&mut self, bytes: u64) -> bool {
        self.pages += PAGES_PER_COMMIT + bytes / PAGE_BYTES;
        if self.log_pages.load(Ordering::Relaxed) > LOG_PAGES_MAX {
            return false;
        }
        if self.pages >= PAGES_PER_CHECKPOINT
            && let Some(ask) = &self.ask
            && ask.try_send(()).is_ok()
        {
            self.pages = 0;
        }
        true
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("journal checkpoint thread panicked");
        }
    }
}

fn run(connection: &Connection, asked: &Receiver<()>, state: &State, log_pages: &AtomicI64) {
    while asked.recv().is_ok() {
        match checkpoint(connection, "PASSIVE") {
            Ok(pages) => {
                log_pages.store(pages, Ordering::Relaxed);
                state.metrics.log_pages(pages);
            }
            Err(error) => {
                // A failed sync here can have lost pages that the log no longer holds.
                state.poison(&error);
                return;
            }
        }
    }
}

/// Makes a checkpoint and returns how many pages the log held.
pub(crate) fn checkpoint(connection: &Connection, mode: &str) -> Result<i64, JournalError> {
    connection
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            row.get(1)
        })
        .during("checkpoint")
}
