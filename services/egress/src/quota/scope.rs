//! One limit of a venue and what counts against it, as plain arithmetic on given instants.
//!
//! # Why the count is safe
//!
//! The venue counts in its own windows, by its own clock, at the moment a request arrives; we count
//! at the moment it leaves. `guard` bounds how far the two moments can be apart: clock error plus
//! the time on the way. A request that leaves at `t` arrives within `[t - guard, t + guard]`, so
//! the venue books it in the window of `t - guard` or in the next one. Everything that can share a
//! window with it left no earlier than `guard` before the start of that first window. That is the
//! horizon: all that left since then is counted, and nothing leaves when the sum would pass the
//! limit.
//!
//! Far from the window's turn this gives the whole limit of each calendar window, as the venue
//! does. When the wall clock steps, or the venue rolls its window, the turn is not known, and the
//! horizon is one whole window plus `guard` back, which covers every possible turn.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Priority, QuotaScope};

/// Microseconds, since the quota was made or since the Unix epoch.
pub(super) type Micros = i64;

/// One moment on both clocks: the monotonic one orders and ages, the wall clock finds window turns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) monotonic: Micros,
    pub(super) unix: Micros,
}

/// How a venue cuts time into windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alignment {
    /// The window ends at each request and reaches one length back, or its turn is not known.
    #[default]
    Rolling,
    /// Windows turn at multiples of their length since the Unix epoch, as Binance's minutes do.
    Calendar,
}

#[derive(Debug)]
struct Entry {
    ticket: u64,
    at: Micros,
    cost: u64,
    /// When the answer came: whoever is asked later has counted this entry.
    settled: Option<Micros>,
}

/// What the venue's header says beyond our own entries, for one of its windows.
#[derive(Clone, Copy, Debug)]
struct Correction {
    window: i64,
    delta: i64,
    /// When the request left whose answer carried the header; older news does not replace newer.
    sent: Micros,
}

/// The state of one scope.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) policy: QuotaScope,
    window: Micros,
    guard: Micros,
    /// Ordered by `at`. Each costs at least one, so the limit also bounds the length.
    entries: VecDeque<Entry>,
    total: u64,
    correction: Option<Correction>,
    /// Wall clock minus monotonic clock when last trusted, to notice steps.
    anchor: Option<Micros>,
    turn_unknown_until: Micros,
    pub(super) banned_until: Option<Micros>,
    pub(super) waited: u64,
    pub(super) refused: u64,
}

impl Scope {
    pub(super) fn new(policy: QuotaScope) -> Self {
        let window = micros(policy.window).max(1);
        let guard = micros(policy.guard);
        Self {
            policy,
            window,
            guard,
            entries: VecDeque::new(),
            total: 0,
            correction: None,
            anchor: None,
            turn_unknown_until: Micros::MIN,
            banned_until: None,
            waited: 0,
            refused: 0,
        }
    }

    /// Forgets what no window of the venue can still count.
    pub(super) fn advance(&mut self, now: Moment) {
        self.notice_step(now);
        let horizon = self.horizon(now);
        while self.entries.front().is_some_and(|entry| entry.at < horizon) {
            let gone = self.entries.pop_front().map_or(0, |entry| entry.cost);
            self.total -= gone;
        }
        let window = self.current_window(now);
        if self
            .correction
            .is_some_and(|correction| Some(correction.window) != window)
        {
            self.correction = None;
        }
        if self
            .banned_until
            .is_some_and(|until| until <= now.monotonic)
        {
            self.banned_until = None;
        }
    }

    /// Returns what counts now; exact after [`Scope::advance`].
    pub(super) fn used(&self) -> u64 {
        let delta = self.correction.map_or(0, |correction| correction.delta);
        self.total.saturating_add_signed(delta)
    }

    pub(super) fn capacity(&self, priority: Priority) -> u64 {
        match priority {
            Priority::Cancel => self.policy.limit,
            Priority::Normal => self.policy.limit.saturating_sub(self.policy.reserved()),
        }
    }

    pub(super) fn admits(&self, cost: u64, priority: Priority) -> bool {
        self.banned_until.is_none() && self.has_room(cost, priority)
    }

    /// What costs nothing has room though the limit is passed.
    fn has_room(&self, cost: u64, priority: Priority) -> bool {
        cost == 0 || self.used() + cost <= self.capacity(priority)
    }

    pub(super) fn add(&mut self, ticket: u64, cost: u64, now: Moment) {
        if cost == 0 {
            return;
        }
        self.push(Entry {
            ticket,
            at: now.monotonic,
            cost,
            settled: None,
        });
    }

    /// Moves an entry to the moment its bytes leave, which is what the venue's count follows.
    pub(super) fn restamp(&mut self, ticket: u64, now: Moment) {
        if let Some(mut entry) = self.take(ticket) {
            entry.at = now.monotonic;
            self.push(entry);
        }
    }

    pub(super) fn settle(&mut self, ticket: u64, now: Moment) {
        let found = self
            .entries
            .iter_mut()
            .rev()
            .find(|entry| entry.ticket == ticket);
        if let Some(entry) = found {
            entry.settled = Some(now.monotonic);
        }
    }

    pub(super) fn refund(&mut self, ticket: u64) {
        self.take(ticket);
    }

    fn push(&mut self, entry: Entry) {
        self.total += entry.cost;
        self.entries.push_back(entry);
    }

    fn take(&mut self, ticket: u64) -> Option<Entry> {
        let index = self
            .entries
            .iter()
            .rposition(|entry| entry.ticket == ticket)?;
        let entry = self.entries.remove(index)?;
        self.total -= entry.cost;
        Some(entry)
    }

    pub(super) fn ban(&mut self, until: Micros) {
        self.banned_until = Some(self.banned_until.map_or(until, |before| before.max(until)));
    }

    /// Takes the venue's own count from the answer to `ticket`, which left at `sent` (F113, F116).
    ///
    /// The header replaces what the venue has certainly counted: this request and all that were
    /// answered before it left. Requests still on their way may or may not be in the header's
    /// number and stay counted besides, so a late or lagging header never frees too much.
    pub(super) fn observe(&mut self, used: u64, ticket: u64, sent: Moment, now: Moment) {
        self.advance(now);
        let Some(current) = self.current_window(now) else {
            return self.observe_rolling(used, now);
        };
        let first = self.window_of(sent.unix - self.guard);
        let last = self.window_of(now.unix + self.guard);
        if last < current {
            return;
        }
        if first == current && last == current {
            if self
                .correction
                .is_some_and(|known| known.sent > sent.monotonic)
            {
                return;
            }
            let certain: u64 = self
                .entries
                .iter()
                .filter(|entry| {
                    entry.ticket == ticket
                        || entry
                            .settled
                            .is_some_and(|settled| settled <= sent.monotonic)
                })
                .map(|entry| entry.cost)
                .sum();
            let delta = signed(used) - signed(certain);
            self.correction = Some(Correction {
                window: current,
                delta,
                sent: sent.monotonic,
            });
        } else if used > self.used() {
            // The turn lies within the doubt: believe only what makes us more careful.
            let delta = signed(used) - signed(self.total);
            self.correction = Some(Correction {
                window: current,
                delta,
                sent: sent.monotonic,
            });
        }
    }

    /// Without a known turn a smaller number proves nothing; a larger one is added as of now.
    fn observe_rolling(&mut self, used: u64, now: Moment) {
        let excess = used.saturating_sub(self.total);
        if excess > 0 {
            let settled = Some(now.monotonic);
            self.push(Entry {
                ticket: 0,
                at: now.monotonic,
                cost: excess,
                settled,
            });
        }
    }

    /// Returns the earliest moment at which `cost` can fit if nobody else comes; now when it fits.
    pub(super) fn frees_at(&self, cost: u64, priority: Priority, now: Moment) -> Micros {
        let room = self.room_at(cost, priority, now);
        self.banned_until.map_or(room, |until| room.max(until))
    }

    fn room_at(&self, cost: u64, priority: Priority, now: Moment) -> Micros {
        if self.has_room(cost, priority) {
            return now.monotonic;
        }
        let capacity = self.capacity(priority);
        if let Some(window) = self.current_window(now) {
            let turn = self.turn_of(window, now);
            let kept_since = turn - 2 * self.guard;
            let kept: u64 = self
                .entries
                .iter()
                .filter(|entry| entry.at >= kept_since)
                .map(|entry| entry.cost)
                .sum();
            return if kept + cost <= capacity {
                turn
            } else {
                turn + self.window
            };
        }
        let mut used = self.used();
        for entry in &self.entries {
            used = used.saturating_sub(entry.cost);
            if used + cost <= capacity {
                return entry.at + self.window + self.guard + 1;
            }
        }
        now.monotonic + self.window + self.guard
    }

    /// Returns when the window's count falls next: its turn, or one whole window from now.
    pub(super) fn resets_at(&self, now: Moment) -> Micros {
        self.current_window(now)
            .map_or(now.monotonic + self.window, |window| {
                self.turn_of(window, now) - self.guard
            })
    }

    /// Returns the monotonic moment from which the window after `window` is counted.
    fn turn_of(&self, window: i64, now: Moment) -> Micros {
        let turn_unix = (window + 1) * self.window + self.guard;
        now.monotonic + (turn_unix - now.unix)
    }

    fn horizon(&self, now: Moment) -> Micros {
        match self.current_window(now) {
            Some(window) => {
                let start_unix = window * self.window;
                now.monotonic - (now.unix - start_unix) - self.guard
            }
            None => now.monotonic - self.window - self.guard,
        }
    }

    /// Returns the first window the venue can book a request in that leaves now, if turns are
    /// known.
    fn current_window(&self, now: Moment) -> Option<i64> {
        let known = self.policy.alignment == Alignment::Calendar
            && now.monotonic >= self.turn_unknown_until;
        known.then(|| self.window_of(now.unix - self.guard))
    }

    fn window_of(&self, unix: Micros) -> i64 {
        unix.div_euclid(self.window)
    }

    /// A wall clock that moved against the monotonic one by more than half the guard, at once or by
    /// and by, may have hidden a turn: for one window the count does without turns (F122).
    fn notice_step(&mut self, now: Moment) {
        let offset = now.unix - now.monotonic;
        let anchor = *self.anchor.get_or_insert(offset);
        if (offset - anchor).abs() > self.guard / 2 {
            self.anchor = Some(offset);
            self.turn_unknown_until = now.monotonic + self.window + self.guard;
            let excess = self
                .correction
                .take()
                .map_or(0, |correction| correction.delta.max(0));
            if excess > 0 {
                let (at, cost) = (now.monotonic, excess.unsigned_abs());
                self.push(Entry {
                    ticket: 0,
                    at,
                    cost,
                    settled: Some(at),
                });
            }
        }
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn micros(duration: Duration) -> Micros {
    // A ban or window of 292,000 years is as good as any longer one.
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX / 4)
}
