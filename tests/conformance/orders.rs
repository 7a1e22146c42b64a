//! Orders that the venue takes, from their placing to their end.

use chimera_contracts::{
    common::v1::{Side, TimeInForce},
    connector::v1::{self as connector, ListOpenOrdersRequest, ReportedStatus},
    order::v1::{GetOrderRequest, ListOrdersRequest, Order, OrderState, PlaceOrderRequest},
};
use chimera_model::Decimal;
use chimera_tests::{eventually, house::ACCOUNT};

use crate::desk::{Desk, QUANTITY, decimal, reason};

/// States in which an order works no more.
const ENDED: [OrderState; 4] = [
    OrderState::Filled,
    OrderState::Cancelled,
    OrderState::Expired,
    OrderState::Rejected,
];

pub async fn a_limit_order_rests(desk: &Desk) {
    let request = desk.resting().await;
    let placed = desk.house.place(request.clone()).await;
    assert_eq!(placed.state(), OrderState::Open, "{placed:?}");
    assert!(!placed.venue_order_id.is_empty() && !placed.client_order_id.is_empty());
    assert_eq!(decimal(&placed.price), decimal(&request.price));
    assert_eq!(desk.at_the_venue(&placed.client_order_id).await, 1);
}

pub async fn a_market_order_takes_what_is_offered(desk: &Desk) {
    let filled = desk.fill(desk.market(Side::Buy)).await;
    assert_eq!(filled.filled_quantity, QUANTITY);
    assert!(decimal(&filled.average_price).is_positive());
    assert!(
        filled.price.is_empty(),
        "a market order has no price: {filled:?}"
    );
}

pub async fn a_post_only_order_rests_and_never_takes(desk: &Desk) {
    let post_only = |request| PlaceOrderRequest {
        post_only: true,
        ..request
    };
    let resting = desk.house.place(post_only(desk.resting().await)).await;
    assert_eq!(resting.state(), OrderState::Open, "{resting:?}");
    let crossing = desk
        .house
        .orders()
        .place_order(post_only(desk.taking().await))
        .await;
    let ended = match crossing {
        Err(status) => {
            assert_eq!(reason(&status), "ORDER_REJECTED", "{status:?}");
            return;
        }
        Ok(answer) => ended(desk, answer.into_inner().order.unwrap().client_order_index).await,
    };
    assert_eq!(ended.filled_quantity, "0", "{ended:?}");
}

pub async fn an_immediate_order_takes_what_is_there_and_leaves_nothing(desk: &Desk) {
    immediate(desk, TimeInForce::Ioc).await;
}

pub async fn a_fill_or_kill_order_fills_in_full_or_not_at_all(desk: &Desk) {
    immediate(desk, TimeInForce::Fok).await;
}

async fn immediate(desk: &Desk, lifetime: TimeInForce) {
    let with = |request| PlaceOrderRequest {
        time_in_force: lifetime.into(),
        ..request
    };
    let filled = desk.fill(with(desk.taking().await)).await;
    assert_eq!(
        (filled.filled_quantity.as_str(), filled.time_in_force()),
        (QUANTITY, lifetime)
    );
    let out_of_reach = desk.place(with(desk.resting().await)).await;
    let ended = ended(desk, out_of_reach).await;
    assert_eq!(ended.filled_quantity, "0", "{ended:?}");
}

async fn ended(desk: &Desk, index: i64) -> Order {
    eventually(&format!("order {index} has ended"), async || {
        let order = desk.house.order(index).await;
        ENDED.contains(&order.state()).then_some(order)
    })
    .await
}

pub async fn a_reduce_only_order_shrinks_and_never_turns_a_position(desk: &Desk) {
    let reduce = |quantity: &str| PlaceOrderRequest {
        quantity: quantity.to_owned(),
        reduce_only: true,
        ..desk.market(Side::Sell)
    };
    let refused = desk.refusal(reduce(QUANTITY)).await;
    assert!(
        ["REDUCE_ONLY", "ORDER_STATE_REJECTED"].contains(&refused.as_str()),
        "when flat: {refused}"
    );
    desk.fill(desk.market(Side::Buy)).await;
    desk.holding(QUANTITY).await;
    // Twice what is held: whatever the venue makes of it, nothing is sold short.
    let sold = match desk.house.orders().place_order(reduce("2")).await {
        Ok(answer) => {
            let index = answer.into_inner().order.unwrap().client_order_index;
            decimal(&ended(desk, index).await.filled_quantity)
        }
        Err(_) => Decimal::ZERO,
    };
    let left = decimal(QUANTITY).checked_sub(sold).unwrap();
    assert!(!left.is_negative(), "{sold} sold of {QUANTITY}");
    desk.holding(&left.to_string()).await;
    if !left.is_zero() {
        desk.fill(reduce(&left.to_string())).await;
    }
    desk.holding("0").await;
    let net = desk.net().await;
    assert!(net.is_zero(), "the venue's own fills add up to {net}");
}

pub async fn a_cancel_is_proven_and_not_repeated(desk: &Desk) {
    let index = desk.place(desk.resting().await).await;
    let ended = desk.cancel(index).await;
    assert_eq!(ended.filled_quantity, "0");
    let again = desk
        .house
        .orders()
        .cancel_order(Desk::cancelling(index))
        .await;
    assert_eq!(reason(&again.unwrap_err()), "ORDER_CLOSED");
}

pub async fn an_order_is_found_here_and_at_the_venue(desk: &Desk) {
    let placed = desk.house.place(desk.resting().await).await;
    let ask = connector::GetOrderRequest {
        account: ACCOUNT.to_owned(),
        venue: desk.venue(),
        symbol: desk.symbol(),
        client_order_index: placed.client_order_index,
        ..connector::GetOrderRequest::default()
    };
    let theirs = desk
        .house
        .connector()
        .get_order(ask)
        .await
        .unwrap()
        .into_inner();
    let theirs = theirs.report.unwrap();
    assert_eq!(theirs.venue_order_id, placed.venue_order_id);
    assert_eq!(theirs.client_order_id, placed.client_order_id);
    assert_eq!(
        (theirs.status(), theirs.side()),
        (ReportedStatus::New, placed.side())
    );
    let ours = desk.house.order(placed.client_order_index).await;
    assert_eq!(ours.venue_order_id, placed.venue_order_id);

    let unknown = GetOrderRequest {
        account: ACCOUNT.to_owned(),
        client_order_index: i64::from(i32::MAX),
    };
    let refused = desk.house.orders().get_order(unknown).await.unwrap_err();
    assert_eq!(reason(&refused), "ORDER_NOT_FOUND");
}

pub async fn open_orders_are_those_that_the_venue_holds_open(desk: &Desk) {
    for _ in 0..2 {
        desk.place(desk.resting().await).await;
    }
    let ours = async || {
        let request = ListOrdersRequest {
            account: ACCOUNT.to_owned(),
            venue: desk.venue(),
            states: vec![OrderState::Open.into(), OrderState::PartiallyFilled.into()],
            ..ListOrdersRequest::default()
        };
        let answer = desk.house.orders().list_orders(request).await;
        let orders = answer.unwrap().into_inner().orders.into_iter();
        sorted(orders.map(|order| order.venue_order_id))
    };
    let theirs = async || {
        let request = ListOpenOrdersRequest {
            account: ACCOUNT.to_owned(),
            venue: desk.venue(),
            ..ListOpenOrdersRequest::default()
        };
        let answer = desk.house.connector().list_open_orders(request).await;
        let orders = answer.unwrap().into_inner().orders.into_iter();
        sorted(orders.map(|order| order.venue_order_id))
    };
    assert_eq!((ours().await.len(), ours().await), (2, theirs().await));
    desk.rest().await;
    let none: Vec<String> = Vec::new();
    eventually("no order is open", async || {
        (ours().await == none && theirs().await == none).then_some(())
    })
    .await;
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
