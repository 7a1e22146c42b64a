//! When the venue is compared with, what is read for it, and what is done about what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_model::order::Reason;
use chimera_model::{Symbol, UnixNanos};
use chimera_runtime::deadline::Deadline;
use tokio::time::Instant;

use crate::call::Told;
use crate::config::ms;
use crate::error::OrderError;
use crate::executions::list_fills;
use crate::follow::Waiter;
use crate::journal_log::{Body, PositionAdjustment};
use crate::key::{OrderKey, SiteKey};
use crate::ledger::Line;
use crate::market::{Connector, Market};
use crate::reconcile::{Comparison, Difference, Repair, VenueView, compare, to_ask_for};
use crate::service::{Desk, Due, spawn_bound};
use crate::unknown::read_report;
use crate::{metrics, render, wire};

/// How long between two looks of which the second confirms the first: fills that were on their way
/// have arrived by then.
const SECOND_LOOK: Duration = Duration::from_millis(250);

/// Looks after which a difference of positions is booked although it is another one each time:
/// somebody else trades the account, and the venue is the judge (F45).
const LOOKS_MAX: u32 = 4;

/// Callers of Reconcile that may wait for one comparison.
const WAITERS_MAX: usize = 16;

/// Questions for single orders that are on their way at one time: a restart with a thousand open
/// orders must not hold up the cancels that go the same way.
const QUESTIONS_AT_ONCE: usize = 16;

/// The comparisons with one venue.
#[derive(Debug, Default)]
pub(crate) struct Look {
    id: u64,
    in_flight: bool,
    again: bool,
    looks: u32,
    drift: Vec<String>,
    failures: u32,
    due: Option<Instant>,
    waiting: Vec<(Waiter<Comparison>, bool)>,
}

impl Desk {
    /// Compares with a venue now; once more if a comparison is under way, which may have read too
    /// early.
    pub(crate) fn compare_now(&mut self, key: SiteKey) {
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        if site.look.in_flight {
            site.look.again = true;
            return;
        }
        site.look.in_flight = true;
        site.look.id += 1;
        site.look.due = None;
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
        self.compare_now(key);
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
        site.look.in_flight = false;
        if std::mem::take(&mut site.look.again) {
            // The session changed while it was read: what was read may be older than that.
            return self.compare_now(key);
        }
        match view {
            Ok(view) => self.take_in(key, &view),
            Err(words) => self.could_not_compare(key, &words),
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
        for balance in &view.statements.balances {
            self.balance_said(key, balance);
        }
        if let Some(margin) = &view.statements.margin {
            self.margin_said(key, margin);
        }
        let differences = compare(&self.ledger, key, view);
        metrics::compared(differences.len());
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        site.look.failures = 0;
        let waiting = std::mem::take(&mut site.look.waiting);
        let (dry, wet): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, dry)| *dry);
        for (waiter, _) in dry {
            let comparison = Comparison {
                differences: differences.clone(),
                read_time: view.read_time,
            };
            self.reply_read(waiter, Ok(comparison));
        }
        self.repair(key, differences, view.read_time, wet);
    }

    /// Repairs what was found, and accepts new risk again once nothing is left in doubt of it.
    fn repair(
        &mut self,
        key: SiteKey,
        mut differences: Vec<Difference>,
        read_time: UnixNanos,
        waiting: Vec<(Waiter<Comparison>, bool)>,
    ) {
        let drift: Vec<String> = differences
            .iter()
            .filter(|found| matches!(found.repair, Repair::Adjust(_)))
            .map(|found| found.id.clone())
            .collect();
        let Some(site) = self.sites.get_mut(&key) else {
            return;
        };
        let confirmed = drift == site.look.drift || site.look.looks + 1 >= LOOKS_MAX;
        let settled = drift.is_empty() || confirmed;
        site.look.looks = if settled { 0 } else { site.look.looks + 1 };
        site.look.drift = if settled { Vec::new() } else { drift };
        for found in &mut differences {
            found.applied = match &found.repair {
                Repair::Adjust(change) if confirmed => {
                    self.adjust(key, found.symbol, *change, &found.id)
                }
                Repair::Adjust(_) => false,
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
        tracing::warn!(
            account = %key.account, venue = %key.venue, symbol = %found.symbol, id = found.id,
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

    fn reader(&self, site: SiteKey) -> Reader {
        let mut symbols: BTreeMap<Symbol, Since> = BTreeMap::new();
        let here = |line: &Line| line.account == site.account && line.venue == site.venue;
        for line in self.ledger.holdings.keys().filter(|line| here(line)) {
            symbols.insert(line.symbol, Since::Time(self.begun));
        }
        for (line, (_, trade)) in self
            .ledger
            .last_trades
            .iter()
            .filter(|(line, _)| here(line))
        {
            symbols.insert(line.symbol, Since::Trade(trade.to_string()));
        }
        let orders = to_ask_for(&self.ledger, site);
        let orders = orders.into_iter().filter_map(|key| {
            let entry = self.ledger.get(&key)?;
            let spec = entry.order.spec();
            let request = pb::GetOrderRequest {
                account: spec.account.to_string(),
                venue: spec.venue.to_string(),
                symbol: spec.symbol.to_string(),
                client_order_index: spec.index.map_or(0, i64::from),
                venue_order_id: match spec.index {
                    Some(_) => String::new(),
                    None => render::text(entry.order.venue_order_id()),
                },
            };
            Some((key, request, spec.scale))
        });
        Reader {
            site,
            orders: orders.collect(),
            symbols,
            begun: self.begun,
            read_time: self.now(),
            connector: self.tools.connector.clone(),
            market: self.tools.market.clone(),
            patience: ms(self.tools.config.timing.query_deadline_ms),
        }
    }
}

/// From where on fills are read.
#[derive(Debug, Clone)]
enum Since {
    Trade(String),
    Time(UnixNanos),
}

/// Reads one account's side of a comparison.
struct Reader {
    site: SiteKey,
    orders: Vec<(OrderKey, pb::GetOrderRequest, chimera_model::order::Scale)>,
    symbols: BTreeMap<Symbol, Since>,
    begun: UnixNanos,
    read_time: UnixNanos,
    connector: Connector,
    market: Market,
    patience: Duration,
}

impl Reader {
    async fn read(mut self) -> Result<VenueView, Reason> {
        let mut view = VenueView {
            read_time: self.read_time,
            ..VenueView::default()
        };
        let (account, venue) = (self.site.account.to_string(), self.site.venue.to_string());
        let mut connector = self.connector.clone();
        let margin = self
            .ask(connector.get_margin(pb::GetMarginRequest {
                account: account.clone(),
                venue: venue.clone(),
            }))
            .await?;
        view.statements.margin = margin.margin;
        view.statements.balances = margin.balances;
        let open = self
            .ask(connector.list_open_orders(pb::ListOpenOrdersRequest {
                account: account.clone(),
                venue: venue.clone(),
                symbol: String::new(),
            }))
            .await?;
        for report in &open.orders {
            let read = self.open_order(report).await?;
            view.open_orders.push(read);
        }
        view.orders = self.single_orders().await?;
        // Positions are read for their instruments first and for their numbers last: what trades in
        // between shows in the fills.
        let held = self.positions(&account, &venue).await?;
        for report in &held {
            if let Ok(symbol) = report.symbol.parse() {
                self.symbols
                    .entry(symbol)
                    .or_insert(Since::Time(self.begun));
            }
        }
        self.instruments(&mut view).await?;
        let symbols: Vec<(Symbol, Since)> = std::mem::take(&mut self.symbols).into_iter().collect();
        for (symbol, since) in symbols {
            let fills = self.fills(&account, &venue, symbol, &since).await?;
            view.fills.extend(fills);
        }
        view.statements.positions = self.positions(&account, &venue).await?;
        for report in &view.statements.positions {
            let unread = wire::unreadable::<()>("position");
            let (Ok(symbol), Ok(quantity)) = (report.symbol.parse(), report.quantity.parse())
            else {
                return Err(Reason::new(
                    "VENUE_ANSWER_UNREADABLE",
                    unread(()).to_string(),
                ));
            };
            view.positions.insert(symbol, quantity);
        }
        Ok(view)
    }

    async fn ask<T>(
        &self,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, Reason> {
        match Deadline::after(self.patience).bound(call).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(wire::failure(&status)),
            Err(passed) => Err(Reason::new("DEADLINE_EXCEEDED", passed.to_string())),
        }
    }

    async fn open_order(
        &mut self,
        report: &pb::OrderReport,
    ) -> Result<chimera_model::report::OrderReport, Reason> {
        let unreadable = |words: String| Reason::new("VENUE_ANSWER_UNREADABLE", words);
        let symbol: Symbol = report
            .symbol
            .parse()
            .map_err(|_| unreadable("no symbol".to_owned()))?;
        self.symbols
            .entry(symbol)
            .or_insert(Since::Time(self.begun));
        let own = self.orders.iter().find(|(key, _, _)| {
            key.index()
                .is_some_and(|index| i64::from(index) == report.client_order_index)
        });
        let scale = match own {
            Some((_, _, scale)) => *scale,
            None => {
                let venue = self.site.venue;
                let found = self.market.instrument(venue, symbol.as_str()).await;
                wire::scale(&*found.map_err(|error| unreadable(error.to_string()))?)
            }
        };
        read_report(&self.market, report, scale)
            .await
            .map(|report| *report)
    }

    async fn single_orders(
        &self,
    ) -> Result<Vec<(OrderKey, Option<chimera_model::report::OrderReport>)>, Reason> {
        use futures::{StreamExt, TryStreamExt};
        let questions = self.orders.iter().cloned().map(|(key, request, scale)| {
            let this = &self;
            async move {
                let mut connector = this.connector.clone();
                let answer = this.ask(connector.get_order(request)).await?;
                let report = match answer.report.filter(|_| answer.found) {
                    Some(report) => Some(*read_report(&this.market, &report, scale).await?),
                    None => None,
                };
                Ok::<_, Reason>((key, report))
            }
        });
        // Boxed one by one: their type would name this very function's lifetimes.
        let questions: Vec<_> = questions.map(futures::FutureExt::boxed).collect();
        futures::stream::iter(questions)
            .buffered(QUESTIONS_AT_ONCE)
            .try_collect()
            .await
    }

    async fn instruments(&self, view: &mut VenueView) -> Result<(), Reason> {
        let mut seen = BTreeSet::new();
        for symbol in self.symbols.keys().filter(|symbol| seen.insert(**symbol)) {
            let found = self
                .market
                .instrument(self.site.venue, symbol.as_str())
                .await;
            let found = found.map_err(|error| Reason::new("", error.to_string()))?;
            view.statements.instruments.push(found);
        }
        Ok(())
    }

    async fn positions(
        &self,
        account: &str,
        venue: &str,
    ) -> Result<Vec<pb::PositionReport>, Reason> {
        let mut connector = self.connector.clone();
        let request = pb::GetPositionsRequest {
            account: account.to_owned(),
            venue: venue.to_owned(),
        };
        Ok(self.ask(connector.get_positions(request)).await?.positions)
    }

    async fn fills(
        &self,
        account: &str,
        venue: &str,
        symbol: Symbol,
        since: &Since,
    ) -> Result<Vec<chimera_model::report::Fill>, Reason> {
        let (after_trade_id, start_time) = match since {
            Since::Trade(trade) => (trade.clone(), None),
            Since::Time(time) => (String::new(), Some(render::timestamp(*time))),
        };
        let request = pb::ListFillsRequest {
            account: account.to_owned(),
            venue: venue.to_owned(),
            symbol: symbol.to_string(),
            after_trade_id,
            start_time,
            venue_order_id: String::new(),
        };
        list_fills(self.connector.clone(), request, self.patience).await
    }
}
