//! The clock of one tracking limit: the grid on which its children stand, and how long ahead of each
//! point the cancel is due. Not durable: what the parent recorded is what a restart goes by.

use std::time::Duration;

use tokio::time::Instant;

/// How long a cancel is taken to need before any was measured: a round trip to a far venue.
const CANCEL_LATENCY_FIRST: Duration = Duration::from_millis(50);

/// Added to what cancels have taken, for those that take a little longer.
const CANCEL_MARGIN: Duration = Duration::from_millis(5);

/// What this process is doing about one parent.
#[derive(Debug)]
pub(crate) struct Saga {
    /// When to give up.
    pub(crate) deadline: Instant,
    /// The grid's point at which the next child is due; nothing before the first.
    pub(crate) planned: Option<Instant>,
    pub(crate) cancel_asked: Option<Instant>,
    cancel_latency: Duration,
    /// After a cancel was given up, when it may be asked for again (F26).
    pub(crate) cancel_again: Option<Instant>,
    pub(crate) pricing: bool,
    pub(crate) wake: Option<Instant>,
}

impl Saga {
    pub(crate) const fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            planned: None,
            cancel_asked: None,
            cancel_latency: CANCEL_LATENCY_FIRST,
            cancel_again: None,
            pricing: false,
            wake: None,
        }
    }

    /// Returns how long before a grid point the cancel is asked for; never more than a quarter of
    /// the interval, so that a slow venue does not keep the order off the book.
    pub(crate) fn lead(&self, interval: Duration) -> Duration {
        (self.cancel_latency * 3 / 2 + CANCEL_MARGIN).min(interval / 4)
    }

    /// Takes in how long a cancel took to be proven.
    pub(crate) fn cancel_proven(&mut self, now: Instant) {
        if let Some(asked) = self.cancel_asked.take() {
            let took = now.saturating_duration_since(asked);
            self.cancel_latency = (self.cancel_latency * 3 + took) / 4;
        }
    }

    /// Moves on to the next point of the grid and returns how far this placement was from its own.
    pub(crate) fn placed(&mut self, now: Instant, interval: Duration) -> Duration {
        let planned = self.planned.unwrap_or(now);
        let error = now.max(planned).duration_since(now.min(planned));
        let mut next = planned + interval;
        // After a long wait the points that passed are left out; one that is close is as good as
        // past.
        while next < now + interval / 2 {
            next += interval;
        }
        self.planned = Some(next);
        error
    }

    /// Leaves out the points that the cancel is already due for, and returns when it is for the
    /// next one.
    pub(crate) fn leave_out(&mut self, now: Instant, interval: Duration) -> Instant {
        let mut next = self.planned.unwrap_or(now);
        while next <= now + self.lead(interval) {
            next += interval;
        }
        self.planned = Some(next);
        next - self.lead(interval)
    }
}
