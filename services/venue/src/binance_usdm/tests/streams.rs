//! Addresses, subscriptions and what the public streams say.

use std::collections::HashSet;

use chimera_model::VenueSymbol;
use chimera_model::market::BarInterval;

use super::{decimal, instrument, venue};
use crate::error::ErrorClass;
use crate::{Channel, Credentials, PublicFrame, SessionKey, StreamPlan, Topic};

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
fn topics_go_to_the_root_that_serves_them() {
    let channels = [
        Channel::Depth,
        Channel::Quote,
        Channel::Trades,
        Channel::AggregateTrades,
        Channel::Bars(BarInterval::OneMinute),
        Channel::Ticker,
        Channel::MarkPrice,
    ];
    let topics: Vec<Topic> = channels
        .iter()
        .map(|channel| topic("SOLUSDT", *channel))
        .collect();
    let plans = plans(&topics);
    let addresses: Vec<&str> = plans
        .iter()
        .map(|plan| plan.url.expose().as_str())
        .collect();
    let roots = [
        "wss://fstream.binance.com/public/ws",
        "wss://fstream.binance.com/market/ws",
    ];
    assert_eq!(addresses, roots);
    assert_eq!(
        plans[0].frames[0].text,
        "{\"method\":\"SUBSCRIBE\",\"params\":[\"solusdt@depth@100ms\",\"solusdt@bookTicker\",\
         \"solusdt@trade\"],\"id\":1}",
    );
    assert_eq!(
        plans[1].frames[0].text,
        "{\"method\":\"SUBSCRIBE\",\"params\":[\"solusdt@aggTrade\",\"solusdt@kline_1m\",\
         \"solusdt@ticker\",\"solusdt@markPrice@1s\"],\"id\":1}",
    );
}

#[test]
fn f093_many_topics_are_spread_over_connections_and_none_is_lost_or_doubled() {
    let mut topics: Vec<Topic> = (0..450)
        .map(|number| topic(&format!("COIN{number}USDT"), Channel::Depth))
        .collect();
    topics.extend(topics.clone());
    let plans = plans(&topics);
    let rules = *venue().stream_rules();
    assert_eq!(plans.len(), 3);
    let mut seen = HashSet::new();
    for plan in &plans {
        let mut ids = HashSet::new();
        let mut count = 0;
        for frame in &plan.frames {
            assert!(ids.insert(frame.id), "an id twice on one connection");
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
fn a_frame_is_for_one_connection_and_bounded() {
    let venue = venue();
    let (depth, ticker) = (
        topic("SOLUSDT", Channel::Depth),
        topic("SOLUSDT", Channel::Ticker),
    );
    let frame = venue.unsubscribe(9, std::slice::from_ref(&depth)).unwrap();
    let text = "{\"method\":\"UNSUBSCRIBE\",\"params\":[\"solusdt@depth@100ms\"],\"id\":9}";
    assert_eq!((frame.id, frame.text.as_str()), (9, text));
    assert!(venue.subscribe(1, &[]).is_err());
    assert!(venue.subscribe(1, &[depth.clone(), ticker]).is_err());
    assert!(venue.subscribe(1, &vec![depth; 101]).is_err());
}

#[test]
fn the_private_stream_needs_nothing_but_its_key() {
    let (session, credentials) = (SessionKey::new("a&b=c"), Credentials::new("k", "s"));
    let plan = venue()
        .private_stream(&super::access(&session, &credentials))
        .unwrap();
    let address = "wss://fstream.binance.com/private/ws?listenKey=a%26b%3Dc";
    assert_eq!(plan.url.expose().as_str(), address);
    assert!(plan.frames.is_empty());
}

#[test]
fn f097_confirmations_and_refusals_bear_the_id_of_the_request() {
    let venue = venue();
    let read = |text: &'static str| venue.read_public(text.as_bytes()).unwrap();
    assert_eq!(
        read("{\"result\":null,\"id\":7}"),
        PublicFrame::Confirmed { id: 7 }
    );
    assert_eq!(
        read("{\"id\":7,\"result\":[]}"),
        PublicFrame::Confirmed { id: 7 }
    );
    let refused = read("{\"id\":7,\"error\":{\"code\":2,\"msg\":\"Invalid request\"}}");
    let PublicFrame::Refused { id: Some(7), error } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(error.venue_code.as_deref(), Some("2"));
    let refused = read("{\"code\":-1121,\"msg\":\"Invalid symbol.\",\"id\":7}");
    let PublicFrame::Refused { error, .. } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(error.class, ErrorClass::InstrumentUnavailable);
    assert_eq!(read("{\"id\":7}"), PublicFrame::Ignored { kind: "" });
}

#[test]
fn f101_a_shutdown_notice_is_known_in_both_forms() {
    let venue = venue();
    for text in [
        "{\"e\":\"serverShutdown\",\"E\":1770123456789}",
        "{\"stream\":\"!serverShutdown\",\"data\":{\"e\":\"serverShutdown\",\"E\":1770123456789}}",
    ] {
        assert_eq!(
            venue.read_public(text.as_bytes()),
            Ok(PublicFrame::Shutdown)
        );
    }
}

#[test]
fn f109_unknown_kinds_are_data_and_not_errors() {
    let venue = venue();
    for (text, name) in [
        ("{\"e\":\"somethingNew\",\"x\":{\"y\":[1]}}", "somethingNew"),
        (
            "{\"stream\":\"a@b\",\"data\":{\"e\":\"forceOrder\",\"o\":{}}}",
            "forceOrder",
        ),
        ("{\"stream\":\"a@b\",\"data\":{\"z\":1}}", ""),
        ("{}", ""),
    ] {
        assert_eq!(
            venue.read_public(text.as_bytes()),
            Ok(PublicFrame::Ignored { kind: name })
        );
    }
    let bar = "{\"e\":\"kline\",\"E\":1638747660000,\"s\":\"X\",\
               \"k\":{\"t\":1638747660000,\"i\":\"3M\",\
               \"o\":\"1\",\"c\":\"1\",\"h\":\"1\",\"l\":\"1\",\"v\":\"1\",\"n\":1,\"x\":false,\
               \"q\":\"1\",\"V\":\"1\",\"Q\":\"1\"}}";
    assert_eq!(
        venue.read_public(bar.as_bytes()),
        Ok(PublicFrame::Ignored { kind: "kline" })
    );
}

#[test]
fn f109_new_fields_and_odd_order_do_not_matter() {
    let text = "{\"data\":{\"x9\":[{\"e\":\"trade\"}],\"m\":true,\"q\":\"0.5\",\
                \"p\":\"20.1\",\"t\":5,\
                \"s\":\"SOLUSDT\",\"T\":1723161256322,\"E\":1723161256322,\"X\":\"ADL\",\
                \"e\":\"trade\",\"ps\":\"SOLUSDT\",\"st\":1},\"stream\":\"solusdt@trade\"}";
    let venue = venue();
    let frame = venue.read_public(text.as_bytes()).unwrap();
    let PublicFrame::Trade(trade) = frame else {
        panic!("{frame:?}")
    };
    assert_eq!(
        (trade.symbol, trade.trade_id, trade.on_book),
        ("SOLUSDT", 5, false)
    );
    assert_eq!(
        (trade.price, trade.quantity),
        (decimal("20.1"), decimal("0.5"))
    );
}

#[test]
fn f075_a_side_without_price_or_quantity_is_no_price() {
    let text = "{\"e\":\"bookTicker\",\"u\":1,\"s\":\"X\",\"b\":\"0.00\",\"B\":\"0\",\"a\":\"5.1\",\
                \"A\":\"2\",\"T\":1568014460891,\"E\":1568014460893}";
    let venue = venue();
    let frame = venue.read_public(text.as_bytes()).unwrap();
    let PublicFrame::Quote(quote) = frame else {
        panic!("{frame:?}")
    };
    assert!(quote.bid.is_none());
    assert_eq!(quote.ask.map(|ask| ask.price), Some(decimal("5.1")));
}

#[test]
fn f068_a_level_with_more_decimals_than_the_instrument_is_refused() {
    let text = "{\"e\":\"depthUpdate\",\"E\":1,\"T\":1,\"s\":\"X\",\"U\":1,\"u\":1,\"pu\":0,\
                \"b\":[[\"20.123\",\"1.0\"]],\"a\":[]}";
    let venue = venue();
    let frame = venue.read_public(text.as_bytes()).unwrap();
    let PublicFrame::Depth(depth) = frame else {
        panic!("{frame:?}")
    };
    let mut coarse = instrument("X");
    coarse.price_scale = 2;
    let mut levels = Vec::new();
    assert!(depth.bids.read_into(&coarse, &mut levels).is_err());
    coarse.price_scale = 3;
    levels.clear();
    depth.bids.read_into(&coarse, &mut levels).unwrap();
    assert_eq!(
        (levels[0].price.0, levels[0].quantity.0),
        (20_123, 100_000_000)
    );
}
