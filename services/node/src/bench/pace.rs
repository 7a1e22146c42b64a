//! Open-loop load: each shot is due at its own instant, whatever became of those before, and is
//! measured from that instant. A system that stalls is charged for every shot that came due.

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

#[cfg(test)]
mod tests;

/// The system wakes a sleeping thread up to so much late; spinning the rest keeps that out of the
/// figures.
const SPIN: Duration = Duration::from_micros(60);
/// Above this rate spinning would take a tenth of a processor and more from what is measured; the
/// lateness then counts against the system.
const SPIN_PER_SECOND_MAX: u32 = 2_000;
/// Between the making of a schedule and its first shot: time to hand it around.
const AHEAD: Duration = Duration::from_millis(20);

/// When shots are due.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    begin: Instant,
    per_second: u32,
}

/// One shot that is due.
#[derive(Clone, Copy, Debug)]
pub struct Shot {
    /// Its number, from zero.
    pub number: u64,
    /// When it was due.
    pub due: Instant,
}

impl Schedule {
    /// Returns a schedule that begins in a moment.
    pub fn soon(per_second: u32) -> Self {
        Self {
            begin: Instant::now() + AHEAD,
            per_second,
        }
    }

    /// Returns when a shot is due.
    pub fn due(&self, number: u64) -> Instant {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.per_second.max(1));
        self.begin + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Returns the first `count` shots, each as it becomes due.
    pub fn shots(self, count: u64) -> mpsc::UnboundedReceiver<Shot> {
        // Unbounded on purpose, and bounded by `count`: a load that waits for its reader is no open
        // loop.
        let (sender, receiver) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for number in 0..count {
                let due = self.due(number);
                self.wait_until(due);
                if sender.send(Shot { number, due }).is_err() {
                    return;
                }
            }
        });
        receiver
    }

    fn wait_until(&self, due: Instant) {
        let spin = if self.per_second <= SPIN_PER_SECOND_MAX {
            SPIN
        } else {
            Duration::ZERO
        };
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            if left > spin {
                thread::sleep(left - spin);
            } else {
                std::hint::spin_loop();
            }
        }
    }
}
