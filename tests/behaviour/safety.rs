//! The kill switch and reconciliation.

use chimera_contracts::order::v1::{
    OrderState, ReconcileRequest, SetTradingStateRequest, TradingState,
};
use chimera_runtime::fault::reason_of;
use tonic::Code;

use chimera_tests::house::{ACCOUNT, House};

use crate::{VENUE, orders::resting};

pub async fn f60_a_kill_denies_cancels_and_lasts_until_resumed(house: &House) {
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

pub async fn reconcile_finds_nothing_to_repair_in_a_healthy_account(house: &House) {
    house.place(resting(house).await).await;
    let request = ReconcileRequest {
        account: ACCOUNT.to_owned(),
        venue: VENUE.to_owned(),
        dry_run: true,
    };
    let found = house
        .orders()
        .reconcile(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(found.differences, []);
}
