//! Public data: what is read against what stands in the tree.

use chimera_model::book::Level;
use chimera_model::instrument::{InstrumentKind, InstrumentStatus};
use chimera_model::market::BarInterval;
use chimera_model::{Instrument, Side};
use serde_json::Value;

use super::super::{answered, instrument, now, venue};
use crate::error::ErrorClass;
use crate::tests::tree::{millis, nonzero, number, optional, shown, text, tree};
use crate::{BarQuery, PublicFrame, RawLevels, TradeQuery, VenueAdapter};

/// Milliseconds of a time in microseconds: digits are cut, nothing is computed.
pub(super) fn micros(value: &Value) -> u64 {
    let text = text(value);
    text[..text.len() - 3].parse().unwrap()
}

/// Milliseconds of a date without a zone, which is UTC, counted by the days since 1970.
pub(super) fn date_millis(value: &Value) -> u64 {
    let text = text(value);
    let part = |from: usize, to: usize| text[from..to].parse::<u64>().unwrap();
    let (year, month, day) = (part(0, 4), part(5, 7), part(8, 10));
    let of = |year: u64, part: u64| year.is_multiple_of(part);
    let leap = |year| of(year, 4) && (!of(year, 100) || of(year, 400));
    let years: u64 = (1970..year)
        .map(|year| if leap(year) { 366 } else { 365 })
        .sum();
    let february = if leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: u64 = lengths[..usize::try_from(month).unwrap() - 1].iter().sum();
    let seconds =
        ((years + months + day - 1) * 24 + part(11, 13)) * 3_600 + part(14, 16) * 60 + part(17, 19);
    let fraction = text.get(20..23).map_or(0, |text| text.parse().unwrap());
    seconds * 1_000 + fraction
}

/// Nine more decimals than any price has, moved as text.
fn scaled(value: &Value) -> i64 {
    let text = number(value);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{fraction:0<8}").parse().unwrap()
}

fn levels(name: &str, read: &[Level], expected: &Value) {
    let read = read.iter().map(|level| (level.price.0, level.quantity.0));
    let expected = expected.as_array().unwrap().iter();
    let expected = expected.map(|level| (scaled(&level[0]), scaled(&level[1])));
    let (read, expected): (Vec<_>, Vec<_>) = (read.collect(), expected.collect());
    assert_eq!(read, expected, "{name}");
}

fn raw_levels(name: &str, raw: RawLevels<'_>, symbol: &str, expected: &Value) {
    let mut read = Vec::new();
    raw.read_into(&instrument(symbol), &mut read)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    levels(name, &read, expected);
}

fn taker(buyer_is_maker: &Value) -> Side {
    if buyer_is_maker.as_bool().unwrap() {
        Side::Sell
    } else {
        Side::Buy
    }
}

/// Decimals of a step, by its text.
fn decimals(step: &Value) -> usize {
    let step = number(step);
    step.split_once('.')
        .map_or(0, |(_, fraction)| fraction.len())
}

pub(super) fn markets(name: &str, body: &str) {
    let expected = tree(body);
    let expected = expected.as_array().unwrap();
    let read = answered(&venue().instruments(), 200, body);
    let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(read.skipped.is_empty(), "{name}: {:?}", read.skipped);
    assert_eq!(read.instruments.len(), expected.len(), "{name}");
    for (read, one) in read.instruments.iter().zip(expected) {
        market(name, read, one);
    }
}

fn market(name: &str, read: &Instrument, one: &Value) {
    let name = &format!("{name} {}", one["symbol"]);
    let (base, quote) = (text(&one["baseSymbol"]), text(&one["quoteSymbol"]));
    let (kind, symbol) = match one["marketType"].as_str() {
        Some("SPOT") => (InstrumentKind::Spot, format!("{base}-{quote}")),
        Some("PERP") => (InstrumentKind::Perpetual, format!("{base}-{quote}-PERP")),
        other => panic!("{name}: no expectation for {other:?}"),
    };
    assert_eq!(read.venue_symbol.as_str(), text(&one["symbol"]), "{name}");
    assert_eq!(
        (read.kind, read.symbol.as_str()),
        (kind, &*symbol),
        "{name}"
    );
    assert_eq!(read.settle.as_str(), quote, "{name}");
    let (price, lot) = (&one["filters"]["price"], &one["filters"]["quantity"]);
    assert_eq!(
        read.tick_size.to_string(),
        number(&price["tickSize"]),
        "{name}"
    );
    assert_eq!(
        read.lot_size.to_string(),
        number(&lot["stepSize"]),
        "{name}"
    );
    assert_eq!(read.min_quantity.to_string(), number(&lot["minQuantity"]));
    assert!(lot["maxQuantity"].is_null(), "{name}: no expectation");
    assert_eq!(read.max_quantity.to_string(), "10000000000000000", "{name}");
    assert_eq!(
        shown(read.min_price),
        optional(&price["minPrice"]),
        "{name}"
    );
    assert_eq!(
        shown(read.max_price),
        optional(&price["maxPrice"]),
        "{name}"
    );
    let scales = (read.price_scale.into(), read.quantity_scale.into());
    let expected = (decimals(&price["tickSize"]), decimals(&lot["stepSize"]));
    assert_eq!(scales, expected, "F67: {name}");
    let collar = read.price_collar.unwrap();
    assert_eq!(
        collar.multiplier_up.to_string(),
        number(&price["maxMultiplier"])
    );
    assert_eq!(
        collar.multiplier_down.to_string(),
        number(&price["minMultiplier"])
    );
    assert_eq!(one["orderBookState"], "Open", "{name}: no expectation");
    assert_eq!(read.status, InstrumentStatus::Trading, "{name}");
}

pub(super) fn depth(name: &str, body: &str) {
    let expected = tree(body);
    let call = venue().depth(&instrument("SOL_USDC"), 1_000);
    let read = answered(&call, 200, body).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(
        read.last_update_id,
        millis(&expected["lastUpdateId"]),
        "{name}"
    );
    assert_eq!(read.venue_time, None, "{name}");
    levels(name, &read.bids, &expected["bids"]);
    levels(name, &read.asks, &expected["asks"]);
}

pub(super) fn trades(name: &str, body: &str) {
    let call = venue().trades(&instrument("ETH_USDC"), TradeQuery::Newest, 1_000);
    let read = answered(&call.unwrap(), 200, body);
    let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = tree(body);
    let expected = expected.as_array().unwrap();
    assert_eq!(read.len(), expected.len(), "{name}");
    // They come newest first.
    for (read, one) in read.iter().zip(expected.iter().rev()) {
        assert_eq!(read.trade_id.as_str(), text(&one["id"]), "{name}");
        assert_eq!(read.price.to_string(), number(&one["price"]), "{name}");
        assert_eq!(
            read.quantity.to_string(),
            number(&one["quantity"]),
            "{name}"
        );
        assert_eq!(read.venue_time.as_millis(), millis(&one["timestamp"]));
        assert_eq!(read.taker_side, taker(&one["isBuyerMaker"]), "{name}");
    }
}

pub(super) fn bars(name: &str, body: &str) {
    let query = BarQuery {
        interval: BarInterval::OneMinute,
        start: None,
        end: None,
        limit: 1_000,
    };
    let call = venue().bars(&instrument("ETH_USDC"), &query, now());
    let read = answered(&call, 200, body).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = tree(body);
    let expected = expected.as_array().unwrap();
    assert_eq!(read.len(), expected.len(), "{name}");
    for (bar, one) in read.iter().zip(expected) {
        assert_eq!(
            bar.open_time.as_millis(),
            date_millis(&one["start"]),
            "{name}"
        );
        assert_eq!(bar.end_time.as_millis(), date_millis(&one["end"]), "{name}");
        for (field, key) in [
            (bar.open, "open"),
            (bar.high, "high"),
            (bar.low, "low"),
            (bar.close, "close"),
            (bar.volume, "volume"),
            (bar.quote_volume, "quoteVolume"),
        ] {
            assert_eq!(field.to_string(), number(&one[key]), "{name} {key}");
        }
        assert_eq!(bar.trades, millis(&one["trades"]), "{name}");
        assert!(!bar.closed, "{name}: it ends after the time of the test");
    }
}

pub(super) fn ticker(name: &str, body: &str) {
    let one = tree(body);
    let call = venue().ticker(&instrument(one["symbol"].as_str().unwrap()));
    let read = answered(&call, 200, body).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (field, key) in [
        (read.last, "lastPrice"),
        (read.open, "firstPrice"),
        (read.high, "high"),
        (read.low, "low"),
        (Some(read.volume), "volume"),
        (Some(read.quote_volume), "quoteVolume"),
    ] {
        assert_eq!(shown(field), nonzero(&one[key]), "{name} {key}");
    }
    assert_eq!(read.venue_time, None, "{name}");
}

pub(super) fn failure(name: &str, body: &str) {
    let expected = tree(body);
    let error = answered(&venue().ticker(&instrument("SOL_USDC")), 400, body).unwrap_err();
    assert_eq!(error.venue_code, Some(text(&expected["code"])), "{name}");
    assert_eq!(error.detail, text(&expected["message"]), "{name}");
    assert_eq!(error.class, ErrorClass::Refused, "{name}");
}

pub(super) fn refused(name: &str, frame: &str) {
    let venue = venue();
    let read = venue.read_public(frame.as_bytes()).unwrap();
    let PublicFrame::Refused { id: None, error } = read else {
        panic!("{name}: {read:?}")
    };
    let expected = tree(frame);
    let code = text(&expected["error"]["code"]);
    assert_eq!(error.venue_code, Some(code), "{name}");
    assert_eq!(error.detail, text(&expected["error"]["message"]), "{name}");
}

/// A frame of any kind; a fragment is put back into its envelope.
pub(super) fn frame(name: &str, frame: &str) {
    let venue = venue();
    let bare = tree(frame);
    let whole = if bare["data"].is_object() {
        frame.to_owned()
    } else {
        format!("{{\"stream\":\"{}\",\"data\":{frame}}}", text(&bare["e"]))
    };
    let read = venue.read_public(whole.as_bytes());
    let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
    let whole = tree(&whole);
    let one = &whole["data"];
    let symbol = text(&one["s"]);
    match (one["e"].as_str().unwrap(), read) {
        ("depth", PublicFrame::Depth(read)) => {
            assert_eq!(read.symbol, symbol, "{name}");
            assert_eq!(read.first_update_id, millis(&one["U"]), "{name}");
            assert_eq!(read.last_update_id, millis(&one["u"]), "{name}");
            assert_eq!(read.previous_update_id, None, "{name}");
            let at = if one["T"].is_null() {
                &one["E"]
            } else {
                &one["T"]
            };
            assert_eq!(read.venue_time.as_millis(), micros(at), "{name}");
            raw_levels(name, read.bids, &symbol, &one["b"]);
            raw_levels(name, read.asks, &symbol, &one["a"]);
        }
        ("trade", PublicFrame::Trade(read)) => {
            assert_eq!(read.symbol, symbol, "{name}");
            assert_eq!(read.trade_id, millis(&one["t"]), "{name}");
            assert_eq!(read.price.to_string(), number(&one["p"]), "{name}");
            assert_eq!(read.quantity.to_string(), number(&one["q"]), "{name}");
            assert_eq!(read.venue_time.as_millis(), micros(&one["T"]), "{name}");
            assert_eq!(read.taker_side, taker(&one["m"]), "{name}");
            assert_eq!((read.on_book, read.aggregate), (true, false), "{name}");
        }
        ("ticker", PublicFrame::Ticker(read)) => {
            assert_eq!(read.symbol, symbol, "{name}");
            for (field, key) in [
                (read.last, "c"),
                (read.open, "o"),
                (read.high, "h"),
                (read.low, "l"),
                (Some(read.volume), "v"),
                (Some(read.quote_volume), "V"),
            ] {
                assert_eq!(shown(field), nonzero(&one[key]), "{name} {key}");
            }
            assert_eq!(read.venue_time.as_millis(), micros(&one["E"]), "{name}");
        }
        ("kline", PublicFrame::Bar(read)) => {
            assert_eq!(read.symbol, symbol, "{name}");
            let stream = format!("kline.{}.{symbol}", read.interval.as_str());
            assert_eq!(stream, text(&whole["stream"]), "{name}");
            assert_eq!(read.open_time.as_millis(), date_millis(&one["t"]), "{name}");
            assert_eq!(read.end_time.as_millis(), date_millis(&one["T"]), "{name}");
            for (field, key) in [
                (read.open, "o"),
                (read.high, "h"),
                (read.low, "l"),
                (read.close, "c"),
                (read.volume, "v"),
            ] {
                assert_eq!(field.to_string(), number(&one[key]), "{name} {key}");
            }
            assert_eq!((read.quote_volume, read.trades), (None, millis(&one["n"])));
            assert_eq!(read.closed, one["X"].as_bool().unwrap(), "{name}");
            assert_eq!(read.venue_time.as_millis(), micros(&one["E"]), "{name}");
        }
        (kind, read) => panic!("{name}: {kind} was read as {read:?}"),
    }
}
