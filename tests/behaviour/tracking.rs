//! The tracking limit, over real sockets.

use std::time::Duration;

use chimera_contracts::{
    common::v1::{OrderType, Side},
    order::v1::{OrderState, PlaceOrderRequest, TrackingLimit},
};
use serde_json::json;

use chimera_tests::eventually;

use crate::{
    orders::{held, order},
    scene::Scene,
};

fn tracking(house: &Scene, interval_ms: u64, timeout_s: u64, offset: i32) -> PlaceOrderRequest {
    let duration = |duration: Duration| prost_types::Duration::try_from(duration).unwrap();
    PlaceOrderRequest {
        tracking_limit: Some(TrackingLimit {
            interval: Some(duration(Duration::from_millis(interval_ms))),
            timeout: Some(duration(Duration::from_secs(timeout_s))),
            price_offset_ticks: offset,
            ..TrackingLimit::default()
        }),
        ..order(house, Side::Buy, OrderType::TrackingLimit)
    }
}

pub async fn a_tracking_limit_follows_the_touch_until_filled(house: &Scene) {
    let parent = house.place(tracking(house, 1_000, 60, 0)).await;
    let parent = house
        .until(parent.client_order_index, OrderState::Filled)
        .await;
    let progress = parent.tracking_progress.unwrap();
    assert_eq!(progress.end, "FILLED");
    assert!(progress.attempts >= 1);
    assert_eq!(
        progress.children.len(),
        usize::try_from(progress.attempts).unwrap()
    );
    let error = progress.interval_error_max.unwrap_or_default();
    assert!(
        error.seconds == 0 && error.nanos.abs() <= 300_000_000,
        "{error:?}"
    );
    held(house, "1").await;
}

/// Far from the touch nothing fills: children are replaced, then the parent gives up and the last one
/// is proven gone.
pub async fn a_tracking_limit_that_times_out_leaves_nothing_at_the_venue(house: &Scene) {
    // A recording would move; here the market stands still so that nothing can trade.
    house.control("/market", json!({ "paused": true })).await;
    let parent = house.place(tracking(house, 500, 2, 200)).await;
    let index = parent.client_order_index;
    let ended = eventually("the tracking limit gives up", async || {
        let order = house.order(index).await;
        order
            .tracking_progress
            .as_ref()
            .is_some_and(|progress| !progress.end.is_empty())
            .then_some(order)
    })
    .await;
    let progress = ended.tracking_progress.unwrap();
    assert_eq!(progress.end, "TIMEOUT");
    assert!(progress.attempts >= 3, "{progress:?}");
    let ledger = house.ledger().await;
    let open = ledger["orders"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|order| is_open(order))
        .count();
    assert_eq!(open, 0, "{ledger}");
}

fn is_open(order: &serde_json::Value) -> bool {
    matches!(order["status"].as_str(), Some("new" | "partially_filled"))
}
