//! I1 and I2: what we hold is what the venue holds, to the last digit, and nothing is there twice.

use std::collections::BTreeMap;

use chimera_contracts::common::v1::Side;
use chimera_contracts::order::v1::{Fill, Order, OrderState};
use serde_json::Value;

use super::{Report, rows, same};
use crate::sim::evidence::{Final, Seen};
use crate::sim::hosts::{ACCOUNT, SYMBOL, VENUE_SYMBOL};

/// I1: every fill of the venue is ours once, to the last digit, and we have no other.
pub fn fills(last: &Final, ledger: &Value, report: &mut Report) {
    let mut theirs: BTreeMap<(String, String), &Value> = BTreeMap::new();
    for row in rows(ledger, "fills").filter(|row| row["account"] == ACCOUNT) {
        theirs.insert((row["trade"].to_string(), row["order"].to_string()), row);
    }
    for fill in standing(&last.fills) {
        let key = (fill.trade_id.clone(), fill.venue_order_id.clone());
        let Some(row) = theirs.remove(&key) else {
            let trade = &fill.trade_id;
            let what = format!("fill {trade} is not the venue's, or is ours twice");
            report.violate("I1", what);
            continue;
        };
        if !same_fill(fill, row) {
            let trade = &fill.trade_id;
            report.violate("I1", format!("fill {trade} here {fill:?}, there {row}"));
        }
    }
    for (trade, _) in theirs.keys() {
        report.violate("I1", format!("fill {trade} of the venue is missing here"));
    }
}

/// Returns the fills that count. One that was inferred gives way to what is said later under its
/// id, and to the venue's own where that says nothing is left of it (F38).
fn standing(fills: &[Fill]) -> impl Iterator<Item = &Fill> {
    fills.iter().filter(move |fill| {
        let restates = |it: &&Fill| it.inferred && it.seq > fill.seq;
        let mut later = fills.iter().filter(restates);
        let of_it = |it: &Fill| {
            (&it.venue_order_id, &it.trade_id) == (&fill.venue_order_id, &fill.trade_id)
        };
        !fill.inferred || (fill.quantity != "0" && !later.any(of_it))
    })
}

fn same_fill(fill: &Fill, row: &Value) -> bool {
    let fee = fill.fee.as_ref().map_or("0", |fee| fee.amount.as_str());
    same(&fill.price, &row["price"])
        && same(&fill.quantity, &row["quantity"])
        && same(fee, &row["fee"])
        && side(fill.side()) == row["side"]
}

/// I1: positions and balances.
pub fn holdings(last: &Final, ledger: &Value, report: &mut Report) {
    let account = rows(ledger, "accounts").find(|row| row["name"] == ACCOUNT);
    let Some(account) = account else {
        return report.violate("RUN", "the venue has no such account");
    };
    let theirs = rows(account, "positions").find(|row| row["symbol"] == VENUE_SYMBOL);
    let flat = Value::from("0");
    let theirs = theirs.map_or(&flat, |row| &row["quantity"]);
    let ours = last.positions.iter().find(|it| it.symbol == SYMBOL);
    let ours = ours.map_or("0", |position| position.quantity.as_str());
    if !same(ours, theirs) {
        report.violate("I1", format!("position here {ours}, there {theirs}"));
    }
    let wallet = &account["wallet"];
    let balance = last.balances.first();
    let balance = balance.map_or("none", |balance| balance.total.as_str());
    if !same(balance, wallet) {
        report.violate("I1", format!("balance here {balance}, there {wallet}"));
    }
}

/// I1, I2: every order of the venue is one of ours, with its end and its quantity; none twice.
pub fn orders(last: &Final, ledger: &Value, report: &mut Report) {
    let mut ours: BTreeMap<&str, &Order> = BTreeMap::new();
    for order in &last.orders {
        if !order.client_order_id.is_empty() {
            ours.insert(&order.client_order_id, order);
        }
    }
    let mut count: BTreeMap<&str, u32> = BTreeMap::new();
    for row in rows(ledger, "orders").filter(|row| row["account"] == ACCOUNT) {
        let id = row["client_id"].as_str().unwrap_or_default();
        *count.entry(id).or_default() += 1;
        let Some(order) = ours.get(id) else {
            report.violate("I1", format!("order {id} of the venue is missing here"));
            continue;
        };
        let status = row["status"].as_str().unwrap_or_default();
        if !agrees(order.state(), status) || !same(&order.filled_quantity, &row["executed"]) {
            let (state, filled) = (order.state().as_str_name(), &order.filled_quantity);
            report.violate("I1", format!("order {id} is {state} {filled}, there {row}"));
        }
    }
    for (id, count) in &count {
        if *count > 1 {
            report.violate("I2", format!("{count} orders of the venue are {id}"));
        }
    }
    for (id, order) in ours {
        let ended = matches!(
            order.state(),
            OrderState::Denied | OrderState::Rejected | OrderState::Cancelled | OrderState::Expired
        );
        if !count.contains_key(id) && !ended {
            let state = order.state().as_str_name();
            report.violate("I1", format!("order {id} is {state}, the venue has none"));
        }
    }
}

fn agrees(state: OrderState, status: &str) -> bool {
    matches!(
        (state, status),
        (OrderState::Open, "new")
            | (OrderState::PartiallyFilled, "partially_filled")
            | (OrderState::Filled, "filled")
            | (OrderState::Cancelled, "cancelled")
            | (OrderState::Expired, "expired" | "expired_on_self")
    )
}

/// I2: no id was sent twice, whatever the venue made of it.
pub fn creates(seen: &Seen, report: &mut Report) {
    let mut count: BTreeMap<&str, u32> = BTreeMap::new();
    for request in seen.wire.0.iter().filter(|request| request.places()) {
        let id = request.parameters.get("newClientOrderId");
        let id = id.map_or("", String::as_str);
        *count.entry(id).or_default() += 1;
    }
    for (id, count) in count {
        if count > 1 || id.is_empty() {
            report.violate("I2", format!("{count} requests for order {id:?} left"));
        }
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
        Side::Unspecified => "none",
    }
}
