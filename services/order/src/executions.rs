//! Fills that were stated and not itemised: fetched, and inferred when the venue does not say more.

use chimera_contracts::connector::v1 as pb;
use chimera_model::order::{Reason, Report, infer};
use chimera_model::report::Fill;
use chimera_runtime::deadline::Deadline;
use tokio::time::Instant;

use crate::call::Told;
use crate::config::ms;
use crate::entry::Entry;
use crate::key::OrderKey;
use crate::market::Connector;
use crate::render;
use crate::service::{Desk, Due, spawn_bound};
use crate::wire;

/// Pages of fills of one question; a page is 500 to 1,000 fills at the venues there are.
const PAGES_MAX: usize = 20;

/// How long before an order's intent its fills are looked for: clocks of venues may be behind ours.
const LOOK_BACK: std::time::Duration = std::time::Duration::from_secs(60);

impl Entry {
    /// Returns whether the venue stated more than its fills account for.
    pub(crate) fn is_owed_fills(&self) -> bool {
        self.tracking.is_none() && self.order.missing_fills().is_positive()
    }
}

impl Desk {
    /// Fetches the fills of an order soon: most often the stream itemises them before that.
    pub(crate) fn fetch_fills_soon(&mut self, key: &OrderKey) {
        let grace = ms(self.tools.config.timing.fills_grace_ms);
        let plan = &mut self.follow(key).fills;
        if plan.in_flight || plan.due.is_some() {
            return;
        }
        let at = Instant::now() + grace;
        plan.due = Some(at);
        self.at(at, Due::Fills(key.clone()));
    }

    pub(crate) fn fills_due(&mut self, key: &OrderKey) {
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        let owed = entry.is_owed_fills();
        let venue_order_id = render::text(entry.order.venue_order_id());
        let request = request(entry, venue_order_id);
        let plan = &mut self.follow(key).fills;
        plan.due = None;
        if !owed || plan.in_flight {
            return self.follow_settled(key);
        }
        plan.in_flight = true;
        plan.attempts += 1;
        self.fetch(key, request, None);
    }

    /// Looks whether any fill bears our id, the last evidence that an order ever lived (F06).
    pub(crate) fn look_among_fills(&mut self, key: &OrderKey, misses: u32) {
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        let request = request(entry, String::new());
        self.fetch(key, request, Some(misses));
    }

    fn fetch(&self, key: &OrderKey, request: pb::ListFillsRequest, misses: Option<u32>) {
        let (connector, told) = (self.tools.connector.clone(), self.tools.told.clone());
        let patience = ms(self.tools.config.timing.query_deadline_ms);
        let key = key.clone();
        spawn_bound(&self.tools.tasks, "order-fills", async move {
            let fills = list_fills(connector, request, patience).await;
            let _ = told.send(Told::Fills { key, fills, misses }).await;
        });
    }

    /// Takes in the fills of an order.
    pub(crate) fn fills_told(
        &mut self,
        key: &OrderKey,
        fills: Result<Vec<Fill>, Reason>,
        misses: Option<u32>,
    ) {
        let attempts_max = self.tools.config.timing.fills_attempts;
        let received_time = self.now();
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        let index = entry.order.spec().index;
        let known = entry.order.venue_order_id().cloned();
        let belongs = |fill: &Fill| match &known {
            Some(id) => *id == fill.venue_order_id,
            None => index.is_some() && fill.client_order_index == index,
        };
        let failed = fills.is_err();
        let mut found = false;
        for fill in fills.unwrap_or_default().into_iter().filter(belongs) {
            found = true;
            let fill = Box::new(fill);
            self.weigh(
                key,
                Report::Executed {
                    fill,
                    received_time,
                },
            );
        }
        if let Some(misses) = misses {
            match (failed, found) {
                (false, false) => self.proven_absent(key, misses),
                // It lived: the search goes on for its end.
                _ => self.query_later(key),
            }
            return self.follow_settled(key);
        }
        let owed = self.ledger.get(key).is_some_and(Entry::is_owed_fills);
        let plan = &mut self.follow(key).fills;
        plan.in_flight = false;
        if !owed {
            plan.attempts = 0;
            return self.follow_settled(key);
        }
        if plan.attempts < attempts_max {
            return self.fetch_fills_soon(key);
        }
        self.infer_fill(key);
        self.follow_settled(key);
    }

    /// Books what the venue states and does not itemise (F35).
    pub(crate) fn infer_fill(&mut self, key: &OrderKey) {
        let now = self.now();
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        let venue_time = entry.order.venue_time();
        match infer(&entry.order, now) {
            Some(event) => {
                tracing::warn!(order = %key, "a fill is inferred from a stated quantity");
                self.record_event(key, event, venue_time);
                self.after(key);
            }
            None => tracing::error!(order = %key, "fills are missing and cannot be inferred"),
        }
    }
}

fn request(entry: &Entry, venue_order_id: String) -> pb::ListFillsRequest {
    let spec = entry.order.spec();
    let start = entry.order.created_time().as_nanos();
    let back = u64::try_from(LOOK_BACK.as_nanos()).unwrap_or(0);
    let start = chimera_model::UnixNanos::from_nanos(start.saturating_sub(back));
    pb::ListFillsRequest {
        account: spec.account.to_string(),
        venue: spec.venue.to_string(),
        symbol: spec.symbol.to_string(),
        after_trade_id: String::new(),
        start_time: Some(render::timestamp(start)),
        venue_order_id,
    }
}

/// Reads fills page by page.
pub(crate) async fn list_fills(
    mut connector: Connector,
    mut request: pb::ListFillsRequest,
    patience: std::time::Duration,
) -> Result<Vec<Fill>, Reason> {
    let mut fills = Vec::new();
    for _ in 0..PAGES_MAX {
        let deadline = Deadline::after(patience);
        let answer = match deadline.bound(connector.list_fills(request.clone())).await {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => return Err(wire::failure(&status)),
            Err(passed) => return Err(Reason::new("DEADLINE_EXCEEDED", passed.to_string())),
        };
        for fill in &answer.fills {
            let read = wire::fill(fill);
            let read =
                read.map_err(|error| Reason::new("VENUE_ANSWER_UNREADABLE", error.to_string()))?;
            fills.push(read);
        }
        let Some(last) = answer.fills.last().filter(|_| answer.more) else {
            return Ok(fills);
        };
        if request.after_trade_id == last.trade_id {
            return Ok(fills);
        }
        request.after_trade_id.clone_from(&last.trade_id);
    }
    Err(Reason::new(
        "VENUE_ANSWER_UNREADABLE",
        "more pages of fills than are read",
    ))
}
