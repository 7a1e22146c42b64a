//! Orders in doubt: asked for by our own id, spaced, until the venue has spoken.
//!
//! A miss proves nothing by itself. Absence is proven by several misses, apart from each other,
//! each asked after the venue could no longer take the request, with a live private stream of one
//! generation all the while, and by no fill that bears our id (F05, F06). Absence from a list of
//! open orders never counts.

use std::collections::BTreeMap;
use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_model::order::{Command, OrderState, Reason, Report, SubmitAnswer};
use chimera_model::report::OrderReport;
use chimera_runtime::deadline::Deadline;
use tokio::time::Instant;

use crate::call::Told;
use crate::config::{TimingConfig, ms};
use crate::journal_log::Body;
use crate::key::{OrderKey, SiteKey};
use crate::reconcile::{VenueView, key_of};
use crate::render;
use crate::service::{Desk, Due, spawn_bound};
use crate::wire;

/// Silent orders of one account that are asked for one by one. More of them are asked for by one
/// comparison, whose list of open orders costs as much as some forty questions at the venues there
/// are: a thousand resting orders must not use up the budget of requests by being quiet.
const ASKED_SINGLY_MAX: usize = 16;

/// What is known of one order's search.
#[derive(Debug, Default)]
pub(crate) struct QueryPlan {
    due: Option<Instant>,
    in_flight: bool,
    attempts: u32,
    pause: Option<Duration>,
    window_closes: Option<Instant>,
    misses: u32,
    counted: Option<Instant>,
    generation: u64,
}

impl QueryPlan {
    /// Notes that a request is about to leave: until it is answered, no miss counts.
    pub(crate) fn begin_window(&mut self) {
        self.window_closes = None;
    }

    /// Notes when the venue can no longer take the request.
    pub(crate) fn close_window_at(&mut self, at: Instant) {
        self.window_closes = Some(at);
    }

    /// Takes in a miss that was asked for at a time under a generation of a live stream, and
    /// returns how many have been counted once they are enough.
    fn missed(
        &mut self,
        asked: Instant,
        live_generation: Option<u64>,
        timing: &TimingConfig,
    ) -> Option<u32> {
        let Some(generation) = live_generation else {
            self.misses = 0;
            return None;
        };
        if generation != self.generation {
            (self.generation, self.misses, self.counted) = (generation, 0, None);
        }
        if self.window_closes.is_none_or(|closes| asked < closes) {
            return None;
        }
        let spacing = ms(timing.absence_spacing_ms);
        if self
            .counted
            .is_some_and(|counted| asked < counted + spacing)
        {
            return None;
        }
        self.counted = Some(asked);
        self.misses += 1;
        (self.misses >= timing.absence_misses).then_some(self.misses)
    }

    /// Notes that the order was heard of: the search begins anew if it must.
    pub(crate) fn found(&mut self) {
        self.misses = 0;
        self.counted = None;
        self.pause = None;
    }

    fn next_pause(&mut self, timing: &TimingConfig) -> Duration {
        let (first, longest) = (ms(timing.query_pause_ms), ms(timing.query_pause_ms_max));
        let pause = self.pause.map_or(first, |pause| (pause * 2).min(longest));
        self.pause = Some(pause);
        pause
    }
}

impl Desk {
    /// Keeps the search for an order in doubt going.
    pub(crate) fn resolve_doubt(&mut self, key: &OrderKey, state: OrderState) {
        if state == OrderState::Unknown {
            self.query_later(key);
        }
    }

    /// Asks for an order after the next pause, unless that is under way.
    pub(crate) fn query_later(&mut self, key: &OrderKey) {
        let timing = self.tools.config.timing.clone();
        let plan = &mut self.follow(key).query;
        if plan.in_flight || plan.due.is_some() {
            return;
        }
        let at = Instant::now() + plan.next_pause(&timing);
        self.query_at(key, at);
    }

    /// Asks for an order at once, unless a question is on its way.
    pub(crate) fn query_now(&mut self, key: &OrderKey) {
        self.query_at(key, Instant::now());
    }

    /// Asks for an order at a time, or before when that was planned already.
    pub(crate) fn query_at(&mut self, key: &OrderKey, at: Instant) {
        let plan = &mut self.follow(key).query;
        if plan.in_flight || plan.due.is_some_and(|due| due <= at) {
            return;
        }
        plan.due = Some(at);
        self.at(at, Due::Query(key.clone()));
    }

    /// Asks for an order that the venue took without a word on it, unless the stream is faster.
    pub(crate) fn query_unless_heard(&mut self, key: &OrderKey) {
        let at = Instant::now() + ms(self.tools.config.timing.fills_grace_ms);
        self.query_at(key, at);
    }

    pub(crate) fn query_due(&mut self, key: &OrderKey) {
        let now = Instant::now();
        let Some(follow) = self.follows.get_mut(key) else {
            return;
        };
        let plan = &mut follow.query;
        // A timer that was overtaken by an earlier one finds nothing to do.
        if plan.in_flight || plan.due.is_none_or(|due| due > now) {
            return;
        }
        plan.due = None;
        let Some(entry) = self.ledger.get(key) else {
            self.follows.remove(key);
            return;
        };
        if entry.order.state().is_final() || entry.tracking.is_some() {
            return;
        }
        plan.in_flight = true;
        plan.attempts += 1;
        let attempt = plan.attempts;
        let question = question(entry);
        let (scale, site) = (entry.order.spec().scale, entry.site());
        let generation = self.live_generation(site).unwrap_or(0);
        self.log(Some(key), Body::Command(Command::Query { attempt }));
        let (mut connector, told) = (self.tools.connector.clone(), self.tools.told.clone());
        let (market, key) = (self.tools.market.clone(), key.clone());
        let deadline = Deadline::after(ms(self.tools.config.timing.query_deadline_ms));
        spawn_bound(&self.tools.tasks, "order-query", async move {
            let answer = deadline.bound(connector.get_order(question)).await;
            let found = match answer {
                Ok(Ok(answer)) => match answer.into_inner() {
                    pb::GetOrderResponse {
                        found: true,
                        report: Some(report),
                    } => read_report(&market, &report, scale).await.map(Some),
                    pb::GetOrderResponse { found: true, .. } => Err(Reason::new(
                        "VENUE_ANSWER_UNREADABLE",
                        "found without a report",
                    )),
                    _ => Ok(None),
                },
                Ok(Err(status)) => Err(wire::failure(&status)),
                Err(passed) => Err(Reason::new("DEADLINE_EXCEEDED", passed.to_string())),
            };
            let told_of = Told::Queried {
                key,
                asked: now,
                generation,
                found,
            };
            let _ = told.send(told_of).await;
        });
    }

    /// Takes in what a query found.
    pub(crate) fn queried(
        &mut self,
        key: &OrderKey,
        asked: Instant,
        generation: u64,
        found: Result<Option<Box<OrderReport>>, Reason>,
    ) {
        self.follow(key).query.in_flight = false;
        match found {
            Ok(Some(report)) => {
                self.follow(key).query.found();
                self.weigh(key, Report::Stated(report));
                self.still_there(key);
            }
            Ok(None) => self.missed(key, asked, generation),
            Err(reason) => {
                tracing::debug!(order = %key, code = reason.code, "a query was not answered");
                self.query_later(key);
            }
        }
        self.follow_settled(key);
    }

    fn missed(&mut self, key: &OrderKey, asked: Instant, generation: u64) {
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        if entry.order.state().is_final() {
            return;
        }
        let live = self
            .live_generation(entry.site())
            .filter(|live| *live == generation);
        self.log(Some(key), Body::Report(Box::new(Report::Missed)));
        let timing = self.tools.config.timing.clone();
        match self.follow(key).query.missed(asked, live, &timing) {
            // The last word is that of the fills: one of ours proves that the order lived (F06).
            Some(misses) => self.look_among_fills(key, misses),
            None => self.query_later(key),
        }
    }

    /// Takes in that neither queries nor fills know the order.
    pub(crate) fn proven_absent(&mut self, key: &OrderKey, misses: u32) {
        tracing::warn!(order = %key, misses, "the venue does not know an order of ours");
        self.weigh(key, Report::Absent { misses });
    }

    /// Looks for orders that are not final and of which nothing was heard for too long (F33).
    pub(crate) fn watchdog(&mut self) {
        let timing = self.tools.config.timing.clone();
        let silence = ms(timing.silence_ms_max);
        let now = Instant::now();
        let mut silent: BTreeMap<SiteKey, Vec<(OrderKey, OrderState)>> = BTreeMap::new();
        for key in &self.ledger.open {
            let Some(entry) = self.ledger.get(key) else {
                continue;
            };
            let heard = self.follows.get(key).map(|follow| follow.heard);
            if entry.tracking.is_none() && heard.is_none_or(|heard| now >= heard + silence) {
                let of_site = silent.entry(entry.site()).or_default();
                of_site.push((key.clone(), entry.order.state()));
            }
        }
        for (site, orders) in silent {
            self.ask_for_silent(site, orders, now);
        }
        // Often enough that nothing is silent for more than a quarter beyond the bound.
        self.at(now + silence / 4, Due::Watchdog);
    }

    fn ask_for_silent(&mut self, site: SiteKey, orders: Vec<(OrderKey, OrderState)>, now: Instant) {
        let singly = orders.len() <= ASKED_SINGLY_MAX;
        for (key, state) in orders {
            // A submission whose task died has no answer coming; what became of it is not known.
            if state == OrderState::Submitting {
                self.submitted(
                    &key,
                    SubmitAnswer::Unknown {
                        reason: Reason::new("ORDER_OUTCOME_UNKNOWN", "no answer came"),
                    },
                );
            }
            self.follow(&key).heard = now;
            if singly {
                self.query_now(&key);
            }
        }
        if !singly {
            self.compare_now(site);
        }
    }

    /// Takes note of orders that the venue's list of open ones shows: they were heard of.
    pub(crate) fn heard_in_list(&mut self, site: SiteKey, view: &VenueView) {
        let now = Instant::now();
        for report in &view.open_orders {
            if let Some(key) = key_of(&self.ledger, site, report)
                && self.ledger.open.contains(&key)
            {
                self.follow(&key).heard = now;
            }
        }
    }

    /// Drops what is kept of an order that has ended.
    pub(crate) fn follow_settled(&mut self, key: &OrderKey) {
        let ended = self
            .ledger
            .get(key)
            .is_none_or(|entry| entry.order.state().is_final() && !entry.is_owed_fills());
        let idle = self.follows.get(key).is_some_and(|follow| {
            follow.placing.is_empty() && follow.cancelling.is_empty() && !follow.submitting
        });
        if ended && idle {
            self.follows.remove(key);
        }
    }
}

/// Returns the question for an order: by our own id when it has one.
fn question(entry: &crate::entry::Entry) -> pb::GetOrderRequest {
    let spec = entry.order.spec();
    let venue_order_id = match spec.index {
        Some(_) => String::new(),
        None => render::text(entry.order.venue_order_id()),
    };
    pb::GetOrderRequest {
        account: spec.account.to_string(),
        venue: spec.venue.to_string(),
        symbol: spec.symbol.to_string(),
        client_order_index: spec.index.map_or(0, i64::from),
        venue_order_id,
        created_time: Some(render::timestamp(entry.order.created_time())),
    }
}

/// Reads a report in the steps it names: the order's own, or those the connector has now (F68).
pub(crate) async fn read_report(
    market: &crate::market::Market,
    report: &pb::OrderReport,
    own: chimera_model::order::Scale,
) -> Result<Box<OrderReport>, Reason> {
    let unreadable = |words: String| Reason::new("VENUE_ANSWER_UNREADABLE", words);
    let scale = if report.instrument_version == own.version {
        own
    } else {
        let venue = report
            .venue
            .parse()
            .map_err(|_| unreadable("no venue".to_owned()))?;
        let instrument =
            market.instrument_of_version(venue, &report.symbol, report.instrument_version);
        let instrument = instrument
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        wire::scale(&instrument)
    };
    if report.instrument_version != scale.version {
        return Err(unreadable("steps of an unknown version".to_owned()));
    }
    let report = wire::order_report(report, &scale);
    report
        .map(Box::new)
        .map_err(|error| unreadable(error.to_string()))
}
