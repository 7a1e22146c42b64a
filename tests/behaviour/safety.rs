//! The kill switch and reconciliation.

use chimera_contracts::{
    common::v1::{OrderType, Side},
    order::v1::{
        Difference, DifferenceKind, OrderState, PlaceOrderRequest, ReconcileRequest,
        SetTradingStateRequest, TradingState,
    },
};
use chimera_runtime::fault::reason_of;
use tonic::Code;

use chimera_tests::house::ACCOUNT;

use crate::{
    orders::{order, resting},
    scene::Scene,
};

pub async fn f60_a_kill_denies_cancels_and_lasts_until_resumed(house: &Scene) {
    let open = house.place(resting(house).await).await;
    let set = |state: TradingState| SetTradingStateRequest {
        state: state.into(),
        reason: "a test".to_owned(),
    };
    let halted = house
        .orders()
        .set_trading_state(set(TradingState::Halted))
        .await
        .unwrap();
    let halted = halted.into_inner();
    assert_eq!(halted.state(), TradingState::Halted);
    assert!(halted.settled && halted.none_open, "{halted:?}");
    house
        .until(open.client_order_index, OrderState::Cancelled)
        .await;

    let refused = house
        .orders()
        .place_order(resting(house).await)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason_of(&refused).as_deref(), Some("TRADING_HALTED"));

    house
        .orders()
        .set_trading_state(set(TradingState::Active))
        .await
        .unwrap();
    let again = house.place(resting(house).await).await;
    assert_eq!(again.state(), OrderState::Open);
}

pub async fn reconcile_finds_nothing_to_repair_in_a_healthy_account(house: &Scene) {
    house.place(resting(house).await).await;
    assert_eq!(differences(house, true).await, []);

    // What is bought outright is a balance at the venue, not a position, and stays here.
    let Some(spot) = house.ground.spot else {
        return;
    };
    let buy = PlaceOrderRequest {
        symbol: spot.to_owned(),
        ..order(house, Side::Buy, OrderType::Market)
    };
    let bought = house.place(buy).await;
    house
        .until(bought.client_order_index, OrderState::Filled)
        .await;
    for _ in 0..2 {
        let found = differences(house, false).await;
        let all = |kind| found.iter().all(|found| found.kind() == kind);
        assert!(all(DifferenceKind::Balance), "{found:?}");
    }
}

async fn differences(house: &Scene, dry_run: bool) -> Vec<Difference> {
    let request = ReconcileRequest {
        account: ACCOUNT.to_owned(),
        venue: house.ground.venue.to_owned(),
        dry_run,
    };
    let answer = house.orders().reconcile(request).await.unwrap();
    answer.into_inner().differences
}
