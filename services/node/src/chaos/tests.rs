//! The audit itself: a run in order has no findings, and each broken promise is one.

use std::collections::BTreeMap;

use chimera_contracts::{
    common::v1::{Fee, Liquidity, Side},
    order::v1::{Fill, Order, OrderState},
    position::v1::Position,
};
use chimera_model::Decimal;
use serde_json::json;
use tonic::Status;

use super::{
    audit::{Evidence, audit},
    book::{Book, FIRST_INDEX},
    draw::{Kind, Terms},
    report::Findings,
    venue::{Creates, VENUE_SYMBOL},
};

/// A run of one order that was filled at once, all its records in order.
struct Run {
    book: Book,
    evidence: Evidence,
}

fn order() -> Order {
    Order {
        account: "main".to_owned(),
        client_order_index: FIRST_INDEX,
        side: Side::Buy.into(),
        quantity: "0.02".to_owned(),
        price: "620".to_owned(),
        filled_quantity: "0.02".to_owned(),
        state: OrderState::Filled.into(),
        venue_order_id: "9".to_owned(),
        ..Order::default()
    }
}

fn fill() -> Fill {
    Fill {
        trade_id: "5".to_owned(),
        venue_order_id: "9".to_owned(),
        side: Side::Buy.into(),
        price: "620.00".to_owned(),
        quantity: "0.02".to_owned(),
        fee: Some(Fee {
            amount: "0.0062".to_owned(),
            ..Fee::default()
        }),
        liquidity: Liquidity::Taker.into(),
        ..Fill::default()
    }
}

fn in_order() -> Run {
    let mut book = Book::default();
    let terms = Terms {
        kind: Kind::Limit,
        side: Side::Buy,
        lots: 2,
        ticks: Some(62_000),
    };
    let index = book.begin(terms).unwrap();
    book.heard(index, Ok(order()));
    let client_id = format!("chimera-{FIRST_INDEX}");
    let ledger = json!({
        "accounts": [{
            "wallet": "999.9938", "open_orders": 0,
            "positions": [{"symbol": VENUE_SYMBOL, "quantity": "0.02", "fees": "0.0062"}],
        }],
        "orders": [{
            "id": 9, "client_id": client_id, "side": "buy", "price": "620", "quantity": "0.02",
            "executed": "0.02", "status": "filled", "created_ms": 1, "updated_ms": 1,
        }],
        "fills": [{
            "trade": 5, "order": 9, "side": "buy", "price": "620", "quantity": "0.02",
            "fee": "0.0062", "maker": false,
        }],
    });
    let once = Creates {
        attempts: 1,
        accepted: 1,
    };
    let position = Position {
        quantity: "0.02".to_owned(),
        fees: fill().fee.into_iter().collect(),
        ..Position::default()
    };
    let evidence = Evidence {
        ledger: serde_json::from_value(ledger).unwrap(),
        creates: BTreeMap::from([(client_id, once)]),
        orders: BTreeMap::from([(index, order())]),
        fills: vec![fill()],
        positions: vec![position],
        wallet: Some("999.9938".to_owned()),
        watched: Some([("5".to_owned(), "9".to_owned())].into()),
    };
    Run { book, evidence }
}

/// Returns lost, doubled, mismatches and unresolved of a run that something was done to.
fn found(spoil: impl FnOnce(&mut Run)) -> [u64; 4] {
    let mut run = in_order();
    spoil(&mut run);
    let mut findings: Findings = audit(&run.book, &run.evidence);
    findings.absorb(run.book.findings.clone());
    assert_eq!(
        findings.is_clean(),
        findings.words.is_empty(),
        "{findings:?}"
    );
    [
        findings.lost,
        findings.doubled,
        findings.mismatches,
        findings.unresolved,
    ]
}

fn ours(run: &mut Run) -> &mut Order {
    run.evidence.orders.get_mut(&FIRST_INDEX).unwrap()
}

#[test]
fn a_run_in_order_has_no_findings() {
    assert_eq!(found(|_| {}), [0; 4]);
}

#[test]
fn what_was_acknowledged_and_is_unknown_is_lost() {
    // Once by the client's word, once by the venue's.
    assert_eq!(found(|run| run.evidence.orders.clear()), [2, 0, 0, 0]);
    assert_eq!(found(|run| run.evidence.fills.clear()), [1, 0, 0, 0]);
    assert_eq!(
        found(|run| run.evidence.watched = Some([].into())),
        [1, 0, 0, 0]
    );
    assert_eq!(
        found(|run| run.evidence.ledger.orders.clear()),
        [1, 0, 0, 0]
    );
}

#[test]
fn what_is_there_twice_is_doubled() {
    let twice = |run: &mut Run| {
        run.evidence.creates.values_mut().next().unwrap().attempts = 2;
    };
    assert_eq!(found(twice), [0, 1, 0, 0]);
    assert_eq!(found(|run| run.evidence.fills.push(fill())), [0, 1, 0, 0]);
    let two_venue_orders = |run: &mut Run| {
        let mut second = in_order().evidence.ledger.orders.remove(0);
        second.id = 10;
        run.evidence.ledger.orders.push(second);
    };
    // The records of ours can agree with one of the two only.
    let [lost, doubled, mismatches, unresolved] = found(two_venue_orders);
    assert_eq!((lost, doubled, unresolved), (0, 1, 0));
    assert!(mismatches > 0);
}

#[test]
fn records_that_differ_are_mismatches() {
    let amount = |text: &str| -> Decimal { text.parse().unwrap() };
    assert_eq!(found(|run| ours(run).quantity = "0.03".to_owned())[2], 2);
    assert_eq!(found(|run| ours(run).price = "621".to_owned())[2], 1);
    assert_eq!(found(|run| ours(run).set_side(Side::Sell))[2], 1);
    assert_eq!(found(|run| run.evidence.wallet = None)[2], 1);
    assert_eq!(
        found(|run| run.evidence.fills[0].price = "619".to_owned())[2],
        1
    );
    assert_eq!(found(|run| run.evidence.fills[0].inferred = true)[2], 1);
    let fees = |run: &mut Run| {
        run.evidence.ledger.accounts[0].positions[0].fees = amount("0.0063");
    };
    assert_eq!(found(fees)[2], 1);
    let open = |run: &mut Run| run.evidence.ledger.orders[0].status = "new".to_owned();
    assert_eq!(found(open)[2], 1);
}

#[test]
fn what_nobody_knows_the_end_of_is_unresolved() {
    let unanswered = |run: &mut Run| {
        let terms = run.book.orders[&FIRST_INDEX].terms;
        let index = run.book.begin(terms).unwrap();
        run.book.heard(index, Err(Status::unavailable("killed")));
    };
    assert_eq!(found(unanswered), [0, 0, 0, 1]);
    let [lost, doubled, _, unresolved] = found(|run| ours(run).set_state(OrderState::Unknown));
    assert_eq!((lost, doubled, unresolved), (0, 0, 1));
}

#[test]
fn an_answer_that_takes_an_earlier_one_back_is_a_loss() {
    let refused = |run: &mut Run| {
        let status = Status::failed_precondition("no");
        run.book.heard(FIRST_INDEX, Err(status));
    };
    assert_eq!(found(refused)[0], 1);
    let other_id = |run: &mut Run| {
        let mut answer = order();
        answer.venue_order_id = "10".to_owned();
        run.book.heard(FIRST_INDEX, Ok(answer));
    };
    assert_eq!(found(other_id)[0], 1);
}
