//! Killed while an order is placed: around the journal, the send, the acknowledgement, a snapshot.

use chimera_contracts::order::v1::OrderState;

use crate::scene::{PLACE, Scene};

const INDEX: i64 = 41;

#[tokio::test]
async fn f010_killed_with_a_request_that_was_sent_and_not_processed_it_proves_absence() {
    let mut scene = Scene::start("").await;
    scene.lose_replies(PLACE, false, 1).await;
    let request = scene.resting(INDEX).await;
    scene.send(request.clone());
    scene.met(1).await;
    scene.kill();
    scene.clear_faults().await;

    scene.restart().await;

    assert!(scene.order(INDEX).await.is_some(), "the intent is lost");
    assert_eq!(scene.is_one(INDEX).await.state(), OrderState::Rejected);
    // The same index stays the same order: it is not sent because it was asked for again.
    let again = scene.place(request).await;
    assert_eq!(again.state(), OrderState::Rejected);
    assert!(scene.at_venue(INDEX).await.is_empty());
}

#[tokio::test]
async fn f010_killed_between_the_send_and_the_answer_it_finds_its_order() {
    let mut scene = Scene::start("").await;
    scene.lose_replies(PLACE, true, 1).await;
    let request = scene.resting(INDEX).await;
    scene.send(request.clone());
    let there = scene.arrives(INDEX).await;
    scene.kill();

    scene.restart().await;

    let order = scene.reaches(INDEX, OrderState::Open).await;
    assert_eq!(order.venue_order_id, there["id"].to_string());
    let again = scene.place(request).await;
    assert_eq!(again.venue_order_id, order.venue_order_id);
    scene.is_one(INDEX).await;
}

#[tokio::test]
async fn killed_at_the_moment_of_the_acknowledgement_it_keeps_its_word() {
    let mut scene = Scene::start("").await;
    let request = scene.resting(INDEX).await;
    let told = scene.place(request.clone()).await;
    scene.kill();

    scene.restart().await;

    let order = scene.order(INDEX).await.expect("it was acknowledged");
    assert_eq!(order.quantity, told.quantity);
    let again = scene.place(request).await;
    assert_eq!(again.client_order_index, INDEX);
    scene.reaches(INDEX, OrderState::Open).await;
    scene.is_one(INDEX).await;
}

/// One kill at each record that a placement writes, with a snapshot every few of them. The client does
/// what it is told to do when it has no answer: it repeats the call with the same index.
#[tokio::test]
async fn f123_killed_at_each_record_of_a_placement_and_around_snapshots() {
    let mut scene = Scene::start("order: {snapshot_every_records: 7}\n").await;
    let mut interrupted = 0;
    for record in 1..=10 {
        let index = INDEX + i64::try_from(record).unwrap();
        let before = scene.records();
        let request = scene.resting(index).await;
        let mut orders = scene.orders();
        let called = request.clone();
        let call = tokio::spawn(async move { orders.place_order(called).await });
        // A placement may be over before it has written so many.
        tokio::select! {
            biased;
            () = scene.until_records(before + record) => interrupted += 1,
            answer = call => assert!(answer.unwrap().is_ok()),
        }
        scene.kill();
        scene.restart().await;
        scene.place(request).await;
    }
    assert!(
        interrupted >= 3,
        "only {interrupted} kills fell into a placement"
    );
    for record in 1..=10 {
        scene.is_one(INDEX + record).await;
    }
    scene.kill();
    assert!(
        scene.snapshot().await.is_some(),
        "no snapshot was ever kept"
    );
}
