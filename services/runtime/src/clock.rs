//! The wall clock as a value: a service is handed one, so that a test or a simulation can move it.
//!
//! Durations, timeouts and intervals belong to `tokio::time`; this clock only answers "what time is
//! it", for stamps that leave the process (signatures, events, records).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// Tells the wall-clock time. Clones share one source: a fake clock moves for all of them at once.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Arc<Source>,
}

enum Source {
    System,
    /// Nanoseconds since the Unix epoch, moved by hand.
    Fake(AtomicI64),
    /// Wall time that runs along with tokio's clock, and so with virtual time.
    Simulated {
        start_nanos: i64,
        origin: Instant,
    },
    /// Whatever somebody says: a simulated host's clock, which may be wrong and may jump.
    Told(Box<dyn Fn() -> i64 + Send + Sync>),
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::System => "System",
            Self::Fake(_) => "Fake",
            Self::Simulated { .. } => "Simulated",
            Self::Told(_) => "Told",
        })
    }
}

impl Clock {
    /// Returns the clock of the operating system.
    pub fn system() -> Self {
        Self::of(Source::System)
    }

    /// Returns a clock that stands at `start` until it is moved by [`Clock::advance`] or
    /// [`Clock::set`].
    pub fn fake(start: SystemTime) -> Self {
        Self::of(Source::Fake(AtomicI64::new(nanos_of(start))))
    }

    /// Returns a clock that reads `start` now and runs with `tokio::time`, paused or simulated time
    /// included.
    pub fn simulated(start: SystemTime) -> Self {
        Self::of(Source::Simulated {
            start_nanos: nanos_of(start),
            origin: Instant::now(),
        })
    }

    /// Returns a clock that asks `nanos` for nanoseconds since the Unix epoch, each time anew: for a
    /// simulated host, whose clock may be set while it runs (F122).
    pub fn told_by(nanos: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self::of(Source::Told(Box::new(nanos)))
    }

    fn of(source: Source) -> Self {
        Self {
            source: Arc::new(source),
        }
    }

    /// Returns nanoseconds since the Unix epoch; negative before 1970, saturating in the year 2262.
    pub fn now_nanos(&self) -> i64 {
        match &*self.source {
            Source::System => nanos_of(SystemTime::now()),
            Source::Fake(nanos) => nanos.load(Ordering::SeqCst),
            Source::Simulated {
                start_nanos,
                origin,
            } => start_nanos.saturating_add(nanos_of_duration(origin.elapsed())),
            Source::Told(nanos) => nanos(),
        }
    }

    /// Returns whole milliseconds since the Unix epoch, rounded down.
    pub fn now_millis(&self) -> i64 {
        self.now_nanos().div_euclid(1_000_000)
    }

    /// Returns the time as the standard library's type.
    pub fn system_time(&self) -> SystemTime {
        let nanos = self.now_nanos();
        let distance = Duration::from_nanos(nanos.unsigned_abs());
        if nanos < 0 {
            UNIX_EPOCH - distance
        } else {
            UNIX_EPOCH + distance
        }
    }

    /// Returns a point on the monotonic clock, which no step of the wall clock moves (F122).
    pub fn monotonic(&self) -> Instant {
        Instant::now()
    }

    /// Moves a fake clock forward; has no effect on any other.
    pub fn advance(&self, by: Duration) {
        if let Source::Fake(nanos) = &*self.source {
            nanos.fetch_add(nanos_of_duration(by), Ordering::SeqCst);
        }
    }

    /// Sets a fake clock, backwards as well; has no effect on any other.
    pub fn set(&self, to: SystemTime) {
        if let Source::Fake(nanos) = &*self.source {
            nanos.store(nanos_of(to), Ordering::SeqCst);
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

fn nanos_of(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => nanos_of_duration(after),
        Err(before) => -nanos_of_duration(before.duration()),
    }
}

fn nanos_of_duration(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
