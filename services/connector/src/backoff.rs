//! How long to wait before the next attempt: doubling, jittered, bounded (F102).

use std::time::Duration;

use chimera_runtime::chance;

#[cfg(test)]
mod tests;

/// First wait. Most losses are one closed socket, and every second without the private stream is a
/// second without new orders.
const FIRST: Duration = Duration::from_millis(250);

/// Longest wait. Venues allow 300 connections in 5 minutes and address, which all sessions share:
/// one attempt in 15 s (half a minute, jittered down to half) uses a fifteenth of it.
const LONGEST: Duration = Duration::from_secs(30);

/// How long a connection must have held before the waits start over: an endpoint that accepts and
/// closes at once must not be dialled at the first wait for ever.
const STEADY_AFTER: Duration = Duration::from_secs(60);

/// The waits of one connection's attempts.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    /// Returns the next wait: between half of the full step and all of it, so that sessions lost
    /// together do not come back together.
    pub(crate) fn wait(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(LONGEST);
        full.mul_f64(chance::between(0.5..=1.0))
    }

    /// Tells how long the last connection held.
    pub(crate) fn held(&mut self, connected: Duration) {
        if connected >= STEADY_AFTER {
            self.next = FIRST;
        }
    }
}
