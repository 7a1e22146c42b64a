use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

use super::instruments;
use super::limits::{LimitConfig, Limits};
use super::params::Params;
use super::sign::{signed_text, verify};
use super::stream_name::{Endpoint, Stream, Topic};
use crate::engine::{Price, Quantity};
use crate::exchange::Exchange;
use crate::intervals::Interval;

#[test]
fn every_instrument_has_filters_that_admit_an_order() {
    for instrument in instruments() {
        assert!(instrument.tick > Price::ZERO && instrument.step > Quantity::ZERO);
        assert!(instrument.min_price < instrument.start_price);
        assert!(instrument.start_price < instrument.max_price);
        assert!(instrument.start_price.is_multiple_of(instrument.tick));
        assert!(instrument.min_quantity <= instrument.max_market_quantity);
        assert!(instrument.max_market_quantity <= instrument.max_quantity);
        assert!(
            instrument
                .brackets()
                .is_sorted_by(|low, high| low.cap < high.cap)
        );
    }
}

/// A maintenance margin that jumped at a step would liquidate on a cent.
#[test]
fn maintenance_margin_is_continuous_over_the_brackets() {
    for pair in instruments()[0].brackets().windows(2) {
        let (low, high) = (&pair[0], &pair[1]);
        let below = low.cap * low.maintenance - low.deduction;
        let above = low.cap * high.maintenance - high.deduction;
        assert_eq!(below, above);
    }
}

#[test]
fn the_verifier_takes_signatures_that_independent_clients_made() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var("CHIMERA_SHARED").unwrap_or_else(|_| beside.to_owned());
    let file = format!("{shared}/venues/binance/signing_vectors.json");
    let Ok(text) = std::fs::read(&file) else {
        println!("skipped: {file} is not there");
        return;
    };
    let vectors: Value = serde_json::from_slice(&text).unwrap();
    let mut checked = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let Some(signature) = case["signature"].as_str() else {
            continue;
        };
        let secret = case["secret"]
            .as_str()
            .or(vectors["secret"].as_str())
            .unwrap();
        let prehash = case["prehash"].as_str().unwrap();
        let sent = format!("{prehash}&signature={signature}");
        for (query, body) in [(sent.as_str(), ""), ("", sent.as_str())] {
            let (text, found) = signed_text(query, body);
            assert_eq!(text, prehash);
            assert!(verify(secret, &text, &found.unwrap()));
        }
        assert!(!verify("another secret", prehash, signature));
        assert!(!verify(secret, prehash, &signature.replace('a', "b")));
        checked += 1;
    }
    assert!(checked >= 6);
}

#[test]
fn the_query_counts_where_the_body_says_otherwise() {
    let params = Params::parse("symbol=A&side=BUY", "symbol=B&type=LIMIT").unwrap();
    assert_eq!(params.get("symbol"), Some("A"));
    assert_eq!(params.get("type"), Some("LIMIT"));
    assert_eq!(Params::parse("a=1&a=2", "").unwrap_err().code, -1101);
}

#[test]
fn bars_begin_where_the_venue_says() {
    let at = 1_723_161_255_123; // Thursday 2024-08-08 23:54:15
    let begin = |text: &str| Interval::read(text).unwrap().begin(at);
    assert_eq!(begin("1m"), 1_723_161_240_000);
    assert_eq!(begin("1h"), 1_723_158_000_000);
    assert_eq!(begin("1d"), 1_723_075_200_000);
    assert_eq!(begin("1w"), 1_722_816_000_000, "Monday 2024-08-05");
    assert_eq!(begin("1M"), 1_722_470_400_000, "2024-08-01");
    let month = Interval::read("1M").unwrap();
    assert_eq!(
        month.end(1_722_470_400_000),
        1_725_148_799_999,
        "the end of August"
    );
    for bad in ["", "m", "7m", "2d", "2w", "1y", "１m"] {
        assert!(Interval::read(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn streams_are_known_by_name_and_served_by_their_endpoint() {
    let exchange = Exchange::new(instruments(), 0);
    let read = |name: &str| Stream::read(&exchange, name);
    let depth = read("btcusdt@depth@100ms").unwrap();
    assert_eq!((depth.topic, depth.pace_ms), (Topic::Depth, 100));
    assert_eq!(read("ethusdt@depth20").unwrap().topic, Topic::Top(20));
    assert!(depth.served_by(Endpoint::Public) && !depth.served_by(Endpoint::Market));
    let mark = read("!markPrice@arr@1s").unwrap();
    assert!(mark.served_by(Endpoint::Market) && !mark.served_by(Endpoint::Public));
    for bad in [
        "",
        "btcusdt",
        "BTCUSDT@trade",
        "nope@trade",
        "btcusdt@depth7",
        "btcusdt@trade@1s",
        "btcusdt@depth@1ms",
        "!nothing",
        "btcusdt@kline_7m",
        "a@b@c@d",
    ] {
        assert_eq!(read(bad), None, "{bad:?}");
    }
}

#[test]
fn bans_double_for_who_does_not_learn() {
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut limits = Limits::new(LimitConfig {
        weight_1m: 1,
        ..LimitConfig::default()
    });
    let mut now_ms = 0;
    let mut bans = Vec::new();
    while bans.len() < 3 {
        if let Err(error) = limits.charge(now_ms, ip, 1)
            && error.status == 418
        {
            let seconds = error.retry_after.unwrap();
            bans.push(seconds);
            now_ms += seconds * 1000;
        }
    }
    assert_eq!(bans, [120, 240, 480]);
}
