//! How long to wait before an input is dialled again: doubling, jittered, bounded.

use std::time::Duration;

use chimera_runtime::chance;

/// First wait: most losses are a peer that starts a moment later.
const FIRST: Duration = Duration::from_millis(100);

/// Longest wait: peers are of the house, and nobody is served fresh positions meanwhile.
const LONGEST: Duration = Duration::from_secs(5);

/// The waits of one input's attempts.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// Returns the next wait: between half of the full step and all of it, so that servers that
    /// lost one peer together do not come back together.
    pub(crate) fn wait(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(LONGEST);
        full.mul_f64(chance::between(0.5..=1.0))
    }

    /// Starts over: the input spoke.
    pub(crate) fn heard(&mut self) {
        self.next = FIRST;
    }
}
