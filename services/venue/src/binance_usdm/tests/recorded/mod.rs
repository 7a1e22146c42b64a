//! Every recorded payload of this venue parses to the value beside it, or a table says why not.
//!
//! What is expected is computed by walking the JSON as a generic tree and by moving digits about
//! as text (`tests::tree`), never by the readers under test.

mod account;
mod instruments;
mod market;
mod scope;
mod sources;

use super::recorded_folder;
use crate::tests::recorded::{Payload, Verdict};

/// What a payload is, and thereby which reader it goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    ServerTime,
    ExchangeInfo,
    Depth,
    Trades,
    Aggregates,
    Bars,
    Ticker,
    Tickers,
    Quote,
    Order,
    Orders,
    AccountTrades,
    Positions,
    Balances,
    Account,
    PositionMode,
    Failure,
    PublicFrame,
    IgnoredFrame,
    Confirmation,
    OrderFrame,
    AccountFrame,
    IgnoredEvent,
}

fn check(kind: Kind, payload: &Payload) {
    let (name, text) = (payload.name.as_str(), payload.text.as_str());
    match kind {
        Kind::ServerTime => market::server_time(name, text),
        Kind::ExchangeInfo => instruments::exchange_info(name, text),
        Kind::Depth => market::depth(name, text),
        Kind::Trades => market::trades(name, text),
        Kind::Aggregates => market::aggregates(name, text),
        Kind::Bars => market::bars(name, text),
        Kind::Ticker => market::ticker(name, text),
        Kind::Tickers => market::tickers(name, text),
        Kind::Quote => market::quote(name, text),
        Kind::Order => account::order(name, text),
        Kind::Orders => account::orders(name, text),
        Kind::AccountTrades => account::trades(name, text),
        Kind::Positions => account::positions(name, text),
        Kind::Balances => account::balances(name, text),
        Kind::Account => account::margin(name, text),
        Kind::PositionMode => account::position_mode(name, text),
        Kind::Failure => market::failure(name, text),
        Kind::PublicFrame => market::frame(name, text),
        Kind::IgnoredFrame => market::ignored(name, text),
        Kind::Confirmation => market::confirmation(name, text),
        Kind::OrderFrame => account::order_frame(name, text),
        Kind::AccountFrame => account::account_frame(name, text),
        Kind::IgnoredEvent => account::ignored_event(name, text),
    }
}

#[test]
fn every_recorded_payload_parses_to_the_value_beside_it_or_is_listed() {
    let Some(folder) = recorded_folder() else {
        return;
    };
    let mut checked = std::collections::BTreeMap::<Kind, usize>::new();
    let mut listed = std::collections::BTreeMap::<&str, usize>::new();
    let mut neither = Vec::new();
    for payload in sources::payloads(&folder.join("venues/binance")) {
        match scope::verdict(&payload) {
            Some(Verdict::Check(kind)) => {
                check(kind, &payload);
                *checked.entry(kind).or_default() += 1;
            }
            Some(Verdict::Listed(reason)) => *listed.entry(reason).or_default() += 1,
            None => neither.push(payload.name),
        }
    }
    println!("checked: {checked:#?}\nlisted: {listed:#?}");
    assert!(
        neither.is_empty(),
        "neither checked nor listed: {neither:#?}"
    );
    let total: usize = checked.values().sum();
    assert!(total > 1_500, "only {total} payloads were checked");
    assert_eq!(checked.len(), 23, "a kind of payload has no recording");
}

#[test]
fn the_table_lists_nothing_that_does_not_exist() {
    let Some(folder) = recorded_folder() else {
        return;
    };
    let names: Vec<String> = sources::payloads(&folder.join("venues/binance"))
        .into_iter()
        .map(|one| one.name)
        .collect();
    for rule in scope::rules() {
        assert!(
            names.iter().any(|name| rule.covers(name)),
            "{rule:?} covers nothing"
        );
    }
}
