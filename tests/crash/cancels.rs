//! Killed while an order is cancelled: the cancel goes on, and its outcome is the venue's.

use chimera_contracts::order::v1::{CancelOrderRequest, OrderState};
use chimera_tests::eventually;

use crate::scene::{ACCOUNT, CANCEL, Scene};

const INDEX: i64 = 41;

/// Kills the mesh when a cancel has arrived at the venue, processed or not, and returns its successor.
async fn killed_in_a_cancel(processed: bool) -> Scene {
    let mut scene = Scene::start("").await;
    let request = scene.resting(INDEX).await;
    scene.place(request).await;
    scene.reaches(INDEX, OrderState::Open).await;
    scene.lose_replies(CANCEL, processed, 1).await;
    let mut orders = scene.orders();
    tokio::spawn(async move {
        let request = CancelOrderRequest {
            account: ACCOUNT.to_owned(),
            client_order_index: INDEX,
        };
        orders.cancel_order(request).await
    });
    scene.met(1).await;
    let open = u64::from(!processed);
    eventually("the venue has done with it", async || {
        (scene.open_at_venue().await == open).then_some(())
    })
    .await;
    scene.kill();
    scene.restart().await;
    scene
}

#[tokio::test]
async fn killed_with_a_cancel_processed_and_unanswered_it_learns_of_the_end() {
    let scene = killed_in_a_cancel(true).await;
    scene.reaches(INDEX, OrderState::Cancelled).await;
    assert_eq!(scene.at_venue(INDEX).await[0]["status"], "cancelled");
}

#[tokio::test]
async fn killed_with_a_cancel_unprocessed_it_asks_again() {
    let scene = killed_in_a_cancel(false).await;
    scene.reaches(INDEX, OrderState::Cancelled).await;
    assert_eq!(scene.at_venue(INDEX).await[0]["status"], "cancelled");
    assert_eq!(scene.open_at_venue().await, 0);
}
