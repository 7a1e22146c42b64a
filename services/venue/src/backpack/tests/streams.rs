//! Addresses, subscriptions and what the public streams say.

use std::collections::HashSet;

use chimera_model::VenueSymbol;
use chimera_model::market::BarInterval;

use super::{decimal, instrument, venue};
use crate::error::ErrorClass;
use crate::{Channel, PublicFrame, StreamPlan, Topic, VenueAdapter};

fn topic(symbol: &str, channel: Channel) -> Topic {
    Topic {
        symbol: VenueSymbol::new(symbol).unwrap(),
        channel,
    }
}

fn plans(topics: &[Topic]) -> Vec<StreamPlan> {
    venue().public_streams(topics).unwrap()
}

#[test]
fn all_topics_go_to_one_address_by_the_venue_s_names() {
    let channels = [
        Channel::Depth,
        Channel::Quote,
        Channel::Trades,
        Channel::Bars(BarInterval::OneMinute),
        Channel::Ticker,
        Channel::MarkPrice,
    ];
    let topics = channels.map(|channel| topic("SOL_USDC_PERP", channel));
    let plans = plans(&topics);
    assert_eq!(plans.len(), 1);
    assert_eq!(
        plans[0].url.expose().as_str(),
        "wss://ws.backpack.exchange/"
    );
    assert_eq!(
        plans[0].frames[0].text,
        "{\"method\":\"SUBSCRIBE\",\"params\":[\"depth.SOL_USDC_PERP\",\
         \"bookTicker.SOL_USDC_PERP\",\"trade.SOL_USDC_PERP\",\"kline.1m.SOL_USDC_PERP\",\
         \"ticker.SOL_USDC_PERP\",\"markPrice.SOL_USDC_PERP\"]}",
    );
    let aggregates = topic("SOL_USDC", Channel::AggregateTrades);
    let error = venue().public_streams(&[aggregates]).unwrap_err();
    assert_eq!(error.class, ErrorClass::NotBuilt);
}

#[test]
fn f093_many_topics_are_spread_over_connections_and_none_is_lost_or_doubled() {
    let mut topics: Vec<Topic> = (0..450)
        .map(|number| topic(&format!("COIN{number}_USDC"), Channel::Depth))
        .collect();
    topics.extend(topics.clone());
    let plans = plans(&topics);
    let rules = *venue().stream_rules();
    assert_eq!(plans.len(), 3);
    let mut seen = HashSet::new();
    for plan in &plans {
        let mut count = 0;
        for frame in &plan.frames {
            count += frame.topics.len();
            for topic in &frame.topics {
                assert!(seen.insert(topic.clone()), "F94: {topic:?} twice");
            }
        }
        assert!(count <= rules.topics_max);
    }
    assert_eq!(seen.len(), 450);
}

#[test]
fn a_frame_is_bounded_and_never_empty() {
    let venue = venue();
    let depth = topic("SOL_USDC", Channel::Depth);
    let frame = venue.unsubscribe(9, std::slice::from_ref(&depth));
    let text = "{\"method\":\"UNSUBSCRIBE\",\"params\":[\"depth.SOL_USDC\"]}";
    assert_eq!(frame.unwrap().text, text);
    assert!(venue.subscribe(1, &[]).is_err());
    assert!(venue.subscribe(1, &vec![depth; 101]).is_err());
}

#[test]
fn f097_a_refusal_names_no_request() {
    let venue = venue();
    let text = b"{\"id\":null,\"error\":{\"code\":4006,\"message\":\"Invalid stream\"}}";
    let read = venue.read_public(text).unwrap();
    let PublicFrame::Refused { id: None, error } = read else {
        panic!("{read:?}")
    };
    assert_eq!(error.venue_code.as_deref(), Some("4006"));
    assert_eq!(error.detail, "Invalid stream");
}

#[test]
fn f109_unknown_kinds_are_data_and_not_errors() {
    let venue = venue();
    for (text, name) in [
        (
            "{\"stream\":\"a\",\"data\":{\"e\":\"somethingNew\",\"x\":{\"y\":[1]}}}",
            "somethingNew",
        ),
        (
            "{\"stream\":\"liquidation\",\"data\":{\"e\":\"liquidation\"}}",
            "liquidation",
        ),
        (
            "{\"stream\":\"openInterest.X\",\"data\":{\"o\":\"1\",\"e\":\"openInterest\"}}",
            "openInterest",
        ),
        ("{\"stream\":\"a.b\",\"data\":{\"z\":1}}", ""),
        ("{}", ""),
    ] {
        let read = venue.read_public(text.as_bytes());
        assert_eq!(read, Ok(PublicFrame::Ignored { kind: name }), "{text}");
    }
    let bar = "{\"stream\":\"kline.3month.X\",\"data\":{\"e\":\"kline\",\"E\":1,\"s\":\"X\",\
               \"t\":\"2025-08-06T22:00:00\",\"T\":\"2025-08-07T00:00:00\",\"o\":\"1\",\
               \"c\":\"1\",\"h\":\"1\",\"l\":\"1\",\"v\":\"1\",\"n\":1,\"X\":false}}";
    let read = venue.read_public(bar.as_bytes());
    assert_eq!(read, Ok(PublicFrame::Ignored { kind: "kline" }));
    // A name in escapes may be one that is known: it is refused, never passed over.
    let escaped = "{\"stream\":\"trade.X\",\"data\":{\"e\":\"tr\\u0061de\"}}";
    let error = venue.read_public(escaped.as_bytes()).unwrap_err();
    assert_eq!(error.class, ErrorClass::Unreadable);
}

#[test]
fn f109_new_fields_and_odd_order_do_not_matter() {
    let text = "{\"data\":{\"x9\":[{\"e\":\"trade\"}],\"m\":true,\"q\":\"0.5\",\
                \"p\":\"20.1\",\"t\":5,\"s\":\"SOL_USDC\",\"T\":1694688638089999,\"E\":1,\
                \"e\":\"trade\",\"st\":1},\"stream\":\"trade.SOL_USDC\"}";
    let venue = venue();
    let frame = venue.read_public(text.as_bytes()).unwrap();
    let PublicFrame::Trade(trade) = frame else {
        panic!("{frame:?}")
    };
    assert_eq!((trade.symbol, trade.trade_id), ("SOL_USDC", 5));
    assert_eq!(trade.price, decimal("20.1"));
    assert_eq!(trade.quantity, decimal("0.5"));
    assert_eq!(
        trade.venue_time.as_millis(),
        1_694_688_638_089,
        "microseconds"
    );
}

/// Such trades met outside the book and belong to no sequence; until 2025-11-12 they bore zero.
#[test]
fn a_trade_without_an_id_is_passed_over() {
    let venue = venue();
    for id in ["", "\"t\":null,", "\"t\":0,"] {
        let text = format!(
            "{{\"stream\":\"trade.SOL_USDC\",\"data\":{{\"e\":\"trade\",\"E\":1,{id}\
             \"s\":\"SOL_USDC\",\"p\":\"1\",\"q\":\"1\",\"T\":1694688638089000,\"m\":true}}}}"
        );
        let read = venue.read_public(text.as_bytes());
        assert_eq!(read, Ok(PublicFrame::Ignored { kind: "trade" }), "{id}");
    }
}

#[test]
fn f075_a_side_without_price_or_quantity_is_no_price() {
    let text = "{\"stream\":\"bookTicker.X\",\"data\":{\"e\":\"bookTicker\",\"E\":1,\"s\":\"X\",\
                \"a\":\"5.1\",\"A\":\"2\",\"u\":\"1\",\"T\":1694687965940999}}";
    let venue = venue();
    for text in [
        text.to_owned(),
        text.replace("\"a\":", "\"b\":\"0.00\",\"B\":\"0\",\"a\":"),
        text.replace("\"a\":", "\"b\":\"4.9\",\"B\":\"0\",\"a\":"),
        text.replace("\"a\":", "\"b\":null,\"B\":null,\"a\":"),
    ] {
        let frame = venue.read_public(text.as_bytes()).unwrap();
        let PublicFrame::Quote(quote) = frame else {
            panic!("{frame:?}")
        };
        assert!(quote.bid.is_none(), "{text}");
        assert_eq!(quote.ask.map(|ask| ask.price), Some(decimal("5.1")));
    }
}

#[test]
fn f068_a_level_with_more_decimals_than_the_instrument_is_refused() {
    let text = "{\"stream\":\"depth.SOL_USDC\",\"data\":{\"e\":\"depth\",\"E\":1,\"T\":1,\
                \"s\":\"SOL_USDC\",\"U\":1,\"u\":1,\"b\":[[\"20.123\",\"1.0\"]],\"a\":[]}}";
    let venue = venue();
    let frame = venue.read_public(text.as_bytes()).unwrap();
    let PublicFrame::Depth(depth) = frame else {
        panic!("{frame:?}")
    };
    let mut coarse = instrument("SOL_USDC");
    coarse.price_scale = 2;
    let mut levels = Vec::new();
    assert!(depth.bids.read_into(&coarse, &mut levels).is_err());
    coarse.price_scale = 3;
    levels.clear();
    depth.bids.read_into(&coarse, &mut levels).unwrap();
    assert_eq!(levels[0].price.0, 20_123);
    assert_eq!(levels[0].quantity.0, 100_000_000);
}

/// `U` follows the last `u`; the first frame holds the snapshot's next (section `Depth`).
#[test]
fn f080_a_frame_left_out_is_found_at_once() {
    use chimera_model::book::{BookState, BookSync, Delta, SyncOutcome};
    let frame = |first: u64, last: u64| Delta {
        first_update_id: first,
        last_update_id: last,
        previous_update_id: None,
        bids: &[],
        asks: &[],
        venue_time: None,
    };
    let mut book = BookSync::new(venue().sequence_rule(), 0);
    assert_eq!(book.on_delta(&frame(8, 9)), SyncOutcome::Buffered);
    assert_eq!(book.on_delta(&frame(10, 12)), SyncOutcome::Buffered);
    let body = "{\"lastUpdateId\":\"10\",\"timestamp\":1694687965941000,\
                \"bids\":[[\"1\",\"1\"],[\"2\",\"1\"]],\"asks\":[[\"3\",\"1\"],[\"4\",\"1\"]]}";
    let call = venue().depth(&instrument("SOL_USDC"), 5);
    let snapshot = super::answered(&call, 200, body).unwrap();
    assert!(
        snapshot.bids[0].price.0 > snapshot.bids[1].price.0,
        "best first"
    );
    assert_eq!(
        book.on_snapshot(&snapshot.as_snapshot()),
        SyncOutcome::Updated
    );
    assert_eq!(book.on_delta(&frame(13, 13)), SyncOutcome::Updated);
    // Number 14 is left out.
    assert!(matches!(
        book.on_delta(&frame(15, 15)),
        SyncOutcome::NeedSnapshot(_)
    ));
    assert!(matches!(book.book().state(), BookState::Stale(_)));
}
