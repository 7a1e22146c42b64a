//! Perpetuals: positions, margin, funding.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::client::{PERP, market, next_of, number, refusal, resting, with};
use crate::support::World;

async fn position(world: &World) -> Value {
    let held = world.ask("GET", "/api/v1/position", json!({})).await.json();
    assert!(held.as_array().unwrap().len() <= 1, "{held}");
    held[0].clone()
}

async fn collateral(world: &World) -> Value {
    let reply = world
        .ask("GET", "/api/v1/capital/collateral", json!({}))
        .await;
    reply.json()
}

#[tokio::test]
async fn a_position_is_the_sum_of_its_fills() {
    let world = World::backpack().await;
    let bought = world.taken(market(PERP, "Bid", "3")).await;
    let cost = number(&bought["executedQuoteQuantity"]);
    let held = position(&world).await;
    assert_eq!(
        (number(&held["netQuantity"]), number(&held["netCost"])),
        (Decimal::from(3), cost)
    );
    let entry = number(&held["entryPrice"]);
    assert!((entry * Decimal::from(3) - cost).abs() < Decimal::new(1, 12));
    let gain = number(&held["markPrice"]) * Decimal::from(3) - cost;
    assert!((number(&held["pnlUnrealized"]) - gain).abs() < Decimal::new(1, 6));
    assert!(
        number(&held["breakEvenPrice"]) > entry,
        "the fee is to be earned first"
    );
    assert_eq!(held["imfFunction"]["type"], "sqrt");

    let sold = world.taken(market(PERP, "Ask", "5")).await;
    let short = position(&world).await;
    assert_eq!(number(&short["netQuantity"]), Decimal::from(-2));
    assert_eq!(number(&short["netExposureQuantity"]), Decimal::TWO);
    assert!(number(&short["netCost"]) < Decimal::ZERO);
    assert!(number(&short["netExposureNotional"]) > Decimal::ZERO);
    let price = number(&sold["executedQuoteQuantity"]) / Decimal::from(5);
    assert!((number(&short["entryPrice"]) - price).abs() < Decimal::new(1, 1));

    let close = with(market(PERP, "Bid", "9"), json!({ "reduceOnly": true }));
    let closed = world.taken(close.clone()).await;
    assert_eq!(
        (&closed["quantity"], &closed["status"]),
        (&json!("2"), &json!("Filled"))
    );
    assert!(position(&world).await.is_null());
    assert_eq!(world.refused(close).await.1, "INVALID_ORDER");
    let named = world
        .ask("GET", "/api/v1/position", json!({ "symbol": PERP }))
        .await;
    assert_eq!(refusal(&named), (404, "RESOURCE_NOT_FOUND".to_owned()));
}

/// Money is only moved: what the account has is what was paid in, realised and paid for.
#[tokio::test]
async fn the_wallet_is_deposit_and_realised_profit_less_fees() {
    let world = World::backpack().await;
    let deposit = number(&collateral(&world).await["netEquity"]);
    for (side, quantity) in [("Bid", "4"), ("Ask", "7"), ("Bid", "5"), ("Ask", "2")] {
        world.taken(market(PERP, side, quantity)).await;
    }
    let ledger = world.ledger().await;
    let rows = |name: &str| ledger[name].as_array().unwrap().clone();
    let sum =
        |rows: &[Value], name: &str| -> Decimal { rows.iter().map(|row| number(&row[name])).sum() };
    let fills = rows("fills");
    let wallet = deposit + sum(&fills, "realised") - sum(&fills, "fee");
    assert_eq!(number(&rows("accounts")[0]["wallet"]), wallet);
    for fill in &fills {
        let worth = number(&fill["price"]) * number(&fill["quantity"]);
        assert_eq!(
            number(&fill["fee"]),
            (worth * Decimal::new(5, 4)).trunc_with_scale(8)
        );
        assert_eq!(fill["fee_asset"], "USDC");
    }
    assert_eq!(number(&collateral(&world).await["netEquity"]), wallet);
    assert!(position(&world).await.is_null());
}

#[tokio::test]
async fn every_change_of_a_position_is_told_and_the_open_ones_at_first() {
    let world = World::backpack().await;
    let name = "account.positionUpdate";
    let narrow = format!("{name}.{PERP}");
    let mut socket = world
        .streams(&[name, &narrow, "account.positionUpdate.SOL_USDC"])
        .await;
    let mut told = Vec::new();
    for (side, quantity) in [("Bid", "0.01"), ("Bid", "0.01"), ("Ask", "0.02")] {
        world.taken(market(PERP, side, quantity)).await;
        let wide = next_of(&mut socket, name).await;
        assert_eq!(next_of(&mut socket, &narrow).await, wide);
        told.push(wide);
    }
    let events: Vec<&Value> = told.iter().map(|frame| &frame["e"]).collect();
    assert_eq!(
        events,
        ["positionOpened", "positionAdjusted", "positionClosed"]
    );
    let quantities: Vec<Decimal> = told.iter().map(|frame| number(&frame["q"])).collect();
    assert_eq!(
        quantities,
        [Decimal::new(1, 2), Decimal::new(2, 2), Decimal::ZERO]
    );
    assert_eq!(told[0]["i"], told[2]["i"]);

    world.taken(market(PERP, "Ask", "0.03")).await;
    let mut late = world.socket("").await;
    late.say(&world.subscription(&[name])).await;
    let first = late.next().await.unwrap();
    assert_eq!(first["stream"], name);
    assert!(first["data"].get("e").is_none(), "{first}");
    assert_eq!(number(&first["data"]["q"]), Decimal::new(-3, 2));
    let held = position(&world).await;
    assert_ne!(first["data"]["i"], told[0]["i"]);
    assert_eq!(held["positionId"], first["data"]["i"].to_string());
}

#[tokio::test]
async fn the_most_that_may_be_ordered_is_taken_and_one_step_more_is_not() {
    let world = World::backpack().await;
    let asked = json!({ "symbol": PERP, "side": "Bid", "price": "150" });
    let most = world
        .ask("GET", "/api/v1/account/limits/order", asked.clone())
        .await
        .json();
    let most = number(&most["maxOrderQuantity"]);
    assert!(most > Decimal::ONE_HUNDRED, "{most}");
    let order = |quantity: Decimal| {
        let changes = json!({ "price": "150", "quantity": quantity.to_string() });
        with(resting(PERP, 1), changes)
    };
    let more = most + Decimal::new(1, 2);
    assert_eq!(world.refused(order(more)).await.1, "INSUFFICIENT_MARGIN");
    world.taken(order(most)).await;
    let left = world
        .ask("GET", "/api/v1/account/limits/order", asked)
        .await
        .json();
    assert_eq!(number(&left["maxOrderQuantity"]), Decimal::ZERO);
}

/// The account's leverage raises what an order binds; it never lowers it.
#[tokio::test]
async fn leverage_is_set_for_the_account() {
    let world = World::backpack().await;
    let set = |limit: &'static str| {
        let world = &world;
        async move {
            let change = json!({ "leverageLimit": limit });
            world.ask("PATCH", "/api/v1/account", change).await.status
        }
    };
    assert_eq!(set("10").await, 200);
    let account = world.ask("GET", "/api/v1/account", json!({})).await.json();
    assert_eq!(account["leverageLimit"], "10");
    world.taken(market(PERP, "Bid", "10")).await;
    assert_eq!(position(&world).await["imf"], "0.1");
    let bound = collateral(&world).await;
    let share = number(&bound["netEquityLocked"]) / number(&bound["netExposureFutures"]);
    assert!(
        (share - Decimal::new(1, 1)).abs() < Decimal::new(1, 4),
        "{share}"
    );
    assert_eq!(set("50").await, 200);
    assert_eq!(position(&world).await["imf"], "0.02");
    for wrong in ["0", "51", "2.5", "x"] {
        assert_eq!(set(wrong).await, 400, "{wrong}");
    }
}

#[tokio::test]
async fn funding_is_paid_by_the_long_and_told_in_the_history() {
    let world = World::backpack().await;
    world.taken(market(PERP, "Bid", "10")).await;
    let wallet = |ledger: Value| number(&ledger["accounts"][0]["wallet"]);
    let before = wallet(world.ledger().await);
    world.control("POST", "funding", &json!({})).await;
    let paid = world
        .ask("GET", "/wapi/v1/history/funding", json!({}))
        .await
        .json();
    let payment = &paid[0];
    let quantity = number(&payment["quantity"]);
    assert_eq!(payment["symbol"], PERP);
    let held = position(&world).await;
    let notional = number(&held["markPrice"]) * Decimal::TEN;
    let rate = number(&payment["fundingRate"]);
    // The mark price is drawn towards the market's and has moved a little since.
    let near = (quantity + notional * rate).abs() < Decimal::new(1, 4);
    assert!(quantity < Decimal::ZERO && near, "{quantity} of {notional}");
    assert_eq!(number(&held["cumulativeFundingPayment"]), quantity);
    // Recorded positions show it: 0.0036 bought for 13.7768 at 0.05 % break even at 3831.363 after
    // 0.009218 of funding.
    let fees = number(&world.ledger().await["accounts"][0]["positions"][0]["fees"]);
    let even = (number(&held["netCost"]) + fees - quantity) / Decimal::TEN;
    assert!((number(&held["breakEvenPrice"]) - even).abs() < Decimal::new(1, 12));
    assert_eq!(wallet(world.ledger().await), before + quantity);
    let rates = world
        .public("/api/v1/fundingRates", json!({ "symbol": PERP }))
        .await
        .json();
    assert_eq!(number(&rates[0]["fundingRate"]), rate);
}
