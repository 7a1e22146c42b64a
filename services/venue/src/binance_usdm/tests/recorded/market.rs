//! Public data: what is read against what stands in the tree.

use chimera_model::Side;
use chimera_model::book::Level;
use chimera_model::market::{BarInterval, PriceLevel, Trade};
use serde_json::Value;

use super::super::{answered, context, instrument, now, venue};
use crate::error::ErrorClass;
use crate::tests::tree::{
    millis, nonzero, number, optional, optional_millis, shown, symbols, text, time, tree,
};
use crate::{BarQuery, PublicFrame, RawLevels, TradeQuery};

/// The recorder's or vendor's items, whether one or many were kept.
fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn symbol_of(value: &Value) -> String {
    let mut found = Vec::new();
    symbols(value, &mut found);
    found
        .first()
        .cloned()
        .unwrap_or_else(|| "BTCUSDT".to_owned())
}

/// Nine more decimals than any price has, moved as text.
fn scaled(value: &Value) -> i64 {
    let text = number(value);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{fraction:0<8}").parse().unwrap()
}

fn levels(name: &str, read: &[Level], expected: &Value) {
    let read: Vec<(i64, i64)> = read
        .iter()
        .map(|level| (level.price.0, level.quantity.0))
        .collect();
    let expected = expected.as_array().unwrap().iter();
    let expected: Vec<(i64, i64)> = expected
        .map(|level| (scaled(&level[0]), scaled(&level[1])))
        .collect();
    assert_eq!(read, expected, "{name}");
}

fn raw_levels(name: &str, raw: RawLevels<'_>, symbol: &str, expected: &Value) {
    let mut read = Vec::new();
    raw.read_into(&instrument(symbol), &mut read)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    levels(name, &read, expected);
}

fn price_level(price: &Value, quantity: &Value) -> Option<(String, String)> {
    Some((nonzero(price)?, nonzero(quantity)?))
}

fn shown_level(level: Option<PriceLevel>) -> Option<(String, String)> {
    level.map(|level| (level.price.to_string(), level.quantity.to_string()))
}

fn taker(buyer_is_maker: &Value) -> Side {
    if buyer_is_maker.as_bool().unwrap() {
        Side::Sell
    } else {
        Side::Buy
    }
}

pub(super) fn server_time(name: &str, body: &str) {
    let read = answered(&venue().server_time(), 200, body).unwrap();
    assert_eq!(
        read.as_millis(),
        millis(&tree(body)["serverTime"]),
        "{name}"
    );
}

pub(super) fn depth(name: &str, body: &str) {
    let expected = tree(body);
    let call = venue().depth(&instrument("BTCUSDT"), 1_000);
    let read = answered(&call, 200, body).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(
        read.last_update_id,
        millis(&expected["lastUpdateId"]),
        "{name}"
    );
    assert_eq!(
        time(read.venue_time),
        optional_millis(&expected["T"]),
        "{name}"
    );
    levels(name, &read.bids, &expected["bids"]);
    levels(name, &read.asks, &expected["asks"]);
}

fn trade(
    name: &str,
    read: &Trade,
    id: &Value,
    price: &Value,
    quantity: &Value,
    at: (&Value, &Value),
) {
    assert_eq!(read.trade_id.as_str(), text(id), "{name}");
    assert_eq!(read.price.to_string(), number(price), "{name}");
    assert_eq!(read.quantity.to_string(), number(quantity), "{name}");
    assert_eq!(read.venue_time.as_millis(), millis(at.0), "{name}");
    assert_eq!(read.taker_side, taker(at.1), "{name}");
}

/// One sample is a fragment: it is put back into its list.
fn list(body: &str) -> String {
    if body.trim_start().starts_with('[') {
        body.to_owned()
    } else {
        format!("[{body}]")
    }
}

pub(super) fn trades(name: &str, body: &str) {
    let call = venue()
        .trades(&instrument("BTCUSDT"), TradeQuery::Newest, 1_000)
        .unwrap();
    let read = answered(&call, 200, list(body)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = tree(body);
    let expected = items(&expected);
    assert_eq!(read.len(), expected.len(), "{name}");
    for (read, one) in read.iter().zip(expected) {
        let at = (&one["time"], &one["isBuyerMaker"]);
        trade(name, read, &one["id"], &one["price"], &one["qty"], at);
    }
}

pub(super) fn aggregates(name: &str, body: &str) {
    let call = venue()
        .trades(&instrument("BTCUSDT"), TradeQuery::Aggregates(None), 1_000)
        .unwrap();
    let read = answered(&call, 200, list(body)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = tree(body);
    let expected = items(&expected);
    assert_eq!(read.len(), expected.len(), "{name}");
    for (read, one) in read.iter().zip(expected) {
        trade(
            name,
            read,
            &one["a"],
            &one["p"],
            &one["q"],
            (&one["T"], &one["m"]),
        );
    }
}

pub(super) fn bars(name: &str, body: &str) {
    let (interval, limit) = (BarInterval::OneMinute, 1_000);
    let query = BarQuery {
        interval,
        start: None,
        end: None,
        limit,
    };
    let call = venue().bars(&instrument("BTCUSDT"), &query, now());
    let read = answered(&call, 200, body).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = tree(body);
    let expected = expected.as_array().unwrap();
    assert_eq!(read.len(), expected.len(), "{name}");
    for (bar, one) in read.iter().zip(expected) {
        assert_eq!(bar.open_time.as_millis(), millis(&one[0]), "{name}");
        assert_eq!(bar.end_time.as_millis(), millis(&one[6]) + 1, "{name}");
        let fields = [bar.open, bar.high, bar.low, bar.close, bar.volume];
        for (at, field) in (1..).zip(fields) {
            assert_eq!(field.to_string(), number(&one[at]), "{name} field {at}");
        }
        assert_eq!(bar.quote_volume.to_string(), number(&one[7]), "{name}");
        assert_eq!(bar.trades, millis(&one[8]), "{name}");
        assert!(bar.closed, "{name}");
    }
}

fn ticker_fields(name: &str, read: &chimera_model::market::Ticker, one: &Value) {
    assert_eq!(shown(read.last), nonzero(&one["lastPrice"]), "{name}");
    assert_eq!(shown(read.open), nonzero(&one["openPrice"]), "{name}");
    assert_eq!(shown(read.high), nonzero(&one["highPrice"]), "{name}");
    assert_eq!(shown(read.low), nonzero(&one["lowPrice"]), "{name}");
    assert_eq!(read.volume.to_string(), number(&one["volume"]), "{name}");
    assert_eq!(
        read.quote_volume.to_string(),
        number(&one["quoteVolume"]),
        "{name}"
    );
    assert_eq!(
        read.venue_time.unwrap().as_millis(),
        millis(&one["closeTime"]),
        "{name}"
    );
}

pub(super) fn ticker(name: &str, body: &str) {
    let expected = tree(body);
    let call = venue().ticker(&instrument(expected["symbol"].as_str().unwrap()));
    let read = answered(&call, 200, body).unwrap_or_else(|error| panic!("{name}: {error}"));
    ticker_fields(name, &read, &expected);
}

pub(super) fn tickers(name: &str, body: &str) {
    let expected = tree(body);
    let mut known = Vec::new();
    symbols(&expected, &mut known);
    // One is left out of the table, to see that it is noted.
    let left_out = known.pop().unwrap();
    let context = context(known.iter().map(String::as_str));
    let read = answered(&venue().tickers(&context.instruments), 200, body).unwrap();
    assert_eq!(read.unmapped.len(), 1, "{name}");
    assert_eq!(read.unmapped[0].venue_symbol.as_str(), left_out, "{name}");
    let expected = expected
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["symbol"] != *left_out);
    let expected: Vec<&Value> = expected.collect();
    assert_eq!(read.items.len(), expected.len(), "{name}");
    for (read, one) in read.items.iter().zip(expected) {
        ticker_fields(name, read, one);
    }
}

pub(super) fn quote(name: &str, body: &str) {
    let expected = tree(body);
    for one in items(&expected) {
        let call = venue().quote(&instrument(one["symbol"].as_str().unwrap()));
        let read = answered(&call, 200, one.to_string());
        let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            shown_level(read.bid),
            price_level(&one["bidPrice"], &one["bidQty"]),
            "{name}"
        );
        assert_eq!(
            shown_level(read.ask),
            price_level(&one["askPrice"], &one["askQty"]),
            "{name}"
        );
        assert_eq!(
            time(read.venue_time),
            optional_millis(&one["time"]),
            "{name}"
        );
        assert_eq!(read.update_id, one["lastUpdateId"].as_u64(), "{name}");
    }
}

pub(super) fn failure(name: &str, body: &str) {
    let expected = tree(body);
    let error = answered(&venue().ticker(&instrument("BTCUSDT")), 400, body).unwrap_err();
    assert_eq!(error.venue_code, Some(text(&expected["code"])), "{name}");
    assert_eq!(error.detail, text(&expected["msg"]), "{name}");
    let class = match expected["code"].as_i64() {
        Some(-1121) => ErrorClass::InstrumentUnavailable,
        Some(-1013) => ErrorClass::FilterRefused,
        other => panic!("{name}: no expectation for {other:?}"),
    };
    assert_eq!(error.class, class, "{name}");
}

pub(super) fn confirmation(name: &str, frame: &str) {
    let venue = venue();
    let read = venue.read_public(frame.as_bytes()).unwrap();
    let id = tree(frame)["id"].as_u64().unwrap();
    assert_eq!(read, PublicFrame::Confirmed { id }, "{name}");
}

pub(super) fn ignored(name: &str, frame: &str) {
    let venue = venue();
    let read = venue.read_public(frame.as_bytes()).unwrap();
    let tree = tree(frame);
    let kind = tree["e"].as_str().unwrap_or_default();
    assert_eq!(read, PublicFrame::Ignored { kind }, "{name}");
}

/// A frame of any kind, with or without its envelope.
pub(super) fn frame(name: &str, frame: &str) {
    let venue = venue();
    let read = venue.read_public(frame.as_bytes());
    let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
    let tree = tree(frame);
    let one = if tree["data"].is_object() {
        &tree["data"]
    } else {
        &tree
    };
    let symbol = symbol_of(one);
    match (one["e"].as_str().unwrap(), read) {
        ("depthUpdate", PublicFrame::Depth(read)) => {
            assert_eq!(read.symbol, symbol, "{name}");
            assert_eq!(read.first_update_id, millis(&one["U"]), "{name}");
            assert_eq!(read.last_update_id, millis(&one["u"]), "{name}");
            assert_eq!(read.previous_update_id, one["pu"].as_u64(), "{name}");
            assert_eq!(read.venue_time.as_millis(), millis(&one["T"]), "{name}");
            raw_levels(name, read.bids, &symbol, &one["b"]);
            raw_levels(name, read.asks, &symbol, &one["a"]);
        }
        ("bookTicker", PublicFrame::Quote(read)) => {
            assert_eq!(
                (read.symbol, read.update_id),
                (symbol.as_str(), one["u"].as_u64())
            );
            assert_eq!(
                shown_level(read.bid),
                price_level(&one["b"], &one["B"]),
                "{name}"
            );
            assert_eq!(
                shown_level(read.ask),
                price_level(&one["a"], &one["A"]),
                "{name}"
            );
            assert_eq!(time(read.venue_time), optional_millis(&one["T"]), "{name}");
        }
        (kind @ ("trade" | "aggTrade"), PublicFrame::Trade(read)) => {
            let aggregate = kind == "aggTrade";
            let id = if aggregate { &one["a"] } else { &one["t"] };
            // Frames of 2019 name no aggregate; the last trade in it stands in.
            let id = if id.is_null() { &one["l"] } else { id };
            assert_eq!(
                (read.symbol, read.trade_id),
                (symbol.as_str(), millis(id)),
                "{name}"
            );
            assert_eq!(read.price.to_string(), number(&one["p"]), "{name}");
            assert_eq!(read.quantity.to_string(), number(&one["q"]), "{name}");
            assert_eq!(read.venue_time.as_millis(), millis(&one["T"]), "{name}");
            assert_eq!(read.taker_side, taker(&one["m"]), "{name}");
            assert_eq!((read.on_book, read.aggregate), (true, aggregate), "{name}");
        }
        ("kline", PublicFrame::Bar(read)) => bar_frame(name, &read, one),
        ("24hrTicker" | "24hrMiniTicker", PublicFrame::Ticker(read)) => {
            assert_eq!(read.symbol, symbol, "{name}");
            assert_eq!(shown(read.last), nonzero(&one["c"]), "{name}");
            assert_eq!(shown(read.open), nonzero(&one["o"]), "{name}");
            assert_eq!(shown(read.high), nonzero(&one["h"]), "{name}");
            assert_eq!(shown(read.low), nonzero(&one["l"]), "{name}");
            assert_eq!(read.volume.to_string(), number(&one["v"]), "{name}");
            assert_eq!(read.quote_volume.to_string(), number(&one["q"]), "{name}");
            assert_eq!(read.venue_time.as_millis(), millis(&one["E"]), "{name}");
        }
        ("markPriceUpdate", PublicFrame::MarkPrice(read)) => {
            assert_eq!(read.symbol, symbol, "{name}");
            assert_eq!(read.mark_price.to_string(), number(&one["p"]), "{name}");
            assert_eq!(shown(read.index_price), optional(&one["i"]), "{name}");
            assert_eq!(shown(read.funding_rate), optional(&one["r"]), "{name}");
            assert_eq!(
                time(read.next_funding_time),
                optional_millis(&one["T"]),
                "{name}"
            );
            assert_eq!(read.venue_time.as_millis(), millis(&one["E"]), "{name}");
        }
        (kind, read) => panic!("{name}: {kind} was read as {read:?}"),
    }
}

fn bar_frame(name: &str, read: &crate::BarFrame<'_>, one: &Value) {
    let bar = &one["k"];
    assert_eq!(read.symbol, text(&one["s"]), "{name}");
    assert_eq!(read.interval.as_str(), text(&bar["i"]), "{name}");
    assert_eq!(read.open_time.as_millis(), millis(&bar["t"]), "{name}");
    assert_eq!(read.end_time.as_millis(), millis(&bar["T"]) + 1, "{name}");
    let fields = [
        (read.open, "o"),
        (read.high, "h"),
        (read.low, "l"),
        (read.close, "c"),
        (read.volume, "v"),
        (read.quote_volume.unwrap(), "q"),
    ];
    for (field, key) in fields {
        assert_eq!(field.to_string(), number(&bar[key]), "{name} {key}");
    }
    assert_eq!(read.trades, millis(&bar["n"]), "{name}");
    assert_eq!(read.closed, bar["x"].as_bool().unwrap(), "{name}");
    assert_eq!(read.venue_time.as_millis(), millis(&one["E"]), "{name}");
}
