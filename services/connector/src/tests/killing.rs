//! The last check before the wire: what the kill switch has withdrawn does not leave.

use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use pb::Outcome;
use tokio::time::timeout;

use super::mesh::{Mesh, SOON};

const PLACE: &str = "POST /fapi/v1/order";

/// How long the account's quota lets no order through: less than an order may wait.
const HELD_UP: Duration = Duration::from_secs(1);

/// Returns an order that rests, recorded under `submission_seq`.
async fn recorded(mesh: &Mesh, submission_seq: u64) -> pb::SubmitLimitOrderRequest {
    pb::SubmitLimitOrderRequest {
        submission_seq,
        ..mesh.resting_buy().await
    }
}

async fn withdraw(mesh: &Mesh, before_seq: u64, spare_lowering: bool) {
    let request = pb::WithdrawSubmissionsRequest {
        before_seq,
        spare_lowering,
    };
    let mut client = mesh.client.clone();
    client.withdraw_submissions(request).await.unwrap();
}

/// Waits until so many orders stand in line for quota.
async fn until_waiting(mesh: &Mesh, count: u64) {
    let waiting = async {
        while mesh.orders_that_waited() < count {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, waiting).await.expect("they wait");
}

fn outcome(done: &pb::SubmitLimitOrderResponse) -> (Outcome, &str) {
    let reason = done.detail.as_ref().map_or("", |detail| &detail.reason);
    (done.outcome(), reason)
}

const WITHDRAWN: (Outcome, &str) = (Outcome::NotSent, "TRADING_HALTED");

#[tokio::test]
async fn f060_an_order_that_waits_for_quota_when_the_kill_comes_never_leaves() {
    let mesh = Mesh::live().await;
    let first = recorded(&mesh, 1).await;
    let done = mesh.submit(first.clone()).await;
    assert_eq!(done.outcome(), Outcome::Accepted);
    mesh.hold_orders_up(HELD_UP);
    let waits = recorded(&mesh, 2).await;
    let killing = async {
        until_waiting(&mesh, 1).await;
        withdraw(&mesh, 3, false).await;
    };
    let (done, ()) = tokio::join!(mesh.submit(waits.clone()), killing);
    assert_eq!(outcome(&done), WITHDRAWN);
    assert!(done.sent_time.is_none());

    // What was recorded after the kill waits too, and leaves.
    let done = mesh.submit(recorded(&mesh, 3).await).await;
    assert_eq!(done.outcome(), Outcome::Accepted, "{:?}", done.detail);
    assert_eq!(mesh.requests(PLACE).await, 2);
    let index = waits.client_order_index;
    assert!(mesh.orders_at_venue(index).await.is_empty());
    // Cancels pass whatever is withdrawn.
    let done = mesh.cancel(first.client_order_index).await;
    assert_eq!(done.outcome(), Outcome::Accepted, "{:?}", done.detail);
    mesh.end().await;
}

/// The answer to a kill waits for what it withdraws, so that comes at once.
#[tokio::test]
async fn f060_an_order_that_is_withdrawn_does_not_wait_for_its_turn() {
    let mesh = Mesh::live().await;
    let waits = recorded(&mesh, 1).await;
    // Longer than an order may wait: whoever waited for that would be told of the quota.
    mesh.hold_orders_up(HELD_UP * 9);
    let killing = async {
        until_waiting(&mesh, 1).await;
        withdraw(&mesh, 2, false).await;
    };
    let (done, ()) = tokio::join!(mesh.submit(waits), killing);
    assert_eq!(outcome(&done), WITHDRAWN);
    assert_eq!(mesh.requests(PLACE).await, 0);
    mesh.end().await;
}

#[tokio::test]
async fn f060_an_order_recorded_before_a_kill_that_arrives_after_it_is_not_sent() {
    let mesh = Mesh::live().await;
    withdraw(&mesh, 5, false).await;
    let lowering = pb::SubmitLimitOrderRequest {
        lowers_exposure: true,
        ..recorded(&mesh, 4).await
    };
    for late in [recorded(&mesh, 4).await, lowering] {
        assert_eq!(outcome(&mesh.submit(late).await), WITHDRAWN);
    }
    let market = pb::SubmitMarketOrderRequest {
        submission_seq: 4,
        ..mesh.market_buy().await
    };
    let done = mesh.submit_market(market).await;
    assert_eq!(done.outcome(), Outcome::NotSent);
    assert_eq!(mesh.requests(PLACE).await, 0);
    let done = mesh.submit(recorded(&mesh, 5).await).await;
    assert_eq!(done.outcome(), Outcome::Accepted);
    mesh.end().await;
}

#[tokio::test]
async fn f060_what_only_lowers_exposure_waits_on_while_the_rest_is_withdrawn() {
    let mesh = Mesh::live().await;
    let done = mesh.submit(recorded(&mesh, 1).await).await;
    assert_eq!(done.outcome(), Outcome::Accepted);
    mesh.hold_orders_up(HELD_UP);
    let lowers = pb::SubmitLimitOrderRequest {
        lowers_exposure: true,
        ..recorded(&mesh, 2).await
    };
    let raises = recorded(&mesh, 3).await;
    let killing = async {
        until_waiting(&mesh, 2).await;
        withdraw(&mesh, 4, true).await;
    };
    let (spared, done, ()) = tokio::join!(mesh.submit(lowers), mesh.submit(raises), killing);
    assert_eq!(outcome(&done), WITHDRAWN);
    assert_eq!(spared.outcome(), Outcome::Accepted, "{:?}", spared.detail);
    assert_eq!(mesh.requests(PLACE).await, 2);
    mesh.end().await;
}
