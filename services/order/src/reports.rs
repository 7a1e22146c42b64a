//! From what the connector says to the order it is about.

use chimera_contracts::connector::v1 as pb;
use chimera_model::order::{Report, Scale};
use chimera_model::report::{Fill, OrderReport};
use chimera_model::{Account, Instrument, Symbol, Venue};

use crate::call::{Call, Feed, Then, Told};
use crate::error::OrderError;
use crate::key::{OrderKey, SiteKey};
use crate::ledger::Line;
use crate::metrics;
use crate::read_back::{Family, read_family};
use crate::service::{Desk, spawn_bound};
use crate::wire;

/// Versions of an instrument's steps that are remembered: orders rest over a few changes at most.
const SCALES_MAX: usize = 4;

impl Desk {
    /// Takes in what a task of this service found out.
    pub(crate) fn hear(&mut self, told: Told) {
        match told {
            Told::Submitted { key, answer } => self.submitted(&key, answer),
            Told::Unstored { key } => self.unstored(&key),
            Told::CancelAnswered { key, answer } => self.cancel_answered(&key, answer),
            Told::Queried {
                key,
                asked,
                generation,
                found,
            } => self.queried(&key, asked, generation, found),
            Told::Fills { key, fills, misses } => self.fills_told(&key, fills, misses),
            Told::Feed(feed) => self.fed(feed),
            Told::Compared { site, look, view } => self.compared(site, look, view),
            Told::Recalled {
                site,
                look,
                view,
                recall,
            } => self.recalled(site, look, view, recall),
            Told::Loaded { key, family, then } => self.loaded(key, family, then),
            Told::Scaled {
                venue,
                symbol,
                instrument,
                again,
            } => self.scaled(venue, symbol, instrument.as_deref(), *again),
            Told::Priced { key, market } => self.priced(&key, market),
            Told::Stranger {
                key,
                instrument,
                report,
            } => self.stranger_told(&key, instrument.as_deref(), report),
            Told::Settled { switched, reply } => self.verify_for(switched, reply),
            Told::OpenAtVenues { open, question } => self.open_at_venues(open, question),
            Told::Venues(venues) => self.venues_told(&venues),
        }
    }

    /// Remembers the steps of an instrument's version.
    pub(crate) fn learn_scale(&mut self, instrument: &Instrument) {
        let scale = wire::scale(instrument);
        let known = self
            .scales
            .entry((instrument.venue, instrument.symbol))
            .or_default();
        known.retain(|known| known.version != scale.version);
        known.push(scale);
        if known.len() > SCALES_MAX {
            known.remove(0);
        }
    }

    /// Returns the steps that a report names, when they are known.
    fn scale_for(&self, report: &pb::OrderReport) -> Option<Scale> {
        let (venue, symbol) = (report.venue.parse().ok()?, report.symbol.parse().ok()?);
        let version = report.instrument_version;
        let known = self.scales.get(&(venue, symbol));
        if let Some(scale) = known.and_then(|known| known.iter().find(|it| it.version == version)) {
            return Some(*scale);
        }
        let account = report.account.parse().ok()?;
        let index = chimera_model::ClientOrderIndex::new(report.client_order_index).ok()?;
        let entry = self.ledger.get(&OrderKey::ours(account, index))?;
        Some(entry.order.spec().scale).filter(|scale| scale.version == version)
    }

    /// Takes in an order's report from the stream; asks for its steps when they are not known.
    pub(crate) fn order_said(&mut self, report: &pb::OrderReport, again: Feed) {
        let Some(scale) = self.scale_for(report) else {
            return self.fetch_scale(report, again);
        };
        match wire::order_report(report, &scale) {
            Ok(report) if belongs(again.site, report.account, report.venue) => {
                self.order_told(report);
            }
            Ok(_) => self.unreadable(again.site, "an order of another account"),
            Err(error) => self.unreadable(again.site, &error.to_string()),
        }
    }

    fn fetch_scale(&self, report: &pb::OrderReport, again: Feed) {
        let (Ok(venue), Ok(symbol)) = (
            report.venue.parse::<Venue>(),
            report.symbol.parse::<Symbol>(),
        ) else {
            return self.count_unreadable("a report without a name");
        };
        let version = report.instrument_version;
        let (market, told) = (self.tools.market.clone(), self.tools.told.clone());
        spawn_bound(&self.tools.tasks, "order-scale", async move {
            let found = market
                .instrument_of_version(venue, symbol.as_str(), version)
                .await;
            let instrument = found.ok().filter(|found| found.version == version);
            let told_of = Told::Scaled {
                venue,
                symbol,
                instrument,
                again: Box::new(again),
            };
            let _ = told.send(told_of).await;
        });
    }

    fn scaled(
        &mut self,
        venue: Venue,
        symbol: Symbol,
        instrument: Option<&Instrument>,
        again: Feed,
    ) {
        match instrument {
            Some(instrument) => {
                self.learn_scale(instrument);
                self.fed(again);
            }
            // In steps that nobody knows it says nothing; the venue is asked instead.
            None => {
                tracing::warn!(%venue, %symbol, "a report in steps of an unknown version");
                self.unreadable(again.site, "unknown steps");
            }
        }
    }

    pub(crate) fn count_unreadable(&self, what: &str) {
        metrics::noticed("unreadable");
        tracing::warn!(what, "a report cannot be read");
    }

    /// A report that cannot be read may have been about money: the venue is compared with.
    pub(crate) fn unreadable(&mut self, site: SiteKey, what: &str) {
        self.count_unreadable(what);
        self.distrust(site, "unreadable");
    }

    /// Takes in an order's report, whoever placed it.
    pub(crate) fn order_told(&mut self, report: OrderReport) {
        let key = self.key_of_report(&report);
        let Some(key) = key else {
            return self.count_unreadable("an order without any id");
        };
        if self.ledger.get(&key).is_some() {
            return self.weigh(&key, Report::Stated(Box::new(report)));
        }
        // It may be one that memory has forgotten and the journal has not.
        self.park(&key, Report::Stated(Box::new(report)));
    }

    /// Takes in a fill, whoever placed the order.
    pub(crate) fn fill_told(&mut self, fill: Fill) {
        let received_time = self.now();
        let key = self.key_of_fill(&fill);
        let known = self.ledger.get(&key).is_some();
        let report = Report::Executed {
            fill: Box::new(fill),
            received_time,
        };
        if known {
            self.weigh(&key, report);
        } else {
            self.park(&key, report);
        }
    }

    fn key_of_report(&self, report: &OrderReport) -> Option<OrderKey> {
        if let Some(index) = report.client_order_index {
            return Some(OrderKey::ours(report.account, index));
        }
        let venue_order_id = report.venue_order_id.clone()?;
        let line = Line {
            account: report.account,
            venue: report.venue,
            symbol: report.symbol,
        };
        Some(self.ledger.key_at_venue(line, venue_order_id))
    }

    fn key_of_fill(&self, fill: &Fill) -> OrderKey {
        if let Some(index) = fill.client_order_index {
            return OrderKey::ours(fill.account, index);
        }
        let line = Line {
            account: fill.account,
            venue: fill.venue,
            symbol: fill.symbol,
        };
        self.ledger.key_at_venue(line, fill.venue_order_id.clone())
    }

    /// Keeps a report until its order is known, and sees to that.
    fn park(&mut self, key: &OrderKey, report: Report) {
        match self.parked.keep(key, report.clone()) {
            Some(true) => self.load(key.clone(), Then::Nothing),
            Some(false) => {}
            None => {
                metrics::bounded("parked_reports");
                let (Report::Executed { .. } | Report::Stated(_)) = &report else {
                    return;
                };
                let site = site_of_report(&report);
                if let Some(site) = site {
                    self.distrust(site, "parked_full");
                }
            }
        }
    }

    /// Returns whether an index was certainly never claimed.
    pub(crate) fn is_fresh(&self, key: &OrderKey) -> bool {
        let OrderKey::Ours { account, index } = key else {
            return false;
        };
        self.ledger
            .indices
            .get(account)
            .is_none_or(|indices| indices.is_fresh(*index))
    }

    /// Reads an order back from the journal, once everything recorded so far is in there.
    pub(crate) fn load(&mut self, key: OrderKey, then: Then) {
        let (store, told) = (self.tools.store.clone(), self.tools.told.clone());
        let tasks = self.tools.tasks.clone();
        self.effect(Box::new(move |_| {
            spawn_bound(&tasks, "order-load", async move {
                let family = read_family(store.as_ref(), &key).await;
                let _ = told.send(Told::Loaded { key, family, then }).await;
            });
        }));
    }

    fn loaded(&mut self, key: OrderKey, family: Result<Family, OrderError>, then: Then) {
        // What was asked for by the venue's id may be one of ours.
        let mut found = key.clone();
        match family {
            Ok(family) => match family.last() {
                None => self.not_in_journal(&key, &then),
                Some((of, _)) => {
                    found = of.clone();
                    self.take_back(family);
                }
            },
            Err(error) => {
                tracing::error!(order = %key, %error, "an order could not be read back");
                if let Then::Call(call) = then {
                    self.refuse_call(*call, error);
                }
                return;
            }
        }
        for report in self.parked.take(&key) {
            self.weigh(&found, report);
        }
        if let Then::Call(call) = then {
            self.call_after_load(*call, &key);
        }
    }

    /// Takes orders back into memory that it had forgotten, parents before their children.
    pub(crate) fn take_back(&mut self, family: Family) {
        for (key, entry) in family {
            self.ledger.restore(&key, entry);
        }
    }

    fn call_after_load(&mut self, call: Call, key: &OrderKey) {
        if self.ledger.get(key).is_some() {
            return self.call(call);
        }
        match call {
            // The index was never used: it is below the mark because a higher one was.
            Call::Place { admitted, reply } => self.place_claimed(*admitted, reply),
            Call::Recorded { reply, .. } => self.reply_read(reply, Ok(None)),
            call => {
                let (account, index) = (key.account(), key.index());
                let error = index.map_or(OrderError::Internal("no index"), |index| {
                    OrderError::NotFound { account, index }
                });
                self.refuse_call(call, error);
            }
        }
    }
}

fn belongs(site: SiteKey, account: Account, venue: Venue) -> bool {
    site.account == account && site.venue == venue
}

fn site_of_report(report: &Report) -> Option<SiteKey> {
    match report {
        Report::Executed { fill, .. } => Some(SiteKey {
            account: fill.account,
            venue: fill.venue,
        }),
        Report::Stated(report) => Some(SiteKey {
            account: report.account,
            venue: report.venue,
        }),
        _ => None,
    }
}
