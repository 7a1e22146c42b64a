//! From an admitted order to the venue's first word on it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_model::order::{
    Command, Event, OrderKind, OrderSpec, OrderState, Reason, Report, ScaleError, SubmitAnswer,
};
use chimera_runtime::context::CallContext;
use chimera_runtime::deadline::Deadline;
use chimera_runtime::trace::TraceContext;
use tokio::time::Instant;
use tonic::Status;

use crate::admission::differing;
use crate::call::{Admitted, Call, Then, Told};
use crate::config::ms;
use crate::denial::Denial;
use crate::error::OrderError;
use crate::follow::{WAITERS_MAX, Waiter};
use crate::journal_log::{Body, Intent};
use crate::key::{OrderKey, SiteKey};
use crate::ledger::Line;
use crate::market::Connector;
use crate::risk::{Assessment, Picture, Refusal, assess, is_way_out};
use crate::service::{Desk, Placed, spawn_bound};
use crate::trading::Switch;
use crate::writer::Stored;
use crate::{metrics, render, wire};

/// One submission, on its way in a task of its own: whoever asked may go away (F09).
pub(crate) struct Submission {
    pub(crate) connector: Connector,
    pub(crate) switch: Switch,
    pub(crate) spec: OrderSpec,
    pub(crate) way_out: bool,
    /// The sequence of its record: a kill withdraws what was recorded before it.
    pub(crate) seq: u64,
    pub(crate) patience: Duration,
    pub(crate) trace: Option<TraceContext>,
}

impl Submission {
    /// Sends the order once, unless the kill switch says otherwise at this last point, and returns
    /// what became of it. Nothing is ever sent twice.
    pub(crate) async fn send(mut self) -> SubmitAnswer {
        let passage = match self.switch.pass(self.way_out) {
            Ok(passage) => passage,
            Err(state) => {
                let words = format!("trading is {}", state.name());
                return SubmitAnswer::NotSent {
                    reason: Reason::new("TRADING_HALTED", words),
                };
            }
        };
        let deadline = Deadline::after(self.patience);
        let context = CallContext {
            deadline: Some(deadline),
            trace: self.trace,
        };
        let sent = deadline.bound(context.scope(self.call())).await;
        drop(passage);
        match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(status)) if wire::was_not_sent(&status) => SubmitAnswer::NotSent {
                reason: wire::failure(&status),
            },
            Ok(Err(status)) => SubmitAnswer::Unknown {
                reason: wire::failure(&status),
            },
            Err(passed) => SubmitAnswer::Unknown {
                reason: Reason::new("DEADLINE_EXCEEDED", passed.to_string()),
            },
        }
    }

    async fn call(&mut self) -> Result<SubmitAnswer, Status> {
        let spec = &self.spec;
        let numbers = || {
            let ticks = spec
                .price
                .map(|price| spec.scale.ticks(price))
                .transpose()?;
            Ok::<_, ScaleError>((
                spec.scale.lots(spec.quantity)?.0,
                ticks.map(|ticks| ticks.0),
            ))
        };
        let (quantity_lots, price_ticks) = match numbers() {
            Ok(numbers) => numbers,
            Err(error) => {
                return Ok(SubmitAnswer::NotSent {
                    reason: Reason::new("NUMBER_OUT_OF_RANGE", error.to_string()),
                });
            }
        };
        let (account, venue, symbol) = (
            spec.account.to_string(),
            spec.venue.to_string(),
            spec.symbol.to_string(),
        );
        let (submission_seq, lowers_exposure) = (self.seq, self.way_out);
        let client_order_index = spec.index.map_or(0, i64::from);
        let side = render::side(spec.side).into();
        let (outcome, detail, report) = if let Some(price_ticks) = price_ticks {
            let request = pb::SubmitLimitOrderRequest {
                account,
                venue,
                symbol,
                client_order_index,
                side,
                quantity_lots,
                price_ticks,
                instrument_version: spec.scale.version,
                time_in_force: render::time_in_force(spec.time_in_force).into(),
                post_only: spec.post_only,
                reduce_only: spec.reduce_only,
                submission_seq,
                lowers_exposure,
            };
            let answer = self
                .connector
                .submit_limit_order(request)
                .await?
                .into_inner();
            (answer.outcome(), answer.detail, answer.report)
        } else {
            let request = pb::SubmitMarketOrderRequest {
                account,
                venue,
                symbol,
                client_order_index,
                side,
                quantity_lots,
                instrument_version: spec.scale.version,
                reduce_only: spec.reduce_only,
                submission_seq,
                lowers_exposure,
            };
            let answer = self
                .connector
                .submit_market_order(request)
                .await?
                .into_inner();
            (answer.outcome(), answer.detail, answer.report)
        };
        // A statement that cannot be read, or speaks in other steps, is left out: the outcome
        // stands without it and the order is asked for (F12).
        let scale = self.spec.scale;
        let report = report
            .filter(|report| report.instrument_version == scale.version)
            .and_then(|report| wire::order_report(&report, &scale).ok());
        Ok(wire::submit_answer(outcome, detail.as_ref(), report))
    }
}

impl Desk {
    /// Places an order: claims its index, reserves its risk, records the intent, and only when that
    /// is durable sends it. Check and reservation are one step: nobody else runs in between (F57).
    pub(crate) fn place(&mut self, admitted: Admitted, reply: Waiter<Placed>) {
        let account = admitted.spec.account;
        if let Some(index) = admitted.spec.index {
            let key = OrderKey::ours(account, index);
            if self.ledger.get(&key).is_some() {
                return self.repeat(&key, &admitted, reply);
            }
            if !self.is_fresh(&key) {
                // It may be an old one: the journal knows (F08, H46).
                let call = Call::Place {
                    admitted: Box::new(admitted),
                    reply,
                };
                return self.load(key, Then::Call(Box::new(call)));
            }
        }
        self.place_claimed(admitted, reply);
    }

    /// Places an order whose index, if it has one, nobody has used.
    pub(crate) fn place_claimed(&mut self, admitted: Admitted, reply: Waiter<Placed>) {
        match self.claim(&admitted) {
            Ok((key, way_out)) => self.intend(key, admitted, way_out, reply),
            Err(refusal) => self.refuse(refusal, admitted, reply),
        }
    }

    /// Answers a repetition with the order as it stands; another payload is a conflict (F08).
    fn repeat(&mut self, key: &OrderKey, admitted: &Admitted, reply: Waiter<Placed>) {
        let Some((entry, index)) = self.ledger.get(key).zip(key.index()) else {
            return;
        };
        let tracking = entry.tracking.as_ref().map(|tracking| tracking.spec());
        let asked = admitted.tracking.as_ref();
        let fields = differing(entry.order.spec(), tracking, &admitted.spec, asked);
        if !fields.is_empty() {
            return self.reply(reply, Err(OrderError::IndexConflict { index, fields }));
        }
        if entry.order.state() != OrderState::Submitting {
            let order = self.rendered(key);
            let placed = order.map(|order| Placed {
                order,
                replayed: true,
            });
            return self.reply(reply, placed);
        }
        let follow = self.follow(key);
        if follow.placing.len() >= WAITERS_MAX {
            metrics::bounded("waiters");
            return self.reply(reply, Err(OrderError::Overloaded));
        }
        follow.placing.push((reply, true));
    }

    /// Returns the index and whether the order is a way out, when it may be placed now.
    fn claim(&mut self, admitted: &Admitted) -> Result<(OrderKey, bool), Refused> {
        if self.tools.health.has_failed() {
            return Err(OrderError::JournalFailed.into());
        }
        if self.tools.drain.is_draining() {
            return Err(OrderError::Draining.into());
        }
        let spec = &admitted.spec;
        let key = self.index_for(spec)?;
        let holding = self.ledger.holding(&line(spec));
        let way_out = is_way_out(spec, &holding);
        self.ready_for(site(spec), way_out)?;
        self.is_offered(admitted)?;
        match self.judge(admitted) {
            Ok(_) => {}
            Err(Refusal::Denied(denial)) => return Err(Refused::Denied(Box::new((key, denial)))),
            Err(refusal) => return Err(unjudged(spec, refusal).into()),
        }
        let limit = self.tools.config.risk.orders_per_second_max;
        if !self.rate.admit(limit, way_out, Instant::now()) {
            return Err(OrderError::RateLimited { limit }.into());
        }
        Ok((key, way_out))
    }

    fn index_for(&self, spec: &OrderSpec) -> Result<OrderKey, OrderError> {
        let account = spec.account;
        let claimed = self.ledger.indices.get(&account);
        let index = match (spec.index, claimed) {
            (Some(index), _) => index,
            (None, Some(claimed)) => claimed
                .next()
                .ok_or(OrderError::IndexExhausted { account })?,
            (None, None) => chimera_model::ClientOrderIndex::MIN,
        };
        Ok(OrderKey::ours(account, index))
    }

    /// Judges an order by everything known now.
    pub(crate) fn judge(&self, admitted: &Admitted) -> Result<Assessment, Refusal> {
        let spec = &admitted.spec;
        let funds = self.funds(site(spec), &admitted.instrument, spec.side);
        let picture = Picture {
            instrument: &admitted.instrument,
            holding: self.ledger.holding(&line(spec)),
            top: admitted.top,
            funds,
            open_orders: self.ledger.open_orders_at(site(spec)),
            trading: self.ledger.trading.state,
        };
        assess(&self.tools.config.risk, spec, &picture)
    }

    fn refuse(&mut self, refused: Refused, admitted: Admitted, reply: Waiter<Placed>) {
        match refused {
            // Nothing was begun, and the index is free for another try.
            Refused::NotBegun(error) => {
                use chimera_runtime::fault::Fault;
                metrics::denied(error.reason());
                self.reply_read(reply, Err(error));
            }
            Refused::Denied(denied) => {
                let (key, denial) = *denied;
                metrics::denied(denial.reason());
                let Some(index) = key.index() else { return };
                self.record_intent(&key, &admitted);
                let reason = Reason::new(denial.reason(), denial.to_string());
                self.record_event(&key, Event::Denied(reason), None);
                self.reply(reply, Err(OrderError::Denied { index, denial }));
            }
        }
    }

    fn record_intent(&mut self, key: &OrderKey, admitted: &Admitted) -> bool {
        let spec = OrderSpec {
            index: key.index(),
            ..admitted.spec.clone()
        };
        let intent = Intent {
            spec,
            venue_symbol: admitted.instrument.venue_symbol.to_string(),
            trace_id: admitted.trace_id.clone(),
            tracking: admitted.tracking.clone(),
        };
        self.learn_scale(&admitted.instrument);
        self.log(Some(key), Body::Intent(Box::new(intent)))
    }

    /// Records the intent and sends the order once that is durable.
    fn intend(&mut self, key: OrderKey, admitted: Admitted, way_out: bool, reply: Waiter<Placed>) {
        if !self.record_intent(&key, &admitted) {
            return self.reply(reply, Err(OrderError::Internal("an intent does not fit")));
        }
        let index = key.index().map_or(0, |index| index.get());
        admitted.claimed.store(index, Ordering::SeqCst);
        self.follow(&key).placing.push((reply, false));
        if admitted.spec.kind == OrderKind::TrackingLimit {
            self.record_event(&key, Event::Accepted, None);
            self.begin_tracking(&key);
            return self.after(&key);
        }
        self.dispatch(&key, way_out, admitted.trace);
    }

    /// Sends an order whose intent is recorded, as soon as that is durable.
    pub(crate) fn dispatch(&mut self, key: &OrderKey, way_out: bool, trace: Option<TraceContext>) {
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        let submission = Submission {
            connector: self.tools.connector.clone(),
            switch: self.tools.switch.clone(),
            spec: entry.order.spec().clone(),
            way_out,
            seq: self.next_seq,
            patience: ms(self.tools.config.timing.command_deadline_ms),
            trace,
        };
        self.log(Some(key), Body::Command(Command::Submit));
        let follow = self.follow(key);
        follow.submitting = true;
        follow.query.begin_window();
        let (tasks, told) = (self.tools.tasks.clone(), self.tools.told.clone());
        let (hold, key) = (self.tools.drain.hold(), key.clone());
        self.effect(Box::new(move |stored| {
            if stored == Stored::Not {
                // Nothing leaves whose intent is not durable (F126).
                let unstored = async move {
                    let _ = told.send(Told::Unstored { key }).await;
                };
                return spawn_bound(&tasks, "order-unstored", unstored);
            }
            spawn_bound(&tasks, "order-submit", async move {
                let began = Instant::now();
                let answer = submission.send().await;
                metrics::step("submit", began.elapsed());
                // The owner is gone only when the process ends; a restart asks the venue.
                let _ = told.send(Told::Submitted { key, answer }).await;
                drop(hold);
            });
        }));
    }

    /// Takes in that an intent is not durable: nothing was sent, and nothing will be.
    pub(crate) fn unstored(&mut self, key: &OrderKey) {
        let follow = self.follow(key);
        follow.submitting = false;
        for (waiter, _) in std::mem::take(&mut follow.placing) {
            self.reply_read(waiter, Err(OrderError::JournalFailed));
        }
    }

    /// Takes in what became of a submission.
    pub(crate) fn submitted(&mut self, key: &OrderKey, answer: SubmitAnswer) {
        let window = self.validity_window(key);
        let grace = ms(self.tools.config.timing.absence_grace_ms);
        let follow = self.follow(key);
        follow.submitting = false;
        // Whatever left, left before now: from here the venue may take it for so long (F05).
        follow
            .query
            .close_window_at(Instant::now() + window + grace);
        let accepted_bare = matches!(answer, SubmitAnswer::Accepted(None));
        let scale_changed = matches!(&answer, SubmitAnswer::NotSent { .. });
        self.weigh(key, Report::Submitted(answer));
        if accepted_bare {
            self.query_unless_heard(key);
        }
        if scale_changed {
            self.forget_instrument(key);
        }
        self.follow_settled(key);
    }
}

/// Why an order may not be placed.
enum Refused {
    /// Nothing was begun.
    NotBegun(OrderError),
    /// Risk said no to the order that has this index now.
    Denied(Box<(OrderKey, Denial)>),
}

impl From<OrderError> for Refused {
    fn from(error: OrderError) -> Self {
        Self::NotBegun(error)
    }
}

/// Returns what a caller is told when an order could not be judged.
pub(crate) fn unjudged(spec: &OrderSpec, refusal: Refusal) -> OrderError {
    match refusal {
        Refusal::Denied(denial) => OrderError::WouldBeDenied { denial },
        Refusal::NoFreshPrice => OrderError::NoFreshPrice {
            venue: spec.venue,
            symbol: spec.symbol,
        },
        Refusal::Rule(violation) => OrderError::Rule(violation),
    }
}

/// Returns the account and venue of an order.
pub(crate) const fn site(spec: &OrderSpec) -> SiteKey {
    SiteKey {
        account: spec.account,
        venue: spec.venue,
    }
}

/// Returns the account and instrument of an order.
pub(crate) const fn line(spec: &OrderSpec) -> Line {
    Line {
        account: spec.account,
        venue: spec.venue,
        symbol: spec.symbol,
    }
}
