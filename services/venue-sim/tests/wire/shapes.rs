//! Answers have the shape of recorded ones.

use serde_json::Value;

use crate::support::{World, shared};

/// A recorded answer and ours have fields of the same names and kinds; what the venue has added
/// since the recording may be missing from it, never from ours.
fn same_shape(ours: &Value, recorded: &Value, place: &str) {
    match (ours, recorded) {
        (Value::Object(_), Value::Object(fields)) => {
            for (name, value) in fields {
                let own = ours.get(name);
                let own = own.unwrap_or_else(|| panic!("{place}.{name} is missing: {ours}"));
                same_shape(own, value, &format!("{place}.{name}"));
            }
        }
        (Value::Array(own), Value::Array(theirs)) => {
            if let (Some(own), Some(theirs)) = (own.first(), theirs.first()) {
                same_shape(own, theirs, &format!("{place}[0]"));
            }
        }
        _ => {
            let kind = |value: &Value| match value {
                Value::String(_) => "text",
                Value::Number(_) => "number",
                Value::Bool(_) => "truth",
                Value::Null => "null",
                Value::Array(_) => "list",
                Value::Object(_) => "object",
            };
            assert_eq!(kind(ours), kind(recorded), "{place}: {ours} and {recorded}");
        }
    }
}

fn recorded(file: &str) -> Option<Value> {
    let file = shared(&format!("venues/binance/{file}"))?;
    Some(serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
}

#[tokio::test]
async fn public_answers_have_the_shape_of_recorded_ones() {
    let world = World::quiet().await;
    let symbol = vec![("symbol", "BTCUSDT")];
    let cases = [
        (
            "depth",
            "depth_0",
            vec![("symbol", "BTCUSDT"), ("limit", "5")],
        ),
        ("trades", "trades_0", symbol.clone()),
        ("aggTrades", "aggTrades_0", symbol.clone()),
        (
            "klines",
            "klines_4",
            vec![("symbol", "BTCUSDT"), ("interval", "1m")],
        ),
        ("ticker/24hr", "ticker_24hr_2", vec![]),
        ("ticker/price", "ticker_price_0", symbol.clone()),
        ("ticker/bookTicker", "ticker_bookTicker_0", vec![]),
        ("premiumIndex", "premiumIndex_0", symbol.clone()),
        ("openInterest", "openInterest_0", symbol.clone()),
        ("time", "time_0", vec![]),
    ];
    for (path, file, pairs) in cases {
        let Some(recorded) = recorded(&format!("gocryptotrader/GET_fapi_v1_{file}.json")) else {
            return;
        };
        let ours = world.get(&format!("/fapi/v1/{path}"), &pairs).await.json();
        same_shape(&ours, &recorded["response"], path);
    }
}

#[tokio::test]
async fn private_answers_have_the_shape_of_recorded_ones() {
    let world = World::quiet().await;
    world.buy_market("shape", "0.01").await;
    world.resting("open").await;
    let symbol = vec![("symbol", "BTCUSDT")];
    let open = vec![("symbol", "BTCUSDT"), ("origClientOrderId", "open")];
    let rate = "py_resources/http_futures_wallet_commission_rate_btcusdt.json";
    let cases = [
        ("v1/order", "futures/http_json/order_response.json", open),
        ("v2/balance", "futures/http_json/balance.json", vec![]),
        (
            "v2/account",
            "futures/http_json/account_info_v2.json",
            vec![],
        ),
        (
            "v2/positionRisk",
            "futures/http_json/position_risk.json",
            vec![],
        ),
        (
            "v1/userTrades",
            "py_resources/http_futures_account_trades.json",
            symbol.clone(),
        ),
        ("v1/commissionRate", rate, symbol),
    ];
    for (path, file, pairs) in cases {
        let Some(recorded) = recorded(&format!("nautilus/{file}")) else {
            return;
        };
        let ours = world
            .signed("GET", &format!("/fapi/{path}"), &pairs)
            .await
            .json();
        same_shape(&ours, &recorded, path);
    }
}

#[tokio::test]
async fn the_listing_has_the_shape_and_the_filters_of_the_recorded_one() {
    let Some(recorded) = recorded("gocryptotrader/GET_fapi_v1_exchangeInfo_0.json") else {
        return;
    };
    let recorded = &recorded["response"];
    let world = World::quiet().await;
    let ours = world.get("/fapi/v1/exchangeInfo", &[]).await.json();
    same_shape(&ours, recorded, "exchangeInfo");
    for index in 0..2 {
        let (own, theirs) = (&ours["symbols"][index], &recorded["symbols"][index]);
        for name in [
            "symbol",
            "filters",
            "pricePrecision",
            "quantityPrecision",
            "contractType",
        ] {
            assert_eq!(own[name], theirs[name], "{name}");
        }
    }
}
