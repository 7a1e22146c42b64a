//! Faults of the venue and the network: what is not known stays unknown until it is proven.

use chimera_contracts::{
    connector::v1::{GetSessionRequest, SessionState},
    order::v1::OrderState,
};
use chimera_runtime::fault::reason_of;
use serde_json::json;

use chimera_tests::{eventually, house::ACCOUNT};

use crate::{orders::resting, scene::Scene};

/// Places an order whose reply is lost in some way, and waits until it is proven open, once.
async fn lose_reply(house: &Scene, how: &str) {
    let endpoint = house.ground.place;
    let fault = json!({ "kind": "drop_reply", "how": how, "when": { "endpoint": endpoint } });
    house.control("/faults", fault).await;
    let mut request = resting(house).await;
    request.client_order_index = Some(77);
    let answer = house.orders().place_order(request).await;
    match answer {
        // The private stream may prove it before anybody asks.
        Ok(answer) => {
            let state = answer.into_inner().order.unwrap().state();
            let known = [
                OrderState::Unknown,
                OrderState::Open,
                OrderState::Submitting,
            ];
            assert!(known.contains(&state), "{state:?} is a guess");
        }
        Err(status) => {
            assert_eq!(
                reason_of(&status).as_deref(),
                Some("ORDER_OUTCOME_UNKNOWN"),
                "{status:?}"
            );
        }
    }
    let open = house.until(77, OrderState::Open).await;
    let ledger = house.ledger().await;
    let orders = ledger["orders"].as_array().unwrap();
    let placed = orders
        .iter()
        .filter(|order| order["client_id"] == open.client_order_id.as_str())
        .count();
    assert_eq!(placed, 1, "one order at the venue: {ledger}");
}

pub async fn f01_a_reply_lost_after_acceptance_is_unknown_and_then_resolved(house: &Scene) {
    lose_reply(house, "close").await;
}

pub async fn f02_a_server_error_after_acceptance_never_doubles_the_order(house: &Scene) {
    lose_reply(house, "server_error").await;
}

pub async fn f97_a_lost_private_stream_comes_back_and_misses_nothing(house: &Scene) {
    let session = async || {
        let request = GetSessionRequest {
            account: ACCOUNT.to_owned(),
            venue: house.ground.venue.to_owned(),
        };
        let answer = house.connector().get_session(request).await.ok()?;
        answer.into_inner().session
    };
    let before = session().await.unwrap();
    assert_eq!(before.state(), SessionState::Live);
    let order = house.place(resting(house).await).await;
    house
        .control(
            "/sockets",
            json!({ "kind": "private", "fate": { "to": "cut" } }),
        )
        .await;
    // Filled while nobody listens: the reconciliation after the reconnect must find it.
    house
        .control(&format!("/orders/{}/fill", order.venue_order_id), json!({}))
        .await;
    let after = eventually("a new generation is live", async || {
        let now = session().await?;
        (now.state() == SessionState::Live && now.generation > before.generation).then_some(now)
    })
    .await;
    assert!(after.generation > before.generation);
    house
        .until(order.client_order_index, OrderState::Filled)
        .await;
    assert_eq!(
        house.order(order.client_order_index).await.filled_quantity,
        "1"
    );
}
