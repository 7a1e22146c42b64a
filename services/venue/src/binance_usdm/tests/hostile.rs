//! Every reader against bytes that mean harm: errors, never panics.

use proptest::prelude::*;

use super::{answered, context, index, instrument, now, venue};
use crate::{AccountContext, BarQuery, FillQuery, NewOrder, OrderKey, OrderKind, TradeQuery};
use chimera_model::market::BarInterval;

/// Feeds bytes to every reader there is.
fn feed(bytes: &[u8]) {
    let (venue, context, sol) = (venue(), context(["SOLUSDT"]), instrument("SOLUSDT"));
    if let Ok(crate::PublicFrame::Depth(depth)) = venue.read_public(bytes) {
        let mut levels = Vec::new();
        let _ = depth.bids.read_into(&sol, &mut levels);
        let _ = depth.asks.read_into(&sol, &mut levels);
    }
    let _ = venue.read_private(&context, bytes);
    for status in [200, 400, 429, 503] {
        feed_answers(&context, status, bytes);
    }
}

fn feed_answers(context: &AccountContext, status: u16, bytes: &[u8]) {
    let (venue, sol) = (venue(), instrument("SOLUSDT"));
    let (interval, limit) = (BarInterval::OneMinute, 10);
    let bars = BarQuery {
        interval,
        start: None,
        end: None,
        limit,
    };
    let _ = answered(&venue.server_time(), status, bytes);
    let _ = answered(&venue.instruments(), status, bytes);
    let _ = answered(&venue.depth(&sol, 5), status, bytes);
    let _ = answered(&venue.quote(&sol), status, bytes);
    let _ = answered(&venue.ticker(&sol), status, bytes);
    let _ = answered(&venue.tickers(&context.instruments), status, bytes);
    let _ = answered(
        &venue.trades(&sol, TradeQuery::Newest, 1).unwrap(),
        status,
        bytes,
    );
    let _ = answered(
        &venue.trades(&sol, TradeQuery::Aggregates(None), 1).unwrap(),
        status,
        bytes,
    );
    let _ = answered(&venue.bars(&sol, &bars, now()), status, bytes);
    let _ = answered(&venue.open_orders(context, None), status, bytes);
    let fills = venue.fills(context, &sol, &FillQuery::Newest).unwrap();
    let _ = answered(&fills, status, bytes);
    let _ = answered(&venue.positions(context), status, bytes);
    let _ = answered(&venue.balances(context), status, bytes);
    let _ = answered(&venue.margin(context), status, bytes);
    let _ = answered(&venue.position_mode().unwrap(), status, bytes);
    let _ = answered(&venue.open_session().unwrap(), status, bytes);
    let key = OrderKey::Index(index(42));
    let _ = answered(&venue.cancel(context, &sol, &key).unwrap(), status, bytes);
    let _ = answered(
        &venue.order(context, &sol, &key, None).unwrap()[0],
        status,
        bytes,
    );
    let order = NewOrder {
        index: index(42),
        side: chimera_model::Side::Buy,
        quantity: super::decimal("1"),
        kind: OrderKind::Market,
        reduce_only: false,
    };
    let _ = answered(&venue.place(context, &sol, &order).unwrap(), status, bytes);
}

/// Texts that look like the real thing, to be bent.
const SEEDS: [&str; 9] = [
    r#"{"stream":"solusdt@depth","data":{"e":"depthUpdate","E":1,"T":1,"s":"SOLUSDT","U":1,
    "u":2,"pu":0,"b":[["1.5","2"],["1","0"]],"a":[["2.5","1"]]}}"#,
    r#"{"e":"bookTicker","u":1,"s":"SOLUSDT","b":"1.5","B":"2","a":"1.6","A":"3","T":1,"E":1}"#,
    r#"{"e":"trade","E":1,"T":1,"s":"SOLUSDT","t":5,"p":"1.5","q":"2","X":"MARKET","m":false}"#,
    r#"{"e":"ORDER_TRADE_UPDATE","E":1568879465652,"T":1568879465651,"o":{"s":"SOLUSDT",
    "c":"c1-42","S":"SELL","o":"LIMIT","f":"GTC","q":"1.5","p":"2","ap":"2","x":"TRADE",
    "X":"FILLED","i":8,"l":"0.5","z":"0.7","L":"2","N":"BNB","n":"-0.1","T":1568879465650,
    "t":1,"m":true,"R":false,"ps":"BOTH","rp":"1"}}"#,
    r#"{"e":"ACCOUNT_UPDATE","E":1564745798939,"T":1564745798938,"a":{"m":"ORDER",
    "B":[{"a":"USDT","wb":"1","cw":"1","bc":"-1"}],"P":[{"s":"SOLUSDT","pa":"1","ep":"2",
    "up":"3","mt":"cross","iw":"0","ps":"BOTH"}]}}"#,
    r#"{"orderId":2,"symbol":"SOLUSDT","status":"NEW","clientOrderId":"c1-42","price":"2",
    "avgPrice":"0","origQty":"1","executedQty":"0","timeInForce":"GTX","type":"LIMIT",
    "reduceOnly":false,"side":"SELL","updateTime":1625474304765}"#,
    r#"{"code":-2019,"msg":"Margin is insufficient."}"#,
    r#"{"serverTime":1565613908500,"rateLimits":[{"rateLimitType":"ORDERS","interval":"MINUTE",
    "intervalNum":1,"limit":9}],"symbols":[{"symbol":"SOLUSDT","contractType":"PERPETUAL",
    "status":"TRADING","baseAsset":"SOL","quoteAsset":"USDT","marginAsset":"USDT","filters":[
    {"filterType":"PRICE_FILTER","minPrice":"0.1","maxPrice":"9","tickSize":"0.1"},
    {"filterType":"LOT_SIZE","minQty":"1","maxQty":"9","stepSize":"1"}]}]}"#,
    r#"[[1499040000000,"1","2","0.5","1.5","9",1499644799999,"9",3,"4","5","0"]]"#,
];

/// What may stand where a value stood.
const VALUE: &str =
    "(-?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,5})?|null|true|\\[\\]|\\{\\}|\"\")";

#[test]
fn h056_nesting_and_size_are_no_way_in() {
    let (venue, context) = (venue(), context(["SOLUSDT"]));
    for nested in [
        "[",
        "{\"a\":",
        "{\"data\":",
        "{\"e\":\"depthUpdate\",\"b\":[",
    ] {
        feed(nested.repeat(5_000).as_bytes());
        let deep = nested.repeat(100_000);
        assert!(venue.read_public(deep.as_bytes()).is_err());
        assert!(venue.read_private(&context, deep.as_bytes()).is_err());
        assert!(answered(&venue.positions(&context), 200, deep).is_err());
    }
    let levels = format!("[{}]", vec!["[\"1\",\"1\"]"; 20_000].join(","));
    let many = format!(
        "{{\"e\":\"depthUpdate\",\"E\":1,\"s\":\"SOLUSDT\",\"U\":1,\"u\":1,\
         \"b\":{levels},\"a\":[]}}"
    );
    feed(many.as_bytes());
    feed("9".repeat(1 << 16).as_bytes());
    feed(b"\xff\xfe\x00");
    feed(b"{\"e\":\"trade\",\"s\":\"\xc3\x28\"}");
    feed("{\"e\":\"\\ud800\"}".as_bytes());
}

#[test]
fn f107_truncated_frames_are_errors() {
    for seed in SEEDS {
        for end in 0..seed.len() {
            let (venue, context) = (venue(), context(["SOLUSDT"]));
            assert!(
                venue.read_public(&seed.as_bytes()[..end]).is_err(),
                "{seed:.40} cut at {end}"
            );
            assert!(
                venue
                    .read_private(&context, &seed.as_bytes()[..end])
                    .is_err()
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn f107_no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        feed(&bytes);
    }

    #[test]
    fn h055_no_bent_frame_makes_a_reader_panic(
        seed in prop::sample::select(SEEDS.as_slice()),
        bends in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = seed.as_bytes().to_vec();
        for (at, byte) in bends {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        feed(&bytes);
    }

    #[test]
    fn h055_no_number_makes_a_reader_panic(
        seed in prop::sample::select(SEEDS.as_slice()),
        number in VALUE,
        nth in any::<prop::sample::Index>(),
    ) {
        let places: Vec<usize> = seed.match_indices(':').map(|(at, _)| at).collect();
        if places.is_empty() {
            return Ok(());
        }
        let at = places[nth.index(places.len())] + 1;
        let rest = &seed[at..];
        let end = rest.find([',', '}']).unwrap_or(rest.len());
        feed(format!("{}{number}{}", &seed[..at], &rest[end..]).as_bytes());
        feed(format!("{}\"{number}\"{}", &seed[..at], &rest[end..]).as_bytes());
    }
}
