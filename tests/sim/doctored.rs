//! Every invariant can be seen broken: true evidence of one run, doctored in one place, is found out.

use std::sync::OnceLock;
use std::time::Duration;

use chimera_contracts::order::v1 as pb;
use chimera_contracts::order::v1::watch_orders_response::Frame;
use chimera_contracts::order::v1::{OrderState, TradingState};
use chimera_journal::Record;
use chimera_model::order::Event;
use chimera_order::{Body, Logged};
use chimera_tests::sim::{Answer, Plan, Seen, audit, play};
use serde_json::{Value, json};

/// Returns what a run left in which nothing went wrong but that the kill switch was thrown.
fn evidence() -> Seen {
    static TRUE: OnceLock<Seen> = OnceLock::new();
    let seen = TRUE.get_or_init(|| {
        let plan = Plan {
            killed: Some(Duration::from_secs(1)..Duration::from_secs(12)),
            ..Plan::draw(3, &[], true)
        };
        let seen = play(&plan).seen;
        let found = audit(&seen);
        assert!(found.is_empty(), "clean before it is doctored: {found:#?}");
        seen
    });
    seen.clone()
}

/// Returns the invariants that the audit finds broken.
fn broken(seen: &Seen) -> Vec<&'static str> {
    let mut broken: Vec<_> = audit(seen).into_iter().map(|it| it.invariant).collect();
    broken.dedup();
    broken
}

fn found(seen: &Seen, invariant: &str) {
    let broken = broken(seen);
    assert!(
        broken.contains(&invariant),
        "{invariant} is not among {broken:?}"
    );
}

fn rows<'a>(of: &'a mut Value, name: &str) -> &'a mut Vec<Value> {
    of[name].as_array_mut().expect("the ledger has this table")
}

fn ledger(seen: &mut Seen) -> &mut Value {
    seen.ledger
        .as_mut()
        .expect("the auditor has read the ledger")
}

fn last(seen: &mut Seen) -> &mut chimera_tests::sim::Final {
    seen.last.as_mut().expect("the auditor has read the mesh")
}

#[test]
fn i1_a_price_a_quantity_and_a_fee_that_differ_are_found() {
    for field in ["price", "quantity", "fee"] {
        let mut seen = evidence();
        rows(ledger(&mut seen), "fills")[0][field] = json!("0.123");
        found(&seen, "I1");
    }
}

#[test]
fn i1_a_fill_too_few_and_a_fill_too_many_are_found() {
    let mut seen = evidence();
    last(&mut seen).fills.pop();
    found(&seen, "I1");

    let mut seen = evidence();
    let fill = last(&mut seen).fills[0].clone();
    last(&mut seen).fills.push(fill);
    found(&seen, "I1");
}

#[test]
fn i1_another_position_and_another_balance_are_found() {
    let mut seen = evidence();
    let account = &mut rows(ledger(&mut seen), "accounts")[0];
    account["positions"][0]["quantity"] = json!("77");
    found(&seen, "I1");

    let mut seen = evidence();
    rows(ledger(&mut seen), "accounts")[0]["wallet"] = json!("9999.99999999");
    found(&seen, "I1");
}

#[test]
fn i1_an_order_with_another_end_and_an_order_of_nobody_are_found() {
    let mut seen = evidence();
    rows(ledger(&mut seen), "orders")[0]["status"] = json!("partially_filled");
    found(&seen, "I1");

    let mut seen = evidence();
    rows(ledger(&mut seen), "orders")[0]["client_id"] = json!("somebody");
    found(&seen, "I1");
}

#[test]
fn i2_two_orders_of_one_id_are_found() {
    let mut seen = evidence();
    let orders = rows(ledger(&mut seen), "orders");
    orders.push(orders[0].clone());
    found(&seen, "I2");
}

#[test]
fn i2_a_second_request_for_one_id_is_found() {
    let mut seen = evidence();
    let placing = seen.wire.0.iter().find(|request| request.places());
    let again = placing.expect("orders were placed").clone();
    seen.wire.0.push(again);
    found(&seen, "I2");
}

#[test]
fn i2_two_children_at_once_and_children_beyond_their_parent_are_found() {
    let parent = |logged: &Logged| match &logged.body {
        Body::Intent(intent) if intent.tracking.is_some() => intent.spec.index,
        _ => None,
    };
    let seen = evidence();
    let parents = seen.journal.iter().map(sound);
    let parent = parents.filter_map(|logged| parent(&logged)).next();
    let parent = parent.expect("a tracking limit was placed");

    // Whatever was placed first and ended last is its child as well.
    let mut doctored = seen.clone();
    for record in &mut doctored.journal {
        let mut logged = sound(record);
        if let Body::Intent(intent) = &mut logged.body
            && intent.tracking.is_none()
        {
            intent.spec.parent = Some(parent);
            *record = logged.encode().expect("it was encoded before");
        }
    }
    let said: Vec<_> = audit(&doctored).into_iter().map(|it| it.what).collect();
    assert!(
        said.iter().any(|what| what.contains("live at once")),
        "{said:?}"
    );
    assert!(said.iter().any(|what| what.contains("filled")), "{said:?}");
}

#[test]
fn i3_an_order_that_is_gone_or_has_other_terms_is_found() {
    let acknowledged = |seen: &Seen| {
        let mut placed = seen.placed.iter();
        let (index, _) = placed
            .find(|(_, placed)| placed.acknowledged.is_some())
            .expect("orders were acknowledged");
        *index
    };
    let mut seen = evidence();
    let index = acknowledged(&seen);
    last(&mut seen)
        .orders
        .retain(|it| it.client_order_index != index);
    found(&seen, "I3");

    let mut seen = evidence();
    let orders = last(&mut seen).orders.iter_mut();
    let order = orders.last().expect("there are orders");
    order.quantity = "123.45".to_owned();
    found(&seen, "I3");
}

fn sound(record: &Record) -> Logged {
    Logged::decode(record).expect("the journal is sound")
}

/// Changes the first record that `change` takes to.
fn doctor(seen: &mut Seen, mut change: impl FnMut(&mut Logged) -> bool) {
    for record in &mut seen.journal {
        let mut logged = sound(record);
        if change(&mut logged) {
            *record = logged.encode().expect("it was encoded before");
            return;
        }
    }
    panic!("no record was doctored");
}

#[test]
fn i4_a_step_that_may_not_happen_is_found() {
    let mut seen = evidence();
    let ended = seen.journal.iter().find_map(|record| {
        let logged = Logged::decode(record).ok()?;
        let ends = matches!(
            logged.body,
            Body::Event {
                event: Event::Cancelled(_) | Event::Completed,
                ..
            }
        );
        ends.then_some(logged)
    });
    let mut logged = ended.expect("an order ended");
    logged.body = Body::Event {
        event: Event::Accepted,
        venue_time: None,
    };
    seen.journal
        .push(logged.encode().expect("it has an encoding"));
    found(&seen, "I4");
}

#[test]
fn i4_a_fill_that_is_booked_twice_is_found() {
    let mut seen = evidence();
    let fill = seen.journal.iter().find(|record| {
        let logged = sound(record);
        matches!(
            logged.body,
            Body::Event {
                event: Event::Fill(_),
                ..
            }
        )
    });
    let again = fill.expect("something was filled").clone();
    seen.journal.push(again);
    found(&seen, "I4");
}

#[test]
fn i4_a_state_that_is_not_what_the_records_say_is_found() {
    let mut seen = evidence();
    let orders = last(&mut seen).orders.iter_mut();
    let mut ended = orders.filter(|it| it.state() == OrderState::Cancelled);
    let order = ended.next().expect("an order was cancelled");
    order.set_state(OrderState::Expired);
    found(&seen, "I4");

    let mut seen = evidence();
    seen.journal[1].payload = b"{}".as_slice().into();
    found(&seen, "I4");
}

#[test]
fn i5_an_order_beyond_the_limit_is_found() {
    let mut seen = evidence();
    let denied: Vec<_> = seen
        .journal
        .iter()
        .filter_map(|record| Logged::decode(record).ok())
        .filter(|it| {
            matches!(
                it.body,
                Body::Event {
                    event: Event::Denied(_),
                    ..
                }
            )
        })
        .map(|it| it.key)
        .collect();
    doctor(&mut seen, |logged| {
        let Body::Intent(intent) = &mut logged.body else {
            return false;
        };
        intent.spec.quantity = 1_000_i64.into();
        !denied.contains(&logged.key)
    });
    found(&seen, "I5");
}

#[test]
fn i6_an_order_that_leaves_after_the_kill_is_found() {
    let mut seen = evidence();
    let killed = seen
        .switched
        .iter()
        .find(|it| it.state == TradingState::Halted)
        .and_then(|it| it.answered)
        .expect("the switch was thrown and answered");
    let places = seen.wire.0.iter_mut().find(|request| request.places());
    places.expect("orders were placed").at = killed + Duration::from_millis(1);
    found(&seen, "I6");
}

#[test]
fn i6_an_order_that_is_let_through_while_only_reducing_is_found() {
    let mut seen = evidence();
    let mut reducing = seen
        .journal
        .iter()
        .filter_map(|record| Logged::decode(record).ok())
        .find(|it| matches!(it.body, Body::Trading(_)))
        .expect("the switch was thrown");
    if let Body::Trading(change) = &mut reducing.body {
        change.state = chimera_order::TradingState::Reducing;
    }
    let record = reducing.encode().expect("it was encoded before");
    seen.journal.insert(1, record);
    found(&seen, "I6");
}

#[test]
fn i6_an_order_that_is_open_where_the_mesh_ends_killed_is_found() {
    let mut seen = evidence();
    let mut kill = seen.switched[0].clone();
    kill.state = TradingState::Halted;
    kill.asked = Duration::from_secs(3_600);
    kill.answered = Some(kill.asked);
    seen.switched.push(kill);
    let orders = rows(ledger(&mut seen), "orders");
    orders[0]["status"] = json!("new");
    found(&seen, "I6");
}

#[test]
fn i7_a_book_that_never_was_is_found() {
    let mut seen = evidence();
    for (_, best) in &mut seen.books.published {
        best.bid.0 = "1".to_owned();
    }
    found(&seen, "I7");
}

#[test]
fn i8_a_change_that_was_not_watched_is_found() {
    let mut seen = evidence();
    let newest = last(&mut seen).orders.iter().max_by_key(|it| it.seq);
    let index = newest.expect("there are orders").client_order_index;
    seen.watched.orders.remove(&index);
    found(&seen, "I8");

    let mut seen = evidence();
    let fills = seen.watched.fills.values_mut();
    fills.for_each(|count| *count += 1);
    found(&seen, "I8");
}

#[test]
fn i8_a_gap_and_a_repetition_in_a_stream_are_found() {
    let change = |prev_seq, seq| {
        Frame::Change(pb::OrderChange {
            prev_seq,
            seq,
            ..Default::default()
        })
    };
    let mut seen = evidence();
    let seq = seen.watched.seq;
    assert_eq!(seen.watched.take(change(seq, seq + 3), true), None);
    assert!(seen.watched.take(change(seq + 4, seq + 5), true).is_some());
    assert!(seen.watched.take(change(seq + 4, seq + 5), true).is_some());
    let snapshot = Frame::Snapshot(pb::OrderSnapshot::default());
    assert!(seen.watched.take(snapshot, true).is_some());
}

#[test]
fn i9_a_refusal_for_a_limit_and_a_request_too_early_are_found() {
    let mut seen = evidence();
    let counters = seen
        .counters
        .as_mut()
        .expect("the auditor has read the counters");
    counters["limits"]["order_refusals"] = json!(1);
    found(&seen, "I9");

    let mut seen = evidence();
    let mut placing = seen.wire.0.iter_mut().filter(|request| request.places());
    let end = placing.next().and_then(|request| request.end.as_mut());
    let (_, answer) = end.expect("orders were placed and answered");
    *answer = Some(Answer {
        status: 429,
        retry_after: Some(60),
    });
    found(&seen, "I9");
}

#[test]
fn i10_an_order_that_stays_in_doubt_is_found() {
    let mut seen = evidence();
    last(&mut seen).orders[0].set_state(OrderState::Unknown);
    found(&seen, "I10");

    let mut seen = evidence();
    seen.watched.seq = 1;
    found(&seen, "I10");
}
