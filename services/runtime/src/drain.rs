//! The end of a process, told in order: a drain begins once, everyone who listens finishes what is
//! in flight, and whoever waits for them waits for a bounded time.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// Begins the drain and waits for its end. Clones command the same drain.
#[derive(Clone, Debug)]
pub struct Drain {
    begun: watch::Sender<bool>,
    holds: watch::Sender<usize>,
}

/// Hears of the drain. Cheap to clone; one for everything that has something to finish.
#[derive(Clone, Debug)]
pub struct Signal {
    begun: watch::Receiver<bool>,
    holds: watch::Sender<usize>,
}

/// Keeps a drain from being complete while it lives: something is in flight.
#[derive(Debug)]
pub struct Hold {
    holds: watch::Sender<usize>,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Everything in flight was finished.
    Finished,
    /// The deadline passed first; so many holds were still open.
    CutOff {
        /// Holds that were still open.
        remaining: usize,
    },
}

impl Drain {
    /// Returns a drain that has not begun.
    pub fn new() -> Self {
        Self {
            begun: watch::Sender::new(false),
            holds: watch::Sender::new(0),
        }
    }

    /// Returns a signal that hears of this drain.
    pub fn signal(&self) -> Signal {
        Signal {
            begun: self.begun.subscribe(),
            holds: self.holds.clone(),
        }
    }

    /// Begins the drain; a second call changes nothing.
    pub fn begin(&self) {
        self.begun
            .send_if_modified(|begun| !std::mem::replace(begun, true));
    }

    /// Returns whether the drain has begun.
    pub fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Begins the drain and waits until every [`Hold`] is gone, at most for `within`.
    ///
    /// Cancel-safe: the drain stays begun.
    pub async fn complete(&self, within: Duration) -> Completion {
        self.begin();
        let mut holds = self.holds.subscribe();
        let deadline = Instant::now() + within;
        // The sender lives in `self`, so the wait can only end by reaching zero or by the deadline.
        let finished = tokio::time::timeout_at(deadline, holds.wait_for(|open| *open == 0)).await;
        match finished {
            Ok(_) => Completion::Finished,
            Err(_) => Completion::CutOff {
                remaining: *self.holds.borrow(),
            },
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

impl Signal {
    /// Returns a signal that never tells of a drain, for whoever runs without one.
    pub fn never() -> Self {
        Drain::new().signal()
    }

    /// Waits until the drain has begun; returns at once when it has. Cancel-safe.
    ///
    /// When whoever could begin the drain is gone, waits for ever.
    pub async fn draining(&self) {
        let mut begun = self.begun.clone();
        if begun.wait_for(|begun| *begun).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns whether the drain has begun.
    pub fn is_draining(&self) -> bool {
        *self.begun.borrow()
    }

    /// Returns a guard that keeps the drain from being complete until it is dropped.
    pub fn hold(&self) -> Hold {
        self.holds.send_modify(|open| *open += 1);
        Hold {
            holds: self.holds.clone(),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holds.send_modify(|open| *open -= 1);
    }
}
