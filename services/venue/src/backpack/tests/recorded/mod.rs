//! Every recorded payload of this venue parses to the value beside it, or a table says why not.
//!
//! What is expected is computed by walking the JSON as a generic tree and by moving digits about
//! as text (`tests::tree`), never by the readers under test.

mod account;
mod market;
mod scope;

use std::collections::BTreeMap;

use serde_json::Value;

use super::recorded_folder;
use crate::tests::recorded::{self, Payload, Verdict};

/// What a payload is, and thereby which reader it goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    Markets,
    Depth,
    Trades,
    Bars,
    Ticker,
    Order,
    Orders,
    Fills,
    Positions,
    Balances,
    Failure,
    PublicFrame,
    RefusedFrame,
    OrderFrame,
    PositionFrame,
}

fn check(kind: Kind, payload: &Payload) {
    let (name, text) = (payload.name.as_str(), payload.text.as_str());
    match kind {
        Kind::Markets => market::markets(name, text),
        Kind::Depth => market::depth(name, text),
        Kind::Trades => market::trades(name, text),
        Kind::Bars => market::bars(name, text),
        Kind::Ticker => market::ticker(name, text),
        Kind::Order => account::order(name, text),
        Kind::Orders => account::orders(name, text),
        Kind::Fills => account::fills(name, text),
        Kind::Positions => account::positions(name, text),
        Kind::Balances => account::balances(name, text),
        Kind::Failure => market::failure(name, text),
        Kind::PublicFrame => market::frame(name, text),
        Kind::RefusedFrame => market::refused(name, text),
        Kind::OrderFrame => account::order_frame(name, text),
        Kind::PositionFrame => account::position_frame(name, text),
    }
}

/// The payloads of a file: `samples[].payload`, or of `cases[]` the answer or the payload.
fn split(name: &str, text: &str) -> Vec<(String, String)> {
    let tree: Value = serde_json::from_str(text).unwrap();
    let mut parts = Vec::new();
    for (list, payload, say) in [
        ("samples", "payload", "fn"),
        ("cases", "httpResponse", "http"),
        ("cases", "payload", "name"),
    ] {
        for (number, one) in tree[list].as_array().into_iter().flatten().enumerate() {
            if one[payload].is_object() || one[payload].is_array() {
                let said = one[say].as_str().unwrap();
                parts.push((format!("#{number}#{said}"), one[payload].to_string()));
            }
        }
    }
    if parts.is_empty() {
        assert_eq!(name, "signing_vectors.json", "{name} holds no payloads");
        return vec![(String::new(), text.to_owned())];
    }
    parts
}

fn payloads() -> Option<Vec<Payload>> {
    let folder = recorded_folder()?.join("venues/backpack");
    Some(recorded::payloads(&folder, split))
}

#[test]
fn every_recorded_payload_parses_to_the_value_beside_it_or_is_listed() {
    let Some(payloads) = payloads() else { return };
    let mut checked = BTreeMap::<Kind, usize>::new();
    let mut listed = BTreeMap::<&str, usize>::new();
    let mut neither = Vec::new();
    for payload in payloads {
        let mut rules = scope::RULES.iter();
        match rules.find(|rule| rule.covers(&payload.name)) {
            Some(rule) => match rule.verdict {
                Verdict::Check(kind) => {
                    check(kind, &payload);
                    *checked.entry(kind).or_default() += 1;
                }
                Verdict::Listed(reason) => *listed.entry(reason).or_default() += 1,
            },
            None => neither.push(payload.name),
        }
    }
    println!("checked: {checked:#?}\nlisted: {listed:#?}");
    assert!(
        neither.is_empty(),
        "neither checked nor listed: {neither:#?}"
    );
    let total: usize = checked.values().sum();
    assert_eq!(total, 34, "payloads checked");
    assert_eq!(checked.len(), 15, "a kind of payload has no recording");
}

#[test]
fn the_table_lists_nothing_that_does_not_exist() {
    let Some(payloads) = payloads() else { return };
    for rule in scope::RULES {
        assert!(
            payloads.iter().any(|one| rule.covers(&one.name)),
            "{rule:?} covers nothing"
        );
    }
}

/// The recorder kept what was asked too: the same question of ours is the same text.
#[test]
fn recorded_questions_equal_ours() {
    let Some(folder) = recorded_folder() else {
        return;
    };
    let path = folder.join("venues/backpack/ccxt/rest_responses_subset.json");
    let tree: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut compared = 0;
    for case in tree["cases"].as_array().unwrap() {
        compared += usize::from(account::question(case));
    }
    assert_eq!(compared, 8);
}
