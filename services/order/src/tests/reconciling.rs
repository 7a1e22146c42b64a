//! Comparing with the venue.

use std::time::Duration;

use chimera_contracts::connector::v1 as wire;
use chimera_contracts::order::v1 as pb;
use pb::{DifferenceKind as D, OrderState as S};

use super::mesh::{Mesh, buy};
use super::recovering::a_human_places;

#[tokio::test(start_paused = true)]
async fn f045_a_dry_run_tells_and_changes_nothing_and_a_repair_is_done_once() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| {
        state.silent = true;
        a_human_places(state);
    });
    mesh.venue.fill(1, 4);
    let told = mesh.reconcile(true).await;
    let kinds: Vec<_> = told.iter().map(pb::Difference::kind).collect();
    assert_eq!(
        kinds,
        [D::OrderMissingHere, D::OrderState, D::FillMissingHere]
    );
    assert!(
        told.iter()
            .all(|found| !found.applied && !found.repair.is_empty())
    );
    assert_eq!(mesh.get(1).await.filled_quantity, "0");

    let again = mesh.reconcile(true).await;
    assert_eq!(told, again, "f124: the same differences have the same ids");

    let repaired = mesh.reconcile(false).await;
    assert!(repaired.iter().all(|found| found.applied));
    assert_eq!(mesh.get(1).await.filled_quantity, "0.4");
    assert_eq!(mesh.reconcile(false).await, []);
    // An order is never sent, nor one of a stranger cancelled.
    assert_eq!(
        mesh.venue
            .with(|state| (state.submits.len(), state.cancels.len())),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn f048_a_position_that_was_there_before_is_taken_in_as_it_is() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.position_lots = 25);
    let told = mesh.reconcile(true).await;
    assert_eq!(told[0].kind(), D::Position);
    assert_eq!(
        (told[0].here.as_str(), told[0].there.as_str()),
        ("0", "2.5")
    );
    let repaired = mesh.reconcile(false).await;
    assert!(repaired[0].applied);
    assert_eq!(repaired[0].id, told[0].id);
    assert_eq!(mesh.reconcile(true).await, []);
    let mesh = mesh.crash().await;
    assert_eq!(mesh.reconcile(true).await, []);
}

#[tokio::test(start_paused = true)]
async fn f124_the_same_drift_at_another_time_is_another_difference() {
    let mesh = Mesh::start().await;
    let mut ids = Vec::new();
    for lots in [10, 0, 10, 0] {
        mesh.venue.with(|state| state.position_lots = lots);
        let repaired = mesh.reconcile(false).await;
        assert_eq!(repaired.len(), 1);
        ids.push(repaired[0].id.clone());
        assert_eq!(mesh.reconcile(true).await, []);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_fill_between_two_reads_is_not_taken_for_drift() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| {
        state.silent = true;
        state.list_fills_empty = true;
    });
    // The position shows the fill, the list of fills does not yet.
    mesh.venue.fill(1, 4);
    let reconciling = mesh.reconcile(false);
    let later = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        mesh.venue.with(|state| state.list_fills_empty = false);
    };
    let (found, ()) = tokio::join!(reconciling, later);
    assert!(
        found.iter().all(|found| found.kind() != D::Position),
        "{found:?}"
    );
    assert_eq!(mesh.reconcile(true).await, []);
}

#[tokio::test(start_paused = true)]
async fn f104_what_a_live_stream_misses_is_found_by_the_regular_comparison() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| state.silent = true);
    mesh.venue.fill(1, 4);
    mesh.until("found", async |mesh: &Mesh| {
        mesh.get(1).await.filled_quantity == "0.4"
    })
    .await;
    mesh.venue.with(|state| {
        state.kept_back.clear();
        state.position_lots += 10;
    });
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(mesh.reconcile(true).await, []);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_the_venue_no_longer_shows_is_asked_for_until_its_end_is_known() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| {
        state.silent = true;
        state.blind_queries = 1;
        state.orders[0].status = wire::ReportedStatus::Cancelled;
    });
    let found = mesh.reconcile(false).await;
    assert_eq!(found[0].kind(), D::OrderMissingThere);
    mesh.reaches(1, S::Cancelled).await;
}

#[tokio::test(start_paused = true)]
async fn h055_a_fill_that_cannot_be_true_is_refused_and_the_venue_is_asked() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.fill(1, 1);
    mesh.reaches(1, S::PartiallyFilled).await;
    let hostile = mesh.venue.with(|state| state.fills[0].clone());
    for (price, quantity) in [
        ("99", "1000000000000000"),
        ("0", "1"),
        ("99", "-1"),
        ("x", "1"),
    ] {
        let fill = wire::Fill {
            trade_id: "hostile".into(),
            price: price.into(),
            quantity: quantity.into(),
            ..hostile.clone()
        };
        mesh.venue.say(wire::account_event::Event::Fill(fill));
    }
    let other = wire::Fill {
        account: "other".into(),
        trade_id: "h".into(),
        ..hostile
    };
    mesh.venue.say(wire::account_event::Event::Fill(other));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(mesh.get(1).await.filled_quantity, "0.1");
    assert_eq!(mesh.fills().await.len(), 1);
    mesh.ready().await;
}

#[tokio::test(start_paused = true)]
async fn a_report_in_steps_of_a_newer_version_is_read_after_the_steps_are_fetched() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| state.version = 2);
    mesh.venue.fill(1, 10);
    assert_eq!(mesh.reaches(1, S::Filled).await.filled_quantity, "1");
    mesh.place(buy("1", "99")).await.unwrap();
}
