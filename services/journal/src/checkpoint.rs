//! Moves the write-ahead log into the main file, beside the writer instead of in its way.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use crate::error::{During, JournalError};
use crate::options::Durability;
use crate::writer::State;

/// A checkpoint is asked for after about this many pages were logged (4 MiB, SQLite's own measure).
const PAGES_PER_CHECKPOINT: u64 = 1000;

/// Pages logged by a commit besides the payload's own: the edges of the two trees.
const PAGES_PER_COMMIT: u64 = 3;

const PAGE_BYTES: u64 = 4096;

/// A log longer than this (64 MiB) is emptied even if the writer must wait for readers meanwhile.
const LOG_PAGES_MAX: i64 = 16 * 1024;

/// How long such an emptying waits for readers, each of which reads one batch. Well below the
/// writer's own patience.
const EMPTY_WAIT: Duration = Duration::from_secs(2);

/// Asks for checkpoints and ends the thread that makes them.
pub(crate) struct Checkpointer {
    ask: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    pages: u64,
}

impl Checkpointer {
    pub(crate) fn start(
        path: &Path,
        durability: Durability,
        state: Arc<State>,
    ) -> Result<Self, JournalError> {
        let connection = crate::schema::open_checkpointer(path, durability)?;
        connection
            .busy_timeout(EMPTY_WAIT)
            .during("open for checkpoints")?;
        // One place: a second request while one runs says nothing new.
        let (ask, asked) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("journal-checkpoint".to_owned())
            .spawn(move || run(&connection, &asked, &state))
            .during("start the checkpoint thread")?;
        Ok(Self {
            ask: Some(ask),
            thread: Some(thread),
            pages: 0,
        })
    }

    /// Counts a commit of so many bytes, and asks for a checkpoint when it is time.
    pub(crate) fn committed(&mut self, bytes: u64) {
        self.pages += PAGES_PER_COMMIT + bytes / PAGE_BYTES;
        if self.pages >= PAGES_PER_CHECKPOINT
            && let Some(ask) = &self.ask
            && ask.try_send(()).is_ok()
        {
            self.pages = 0;
        }
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

fn run(connection: &Connection, asked: &Receiver<()>, state: &State) {
    while asked.recv().is_ok() {
        let outcome = checkpoint(connection, "PASSIVE").and_then(|log_pages| {
            state.metrics.log_pages(log_pages);
            if log_pages > LOG_PAGES_MAX {
                checkpoint(connection, "RESTART")
            } else {
                Ok(0)
            }
        });
        if let Err(error) = outcome {
            // A failed sync here can have lost pages that the log no longer holds.
            state.poison(&error);
            return;
        }
    }
}

/// Makes a checkpoint and returns how many pages the log holds; a busy one tries again next time.
pub(crate) fn checkpoint(connection: &Connection, mode: &str) -> Result<i64, JournalError> {
    connection
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            row.get(1)
        })
        .during("checkpoint")
}
