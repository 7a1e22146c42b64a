//! Spot: what changes hands, what stands in orders, what is paid for it.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::client::{PERP, SPOT, market, number, refusal, resting, with};
use crate::support::World;

async fn capital(world: &World, asset: &str) -> (Decimal, Decimal) {
    let held = world.ask("GET", "/api/v1/capital", json!({})).await.json();
    let of = &held[asset];
    if of.is_null() {
        return (Decimal::ZERO, Decimal::ZERO);
    }
    (number(&of["available"]), number(&of["locked"]))
}

async fn fills(world: &World, order: &Value) -> Vec<Value> {
    let asked = json!({ "orderId": order["id"] });
    let fills = world.ask("GET", "/wapi/v1/history/fills", asked).await;
    fills.json().as_array().unwrap().clone()
}

#[tokio::test]
async fn both_assets_change_hands_and_what_is_received_pays_the_fee() {
    let world = World::backpack().await;
    let (cash, _) = capital(&world, "USDC").await;
    let bought = world.taken(market(SPOT, "Bid", "2")).await;
    let mut base = Decimal::ZERO;
    for fill in fills(&world, &bought).await {
        let quantity = number(&fill["quantity"]);
        assert_eq!(
            (&fill["feeSymbol"], &fill["isMaker"]),
            (&json!("SOL"), &json!(false))
        );
        assert_eq!(number(&fill["fee"]), quantity * Decimal::new(1, 3));
        base += quantity - number(&fill["fee"]);
    }
    let paid = number(&bought["executedQuoteQuantity"]);
    assert_eq!(capital(&world, "SOL").await, (base, Decimal::ZERO));
    assert_eq!(capital(&world, "USDC").await.0, cash - paid);

    let sold = world.taken(market(SPOT, "Ask", "1.5")).await;
    let mut received = Decimal::ZERO;
    for fill in fills(&world, &sold).await {
        assert_eq!(fill["feeSymbol"], "USDC");
        let worth = number(&fill["price"]) * number(&fill["quantity"]);
        assert_eq!(number(&fill["fee"]), worth * Decimal::new(1, 3));
        received += worth - number(&fill["fee"]);
    }
    assert_eq!(capital(&world, "SOL").await.0, base - Decimal::new(15, 1));
    assert_eq!(capital(&world, "USDC").await.0, cash - paid + received);
    assert_eq!(
        world.ask("GET", "/api/v1/position", json!({})).await.json(),
        json!([])
    );

    let ledger = world.ledger().await;
    let account = &ledger["accounts"][0];
    assert_eq!(
        number(&account["holdings"]["SOL"]),
        base - Decimal::new(15, 1)
    );
    assert_eq!(number(&account["wallet"]), cash - paid + received);
}

#[tokio::test]
async fn what_stands_in_an_order_is_locked_until_it_ends() {
    let world = World::backpack().await;
    let (cash, _) = capital(&world, "USDC").await;
    world.taken(resting(SPOT, 1)).await;
    let bound = Decimal::from(140);
    assert_eq!(capital(&world, "USDC").await, (cash - bound, bound));
    world.taken(market(SPOT, "Bid", "3")).await;
    let (base, _) = capital(&world, "SOL").await;
    let ask = with(resting(SPOT, 2), json!({ "side": "Ask", "price": "175" }));
    world.taken(ask.clone()).await;
    assert_eq!(
        capital(&world, "SOL").await,
        (base - Decimal::ONE, Decimal::ONE)
    );
    let rest = with(ask, json!({ "clientId": 3, "quantity": "2" }));
    // The fee has made it a little less than three.
    assert_eq!(
        world.refused(rest).await,
        (400, "INSUFFICIENT_FUNDS".to_owned())
    );
    world.drop_order(SPOT, 2).await;
    world.drop_order(SPOT, 1).await;
    assert_eq!(capital(&world, "SOL").await, (base, Decimal::ZERO));
    assert_eq!(capital(&world, "USDC").await.1, Decimal::ZERO);
}

#[tokio::test]
async fn a_market_order_may_say_what_it_spends() {
    let world = World::backpack().await;
    let order = with(
        market(SPOT, "Bid", "1"),
        json!({ "quantity": null, "quoteQuantity": "100" }),
    );
    let bought = world.taken(order.clone()).await;
    let spent = number(&bought["executedQuoteQuantity"]);
    let (_, ask) = world.touch(SPOT).await;
    assert!(spent <= Decimal::ONE_HUNDRED, "{spent}");
    // Within one step of the amount.
    assert!(
        spent + ask * Decimal::new(1, 2) > Decimal::ONE_HUNDRED,
        "{spent}"
    );
    assert_eq!(
        (&bought["status"], &bought["quoteQuantity"]),
        (&json!("Filled"), &json!("100"))
    );
    let nothing = with(order, json!({ "quoteQuantity": "0.5" }));
    assert_eq!(world.refused(nothing).await.1, "INVALID_CLIENT_REQUEST");
}

#[tokio::test]
async fn nothing_is_lent_and_nothing_is_reduced_in_spot() {
    let world = World::backpack().await;
    let sell = world.refused(market(SPOT, "Ask", "1")).await;
    assert_eq!(sell, (400, "INSUFFICIENT_FUNDS".to_owned()));
    let reduce = with(market(SPOT, "Bid", "1"), json!({ "reduceOnly": true }));
    assert_eq!(world.refused(reduce).await.1, "INVALID_CLIENT_REQUEST");
}

/// Money that a position binds cannot be spent, and what is bought counts as collateral.
#[tokio::test]
async fn spot_and_perpetuals_share_one_account() {
    let world = World::backpack().await;
    let free = |world: World| async move {
        let reply = world
            .ask("GET", "/api/v1/capital/collateral", json!({}))
            .await;
        (world, reply.json())
    };
    let (world, before) = free(world).await;
    world.taken(market(PERP, "Bid", "1000")).await;
    let (world, bound) = free(world).await;
    let locked = number(&bound["netEquityLocked"]);
    assert!(locked > Decimal::ZERO);
    assert_eq!(number(&before["netEquityLocked"]), Decimal::ZERO);
    let left = number(&bound["netEquityAvailable"]);
    let (_, ask) = world.touch(SPOT).await;
    let too_much = (left / ask + Decimal::ONE).round_dp(2).to_string();
    let refused = world.refused(market(SPOT, "Bid", &too_much)).await;
    assert_eq!(refused.1, "INSUFFICIENT_FUNDS");
    world.taken(market(SPOT, "Bid", "10")).await;
    let (world, after) = free(world).await;
    let collateral = after["collateral"].as_array().unwrap();
    let sol = collateral
        .iter()
        .find(|asset| asset["symbol"] == "SOL")
        .unwrap();
    let value = number(&sol["totalQuantity"]) * number(&sol["assetMarkPrice"]);
    assert_eq!(
        number(&sol["collateralValue"]),
        value * number(&sol["collateralWeight"])
    );
    let equity = number(&after["netEquity"]);
    assert!(
        equity < number(&bound["netEquity"]),
        "a haircut and a fee are lost"
    );
    let sum: Decimal = collateral
        .iter()
        .map(|asset| number(&asset["collateralValue"]))
        .sum();
    assert_eq!(equity, sum + number(&after["pnlUnrealized"]));
    let paid = world
        .ask("GET", "/api/v1/orders", json!({ "marketType": "NONE" }))
        .await;
    assert_eq!(refusal(&paid).0, 400);
}

/// An asset is paid in through the control interface, and is there to be sold.
#[tokio::test]
async fn an_asset_is_paid_in_and_sold() {
    let world = World::backpack().await;
    let deposit = json!({ "deposit": "4", "asset": "SOL" });
    world.control("POST", "accounts/main", &deposit).await;
    assert_eq!(capital(&world, "SOL").await.0, Decimal::from(4));
    assert_eq!(
        world.taken(market(SPOT, "Ask", "4")).await["status"],
        "Filled"
    );
    assert_eq!(capital(&world, "SOL").await.0, Decimal::ZERO);
}
