//! The circuit breaker of one endpoint: it opens on the venue's faults, never on the caller's.
//!
//! What counts: no connection, a broken or late answer, 5xx, 408 and redirects. What does not: 4xx
//! (the venue works, the request was wrong), 429 and 418 (that is quota), and a deadline too short
//! to judge.
//!
//! Cancels pass an open breaker. A cancel lowers risk, so it is worth a try at any time, and its
//! outcome is the best news there is: a cancel that succeeds closes the breaker, one that fails
//! changes nothing, so cancels never keep the breaker open longer.

use std::time::Duration;

use tokio::time::Instant;

use crate::quota::Priority;

#[cfg(test)]
mod tests;

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Faults in a row that open it.
    pub consecutive_faults: u32,
    /// Percent of faults in one sample window that opens it.
    pub fault_percent: u32,
    /// Calls below which a window's percentage means nothing.
    pub sample_min: u32,
    /// Length of a sample window.
    pub sample_window: Duration,
    /// How long it stays open the first time; doubles with each failed probe.
    pub open_for: Duration,
    /// The longest it stays open.
    pub open_for_max: Duration,
    /// A call that timed out sooner than this says more about its caller than about the venue.
    pub judged_timeout: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            // Five in a row are no chance: at 1 % faults that is one in ten thousand million calls.
            consecutive_faults: 5,
            // Half of at least twenty calls in half a minute: a venue that fails every other order.
            fault_percent: 50,
            sample_min: 20,
            sample_window: Duration::from_secs(30),
            // Venues restart gateways within seconds; a minute bounds how late we notice the
            // recovery.
            open_for: Duration::from_secs(5),
            open_for_max: Duration::from_secs(60),
            judged_timeout: Duration::from_secs(1),
        }
    }
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are refused, cancels pass.
    Open,
    /// One probe is on its way, or may go.
    HalfOpen,
}

/// What a call's end says about the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The venue answered as it should, if only to say that the request was wrong.
    Answered,
    /// The venue answered that there is too much: alive, but no sample.
    Limited,
    /// The venue's fault, by class.
    Fault(&'static str),
    /// Nothing was learned: never sent, given up, or too short a deadline.
    Nothing,
}

/// Leave to call. Hand it back with the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permit {
    epoch: u64,
    probe: bool,
}

/// The breaker, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerStatus {
    /// Where it stands.
    pub state: BreakerState,
    /// Faults in a row.
    pub failures: u32,
    /// How long until a probe may pass; absent when closed.
    pub retry_in: Option<Duration>,
    /// The class of the fault that opened it last; empty when it never opened.
    pub reason: &'static str,
}

#[derive(Debug)]
enum State {
    Closed,
    Open { until: Instant },
    HalfOpen { probing: bool },
}

#[derive(Debug)]
pub(crate) struct Breaker {
    policy: BreakerPolicy,
    state: State,
    /// Rises with every change of state, so that calls from before it are not taken as news after
    /// it.
    epoch: u64,
    in_a_row: u32,
    sample: Sample,
    /// Openings since it was last closed.
    openings: u32,
    reason: &'static str,
}

#[derive(Debug)]
struct Sample {
    began: Instant,
    calls: u32,
    faults: u32,
}

impl Sample {
    fn new(began: Instant) -> Self {
        Self {
            began,
            calls: 0,
            faults: 0,
        }
    }
}

impl Breaker {
    pub(crate) fn new(policy: BreakerPolicy, now: Instant) -> Self {
        Self {
            policy,
            state: State::Closed,
            epoch: 0,
            in_a_row: 0,
            sample: Sample::new(now),
            openings: 0,
            reason: "",
        }
    }

    /// Returns leave to call, or how long until a probe may pass.
    pub(crate) fn admit(&mut self, priority: Priority, now: Instant) -> Result<Permit, Duration> {
        self.refusal(priority, now).map_or(Ok(()), Err)?;
        let probe = match self.state {
            State::Closed => false,
            State::Open { until } if now < until => false,
            State::Open { .. } => {
                self.enter(State::HalfOpen { probing: true });
                true
            }
            State::HalfOpen { probing } => {
                self.state = State::HalfOpen { probing: true };
                !probing
            }
        };
        Ok(Permit {
            epoch: self.epoch,
            probe,
        })
    }

    /// Returns how long a call would have to wait for leave; nothing when it would get it now.
    pub(crate) fn refusal(&self, priority: Priority, now: Instant) -> Option<Duration> {
        if priority == Priority::Cancel {
            return None;
        }
        match self.state {
            State::Open { until } if now < until => Some(until - now),
            // The probe is out; its end comes with its own deadline, which is not known here.
            State::HalfOpen { probing: true } => Some(self.policy.judged_timeout),
            _ => None,
        }
    }

    /// Returns whether a timeout after `waited` may be held against the venue.
    pub(crate) fn judges_timeout(&self, waited: Duration) -> bool {
        waited >= self.policy.judged_timeout
    }

    /// Takes note of how a call with leave ended.
    pub(crate) fn record(&mut self, permit: Permit, verdict: Verdict, now: Instant) {
        if permit.epoch != self.epoch {
            return;
        }
        match (&self.state, verdict) {
            (State::Closed, Verdict::Answered) => {
                self.in_a_row = 0;
                self.count(false, now);
            }
            (State::Closed, Verdict::Fault(class)) => {
                self.in_a_row += 1;
                self.count(true, now);
                if self.in_a_row >= self.policy.consecutive_faults || self.mostly_faults() {
                    self.open(class, now);
                }
            }
            (State::Closed, Verdict::Limited | Verdict::Nothing) => {}
            (State::Open { .. } | State::HalfOpen { .. }, Verdict::Answered | Verdict::Limited) => {
                self.close(now);
            }
            (State::HalfOpen { .. }, Verdict::Fault(class)) if permit.probe => {
                self.in_a_row += 1;
                self.open(class, now);
            }
            (State::HalfOpen { .. }, Verdict::Nothing) if permit.probe => {
                self.state = State::HalfOpen { probing: false };
            }
            // A cancel that failed while the breaker was not closed: no news.
            (State::Open { .. } | State::HalfOpen { .. }, Verdict::Fault(_) | Verdict::Nothing) => {
            }
        }
    }

    /// Closes the breaker by hand.
    pub(crate) fn reset(&mut self, now: Instant) {
        self.close(now);
    }

    pub(crate) fn status(&self, now: Instant) -> BreakerStatus {
        let (state, retry_in) = match self.state {
            State::Closed => (BreakerState::Closed, None),
            State::Open { until } => (
                BreakerState::Open,
                Some(until.saturating_duration_since(now)),
            ),
            State::HalfOpen { probing } => {
                let wait = if probing {
                    self.policy.judged_timeout
                } else {
                    Duration::ZERO
                };
                (BreakerState::HalfOpen, Some(wait))
            }
        };
        BreakerStatus {
            state,
            failures: self.in_a_row,
            retry_in,
            reason: self.reason,
        }
    }

    fn count(&mut self, fault: bool, now: Instant) {
        if now.saturating_duration_since(self.sample.began) >= self.policy.sample_window {
            self.sample = Sample::new(now);
        }
        self.sample.calls += 1;
        self.sample.faults += u32::from(fault);
    }

    fn mostly_faults(&self) -> bool {
        let Sample { calls, faults, .. } = self.sample;
        calls >= self.policy.sample_min
            && u64::from(faults) * 100 >= u64::from(calls) * u64::from(self.policy.fault_percent)
    }

    fn open(&mut self, class: &'static str, now: Instant) {
        let doubled = self
            .policy
            .open_for
            .saturating_mul(2_u32.saturating_pow(self.openings));
        self.openings = self.openings.saturating_add(1);
        self.reason = class;
        self.enter(State::Open {
            until: now + doubled.min(self.policy.open_for_max),
        });
    }

    fn close(&mut self, now: Instant) {
        self.in_a_row = 0;
        self.openings = 0;
        self.sample = Sample::new(now);
        self.enter(State::Closed);
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}
