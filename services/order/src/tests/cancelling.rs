//! Cancels and what crosses them.

use std::time::Duration;

use chimera_contracts::connector::v1 as wire;
use chimera_contracts::order::v1 as pb;
use pb::OrderState as S;

use super::mesh::{Mesh, buy, reason};
use super::venue::{OnCancel, OnSubmit};

#[tokio::test(start_paused = true)]
async fn f018_a_cancel_that_finds_nothing_because_it_filled_reports_the_fill() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.on_cancel([OnCancel::FillFirst]);
    let refusal = mesh.cancel(1).await.unwrap_err();
    assert_eq!(reason(&refusal), "ORDER_CLOSED");
    assert_eq!(
        chimera_runtime::fault::facts_of(&refusal)["state"],
        "FILLED"
    );
    assert_eq!(mesh.get(1).await.filled_quantity, "1");
}

#[tokio::test(start_paused = true)]
async fn f018_a_cancel_that_is_told_of_no_order_asks_and_cancels_again() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.on_cancel([OnCancel::NotFound]);
    mesh.cancel(1).await.unwrap();
    mesh.reaches(1, S::Cancelled).await;
    assert_eq!(mesh.venue.with(|state| state.cancels.len()), 2);
}

#[tokio::test(start_paused = true)]
async fn f019_a_fill_after_the_cancel_is_booked_marked_and_told() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.cancel(1).await.unwrap();
    mesh.venue.fill(1, 4);
    mesh.until("the late fill", async |mesh: &Mesh| {
        mesh.get(1).await.late_fills
    })
    .await;
    let order = mesh.get(1).await;
    assert_eq!(order.state(), S::Cancelled);
    assert_eq!(order.filled_quantity, "0.4");
    assert!(mesh.fills().await[0].late);
    // The position moved: the venue and this mesh agree on it.
    assert_eq!(mesh.reconcile(true).await, []);
}

#[tokio::test(start_paused = true)]
async fn f020_a_cancel_before_the_acknowledgement_is_never_lost() {
    let mesh = Mesh::start().await;
    mesh.venue
        .on_submit([OnSubmit::Slow(Duration::from_secs(2))]);
    mesh.venue.with(|state| state.silent = true);
    // The venue has not booked it yet when the first cancel comes.
    mesh.venue.on_cancel([OnCancel::NotFound]);
    let cancelling = async {
        mesh.venue.until(|state| !state.submits.is_empty()).await;
        mesh.cancel(1).await
    };
    let (placed, _) = tokio::join!(mesh.place(buy("1", "99")), cancelling);
    placed.unwrap();
    mesh.reaches(1, S::Cancelled).await;
    assert!(!mesh.venue.is_any_open());
}

#[tokio::test(start_paused = true)]
async fn f021_a_cancel_whose_answer_is_lost_is_pending_until_it_is_proven() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| {
        state.silent = true;
        state.failing_queries = 5;
    });
    mesh.venue.on_cancel([OnCancel::LoseReply]);
    let order = mesh.cancel(1).await.unwrap();
    assert_eq!(order.state(), S::PendingCancel);
    mesh.reaches(1, S::Cancelled).await;
}

#[tokio::test(start_paused = true)]
async fn f021_a_cancel_whose_request_is_lost_is_sent_again() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.on_cancel([OnCancel::LoseRequest]);
    mesh.cancel(1).await.unwrap();
    mesh.reaches(1, S::Cancelled).await;
    assert_eq!(mesh.venue.with(|state| state.cancels.len()), 2);
}

#[tokio::test(start_paused = true)]
async fn f026_a_cancel_that_is_refused_for_ever_is_given_up_and_the_order_works_on() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue
        .on_cancel(std::iter::repeat_n(OnCancel::Reject, 50));
    mesh.cancel(1).await.unwrap();
    let order = mesh.reaches(1, S::Open).await;
    assert_eq!(order.reason, "-1");
    let attempts = mesh.venue.with(|state| state.cancels.len());
    assert_eq!(attempts, 5);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(mesh.venue.with(|state| state.cancels.len()), attempts);
    // Asked for anew, it is pursued anew.
    mesh.venue.with(|state| state.on_cancel.clear());
    mesh.cancel(1).await.unwrap();
    mesh.reaches(1, S::Cancelled).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_the_venue_takes_without_a_word_is_proven_by_a_query() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| state.silent = true);
    mesh.venue.on_cancel([OnCancel::AcceptQuietly]);
    let order = mesh.cancel(1).await.unwrap();
    assert_eq!(order.state(), S::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn f028_cancel_all_leaves_the_orders_of_others_alone() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.place(buy("1", "98")).await.unwrap();
    mesh.venue.with(super::recovering::a_human_places);
    mesh.until("the stranger is known", async |mesh: &Mesh| {
        mesh.trading().await.open_orders == 3
    })
    .await;
    let request = pb::CancelAllOrdersRequest {
        account: super::venue::ACCOUNT.into(),
        ..Default::default()
    };
    let asked = mesh
        .client()
        .cancel_all_orders(request)
        .await
        .unwrap()
        .into_inner()
        .orders;
    assert_eq!(asked.len(), 2);
    mesh.reaches(1, S::Cancelled).await;
    mesh.reaches(2, S::Cancelled).await;
    let open = mesh.venue.with(|state| {
        state
            .orders
            .iter()
            .filter(|order| order.is_open())
            .map(|order| order.index)
            .collect::<Vec<_>>()
    });
    assert_eq!(open, [0]);
}

#[tokio::test(start_paused = true)]
async fn f032_an_end_for_a_reason_that_is_not_known_is_an_end() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| {
        let mut report = state.orders[0]
            .clone()
            .report(state, wire::ReportSource::Stream);
        report.set_status(wire::ReportedStatus::Expired);
        report.reason = "EXPIRED_IN_MATCH".to_owned();
        state.orders[0].status = wire::ReportedStatus::Expired;
        state.say(wire::account_event::Event::Order(report));
    });
    let order = mesh.reaches(1, S::Expired).await;
    assert_eq!(order.message, "EXPIRED_IN_MATCH");
}
