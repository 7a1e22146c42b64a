//! The sunny day, and what is refused.

use std::time::Duration;

use chimera_contracts::common::v1::{Side, TimeInForce};
use chimera_contracts::connector::v1 as pb_connector;
use chimera_contracts::order::v1 as pb;
use pb::OrderState as S;
use tokio::{task::JoinHandle, time::Instant};

use super::mesh::{Mesh, buy, market, reason, with_index};
use super::venue::OnSubmit;

#[tokio::test(start_paused = true)]
async fn a_limit_order_is_open_after_its_acknowledgement_and_filled_after_its_fill() {
    let mesh = Mesh::start().await;
    let order = mesh.place(buy("1", "99.5")).await.unwrap();
    assert_eq!(order.state(), S::Open);
    assert_eq!(order.client_order_index, 1);
    assert_eq!(order.venue_order_id, "901");
    assert_eq!(order.venue_symbol, "SOLUSDT");

    mesh.venue.fill(1, 4);
    let order = mesh.reaches(1, S::PartiallyFilled).await;
    assert_eq!(order.filled_quantity, "0.4");
    mesh.venue.fill(1, 6);
    let order = mesh.reaches(1, S::Filled).await;
    assert_eq!(order.filled_quantity, "1");
    assert_eq!(order.average_price, "99.5");
    assert_eq!(order.fees[0].amount, "0.02");
    assert_eq!(mesh.fills().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_market_order_by_an_alias_is_filled() {
    let mesh = Mesh::start().await;
    let request = pb::PlaceOrderRequest {
        symbol: "SOL".into(),
        ..market(Side::Buy, "2")
    };
    let order = mesh.place(request).await.unwrap();
    assert_eq!(order.symbol, "SOL-USDT-PERP");
    assert_eq!(mesh.reaches(1, S::Filled).await.filled_quantity, "2");
}

/// Places an order whose answer takes a second, and waits until the mesh heard of it by the stream.
async fn heard_of_before_its_answer(mesh: &Mesh, tif: TimeInForce) -> JoinHandle<pb::Order> {
    mesh.venue
        .on_submit([OnSubmit::Slow(Duration::from_secs(1))]);
    let request = pb::PlaceOrderRequest {
        time_in_force: tif.into(),
        ..buy("1", "99")
    };
    let mut client = mesh.client();
    let placing = tokio::spawn(async move {
        let placed = client.place_order(request).await.unwrap();
        placed.into_inner().order.unwrap()
    });
    mesh.venue.until(|state| !state.orders.is_empty()).await;
    mesh.reaches(1, S::Open).await;
    placing
}

#[tokio::test(start_paused = true)]
async fn an_order_that_cannot_rest_is_answered_with_its_end() {
    for tif in [TimeInForce::Ioc, TimeInForce::Fok] {
        let mesh = Mesh::start().await;
        let placing = heard_of_before_its_answer(&mesh, tif).await;
        let begun = Instant::now();
        mesh.venue.end(1, pb_connector::ReportedStatus::Expired);
        assert_eq!(placing.await.unwrap().state(), S::Expired);
        assert!(begun.elapsed() < Duration::from_secs(1), "it waited on");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_cannot_rest_and_has_no_end_is_answered_with_the_venues_answer() {
    let mesh = Mesh::start().await;
    let begun = Instant::now();
    let placing = heard_of_before_its_answer(&mesh, TimeInForce::Ioc).await;
    assert_eq!(placing.await.unwrap().state(), S::Open);
    assert!(begun.elapsed() >= Duration::from_secs(1), "{begun:?}");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_rests_is_answered_as_soon_as_anyone_tells_of_it() {
    let mesh = Mesh::start().await;
    let begun = Instant::now();
    let placing = heard_of_before_its_answer(&mesh, TimeInForce::Gtc).await;
    assert_eq!(placing.await.unwrap().state(), S::Open);
    assert!(begun.elapsed() < Duration::from_secs(1), "it waited");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_order_is_cancelled_once_the_venue_says_so() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    let order = mesh.cancel(1).await.unwrap();
    assert_eq!(order.state(), S::Cancelled);
    let refusal = mesh.cancel(1).await.unwrap_err();
    assert_eq!(reason(&refusal), "ORDER_CLOSED");
    assert_eq!(mesh.venue.with(|state| state.cancels.clone()), [1]);
}

#[tokio::test(start_paused = true)]
async fn the_venues_no_is_an_answer_with_its_code() {
    let mesh = Mesh::start().await;
    mesh.venue.on_submit([OnSubmit::Reject("-2019")]);
    let order = mesh.place(buy("1", "99")).await.unwrap();
    assert_eq!(order.state(), S::Rejected);
    assert_eq!(order.reason, "-2019");
}

#[tokio::test(start_paused = true)]
async fn f008_a_repetition_is_answered_with_the_order_as_it_stands() {
    let mesh = Mesh::start().await;
    mesh.place(with_index(7, buy("1", "99"))).await.unwrap();
    let again = mesh
        .client()
        .place_order(with_index(7, buy("1", "99")))
        .await
        .unwrap();
    assert!(again.into_inner().replayed);
    let other = mesh.place(with_index(7, buy("2", "98"))).await.unwrap_err();
    assert_eq!(reason(&other), "ORDER_INDEX_CONFLICT");
    let facts = chimera_runtime::fault::facts_of(&other);
    assert_eq!(facts["fields"], "quantity,price");
    assert_eq!(mesh.venue.count(7), 1);
}

#[tokio::test(start_paused = true)]
async fn an_order_tells_its_story() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.fill(1, 10);
    mesh.reaches(1, S::Filled).await;
    let names: Vec<_> = mesh
        .explain(1)
        .await
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(names[..2], ["INTENT", "SUBMIT"]);
    for name in ["ACCEPTED", "FILL_REPORT", "FILL"] {
        assert!(
            names.iter().any(|found| found == name),
            "{name} in {names:?}"
        );
    }
}
