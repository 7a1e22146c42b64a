//! The wall clock, as a value.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Tells the time of day.
pub trait WallClock: Send + Sync + 'static {
    /// Returns the time since the Unix epoch.
    fn now(&self) -> Duration;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now(&self) -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }
}

/// A clock that goes with tokio's own, paused and simulated time included.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    epoch: Duration,
    began: Instant,
}

impl TokioClock {
    /// Starts the clock at a time since the Unix epoch.
    pub fn starting_at(epoch: Duration) -> Self {
        Self {
            epoch,
            began: Instant::now(),
        }
    }
}

impl WallClock for TokioClock {
    fn now(&self) -> Duration {
        self.epoch + self.began.elapsed()
    }
}

/// A clock shared by all venues of a simulator.
#[derive(Clone)]
pub struct SharedClock(Arc<dyn WallClock>);

impl SharedClock {
    /// Wraps a clock.
    pub fn new(clock: impl WallClock) -> Self {
        Self(Arc::new(clock))
    }

    /// Returns milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.0.now().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for SharedClock {
    fn default() -> Self {
        Self::new(SystemClock)
    }
}

impl std::fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SharedClock").field(&self.now_ms()).finish()
    }
}
