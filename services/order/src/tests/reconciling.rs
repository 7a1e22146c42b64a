//! Comparing with the venue.

use std::time::Duration;

use chimera_contracts::connector::v1 as wire;
use chimera_contracts::order::v1 as pb;
use pb::{DifferenceKind as D, OrderState as S};

use super::mesh::{Mesh, buy};
use super::recovering::a_human_places;
use super::venue::Venue;
use crate::Config;

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
    assert_eq!(
        kinds(&told),
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

fn kinds(found: &[pb::Difference]) -> Vec<D> {
    found.iter().map(pb::Difference::kind).collect()
}

/// Whatever the venue's list says otherwise of a fill is shown under one id, as often as it is asked
/// for, and the booking stands: money is not unbooked because a list says so.
#[tokio::test(start_paused = true)]
async fn f045_f124_what_a_list_says_otherwise_of_a_fill_is_shown_and_changes_nothing() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    for _ in 0..4 {
        mesh.venue.fill(1, 1);
    }
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 4)
        .await;
    assert_eq!(mesh.reconcile(true).await, []);
    let booked = mesh.fills().await;
    let sent = mesh.venue.with(|state| {
        state.fills.remove(1);
        state.fills[1].price = "98.5".into();
        state.fills[1].fee.as_mut().unwrap().amount = "0.02".into();
        state.fills[2].quantity = "0.2".into();
        state.orders[0].ticks = 9_800;
        state.submits.len()
    });
    let told = mesh.reconcile(true).await;
    let shown = [D::FillMissingThere, D::Price, D::Price, D::Quantity, D::Fee];
    assert_eq!(kinds(&told), shown, "{told:?}");
    let words: Vec<_> = told
        .iter()
        .map(|found| (found.here.as_str(), found.there.as_str()))
        .collect();
    assert!(words.contains(&("99", "98")), "{words:?}");
    assert!(
        words.contains(&("99 of trade 3", "98.5 of trade 3")),
        "{words:?}"
    );
    assert!(
        words.contains(&("0.1 of trade 4", "0.2 of trade 4")),
        "{words:?}"
    );
    let fees = ("0.01 USDT of trade 3", "0.02 USDT of trade 3");
    assert!(words.contains(&fees), "{words:?}");
    assert!(
        words.contains(&("trade 2 of 0.1 at 99", "left out")),
        "{words:?}"
    );

    let applied = mesh.reconcile(false).await;
    assert_eq!(applied, told, "the same ids, and nothing to apply");
    assert_eq!(mesh.reconcile(true).await, told);
    assert_eq!(mesh.fills().await, booked);
    assert_eq!(mesh.venue.with(|state| state.submits.len()), sent);
}

/// The end of a list may lag: only what lies between trades that it shows is left out.
#[tokio::test(start_paused = true)]
async fn f005_a_list_that_ends_early_or_is_empty_does_not_leave_anything_out() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    for _ in 0..3 {
        mesh.venue.fill(1, 1);
    }
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 3)
        .await;
    mesh.venue.with(|state| state.fills.truncate(2));
    assert_eq!(mesh.reconcile(true).await, []);
    mesh.venue.with(|state| state.list_fills_empty = true);
    assert_eq!(mesh.reconcile(true).await, []);
}

/// Changes the balance, and has the stream tell of it.
async fn tell_balance(mesh: &Mesh, total: &str) {
    mesh.venue.with(|state| state.balance = Some(total.into()));
    let said = super::venue::usdt(total);
    mesh.venue.say(wire::account_event::Event::Balance(said));
    // What is told is heard before anything else happens.
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn f049_a_balance_that_the_stream_did_not_tell_of_is_found_and_taken_in_once() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.balance = Some("900".into()));
    assert_eq!(mesh.reconcile(true).await, [], "the first word of it");
    mesh.venue.with(|state| state.balance = Some("950".into()));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let silent = mesh.reconcile(false).await;
    assert_eq!(silent, [], "the stream has told of none that could differ");
    tell_balance(&mesh, "1000").await;
    assert_eq!(mesh.reconcile(true).await, []);
    mesh.venue.with(|state| state.balance = Some("750".into()));
    let told = mesh.reconcile(true).await;
    assert_eq!(kinds(&told), [D::Balance]);
    let found = &told[0];
    assert_eq!((found.asset.as_str(), found.symbol.as_str()), ("USDT", ""));
    assert_eq!((found.here.as_str(), found.there.as_str()), ("1000", "750"));
    assert_eq!(
        mesh.reconcile(true).await,
        told,
        "a dry run changes nothing"
    );
    let repaired = mesh.reconcile(false).await;
    assert!(repaired[0].applied && repaired[0].id == told[0].id);
    assert_eq!(mesh.reconcile(false).await, []);
}

#[tokio::test(start_paused = true)]
async fn f049_a_balance_that_the_stream_tells_of_while_it_is_read_is_the_newer_word() {
    let mesh = Mesh::start().await;
    tell_balance(&mesh, "1000").await;
    for (before, after) in [("900", "800"), ("700", "600")] {
        // Read first, the balance is an older word by the time that the positions are here.
        mesh.venue.with(|state| {
            state.balance = Some(before.into());
            state.slow_positions = Duration::from_millis(200);
        });
        let told = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            tell_balance(&mesh, after).await;
        };
        let (found, ()) = tokio::join!(mesh.reconcile(before == "900"), told);
        assert_eq!(found, []);
        mesh.venue
            .with(|state| state.slow_positions = Duration::ZERO);
        assert_eq!(mesh.reconcile(true).await, []);
    }
    // Nor was the older word taken in.
    mesh.venue.with(|state| state.balance = Some("550".into()));
    assert_eq!(mesh.reconcile(true).await[0].here, "600");
}

/// The venue's own time orders what its stream tells, not the order of arrival.
#[tokio::test(start_paused = true)]
async fn f091_an_older_balance_that_comes_late_changes_nothing() {
    let mesh = Mesh::start().await;
    for (total, second) in [("1000", 20), ("900", 19), ("800", 21), ("700", 20)] {
        let dated = wire::BalanceReport {
            venue_time: Some(prost_types::Timestamp {
                seconds: 1_790_000_000 + second,
                nanos: 0,
            }),
            ..super::venue::usdt(total)
        };
        mesh.venue.say(wire::account_event::Event::Balance(dated));
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    mesh.venue.with(|state| state.balance = Some("650".into()));
    assert_eq!(mesh.reconcile(true).await[0].here, "800");
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

/// While a comparison reads back what memory had forgotten, memory forgets more: none of it is missing.
#[tokio::test(start_paused = true)]
async fn f124_what_is_forgotten_while_a_comparison_reads_back_is_not_missing() {
    let config = Config {
        closed_orders_kept: 1,
        ..Config::default()
    };
    let mesh = Mesh::with(config, Venue::new()).await;
    for index in 1..=3 {
        mesh.place(buy("0.1", "99")).await.unwrap();
        mesh.venue.fill(index, 1);
        mesh.reaches(index, S::Filled).await;
    }
    mesh.place(buy("0.1", "99")).await.unwrap();
    mesh.store.read_slowly(Duration::from_secs(1));
    let ending = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        mesh.cancel(4).await.unwrap();
    };
    let (told, _) = tokio::join!(mesh.reconcile(true), ending);
    assert_eq!(told, []);
}

/// A venue whose position is another at every look while the list of fills lags behind: booking what
/// the last look shows would count those fills twice once they come.
#[tokio::test(start_paused = true)]
async fn f045_a_position_that_moves_from_look_to_look_is_not_adjusted() {
    let mesh = Mesh::start().await;
    let reconciling = mesh.reconcile(false);
    let moving = async {
        for lots in 1..=20 {
            mesh.venue.with(|state| state.position_lots = lots * lots);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    mesh.venue.with(|state| state.position_lots = 1);
    let (found, ()) = tokio::join!(reconciling, moving);
    assert_eq!(kinds(&found), [D::Position], "shown, and left as it is");
    assert!(!found[0].applied, "{found:?}");
    mesh.venue.with(|state| state.position_lots = 0);
    assert_eq!(mesh.reconcile(true).await, []);
}

/// Somebody else is owed a repair also while trading goes on: what is missing is missing by the same
/// amount at every look.
#[tokio::test(start_paused = true)]
async fn f045_drift_of_one_amount_is_adjusted_although_the_position_moves() {
    let mesh = Mesh::start().await;
    mesh.place(buy("9", "99")).await.unwrap();
    mesh.venue.with(|state| state.position_lots = 25);
    let reconciling = mesh.reconcile(false);
    let trading = async {
        for _ in 0..20 {
            mesh.venue.fill(1, 1);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (found, ()) = tokio::join!(reconciling, trading);
    let drift: Vec<_> = found.iter().filter(|it| it.kind() == D::Position).collect();
    assert!(drift[0].applied, "{found:?}");
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
