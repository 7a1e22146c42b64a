//! From a report to what follows: weighed, recorded, and seen to.

use chimera_model::order::{Event, NoticeKind, OrderState, Report, conclude};
use chimera_model::{ClientOrderIndex, TimeInForce, UnixNanos};
use tokio::time::Instant;

use crate::journal_log::Body;
use crate::key::OrderKey;
use crate::metrics;
use crate::service::Desk;

impl Desk {
    /// Weighs a report about an order, records it with what it proves, and sees to what follows.
    pub(crate) fn weigh(&mut self, key: &OrderKey, report: Report) {
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        let before = entry.order.state();
        let events = conclude(&entry.order, &report);
        let venue_time = match &report {
            Report::Stated(stated) => stated.venue_time,
            Report::Executed { fill, .. } => Some(fill.venue_time),
            _ => None,
        };
        // Silence about what is known already keeps the journal small (F34).
        let answers = matches!(report, Report::Submitted(_) | Report::CancelAnswered(_));
        if events.is_empty() && !answers {
            self.heard(key);
            return;
        }
        self.log(Some(key), Body::Report(Box::new(report)));
        for event in events {
            self.record_event(key, event, venue_time);
        }
        self.heard(key);
        self.count_state(key, before);
        self.after(key);
    }

    /// Records one conclusion, and tells a parent of its child's fills.
    pub(crate) fn record_event(
        &mut self,
        key: &OrderKey,
        event: Event,
        venue_time: Option<UnixNanos>,
    ) {
        let notice = match &event {
            Event::Noticed(notice) => Some(notice.clone()),
            _ => None,
        };
        let parent = self.ledger.get(key).and_then(|entry| {
            let spec = entry.order.spec();
            spec.parent
                .map(|parent| OrderKey::ours(spec.account, parent))
                .zip(spec.index)
        });
        let fill = matches!(event, Event::Fill(_) | Event::Restated(_)).then(|| event.clone());
        let alias = self.alias_of(key, &event);
        if !self.log(Some(key), Body::Event { event, venue_time }) {
            return;
        }
        if let Some((alias, index)) = alias {
            self.log(Some(&alias), Body::Alias(index));
        }
        if let (Some((parent, child)), Some(event)) = (parent, fill)
            && self.ledger.get(&parent).is_some()
        {
            self.log(Some(&parent), Body::Progress { child, event });
        }
        if let Some(notice) = notice {
            self.noticed(key, notice.kind, &notice.words);
        }
    }

    /// Returns what else an order of ours is called once the venue has named it: lists of fills may
    /// know it by that name alone when memory has long forgotten it.
    fn alias_of(&self, key: &OrderKey, event: &Event) -> Option<(OrderKey, ClientOrderIndex)> {
        let Event::Identified {
            venue_order_id: Some(id),
            ..
        } = event
        else {
            return None;
        };
        let line = self.ledger.get(key)?.line();
        let is_known = self.ledger.by_venue_id.contains_key(&(line, id.clone()));
        let alias = OrderKey::external(line, id.clone());
        key.index()
            .filter(|_| !is_known)
            .map(|index| (alias, index))
    }

    fn noticed(&mut self, key: &OrderKey, kind: NoticeKind, words: &str) {
        let name = match kind {
            NoticeKind::Hostile => "hostile",
            NoticeKind::Doubled => "doubled",
            NoticeKind::Contradiction => "contradiction",
            NoticeKind::ProofOfLife => "proof_of_life",
            NoticeKind::UnknownStatus => "unknown_status",
            NoticeKind::Overfilled => "overfilled",
            NoticeKind::LateFill => "late_fill",
            NoticeKind::Appeared => "appeared",
        };
        metrics::noticed(name);
        tracing::warn!(order = %key, notice = name, words, "an order needs a look");
        match kind {
            // The account is not to be trusted until a query agrees (H55).
            NoticeKind::Hostile | NoticeKind::Doubled => {
                if let Some(site) = self.site_of(key) {
                    self.distrust(site, name);
                }
                self.query_now(key);
            }
            NoticeKind::Contradiction
            | NoticeKind::ProofOfLife
            | NoticeKind::UnknownStatus
            | NoticeKind::Appeared => self.query_now(key),
            NoticeKind::Overfilled | NoticeKind::LateFill => {}
        }
    }

    fn count_state(&self, key: &OrderKey, before: OrderState) {
        if let Some(entry) = self.ledger.get(key)
            && entry.order.state() != before
        {
            metrics::order_reached(entry.order.state().name());
            metrics::open_orders(self.ledger.open.len());
        }
    }

    /// Sees to what an order needs as it stands now.
    pub(crate) fn after(&mut self, key: &OrderKey) {
        let Some(entry) = self.ledger.get(key) else {
            return;
        };
        let (order, parent) = (&entry.order, entry.order.spec().parent);
        let (state, account) = (order.state(), order.spec().account);
        let is_parent = entry.tracking.is_some();
        let missing = order.missing_fills().is_positive();
        let works = matches!(state, OrderState::Open | OrderState::PartiallyFilled);
        let asked = order.is_cancel_asked();
        // The stream may say that an order is open before the venue's answer says how it ended: of one
        // that cannot rest, that it is open is no outcome yet. The answer's deadline bounds the wait.
        let ends_at_once = order.spec().time_in_force != TimeInForce::Gtc && !state.is_final();
        let submitting = self.follows.get(key).is_some_and(|it| it.submitting);
        if state != OrderState::Submitting && !(ends_at_once && submitting) {
            self.answer_placing(key);
        }
        if state.is_final() {
            self.answer_cancelling(key);
        }
        // Found, adopted or revived while trading is halted, it is cancelled as those before (F27).
        if works && !asked && self.is_to_die(key) {
            self.ask_cancel(key);
        }
        if missing && !is_parent {
            self.fetch_fills_soon(key);
        }
        if !is_parent {
            self.resolve_doubt(key, state);
            self.pursue_cancel(key);
        }
        if state.is_final() && !missing {
            self.follow_end(key);
        }
        if is_parent {
            self.track(key);
        }
        if let Some(parent) = parent {
            self.track(&OrderKey::ours(account, parent));
        }
    }

    /// Notes that something was heard of an order.
    pub(crate) fn heard(&mut self, key: &OrderKey) {
        if let Some(follow) = self.follows.get_mut(key) {
            follow.heard = Instant::now();
        }
    }

    fn follow_end(&mut self, key: &OrderKey) {
        let done = self.follows.get(key).is_some_and(|follow| {
            follow.placing.is_empty() && follow.cancelling.is_empty() && !follow.submitting
        });
        if done {
            self.follows.remove(key);
        }
    }
}
