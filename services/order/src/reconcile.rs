//! Comparing this mesh with a venue, and repairing this mesh's records. Never sends an order (F45).
//!
//! The venue's side is read in the order instruments, balances, open orders, single orders, fills,
//! positions. [`compare`] is pure: the same two sides give the same differences with the same ids,
//! however often they are compared (F124). Orders and fills are repaired through the same weighing
//! of evidence as everything else; a position is adjusted only when the same difference shows twice
//! in a row, or by the same amount at every look, because a fill may be on its way between two
//! reads. What is booked is never unbooked nor priced anew because a list says otherwise: that is
//! shown, and left to an operator.

use std::collections::{BTreeMap, BTreeSet};

use chimera_model::order::{Event, OrderState, Report, conclude};
use chimera_model::position::PositionKey;
use chimera_model::report::{Fill, OrderReport};
use chimera_model::{Decimal, Side, Symbol, UnixNanos};

use crate::difference::{Difference, DifferenceKind, Repair, difference, identify};
use crate::key::{OrderKey, SiteKey};
use crate::ledger::{Ledger, Line};

mod executions;
#[cfg(test)]
mod tests;

use executions::{differing_fill, missing_there};

/// The venue's side of a comparison.
#[derive(Debug, Clone, Default)]
pub struct VenueView {
    /// When the reading began.
    pub read_time: UnixNanos,
    /// The orders open at the venue.
    pub open_orders: Vec<OrderReport>,
    /// What the venue said of each of our orders that is not final and not among those; nothing
    /// when it was not found.
    pub orders: Vec<(OrderKey, Option<OrderReport>)>,
    /// The fills since the last one known here.
    pub fills: Vec<Fill>,
    /// The positions.
    pub positions: BTreeMap<Symbol, Decimal>,
    /// Instruments on which nothing can be said: their fills or positions were not read.
    pub unread: BTreeSet<Symbol>,
    pub(crate) statements: Statements,
}

/// What was read beside orders and positions, as the connector said it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statements {
    pub(crate) margin: Option<chimera_contracts::connector::v1::MarginReport>,
    pub(crate) balances: Vec<chimera_contracts::connector::v1::BalanceReport>,
    pub(crate) positions: Vec<chimera_contracts::connector::v1::PositionReport>,
    pub(crate) instruments: Vec<std::sync::Arc<chimera_model::Instrument>>,
}

/// The outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What was found, in a stable order.
    pub differences: Vec<Difference>,
    /// When the venue's side was read.
    pub read_time: UnixNanos,
}

/// Compares the book with what a venue says of one account.
#[must_use]
pub fn compare(ledger: &Ledger, site: SiteKey, view: &VenueView) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut seen = BTreeSet::new();
    for (key, stated) in &view.orders {
        if let Some(report) = stated {
            seen.insert(key.clone());
            order_state(ledger, key, report, &mut differences);
        } else if let Some(entry) = ledger
            .get(key)
            .filter(|entry| entry.order.state().is_working())
        {
            differences.push(difference(
                DifferenceKind::OrderMissingThere,
                Some(key.clone()),
                &entry
                    .order
                    .venue_order_id()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                entry.order.spec().symbol,
                (entry.order.state().to_string(), "not found".to_owned()),
                Repair::Ask,
            ));
        }
    }
    for report in &view.open_orders {
        let key = key_of(ledger, site, report);
        if let Some(key) = key.filter(|key| !seen.contains(key)) {
            order_state(ledger, &key, report, &mut differences);
        }
    }
    for fill in &view.fills {
        differing_fill(ledger, fill, &mut differences);
    }
    missing_there(ledger, site, view, &mut differences);
    positions(ledger, site, view, &mut differences);
    differences.sort_by(|left, right| {
        (left.kind, left.symbol, &left.id).cmp(&(right.kind, right.symbol, &right.id))
    });
    differences.dedup_by(|left, right| left.id == right.id);
    differences
}

fn order_state(
    ledger: &Ledger,
    key: &OrderKey,
    report: &OrderReport,
    differences: &mut Vec<Difference>,
) {
    let venue_order_id = report
        .venue_order_id
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let filled = report.cumulative_filled.unwrap_or_default();
    let there = format!("{:?} {filled} filled", report.status);
    let repair = Repair::Weigh(Box::new(report.clone()));
    let Some(entry) = ledger.get(key) else {
        differences.push(difference(
            DifferenceKind::OrderMissingHere,
            Some(key.clone()),
            &venue_order_id,
            report.symbol,
            (String::new(), there),
            repair,
        ));
        return;
    };
    let stated = Report::Stated(Box::new(report.clone()));
    let changes = conclude(&entry.order, &stated).into_iter().any(|event| {
        !matches!(
            event,
            Event::Noticed(_) | Event::Identified { .. } | Event::CancelAsked
        )
    });
    if let (Some(ours), Some(theirs)) = (entry.order.spec().price, report.price)
        && ours != theirs
    {
        differences.push(difference(
            DifferenceKind::Price,
            Some(key.clone()),
            &venue_order_id,
            report.symbol,
            (ours.to_string(), theirs.to_string()),
            Repair::Leave,
        ));
    }
    if changes {
        let here = format!("{} {} filled", entry.order.state(), entry.order.filled());
        differences.push(difference(
            DifferenceKind::OrderState,
            Some(key.clone()),
            &venue_order_id,
            report.symbol,
            (here, there),
            repair,
        ));
    }
}

/// Returns the order that a fill belongs to: what memory does not know, the journal may.
fn order_of(ledger: &Ledger, fill: &Fill) -> OrderKey {
    let line = Line {
        account: fill.account,
        venue: fill.venue,
        symbol: fill.symbol,
    };
    match fill.client_order_index {
        Some(index) => OrderKey::ours(fill.account, index),
        None => ledger.key_at_venue(line, fill.venue_order_id.clone()),
    }
}

/// Returns the orders that a venue speaks of and memory has forgotten: without them every fill of
/// theirs would look missing.
pub(crate) fn forgotten_in(ledger: &Ledger, site: SiteKey, view: &VenueView) -> Vec<OrderKey> {
    let of_fills = view.fills.iter().map(|fill| order_of(ledger, fill));
    let of_orders = view
        .open_orders
        .iter()
        .filter_map(|report| key_of(ledger, site, report));
    let keys: BTreeSet<OrderKey> = of_fills.chain(of_orders).collect();
    let forgotten = |key: &OrderKey| {
        let claimed = match key {
            OrderKey::Ours { account, index } => {
                let indices = ledger.indices.get(account);
                indices.is_some_and(|indices| !indices.is_fresh(*index))
            }
            OrderKey::External { .. } => true,
        };
        ledger.get(key).is_none() && claimed
    };
    keys.into_iter().filter(forgotten).collect()
}

/// Returns whether a fill is booked on an order that is in memory.
pub(crate) fn is_booked(ledger: &Ledger, fill: &Fill) -> bool {
    let entry = ledger.get(&order_of(ledger, fill));
    entry.is_some_and(|entry| entry.order.fills().contains(&executions::name_of(fill)))
}

/// Returns what is known to have filled of an instrument and is not booked: fills found missing,
/// and what orders state beyond their fills.
fn on_its_way(ledger: &Ledger, line: Line, differences: &[Difference]) -> Option<Decimal> {
    let signed = |side: Side, quantity: Decimal| match side {
        Side::Buy => quantity,
        Side::Sell => -quantity,
    };
    let mut sum = Decimal::ZERO;
    let mut found: BTreeMap<&OrderKey, Decimal> = BTreeMap::new();
    for difference in differences
        .iter()
        .filter(|it| it.symbol == Some(line.symbol))
    {
        let Repair::Book(fill) = &difference.repair else {
            continue;
        };
        sum = sum.checked_add(signed(fill.side, fill.quantity)).ok()?;
        if let Some(key) = &difference.order {
            let of_order = found.entry(key).or_default();
            *of_order = of_order.checked_add(fill.quantity).ok()?;
        }
    }
    for (key, entry) in ledger.orders.iter().filter(|(_, it)| it.line() == line) {
        if !entry.is_owed_fills() {
            continue;
        }
        let found = found.get(key).copied().unwrap_or_default();
        let rest = entry.order.missing_fills().checked_sub(found).ok()?;
        let rest = signed(entry.order.spec().side, rest.max(Decimal::ZERO));
        sum = sum.checked_add(rest).ok()?;
    }
    Some(sum)
}

/// A position is compared with what the fills would make of it once all that are missing are
/// booked.
fn positions(ledger: &Ledger, site: SiteKey, view: &VenueView, differences: &mut Vec<Difference>) {
    let held = ledger
        .holdings
        .keys()
        .filter(|line| line.account == site.account && line.venue == site.venue)
        .map(|line| line.symbol);
    let symbols: BTreeSet<Symbol> = held.chain(view.positions.keys().copied()).collect();
    // What is held on spot is the asset itself: venues tell of it as a balance, not as a position.
    let outright = |symbol: Symbol| {
        let (account, venue) = (site.account, site.venue);
        let key = PositionKey {
            account,
            venue,
            symbol,
        };
        key.is_spot()
    };
    for symbol in symbols
        .into_iter()
        .filter(|symbol| !view.unread.contains(symbol) && !outright(*symbol))
    {
        let line = Line {
            account: site.account,
            venue: site.venue,
            symbol,
        };
        let coming = on_its_way(ledger, line, differences);
        let held = ledger.holding(&line).position;
        let Some(here) = coming.and_then(|coming| held.checked_add(coming).ok()) else {
            continue;
        };
        let there = view.positions.get(&symbol).copied().unwrap_or_default();
        let Ok(change) = there.checked_sub(here) else {
            continue;
        };
        if change.is_zero() {
            continue;
        }
        let ordinal = ledger.adjustments.get(&line).copied().unwrap_or(0);
        let mut found = difference(
            DifferenceKind::Position,
            None,
            "",
            symbol,
            (here.to_string(), there.to_string()),
            Repair::Adjust(change),
        );
        found.id = identify(&[&found.id, &ordinal.to_string()]);
        differences.push(found);
    }
}

pub(crate) fn key_of(ledger: &Ledger, site: SiteKey, report: &OrderReport) -> Option<OrderKey> {
    if let Some(index) = report.client_order_index {
        return Some(OrderKey::ours(site.account, index));
    }
    let venue_order_id = report.venue_order_id.clone()?;
    let line = Line {
        account: site.account,
        venue: site.venue,
        symbol: report.symbol,
    };
    Some(ledger.key_at_venue(line, venue_order_id))
}

/// Returns the orders of ours at a site that the venue is to be asked for one by one.
pub(crate) fn to_ask_for(ledger: &Ledger, site: SiteKey) -> Vec<OrderKey> {
    let open = ledger.open.iter().filter(|key| {
        ledger.get(key).is_some_and(|entry| {
            entry.site() == site
                && entry.tracking.is_none()
                && entry.order.state() != OrderState::Submitting
        })
    });
    open.cloned().collect()
}
