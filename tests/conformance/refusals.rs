//! What is refused, by whom, and that it never reached the venue.

use chimera_contracts::{
    common::v1::Side,
    connector::v1::{Outcome, SubmitLimitOrderRequest},
    market_data::v1::GetOrderBookRequest,
    order::v1::{OrderState, PlaceOrderRequest},
};
use chimera_tests::house::ACCOUNT;

use crate::desk::{Desk, QUANTITY, decimal, reason};

/// Half of a step of a grid is never on it.
const HALF: &str = "0.5";

pub async fn a_client_id_names_one_order_of_ours(desk: &Desk) {
    let placed = desk.house.place(desk.resting().await).await;
    let other = desk.house.place(desk.resting().await).await;
    assert_ne!(placed.client_order_id, other.client_order_id);
    let ledger = desk.house.ledger().await;
    let mut orders = ledger["orders"].as_array().unwrap().iter();
    let theirs = orders.find(|order| order["client_id"] == placed.client_order_id.as_str());
    let theirs =
        theirs.unwrap_or_else(|| panic!("{} is unknown: {ledger}", placed.client_order_id));
    assert_eq!(theirs["id"].to_string(), placed.venue_order_id);
}

pub async fn a_repeated_index_is_never_a_second_order(desk: &Desk) {
    let first = desk.house.place(desk.resting().await).await;
    let request = PlaceOrderRequest {
        client_order_index: Some(first.client_order_index),
        price: first.price.clone(),
        ..desk.resting().await
    };
    let again = desk.house.orders().place_order(request.clone()).await;
    let again = again.unwrap().into_inner();
    assert!(again.replayed, "{again:?}");
    assert_eq!(again.order.unwrap().venue_order_id, first.venue_order_id);
    let another = PlaceOrderRequest {
        quantity: "2".to_owned(),
        ..request
    };
    assert_eq!(desk.refusal(another).await, "ORDER_INDEX_CONFLICT");
    assert_eq!(desk.at_the_venue(&first.client_order_id).await, 1);
}

/// Were the mesh to lose its memory, the venue itself would refuse a second order of the same id.
pub async fn the_venue_refuses_a_client_id_that_is_open(desk: &Desk) {
    let first = desk.house.place(desk.resting().await).await;
    let steps = |value: &str, grid: &str| {
        let steps = decimal(value).div_exact(decimal(grid)).unwrap();
        steps.to_scaled(0).unwrap()
    };
    let request = SubmitLimitOrderRequest {
        account: ACCOUNT.to_owned(),
        venue: desk.venue(),
        symbol: desk.symbol(),
        client_order_index: first.client_order_index,
        side: first.side,
        quantity_lots: steps(&first.quantity, &desk.instrument.lot_size),
        price_ticks: steps(&first.price, &desk.instrument.tick_size),
        instrument_version: first.instrument_version,
        time_in_force: first.time_in_force,
        ..SubmitLimitOrderRequest::default()
    };
    let answer = desk.house.connector().submit_limit_order(request).await;
    let answer = answer.unwrap().into_inner();
    // No refusal: it proves that the order lives.
    assert_eq!(answer.outcome(), Outcome::Unknown, "{answer:?}");
    assert!(
        answer.detail.as_ref().unwrap().duplicate_client_id,
        "{answer:?}"
    );
    assert_eq!(desk.at_the_venue(&first.client_order_id).await, 1);
}

/// Refuses an order with this reason, and shows that the venue never took it.
async fn refused(desk: &Desk, request: PlaceOrderRequest, reason: &str) {
    let taken = desk.taken().await;
    let found = desk.refusal(request.clone()).await;
    assert_eq!(found, reason, "{request:?}");
    assert_eq!(desk.taken().await, taken, "{request:?} reached the venue");
}

/// Returns a value and half a step, which lies off the grid.
fn off(value: &str, grid: &str) -> String {
    let half = decimal(grid).checked_mul(decimal(HALF)).unwrap();
    decimal(value).checked_add(half).unwrap().to_string()
}

pub async fn a_wrong_size_is_refused(desk: &Desk) {
    let rules = desk.instrument.clone();
    let of = |quantity: String, request: PlaceOrderRequest| PlaceOrderRequest {
        quantity,
        ..request
    };
    let step = decimal(&rules.lot_size);
    let above = decimal(&rules.max_quantity)
        .checked_add(step)
        .unwrap()
        .to_string();
    let resting = desk.resting().await;
    refused(
        desk,
        of(off(QUANTITY, &rules.lot_size), resting.clone()),
        "QUANTITY_OFF_LOT",
    )
    .await;
    refused(desk, of(above, resting.clone()), "QUANTITY_ABOVE_MAXIMUM").await;
    let below = decimal(&rules.min_quantity).checked_sub(step).unwrap();
    // Where the least is one step, what is below it is nothing.
    let reason = if below.is_zero() {
        "INVALID_FIELD"
    } else {
        "QUANTITY_BELOW_MINIMUM"
    };
    refused(desk, of(below.to_string(), resting.clone()), reason).await;
    refused(desk, of("-1".to_owned(), resting), "INVALID_FIELD").await;
}

pub async fn a_wrong_price_is_refused(desk: &Desk) {
    let rules = desk.instrument.clone();
    let at = |price: String, request: PlaceOrderRequest| PlaceOrderRequest { price, ..request };
    let resting = desk.resting().await;
    refused(
        desk,
        at(off(&resting.price, &rules.tick_size), resting.clone()),
        "PRICE_OFF_TICK",
    )
    .await;
    refused(desk, at("0".to_owned(), resting.clone()), "INVALID_FIELD").await;
    refused(desk, at(String::new(), resting), "INVALID_FIELD").await;
    let (_, ask) = desk.touch().await;
    refused(desk, desk.limit(Side::Buy, ask * 2), "PRICE_COLLAR").await;
}

/// Where the instrument states a least notional, less is refused; where it states none, its least
/// quantity is taken however little that is worth.
pub async fn the_least_notional_is_as_the_instrument_says(desk: &Desk) {
    let rules = &desk.instrument;
    let (minimum, least) = (decimal(&rules.min_notional), decimal(&rules.min_quantity));
    let smallest = PlaceOrderRequest {
        quantity: least.to_string(),
        ..desk.resting().await
    };
    if minimum.is_zero() {
        let order = desk.house.place(smallest).await;
        assert_eq!(order.state(), OrderState::Open, "{order:?}");
        return;
    }
    // The smallest quantity, as cheap as the smallest notional forbids.
    let price = minimum
        .div_exact(least)
        .unwrap()
        .checked_sub(decimal(&rules.tick_size))
        .unwrap();
    let price = price.min(decimal(&smallest.price));
    let request = PlaceOrderRequest {
        price: price.to_string(),
        ..smallest
    };
    refused(desk, request, "NOTIONAL_BELOW_MINIMUM").await;
}

pub async fn what_no_venue_lists_is_unknown(desk: &Desk) {
    let request = PlaceOrderRequest {
        symbol: "NOSUCHTHING".to_owned(),
        ..desk.resting().await
    };
    refused(desk, request.clone(), "UNKNOWN_INSTRUMENT").await;
    let elsewhere = PlaceOrderRequest {
        venue: "nowhere".to_owned(),
        ..desk.resting().await
    };
    refused(desk, elsewhere, "UNKNOWN_VENUE").await;
    let book = GetOrderBookRequest {
        venue: desk.venue(),
        symbol: request.symbol,
        ..GetOrderBookRequest::default()
    };
    let answer = desk.house.market_data().get_order_book(book).await;
    assert_eq!(reason(&answer.unwrap_err()), "UNKNOWN_INSTRUMENT");
}

/// More than the account can pay, and within every other rule, is refused before it leaves.
pub async fn more_than_the_account_can_pay_is_refused(desk: &Desk) {
    let request = PlaceOrderRequest {
        quantity: desk.instrument.max_quantity.clone(),
        ..desk.resting().await
    };
    let taken = desk.taken().await;
    let found = desk.refusal(request).await;
    assert!(
        ["INSUFFICIENT_MARGIN", "EXPOSURE_LIMIT"].contains(&found.as_str()),
        "{found}"
    );
    assert_eq!(desk.taken().await, taken, "it reached the venue");
}
