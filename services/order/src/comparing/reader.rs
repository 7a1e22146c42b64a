//! What is read of a venue for a comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_model::order::{Reason, Scale};
use chimera_model::{Symbol, UnixNanos};
use chimera_runtime::deadline::Deadline;

use crate::config::ms;
use crate::executions::list_fills;
use crate::key::{OrderKey, SiteKey};
use crate::ledger::Line;
use crate::market::{Connector, Market};
use crate::reconcile::{VenueView, to_ask_for};
use crate::service::Desk;
use crate::unknown::read_report;
use crate::{render, wire};

/// Questions for single orders that are on their way at one time: a restart after which a thousand
/// orders are gone from the venue must not hold up the cancels that go the same way.
const QUESTIONS_AT_ONCE: usize = 16;

/// From where on fills are read.
#[derive(Debug, Clone)]
enum Since {
    Trade(String),
    Time(UnixNanos),
}

/// Reads one account's side of a comparison.
pub(super) struct Reader {
    site: SiteKey,
    orders: Vec<(OrderKey, pb::GetOrderRequest, Scale)>,
    symbols: BTreeMap<Symbol, Since>,
    begun: UnixNanos,
    read_time: UnixNanos,
    connector: Connector,
    market: Market,
    patience: Duration,
}

impl Reader {
    pub(super) async fn read(mut self) -> Result<VenueView, Reason> {
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
        let scales = self.scales();
        for report in &open.orders {
            let read = self.open_order(report, &scales).await?;
            view.open_orders.push(read);
        }
        self.leave_out_listed(&open.orders);
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

    /// Returns by which steps our own orders were placed, by index.
    fn scales(&self) -> BTreeMap<i64, Scale> {
        let own = self.orders.iter();
        own.filter_map(|(key, _, scale)| Some((i64::from(key.index()?), *scale)))
            .collect()
    }

    /// Leaves those orders out of the single questions that the list of open ones has answered. One
    /// that it does not show is asked for: absence from a list proves nothing (F05, F123).
    fn leave_out_listed(&mut self, listed: &[pb::OrderReport]) {
        let indices: BTreeSet<i64> = listed.iter().map(|it| it.client_order_index).collect();
        let names: BTreeSet<(&str, &str)> = listed
            .iter()
            .map(|it| (it.symbol.as_str(), it.venue_order_id.as_str()))
            .collect();
        self.orders.retain(|(key, _, _)| match key {
            OrderKey::Ours { index, .. } => !indices.contains(&i64::from(*index)),
            OrderKey::External {
                symbol,
                venue_order_id,
                ..
            } => !names.contains(&(symbol.as_str(), venue_order_id.as_str())),
        });
    }

    async fn open_order(
        &mut self,
        report: &pb::OrderReport,
        scales: &BTreeMap<i64, Scale>,
    ) -> Result<chimera_model::report::OrderReport, Reason> {
        let unreadable = |words: String| Reason::new("VENUE_ANSWER_UNREADABLE", words);
        let symbol: Symbol = report
            .symbol
            .parse()
            .map_err(|_| unreadable("no symbol".to_owned()))?;
        self.symbols
            .entry(symbol)
            .or_insert(Since::Time(self.begun));
        let scale = match scales.get(&report.client_order_index) {
            Some(scale) => *scale,
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

impl Desk {
    /// Returns what reads the venue's side, with the questions that the book has for it.
    pub(super) fn reader(&self, site: SiteKey) -> Reader {
        let mut symbols: BTreeMap<Symbol, Since> = BTreeMap::new();
        let here = |line: &Line| line.account == site.account && line.venue == site.venue;
        for line in self.ledger.holdings.keys().filter(|line| here(line)) {
            symbols.insert(line.symbol, Since::Time(self.begun));
        }
        for (line, trade) in self.ledger.cursors.iter().filter(|(line, _)| here(line)) {
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
                created_time: Some(render::timestamp(entry.order.created_time())),
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
