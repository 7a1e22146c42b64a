//! The venue's clock minus ours: filtered probes, followed slowly (F117).
//!
//! A probe is a question for the venue's time with our time before and after. Its error is at most
//! half of its round trip, so of several probes the quickest is believed.

use std::time::Duration;

use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// Probes of one measurement: one lost or slow answer must not decide.
pub(crate) const PROBES: usize = 4;

/// Round trips beyond this say too little: half of it is the whole tolerance that a venue leaves
/// for clocks that run ahead (1 s).
const ROUND_TRIP_MAX: Duration = Duration::from_secs(2);

/// How much slower than time itself the applied offset follows a new measurement. Half a second a
/// second is far above any drift and far below what a single wrong measurement would need to break
/// signatures at once.
const SLEW_DIVISOR: i64 = 2;

/// A difference beyond this is not drift but a clock that was set, here or there. Every signature
/// made on the way to it would be refused, so it is taken at once.
const STEP_BEYOND: Duration = Duration::from_secs(10);

/// One answered question for the venue's time, in nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    /// Our time before the question left.
    pub asked: i64,
    /// The venue's time.
    pub venue: i64,
    /// Our time when the answer was there.
    pub answered: i64,
}

impl Probe {
    fn round_trip(&self) -> i64 {
        self.answered - self.asked
    }

    fn offset(&self) -> i64 {
        self.venue - (self.asked + self.round_trip() / 2)
    }
}

/// Follows the offset of one venue's clock.
#[derive(Debug, Default)]
pub(crate) struct ClockOffset {
    /// What is applied, as of the instant beside it.
    applied: Option<(i64, Instant)>,
    /// What was measured last.
    target: i64,
}

impl ClockOffset {
    /// Takes one measurement; returns whether any of its probes could be believed.
    pub(crate) fn measure(&mut self, probes: &[Probe], now: Instant) -> bool {
        let believed = probes
            .iter()
            .filter(|probe| (0..=nanos(ROUND_TRIP_MAX)).contains(&probe.round_trip()))
            .min_by_key(|probe| probe.round_trip());
        let Some(probe) = believed else { return false };
        let current = self.at(now);
        self.target = probe.offset();
        let applied = match current {
            Some(current) if (self.target - current).abs() <= nanos(STEP_BEYOND) => current,
            // The first one has nothing to be slewed from.
            _ => self.target,
        };
        self.applied = Some((applied, now));
        true
    }

    /// Returns the offset to apply now, in nanoseconds; nothing before the first measurement.
    pub(crate) fn at(&self, now: Instant) -> Option<i64> {
        let (from, since) = self.applied?;
        let reach = nanos(now.saturating_duration_since(since)) / SLEW_DIVISOR;
        let way = self.target - from;
        Some(from + way.clamp(-reach, reach))
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
