//! What an account has to trade with, as the venue said last, less what is on its way.

use std::collections::BTreeMap;

use chimera_contracts::connector::v1 as pb;
use chimera_model::instrument::InstrumentKind;
use chimera_model::{Asset, Decimal, Instrument, Side, Symbol, UnixNanos};
use prost_types::Timestamp;
use tokio::time::Instant;

use crate::difference::{self, Difference};
use crate::key::SiteKey;
use crate::risk::Funds;
use crate::service::Desk;
use crate::wire;

/// What an account has to trade with, as the venue said last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Purse {
    /// Margin: in what, and how much of it new orders may use.
    pub(crate) margin: Option<(String, Decimal)>,
    /// When that was said, by the venue's clock.
    pub(crate) margin_dated: Option<UnixNanos>,
    /// Balances by asset.
    pub(crate) balances: BTreeMap<Asset, Balance>,
    /// The leverage by instrument.
    pub(crate) leverage: BTreeMap<Symbol, Decimal>,
}

/// A balance as the venue said it last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Balance {
    total: Decimal,
    /// What new orders may use.
    available: Decimal,
    /// When it was said, here, and by the venue's clock.
    heard: Instant,
    dated: Option<UnixNanos>,
    /// Whether the account's stream said it: not every venue tells of balances there.
    streamed: bool,
}

impl Desk {
    pub(crate) fn position_said(&mut self, key: SiteKey, report: &pb::PositionReport) {
        let (Some(site), Ok(symbol)) = (self.sites.get_mut(&key), report.symbol.parse()) else {
            return;
        };
        if let Ok(Some(leverage)) = wire::decimal(&report.leverage, "leverage")
            && leverage.is_positive()
        {
            site.purse.leverage.insert(symbol, leverage);
        }
    }

    /// Takes in a balance from the account's stream, unless it is an older one that comes late
    /// (F91).
    pub(crate) fn balance_said(&mut self, key: SiteKey, report: &pb::BalanceReport) {
        let known = self.balance(key, &report.asset);
        let known = known.and_then(|(_, balance)| balance.dated);
        if !is_older(date(report.venue_time.as_ref()), known) {
            self.note_balance(key, report, true);
        }
    }

    fn note_balance(&mut self, key: SiteKey, report: &pb::BalanceReport, streamed: bool) {
        let (Some(site), Ok(asset), Ok(total)) = (
            self.sites.get_mut(&key),
            Asset::new(&report.asset),
            report.total.parse(),
        ) else {
            return;
        };
        let available = wire::decimal(&report.available, "available").ok().flatten();
        let balance = Balance {
            total,
            available: available.unwrap_or(total),
            heard: Instant::now(),
            dated: date(report.venue_time.as_ref()),
            streamed,
        };
        site.purse.balances.insert(asset, balance);
    }

    /// Takes in the balances of a comparison; a dry run only those of which nothing was known. What
    /// the stream told since they were asked for may be newer than they are.
    pub(crate) fn balances_read(
        &mut self,
        key: SiteKey,
        reports: &[pb::BalanceReport],
        repairs: bool,
    ) {
        for report in reports {
            let known = self.balance(key, &report.asset);
            let newer = known.is_some_and(|(_, balance)| self.is_newer(key, &balance));
            if known.is_none() || repairs && !newer {
                self.note_balance(key, report, false);
            }
        }
    }

    /// Returns whether a balance was told of since the last comparison began.
    fn is_newer(&self, key: SiteKey, balance: &Balance) -> bool {
        let begun = self.sites.get(&key).and_then(|site| site.look.begun);
        begun.is_some_and(|begun| balance.heard >= begun)
    }

    fn balance(&self, key: SiteKey, asset: &str) -> Option<(Asset, Balance)> {
        let asset = Asset::new(asset).ok()?;
        let balances = &self.sites.get(&key)?.purse.balances;
        balances.get(&asset).map(|balance| (asset, *balance))
    }

    /// Returns what the answers of a comparison say otherwise than the account's stream did.
    pub(crate) fn differing_balances(
        &self,
        key: SiteKey,
        reports: &[pb::BalanceReport],
    ) -> Vec<Difference> {
        let differing = reports.iter().filter_map(|report| {
            let (asset, known) = self.balance(key, &report.asset)?;
            let there: Decimal = report.total.parse().ok()?;
            let differs = known.streamed && known.total != there && !self.is_newer(key, &known);
            differs.then(|| difference::balance(asset, (known.total, there)))
        });
        differing.collect()
    }

    /// Takes in the margin from the account's stream, unless it is an older word that comes late
    /// (F91).
    pub(crate) fn margin_said(&mut self, key: SiteKey, report: &pb::MarginReport) {
        let known = self.sites.get(&key).and_then(|it| it.purse.margin_dated);
        if !is_older(date(report.venue_time.as_ref()), known) {
            self.margin_read(key, report);
        }
    }

    /// Takes in the margin of a comparison.
    pub(crate) fn margin_read(&mut self, key: SiteKey, report: &pb::MarginReport) {
        let (Some(site), Ok(available)) = (self.sites.get_mut(&key), report.available.parse())
        else {
            return;
        };
        site.purse.margin = Some((report.asset.clone(), available));
        site.purse.margin_dated = date(report.venue_time.as_ref());
    }

    /// Returns what may be used for an order of an instrument, less what is on its way and not yet
    /// in the venue's own account of it.
    pub(crate) fn funds(&self, key: SiteKey, instrument: &Instrument, side: Side) -> Option<Funds> {
        let purse = &self.sites.get(&key)?.purse;
        if instrument.kind == InstrumentKind::Spot {
            let asset = match side {
                Side::Buy => instrument.quote,
                Side::Sell => instrument.base,
            };
            let available = purse
                .balances
                .get(&asset)
                .map_or(Decimal::ZERO, |balance| balance.available);
            return Some(Funds {
                available,
                asset: asset.to_string(),
                margin_rate: Decimal::ONE,
            });
        }
        let (asset, available) = purse.margin.clone()?;
        let configured = self.tools.config.risk.margin_rate;
        let rate = |symbol: &Symbol| {
            let leverage = purse.leverage.get(symbol)?;
            let decimals = 12;
            let up = chimera_model::Rounding::Up;
            Decimal::ONE.div_round(*leverage, decimals, up).ok()
        };
        let mut available = available;
        let mut rates = BTreeMap::new();
        let unseen = self.ledger.unseen_at(key);
        for entry in unseen.filter_map(|open| self.ledger.get(open)) {
            let (order, spec) = (&entry.order, entry.order.spec());
            if spec.reduce_only {
                continue;
            }
            let price = spec.price.or(self.last_price(spec.venue, &spec.symbol));
            let held = price
                .unwrap_or_default()
                .checked_mul(order.remaining())
                .and_then(|notional| {
                    let rate_of = || rate(&spec.symbol).unwrap_or(configured);
                    notional.checked_mul(*rates.entry(spec.symbol).or_insert_with(rate_of))
                });
            // What cannot be computed cannot be spent either.
            available = held
                .and_then(|held| available.checked_sub(held))
                .unwrap_or_default();
        }
        Some(Funds {
            available,
            asset,
            margin_rate: rate(&instrument.symbol).unwrap_or(configured),
        })
    }
}

fn date(venue_time: Option<&Timestamp>) -> Option<UnixNanos> {
    venue_time.and_then(wire::time)
}

fn is_older(word: Option<UnixNanos>, known: Option<UnixNanos>) -> bool {
    matches!((word, known), (Some(word), Some(known)) if word < known)
}
