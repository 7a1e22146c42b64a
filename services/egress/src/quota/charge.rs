//! Waiting for room, and what is held once there is some.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::scope::Moment;
use super::{Priority, Quota, QuotaError, State, WAITING_MAX, Waiting, span};

/// Room taken in every scope asked for. Dropped before [`Charge::left`] it is given back.
#[derive(Debug)]
pub struct Charge {
    quota: Quota,
    charges: Vec<(usize, u64)>,
    ticket: u64,
    left: Option<Moment>,
}

/// When a charged request left; ties the venue's headers to it in [`Quota::observe`].
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub(super) ticket: u64,
    pub(super) sent: Moment,
}

impl Charge {
    /// Notes that the bytes leave now. From here on the charge stands, answered or not.
    pub fn left(&mut self) -> Stamp {
        let (now, mut state) = self.quota.locked();
        for (index, _) in &self.charges {
            state.scopes[*index].restamp(self.ticket, now);
        }
        self.left = Some(now);
        Stamp {
            ticket: self.ticket,
            sent: now,
        }
    }

    /// Notes that the answer is here, so that the venue has counted the request.
    pub fn answered(self) {
        let (now, mut state) = self.quota.locked();
        for (index, _) in &self.charges {
            state.scopes[*index].settle(self.ticket, now);
        }
    }

    /// Gives the room back: it is certain that no byte left.
    pub fn never_left(mut self) {
        self.left = None;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.left.is_none() {
            let (now, mut state) = self.quota.locked();
            state.refund(&self.charges, self.ticket);
            state.grant(now);
        }
    }
}

impl Quota {
    /// Takes `charges` from all their scopes at once, waiting in line until `deadline` at the
    /// latest.
    ///
    /// Cancel-safe: a dropped wait leaves the line and takes nothing. A cost of zero takes nothing
    /// either, and respects a ban of its scope; no charges at all still respect one of the whole
    /// cluster.
    ///
    /// # Errors
    ///
    /// At once for unknown scopes, impossible costs, a full line, or when room cannot come before
    /// `deadline`; at `deadline` when others took it.
    pub async fn charge(
        &self,
        charges: &[(&str, u64)],
        priority: Priority,
        deadline: Instant,
    ) -> Result<Charge, QuotaError> {
        let mut place = self.line_up(charges, priority)?;
        loop {
            let wake = {
                let (now, mut state) = self.locked();
                state.grant(now);
                if let Ok(ticket) = place.granted.try_recv() {
                    return Ok(place.into_charge(ticket));
                }
                match state.next_chance(&place, now, deadline) {
                    Ok(frees_in) => frees_in.map_or(deadline, |frees_in| Instant::now() + frees_in),
                    Err(error) => return Err(place.refused(&mut state, now, error)),
                }
            };
            place.note_wait();
            tokio::select! {
                biased;
                granted = &mut place.granted => {
                    if let Ok(ticket) = granted {
                        return Ok(place.into_charge(ticket));
                    }
                }
                () = sleep_until(wake.min(deadline)) => {}
            }
        }
    }

    fn line_up(&self, charges: &[(&str, u64)], priority: Priority) -> Result<Place, QuotaError> {
        let (_, mut state) = self.locked();
        let mut known: Vec<(usize, u64)> = Vec::with_capacity(charges.len());
        for (name, cost) in charges {
            let index = state.index_of(name)?;
            match known.iter_mut().find(|(seen, _)| *seen == index) {
                Some((_, sum)) => *sum += cost,
                None => known.push((index, *cost)),
            }
        }
        for (index, cost) in &known {
            let scope = &mut state.scopes[*index];
            if *cost > scope.capacity(priority) {
                scope.refused += 1;
                let scope = scope.policy.name.clone();
                return Err(QuotaError::TooCostly { scope, cost: *cost });
            }
        }
        let waiting = state.queue(priority).len();
        if waiting >= WAITING_MAX {
            return Err(QuotaError::QueueFull { waiting });
        }
        state.last_ticket += 1;
        let id = state.last_ticket;
        let (sender, granted) = oneshot::channel();
        let entry = Waiting {
            id,
            charges: known.clone(),
            granted: sender,
        };
        state.queue(priority).push_back(entry);
        let quota = self.clone();
        Ok(Place {
            quota,
            id,
            priority,
            charges: known,
            granted,
            counted: false,
            done: false,
        })
    }
}

/// A place in the line; leaving it gives back what was granted in the meantime.
struct Place {
    quota: Quota,
    id: u64,
    priority: Priority,
    charges: Vec<(usize, u64)>,
    granted: oneshot::Receiver<u64>,
    counted: bool,
    done: bool,
}

impl Place {
    fn into_charge(mut self, ticket: u64) -> Charge {
        self.done = true;
        let charges = std::mem::take(&mut self.charges);
        Charge {
            quota: self.quota.clone(),
            charges,
            ticket,
            left: None,
        }
    }

    /// Leaves the line under a lock already held.
    fn refused(mut self, state: &mut State, now: Moment, error: QuotaError) -> QuotaError {
        self.done = true;
        state
            .queue(self.priority)
            .retain(|waiting| waiting.id != self.id);
        for (index, _) in &self.charges {
            state.scopes[*index].refused += 1;
        }
        // Whoever was held up by this one alone sleeps until its own deadline: nobody else wakes
        // it.
        state.grant(now);
        error
    }

    fn note_wait(&mut self) {
        if !std::mem::replace(&mut self.counted, true) {
            let (_, mut state) = self.quota.locked();
            for (index, _) in &self.charges {
                state.scopes[*index].waited += 1;
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let (now, mut state) = self.quota.locked();
        state
            .queue(self.priority)
            .retain(|waiting| waiting.id != self.id);
        if let Ok(ticket) = self.granted.try_recv() {
            state.refund(&self.charges, ticket);
        }
        state.grant(now);
    }
}

impl State {
    /// Returns how long until the charge can have room, nothing when only earlier ones hold it up,
    /// and the refusal when that is later than `deadline`.
    fn next_chance(
        &self,
        place: &Place,
        now: Moment,
        deadline: Instant,
    ) -> Result<Option<Duration>, QuotaError> {
        let patience = deadline.saturating_duration_since(Instant::now());
        if let Some(frees_in) = self.ban_left(now) {
            return if frees_in > patience {
                Err(QuotaError::Banned {
                    scope: "all".to_owned(),
                    frees_in,
                })
            } else {
                Ok(Some(frees_in))
            };
        }
        let lacking = self.lacking(&place.charges, place.priority);
        // The scope that frees last decides; without a lacking one the first is named, for the
        // error.
        let slowest = place
            .charges
            .iter()
            .filter(|(index, _)| lacking == 0 || lacking & (1 << index) != 0)
            .map(|(index, cost)| {
                let scope = &self.scopes[*index];
                (
                    scope,
                    span(scope.frees_at(*cost, place.priority, now) - now.monotonic),
                )
            })
            .max_by_key(|(_, frees_in)| *frees_in);
        let Some((scope, frees_in)) = slowest else {
            return Ok(None);
        };
        if frees_in <= patience && !patience.is_zero() {
            return Ok((lacking != 0).then_some(frees_in));
        }
        let scope_name = scope.policy.name.clone();
        Err(if scope.banned_until.is_some() {
            QuotaError::Banned {
                scope: scope_name,
                frees_in,
            }
        } else {
            QuotaError::Exhausted {
                scope: scope_name,
                frees_in,
            }
        })
    }
}
