//! Killed while the kill switch cancels: it stays thrown, and what it began is finished.

use chimera_contracts::order::v1::{OrderState, SetTradingStateRequest, TradingState};
use chimera_runtime::fault::reason_of;
use chimera_tests::eventually;

use crate::scene::{CANCEL, Scene};

const ORDERS: i64 = 5;

#[tokio::test]
async fn killed_after_the_switch_was_thrown_it_stays_halted_and_cancels_on() {
    let mut scene = Scene::start("").await;
    for index in 1..=ORDERS {
        let request = scene.resting(index).await;
        scene.place(request).await;
    }
    for index in 1..=ORDERS {
        scene.reaches(index, OrderState::Open).await;
    }
    // No cancel of this life is processed.
    scene.lose_replies(CANCEL, false, u32::MAX).await;
    let request = SetTradingStateRequest {
        state: TradingState::Halted.into(),
        reason: "as tested".to_owned(),
    };
    let mut orders = scene.orders();
    tokio::spawn(async move { orders.set_trading_state(request).await });
    scene.met(1).await;
    scene.kill();
    assert_eq!(scene.open_at_venue().await, 5);
    scene.clear_faults().await;

    scene.restart().await;

    let state = scene.trading().await.unwrap();
    assert_eq!(state.state(), TradingState::Halted);
    let late = scene.resting(ORDERS + 1).await;
    let refusal = scene.orders().place_order(late).await.unwrap_err();
    assert_eq!(
        reason_of(&refusal).as_deref(),
        Some("TRADING_HALTED"),
        "{refusal:?}"
    );
    eventually("everything is cancelled at the venue", async || {
        (scene.open_at_venue().await == 0).then_some(())
    })
    .await;
    for index in 1..=ORDERS {
        scene.reaches(index, OrderState::Cancelled).await;
    }
    assert!(scene.at_venue(ORDERS + 1).await.is_empty());
}
