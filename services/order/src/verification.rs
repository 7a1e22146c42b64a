//! The end of a kill: the venues are asked until none of them shows an order of ours (F27). What the
//! journal lacks is found by the same question and cancelled too.
//!
//! The first question is asked at once, for what the journal lacks; it and every later one proves
//! something only when it was asked after the last order in the book had ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chimera_contracts::connector::v1 as connector;
use chimera_contracts::order::v1 as pb;
use chimera_model::ClientOrderIndex;
use chimera_runtime::deadline::Deadline;
use tokio::time::Instant;

use crate::call::{Switched, Told};
use crate::config::ms;
use crate::entry::Entry;
use crate::follow::{WAITERS_MAX, Waiter};
use crate::key::{OrderKey, SiteKey};
use crate::metrics;
use crate::render;
use crate::service::{Desk, Due, spawn_bound};
use crate::trading::TradingState;

/// How often the book is looked at while orders of ours are open in it. Costs the venue nothing.
const BOOK_PAUSE: Duration = Duration::from_millis(5);

/// The pause after a question that found something open; doubles. A question without a symbol is
/// the dearest that venues answer: six of them in the longest wait are a tenth of a minute's quota.
const QUESTION_PAUSE: Duration = Duration::from_millis(100);

/// What the venues said last: the orders open at each, or why it did not say.
pub(crate) type OpenAt = BTreeMap<SiteKey, Result<Vec<connector::OrderReport>, String>>;

/// A caller of a kill that waits for its proof.
#[derive(Debug)]
struct Waiting {
    reply: Waiter<Switched>,
    switched: Switched,
    since: Instant,
    until: Instant,
}

/// The callers that wait, and the questions asked for them.
#[derive(Debug, Default)]
pub(crate) struct Verification {
    waiting: Vec<Waiting>,
    /// How many questions were asked since the last of them came.
    asked: u32,
    in_flight: bool,
    due: Option<Instant>,
    ticking: bool,
    last: OpenAt,
}

/// One question to all venues.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    asked: Instant,
    /// Whether the book had nothing of ours open when it was asked.
    proves: bool,
}

impl Desk {
    /// Takes over the answer to a kill whose submissions are settled.
    pub(crate) fn verify_for(&mut self, switched: Switched, reply: Waiter<Switched>) {
        if self.verification.waiting.len() >= WAITERS_MAX {
            metrics::bounded("waiters");
            let answer = self.with_leftovers(switched);
            return self.reply(reply, Ok(answer));
        }
        let since = Instant::now();
        self.verification.waiting.push(Waiting {
            reply,
            switched,
            since,
            until: since + ms(self.tools.config.timing.kill_verify_ms),
        });
        self.verification.asked = 0;
        self.verification.due = None;
        self.verify();
    }

    pub(crate) fn verify_due(&mut self) {
        self.verification.ticking = false;
        self.verify();
    }

    /// Takes whatever step the proof needs now. Taking it once too often changes nothing.
    fn verify(&mut self) {
        let now = Instant::now();
        let halted = self.ledger.trading.state == TradingState::Halted;
        let over = |caller: &Waiting| !halted || caller.until <= now;
        let waiting = std::mem::take(&mut self.verification.waiting);
        let (ended, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(over);
        self.verification.waiting = waiting;
        for caller in ended {
            tracing::error!("something may still be open at a venue after the kill");
            let answer = self.with_leftovers(caller.switched);
            self.reply(caller.reply, Ok(answer));
        }
        if self.verification.waiting.is_empty() {
            self.verification.last.clear();
            return;
        }
        let verification = &self.verification;
        let due = verification.due.is_none_or(|due| due <= now);
        let useful = verification.asked == 0 || self.killable().is_empty();
        if due && useful && self.venues_known && !verification.in_flight {
            self.ask_what_is_open();
        }
        if !std::mem::replace(&mut self.verification.ticking, true) {
            self.at(now + BOOK_PAUSE, Due::Verify);
        }
    }

    fn ask_what_is_open(&mut self) {
        let question = Question {
            asked: Instant::now(),
            proves: self.killable().is_empty(),
        };
        let pause = QUESTION_PAUSE * 2_u32.pow(self.verification.asked.min(4));
        self.verification.asked += 1;
        self.verification.due = question.proves.then(|| question.asked + pause);
        self.verification.in_flight = true;
        let sites: Vec<SiteKey> = self.sites.keys().copied().collect();
        let (connector, told) = (self.tools.connector.clone(), self.tools.told.clone());
        let patience = ms(self.tools.config.timing.query_deadline_ms);
        spawn_bound(&self.tools.tasks, "order-verify", async move {
            let questions = sites.into_iter().map(|site| {
                let mut connector = connector.clone();
                async move {
                    let request = connector::ListOpenOrdersRequest {
                        account: site.account.to_string(),
                        venue: site.venue.to_string(),
                        symbol: String::new(),
                    };
                    let asked = connector.list_open_orders(request);
                    let said = match Deadline::after(patience).bound(asked).await {
                        Ok(Ok(answer)) => Ok(answer.into_inner().orders),
                        Ok(Err(status)) => Err(status.message().to_owned()),
                        Err(passed) => Err(passed.to_string()),
                    };
                    (site, said)
                }
            });
            let open = futures::future::join_all(questions).await;
            let open = open.into_iter().collect();
            let _ = told.send(Told::OpenAtVenues { open, question }).await;
        });
    }

    /// Takes in what is open at the venues, and ends the kill when that is nothing of ours.
    pub(crate) fn open_at_venues(&mut self, open: OpenAt, question: Question) {
        self.verification.in_flight = false;
        self.verification.last = open;
        let found: BTreeSet<SiteKey> = self.found().into_iter().map(|(site, _)| site).collect();
        let all_said = self.verification.last.values().all(Result::is_ok);
        let none = all_said && found.is_empty() && self.killable().is_empty();
        if question.proves && none {
            // It says nothing to whoever came after it was asked.
            let waiting = std::mem::take(&mut self.verification.waiting);
            let (proven, waiting): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|caller| caller.since <= question.asked);
            self.verification.waiting = waiting;
            for mut caller in proven {
                caller.switched.none_open = true;
                self.reply(caller.reply, Ok(caller.switched));
            }
        }
        // A comparison takes it into the books, and what is found while trading is halted dies.
        for site in found {
            self.compare_now(site);
        }
        self.verify();
    }

    /// Returns what the venues show open under an id of ours, and the book does not.
    fn found(&self) -> Vec<(SiteKey, &connector::OrderReport)> {
        let said = self.verification.last.iter();
        let said = said.filter_map(|(site, said)| Some((*site, said.as_ref().ok()?)));
        let ours = said.flat_map(|(site, orders)| orders.iter().map(move |it| (site, it)));
        ours.filter(|(site, report)| {
            let index = ClientOrderIndex::new(report.client_order_index);
            index.is_ok_and(|index| {
                let key = OrderKey::ours(site.account, index);
                !self.ledger.open.contains(&key)
            })
        })
        .collect()
    }

    fn with_leftovers(&self, mut switched: Switched) -> Switched {
        let in_book = self.killable();
        let in_book = in_book.iter().filter_map(|key| self.ledger.get(key));
        let in_book = in_book.filter(|entry| entry.tracking.is_none());
        switched.leftovers = in_book.map(leftover).collect();
        for (site, report) in self.found() {
            switched.leftovers.push(pb::Leftover {
                account: site.account.to_string(),
                venue: site.venue.to_string(),
                symbol: report.symbol.clone(),
                client_order_index: report.client_order_index,
                venue_order_id: report.venue_order_id.clone(),
                state: pb::OrderState::Unspecified.into(),
            });
        }
        let unverified = |account: String, venue: String, message: &str| pb::UnverifiedAccount {
            account,
            venue,
            message: message.to_owned(),
        };
        if !self.venues_known {
            let words = "the venues are not known yet";
            switched.unverified = vec![unverified(String::new(), String::new(), words)];
        }
        for site in self.sites.keys() {
            let words = match self.verification.last.get(site) {
                Some(Ok(_)) => continue,
                Some(Err(words)) => words.as_str(),
                None => "the venue has not answered",
            };
            let (account, venue) = (site.account.to_string(), site.venue.to_string());
            switched.unverified.push(unverified(account, venue, words));
        }
        switched
    }
}

fn leftover(entry: &Entry) -> pb::Leftover {
    let spec = entry.order.spec();
    pb::Leftover {
        account: spec.account.to_string(),
        venue: spec.venue.to_string(),
        symbol: spec.symbol.to_string(),
        client_order_index: spec.index.map_or(0, i64::from),
        venue_order_id: render::text(entry.order.venue_order_id()),
        state: render::state(entry.order.state()).into(),
    }
}
