use std::net::{IpAddr, Ipv4Addr};

use rust_decimal::Decimal;
use serde_json::Value;

use super::format::{moment, second};
use super::instruments;
use super::limits::Limits;
use super::params::Params;
use super::sign::{signed_text, verify};
use super::stream_name::{NameError, Topic, is_private, read};
use crate::engine::{Price, Quantity};
use crate::exchange::{Exchange, Margining, RootFraction};

fn shared(path: &str) -> Option<Value> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let root = std::env::var("CHIMERA_SHARED").unwrap_or_else(|_| beside.to_owned());
    let file = format!("{root}/{path}");
    let Ok(text) = std::fs::read(&file) else {
        println!("skipped: {file} is not there");
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}

fn fields(value: &Value) -> Params {
    Params::of_fields(value.as_object().unwrap().clone())
}

#[test]
fn every_market_has_filters_that_admit_an_order() {
    let listed = instruments();
    assert_eq!(listed.iter().filter(|market| market.is_spot()).count(), 3);
    for market in listed {
        assert!(market.tick > Price::ZERO && market.step > Quantity::ZERO);
        assert!(market.min_price < market.start_price);
        assert!(market.start_price < market.max_price);
        assert!(market.start_price.is_multiple_of(market.tick));
        assert!(market.min_quantity.is_multiple_of(market.step));
        let (name, spot) = (market.symbol.as_str(), market.is_spot());
        assert_eq!(name.ends_with("_USDC"), spot, "{name}");
        assert_eq!(name.ends_with("_USDC_PERP"), !spot, "{name}");
    }
}

/// Two clients and a library, none of them ours, agree on these texts and signatures.
#[test]
fn signatures_that_independent_clients_made_are_taken_and_others_are_not() {
    let Some(vectors) = shared("venues/backpack/signing_vectors.json") else {
        return;
    };
    let key = vectors["apiKey_verifying_b64"].as_str().unwrap();
    let (stamp, window) = (vectors["timestamp_ms"].to_string(), "5000");
    let mut checked = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let prehash = case["prehash"].as_str().unwrap();
        let signature = case["X-Signature"].as_str();
        let signature = signature
            .or(case["frame"]["signature"][1].as_str())
            .unwrap();
        let name = prehash.trim_start_matches("instruction=");
        let (instruction, _) = name.split_once('&').unwrap();
        let params = case.get("params").map(fields).unwrap_or_default();
        let text = signed_text(instruction, &[params], &stamp, window);
        assert_eq!(text, prehash);
        assert!(verify(key, &text, signature), "{prehash}");
        assert!(!verify(key, &format!("{text}0"), signature), "{prehash}");
        checked += 1;
    }
    assert!(checked >= 5);
}

/// The example of the venue's documentation.
#[test]
fn a_batch_signs_every_order_with_its_own_instruction() {
    let order = |price: &str, quantity: &str| {
        fields(&serde_json::json!({
            "symbol": "SOL_USDC_PERP", "side": "Bid", "orderType": "Limit",
            "price": price, "quantity": quantity,
        }))
    };
    let text = signed_text(
        "orderExecute",
        &[order("141", "12"), order("140", "11")],
        "1750793021519",
        "5000",
    );
    let wanted = "instruction=orderExecute&orderType=Limit&price=141&quantity=12&side=Bid\
                  &symbol=SOL_USDC_PERP&instruction=orderExecute&orderType=Limit&price=140\
                  &quantity=11&side=Bid&symbol=SOL_USDC_PERP&timestamp=1750793021519&window=5000";
    assert_eq!(text, wanted);
}

/// The texts stand in a test key's place; nothing but the whole of them is a key or a signature.
#[test]
fn what_is_no_key_or_no_signature_is_refused() {
    for text in [
        "",
        "AAAA",
        "not base64",
        "====",
        "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMb",
    ] {
        assert!(!verify(text, "instruction=balanceQuery", text), "{text}");
    }
}

/// Recorded: 0.0036 ETH at a mark of 3787.46813304 bound a fraction of 0.02, its base; a large
/// notional binds by its root. The root of 4,000,000 is 2,000, and 2,000 times 0.0000935 is 0.187.
#[test]
fn margin_fractions_grow_with_the_root_of_the_notional() {
    let fraction = RootFraction {
        base: Decimal::new(2, 2),
        factor: Decimal::new(935, 7),
    };
    let small = "13.634885278944".parse().unwrap();
    assert_eq!(fraction.at(small), Decimal::new(2, 2));
    assert_eq!(fraction.at(Decimal::from(4_000_000)), Decimal::new(187, 3));
    for market in instruments() {
        if let Margining::Roots {
            initial,
            maintenance,
        } = market.margining
        {
            assert!(maintenance.base < initial.base && maintenance.factor < initial.factor);
        }
    }
}

#[test]
fn times_are_written_as_recorded() {
    assert_eq!(moment(1_755_105_961_197), "2025-08-13T17:26:01.197");
    assert_eq!(second(1_757_604_780_000, ' '), "2025-09-11 15:33:00");
    assert_eq!(second(1_709_164_800_000, 'T'), "2024-02-29T00:00:00");
}

#[test]
fn an_address_that_asks_too_often_waits_for_the_next_minute() {
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let other = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let mut limits = Limits::new(2);
    assert!(limits.charge(60_000, ip).is_ok());
    assert!(limits.charge(119_999, ip).is_ok());
    let refused = limits.charge(119_999, ip).unwrap_err();
    assert_eq!(
        (refused.status, refused.code.as_deref()),
        (429, Some("TOO_MANY_REQUESTS"))
    );
    assert!(limits.charge(119_999, other).is_ok());
    assert!(limits.charge(120_000, ip).is_ok());
    assert_eq!((limits.request_refusals, limits.peak), (1, 3));
}

#[test]
fn streams_are_known_by_their_names() {
    let exchange = Exchange::new(instruments(), 1);
    let topic = |name: &str| read(&exchange, name).map(|stream| stream.map(|of| of.topic));
    assert_eq!(topic("depth.SOL_USDC"), Ok(Some(Topic::Depth)));
    assert_eq!(topic("depth.600ms.SOL_USDC_PERP"), Ok(Some(Topic::Depth)));
    assert_eq!(topic("depth.300ms.SOL_USDC"), Err(NameError::Window));
    assert_eq!(topic("trade.SOL_USDC"), Ok(Some(Topic::Trade)));
    assert!(matches!(
        topic("kline.1m.SOL_USDC"),
        Ok(Some(Topic::Kline(_)))
    ));
    assert!(matches!(
        topic("kline.1month.SOL_USDC"),
        Ok(Some(Topic::Kline(_)))
    ));
    for wrong in [
        "kline.1M.SOL_USDC",
        "kline.SOL_USDC",
        "depth",
        "",
        "nothing.SOL_USDC",
    ] {
        assert_eq!(topic(wrong), Err(NameError::Stream), "{wrong}");
    }
    // A market that is not listed is silent, not refused.
    assert_eq!(topic("trade.DOGE_USDC"), Ok(None));
    assert_eq!(topic("liquidation"), Ok(None));
    assert!(is_private("account.orderUpdate") && is_private("account.orderUpdate.SOL_USDC"));
    assert!(!is_private("account.orderUpdates") && !is_private("account.fills"));
}
