//! The trading state that lets only ways out through.

use chimera_contracts::common::v1::Side;
use chimera_contracts::order::v1 as pb;
use pb::{OrderState as S, TradingState as T};

use super::mesh::{Mesh, buy, market, reason, sell};
use super::venue::Venue;
use crate::Config;

#[tokio::test(start_paused = true)]
async fn reducing_lets_only_orders_through_that_lower_exposure() {
    let mesh = Mesh::start().await;
    mesh.place(market(Side::Buy, "2")).await.unwrap();
    mesh.reaches(1, S::Filled).await;
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
        .await;
    mesh.set_trading(T::Reducing).await;
    let refusal = mesh.place(buy("1", "99")).await.unwrap_err();
    assert_eq!(reason(&refusal), "TRADING_HALTED");
    // More than there is would turn the position around.
    let refusal = mesh.place(sell("3", "100")).await.unwrap_err();
    assert_eq!(reason(&refusal), "TRADING_HALTED");
    assert_eq!(
        mesh.place(sell("1.5", "100.5")).await.unwrap().state(),
        S::Open
    );
    // With that one working, only half a unit is left to lower.
    let refusal = mesh.place(sell("1", "100.5")).await.unwrap_err();
    assert_eq!(reason(&refusal), "TRADING_HALTED");
    mesh.place(sell("0.5", "100.5")).await.unwrap();
}

fn reduce(request: pb::PlaceOrderRequest) -> pb::PlaceOrderRequest {
    pb::PlaceOrderRequest {
        reduce_only: true,
        ..request
    }
}

/// Cancels and reduce-only orders are the way out that stays open, whatever else of ours works: the
/// venue itself keeps them from turning the position. The others are counted with them, since what
/// they close is no longer there for another to close.
#[tokio::test(start_paused = true)]
async fn f060_reducing_lets_orders_through_that_may_only_reduce() {
    let mesh = Mesh::start().await;
    mesh.place(market(Side::Buy, "2")).await.unwrap();
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
        .await;
    mesh.set_trading(T::Reducing).await;
    mesh.place(reduce(sell("2", "100.5"))).await.unwrap();
    // Any number of them closes no more than there is.
    mesh.place(reduce(sell("2", "100.6"))).await.unwrap();
    let refusal = mesh.place(sell("2", "100.5")).await.unwrap_err();
    assert_eq!(reason(&refusal), "TRADING_HALTED");
    mesh.cancel(2).await.unwrap();
    mesh.cancel(3).await.unwrap();

    mesh.place(sell("1.5", "100.5")).await.unwrap();
    let exit = mesh.place(reduce(sell("2", "100"))).await.unwrap();
    assert_eq!(exit.state(), S::Open, "sent, and not only admitted");
    let refusal = mesh.place(sell("0.5", "100.5")).await.unwrap_err();
    assert_eq!(reason(&refusal), "TRADING_HALTED");
    // There is nothing on the other side that could be reduced.
    let refusal = mesh.place(reduce(buy("1", "99"))).await.unwrap_err();
    assert_eq!(reason(&refusal), "TRADING_HALTED");
}

/// The cap is checked for the way out as for everything: with both kinds filled, the order that is
/// no reduce-only one may have opened the other side.
#[tokio::test(start_paused = true)]
async fn f060_a_way_out_is_still_held_to_the_cap() {
    let mut config = Config::default();
    config.risk.exposure_max = "250".parse().unwrap();
    let mesh = Mesh::with(config, Venue::new()).await;
    mesh.place(market(Side::Buy, "2")).await.unwrap();
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
        .await;
    mesh.place(sell("4.4", "100.5")).await.unwrap();
    mesh.set_trading(T::Reducing).await;
    let refusal = mesh.place(reduce(sell("0.2", "100"))).await.unwrap_err();
    assert_eq!(reason(&refusal), "EXPOSURE_LIMIT");
}

/// Many at the same moment: whatever fills in whatever order, there is never more exposure than
/// there was.
#[tokio::test(start_paused = true)]
async fn f060_reducing_orders_at_the_same_moment_never_raise_exposure() {
    let mesh = Mesh::start().await;
    mesh.place(market(Side::Buy, "2")).await.unwrap();
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
        .await;
    mesh.set_trading(T::Reducing).await;
    let placing: Vec<_> = (0..12)
        .map(|at| {
            let mut client = mesh.client();
            let request = match at % 3 {
                0 => reduce(sell("0.7", "100")),
                1 => sell("0.7", "100"),
                _ => market(Side::Sell, "0.7"),
            };
            tokio::spawn(async move { client.place_order(request).await.is_ok() })
        })
        .collect();
    let mut admitted = 0;
    for placed in placing {
        admitted += usize::from(placed.await.unwrap());
    }
    assert!(admitted >= 2, "there are two units to close");
    // The orders that only reduce fill first: what they take, the others must not need.
    mesh.venue.with(|state| {
        for only in [true, false] {
            for at in 0..state.orders.len() {
                let order = state.orders[at].clone();
                if order.is_open() && order.reduce_only == only {
                    state.fill_at(at, order.lots - order.filled);
                    assert!(state.position_lots.abs() <= 20, "{:?}", state.orders);
                }
            }
        }
    });
}
