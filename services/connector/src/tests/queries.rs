//! What the venue knows, asked by REST.

use chimera_contracts::connector::v1 as pb;
use chimera_runtime::fault::{reason_of, retry_after_of};
use pb::{Outcome, ReportSource, ReportedStatus};
use serde_json::json;

use super::mesh::{ACCOUNT, Mesh, SYMBOL, VENUE, simulator};
use super::steer::refusal;
use super::twisted::Twisted;
use crate::Timing;

fn fills_after(trade_id: &str) -> pb::ListFillsRequest {
    pb::ListFillsRequest {
        account: ACCOUNT.into(),
        venue: VENUE.into(),
        symbol: SYMBOL.into(),
        after_trade_id: trade_id.into(),
        start_time: None,
        venue_order_id: String::new(),
    }
}

#[tokio::test]
async fn fills_come_in_pages_from_a_trade_id_on_and_of_one_order() {
    let mesh = Mesh::live().await;
    mesh.fault(json!({"kind": "split_fills", "parts": 3})).await;
    let order = mesh.market_buy().await;
    let done = mesh.submit_market(order).await;
    assert_eq!(done.outcome(), Outcome::Accepted, "{:?}", done.detail);
    let id = done.report.unwrap().venue_order_id;
    mesh.submit_market(mesh.market_buy().await).await;

    let of_order = pb::ListFillsRequest {
        venue_order_id: id.clone(),
        ..fills_after("")
    };
    let fills = mesh.fills(of_order).await.fills;
    assert_eq!(fills.len(), 3);
    assert!(
        fills
            .iter()
            .all(|fill| fill.venue_order_id == id && fill.fee.is_some())
    );
    assert!(
        fills
            .iter()
            .all(|fill| fill.source() == ReportSource::Query)
    );

    let last = pb::ListFillsRequest {
        venue_order_id: id,
        ..fills_after(&fills[1].trade_id)
    };
    let last = mesh.fills(last).await.fills;
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].trade_id, fills[2].trade_id);
    let rest = fills_after(&fills[1].trade_id);
    let rest = mesh.fills(rest).await;
    assert_eq!(
        rest.fills[0],
        pb::Fill {
            received_time: rest.fills[0].received_time,
            ..fills[2].clone()
        }
    );
    assert!(rest.fills.len() >= 2 && !rest.more);
    mesh.end().await;
}

#[tokio::test]
async fn positions_margin_and_open_orders_are_as_the_venue_states_them() {
    let mesh = Mesh::live().await;
    let order = mesh.market_buy().await;
    mesh.submit_market(order).await;
    let resting = mesh.resting_buy().await;
    mesh.submit(resting.clone()).await;

    let whose = || (VENUE.to_owned(), ACCOUNT.to_owned());
    let (venue, account) = whose();
    let positions = pb::GetPositionsRequest { venue, account };
    let positions = mesh
        .client
        .clone()
        .get_positions(positions)
        .await
        .unwrap()
        .into_inner();
    let sol = positions
        .positions
        .iter()
        .find(|position| position.symbol == SYMBOL)
        .unwrap();
    assert_eq!(sol.quantity, "0.1");
    assert!(!sol.entry_price.is_empty() && sol.entry_price != "0");

    let (venue, account) = whose();
    let margin = pb::GetMarginRequest { venue, account };
    let margin = mesh
        .client
        .clone()
        .get_margin(margin)
        .await
        .unwrap()
        .into_inner();
    assert!(
        margin
            .balances
            .iter()
            .any(|balance| balance.asset == "USDT")
    );
    assert!(!margin.margin.unwrap().wallet_balance.is_empty());

    let (venue, account) = whose();
    let open = pb::ListOpenOrdersRequest {
        venue,
        account,
        symbol: "SOL".into(),
    };
    let open = mesh
        .client
        .clone()
        .list_open_orders(open)
        .await
        .unwrap()
        .into_inner()
        .orders;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].client_order_index, resting.client_order_index);
    assert_eq!(open[0].price_ticks, resting.price_ticks);
    mesh.end().await;
}

#[tokio::test]
async fn f006_an_order_is_found_by_either_id_and_one_that_never_was_is_one_miss() {
    let mesh = Mesh::live().await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    let id = mesh.submit(order).await.report.unwrap().venue_order_id;
    mesh.cancel(index).await;
    let by_id = pb::GetOrderRequest {
        account: ACCOUNT.into(),
        venue: VENUE.into(),
        symbol: SYMBOL.into(),
        client_order_index: 0,
        venue_order_id: id,
        created_time: None,
    };
    let by_id = mesh
        .client
        .clone()
        .get_order(by_id)
        .await
        .unwrap()
        .into_inner();
    let by_index = mesh.order(index).await;
    for found in [by_id, by_index] {
        assert_eq!(found.report.unwrap().status(), ReportedStatus::Cancelled);
    }
    let miss = mesh.order(1_000_000).await;
    assert_eq!((miss.found, miss.report), (false, None));
    mesh.end().await;
}

#[tokio::test]
async fn f005_an_order_is_missing_only_when_none_of_its_places_has_it() {
    const ORDER: &str = "GET /fapi/v1/order";
    let mesh = Mesh::twisted(simulator().await, Timing::default(), Twisted::scattering).await;
    mesh.until_state(pb::SessionState::Live).await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    assert_eq!(mesh.submit(order).await.outcome(), Outcome::Accepted);
    let asked = mesh.requests(ORDER).await;
    let found = mesh.order(index).await.report.unwrap();
    assert_eq!(found.client_order_index, index);
    assert_eq!(mesh.requests(ORDER).await, asked + 2);
    let miss = mesh.order(1_000_000).await;
    assert_eq!((miss.found, miss.report), (false, None));
    mesh.end().await;
}

#[tokio::test]
async fn f110_a_query_that_fails_says_how() {
    let mesh = Mesh::live().await;
    let ask = || {
        let request = pb::GetPositionsRequest {
            venue: VENUE.into(),
            account: ACCOUNT.into(),
        };
        let mut client = mesh.client.clone();
        async move { client.get_positions(request).await.unwrap_err() }
    };
    let positions = "GET /fapi/v3/positionRisk";
    mesh.fault(json!({
        "kind": "drop_reply", "how": "html", "when": {"endpoint": positions}, "count": 3,
    }))
    .await;
    let status = ask().await;
    assert_eq!(reason_of(&status).unwrap(), "VENUE_UNAVAILABLE", "{status}");
    mesh.fault(refusal(positions, 400, -1102, 1)).await;
    assert_eq!(reason_of(&ask().await).unwrap(), "VENUE_REFUSED");
    mesh.venue("POST", "/ban", json!({"status": 429, "seconds": 20}))
        .await;
    let status = ask().await;
    assert_eq!(reason_of(&status).unwrap(), "VENUE_RATE_LIMIT");
    assert!(retry_after_of(&status).unwrap().as_secs() > 5);
    mesh.end().await;
}

#[tokio::test]
async fn venues_accounts_and_capabilities_are_listed() {
    let mesh = Mesh::live().await;
    let venues = mesh
        .client
        .clone()
        .list_venues(pb::ListVenuesRequest {})
        .await
        .unwrap();
    let venues = venues.into_inner().venues;
    assert_eq!(
        (venues[0].venue.as_str(), venues[0].accounts.as_slice()),
        (VENUE, &[ACCOUNT.to_owned()][..])
    );
    let request = pb::GetCapabilitiesRequest {
        venue: VENUE.into(),
    };
    let offered = mesh
        .client
        .clone()
        .get_capabilities(request)
        .await
        .unwrap()
        .into_inner();
    assert!(offered.post_only && offered.reduce_only && !offered.order_types.is_empty());
    assert!(offered.validity_window.unwrap().seconds >= 1);
    mesh.end().await;
}
