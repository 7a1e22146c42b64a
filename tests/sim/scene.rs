//! What the hosts of one seed share, and what outlives each of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chimera_runtime::Clock;
use chimera_venue_sim::{AccountKeys, SharedClock, WallClock};
use serde_json::Value;
use tokio::sync::Notify;

use super::disk::Disk;
use super::evidence::Seen;
use super::storm::Storm;

/// When every simulation begins, since the Unix epoch: any time would do.
pub const EPOCH: Duration = Duration::from_secs(1_790_000_000);

/// Where the simulation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Clients trade and things go wrong.
    Faults,
    /// Nothing goes wrong any more; clients wait.
    Healing,
    /// All is as it must be; the auditor reads.
    Audit,
    /// The auditor has read.
    Over,
}

/// A command for the venue's control interface.
pub struct Steer {
    /// The method.
    pub method: &'static str,
    /// The path below the venue.
    pub path: String,
    /// The body.
    pub body: Value,
}

/// What the hosts of one seed share.
pub struct Scene {
    /// The seed.
    pub seed: u64,
    /// What replaces the traders, where many orders are wanted.
    pub storm: Option<Storm>,
    /// The journal's disk.
    pub disk: Disk,
    /// The keys of the account at the venue, once it is open.
    pub keys: OnceLock<AccountKeys>,
    /// Tells the venue's host that there are commands.
    pub steered: Notify,
    steers: Mutex<VecDeque<Steer>>,
    seen: Mutex<Seen>,
    phase: AtomicU8,
    steps: BTreeMap<&'static str, Arc<AtomicI64>>,
}

impl Scene {
    /// Returns the scene of a seed, with these hosts.
    pub fn new(seed: u64, storm: Option<Storm>, hosts: &[&'static str]) -> Self {
        Self {
            seed,
            storm,
            disk: Disk::new(seed ^ 0xd15c),
            keys: OnceLock::new(),
            steered: Notify::new(),
            steers: Mutex::default(),
            seen: Mutex::default(),
            phase: AtomicU8::new(0),
            steps: hosts.iter().map(|host| (*host, Arc::default())).collect(),
        }
    }

    /// Returns the time since the start, on any host.
    pub fn now(&self) -> Duration {
        turmoil::sim_elapsed().unwrap_or_default()
    }

    /// Reads or notes what is seen.
    pub fn seen<T>(&self, work: impl FnOnce(&mut Seen) -> T) -> T {
        work(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes something for the trace.
    pub fn note(&self, what: impl FnOnce() -> String) {
        let at = self.now().as_micros();
        self.seen(|seen| seen.notes.push(format!("{at} {}", what())));
    }

    /// Notes something from outside of every host.
    pub fn note_at(&self, at: Duration, what: &str) {
        self.seen(|seen| seen.notes.push(format!("{} {what}", at.as_micros())));
    }

    /// Returns the wall clock of a host.
    pub fn clock(&self, host: &str) -> Clock {
        let step = self.steps.get(host).cloned().unwrap_or_default();
        Clock::told_by(move || wall_nanos() + step.load(Ordering::Relaxed))
    }

    /// Sets a host's clock wrong by so much.
    pub fn step_clock(&self, host: &str, by_ms: i64) {
        if let Some(step) = self.steps.get(host) {
            step.store(by_ms * 1_000_000, Ordering::Relaxed);
        }
    }

    /// Returns the venue's clock, which is right.
    pub fn venue_clock() -> SharedClock {
        SharedClock::new(Right)
    }

    /// Returns where the simulation stands.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Faults,
            1 => Phase::Healing,
            2 => Phase::Audit,
            _ => Phase::Over,
        }
    }

    /// Goes on to a phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Asks the venue's control interface for something, at its next moment.
    pub fn steer(&self, method: &'static str, path: impl Into<String>, body: Value) {
        let path = path.into();
        let steer = Steer { method, path, body };
        let mut steers = self.steers.lock().unwrap_or_else(PoisonError::into_inner);
        steers.push_back(steer);
        self.steered.notify_one();
    }

    /// Returns the next command for the venue.
    pub fn next_steer(&self) -> Option<Steer> {
        let mut steers = self.steers.lock().unwrap_or_else(PoisonError::into_inner);
        steers.pop_front()
    }
}

fn wall_nanos() -> i64 {
    let elapsed = turmoil::sim_elapsed().unwrap_or_default();
    i64::try_from((EPOCH + elapsed).as_nanos()).unwrap_or(i64::MAX)
}

struct Right;

impl WallClock for Right {
    fn now(&self) -> Duration {
        EPOCH + turmoil::sim_elapsed().unwrap_or_default()
    }
}
