//! What the account got, has and holds.

use chimera_contracts::{
    common::v1::{Liquidity, Side},
    connector::v1 as connector,
    order::v1::{Fill, ListFillsRequest, Order, OrderState},
    position::v1::{ListBalancesRequest, PositionCheck},
};
use chimera_model::Decimal;
use chimera_tests::{eventually, house::ACCOUNT};
use serde_json::json;

use crate::desk::{Desk, QUANTITY, decimal};

pub async fn fills_are_booked_once_as_taker_and_as_maker(desk: &Desk) {
    let taken = desk.fill(desk.market(Side::Buy)).await;
    let made = desk.house.place(desk.resting().await).await;
    let path = format!("/orders/{}/fill", made.venue_order_id);
    desk.house.control(&path, json!({})).await;
    let made = desk
        .house
        .until(made.client_order_index, OrderState::Filled)
        .await;
    for (order, liquidity) in [(&taken, Liquidity::Taker), (&made, Liquidity::Maker)] {
        let fills = fills(desk, order).await;
        assert_eq!(sum(&fills), decimal(QUANTITY), "{fills:?}");
        for fill in &fills {
            assert_eq!(fill.liquidity(), liquidity, "{fill:?}");
            assert_eq!(fill.venue_order_id, order.venue_order_id);
            assert!(!fill.fee.as_ref().unwrap().asset.is_empty(), "{fill:?}");
        }
        let request = connector::ListFillsRequest {
            account: ACCOUNT.to_owned(),
            venue: desk.venue(),
            symbol: desk.symbol(),
            venue_order_id: order.venue_order_id.clone(),
            ..connector::ListFillsRequest::default()
        };
        let theirs = desk.house.connector().list_fills(request).await;
        let theirs = theirs.unwrap().into_inner().fills;
        let theirs: Vec<_> = theirs
            .iter()
            .map(|fill| (&fill.trade_id, &fill.price))
            .collect();
        let ours: Vec<_> = fills
            .iter()
            .map(|fill| (&fill.trade_id, &fill.price))
            .collect();
        assert_eq!(ours, theirs, "the venue tells the same fills");
    }
}

/// Returns an order's fills, once they are all told.
async fn fills(desk: &Desk, order: &Order) -> Vec<Fill> {
    eventually("all fills are told", async || {
        let request = ListFillsRequest {
            account: ACCOUNT.to_owned(),
            venue: desk.venue(),
            client_order_index: order.client_order_index,
            ..ListFillsRequest::default()
        };
        let answer = desk.house.orders().list_fills(request).await;
        let fills = answer.unwrap().into_inner().fills;
        let known = fills.iter().all(|fill| !fill.inferred);
        (known && sum(&fills) == decimal(&order.filled_quantity)).then_some(fills)
    })
    .await
}

fn sum(fills: &[Fill]) -> Decimal {
    fills.iter().fold(Decimal::ZERO, |sum, fill| {
        sum.checked_add(decimal(&fill.quantity)).unwrap()
    })
}

pub async fn balances_follow_what_was_paid(desk: &Desk) {
    let before = settled(desk).await;
    assert!(before.is_positive());
    desk.fill(desk.market(Side::Buy)).await;
    let after = settled(desk).await;
    assert!(after < before, "{before}, and after the trade {after}");
}

/// Returns what the account has of the settlement asset, once it is told what the venue has.
async fn settled(desk: &Desk) -> Decimal {
    eventually("the balance is the venue's", async || {
        let ledger = desk.house.ledger().await;
        let mut accounts = ledger["accounts"].as_array()?.iter();
        let account = accounts.find(|one| one["name"] == ACCOUNT)?;
        let request = ListBalancesRequest {
            account: ACCOUNT.to_owned(),
            venue: desk.venue(),
        };
        let answer = desk.house.positions().list_balances(request).await;
        let balances = answer.unwrap().into_inner().balances;
        let asset = &desk.instrument.settle_asset;
        let held = balances.into_iter().find(|one| one.asset == *asset)?;
        let held = decimal(&held.total);
        (held == decimal(account["wallet"].as_str()?)).then_some(held)
    })
    .await
}

pub async fn positions_agree_with_the_venue(desk: &Desk) {
    let bought = desk.fill(desk.market(Side::Buy)).await;
    let held = desk.holding(QUANTITY).await.unwrap();
    assert_eq!(held.check(), PositionCheck::Agrees, "{held:?}");
    assert_eq!(decimal(&held.average_price), decimal(&bought.average_price));
    let request = connector::GetPositionsRequest {
        account: ACCOUNT.to_owned(),
        venue: desk.venue(),
    };
    let theirs = desk.house.connector().get_positions(request).await;
    let theirs = theirs.unwrap().into_inner().positions;
    let theirs: Vec<_> = theirs
        .iter()
        .filter(|one| one.symbol == desk.symbol())
        .collect();
    assert_eq!(theirs.len(), 1, "{theirs:?}");
    assert_eq!(theirs[0].quantity, QUANTITY);
    assert_eq!(
        decimal(&theirs[0].entry_price),
        decimal(&held.average_price)
    );
    desk.rest().await;
    desk.holding("0").await;
}
