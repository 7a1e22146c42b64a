//! How the outside answers: per endpoint, per cluster, as snapshots and as a stream of changes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::breaker::{Breaker, BreakerPolicy, BreakerState, BreakerStatus, Verdict};

#[cfg(test)]
mod tests;

/// Recent answer times kept an endpoint: enough for a steady median, one cache line or two to sort.
const LATENCIES_MAX: usize = 64;

/// Faults in a row after which an endpoint counts as degraded; one alone happens to everybody.
const DEGRADED_AFTER: u32 = 2;

/// Changes kept for slow watchers. Every cluster would have to change sixteen times while one
/// reads.
const CHANGES_KEPT: usize = 256;

/// How well something answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Not called yet.
    #[default]
    Unknown,
    /// Answers.
    Up,
    /// Answers with faults, or under a limit of the venue.
    Degraded,
    /// Does not answer: breakers are open.
    Down,
}

/// A cluster as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterStatus {
    /// The name.
    pub name: String,
    /// Scheme, host and port of its address.
    pub base_url: String,
    /// How well it answers.
    pub health: Health,
    /// Why, when not up; empty otherwise.
    pub reason: String,
    /// Since when.
    pub since: SystemTime,
    /// When the longest ban in force ends.
    pub banned_until: Option<SystemTime>,
}

/// An endpoint as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointStatus {
    /// The name.
    pub name: &'static str,
    /// How well it answers.
    pub health: Health,
    /// Attempts since start.
    pub calls: u64,
    /// Attempts that ended in a fault of the other side, since start.
    pub faults: u64,
    /// The median of recent answer times; absent before the first answer.
    pub latency_p50: Option<Duration>,
    /// The class of the last fault; empty when there was none.
    pub last_fault: &'static str,
}

/// A cluster's health changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// One more than the change before; starts at one.
    pub sequence: u64,
    /// The cluster after the change.
    pub cluster: ClusterStatus,
    /// Its health before.
    pub previous: Health,
}

impl StatusChange {
    /// Returns whether the cluster is up after having been degraded or down.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.cluster.health == Health::Up
            && matches!(self.previous, Health::Degraded | Health::Down)
    }
}

/// What a watcher reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusUpdate {
    /// One change.
    Change(StatusChange),
    /// The watcher was too slow: these changes are gone, so read the snapshots afresh.
    Lagged {
        /// How many are gone.
        dropped: u64,
    },
}

/// Reads changes from the moment it was made.
#[derive(Debug)]
pub struct StatusWatch {
    receiver: broadcast::Receiver<StatusChange>,
}

impl StatusWatch {
    /// Returns the next change, or how many were missed; nothing when egress is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<StatusUpdate> {
        match self.receiver.recv().await {
            Ok(change) => Some(StatusUpdate::Change(change)),
            Err(broadcast::error::RecvError::Lagged(dropped)) => {
                Some(StatusUpdate::Lagged { dropped })
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// Numbers changes and hands them to whoever watches.
#[derive(Debug)]
pub(crate) struct Changes {
    sequence: Mutex<u64>,
    sender: broadcast::Sender<StatusChange>,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self {
            sequence: Mutex::new(0),
            sender: broadcast::Sender::new(CHANGES_KEPT),
        }
    }

    pub(crate) fn watch(&self) -> StatusWatch {
        StatusWatch {
            receiver: self.sender.subscribe(),
        }
    }

    pub(crate) fn sequence(&self) -> u64 {
        *self.sequence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, cluster: ClusterStatus, previous: Health) {
        // Numbered and sent under one lock: watchers see sequences in order.
        let mut sequence = self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        *sequence += 1;
        // Nobody watching is no error.
        let _ = self.sender.send(StatusChange {
            sequence: *sequence,
            cluster,
            previous,
        });
    }
}

/// What is known of one endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) breaker: Breaker,
    calls: u64,
    faults: u64,
    ever_answered: bool,
    latencies: Vec<Duration>,
    oldest_latency: usize,
    last_fault: &'static str,
}

impl Endpoint {
    fn new(policy: BreakerPolicy, now: Instant) -> Self {
        Self {
            breaker: Breaker::new(policy, now),
            calls: 0,
            faults: 0,
            ever_answered: false,
            latencies: Vec::new(),
            oldest_latency: 0,
            last_fault: "",
        }
    }

    /// Counts an attempt that was sent.
    pub(crate) fn note(&mut self, verdict: Verdict, latency: Duration) {
        self.calls += 1;
        match verdict {
            Verdict::Answered | Verdict::Limited => {
                self.ever_answered = true;
                if self.latencies.len() < LATENCIES_MAX {
                    self.latencies.push(latency);
                } else {
                    self.latencies[self.oldest_latency] = latency;
                    self.oldest_latency = (self.oldest_latency + 1) % LATENCIES_MAX;
                }
            }
            Verdict::Fault(class) => {
                self.faults += 1;
                self.last_fault = class;
            }
            Verdict::Nothing => {}
        }
    }

    fn health(&self, breaker: &BreakerStatus) -> Health {
        if breaker.state != BreakerState::Closed {
            return Health::Down;
        }
        let in_doubt =
            breaker.failures >= DEGRADED_AFTER || (breaker.failures > 0 && !self.ever_answered);
        match (in_doubt, self.ever_answered) {
            (true, _) => Health::Degraded,
            (false, true) => Health::Up,
            (false, false) => Health::Unknown,
        }
    }

    fn latency_p50(&self) -> Option<Duration> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

/// What is known of one cluster's endpoints, and the health last told.
#[derive(Debug)]
pub(crate) struct Board {
    policy: BreakerPolicy,
    endpoints: BTreeMap<&'static str, Endpoint>,
    health: Health,
    reason: String,
    since: SystemTime,
}

impl Board {
    pub(crate) fn new(policy: BreakerPolicy, names: &[&'static str], now: SystemTime) -> Self {
        let mut board = Self {
            policy,
            endpoints: BTreeMap::new(),
            health: Health::Unknown,
            reason: String::new(),
            since: now,
        };
        for name in names {
            board.endpoint(name);
        }
        board
    }

    /// Returns the endpoint, known from its first use on. Names are literals, so there are few.
    pub(crate) fn endpoint(&mut self, name: &'static str) -> &mut Endpoint {
        let policy = self.policy;
        self.endpoints
            .entry(name)
            .or_insert_with(|| Endpoint::new(policy, Instant::now()))
    }

    /// Returns the endpoint if it is known, by a name from outside.
    pub(crate) fn known(&mut self, name: &str) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(name)
    }

    pub(crate) fn endpoints(&self, now: Instant) -> Vec<(EndpointStatus, BreakerStatus)> {
        let statuses = self.endpoints.iter().map(|(name, endpoint)| {
            let breaker = endpoint.breaker.status(now);
            let status = EndpointStatus {
                name,
                health: endpoint.health(&breaker),
                calls: endpoint.calls,
                faults: endpoint.faults,
                latency_p50: endpoint.latency_p50(),
                last_fault: endpoint.last_fault,
            };
            (status, breaker)
        });
        statuses.collect()
    }

    /// Returns the cluster as it stands, and tells `changes` when its health is another than
    /// before.
    pub(crate) fn refresh(
        &mut self,
        name: &str,
        base_url: &str,
        banned_until: Option<SystemTime>,
        now: SystemTime,
        changes: &Changes,
    ) -> ClusterStatus {
        let (health, reason) = self.judge(banned_until.is_some());
        let previous = self.health;
        if health != previous {
            self.health = health;
            self.since = now;
        }
        self.reason = reason;
        let status = ClusterStatus {
            name: name.to_owned(),
            base_url: base_url.to_owned(),
            health,
            reason: self.reason.clone(),
            since: self.since,
            banned_until,
        };
        if health != previous {
            changes.publish(status.clone(), previous);
        }
        status
    }

    /// Down when some endpoint is down and none is up; degraded when any is not up, or under a ban.
    fn judge(&self, banned: bool) -> (Health, String) {
        let now = Instant::now();
        let mut worst: Option<(Health, String)> = None;
        let mut any_up = false;
        for (name, endpoint) in &self.endpoints {
            let breaker = endpoint.breaker.status(now);
            match endpoint.health(&breaker) {
                Health::Unknown => {}
                Health::Up => any_up = true,
                health @ (Health::Degraded | Health::Down) => {
                    let known_down = matches!(worst, Some((Health::Down, _)));
                    if worst.is_none() || (health == Health::Down && !known_down) {
                        worst = Some((health, format!("{name}: {}", endpoint.last_fault)));
                    }
                }
            }
        }
        match worst {
            Some((Health::Down, reason)) if !any_up => (Health::Down, reason),
            _ if banned => (Health::Degraded, "rate limited".to_owned()),
            Some((_, reason)) => (Health::Degraded, reason),
            None if any_up => (Health::Up, String::new()),
            None => (Health::Unknown, String::new()),
        }
    }
}
