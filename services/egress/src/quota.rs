//! Budgets by the venue's true scopes: one count for everybody who shares a limit (F113), several
//! windows charged at once or not at all, a reserve that only cancels may touch (F114).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chimera_runtime::clock::Clock;
use tokio::sync::oneshot;
use tokio::time::Instant;

mod charge;
mod scope;
#[cfg(test)]
mod tests;

pub use charge::{Charge, Stamp};
pub use scope::Alignment;
use scope::{Micros, Moment, Scope, micros};

/// Share of a limit kept for cancels, in percent. Binance's 2,400 a minute leave 240: a cancel-all
/// of every symbol and two hundred single cancels, while normal work loses little.
pub const RESERVED_PERCENT_DEFAULT: u8 = 10;

/// Bound on clock error plus time on the way. Venues refuse requests stamped 1 s ahead, so clocks
/// are kept far closer than that; half a second leaves room for a lost packet's first
/// retransmission.
pub const GUARD_DEFAULT: Duration = Duration::from_millis(500);

/// Calls that may wait in one class. More would wait past any useful deadline, and are refused at
/// once.
const WAITING_MAX: usize = 256;

/// Scopes of one cluster, so that a set of them fits one word. The busiest venue known has nine.
pub const SCOPES_MAX: usize = 64;

/// Who goes first when room is scarce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Everything that is not a cancel.
    #[default]
    Normal,
    /// Cancels and what reduces exposure: before everything else, and from the reserve.
    Cancel,
}

/// One limit as the venue states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaScope {
    /// The name, unique in its cluster, e.g. `ip-weight-1m` or `orders-10s:main`.
    pub name: String,
    /// The window's length.
    pub window: Duration,
    /// What one window allows.
    pub limit: u64,
    /// How the venue cuts its windows.
    pub alignment: Alignment,
    /// Percent of the limit kept for [`Priority::Cancel`].
    pub reserved_percent: u8,
    /// How far our moment of sending and the venue's moment of counting can be apart.
    pub guard: Duration,
}

impl QuotaScope {
    /// Returns a rolling scope with the default reserve and guard: safe whatever the venue's turn.
    #[must_use]
    pub fn rolling(name: impl Into<String>, window: Duration, limit: u64) -> Self {
        Self {
            name: name.into(),
            window,
            limit,
            alignment: Alignment::Rolling,
            reserved_percent: RESERVED_PERCENT_DEFAULT,
            guard: GUARD_DEFAULT,
        }
    }

    /// Returns a scope whose windows turn at multiples of their length since the Unix epoch.
    #[must_use]
    pub fn calendar(name: impl Into<String>, window: Duration, limit: u64) -> Self {
        Self {
            alignment: Alignment::Calendar,
            ..Self::rolling(name, window, limit)
        }
    }

    /// Returns the part of the limit that only cancels may use, rounded up.
    #[must_use]
    pub fn reserved(&self) -> u64 {
        (self.limit * u64::from(self.reserved_percent.min(100))).div_ceil(100)
    }
}

/// Why a charge was not granted. Nothing was sent and nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// The caller named a scope that the policy does not hold; never taken for "no limit" (F113).
    #[error("quota scope {scope} is not configured")]
    UnknownScope {
        /// The name asked for.
        scope: String,
    },
    /// The cost does not fit even an empty window.
    #[error("a cost of {cost} can never fit quota {scope}")]
    TooCostly {
        /// The scope.
        scope: String,
        /// The cost.
        cost: u64,
    },
    /// No room within the time the caller would wait.
    #[error("quota {scope} is used up, frees in {} ms", frees_in.as_millis())]
    Exhausted {
        /// The scope that lacks room longest.
        scope: String,
        /// The earliest time at which it can have room.
        frees_in: Duration,
    },
    /// The venue asked for silence.
    #[error("quota {scope} is banned for another {} ms", frees_in.as_millis())]
    Banned {
        /// The scope, or the cluster when all of it is banned.
        scope: String,
        /// When the ban ends.
        frees_in: Duration,
    },
    /// Too many calls wait already.
    #[error("{waiting} calls wait for quota already")]
    QueueFull {
        /// How many wait.
        waiting: usize,
    },
}

/// A scope as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaStatus {
    /// The limit and its window.
    pub scope: QuotaScope,
    /// What counts now.
    pub used: u64,
    /// When the window ends, from now.
    pub resets_in: Duration,
    /// How long nothing may be sent; absent without a ban.
    pub banned_for: Option<Duration>,
    /// Charges that had to wait, since start.
    pub waited: u64,
    /// Charges refused, since start.
    pub refused: u64,
}

/// Owns the counts of one cluster's scopes. Clones share them.
#[derive(Clone, Debug)]
pub struct Quota {
    clock: Clock,
    origin: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    scopes: Vec<Scope>,
    /// A ban of everything, whatever it is charged to.
    banned_until: Option<Micros>,
    cancels: VecDeque<Waiting>,
    normals: VecDeque<Waiting>,
    last_ticket: u64,
}

/// A charge in line.
#[derive(Debug)]
struct Waiting {
    id: u64,
    charges: Vec<(usize, u64)>,
    granted: oneshot::Sender<u64>,
}

impl Quota {
    /// Returns empty counts for `scopes`, of which there are at most [`SCOPES_MAX`].
    #[must_use]
    pub fn new(clock: Clock, scopes: Vec<QuotaScope>) -> Self {
        let state = State {
            scopes: scopes
                .into_iter()
                .take(SCOPES_MAX)
                .map(Scope::new)
                .collect(),
            banned_until: None,
            cancels: VecDeque::new(),
            normals: VecDeque::new(),
            last_ticket: 0,
        };
        Self {
            clock,
            origin: Instant::now(),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Forbids everything charged to `scope` for `span`; a longer ban in force stays (F112).
    ///
    /// # Errors
    ///
    /// When the scope is not configured.
    pub fn ban(&self, scope: &str, span: Duration) -> Result<(), QuotaError> {
        let (now, mut state) = self.locked();
        let index = state.index_of(scope)?;
        state.scopes[index].ban(now.monotonic.saturating_add(micros(span)));
        Ok(())
    }

    /// Forbids everything for `span`, whatever it is charged to: the ban of an address (F112).
    pub fn ban_all(&self, span: Duration) {
        let (now, mut state) = self.locked();
        let until = now.monotonic.saturating_add(micros(span));
        state.banned_until = Some(state.banned_until.map_or(until, |before| before.max(until)));
    }

    /// Returns how long the longest ban in force still lasts, of one scope or of everything.
    #[must_use]
    pub fn longest_ban(&self) -> Option<Duration> {
        let (now, state) = self.locked();
        let scopes = state.scopes.iter().filter_map(|scope| scope.banned_until);
        scopes
            .chain(state.banned_until)
            .max()
            .map(|until| span(until - now.monotonic))
    }

    /// Replaces a scope's limit, as the venue states it (`exchangeInfo.rateLimits`).
    ///
    /// # Errors
    ///
    /// When the scope is not configured.
    pub fn set_limit(&self, scope: &str, limit: u64) -> Result<(), QuotaError> {
        let (now, mut state) = self.locked();
        let index = state.index_of(scope)?;
        state.scopes[index].policy.limit = limit;
        state.grant(now);
        Ok(())
    }

    /// Takes the venue's own count out of the answer that `stamp` belongs to.
    ///
    /// # Errors
    ///
    /// When the scope is not configured.
    pub fn observe(&self, stamp: &Stamp, scope: &str, used: u64) -> Result<(), QuotaError> {
        let (now, mut state) = self.locked();
        let index = state.index_of(scope)?;
        state.scopes[index].observe(used, stamp.ticket, stamp.sent, now);
        state.grant(now);
        Ok(())
    }

    /// Returns every scope as it stands, in the order of the policy.
    #[must_use]
    pub fn status(&self) -> Vec<QuotaStatus> {
        let (now, state) = self.locked();
        let all = state.banned_until;
        state
            .scopes
            .iter()
            .map(|scope| status_of(scope, all, now))
            .collect()
    }

    /// Returns how many charges wait in line.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let (_, state) = self.locked();
        state.cancels.len() + state.normals.len()
    }

    fn now(&self) -> Moment {
        Moment {
            monotonic: micros(self.origin.elapsed()),
            unix: self.clock.now_nanos().div_euclid(1_000),
        }
    }

    /// Returns the state brought up to now. Never held across an await.
    fn locked(&self) -> (Moment, MutexGuard<'_, State>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: entries must be in the order of their moments.
        let now = self.now();
        state.advance(now);
        (now, state)
    }
}

impl State {
    fn advance(&mut self, now: Moment) {
        for scope in &mut self.scopes {
            scope.advance(now);
        }
        if self
            .banned_until
            .is_some_and(|until| until <= now.monotonic)
        {
            self.banned_until = None;
        }
    }

    fn index_of(&self, name: &str) -> Result<usize, QuotaError> {
        let found = self
            .scopes
            .iter()
            .position(|scope| scope.policy.name == name);
        found.ok_or_else(|| QuotaError::UnknownScope {
            scope: name.to_owned(),
        })
    }

    fn ban_left(&self, now: Moment) -> Option<Duration> {
        self.banned_until.map(|until| span(until - now.monotonic))
    }

    /// Grants whatever fits, cancels first, each class in order of arrival.
    ///
    /// A charge in line holds up later ones only on the scopes it lacks itself: queries go on while
    /// an order waits for its order count. Every change that can make room ends here.
    fn grant(&mut self, now: Moment) {
        if self.banned_until.is_some() {
            return;
        }
        let mut claimed = 0_u64;
        for priority in [Priority::Cancel, Priority::Normal] {
            let mut queue = std::mem::take(self.queue(priority));
            let mut left = VecDeque::with_capacity(queue.len());
            for waiting in queue.drain(..) {
                let lacking = self.lacking(&waiting.charges, priority);
                let held_up = waiting
                    .charges
                    .iter()
                    .any(|(index, cost)| *cost > 0 && claimed & (1 << index) != 0);
                if lacking != 0 || held_up {
                    claimed |= lacking;
                    left.push_back(waiting);
                    continue;
                }
                let ticket = self.take(&waiting.charges, now);
                if waiting.granted.send(ticket).is_err() {
                    self.refund(&waiting.charges, ticket);
                }
            }
            *self.queue(priority) = left;
        }
    }

    fn queue(&mut self, priority: Priority) -> &mut VecDeque<Waiting> {
        match priority {
            Priority::Cancel => &mut self.cancels,
            Priority::Normal => &mut self.normals,
        }
    }

    /// Returns the scopes without room, one bit each.
    fn lacking(&self, charges: &[(usize, u64)], priority: Priority) -> u64 {
        charges
            .iter()
            .filter(|(index, cost)| !self.scopes[*index].admits(*cost, priority))
            .fold(0, |bits, (index, _)| bits | (1 << index))
    }

    /// Charges every scope at once.
    fn take(&mut self, charges: &[(usize, u64)], now: Moment) -> u64 {
        self.last_ticket += 1;
        for (index, cost) in charges {
            self.scopes[*index].add(self.last_ticket, *cost, now);
        }
        self.last_ticket
    }

    fn refund(&mut self, charges: &[(usize, u64)], ticket: u64) {
        for (index, _) in charges {
            self.scopes[*index].refund(ticket);
        }
    }
}

fn status_of(scope: &Scope, all_banned_until: Option<Micros>, now: Moment) -> QuotaStatus {
    let banned_until = scope.banned_until.max(all_banned_until);
    QuotaStatus {
        scope: scope.policy.clone(),
        used: scope.used(),
        resets_in: span(scope.resets_at(now) - now.monotonic),
        banned_for: banned_until.map(|until| span(until - now.monotonic)),
        waited: scope.waited,
        refused: scope.refused,
    }
}

fn span(micros: Micros) -> Duration {
    Duration::from_micros(micros.max(0).unsigned_abs())
}
