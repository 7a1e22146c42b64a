//! Instruments: what is read against what stands in the tree.

use chimera_model::Instrument;
use chimera_model::instrument::InstrumentStatus;
use serde_json::Value;

use super::super::{answered, venue};
use crate::tests::tree::{millis, number, shown, text, time, tree};

fn filter<'v>(symbol: &'v Value, kind: &str) -> &'v Value {
    let filters = symbol["filters"].as_array().unwrap();
    filters
        .iter()
        .find(|filter| filter["filterType"] == kind)
        .unwrap_or(&Value::Null)
}

/// Decimals of a step, by its text.
fn decimals(step: &Value) -> u8 {
    number(step)
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len() as u8)
}

pub(super) fn exchange_info(name: &str, body: &str) {
    let expected = tree(body);
    let read = answered(&venue().instruments(), 200, body);
    let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(
        time(read.venue_time),
        Some(millis(&expected["serverTime"])),
        "{name}"
    );
    let symbols = expected["symbols"].as_array().unwrap();
    // Dated contracts are not traded here, and answers of 2019 do not say what settles.
    let (traded, skipped): (Vec<&Value>, Vec<&Value>) = symbols.iter().partition(|symbol| {
        symbol["contractType"] == "PERPETUAL" && symbol["marginAsset"] == symbol["quoteAsset"]
    });
    let names: Vec<String> = skipped
        .iter()
        .map(|symbol| text(&symbol["symbol"]))
        .collect();
    let read_names: Vec<&String> = read.skipped.iter().map(|one| &one.venue_symbol).collect();
    assert_eq!(read_names, names.iter().collect::<Vec<_>>(), "{name}");
    assert!(
        read.skipped.iter().all(|one| !one.reason.is_empty()),
        "{name}"
    );
    assert_eq!(read.instruments.len(), traded.len(), "{name}");
    for (read, one) in read.instruments.iter().zip(traded) {
        instrument(name, read, one);
    }
    let limits = read.rate_limits.unwrap().limits;
    for limit in expected["rateLimits"].as_array().unwrap() {
        let scope = match (&*text(&limit["rateLimitType"]), &*text(&limit["interval"])) {
            ("REQUEST_WEIGHT", "MINUTE") => "ip-weight-1m",
            ("ORDERS", "MINUTE") => "orders-1m",
            ("ORDERS", "SECOND") => "orders-10s",
            other => panic!("{name}: no expectation for {other:?}"),
        };
        let read = limits.iter().find(|read| read.scope == scope).unwrap();
        assert_eq!(read.limit, limit["limit"].as_u64().unwrap(), "{name}");
    }
}

fn instrument(name: &str, read: &Instrument, one: &Value) {
    let name = &format!("{name} {}", one["symbol"]);
    assert_eq!(read.venue_symbol.as_str(), text(&one["symbol"]), "{name}");
    let symbol = format!(
        "{}-{}-PERP",
        text(&one["baseAsset"]),
        text(&one["quoteAsset"])
    );
    assert_eq!(read.symbol.as_str(), symbol, "{name}");
    assert_eq!(read.settle.as_str(), text(&one["marginAsset"]), "{name}");
    let (price, lot) = (filter(one, "PRICE_FILTER"), filter(one, "LOT_SIZE"));
    assert_eq!(
        read.tick_size.to_string(),
        number(&price["tickSize"]),
        "{name}"
    );
    assert_eq!(
        shown(read.min_price),
        Some(number(&price["minPrice"])),
        "{name}"
    );
    assert_eq!(
        shown(read.max_price),
        Some(number(&price["maxPrice"])),
        "{name}"
    );
    assert_eq!(
        read.lot_size.to_string(),
        number(&lot["stepSize"]),
        "{name}"
    );
    assert_eq!(
        read.min_quantity.to_string(),
        number(&lot["minQty"]),
        "{name}"
    );
    assert_eq!(
        read.max_quantity.to_string(),
        number(&lot["maxQty"]),
        "{name}"
    );
    assert_eq!(
        read.price_scale,
        decimals(&price["tickSize"]),
        "F67: {name}"
    );
    assert_eq!(
        read.quantity_scale,
        decimals(&lot["stepSize"]),
        "F67: {name}"
    );
    let market = filter(one, "MARKET_LOT_SIZE");
    let read_market = read.market_lot.unwrap();
    assert_eq!(
        read_market.lot_size.to_string(),
        number(&market["stepSize"]),
        "{name}"
    );
    assert_eq!(
        read_market.max_quantity.to_string(),
        number(&market["maxQty"]),
        "{name}"
    );
    let notional = filter(one, "MIN_NOTIONAL");
    let notional = (!notional.is_null()).then(|| number(&notional["notional"]));
    assert_eq!(shown(read.min_notional), notional, "{name}");
    let (collar, filter) = (read.price_collar.unwrap(), filter(one, "PERCENT_PRICE"));
    assert_eq!(
        collar.multiplier_up.to_string(),
        number(&filter["multiplierUp"]),
        "{name}"
    );
    assert_eq!(
        collar.multiplier_down.to_string(),
        number(&filter["multiplierDown"]),
        "{name}"
    );
    let status = match one["status"].as_str() {
        Some("TRADING") => InstrumentStatus::Trading,
        Some("SETTLING") => InstrumentStatus::Halted,
        other => panic!("{name}: no expectation for {other:?}"),
    };
    assert_eq!(read.status, status, "{name}");
}
