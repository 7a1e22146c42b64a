//! The fills booked here against those that the venue lists.

use chimera_model::order::{BookedFill, FillKey};
use chimera_model::report::Fee;

use super::*;
use crate::entry::Entry;

/// Finds what differs between a fill that the venue lists and what is booked of it.
pub(super) fn differing_fill(ledger: &Ledger, fill: &Fill, differences: &mut Vec<Difference>) {
    let key = order_of(ledger, fill);
    if let Some(booked) = ledger.get(&key).and_then(|entry| booked_as(entry, fill)) {
        if !booked.inferred {
            differing_terms(&key, booked, fill, differences);
        }
        return;
    }
    let there = format!(
        "trade {} of {} at {}",
        fill.trade_id, fill.quantity, fill.price
    );
    differences.push(difference(
        DifferenceKind::FillMissingHere,
        Some(key),
        fill.venue_order_id.as_str(),
        fill.symbol,
        (String::new(), there),
        Repair::Book(Box::new(fill.clone())),
    ));
}

pub(super) fn name_of(fill: &Fill) -> FillKey {
    FillKey {
        trade_id: fill.trade_id.clone(),
        venue_order_id: fill.venue_order_id.clone(),
        side: fill.side,
    }
}

fn booked_as<'a>(entry: &'a Entry, fill: &Fill) -> Option<&'a BookedFill> {
    let name = name_of(fill);
    let mut booked = entry.order.fills().iter();
    booked.find(|booked| booked.key == name)
}

fn differing_terms(
    key: &OrderKey,
    booked: &BookedFill,
    fill: &Fill,
    differences: &mut Vec<Difference>,
) {
    let mut found = |kind, here: String, there: String| {
        let of_trade = |value: String| format!("{value} of trade {}", fill.trade_id);
        differences.push(difference(
            kind,
            Some(key.clone()),
            fill.venue_order_id.as_str(),
            fill.symbol,
            (of_trade(here), of_trade(there)),
            Repair::Leave,
        ));
    };
    if booked.price != fill.price {
        let (here, there) = (booked.price, fill.price);
        found(DifferenceKind::Price, here.to_string(), there.to_string());
    }
    if booked.quantity != fill.quantity {
        let (here, there) = (booked.quantity, fill.quantity);
        found(
            DifferenceKind::Quantity,
            here.to_string(),
            there.to_string(),
        );
    }
    // A channel that does not state the fee says nothing about it.
    if let (Some(here), Some(there)) = (&booked.fee, &fill.fee)
        && here != there
    {
        let text = |fee: &Fee| format!("{} {}", fee.amount, fee.asset);
        found(DifferenceKind::Fee, text(here), text(there));
    }
}

/// Finds fills booked here that the venue leaves out although it lists trades before and after them:
/// the end of a list may lag, its middle may not.
pub(super) fn missing_there(
    ledger: &Ledger,
    site: SiteKey,
    view: &VenueView,
    differences: &mut Vec<Difference>,
) {
    let mut listed: BTreeMap<Symbol, (UnixNanos, UnixNanos)> = BTreeMap::new();
    for fill in &view.fills {
        let time = fill.venue_time;
        let (first, last) = listed.entry(fill.symbol).or_insert((time, time));
        (*first, *last) = ((*first).min(time), (*last).max(time));
    }
    let names: BTreeSet<FillKey> = view.fills.iter().map(name_of).collect();
    for (key, entry) in ledger.orders.iter().filter(|(_, it)| it.site() == site) {
        let symbol = entry.order.spec().symbol;
        let Some((first, last)) = listed.get(&symbol) else {
            continue;
        };
        for booked in entry.order.fills().iter().filter(|fill| !fill.inferred) {
            let between = *first < booked.venue_time && booked.venue_time < *last;
            if !between || names.contains(&booked.key) {
                continue;
            }
            let (trade, quantity) = (&booked.key.trade_id, booked.quantity);
            let here = format!("trade {trade} of {quantity} at {}", booked.price);
            differences.push(difference(
                DifferenceKind::FillMissingThere,
                Some(key.clone()),
                booked.key.venue_order_id.as_str(),
                symbol,
                (here, "left out".to_owned()),
                Repair::Leave,
            ));
        }
    }
}
