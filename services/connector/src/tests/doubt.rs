//! Requests whose outcome nobody told: unknown stays unknown, and nothing is sent twice.

use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::account_event::Event;
use chimera_runtime::drain::Completion;
use pb::{Outcome, ReportSource, ReportedStatus};
use serde_json::json;
use tokio::time::{Instant, timeout};
use tonic::Code;

use super::mesh::{Mesh, SOON};
use super::steer::lost_reply;

#[tokio::test]
async fn f001_f002_f110_a_lost_reply_is_unknown_and_the_order_is_found_by_its_id() {
    let mesh = Mesh::live().await;
    for how in [
        "close",
        "server_error",
        "backend_timeout",
        "backend_unknown",
        "html",
        "truncated",
    ] {
        // One that is answered in between, or the breaker holds the next one back.
        assert_eq!(
            mesh.submit(mesh.resting_buy().await).await.outcome(),
            Outcome::Accepted
        );
        mesh.fault(lost_reply("POST", how)).await;
        let order = mesh.resting_buy().await;
        let index = order.client_order_index;
        let done = mesh.submit(order).await;
        assert_eq!(done.outcome(), Outcome::Unknown, "{how}: {:?}", done.detail);
        assert!(!done.detail.unwrap().reason.is_empty());
        let found = mesh.order(index).await;
        assert!(found.found, "{how}");
        assert_eq!(found.report.unwrap().source(), ReportSource::Query);
        assert_eq!(mesh.orders_at_venue(index).await.len(), 1, "{how}");
    }
    mesh.end().await;
}

#[tokio::test]
async fn f004_an_order_whose_connection_dies_is_never_sent_twice() {
    let mesh = Mesh::live().await;
    mesh.fault(json!({
        "kind": "drop_reply", "how": "close", "accept": false, "count": 3,
        "when": {"endpoint": "POST /fapi/v1/order"},
    }))
    .await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    assert_eq!(mesh.submit(order).await.outcome(), Outcome::Unknown);
    assert_eq!(mesh.hits().await, 1, "one request, and no other after it");
    assert!(!mesh.order(index).await.found);
    assert!(mesh.orders_at_venue(index).await.is_empty());
    mesh.end().await;
}

#[tokio::test]
async fn f003_the_same_index_again_is_proof_of_the_first_and_not_a_rejection() {
    let mesh = Mesh::live().await;
    let order = mesh.resting_buy().await;
    assert_eq!(
        mesh.submit(order.clone()).await.outcome(),
        Outcome::Accepted
    );
    let again = mesh.submit(order.clone()).await;
    assert_eq!(again.outcome(), Outcome::Unknown, "{:?}", again.detail);
    assert!(again.detail.unwrap().duplicate_client_id);
    assert_eq!(
        mesh.orders_at_venue(order.client_order_index).await.len(),
        1
    );
    mesh.end().await;
}

#[tokio::test]
async fn f009_a_caller_that_goes_away_leaves_the_outcome_to_the_stream() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    mesh.fault(json!({
        "kind": "delay_reply", "ms": 700, "when": {"endpoint": "POST /fapi/v1/order"},
    }))
    .await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    let mut request = tonic::Request::new(order);
    request.set_timeout(Duration::from_millis(300));
    let gone = mesh
        .client
        .clone()
        .submit_limit_order(request)
        .await
        .unwrap_err();
    assert_eq!(gone.code(), Code::DeadlineExceeded, "{gone}");
    let ack = watch.order(index, ReportedStatus::New, ReportSource::Acknowledgement);
    timeout(SOON, ack)
        .await
        .expect("the acknowledgement is told all the same");
    mesh.end().await;
}

#[tokio::test]
async fn f013_a_fill_before_the_acknowledgement_is_told_first() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    mesh.fault(json!({
        "kind": "delay_reply", "ms": 400, "when": {"endpoint": "POST /fapi/v1/order"},
    }))
    .await;
    let order = mesh.market_buy().await;
    let index = order.client_order_index;
    let (done, order) = tokio::join!(async { mesh.submit_market(order).await }, async {
        let fill = watch
            .find(|event| match event {
                Event::Fill(fill) if fill.client_order_index == index => Some(fill),
                _ => None,
            })
            .await;
        assert_eq!(fill.source(), ReportSource::Stream);
        watch
            .order(index, ReportedStatus::Filled, ReportSource::Stream)
            .await
    });
    assert_eq!(done.outcome(), Outcome::Accepted);
    assert_eq!(order.filled_lots, order.quantity_lots);
    watch
        .order(index, ReportedStatus::Filled, ReportSource::Acknowledgement)
        .await;
    mesh.end().await;
}

#[tokio::test]
async fn f018_a_cancel_of_a_filled_order_finds_nothing_and_claims_nothing() {
    let mesh = Mesh::live().await;
    let order = mesh.market_buy().await;
    let index = order.client_order_index;
    let done = mesh.submit_market(order).await;
    assert_eq!(done.outcome(), Outcome::Accepted, "{:?}", done.detail);
    assert_eq!(mesh.cancel(index).await.outcome(), Outcome::NotFound);
    assert_eq!(
        mesh.order(index).await.report.unwrap().status(),
        ReportedStatus::Filled
    );
    mesh.end().await;
}

#[tokio::test]
async fn f019_a_fill_that_races_the_cancel_is_told_whatever_comes_first() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    mesh.submit(order).await;
    mesh.fault(json!({"kind": "race_fill", "quantity": "0.03"}))
        .await;
    mesh.fault(json!({"kind": "delay_event", "ms": 300, "when": {"execution": "trade"}}))
        .await;
    let done = mesh.cancel(index).await;
    assert_eq!(done.outcome(), Outcome::Accepted, "{:?}", done.detail);
    let fill = watch
        .find(|event| match event {
            Event::Fill(fill) if fill.client_order_index == index => Some(fill),
            _ => None,
        })
        .await;
    assert_eq!(fill.quantity, "0.03");
    mesh.end().await;
}

#[tokio::test]
async fn f020_a_cancel_before_the_acknowledgement_goes_by_our_own_id() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    mesh.fault(json!({
        "kind": "delay_reply", "ms": 700, "when": {"endpoint": "POST /fapi/v1/order"},
    }))
    .await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    let (submitted, cancelled) = tokio::join!(mesh.submit(order), async {
        watch
            .order(index, ReportedStatus::New, ReportSource::Stream)
            .await;
        mesh.cancel(index).await
    });
    assert_eq!(
        cancelled.outcome(),
        Outcome::Accepted,
        "{:?}",
        cancelled.detail
    );
    assert_eq!(submitted.outcome(), Outcome::Accepted);
    assert_eq!(
        mesh.order(index).await.report.unwrap().status(),
        ReportedStatus::Cancelled
    );
    mesh.end().await;
}

#[tokio::test]
async fn f021_a_lost_reply_to_a_cancel_is_unknown() {
    let mesh = Mesh::live().await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    mesh.submit(order).await;
    mesh.fault(lost_reply("DELETE", "close")).await;
    let done = mesh.cancel(index).await;
    // A cancel may be repeated, and the repetition found the order gone: both answers are honest.
    assert!(
        matches!(done.outcome(), Outcome::Unknown | Outcome::NotFound),
        "{:?}",
        done.detail
    );
    assert_eq!(
        mesh.order(index).await.report.unwrap().status(),
        ReportedStatus::Cancelled
    );
    mesh.end().await;
}

#[tokio::test]
async fn f034_f040_events_that_come_twice_or_out_of_order_are_passed_on_as_they_are() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    mesh.fault(json!({"kind": "duplicate_event", "when": {"execution": "new"}}))
        .await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    mesh.submit(order).await;
    for _ in 0..2 {
        watch
            .order(index, ReportedStatus::New, ReportSource::Stream)
            .await;
    }
    mesh.end().await;
}

#[tokio::test]
async fn f009_a_drain_waits_for_an_order_that_is_under_way() {
    let mesh = Mesh::live().await;
    mesh.fault(json!({
        "kind": "delay_reply", "ms": 400, "when": {"endpoint": "POST /fapi/v1/order"},
    }))
    .await;
    let mut watch = mesh.watch().await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    let (done, drained) = tokio::join!(mesh.submit(order), async {
        watch
            .order(index, ReportedStatus::New, ReportSource::Stream)
            .await;
        let accepted = Instant::now();
        let drained = mesh.drain.complete(SOON).await;
        assert!(
            accepted.elapsed() > Duration::from_millis(200),
            "it waits for the reply"
        );
        drained
    });
    assert_eq!(
        (done.outcome(), drained),
        (Outcome::Accepted, Completion::Finished)
    );
    mesh.end().await;
}
