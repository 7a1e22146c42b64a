//! What a venue does not offer: orders that are not sent, balances that have to be asked for.

use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::account_event::Event;
use pb::{Outcome, SessionState};
use tokio::time::Instant;

use super::mesh::{Mesh, simulator};
use super::twisted::Twisted;
use crate::Timing;

const BALANCES: &str = "GET /fapi/v3/balance";
/// The shortest time between two questions for balances.
const SPACING_SECS: u64 = 2;

#[tokio::test]
async fn balances_that_no_stream_tells_are_asked_for_after_fills() {
    let silent = Twisted::offering(|offers| offers.streams_balances = false);
    let mesh = Mesh::twisted(simulator().await, Timing::default(), silent).await;
    mesh.until_state(SessionState::Live).await;
    let mut watch = mesh.watch().await;
    let (asked, begun) = (mesh.requests(BALANCES).await, Instant::now());
    for _ in 0..20 {
        let order = mesh.market_buy().await;
        mesh.submit_market(order).await;
    }
    mesh.until_requests(BALANCES, asked + 1).await;
    let order = mesh.market_buy().await;
    mesh.submit_market(order).await;
    // A fill that comes while the venue was just asked is asked about as well.
    mesh.until_requests(BALANCES, asked + 2).await;
    let questions = mesh.requests(BALANCES).await - asked;
    let most = 2 + begun.elapsed().as_secs() / SPACING_SECS;
    assert!(
        questions <= most,
        "{questions} questions, at most {most} are due"
    );
    // The stream does not say how much of a balance is available, and nothing of margin.
    let told = |event| match event {
        Event::Balance(balance) if !balance.available.is_empty() => Some(balance),
        _ => None,
    };
    assert_eq!(watch.find(told).await.asset, "USDT");
    let told = |event| match event {
        Event::Margin(margin) => Some(margin),
        _ => None,
    };
    watch.find(told).await;
    mesh.end().await;
}

#[tokio::test]
async fn an_order_that_the_venue_does_not_offer_is_not_sent() {
    let lacking = Twisted::offering(|offers| {
        offers.post_only = false;
        offers.order_types = &[chimera_model::OrderType::Limit];
    });
    let mesh = Mesh::twisted(simulator().await, Timing::default(), lacking).await;
    mesh.until_state(SessionState::Live).await;
    let order = pb::SubmitLimitOrderRequest {
        post_only: true,
        ..mesh.resting_buy().await
    };
    let index = order.client_order_index;
    let answer = mesh.submit(order).await;
    assert_eq!(answer.outcome(), Outcome::NotSent);
    assert_eq!(answer.detail.unwrap().reason, "UNSUPPORTED_BY_VENUE");
    assert!(mesh.orders_at_venue(index).await.is_empty());

    let order = mesh.market_buy().await;
    let index = order.client_order_index;
    let answer = mesh.submit_market(order).await;
    assert_eq!(answer.outcome(), Outcome::NotSent);
    assert_eq!(answer.detail.unwrap().reason, "UNSUPPORTED_BY_VENUE");
    assert!(mesh.orders_at_venue(index).await.is_empty());
    mesh.end().await;
}
