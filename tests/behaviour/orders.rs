//! Orders on a sunny day, and those that are refused before they leave.

use chimera_contracts::{
    common::v1::{OrderType, Side},
    connector::v1::{GetPositionsRequest, GetTopOfBookRequest, TopOfBook},
    order::v1::{
        CancelOrderRequest, ExplainOrderRequest, OrderState, PlaceOrderRequest, WatchOrdersRequest,
        watch_orders_response::Frame,
    },
    position::v1::ListPositionsRequest,
};
use chimera_model::Decimal;
use chimera_runtime::fault::{facts_of, fields_of, reason_of};
use tonic::Code;

use chimera_tests::{PATIENCE, eventually, house::ACCOUNT};

use crate::scene::Scene;

const TICK: &str = "0.01";

/// Returns an order of one SOL.
pub fn order(house: &Scene, side: Side, kind: OrderType) -> PlaceOrderRequest {
    PlaceOrderRequest {
        account: ACCOUNT.to_owned(),
        venue: house.ground.venue.to_owned(),
        symbol: house.ground.symbol.to_owned(),
        side: side.into(),
        r#type: kind.into(),
        quantity: "1".to_owned(),
        ..PlaceOrderRequest::default()
    }
}

/// Returns a buy that rests: ten percent below the touch.
pub async fn resting(house: &Scene) -> PlaceOrderRequest {
    let bid = top(house).await.bid_ticks.unwrap();
    PlaceOrderRequest {
        price: price(bid * 9 / 10),
        ..order(house, Side::Buy, OrderType::Limit)
    }
}

pub async fn top(house: &Scene) -> TopOfBook {
    let request = GetTopOfBookRequest {
        venue: house.ground.venue.to_owned(),
        symbol: house.ground.symbol.to_owned(),
    };
    house
        .connector()
        .get_top_of_book(request)
        .await
        .unwrap()
        .into_inner()
        .top
        .unwrap()
}

pub fn price(ticks: i64) -> String {
    let tick: Decimal = TICK.parse().unwrap();
    tick.checked_mul(Decimal::from(ticks)).unwrap().to_string()
}

pub async fn a_resting_order_is_seen_by_watchers_and_cancelled(house: &Scene) {
    let filter = WatchOrdersRequest {
        account: ACCOUNT.to_owned(),
        ..Default::default()
    };
    let mut stream = house
        .orders()
        .watch_orders(filter)
        .await
        .unwrap()
        .into_inner();
    let placed = house.place(resting(house).await).await;
    assert_eq!(placed.state(), OrderState::Open, "{placed:?}");
    assert!(!placed.venue_order_id.is_empty() && !placed.client_order_id.is_empty());
    let index = placed.client_order_index;
    let cancel = CancelOrderRequest {
        account: ACCOUNT.to_owned(),
        client_order_index: index,
    };
    house.orders().cancel_order(cancel).await.unwrap();

    let mut seen = Vec::new();
    let mut last_seq = None;
    let watching = async {
        while let Some(frame) = stream.message().await.unwrap() {
            match frame.frame.unwrap() {
                Frame::Snapshot(snapshot) => last_seq = Some(snapshot.seq),
                Frame::Change(change) => {
                    assert_eq!(Some(change.prev_seq), last_seq, "no change is missing");
                    last_seq = Some(change.seq);
                    let order = change.order.unwrap();
                    if order.client_order_index == index {
                        seen.push(order.state());
                    }
                }
                _ => {}
            }
            if seen.last() == Some(&OrderState::Cancelled) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, watching).await.unwrap();
    let of_interest = [
        OrderState::Submitting,
        OrderState::Open,
        OrderState::Cancelled,
    ];
    seen.retain(|state| of_interest.contains(state));
    seen.dedup();
    assert_eq!(seen, of_interest);
    assert_eq!(house.order(index).await.state(), OrderState::Cancelled);
}

pub async fn a_market_order_fills_and_position_agrees_with_the_venue(house: &Scene) {
    let bought = house
        .place(order(house, Side::Buy, OrderType::Market))
        .await;
    let bought = house
        .until(bought.client_order_index, OrderState::Filled)
        .await;
    assert_eq!(bought.filled_quantity, "1");
    assert!(!bought.average_price.is_empty(), "{bought:?}");
    // The answer says that it filled; what it cost comes with the fill.
    eventually("the fee is told", async || {
        let order = house.order(bought.client_order_index).await;
        (!order.fees.is_empty()).then_some(())
    })
    .await;

    held(house, "1").await;
    let close = PlaceOrderRequest {
        reduce_only: true,
        ..order(house, Side::Sell, OrderType::Market)
    };
    let sold = house.place(close).await;
    house
        .until(sold.client_order_index, OrderState::Filled)
        .await;
    held(house, "0").await;
}

/// Waits until the mesh and the venue both state this position.
pub async fn held(house: &Scene, quantity: &str) {
    eventually(&format!("a position of {quantity}"), async || {
        let request = ListPositionsRequest {
            symbol: house.ground.symbol.to_owned(),
            ..Default::default()
        };
        let ours = house
            .positions()
            .list_positions(request)
            .await
            .ok()?
            .into_inner()
            .positions;
        let here = ours
            .first()
            .map_or("0", |position| position.quantity.as_str());
        let request = GetPositionsRequest {
            account: ACCOUNT.to_owned(),
            venue: house.ground.venue.to_owned(),
        };
        let theirs = house
            .connector()
            .get_positions(request)
            .await
            .ok()?
            .into_inner()
            .positions;
        let there = theirs
            .iter()
            .find(|position| position.symbol == house.ground.symbol)
            .map_or("0", |position| position.quantity.as_str());
        (here == quantity && there == quantity).then_some(())
    })
    .await;
}

pub async fn f08_a_repeated_index_answers_with_the_order_and_another_payload_conflicts(
    house: &Scene,
) {
    let request = PlaceOrderRequest {
        client_order_index: Some(4_711),
        ..resting(house).await
    };
    let first = house.place(request.clone()).await;
    let again = house
        .orders()
        .place_order(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert!(again.replayed);
    assert_eq!(again.order.unwrap().venue_order_id, first.venue_order_id);

    let other = PlaceOrderRequest {
        quantity: "2".to_owned(),
        ..request
    };
    let refused = house.orders().place_order(other).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert_eq!(reason_of(&refused).as_deref(), Some("ORDER_INDEX_CONFLICT"));

    let orders = house.ledger().await;
    let ours = orders["orders"].as_array().unwrap().iter();
    let placed = ours
        .filter(|order| order["client_id"] == first.client_order_id.as_str())
        .count();
    assert_eq!(placed, 1, "one order at the venue: {orders}");
}

pub async fn f66_a_price_off_the_tick_is_refused_with_the_nearest_valid_ones(house: &Scene) {
    let bid = top(house).await.bid_ticks.unwrap() * 9 / 10;
    let request = PlaceOrderRequest {
        price: format!("{}1", price(bid * 10 / 10 / 100 * 100 + 1)),
        ..order(house, Side::Buy, OrderType::Limit)
    };
    let refused = house.orders().place_order(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    assert_eq!(reason_of(&refused).as_deref(), Some("PRICE_OFF_TICK"));
    let facts = facts_of(&refused);
    assert!(
        facts.contains_key("nearest_below") && facts.contains_key("nearest_above"),
        "{facts:?}"
    );
    assert_eq!(fields_of(&refused)[0].field, "price");
}

pub async fn h43_malformed_numbers_are_refused_by_field(house: &Scene) {
    let sent_before = house.ledger().await["orders"].as_array().unwrap().len();
    for quantity in [
        "", "0", "-1", "1e5", "NaN", " 1", "+1", "1,5", "0x10", "1_000", "٣", "1.",
    ] {
        let request = PlaceOrderRequest {
            quantity: quantity.to_owned(),
            ..resting(house).await
        };
        let refused = house.orders().place_order(request).await.unwrap_err();
        assert_eq!(
            refused.code(),
            Code::InvalidArgument,
            "{quantity:?}: {refused:?}"
        );
        assert_eq!(fields_of(&refused)[0].field, "quantity", "{quantity:?}");
    }
    let sent_after = house.ledger().await["orders"].as_array().unwrap().len();
    assert_eq!(sent_before, sent_after, "nothing reached the venue");
}

pub async fn an_order_explains_itself(house: &Scene) {
    let placed = house.place(resting(house).await).await;
    let request = ExplainOrderRequest {
        account: ACCOUNT.to_owned(),
        client_order_index: placed.client_order_index,
    };
    let story = house
        .orders()
        .explain_order(request)
        .await
        .unwrap()
        .into_inner();
    let names: Vec<_> = story
        .entries
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    assert!(
        names.len() >= 3,
        "command, report and conclusion: {names:?}"
    );
    assert!(
        story.entries.is_sorted_by_key(|entry| entry.seq),
        "{names:?}"
    );
}
