//! What the venue says of its markets.

use chimera_model::UnixNanos;
use chimera_model::instrument::InstrumentStatus;
use chimera_model::market::BarInterval;

use super::{answered, instrument, now, venue};
use crate::error::ErrorClass;
use crate::{BarQuery, InstrumentList, TradeQuery, VenueAdapter};

const MARKET: &str = r#"{"symbol":"SOL_USDC_PERP","baseSymbol":"SOL","quoteSymbol":"USDC",
"marketType":"PERP","orderBookState":"Open","filters":{"price":{"minPrice":"0.01","maxPrice":null,
"tickSize":"0.01","maxMultiplier":"1.25","minMultiplier":"0.75"},"quantity":{"minQuantity":"0.01",
"maxQuantity":null,"stepSize":"0.01"}}}"#;

fn read(market: &str) -> InstrumentList {
    answered(&venue().instruments(), 200, format!("[{market}]")).unwrap()
}

#[test]
fn a_book_that_takes_some_orders_only_is_not_for_trading() {
    for (state, status) in [
        ("Open", InstrumentStatus::Trading),
        ("CancelOnly", InstrumentStatus::CancelOnly),
        ("Closed", InstrumentStatus::Closed),
        (
            "LimitOnly",
            InstrumentStatus::Unknown("LimitOnly".to_owned()),
        ),
        ("PostOnly", InstrumentStatus::Unknown("PostOnly".to_owned())),
    ] {
        let list = read(&MARKET.replace("\"Open\"", &format!("\"{state}\"")));
        assert_eq!(list.instruments[0].status, status, "{state}");
    }
}

#[test]
fn what_is_not_traded_here_or_makes_no_sense_is_skipped_and_named() {
    for (from, to) in [
        ("\"PERP\"", "\"IPERP\""),
        ("\"PERP\"", "\"DATED\""),
        ("\"tickSize\":\"0.01\"", "\"tickSize\":\"0\""),
        ("\"stepSize\":\"0.01\"", "\"stepSize\":\"-0.01\""),
        ("\"minQuantity\":\"0.01\"", "\"minQuantity\":\"-1\""),
    ] {
        let market = MARKET.replace(from, to);
        assert_ne!(market, MARKET);
        let list = read(&market);
        assert!(list.instruments.is_empty(), "{to}");
        assert_eq!(list.skipped.len(), 1, "{to}");
    }
}

#[test]
fn a_ticker_of_something_else_is_no_answer() {
    let ticker = |symbol: &str| {
        format!(
            "{{\"symbol\":\"{symbol}\",\"firstPrice\":\"1\",\"lastPrice\":\"2\",\"high\":\"3\",\
             \"low\":\"1\",\"volume\":\"5\",\"quoteVolume\":\"9\"}}"
        )
    };
    let call = venue().ticker(&instrument("SOL_USDC"));
    assert!(answered(&call, 200, ticker("SOL_USDC")).is_ok());
    let error = answered(&call, 200, ticker("ETH_USDC")).unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreadable);
}

#[test]
fn a_trade_without_an_id_or_with_zero_is_left_out_and_one_below_zero_is_refused() {
    let read = |id: &str| {
        let trade = |id: &str| {
            format!(
                "{{\"id\":{id},\"price\":\"1626.15\",\"quantity\":\"0.03\",\
                 \"timestamp\":1781067801978,\"isBuyerMaker\":true}}"
            )
        };
        let call = venue().trades(&instrument("SOL_USDC"), TradeQuery::Newest, 10);
        let body = format!("[{},{}]", trade(id), trade("7"));
        answered(&call.unwrap(), 200, body).map(|trades| {
            let ids = trades.iter().map(|trade| trade.trade_id.to_string());
            ids.collect::<Vec<_>>()
        })
    };
    assert_eq!(read("8").unwrap(), ["7", "8"]);
    assert_eq!(read("0").unwrap(), ["7"]);
    assert_eq!(read("null").unwrap(), ["7"]);
    assert_eq!(read("-8").unwrap_err().class, ErrorClass::Unreadable);
}

#[test]
fn bars_outside_the_span_that_was_asked_for_are_left_out() {
    let bar = |minute: u32| {
        let end = minute + 1;
        format!(
            "{{\"start\":\"2025-09-11 15:{minute}:00\",\"end\":\"2025-09-11 15:{end}:00\",\
             \"open\":\"1\",\"high\":\"1\",\"low\":\"1\",\"close\":\"1\",\"volume\":\"1\",\
             \"quoteVolume\":\"1\",\"trades\":\"2\"}}"
        )
    };
    // 15:31 to 15:33 of that day.
    let at = |seconds: i64| UnixNanos::from_millis(seconds * 1_000).unwrap();
    let query = BarQuery {
        interval: BarInterval::OneMinute,
        start: Some(at(1_757_604_660)),
        end: Some(at(1_757_604_780)),
        limit: 10,
    };
    let call = venue().bars(&instrument("SOL_USDC"), &query, now());
    let body = [30, 31, 32, 33].map(bar).join(",");
    let bars = answered(&call, 200, format!("[{body}]")).unwrap();
    let opened: Vec<_> = bars.iter().map(|bar| bar.open_time).collect();
    assert_eq!(opened, [at(1_757_604_660), at(1_757_604_720)]);
}
