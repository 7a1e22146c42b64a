//! Crashes, lost streams, and what is found afterwards.

use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as wire;
use chimera_contracts::order::v1 as pb;
use pb::OrderState as S;

use super::mesh::{Mesh, buy, reason, with_index};
use super::venue::{OnCancel, OnSubmit, State, Venue, VenueOrder};
use crate::{Config, MemoryStore};

/// Puts an order on the book that this mesh knows nothing of.
pub fn a_human_places(state: &mut State) {
    state.take(VenueOrder {
        index: 0,
        id: format!("human-{}", state.orders.len()),
        side: common::Side::Buy,
        lots: 5,
        ticks: 9_000,
        filled: 0,
        status: wire::ReportedStatus::New,
        tif: common::TimeInForce::Gtc,
        reduce_only: false,
    });
}

#[tokio::test(start_paused = true)]
async fn f010_a_crash_while_the_venue_has_not_answered_is_resolved_by_asking_it() {
    let mesh = Mesh::start().await;
    mesh.venue
        .on_submit([OnSubmit::Slow(Duration::from_secs(5))]);
    let mut client = mesh.client();
    let call = client.place_order(buy("1", "99"));
    tokio::select! {
        _ = call => unreachable!("the answer takes five seconds"),
        () = mesh.venue.until(|state| !state.submits.is_empty()) => {}
    }
    let mesh = mesh.crash().await;
    mesh.reaches(1, S::Open).await;
    assert_eq!(mesh.venue.with(|state| state.submits.clone()), [1]);
}

#[tokio::test(start_paused = true)]
async fn f010_a_crash_before_anything_left_ends_in_proven_absence() {
    let mesh = Mesh::start().await;
    mesh.venue.on_submit([OnSubmit::LoseRequest]);
    mesh.place(buy("1", "99")).await.unwrap();
    let mesh = mesh.crash().await;
    assert_eq!(mesh.get(1).await.state(), S::Unknown);
    mesh.reaches(1, S::Rejected).await;
    assert_eq!(mesh.venue.with(|state| state.submits.clone()), [1]);
}

#[tokio::test(start_paused = true)]
async fn f015_an_index_is_never_used_again_after_a_restart() {
    let mesh = Mesh::start().await;
    assert_eq!(
        mesh.place(buy("1", "99")).await.unwrap().client_order_index,
        1
    );
    assert_eq!(
        mesh.place(with_index(9, buy("1", "99")))
            .await
            .unwrap()
            .client_order_index,
        9
    );
    let mesh = mesh.crash().await;
    assert_eq!(
        mesh.place(buy("1", "99")).await.unwrap().client_order_index,
        10
    );
}

#[tokio::test(start_paused = true)]
async fn f123_a_restart_with_open_orders_finds_every_one_of_them_and_what_filled_meanwhile() {
    let mesh = Mesh::start().await;
    for price in ["99", "98", "97"] {
        mesh.place(buy("1", price)).await.unwrap();
    }
    // Everything below happens while nobody listens.
    mesh.venue.with(|state| state.down = true);
    mesh.venue.drop_streams();
    mesh.venue.fill(1, 10);
    mesh.venue.fill(2, 4);
    mesh.venue.end(3, wire::ReportedStatus::Cancelled);
    mesh.venue.with(|state| state.down = false);
    let mesh = mesh.crash().await;
    assert_eq!(mesh.reaches(1, S::Filled).await.filled_quantity, "1");
    assert_eq!(
        mesh.reaches(2, S::PartiallyFilled).await.filled_quantity,
        "0.4"
    );
    mesh.reaches(3, S::Cancelled).await;
    assert_eq!(mesh.fills().await.len(), 2);
    assert_eq!(mesh.reconcile(true).await, []);
}

#[tokio::test(start_paused = true)]
async fn f123_a_restart_asks_by_one_list_for_all_and_singly_for_what_it_does_not_show() {
    let mesh = Mesh::start().await;
    for _ in 0..200 {
        mesh.place(buy("1", "50")).await.unwrap();
    }
    mesh.venue.with(|state| {
        state.down = true;
        state.queries.clear();
    });
    mesh.venue.drop_streams();
    mesh.venue.fill(7, 10);
    mesh.venue.fill(8, 4);
    mesh.venue.with(|state| {
        state.down = false;
        state.lists = 0;
    });
    let mesh = mesh.crash().await;

    let (lists, queries) = mesh
        .venue
        .with(|state| (state.lists, state.queries.clone()));
    assert!((1..=2).contains(&lists), "{lists} lists");
    assert_eq!(queries, vec![7; lists], "only what is gone is asked for");
    mesh.reaches(7, S::Filled).await;
    mesh.reaches(8, S::PartiallyFilled).await;
    assert_eq!(mesh.reconcile(true).await, []);
}

#[tokio::test(start_paused = true)]
async fn f123_new_risk_waits_for_the_comparison_and_cancels_do_not() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| state.down = true);
    let mesh = mesh.crash_unready().await;
    let refusal = mesh.place(buy("1", "98")).await.unwrap_err();
    assert!(
        ["RECOVERING", "VENUE_NOT_READY"].contains(&reason(&refusal).as_str()),
        "{refusal:?}"
    );
    mesh.cancel(1).await.unwrap();
    mesh.venue.until(|state| !state.cancels.is_empty()).await;
    mesh.venue.with(|state| state.down = false);
    mesh.ready().await;
    mesh.reaches(1, S::Cancelled).await;
}

#[tokio::test(start_paused = true)]
async fn f039_fills_that_the_stream_missed_are_booked_before_the_venue_is_ready_again() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.fill(1, 2);
    mesh.reaches(1, S::PartiallyFilled).await;
    mesh.venue.with(|state| state.down = true);
    mesh.venue.drop_streams();
    mesh.venue.fill(1, 3);
    mesh.venue.fill(1, 1);
    mesh.until("the loss is noticed", async |mesh: &Mesh| {
        !mesh.trading().await.ready
    })
    .await;
    let refusal = mesh.place(buy("1", "98")).await.unwrap_err();
    assert_eq!(reason(&refusal), "VENUE_NOT_READY");
    mesh.venue.with(|state| state.down = false);
    mesh.ready().await;
    assert_eq!(mesh.get(1).await.filled_quantity, "0.6");
    assert_eq!(mesh.fills().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn f034_a_stream_that_replays_history_books_nothing_twice() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.fill(1, 4);
    mesh.reaches(1, S::PartiallyFilled).await;
    let records = mesh.store.records().len();
    let fill = mesh.venue.with(|state| state.fills[0].clone());
    for _ in 0..5 {
        mesh.venue
            .say(wire::account_event::Event::Fill(fill.clone()));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(mesh.get(1).await.filled_quantity, "0.4");
    assert_eq!(mesh.store.records().len(), records, "a replay is silent");
}

#[tokio::test(start_paused = true)]
async fn f035_a_stated_quantity_is_itemised_by_query_when_the_stream_does_not() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.no_fill_events = true);
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.fill(1, 10);
    mesh.reaches(1, S::Filled).await;
    mesh.until("itemised", async |mesh: &Mesh| {
        mesh.fills().await.len() == 1
    })
    .await;
    assert!(!mesh.fills().await[0].inferred);
}

#[tokio::test(start_paused = true)]
async fn f038_an_inferred_fill_gives_way_to_the_real_one() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| {
        state.no_fill_events = true;
        state.list_fills_empty = true;
    });
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.fill(1, 10);
    mesh.until("inferred", async |mesh: &Mesh| {
        mesh.fills().await.last().is_some_and(|fill| fill.inferred)
    })
    .await;
    assert_eq!(mesh.get(1).await.average_price, "99");
    let fill = mesh.venue.with(|state| {
        state.list_fills_empty = false;
        state.fills[0].clone()
    });
    mesh.venue.say(wire::account_event::Event::Fill(fill));
    mesh.until("replaced", async |mesh: &Mesh| {
        mesh.fills().await.len() == 3
    })
    .await;
    let told: Vec<_> = mesh
        .fills()
        .await
        .into_iter()
        .map(|fill| (fill.trade_id, fill.quantity, fill.inferred))
        .collect();
    let inferred = "inferred".to_owned();
    assert_eq!(told[0], (inferred.clone(), "1".to_owned(), true));
    assert_eq!(told[1], (inferred, "0".to_owned(), true));
    assert_eq!(told[2], ("1".to_owned(), "1".to_owned(), false));
    assert_eq!(mesh.get(1).await.filled_quantity, "1");
    assert_eq!(mesh.reconcile(true).await, []);
}

#[tokio::test(start_paused = true)]
async fn f024_a_fill_of_an_order_that_nobody_knows_is_kept_until_the_venue_tells_of_it() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| {
        state.silent = true;
        a_human_places(state);
        state.kept_back.clear();
        state.silent = false;
        state.fill_at(0, 5);
    });
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
        .await;
    let fill = mesh.fills().await.remove(0);
    assert!(fill.external);
    assert_eq!(fill.client_order_index, 0);
    assert_eq!(mesh.reconcile(true).await, []);
}

#[tokio::test(start_paused = true)]
async fn f055_an_order_that_the_venue_made_is_taken_in_with_its_cause() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| {
        state.silent = true;
        a_human_places(state);
        state.kept_back.clear();
        state.silent = false;
        let mut report = state.orders[0]
            .clone()
            .report(state, wire::ReportSource::Stream);
        report.venue_cause = "LIQUIDATION".to_owned();
        state.say(wire::account_event::Event::Order(report));
    });
    mesh.until("known", async |mesh: &Mesh| {
        mesh.trading().await.open_orders == 1
    })
    .await;
    let request = pb::ListOrdersRequest::default();
    let orders = mesh
        .client()
        .list_orders(request)
        .await
        .unwrap()
        .into_inner()
        .orders;
    assert!(orders[0].external);
    assert_eq!(orders[0].venue_order_id, "human-0");
}

#[tokio::test(start_paused = true)]
async fn f103_what_an_older_connection_says_is_dropped() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.drop_streams();
    mesh.until("noticed", async |mesh: &Mesh| !mesh.trading().await.ready)
        .await;
    mesh.ready().await;
    mesh.venue.with(|state| {
        let mut report = state.orders[0]
            .clone()
            .report(state, wire::ReportSource::Stream);
        report.generation = 1;
        report.set_status(wire::ReportedStatus::Cancelled);
        state.say(wire::account_event::Event::Order(report));
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(mesh.get(1).await.state(), S::Open);
}

#[tokio::test(start_paused = true)]
async fn f125_a_restart_tells_nobody_of_what_it_replays() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    let mesh = mesh.crash().await;
    let mut stream = mesh.watch("").await.unwrap();
    use pb::watch_orders_response::Frame;
    let mut frames = Vec::new();
    for _ in 0..2 {
        frames.push(stream.message().await.unwrap().unwrap().frame.unwrap());
    }
    assert!(matches!(frames[0], Frame::Ack(_)));
    assert!(matches!(&frames[1], Frame::Snapshot(snapshot) if snapshot.orders.len() == 1));
    let next = tokio::time::timeout(Duration::from_secs(30), stream.message()).await;
    assert!(matches!(
        next.unwrap().unwrap().unwrap().frame,
        Some(Frame::Heartbeat(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn f126_nothing_is_acknowledged_or_sent_once_the_journal_fails_and_cancels_still_go_out() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.store.fail(true);
    let error = mesh.place(buy("1", "98")).await.unwrap_err();
    assert_eq!(reason(&error), "JOURNAL_FAILED");
    let error = mesh.place(buy("1", "97")).await.unwrap_err();
    assert_eq!(reason(&error), "JOURNAL_FAILED");
    assert_eq!(mesh.venue.with(|state| state.submits.clone()), [1]);
    assert!(!mesh.trading().await.ready);
    let answer = mesh.cancel(1).await;
    assert_eq!(reason(&answer.unwrap_err()), "JOURNAL_FAILED");
    mesh.venue
        .until(|state| state.orders.iter().all(|order| !order.is_open()))
        .await;
    // The next process finds what was durable, and the venue tells the rest.
    mesh.store.fail(false);
    let mesh = mesh.crash().await;
    mesh.reaches(1, S::Cancelled).await;
}

#[tokio::test(start_paused = true)]
async fn f122_a_wall_clock_that_steps_back_disorders_nothing() {
    let store = MemoryStore::new();
    let mesh = Mesh::unready(Config::default(), Venue::new(), store.clone()).await;
    mesh.ready().await;
    mesh.place(buy("1", "99")).await.unwrap();
    let venue = mesh.venue.clone();
    drop(mesh);
    // The next process begins with a clock that is earlier than the records.
    let mesh = Mesh::unready(Config::default(), venue, store).await;
    mesh.ready().await;
    mesh.venue.on_cancel([OnCancel::AcceptQuietly]);
    mesh.cancel(1).await.unwrap();
    let entries = mesh.explain(1).await;
    assert!(entries.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    mesh.reaches(1, S::Cancelled).await;
}

/// Venues list trades by their own order ids alone: whose they are is known after a restart too, also
/// of orders that memory had forgotten before it.
#[tokio::test(start_paused = true)]
async fn f123_a_restart_knows_the_fills_of_orders_that_memory_had_forgotten() {
    let config = Config {
        closed_orders_kept: 1,
        snapshot_every_records: 5,
        ..Config::default()
    };
    let mesh = Mesh::with(config, Venue::new()).await;
    for index in 1..=5 {
        mesh.place(buy("0.1", "99")).await.unwrap();
        mesh.venue.fill(index, 1);
        mesh.reaches(index, S::Filled).await;
    }
    mesh.venue.with(|state| state.queries.clear());
    let mesh = mesh.crash().await;
    assert_eq!(mesh.reconcile(false).await, []);
    let asked = mesh.venue.with(|state| state.queries.clone());
    assert_eq!(asked, [0_i64; 0], "nothing is a stranger's");
}
