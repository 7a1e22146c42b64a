//! One connection of the private stream: its socket's reader, and how it is held, released and
//! ended.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chimera_runtime::tasks::Tasks;
use chimera_venue::SessionKey;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Frames remembered while two connections overlap. A second of a busy account is some hundred;
/// beyond this a duplicate passes, which consumers drop by its ids.
pub(super) const OVERLAP_FRAMES_MAX: usize = 4_096;

/// Notices that may wait for the session's task; each kind says the same however often it is said.
pub(super) const NOTICES_MAX: usize = 16;

/// What a reader has to tell the session's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// No data for the silence span.
    Silent,
    /// The venue is about to close this connection (F101).
    Closing,
    /// The session's key is no longer valid (F100).
    Expired,
    /// A frame could not be read: what it said is to be asked for.
    Unreadable,
}

/// Frames that an ending connection delivered while its successor stood already.
#[derive(Debug, Default)]
pub(super) struct Overlap {
    recording: AtomicBool,
    frames: Mutex<HashSet<Bytes>>,
}

impl Overlap {
    pub(super) fn note(&self, frame: &Bytes) {
        if !self.recording.load(Ordering::Acquire) {
            return;
        }
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.len() < OVERLAP_FRAMES_MAX {
            frames.insert(frame.clone());
        }
    }

    fn take(&self) -> HashSet<Bytes> {
        std::mem::take(&mut *self.frames.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection that stands.
#[derive(Debug)]
pub(super) struct Link {
    /// What keeps it open, where the venue gives a key.
    pub key: Option<SessionKey>,
    pub opened: Instant,
    pub notices: mpsc::Receiver<Notice>,
    /// Resolves to why the connection ended.
    pub reader: JoinHandle<String>,
    pub overlap: Arc<Overlap>,
    pub release: Option<oneshot::Sender<HashSet<Bytes>>>,
    pub tasks: Tasks,
}

impl Link {
    /// Remembers from now on what is delivered, for the successor to leave out.
    pub(super) fn record(&self) {
        self.overlap.recording.store(true, Ordering::Release);
    }

    /// Lets a held connection deliver what it has queued, but for what its predecessor delivered.
    pub(super) fn release(&mut self, delivered: HashSet<Bytes>) {
        if let Some(release) = self.release.take() {
            // A reader that has ended says so by its handle.
            let _ = release.send(delivered);
        }
    }

    /// Ends the connection: when this returns, its reader is gone and delivers nothing more (F103).
    /// Returns what it delivered since [`Link::record`].
    pub(super) async fn end(mut self) -> HashSet<Bytes> {
        self.tasks.cancel();
        // A reader that panicked is gone as well, and was logged by its owner.
        let _ = (&mut self.reader).await;
        self.overlap.take()
    }
}

impl Drop for Link {
    /// Whoever loses a link, even by a panic, leaves no reader behind.
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}
