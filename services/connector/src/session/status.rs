//! Where a session stands.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chimera_contracts::connector::v1::SessionState;
use chimera_model::UnixNanos;
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// The state of one session. Only [`Status::enter`] changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub state: SessionState,
    /// The connection of the private stream that counts; zero before the first.
    pub generation: u64,
    /// Why it is not live; empty when it is.
    pub reason: String,
    pub since: UnixNanos,
    /// When the private stream last said something, or was known to have nothing to say.
    pub vouched: Instant,
}

/// Holds the status where every task of a session sees it.
#[derive(Debug)]
pub(crate) struct StatusCell(Mutex<Status>);

impl StatusCell {
    pub(crate) fn new(now: UnixNanos) -> Self {
        Self(Mutex::new(Status {
            state: SessionState::Connecting,
            generation: 0,
            reason: "starting".to_owned(),
            since: now,
            vouched: Instant::now(),
        }))
    }

    pub(crate) fn get(&self) -> Status {
        self.lock().clone()
    }

    /// Enters a state; returns whether there is something to tell. LIVE always is, since a new
    /// connection means "reconcile". FAILED and CLOSED are final: what a late task says afterwards
    /// changes nothing (F119).
    pub(crate) fn enter(&self, state: SessionState, reason: &str, now: UnixNanos) -> bool {
        let mut status = self.lock();
        let allowed = match status.state {
            SessionState::Closed => false,
            SessionState::Failed => state == SessionState::Closed,
            _ => true,
        };
        let same = status.state == state && status.reason == reason;
        if !allowed || (same && state != SessionState::Live) {
            return false;
        }
        if status.state != state {
            status.since = now;
        }
        status.state = state;
        reason.clone_into(&mut status.reason);
        true
    }

    /// Notes that the connection `generation` counts from now on, and no older one.
    pub(crate) fn advance(&self, generation: u64) {
        let mut status = self.lock();
        status.generation = status.generation.max(generation);
        status.vouched = Instant::now();
    }

    /// Notes that the private stream is known to carry data now.
    pub(crate) fn vouch(&self) {
        self.lock().vouched = Instant::now();
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        // Every change is complete before the lock goes, whatever panics elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
