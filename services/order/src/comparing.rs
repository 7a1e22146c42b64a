//! When the venue is compared with, what is read for it, and what is done about what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chimera_model::report::Fill;
use chimera_model::{Symbol, TradeId, UnixNanos};
use tokio::time::Instant;

use self::drift::Drift;
use crate::call::Told;
use crate::config::ms;
use crate::difference::{Difference, Repair};
use crate::error::OrderError;
use crate::follow::Waiter;
use crate::journal_log::{Body, Cursor, PositionAdjustment};
use crate::key::{OrderKey, SiteKey};
use crate::ledger::Line;
use crate::read_back::{Family, read_family};
use crate::reconcile::{Comparison, VenueView, compare, forgotten_in, is_booked};
use crate::service::{Desk, Due, spawn_bound};
use crate::{metrics, render};

mod drift;
mod reader;

/// How long between two looks of which the second confirms the first: fills that were on their way
/// have arrived by then.
const SECOND_LOOK: Duration = Duration::from_millis(250);

/// Callers of Reconcile that may wait for one comparison.
const WAITERS_MAX: usize = 16;

/// Orders that memory had forgotten, read back for a comparison.
#[derive(Debug, Default)]
pub(crate) struct Recall {
    families: Vec<Family>,
    /// Which were asked for, those without records included.
    asked: BTreeSet<OrderKey>,
}

/// The comparisons with one venue.
#[derive(Debug, Default)]
pub(crate) struct Look {
    id: u64,
    /// When the last reading began.
    pub(crate) begun: Option<Instant>,
    in_flight: bool,
    /// Whether what is being read will be acted on, or only told to callers of a dry run.
    repairs: bool,
    again: bool,
    drift: Drift,
    failures: u32,
    due: Option<Instant>,
    waiting: Vec<(Waiter<Comparison>, bool)>,
    /// Up to where the comparison before this one read the fills. The cursor stays one comparison
    /// behind: a venue may show a trade a little later than the ones after it.
    read_up_to: BTreeMap<Symbol, TradeId>,
}

impl Desk {
    /// Compares with a venue now; once more if a comparison is under way, which may have read too
    /// early.
    pub(crate) fn compare_now(&mut self, key: SiteKey) {
        self.read_venue(key, true);
    }

    fn read_venue(&mut self, key: SiteKey, repairs: bool) {
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        if site.look.in_flight {
            site.look.again |= repairs;
            return;
        }
        site.look.in_flight = true;
        site.look.repairs = repairs;
        site.look.id += 1;
        site.look.begun = Some(Instant::now());
        if repairs {
            site.look.due = None;
        }
        let look = site.look.id;
        let reader = self.reader(key);
        let told = self.tools.told.clone();
        spawn_bound(&self.tools.tasks, "order-compare", async move {
            let view = reader.read().await.map(Box::new);
            let view = view.map_err(|reason| reason.message);
            let _ = told
                .send(Told::Compared {
                    site: key,
                    look,
                    view,
                })
                .await;
        });
    }

    /// Does not accept new risk at a venue until the records were compared with it.
    pub(crate) fn distrust(&mut self, key: SiteKey, why: &'static str) {
        if let Some(site) = self.sites.get_mut(&key) {
            metrics::noticed(why);
            site.compared = false;
            self.compare_now(key);
        }
    }

    pub(crate) fn compare_due(&mut self, key: SiteKey) {
        let now = Instant::now();
        let due = self.sites.get(&key).and_then(|site| site.look.due);
        if due.is_some_and(|due| due <= now) {
            self.compare_now(key);
        }
    }

    fn compare_at(&mut self, key: SiteKey, at: Instant) {
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        if site.look.due.is_some_and(|due| due <= at) {
            return;
        }
        site.look.due = Some(at);
        self.at(at, Due::Compare(key));
    }

    /// Compares for a caller.
    pub(crate) fn reconcile(&mut self, key: SiteKey, dry_run: bool, reply: Waiter<Comparison>) {
        if !self.venues_known {
            return self.reply_read(reply, Err(OrderError::Recovering));
        }
        let Some(site) = self.sites.get_mut(&key) else {
            let error = self.unknown_site(key);
            return self.reply_read(reply, Err(error));
        };
        if site.look.waiting.len() >= WAITERS_MAX {
            metrics::bounded("waiters");
            return self.reply_read(reply, Err(OrderError::Overloaded));
        }
        site.look.waiting.push((reply, dry_run));
        self.read_venue(key, !dry_run);
    }

    /// Takes in what was read of a venue.
    pub(crate) fn compared(
        &mut self,
        key: SiteKey,
        look: u64,
        view: Result<Box<VenueView>, String>,
    ) {
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        if site.look.id != look {
            return;
        }
        match view {
            Ok(view) => {
                let forgotten = forgotten_in(&self.ledger, key, &view);
                if forgotten.is_empty() {
                    self.read_done(key, |desk| desk.take_in(key, &view));
                } else {
                    self.recall(key, look, view, forgotten, Recall::default());
                }
            }
            Err(words) => self.read_done(key, |desk| desk.could_not_compare(key, &words)),
        }
    }

    /// Ends a reading; what was read is not used when the session changed meanwhile, since it may
    /// be older than that.
    fn read_done(&mut self, key: SiteKey, then: impl FnOnce(&mut Self)) {
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        site.look.in_flight = false;
        if std::mem::take(&mut site.look.again) {
            return self.compare_now(key);
        }
        then(self);
    }

    /// Reads back what the venue speaks of and memory has forgotten.
    fn recall(
        &mut self,
        site: SiteKey,
        look: u64,
        view: Box<VenueView>,
        keys: Vec<OrderKey>,
        mut recall: Recall,
    ) {
        let (store, told) = (self.tools.store.clone(), self.tools.told.clone());
        let tasks = self.tools.tasks.clone();
        self.effect(Box::new(move |_| {
            spawn_bound(&tasks, "order-recall", async move {
                for key in keys {
                    let family = read_family(store.as_ref(), &key).await;
                    recall.families.extend(family);
                    recall.asked.insert(key);
                }
                let recalled = Told::Recalled {
                    site,
                    look,
                    view,
                    recall,
                };
                let _ = told.send(recalled).await;
            });
        }));
    }

    pub(crate) fn recalled(
        &mut self,
        key: SiteKey,
        look: u64,
        view: Box<VenueView>,
        recall: Recall,
    ) {
        let current = self.sites.get(&key).is_some_and(|it| it.look.id == look);
        // While some were read, memory may have forgotten others, whose fills would look missing.
        let mut since = forgotten_in(&self.ledger, key, &view);
        since.retain(|order| !recall.asked.contains(order));
        if current && !since.is_empty() {
            return self.recall(key, look, view, since, recall);
        }
        for family in recall.families {
            self.take_back(family);
        }
        if current {
            self.read_done(key, |desk| desk.take_in(key, &view));
        }
    }

    fn could_not_compare(&mut self, key: SiteKey, words: &str) {
        tracing::warn!(account = %key.account, venue = %key.venue, words, "cannot compare");
        let timing = self.tools.config.timing.clone();
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        site.look.failures = site.look.failures.saturating_add(1);
        let doublings = site.look.failures.min(8) - 1;
        let waiting = std::mem::take(&mut site.look.waiting);
        let pause = ms(timing.reconnect_pause_ms) * 2_u32.pow(doublings);
        let pause = pause.min(ms(timing.reconnect_pause_ms_max));
        for (waiter, _) in waiting {
            let error = OrderError::VenueUnavailable {
                venue: key.venue,
                words: words.to_owned(),
            };
            self.reply_read(waiter, Err(error));
        }
        self.compare_at(key, Instant::now() + pause);
    }

    fn take_in(&mut self, key: SiteKey, view: &VenueView) {
        for instrument in &view.statements.instruments {
            self.learn_scale(instrument);
        }
        for position in &view.statements.positions {
            self.position_said(key, position);
        }
        if let Some(margin) = &view.statements.margin {
            self.margin_read(key, margin);
        }
        self.heard_in_list(key, view);
        let mut differences = compare(&self.ledger, key, view);
        differences.extend(self.differing_balances(key, &view.statements.balances));
        metrics::compared(differences.len());
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        site.look.failures = 0;
        let repairs = site.look.repairs;
        self.balances_read(key, &view.statements.balances, repairs);
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        let waiting = std::mem::take(&mut site.look.waiting);
        let (dry, wet): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, dry)| *dry);
        for (waiter, _) in dry {
            let comparison = Comparison {
                differences: differences.clone(),
                read_time: view.read_time,
            };
            self.reply_read(waiter, Ok(comparison));
        }
        if repairs {
            self.advance_cursors(key, &view.fills);
            self.repair(key, differences, view.read_time, wet);
        }
    }

    /// Repairs what was found, and accepts new risk again once nothing is left in doubt of it.
    fn repair(
        &mut self,
        key: SiteKey,
        mut differences: Vec<Difference>,
        read_time: UnixNanos,
        waiting: Vec<(Waiter<Comparison>, bool)>,
    ) {
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        let (settled, confirmed) = site.look.drift.judge(&differences);
        for found in &mut differences {
            found.applied = match &found.repair {
                Repair::Adjust(change) if confirmed => found
                    .symbol
                    .is_some_and(|symbol| self.adjust(key, symbol, *change, &found.id)),
                Repair::Adjust(_) | Repair::Leave => false,
                Repair::TakeIn => true,
                Repair::Weigh(report) => {
                    self.order_told((**report).clone());
                    true
                }
                Repair::Book(fill) => {
                    self.fill_told((**fill).clone());
                    true
                }
                Repair::Ask => {
                    if let Some(order) = &found.order {
                        self.query_now(order);
                    }
                    false
                }
            };
            self.tell_of(key, found);
        }
        for missing in self.owed_at(key) {
            self.fetch_fills_soon(&missing);
        }
        if settled {
            self.comparison_done(key);
            for (waiter, _) in waiting {
                let comparison = Comparison {
                    differences: differences.clone(),
                    read_time,
                };
                self.reply(waiter, Ok(comparison));
            }
        } else {
            if let Some(site) = self.sites.get_mut(&key) {
                site.look.waiting.extend(waiting);
            }
            self.compare_at(key, Instant::now() + SECOND_LOOK);
        }
    }

    /// Notes up to where the venue's fills were read, as far as every one of them is booked.
    fn advance_cursors(&mut self, key: SiteKey, fills: &[Fill]) {
        let mut read: BTreeMap<Symbol, TradeId> = BTreeMap::new();
        let mut unbooked = BTreeSet::new();
        for fill in fills {
            read.insert(fill.symbol, fill.trade_id.clone());
            if !is_booked(&self.ledger, fill) {
                unbooked.insert(fill.symbol);
            }
        }
        read.retain(|symbol, _| !unbooked.contains(symbol));
        for (symbol, trade_id) in read {
            let Some(site) = self.sites.get_mut(&key) else {
                return;
            };
            let line = Line {
                account: key.account,
                venue: key.venue,
                symbol,
            };
            let before = site.look.read_up_to.insert(symbol, trade_id);
            if let Some(trade_id) = before.filter(|it| self.ledger.cursors.get(&line) != Some(it)) {
                self.log(None, Body::Cursor(Cursor { line, trade_id }));
            }
        }
    }

    fn comparison_done(&mut self, key: SiteKey) {
        let every = ms(self.tools.config.timing.compare_every_ms);
        let live = self.live_generation(key).is_some();
        if let Some(site) = self.sites.get_mut(&key) {
            let first = !site.compared;
            site.compared = live;
            site.ever_compared |= live;
            if first && live {
                tracing::info!(account = %key.account, venue = %key.venue, "ready for orders");
                self.wake_tracking(key);
            }
        }
        self.compare_at(key, Instant::now() + every);
    }

    fn tell_of(&self, key: SiteKey, found: &Difference) {
        let kind = format!("{:?}", found.kind);
        let (symbol, asset) = (render::text(found.symbol), render::text(found.asset));
        tracing::warn!(
            account = %key.account, venue = %key.venue, symbol, asset, id = found.id,
            kind, here = found.here, there = found.there, applied = found.applied,
            "this mesh and the venue differ"
        );
    }

    fn adjust(
        &mut self,
        key: SiteKey,
        symbol: Symbol,
        change: chimera_model::Decimal,
        id: &str,
    ) -> bool {
        let adjustment = PositionAdjustment {
            account: key.account,
            venue: key.venue,
            symbol,
            change,
            id: id.to_owned(),
        };
        self.log(None, Body::Position(adjustment))
    }

    fn owed_at(&self, key: SiteKey) -> Vec<OrderKey> {
        let entries = self.ledger.orders.iter();
        entries
            .filter(|(_, entry)| entry.site() == key && entry.is_owed_fills())
            .map(|(order, _)| order.clone())
            .collect()
    }
}
