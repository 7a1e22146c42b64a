//! The tracking limit: a parent order that is kept at the touch of its own side by cancelling and
//! re-placing limit children until it is filled. The only place where that is done.
//!
//! Every step is a record of the journal, so that a restart finds the parent, its children and what
//! they filled, and goes on from there. At most one child is live: the next one is made only when
//! the one before has ended by the venue's word, and its size is what the parent still lacks.
//!
//! Re-placements stand on a grid that begins with the first child and does not drift. The cancel is
//! asked for ahead of each point, by as long as cancels have taken to be proven, so that the next
//! child leaves on time; how far it was off is recorded with it. A child whose rest is too small
//! for the venue's minimum is not cancelled at a grid point but left to work, since it could not be
//! placed anew; should it end all the same, the parent ends as REJECTED and says why.

use std::time::Duration;

use chimera_model::order::{Event, OrderKind, OrderSpec, Reason};
use chimera_model::{ClientOrderIndex, Decimal, Instrument, TimeInForce};
use tokio::time::Instant;

use crate::attempts::{ChildNote, Standing};
use crate::call::Told;
use crate::child::{child_price, child_quantity};
use crate::error::OrderError;
use crate::journal_log::{Body, Intent};
use crate::key::{OrderKey, SiteKey};
use crate::market::Top;
use crate::metrics;
use crate::saga::Saga;
use crate::service::{Desk, Due, spawn_bound};
use crate::submit::site;

/// The pause before another look for a price, or a venue, that was not there.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The pause after a cancel that was given up before the child's cancel is asked for again.
const CANCEL_AGAIN: Duration = Duration::from_secs(5);

/// Children refused in a row before the parent is: one may cross the book by chance, five do not.
const REFUSALS_MAX: u32 = 5;

/// Why a parent ends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Filled,
    Timeout,
    MaxAttempts,
    Cancelled(String),
    Rejected(String),
}

impl Desk {
    /// Begins to work a parent that was just accepted.
    pub(crate) fn begin_tracking(&mut self, key: &OrderKey) {
        let Some(standing) = Standing::of(&self.ledger, key) else {
            return;
        };
        let saga = Saga::new(Instant::now() + standing.tracking.timeout);
        self.sagas.insert(key.clone(), saga);
    }

    /// Goes on with every parent that was open before a restart. The time that passed counts by the
    /// records, since the monotonic clock of the process before is gone.
    pub(crate) fn resume_tracking(&mut self) {
        let (now, wall) = (Instant::now(), self.now());
        for key in self.ledger.open.clone() {
            let Some(entry) = self.ledger.get(&key) else {
                continue;
            };
            let Some(tracking) = &entry.tracking else {
                continue;
            };
            let spec = tracking.spec();
            let passed = wall.saturating_since(entry.order.created_time());
            let mut saga = Saga::new(now + spec.timeout.saturating_sub(passed));
            saga.planned = tracking
                .last_placed()
                .map(|placed| now + spec.interval.saturating_sub(wall.saturating_since(placed)));
            // A record may have been made and the parent's first step not.
            let submitting = entry.order.state().is_in_doubt();
            self.sagas.insert(key.clone(), saga);
            if submitting {
                self.record_event(&key, Event::Accepted, None);
            }
            self.track(&key);
        }
    }

    /// Lets the parents of a venue go on that waited for it.
    pub(crate) fn wake_tracking(&mut self, at: SiteKey) {
        let waiting = self
            .sagas
            .keys()
            .filter(|key| self.site_of(key) == Some(at));
        for key in waiting.cloned().collect::<Vec<_>>() {
            self.track(&key);
        }
    }

    /// Takes whatever step a parent needs now. Called after every change of it or of a child, and
    /// by the clock; taking it once too often changes nothing.
    pub(crate) fn track(&mut self, key: &OrderKey) {
        let Some(standing) = Standing::of(&self.ledger, key) else {
            return;
        };
        let now = Instant::now();
        let ended = self
            .ledger
            .get(key)
            .is_none_or(|it| it.order.state().is_final());
        if ended || !self.sagas.contains_key(key) {
            // A child that appears after the end is cancelled like any other that nobody wants.
            for child in &standing.live {
                self.ask_cancel(&OrderKey::ours(key.account(), *child));
            }
            self.sagas.remove(key);
            return;
        }
        let end = self.end_of(key, &standing, now);
        if standing.live.is_empty() {
            self.without_child(key, &standing, end, now);
        } else {
            self.with_child(key, &standing, end.is_some(), now);
        }
    }

    /// Returns why the parent is to end, if it is, whatever its child does.
    fn end_of(&self, key: &OrderKey, standing: &Standing, now: Instant) -> Option<End> {
        let saga = self.sagas.get(key)?;
        let at_point = saga.planned.is_none_or(|planned| now >= planned);
        let trading = self.ledger.trading.state;
        if standing.is_filled() {
            Some(End::Filled)
        } else if standing.cancel_asked {
            Some(End::Cancelled(String::new()))
        } else if !trading.allows(self.child_is_way_out(key, standing)) {
            Some(End::Cancelled(format!("trading is {}", trading.name())))
        } else if now >= saga.deadline {
            Some(End::Timeout)
        } else if standing.attempts >= standing.tracking.attempts_max && at_point {
            Some(End::MaxAttempts)
        } else {
            None
        }
    }

    fn with_child(&mut self, key: &OrderKey, standing: &Standing, ends: bool, now: Instant) {
        let account = key.account();
        let Some(saga) = self.sagas.get_mut(key) else {
            return;
        };
        let interval = standing.tracking.interval;
        let ahead = saga.planned.map(|planned| planned - saga.lead(interval));
        // A fill that came late may leave less to do than the child still would.
        let too_much = standing.live_rest > standing.remaining;
        let due = ahead.is_some_and(|ahead| now >= ahead);
        let last = standing.attempts >= standing.tracking.attempts_max;
        let deadline = saga.deadline;
        let keep = standing.live.last().copied().filter(|_| !ends && !too_much);
        if let Some(child) = keep {
            for older in standing.live.iter().filter(|older| **older != child) {
                self.ask_cancel(&OrderKey::ours(account, *older));
            }
            let wait = if !due {
                ahead.map_or(deadline, |ahead| ahead.min(deadline))
            } else if last {
                // The last child works until the point at which it would have been replaced.
                let planned = self.sagas.get(key).and_then(|saga| saga.planned);
                planned.map_or(deadline, |planned| planned.min(deadline))
            } else if self.is_placeable(standing) {
                return self.cancel_child(key, child, now);
            } else {
                self.leave_child(key, interval, now).min(deadline)
            };
            return self.wake_at(key, wait);
        }
        for child in standing.live.clone() {
            self.cancel_child(key, child, now);
        }
    }

    fn cancel_child(&mut self, key: &OrderKey, child: ClientOrderIndex, now: Instant) {
        let child = OrderKey::ours(key.account(), child);
        let asked = self
            .ledger
            .get(&child)
            .is_none_or(|it| it.order.is_cancel_asked());
        let Some(saga) = self.sagas.get_mut(key) else {
            return;
        };
        if asked {
            return;
        }
        if let Some(again) = saga.cancel_again.filter(|again| now < *again) {
            return self.wake_at(key, again);
        }
        saga.cancel_asked = Some(now);
        saga.cancel_again = Some(now + CANCEL_AGAIN);
        self.ask_cancel(&child);
    }

    /// Lets a child work on for another interval.
    fn leave_child(&mut self, key: &OrderKey, interval: Duration, now: Instant) -> Instant {
        let Some(saga) = self.sagas.get_mut(key) else {
            return now + interval;
        };
        saga.leave_out(now, interval)
    }

    fn without_child(
        &mut self,
        key: &OrderKey,
        standing: &Standing,
        end: Option<End>,
        now: Instant,
    ) {
        if let Some(saga) = self.sagas.get_mut(key) {
            saga.cancel_proven(now);
        }
        if let Some(end) = end {
            // What the venue stated is itemised first, so that the parent's numbers are whole.
            return if standing.owed_fills {
                self.wake_at(key, now + RETRY_PAUSE)
            } else {
                self.finish(key, end)
            };
        }
        if standing.refusals >= REFUSALS_MAX {
            return self.finish(key, End::Rejected(standing.refused_with.clone()));
        }
        let Some(saga) = self.sagas.get_mut(key) else {
            return;
        };
        let (deadline, planned, pricing) = (saga.deadline, saga.planned, saga.pricing);
        match planned {
            Some(planned) if now < planned => self.wake_at(key, planned.min(deadline)),
            _ if pricing => {}
            _ if self.ready_for(site(&standing.spec), false).is_err() => {
                self.wake_at(key, (now + RETRY_PAUSE).min(deadline));
            }
            _ => self.ask_price(key, standing),
        }
    }

    fn wake_at(&mut self, key: &OrderKey, at: Instant) {
        let Some(saga) = self.sagas.get_mut(key) else {
            return;
        };
        // One timer a parent: an earlier one leads here again.
        if saga
            .wake
            .is_some_and(|wake| wake > Instant::now() && wake <= at)
        {
            return;
        }
        saga.wake = Some(at);
        self.at(at, Due::Track(key.clone()));
    }

    fn ask_price(&mut self, key: &OrderKey, standing: &Standing) {
        if let Some(saga) = self.sagas.get_mut(key) {
            saga.pricing = true;
        }
        let (market, told, key) = (
            self.tools.market.clone(),
            self.tools.told.clone(),
            key.clone(),
        );
        let (venue, symbol) = (standing.spec.venue, standing.spec.symbol);
        spawn_bound(&self.tools.tasks, "order-price", async move {
            let found = async {
                let instrument = market.instrument(venue, symbol.as_str()).await?;
                let top = market.top(&instrument).await?;
                Ok((instrument, top))
            };
            let _ = told
                .send(Told::Priced {
                    market: found.await,
                    key,
                })
                .await;
        });
    }

    /// Takes in the price for the next child, and places it.
    pub(crate) fn priced(
        &mut self,
        key: &OrderKey,
        market: Result<(std::sync::Arc<Instrument>, Option<Top>), OrderError>,
    ) {
        let now = Instant::now();
        let Some(saga) = self.sagas.get_mut(key) else {
            return;
        };
        saga.pricing = false;
        let Some(standing) = Standing::of(&self.ledger, key) else {
            return;
        };
        let ended = self.end_of(key, &standing, now).is_some();
        if !standing.live.is_empty() || ended {
            return self.track(key);
        }
        let ready = self.ready_for(site(&standing.spec), false).is_ok();
        let found = market
            .ok()
            .filter(|_| ready && !self.tools.health.has_failed());
        let priced = found.and_then(|(instrument, top)| {
            let top = top?;
            let price = child_price(&standing, &instrument, top)?;
            let fits = self.child_fits(key, &standing, price, &top);
            fits.then_some((instrument, price))
        });
        let Some((instrument, price)) = priced else {
            return self.wake_at(key, now + RETRY_PAUSE);
        };
        match child_quantity(&standing, &instrument, price) {
            Some(quantity) => self.place_child(key, &standing, &instrument, price, quantity),
            None => {
                let words = format!(
                    "the rest of {} is below the venue's minimum",
                    standing.remaining
                );
                self.finish(key, End::Rejected(words));
            }
        }
    }

    fn place_child(
        &mut self,
        key: &OrderKey,
        standing: &Standing,
        instrument: &Instrument,
        price: Decimal,
        quantity: Decimal,
    ) {
        let account = key.account();
        let next = self
            .ledger
            .indices
            .get(&account)
            .and_then(|indices| indices.next());
        let (Some(index), Some(parent)) = (next, key.index()) else {
            let words = "every index of the account is used".to_owned();
            return self.finish(key, End::Rejected(words));
        };
        let child = OrderKey::ours(account, index);
        let spec = OrderSpec {
            index: Some(index),
            kind: OrderKind::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: standing.tracking.post_only,
            quantity,
            price: Some(price),
            scale: crate::wire::scale(instrument),
            parent: Some(parent),
            ..standing.spec.clone()
        };
        let way_out = self.child_is_way_out(key, standing);
        let trace_id = self.ledger.get(key).map(|it| it.trace_id.clone());
        let (now, placed_time) = (Instant::now(), self.now());
        let Some(saga) = self.sagas.get_mut(key) else {
            return;
        };
        let interval_error = saga.placed(now, standing.tracking.interval);
        saga.cancel_again = None;
        metrics::interval_error(interval_error);
        self.learn_scale(instrument);
        let intent = Intent {
            spec,
            venue_symbol: instrument.venue_symbol.to_string(),
            trace_id: trace_id.unwrap_or_default(),
            tracking: None,
        };
        let trace = intent.trace();
        let note = ChildNote {
            index,
            price,
            quantity,
            placed_time,
            interval_error,
        };
        self.log(Some(key), Body::Child(note));
        if self.log(Some(&child), Body::Intent(Box::new(intent))) {
            self.dispatch(&child, way_out, trace);
        }
        self.track(key);
    }

    fn finish(&mut self, key: &OrderKey, end: End) {
        let filled = Standing::of(&self.ledger, key).is_some_and(|it| it.filled.is_positive());
        let event = match end {
            End::Filled => Event::Completed,
            End::Timeout => Event::Expired(Reason::new("TIMEOUT", "the time to fill is over")),
            End::MaxAttempts => {
                Event::Expired(Reason::new("MAX_ATTEMPTS", "every child was placed"))
            }
            End::Cancelled(words) => Event::Cancelled(Reason::new("CANCELLED", words)),
            End::Rejected(words) if filled => Event::Expired(Reason::new("REJECTED", words)),
            End::Rejected(words) => Event::Rejected {
                reason: Reason::new("REJECTED", words),
                absent: false,
            },
        };
        self.sagas.remove(key);
        self.record_event(key, event, None);
        self.after(key);
    }
}
