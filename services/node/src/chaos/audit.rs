//! Holds the mesh's records against the venue's own, and both against what clients were told.

use std::collections::{BTreeMap, BTreeSet};

use chimera_contracts::{
    common::v1::{Liquidity, Side},
    order::v1::{Fill, Order, OrderState},
    position::v1::Position,
};
use chimera_model::Decimal;

use super::{
    book::{Answer, Book, Told},
    draw::Kind,
    market::Market,
    report::Findings,
    venue::{Counters, Creates, Ledger, LedgerFill, LedgerOrder},
};
use crate::desk::is_final;

/// Everything that an audit compares, of one venue.
pub struct Evidence {
    /// Which venue, account and instrument.
    pub market: &'static Market,
    /// The venue's books.
    pub ledger: Ledger,
    /// How often each client id arrived at the venue, and what the venue refused for its limits.
    pub counters: Counters,
    /// The mesh's orders by index.
    pub orders: BTreeMap<i64, Order>,
    /// The mesh's fills.
    pub fills: Vec<Fill>,
    /// The mesh's positions.
    pub positions: Vec<Position>,
    /// The margin asset as the mesh holds it.
    pub wallet: Option<String>,
    /// Fills that a watcher was told of; none when it lost its place and had to begin anew.
    pub watched: Option<BTreeSet<(String, String)>>,
}

/// Compares everything; what it finds bears the venue's name.
pub fn audit(book: &Book, evidence: &Evidence) -> Findings {
    let mut findings = Findings::default();
    let venue = venue_orders(evidence, &mut findings);
    for (index, order) in &venue {
        match evidence.orders.get(index) {
            None => findings.lost(format!("order {index} is at the venue and not in the mesh")),
            Some(ours) => compare_order(ours, order, &mut findings),
        }
    }
    let here = |told: &Told| told.terms.market == evidence.market;
    for (index, told) in book.orders.iter().filter(|(_, told)| here(told)) {
        let ours = evidence.orders.get(index);
        keep_promise(*index, told, ours, venue.get(index).copied(), &mut findings);
    }
    compare_parents(evidence, &mut findings);
    compare_fills(evidence, &mut findings);
    compare_money(evidence, &mut findings);
    findings.at(evidence.market.venue());
    findings
}

/// Returns what a venue refused for its own limits, by its own count; what it does not count is a
/// mismatch. What it refused because a script bade it is counted elsewhere and is not ours.
pub fn rate_violations(evidence: &Evidence, findings: &mut Findings) -> u64 {
    let mut violations = 0;
    for name in evidence.market.limits {
        match evidence.counters.limits.get(*name) {
            Some(count) => violations += count,
            None => findings.mismatch(format!("{} does not count {name}", evidence.market.venue())),
        }
    }
    violations
}

/// Returns the venue's orders by our index; two of one index are the worst that can happen.
fn venue_orders<'a>(
    evidence: &'a Evidence,
    findings: &mut Findings,
) -> BTreeMap<i64, &'a LedgerOrder> {
    let mut orders: BTreeMap<i64, &LedgerOrder> = BTreeMap::new();
    for order in &evidence.ledger.orders {
        let (id, client_id) = (order.id, &order.client_id);
        let Some(index) = evidence.market.index_of(client_id) else {
            findings.mismatch(format!("venue order {id} is of nobody: {client_id:?}"));
            continue;
        };
        if let Some(first) = orders.insert(index, order) {
            let first = first.id;
            findings.doubled(format!("order {index} is venue orders {first} and {id}"));
        }
        if order.is_open() {
            findings.mismatch(format!("order {index} is still open at the venue"));
        }
    }
    for (client_id, creates) in &evidence.counters.creates {
        if creates.attempts > 1 {
            let Creates { attempts, accepted } = creates;
            findings.doubled(format!("{client_id} was sent {attempts}, taken {accepted}"));
        }
    }
    orders
}

fn compare_order(ours: &Order, theirs: &LedgerOrder, findings: &mut Findings) {
    let index = ours.client_order_index;
    let mut same = |what: &str, here: String, there: String| {
        if here != there {
            findings.mismatch(format!(
                "order {index}: {what} {here}, at the venue {there}"
            ));
        }
    };
    let (id, price) = (theirs.id.to_string(), theirs.price);
    same("venue id", ours.venue_order_id.clone(), id);
    same("side", side(ours.side()).to_owned(), theirs.side.clone());
    same(
        "quantity",
        text(&ours.quantity),
        theirs.quantity.to_string(),
    );
    same(
        "filled",
        text(&ours.filled_quantity),
        theirs.executed.to_string(),
    );
    // The venue may write a market order's bound as its price.
    if !ours.price.is_empty() {
        let price = price.map_or_else(String::new, |it| it.to_string());
        same("price", text(&ours.price), price);
    }
    let expected = match theirs.status.as_str() {
        "filled" => OrderState::Filled,
        "cancelled" => OrderState::Cancelled,
        "expired" | "expired_on_self" => OrderState::Expired,
        _ => OrderState::Open,
    };
    // All filled is filled, also when the venue cancelled it before the last of it.
    let all = ours.state() == OrderState::Filled && theirs.executed >= theirs.quantity;
    if !all {
        let (here, there) = (ours.state().as_str_name(), expected.as_str_name());
        same("state", here.to_owned(), there.to_owned());
    }
}

/// Holds the mesh to what a client was told of one order.
fn keep_promise(
    index: i64,
    told: &Told,
    ours: Option<&Order>,
    theirs: Option<&LedgerOrder>,
    findings: &mut Findings,
) {
    match (&told.answer, ours) {
        (Answer::Doubt, _) => findings.unresolved(format!("order {index} has no answer")),
        (Answer::Taken { .. }, None) => {
            findings.lost(format!("order {index} was acknowledged and is unknown"));
        }
        (Answer::Taken { .. }, Some(ours)) => keep_taken(index, told, ours, theirs, findings),
        (Answer::Refused(reason), ours) => {
            let refused = [OrderState::Denied, OrderState::Rejected];
            if theirs.is_some() {
                findings.mismatch(format!("order {index} was refused ({reason}) and placed"));
            }
            if let Some(ours) = ours.filter(|ours| !refused.contains(&ours.state())) {
                let state = ours.state().as_str_name();
                findings.mismatch(format!("order {index} was refused ({reason}), is {state}"));
            }
        }
    }
}

fn keep_taken(
    index: i64,
    told: &Told,
    ours: &Order,
    theirs: Option<&LedgerOrder>,
    findings: &mut Findings,
) {
    let Answer::Taken {
        state,
        venue_order_id,
        filled,
    } = &told.answer
    else {
        return;
    };
    let now = ours.state();
    if !is_final(now) {
        findings.unresolved(format!("order {index} is {}", now.as_str_name()));
    }
    if told.terms.quantity() != decimal(&ours.quantity) {
        findings.mismatch(format!("order {index}: quantity {}", ours.quantity));
    }
    if *filled > decimal(&ours.filled_quantity) {
        findings.lost(format!("order {index}: {filled} was filled once"));
    }
    let at_venue = matches!(
        now,
        OrderState::Open
            | OrderState::PartiallyFilled
            | OrderState::PendingCancel
            | OrderState::Filled
            | OrderState::Cancelled
            | OrderState::Expired
    );
    let placed = !venue_order_id.is_empty() || at_venue || !ours.venue_order_id.is_empty();
    if told.terms.kind != Kind::Tracking && placed && theirs.is_none() {
        let state = now.as_str_name();
        findings.lost(format!("order {index} is {state} and not at the venue"));
    }
    for ended in [Some(*state).filter(|state| is_final(*state)), told.ended] {
        if let Some(ended) = ended
            && ended != now
            && now != OrderState::Filled
        {
            let (then, now) = (ended.as_str_name(), now.as_str_name());
            findings.mismatch(format!("order {index} had ended {then}, is {now}"));
        }
    }
}

/// A tracking limit filled what its children filled, and never more than it was asked for.
fn compare_parents(evidence: &Evidence, findings: &mut Findings) {
    let mut children: BTreeMap<i64, Decimal> = BTreeMap::new();
    for order in evidence.orders.values() {
        if order.parent_client_order_index != 0 {
            let sum = children.entry(order.parent_client_order_index).or_default();
            *sum = add(*sum, decimal(&order.filled_quantity));
        }
    }
    for parent in evidence.orders.values() {
        if parent.tracking_limit.is_none() {
            continue;
        }
        let index = parent.client_order_index;
        let sum = children.get(&index).copied().unwrap_or_default();
        if sum != decimal(&parent.filled_quantity) || sum > decimal(&parent.quantity) {
            let (filled, asked) = (&parent.filled_quantity, &parent.quantity);
            findings.mismatch(format!(
                "tracking limit {index}: filled {filled} of {asked}, its children {sum}"
            ));
        }
    }
}

fn compare_fills(evidence: &Evidence, findings: &mut Findings) {
    let mut ours: BTreeMap<(String, String), &Fill> = BTreeMap::new();
    for fill in standing(&evidence.fills) {
        let key = (fill.trade_id.clone(), fill.venue_order_id.clone());
        if fill.inferred {
            let (trade, order) = &key;
            findings.mismatch(format!("fill {trade} of order {order} is only inferred"));
        }
        if let Some(fill) = ours.insert(key, fill) {
            let (trade, order) = (&fill.trade_id, &fill.venue_order_id);
            findings.doubled(format!("fill {trade} of order {order} is booked twice"));
        }
    }
    for theirs in &evidence.ledger.fills {
        let key = (theirs.trade.to_string(), theirs.order.to_string());
        match ours.remove(&key) {
            None => findings.lost(format!("fill {} of venue order {}", key.0, key.1)),
            Some(fill) => compare_fill(fill, theirs, findings),
        }
        let watched = evidence.watched.as_ref();
        if watched.is_some_and(|watched| !watched.contains(&key)) {
            findings.lost(format!("fill {} of {} was never streamed", key.0, key.1));
        }
    }
    for (trade, order) in ours.keys() {
        findings.mismatch(format!("fill {trade} of order {order} is not the venue's"));
    }
}

/// Returns the fills that count: one that was inferred gives way to what is said later under its id,
/// and to nothing where that says that none of it is left.
fn standing(fills: &[Fill]) -> impl Iterator<Item = &Fill> {
    let mut last: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for fill in fills.iter().filter(|fill| fill.inferred) {
        let seq = last
            .entry((&fill.venue_order_id, &fill.trade_id))
            .or_default();
        *seq = fill.seq.max(*seq);
    }
    fills.iter().filter(move |fill| {
        let name = (fill.venue_order_id.as_str(), fill.trade_id.as_str());
        let is_last = last.get(&name) == Some(&fill.seq);
        !fill.inferred || (is_last && decimal(&fill.quantity) != Decimal::ZERO)
    })
}

fn compare_fill(ours: &Fill, theirs: &LedgerFill, findings: &mut Findings) {
    let fee = ours.fee.as_ref().map(|fee| text(&fee.amount));
    let liquidity = match theirs.maker {
        true => Liquidity::Maker,
        false => Liquidity::Taker,
    };
    let here = (
        side(ours.side()).to_owned(),
        text(&ours.price),
        text(&ours.quantity),
        fee.unwrap_or_default(),
        ours.liquidity(),
    );
    let there = (
        theirs.side.clone(),
        theirs.price.to_string(),
        theirs.quantity.to_string(),
        theirs.fee.to_string(),
        liquidity,
    );
    if here != there {
        let trade = theirs.trade;
        findings.mismatch(format!("fill {trade}: {here:?}, at the venue {there:?}"));
    }
}

fn compare_money(evidence: &Evidence, findings: &mut Findings) {
    let Some(account) = evidence.ledger.accounts.first() else {
        findings.mismatch("the venue has no account".to_owned());
        return;
    };
    let wallet = account.wallet.to_string();
    let ours = evidence.wallet.as_deref().map(text).unwrap_or_default();
    if ours != wallet {
        findings.mismatch(format!("balance {ours:?}, at the venue {wallet}"));
    }
    for theirs in account
        .positions
        .iter()
        .filter(|it| it.symbol == evidence.market.venue_symbol)
    {
        let mut positions = evidence.positions.iter();
        let Some(ours) = positions.find(|it| it.symbol == evidence.market.symbol) else {
            findings.lost(format!("the position of {}", theirs.quantity));
            continue;
        };
        let fees = ours.fees.iter().map(|fee| decimal(&fee.amount));
        let fees = fees.fold(Decimal::default(), add);
        let here = (decimal(&ours.quantity), fees);
        if here != (theirs.quantity, theirs.fees) {
            let (quantity, fees) = (theirs.quantity, theirs.fees);
            let words = format!("position and fees {here:?}, at the venue {quantity} {fees}");
            findings.mismatch(words);
        }
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
        Side::Unspecified => "unspecified",
    }
}

/// Returns a number of the contract in the one way that a decimal is written, so that `1.0` is `1`.
fn text(number: &str) -> String {
    let read: Result<Decimal, _> = number.parse();
    read.map_or_else(|_| number.to_owned(), |it| it.to_string())
}

fn decimal(number: &str) -> Decimal {
    number.parse().unwrap_or_default()
}

fn add(left: Decimal, right: Decimal) -> Decimal {
    // Sums of some ten thousand small numbers stay far within a decimal's range.
    left.checked_add(right).unwrap_or_default()
}
