//! The history of fills: what is new in it, and whether it is whole.

use chimera_model::{TradeId, UnixNanos};

use super::{PERP, answered, context, instrument, venue};
use crate::error::ErrorClass;
use crate::{FillQuery, Page, VenueAdapter};

pub(super) const FILL: &str = r#"{"tradeId":2888471,"orderId":"5406825793","clientId":"2147483690",
"symbol":"SOL_USDC_PERP","side":"Ask","price":"20.12","quantity":"0.50","fee":"-0.0001",
"feeSymbol":"USDC","isMaker":true,"systemOrderType":null,"timestamp":"2025-08-11T19:05:10.174"}"#;

pub(super) fn fills(query: &FillQuery, body: &str) -> Page<chimera_model::report::Fill> {
    let (venue, context, sol) = (venue(), context([PERP]), instrument(PERP));
    let call = venue.fills(&context, &sol, query).unwrap();
    answered(&call, 200, body).unwrap()
}

#[test]
fn f042_fills_without_an_id_do_not_hide_each_other() {
    let without = FILL.replace("\"tradeId\":2888471", "\"tradeId\":0");
    let other_order = without.replace("5406825793", "5406825794");
    let other_price = without.replace("20.12", "20.13");
    let body = format!("[{without},{other_order},{other_price}]");
    let read = fills(&FillQuery::Newest, &body).list.items;
    let ids: std::collections::HashSet<_> = read.iter().map(|fill| &fill.trade_id).collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn h055_history_of_fills_that_make_no_sense_is_refused() {
    let (venue, context, sol) = (venue(), context([PERP]), instrument(PERP));
    let call = venue.fills(&context, &sol, &FillQuery::Newest).unwrap();
    for (from, to) in [
        ("\"price\":\"20.12\"", "\"price\":\"0\""),
        ("\"price\":\"20.12\"", "\"price\":\"-20.12\""),
        ("\"quantity\":\"0.50\"", "\"quantity\":\"0\""),
        ("\"quantity\":\"0.50\"", "\"quantity\":\"-0.50\""),
    ] {
        let body = FILL.replace(from, to);
        assert_ne!(body, FILL);
        let error = answered(&call, 200, format!("[{body}]")).unwrap_err();
        assert_eq!(error.class, ErrorClass::Unreadable, "{to}");
    }
}

fn after(trade: &str, at_millis: i64) -> FillQuery {
    FillQuery::After {
        trade: TradeId::new(trade).unwrap(),
        since: UnixNanos::from_millis(at_millis).ok(),
    }
}

/// The venue finds by time: what comes back with the known fill is not told again, and nothing
/// that came after it is lost.
#[test]
fn f039_what_is_already_known_is_not_told_again_and_what_is_new_is() {
    let at = 1_754_939_110_174;
    let fill = |id: u64, time: &str| {
        let text = FILL.replace("2888471", &id.to_string());
        text.replace("2025-08-11T19:05:10.174", time)
    };
    let body = [
        fill(2_888_473, "2025-08-11T19:05:10.174"),
        fill(2_888_470, "2025-08-11T19:05:10.174"),
        fill(2_888_471, "2025-08-11T19:05:10.174"),
        fill(2_888_474, "2025-08-11T19:05:10.900"),
        fill(2_888_472, "2025-08-11T19:05:10.174"),
    ];
    let body = format!("[{}]", body.join(","));
    let read = fills(&after("2888471", at), &body).list.items;
    let ids: Vec<&str> = read.iter().map(|fill| fill.trade_id.as_str()).collect();
    assert_eq!(ids, ["2888472", "2888473", "2888474"]);
    // A lower id at a later time is news: ids need not rise.
    let later = fill(2_888_470, "2025-08-11T19:05:10.175");
    let read = fills(&after("2888471", at), &format!("[{later}]"));
    assert_eq!(read.list.items.len(), 1);
    // Without ids to compare only the known one is left out.
    let read = fills(&after("x/1", at), &body).list.items;
    assert_eq!(read.len(), 5);
}

/// Without a time the newest page must reach back to the known fill, or nothing is said.
#[test]
fn f039_fills_after_a_trade_without_its_time_are_all_of_them_or_an_error() {
    let query = |trade: &str| FillQuery::After {
        trade: TradeId::new(trade).unwrap(),
        since: None,
    };
    let page = |ids: std::ops::Range<u64>| {
        let fills = ids.rev().map(|id| FILL.replace("2888471", &id.to_string()));
        format!("[{}]", fills.collect::<Vec<_>>().join(","))
    };
    let read = fills(&query("3"), &page(1..6));
    let ids: Vec<_> = read
        .list
        .items
        .iter()
        .map(|fill| fill.trade_id.as_str())
        .collect();
    assert_eq!((ids.as_slice(), read.more), (&["4", "5"][..], false));
    // A short page holds all there is, whether or not the known one is in it.
    assert_eq!(fills(&query("3"), &page(5..8)).list.items.len(), 3);
    // A full one that reaches back to it, too.
    assert_eq!(
        fills(&query("500"), &page(500..1_500)).list.items.len(),
        999
    );
    let (venue, context, sol) = (venue(), context([PERP]), instrument(PERP));
    let call = venue.fills(&context, &sol, &query("499")).unwrap();
    let error = answered(&call, 200, page(500..1_500)).unwrap_err();
    assert_eq!(
        error.class,
        ErrorClass::Unreadable,
        "what lies between is not known"
    );
}

#[test]
fn a_full_page_of_fills_may_have_a_next_one() {
    let full = format!("[{}]", vec![FILL; 1_000].join(","));
    let query = after("5", 1_569_514_978_020);
    assert!(fills(&query, &full).more);
    assert!(!fills(&FillQuery::Newest, &full).more);
    let page = fills(&query, &format!("[{FILL}]"));
    assert_eq!((page.list.items.len(), page.more), (1, false));
}

#[test]
fn f087_the_newest_fill_tells_when_the_account_last_changed() {
    let call = venue().last_change(&context([]));
    assert_eq!(answered(&call, 200, "[]"), Ok(None));
    let at = answered(&call, 200, format!("[{FILL}]")).unwrap().unwrap();
    assert_eq!(at.as_millis(), 1_754_939_110_174);
}
