//! Orders that this service did not place, or has no record of: asked about, taken in and marked
//! (F15, F24, F55).

use chimera_contracts::connector::v1 as pb;
use chimera_model::order::{OrderKind, OrderSpec, Report, Scale};
use chimera_model::report::{Fill, OrderOrigin, OrderReport, ReportedStatus};
use chimera_model::{Instrument, OrderType, Symbol, TimeInForce, Venue};
use chimera_runtime::deadline::Deadline;

use crate::call::{Then, Told};
use crate::config::ms;
use crate::journal_log::{Body, External};
use crate::key::{OrderKey, SiteKey};
use crate::metrics;
use crate::service::{Desk, spawn_bound};
use crate::{render, wire};

impl Desk {
    /// An order that neither memory nor journal has: adopted from what the venue said of it (F15).
    pub(crate) fn not_in_journal(&mut self, key: &OrderKey, then: &Then) {
        if matches!(then, Then::Call(_)) {
            return;
        }
        let stated = self.parked.reports(key).find_map(|report| match report {
            Report::Stated(report) => Some(report.clone()),
            _ => None,
        });
        match stated {
            Some(report) => self.adopt_parked(key, &report),
            // A fill alone does not say how large its order is: the venue is asked (F24).
            None => self.ask_of_stranger(key),
        }
    }

    pub(crate) fn ask_of_stranger(&mut self, key: &OrderKey) {
        let Some(fill) = self.parked.reports(key).find_map(fill_of) else {
            return;
        };
        let (account, venue, symbol) = (fill.account, fill.venue, fill.symbol);
        let request = pb::GetOrderRequest {
            account: account.to_string(),
            venue: venue.to_string(),
            symbol: symbol.to_string(),
            client_order_index: key.index().map_or(0, i64::from),
            venue_order_id: match key.index() {
                Some(_) => String::new(),
                None => fill.venue_order_id.to_string(),
            },
            created_time: None,
        };
        let deadline = Deadline::after(ms(self.tools.config.timing.query_deadline_ms));
        let (market, told) = (self.tools.market.clone(), self.tools.told.clone());
        let (mut connector, key) = (self.tools.connector.clone(), key.clone());
        spawn_bound(&self.tools.tasks, "order-stranger", async move {
            let instrument = market.instrument(venue, symbol.as_str()).await.ok();
            let answer = deadline.bound(connector.get_order(request)).await;
            let report = match (answer, &instrument) {
                (Ok(Ok(answer)), Some(instrument)) => {
                    let report = answer.into_inner().report;
                    report
                        .filter(|report| report.instrument_version == instrument.version)
                        .and_then(|it| wire::order_report(&it, &wire::scale(instrument)).ok())
                }
                _ => None,
            };
            let told_of = Told::Stranger {
                key,
                instrument,
                report: report.map(Box::new),
            };
            let _ = told.send(told_of).await;
        });
    }

    pub(crate) fn stranger_told(
        &mut self,
        key: &OrderKey,
        instrument: Option<&Instrument>,
        report: Option<Box<OrderReport>>,
    ) {
        if let Some(instrument) = instrument {
            self.learn_scale(instrument);
        }
        // It is one of ours after all, told by the venue's id alone: booked where it belongs.
        let ours = report.as_ref().and_then(|report| report.client_order_index);
        if let (Some(index), None) = (ours, key.index()) {
            for parked in self.parked.take(key) {
                if let Report::Executed { mut fill, .. } = parked {
                    fill.client_order_index = Some(index);
                    self.fill_told(*fill);
                }
            }
            return;
        }
        let from_fill = || self.parked.reports(key).find_map(fill_of).map(statement_of);
        let Some(report) = report.map(|report| *report).or_else(from_fill) else {
            return;
        };
        self.adopt_parked(key, &report);
        self.weigh(key, Report::Stated(Box::new(report)));
    }

    pub(crate) fn adopt_parked(&mut self, key: &OrderKey, report: &OrderReport) {
        self.adopt(key, report);
        if self.ledger.get(key).is_none() {
            return;
        }
        for report in self.parked.take(key) {
            self.weigh(key, report);
        }
    }

    /// Takes an order into the books that this service did not know.
    pub(crate) fn adopt(&mut self, key: &OrderKey, report: &OrderReport) {
        if self.ledger.get(key).is_some() {
            return;
        }
        let Some(scale) = self.newest_scale(report.venue, report.symbol) else {
            return self.distrust(
                SiteKey {
                    account: report.account,
                    venue: report.venue,
                },
                "unknown_instrument",
            );
        };
        let Some(spec) = external_spec(key, report, scale) else {
            return self.count_unreadable("an external order without side or quantity");
        };
        let cause = match report.origin {
            OrderOrigin::Ours | OrderOrigin::External => "",
            OrderOrigin::Liquidation => "LIQUIDATION",
            OrderOrigin::AutoDeleveraging => "AUTO_DELEVERAGING",
            OrderOrigin::Settlement => "SETTLEMENT",
        };
        let venue_symbol = self
            .tools
            .market
            .known(report.venue, report.symbol.as_str());
        tracing::warn!(order = %key, cause, "an order that this service did not place is taken in");
        metrics::noticed("adopted");
        let external = External {
            spec,
            venue_symbol: render::text(venue_symbol.map(|it| it.venue_symbol.clone())),
            venue_cause: cause.to_owned(),
        };
        self.log(Some(key), Body::External(Box::new(external)));
        self.follow(key);
    }

    pub(crate) fn newest_scale(&self, venue: Venue, symbol: Symbol) -> Option<Scale> {
        let known = self
            .scales
            .get(&(venue, symbol))
            .and_then(|known| known.last())
            .copied();
        known.or_else(|| {
            let instrument = self.tools.market.known(venue, symbol.as_str())?;
            Some(wire::scale(&instrument))
        })
    }
}

/// Returns what a fill alone says of its order.
fn statement_of(fill: &Fill) -> OrderReport {
    OrderReport {
        venue: fill.venue,
        account: fill.account,
        symbol: fill.symbol,
        client_order_id: fill.client_order_id.clone(),
        client_order_index: fill.client_order_index,
        cancel_client_order_id: None,
        venue_order_id: Some(fill.venue_order_id.clone()),
        origin: match fill.kind {
            chimera_model::report::FillKind::Trade => OrderOrigin::External,
            chimera_model::report::FillKind::Liquidation => OrderOrigin::Liquidation,
            chimera_model::report::FillKind::AutoDeleveraging => OrderOrigin::AutoDeleveraging,
            chimera_model::report::FillKind::Settlement => OrderOrigin::Settlement,
        },
        status: ReportedStatus::PartiallyFilled,
        status_text: String::new(),
        side: Some(fill.side),
        order_type: None,
        time_in_force: None,
        post_only: false,
        reduce_only: false,
        price: None,
        quantity: Some(fill.quantity),
        cumulative_filled: None,
        average_price: None,
        reason: None,
        venue_time: Some(fill.venue_time),
        source: fill.source,
        last_fill: None,
    }
}

fn external_spec(key: &OrderKey, report: &OrderReport, scale: Scale) -> Option<OrderSpec> {
    let kind = match report.order_type {
        Some(OrderType::Limit) if report.price.is_some() => OrderKind::Limit,
        _ => OrderKind::Market,
    };
    Some(OrderSpec {
        account: report.account,
        index: key.index(),
        venue: report.venue,
        symbol: report.symbol,
        side: report.side?,
        kind,
        time_in_force: report.time_in_force.unwrap_or(TimeInForce::Gtc),
        post_only: report.post_only,
        reduce_only: report.reduce_only,
        quantity: report.quantity?,
        price: report.price,
        scale,
        parent: None,
    })
}

fn fill_of(report: &Report) -> Option<&Fill> {
    match report {
        Report::Executed { fill, .. } => Some(fill),
        _ => None,
    }
}
