//! From the wish to cancel to the proof that the order is gone.
//!
//! What a venue says of a cancel request says nothing of the order: "unknown order" may mean filled
//! (F18), a timeout may mean cancelled (F21). So each answer but a statement of the order's end
//! leads to a question, and each question that finds the order working to another cancel, a bounded
//! number of times (F26).

use chimera_contracts::connector::v1 as pb;
use chimera_model::order::{CancelAnswer, Command, Event, OrderState, Reason, Report};
use chimera_model::{Account, ClientOrderIndex};
use chimera_runtime::deadline::Deadline;
use tokio::time::Instant;

use crate::call::{Call, Then, Told};
use crate::config::ms;
use crate::error::OrderError;
use crate::follow::{WAITERS_MAX, Waiter};
use crate::journal_log::Body;
use crate::key::OrderKey;
use crate::metrics;
use crate::service::{Cancelled, Desk, Due, spawn_bound};
use crate::trading::TradingState;
use crate::{render, wire};

/// What is known of one order's cancellation.
#[derive(Debug, Default)]
pub(crate) struct CancelPlan {
    attempts: u32,
    in_flight: bool,
    due: Option<Instant>,
    last: Reason,
    /// Whether a question about the order is out that decides on the next attempt.
    asking: bool,
}

impl CancelPlan {
    const fn is_idle(&self) -> bool {
        !self.in_flight && self.due.is_none() && !self.asking
    }
}

impl Desk {
    /// Cancels an order for a caller, who is answered when the end is proven or patience ends.
    pub(crate) fn cancel(
        &mut self,
        account: Account,
        index: ClientOrderIndex,
        reply: Waiter<Cancelled>,
    ) {
        let key = OrderKey::ours(account, index);
        let Some(entry) = self.ledger.get(&key) else {
            if self.is_fresh(&key) {
                return self.reply_read(reply, Err(OrderError::NotFound { account, index }));
            }
            let call = Call::Cancel {
                account,
                index,
                reply,
            };
            return self.load(key, Then::Call(Box::new(call)));
        };
        let state = entry.order.state();
        if state.is_final() {
            return self.reply_read(reply, Err(OrderError::Closed { index, state }));
        }
        if self.follow(&key).cancelling.len() >= WAITERS_MAX {
            metrics::bounded("waiters");
            return self.reply_read(reply, Err(OrderError::Overloaded));
        }
        self.ask_cancel(&key);
        let until = Instant::now() + ms(self.tools.config.timing.cancel_answer_ms);
        self.follow(&key).cancelling.push((reply, until));
        self.at(until, Due::CancelAnswer(key.clone()));
        if self
            .ledger
            .get(&key)
            .is_none_or(|entry| entry.order.state().is_final())
        {
            self.answer_cancelling(&key);
        }
    }

    /// Records the wish to cancel and pursues it. Repeatable.
    pub(crate) fn ask_cancel(&mut self, key: &OrderKey) {
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        let state = entry.order.state();
        let foreign = entry.order.is_external() && !self.is_to_die(key);
        if state.is_final() || foreign {
            return;
        }
        if entry.order.is_cancel_asked() {
            // Asked again: whoever gave up tries once more.
            if self.follow(key).cancel.is_idle() {
                self.follow(key).cancel.attempts = 0;
                self.pursue_cancel(key);
            }
            return;
        }
        self.follow(key).cancel.attempts = 0;
        self.record_event(key, Event::CancelAsked, None);
        // Not yet known to live, it is cancelled by our own id at once, and again once it is (F20).
        if state.is_in_doubt() && !self.is_parent(key) {
            self.send_cancel(key);
        }
        self.after(key);
    }

    /// Sends what an asked cancel needs next, when nothing is under way.
    pub(crate) fn pursue_cancel(&mut self, key: &OrderKey) {
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        let wanted =
            entry.order.is_cancel_asked() && entry.order.state() == OrderState::PendingCancel;
        if wanted && self.follow(key).cancel.is_idle() {
            self.send_cancel(key);
        }
    }

    fn send_cancel(&mut self, key: &OrderKey) {
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        let (spec, scale) = (entry.order.spec().clone(), entry.order.spec().scale);
        let plan = &mut self.follow(key).cancel;
        plan.attempts += 1;
        plan.in_flight = true;
        plan.due = None;
        let attempt = plan.attempts;
        self.log(Some(key), Body::Command(Command::Cancel { attempt }));
        let request = pb::CancelOrderRequest {
            account: spec.account.to_string(),
            venue: spec.venue.to_string(),
            symbol: spec.symbol.to_string(),
            client_order_index: spec.index.map_or(0, i64::from),
            venue_order_id: String::new(),
        };
        let (mut connector, told) = (self.tools.connector.clone(), self.tools.told.clone());
        let (tasks, key) = (self.tools.tasks.clone(), key.clone());
        let patience = ms(self.tools.config.timing.command_deadline_ms);
        // Durable or not, a cancel goes out: it can only lower risk (H63).
        self.effect(Box::new(move |_| {
            spawn_bound(&tasks, "order-cancel", async move {
                let deadline = Deadline::after(patience);
                let answer = match deadline.bound(connector.cancel_order(request)).await {
                    Ok(Ok(answer)) => {
                        let answer = answer.into_inner();
                        let report = answer
                            .report
                            .as_ref()
                            .filter(|report| report.instrument_version == scale.version)
                            .and_then(|report| wire::order_report(report, &scale).ok());
                        wire::cancel_answer(answer.outcome(), answer.detail.as_ref(), report)
                    }
                    Ok(Err(status)) if wire::was_not_sent(&status) => {
                        CancelAnswer::NotSent(wire::failure(&status))
                    }
                    Ok(Err(status)) => CancelAnswer::Unknown(wire::failure(&status)),
                    Err(passed) => {
                        let reason = Reason::new("DEADLINE_EXCEEDED", passed.to_string());
                        CancelAnswer::Unknown(reason)
                    }
                };
                let _ = told.send(Told::CancelAnswered { key, answer }).await;
            });
        }));
    }

    /// Takes in what became of a cancel request.
    pub(crate) fn cancel_answered(&mut self, key: &OrderKey, answer: CancelAnswer) {
        let now = Instant::now();
        let proof = now + ms(self.tools.config.timing.cancel_proof_ms);
        let plan = &mut self.follow(key).cancel;
        plan.in_flight = false;
        let ask_at = match &answer {
            CancelAnswer::Accepted(_) => Some(proof),
            CancelAnswer::Rejected(reason)
            | CancelAnswer::Unknown(reason)
            | CancelAnswer::NotFound(reason) => {
                plan.last = reason.clone();
                Some(now)
            }
            CancelAnswer::NotSent(reason) => {
                plan.last = reason.clone();
                None
            }
        };
        plan.asking = ask_at.is_some();
        self.weigh(key, Report::CancelAnswered(answer));
        if self
            .ledger
            .get(key)
            .is_none_or(|entry| entry.order.state().is_final())
        {
            self.follow(key).cancel.asking = false;
            return self.follow_settled(key);
        }
        match ask_at {
            Some(at) => self.query_at(key, at),
            None => self.cancel_again(key),
        }
    }

    /// Takes in that the order was found working although its cancel was answered.
    pub(crate) fn still_there(&mut self, key: &OrderKey) {
        let plan = &mut self.follow(key).cancel;
        if std::mem::take(&mut plan.asking) && !plan.in_flight {
            self.cancel_again(key);
        }
    }

    fn cancel_again(&mut self, key: &OrderKey) {
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        if entry.order.state().is_final() || !entry.order.is_cancel_asked() {
            return;
        }
        let timing = self.tools.config.timing.clone();
        // The kill switch does not give up: it goes on until nothing is open (F27).
        let halted = self.ledger.trading.state == TradingState::Halted;
        let plan = &mut self.follow(key).cancel;
        if plan.attempts >= timing.cancel_attempts && !halted {
            let reason = plan.last.clone();
            metrics::bounded("cancel_attempts");
            tracing::error!(order = %key, code = reason.code, "cancel given up, the order works");
            return self.weigh(key, Report::CancelGivenUp { reason });
        }
        let doublings = plan.attempts.min(8);
        let pause = ms(timing.query_pause_ms) * 2_u32.pow(doublings.saturating_sub(1));
        let at = Instant::now() + pause.min(ms(timing.query_pause_ms_max));
        plan.due = Some(at);
        self.at(at, Due::Cancel(key.clone()));
    }

    pub(crate) fn cancel_due(&mut self, key: &OrderKey) {
        let now = Instant::now();
        let Some(follow) = self.follows.get_mut(key) else {
            return;
        };
        if follow.cancel.in_flight || follow.cancel.due.is_none_or(|due| due > now) {
            return;
        }
        follow.cancel.due = None;
        let asked = self
            .ledger
            .get(key)
            .is_some_and(|entry| entry.order.is_cancel_asked() && !entry.order.state().is_final());
        if asked {
            self.send_cancel(key);
        }
    }

    /// Answers callers of CancelOrder once the order has ended.
    pub(crate) fn answer_cancelling(&mut self, key: &OrderKey) {
        let (Some(follow), Some(entry), Some(index)) =
            (self.follows.get_mut(key), self.ledger.get(key), key.index())
        else {
            return;
        };
        let state = entry.order.state();
        let answer = if state == OrderState::Cancelled {
            Ok(render::order(entry))
        } else {
            // The cancel crossed another end on the wire: the venue's word wins.
            Err(OrderError::Closed { index, state })
        };
        for (waiter, _) in std::mem::take(&mut follow.cancelling) {
            self.reply(waiter, answer.clone());
        }
    }

    pub(crate) fn cancel_answers_due(&mut self, key: &OrderKey) {
        let now = Instant::now();
        let Some(follow) = self.follows.get_mut(key) else {
            return;
        };
        let (due, waiting) = std::mem::take(&mut follow.cancelling)
            .into_iter()
            .partition::<Vec<_>, _>(|(_, until)| *until <= now);
        follow.cancelling = waiting;
        for (waiter, _) in due {
            let answer = self.rendered(key);
            self.reply(waiter, answer);
        }
    }

    fn is_parent(&self, key: &OrderKey) -> bool {
        self.ledger
            .get(key)
            .is_some_and(|entry| entry.tracking.is_some())
    }
}
