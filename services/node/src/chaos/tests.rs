//! The audit itself: a run in order has no findings, and each broken promise is one.

use std::{collections::BTreeMap, time::Duration};

use chimera_contracts::{
    common::v1::{Fee, Liquidity, Side},
    order::v1::{Fill, Order, OrderState},
    position::v1::Position,
};
use chimera_model::Decimal;
use serde_json::json;
use tonic::Status;

use super::{
    audit::{Evidence, audit, rate_violations},
    book::{Book, FIRST_INDEX},
    draw::{Kind, Terms},
    faults::{Fault, Planned, WEIGHTS, draw as draw_faults},
    market::{BACKPACK, BINANCE_USDM, Market},
    memory::Memory,
    report::{Findings, Report},
    venue::{Counters, Creates},
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
        market: &BINANCE_USDM,
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
            "positions": [{"symbol": BINANCE_USDM.venue_symbol, "quantity": "0.02", "fees": "0.0062"}],
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
    let limits = BINANCE_USDM.limits.iter();
    let limits = limits.map(|name| ((*name).to_owned(), 0)).collect();
    let position = Position {
        symbol: BINANCE_USDM.symbol.to_owned(),
        quantity: "0.02".to_owned(),
        fees: fill().fee.into_iter().collect(),
        ..Position::default()
    };
    let evidence = Evidence {
        market: &BINANCE_USDM,
        ledger: serde_json::from_value(ledger).unwrap(),
        counters: Counters {
            creates: BTreeMap::from([(client_id, once)]),
            limits,
        },
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
        run.evidence
            .counters
            .creates
            .values_mut()
            .next()
            .unwrap()
            .attempts = 2;
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

#[test]
fn an_order_at_another_venue_than_asked_is_lost_here_and_of_nobody_there() {
    assert_eq!(BACKPACK.index_of("2147483649"), Some(1));
    let elsewhere = |run: &mut Run| run.evidence.market = &BACKPACK;
    // The venue's order bears no number of ours, its fill is there, and its position is not ours.
    let [_, _, mismatches, _] = found(elsewhere);
    assert!(mismatches > 0);
    assert_eq!(BACKPACK.index_of("chimera-1"), None);
    assert_eq!(BINANCE_USDM.index_of("2147483649"), None);
}

#[test]
fn a_refusal_for_a_venues_own_limit_makes_a_run_red_and_a_scripted_one_does_not() {
    let judged = |name: &str, count: u64| {
        let mut run = in_order();
        let limits = &mut run.evidence.counters.limits;
        limits.insert(name.to_owned(), count);
        let mut report = Report::default();
        report.rate_violations = rate_violations(&run.evidence, &mut report.findings);
        report.judge();
        report.ok
    };
    assert!(judged("ban_refusals", 3));
    for name in BINANCE_USDM.limits {
        assert!(!judged(name, 1), "{name}");
    }
    let mut uncounted = in_order();
    uncounted.evidence.counters.limits.clear();
    let mut findings = Findings::default();
    rate_violations(&uncounted.evidence, &mut findings);
    assert_eq!(findings.mismatches, BINANCE_USDM.limits.len() as u64);
}

#[test]
fn one_fill_less_makes_a_run_red() {
    let judged = |spoil: fn(&mut Run)| {
        let mut run = in_order();
        spoil(&mut run);
        let mut report = Report {
            findings: audit(&run.book, &run.evidence),
            ..Report::default()
        };
        report.judge();
        report.ok
    };
    assert!(judged(|_| {}));
    assert!(!judged(|run| drop(run.evidence.fills.pop())));
    assert!(!judged(|run| drop(run.evidence.ledger.fills.pop())));
}

#[test]
fn memory_that_grows_is_told_from_memory_that_breathes() {
    let of = |mb: fn(f64) -> f64| {
        let samples: Vec<(f64, f64)> = (0..600).map(|s| (f64::from(s), mb(f64::from(s)))).collect();
        Memory::of(&samples)
    };
    let breathing = of(|s| 60.0 + (s / 10.0).sin() * 3.0);
    assert!(breathing.flat, "{breathing}");
    // What fills while it warms up is no growth.
    assert!(of(|s| 40.0 + s.min(180.0) / 4.0).flat);
    let leaking = of(|s| 60.0 + s / 8.0);
    assert!(!leaking.flat, "{leaking}");
    assert!((leaking.slope_mb_per_hour - 450.0).abs() < 1.0, "{leaking}");
    assert!(!Memory::of(&[]).flat);
    let unread = of(|_| 0.0);
    assert!(!unread.flat, "{unread}");
}

#[test]
fn a_seed_draws_the_same_faults_again_and_none_stays() {
    let markets: [&'static Market; 2] = [&BINANCE_USDM, &BACKPACK];
    let length = Duration::from_secs(3_600);
    let planned = draw_faults(7, &markets, length);
    assert_eq!(planned, draw_faults(7, &markets, length));
    assert_ne!(planned, draw_faults(8, &markets, length));
    let momentary = [
        Fault::Paused,
        Fault::SocketsClosed,
        Fault::SocketsCut,
        Fault::SessionExpired,
        Fault::Jump,
    ];
    for (fault, _, name) in WEIGHTS {
        for market in markets {
            let here = |it: &&Planned| it.fault == fault && it.market == market;
            let (ends, begins): (Vec<_>, Vec<_>) = planned
                .iter()
                .filter(here)
                .copied()
                .partition(|it| it.heals);
            assert!(!begins.is_empty(), "{name} at {}", market.venue());
            // What waits for requests is withdrawn, too: behind an open breaker it would pile up.
            let stays = |begun: &&Planned| {
                let within = begun.at..=begun.at + Duration::from_secs(10);
                within.end() < &length
                    && !ends
                        .iter()
                        .any(|end| within.contains(&end.at) && end.lasts == begun.lasts)
            };
            let staying = begins.iter().filter(stays).count();
            match momentary.contains(&fault) {
                true => assert_eq!(ends, [], "{name}"),
                false => assert_eq!(staying, 0, "{name}"),
            }
        }
    }
}

#[test]
fn a_run_whose_orders_never_reached_a_venue_proves_nothing() {
    let judged = |venue_orders: usize| {
        let mut report = Report {
            orders: 10,
            venue_orders,
            ..Report::default()
        };
        report.judge();
        report.ok
    };
    assert!(judged(5));
    assert!(!judged(4));
}

#[test]
fn a_fill_that_was_inferred_gives_way_to_what_is_said_of_it_later() {
    let inferred = |seq: u64, quantity: &str| Fill {
        seq,
        trade_id: "inferred".to_owned(),
        quantity: quantity.to_owned(),
        inferred: true,
        ..fill()
    };
    let given_way = |run: &mut Run| {
        run.evidence.fills.push(inferred(1, "0.02"));
        run.evidence.fills.push(inferred(2, "0"));
    };
    assert_eq!(found(given_way), [0; 4]);
    // Said last that some of it is left: it stands beside the venue's own.
    let stands = |run: &mut Run| {
        run.evidence.fills.push(inferred(2, "0"));
        run.evidence.fills.push(inferred(3, "0.02"));
    };
    assert_eq!(found(stands), [0, 0, 2, 0]);
}
