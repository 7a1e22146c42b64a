//! What risk denies, and what it lets out.

use std::time::Duration;

use chimera_contracts::common::v1::Side;
use chimera_contracts::order::v1 as pb;
use chimera_model::Decimal;
use chimera_runtime::fault::facts_of;
use pb::OrderState as S;
use tonic::Status;

use super::mesh::{Mesh, buy, market, reason, refused, sell, with_index};
use super::venue::{OnSubmit, Venue};
use crate::Config;

fn config(set: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    set(&mut config);
    config
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn f057_submits_at_the_same_moment_cannot_pass_one_limit_together() {
    let limits = config(|config| config.risk.exposure_max = number("500"));
    let mesh = Mesh::with(limits, Venue::new()).await;
    mesh.venue.on_submit(std::iter::repeat_n(
        OnSubmit::Slow(Duration::from_secs(1)),
        20,
    ));
    let all = futures::future::join_all((0..20).map(|_| mesh.place(buy("1", "100")))).await;
    let (passed, denied): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    // At the best ask of 100.01, four units are 400.04 and five would be 500.05.
    assert_eq!(passed.len(), 4);
    assert!(
        denied
            .iter()
            .all(|it| reason(it.as_ref().unwrap_err()) == "EXPOSURE_LIMIT")
    );
}

#[tokio::test(start_paused = true)]
async fn f057_an_order_in_doubt_counts_at_its_worst_until_the_venue_has_spoken() {
    let limits = config(|config| config.risk.exposure_max = number("150"));
    let mesh = Mesh::with(limits, Venue::new()).await;
    mesh.venue.on_submit([OnSubmit::LoseRequest]);
    assert_eq!(
        mesh.place(buy("1", "100")).await.unwrap().state(),
        S::Unknown
    );
    assert_eq!(refused(&mesh, buy("1", "100")).await, "EXPOSURE_LIMIT");
    mesh.reaches(1, S::Rejected).await;
    mesh.place(buy("1", "100")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn f025_exposure_is_the_sum_of_fills_and_of_what_may_still_fill() {
    let limits = config(|config| config.risk.exposure_max = number("350"));
    let mesh = Mesh::with(limits, Venue::new()).await;
    mesh.place(market(Side::Buy, "2")).await.unwrap();
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
        .await;
    assert_eq!(refused(&mesh, buy("2", "100")).await, "EXPOSURE_LIMIT");
    mesh.place(buy("1", "100")).await.unwrap();
    mesh.cancel(3).await.unwrap();
    mesh.place(buy("1", "100")).await.unwrap();
    // The other way there is room for the position and the limit beyond it.
    mesh.place(sell("5", "100.5")).await.unwrap();
    assert_eq!(refused(&mesh, sell("1", "100.5")).await, "EXPOSURE_LIMIT");
}

/// What may only reduce may take the position away that another order was to close; that one then
/// opens as much the other way.
#[tokio::test(start_paused = true)]
async fn f025_what_may_only_reduce_counts_against_what_the_rest_of_its_side_may_open() {
    let limits = config(|config| config.risk.exposure_max = number("250"));
    let mesh = Mesh::with(limits, Venue::new()).await;
    mesh.place(market(Side::Buy, "2")).await.unwrap();
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
        .await;
    let reduce = pb::PlaceOrderRequest {
        reduce_only: true,
        ..sell("2", "100.5")
    };
    mesh.place(reduce.clone()).await.unwrap();
    assert_eq!(refused(&mesh, sell("4", "100.5")).await, "EXPOSURE_LIMIT");
    mesh.place(sell("2", "100.5")).await.unwrap();
    mesh.cancel(2).await.unwrap();
    mesh.place(sell("2", "100.5")).await.unwrap();
    // Two units to close and four that sell: two more would leave four short.
    assert_eq!(refused(&mesh, reduce).await, "EXPOSURE_LIMIT");
}

#[tokio::test(start_paused = true)]
async fn a_denied_order_that_claimed_an_index_is_recorded_and_repeated_as_it_stands() {
    let limits = config(|config| config.risk.exposure_max = number("50"));
    let mesh = Mesh::with(limits, Venue::new()).await;
    let denied: Status = mesh
        .place(with_index(3, buy("1", "100")))
        .await
        .unwrap_err();
    assert_eq!(reason(&denied), "EXPOSURE_LIMIT");
    assert_eq!(facts_of(&denied)["client_order_index"], "3");
    assert_eq!(facts_of(&denied)["limit"], "50");
    let order = mesh.get(3).await;
    assert_eq!(
        (order.state(), order.reason.as_str()),
        (S::Denied, "EXPOSURE_LIMIT")
    );
    let again = mesh.place(with_index(3, buy("1", "100"))).await.unwrap();
    assert_eq!(again.state(), S::Denied);
    assert_eq!(mesh.venue.with(|state| state.submits.len()), 0);
}

#[tokio::test(start_paused = true)]
async fn h038_a_price_far_from_the_market_is_denied_with_the_bounds() {
    let mesh = Mesh::start().await;
    let denied = mesh.place(buy("1", "1000")).await.unwrap_err();
    assert_eq!(reason(&denied), "PRICE_COLLAR");
    assert_eq!(facts_of(&denied)["maximum"], "105.0105");
    assert_eq!(refused(&mesh, sell("1", "90")).await, "PRICE_COLLAR");
    assert_eq!(refused(&mesh, buy("1", "10")).await, "PRICE_COLLAR");
    mesh.place(buy("1", "105")).await.unwrap();
    // A market order into a market that is not there.
    mesh.venue.with(|state| state.ask = Some(20_000));
    assert_eq!(refused(&mesh, market(Side::Buy, "1")).await, "PRICE_COLLAR");
}

#[tokio::test(start_paused = true)]
async fn f059_without_a_fresh_price_nothing_new_is_risked_and_the_way_out_is_open() {
    let mesh = Mesh::start().await;
    mesh.place(market(Side::Buy, "2")).await.unwrap();
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
        .await;
    mesh.venue.with(|state| state.stale = true);
    assert_eq!(refused(&mesh, buy("1", "100")).await, "NO_FRESH_PRICE");
    mesh.venue.with(|state| {
        state.stale = false;
        state.bid = Some(0);
        state.ask = None;
    });
    assert_eq!(refused(&mesh, buy("1", "100")).await, "NO_FRESH_PRICE");
    mesh.place(sell("1", "100")).await.unwrap();
    let reduce = pb::PlaceOrderRequest {
        reduce_only: true,
        ..market(Side::Sell, "1")
    };
    mesh.place(reduce).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reduce_only_order_that_would_not_reduce_is_denied() {
    let mesh = Mesh::start().await;
    let reduce = pb::PlaceOrderRequest {
        reduce_only: true,
        ..sell("1", "100")
    };
    assert_eq!(refused(&mesh, reduce).await, "REDUCE_ONLY");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_paid_for_is_denied_and_what_is_on_its_way_is_counted() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.available = "25".to_owned());
    mesh.reconcile(false).await;
    // Leverage 10: a notional of 200 needs 20 and the fee.
    mesh.venue.on_submit([OnSubmit::LoseRequest]);
    mesh.place(buy("2", "100")).await.unwrap();
    let denied = mesh.place(buy("1", "100")).await.unwrap_err();
    assert_eq!(reason(&denied), "INSUFFICIENT_MARGIN");
    assert_eq!(facts_of(&denied)["available"], "5");
}

#[tokio::test(start_paused = true)]
async fn orders_beyond_the_rate_are_refused_and_claim_nothing() {
    let limits = config(|config| config.risk.orders_per_second_max = 5);
    let mesh = Mesh::with(limits, Venue::new()).await;
    for index in 1..=5 {
        mesh.place(with_index(index, buy("0.1", "99")))
            .await
            .unwrap();
    }
    assert_eq!(
        refused(&mesh, with_index(6, buy("0.1", "99"))).await,
        "ORDER_RATE_LIMIT"
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    mesh.place(with_index(6, buy("0.1", "99"))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn open_orders_beyond_the_cap_are_denied() {
    let limits = config(|config| config.risk.open_orders_max = 2);
    let mesh = Mesh::with(limits, Venue::new()).await;
    mesh.place(buy("0.1", "99")).await.unwrap();
    mesh.place(buy("0.1", "99")).await.unwrap();
    assert_eq!(refused(&mesh, buy("0.1", "99")).await, "OPEN_ORDER_LIMIT");
    mesh.cancel(1).await.unwrap();
    mesh.place(buy("0.1", "99")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_order_is_validated_without_a_trace() {
    let mesh = Mesh::start().await;
    let request = pb::ValidateOrderRequest {
        order: Some(buy("2", "99")),
    };
    let said = mesh
        .client()
        .validate_order(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(said.symbol, "SOL-USDT-PERP");
    assert_eq!(said.notional, "198");
    assert_eq!(said.exposure_after, "200.02");
    let request = pb::ValidateOrderRequest {
        order: Some(buy("2", "1000")),
    };
    let refusal = mesh.client().validate_order(request).await.unwrap_err();
    assert_eq!(reason(&refusal), "PRICE_COLLAR");
    assert_eq!(mesh.store.records().len(), 1);
}
