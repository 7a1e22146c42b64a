//! Every reader against bytes that mean harm: errors, never panics.

use chimera_model::Side;
use chimera_model::market::BarInterval;
use proptest::prelude::*;

use super::{answered, context, decimal, index, instrument, now, venue};
use crate::{
    AccountContext, BarQuery, FillQuery, NewOrder, OrderKey, OrderKind, TradeQuery, VenueAdapter,
};

/// Feeds bytes to every reader there is.
fn feed(bytes: &[u8]) {
    let (venue, context, sol) = (venue(), context(["SOL_USDC"]), instrument("SOL_USDC"));
    if let Ok(crate::PublicFrame::Depth(depth)) = venue.read_public(bytes) {
        let mut levels = Vec::new();
        let _ = depth.bids.read_into(&sol, &mut levels);
        let _ = depth.asks.read_into(&sol, &mut levels);
    }
    let _ = venue.read_private(&context, bytes);
    for status in [200, 202, 400, 429, 503] {
        feed_answers(&context, status, bytes);
    }
}

fn feed_answers(context: &AccountContext, status: u16, bytes: &[u8]) {
    let (venue, sol) = (venue(), instrument("SOL_USDC"));
    let bars = BarQuery {
        interval: BarInterval::OneMinute,
        start: None,
        end: None,
        limit: 10,
    };
    let _ = answered(&venue.server_time(), status, bytes);
    let _ = answered(&venue.instruments(), status, bytes);
    let _ = answered(&venue.depth(&sol, 5), status, bytes);
    let _ = answered(&venue.quote(&sol), status, bytes);
    let _ = answered(&venue.ticker(&sol), status, bytes);
    let _ = answered(&venue.tickers(&context.instruments), status, bytes);
    let trades = venue.trades(&sol, TradeQuery::Newest, 1).unwrap();
    let _ = answered(&trades, status, bytes);
    let _ = answered(&venue.bars(&sol, &bars, now()), status, bytes);
    let _ = answered(&venue.open_orders(context, None), status, bytes);
    let fills = venue.fills(context, &sol, &FillQuery::Newest).unwrap();
    let _ = answered(&fills, status, bytes);
    let _ = answered(&venue.last_change(context), status, bytes);
    let _ = answered(&venue.positions(context), status, bytes);
    let _ = answered(&venue.balances(context), status, bytes);
    let _ = answered(&venue.margin(context), status, bytes);
    let key = OrderKey::Index(index(42));
    let _ = answered(&venue.cancel(context, &sol, &key).unwrap(), status, bytes);
    for place in venue.order(context, &sol, &key, None).unwrap() {
        let _ = answered(&place, status, bytes);
    }
    let order = NewOrder {
        index: index(42),
        side: Side::Buy,
        quantity: decimal("1"),
        kind: OrderKind::Market,
        reduce_only: false,
    };
    let _ = answered(&venue.place(context, &sol, &order).unwrap(), status, bytes);
}

/// Texts that look like the real thing, to be bent.
const SEEDS: [&str; 11] = [
    r#"{"stream":"depth.SOL_USDC","data":{"e":"depth","E":1,"T":1,"s":"SOL_USDC","U":1,
    "u":2,"b":[["1.5","2"],["1","0"]],"a":[["2.5","1"]]}}"#,
    r#"{"stream":"bookTicker.SOL_USDC","data":{"e":"bookTicker","u":"1","s":"SOL_USDC","b":"1.5",
    "B":"2","a":"1.6","A":"3","T":1,"E":1}}"#,
    r#"{"stream":"kline.1m.SOL_USDC","data":{"e":"kline","E":1694687692980000,"s":"SOL_USDC",
    "t":"2024-09-11T12:00:00","T":"2024-09-11T12:01:00","o":"1","c":"1","h":"1","l":"1","v":"3",
    "n":9,"X":false}}"#,
    r#"{"stream":"account.orderUpdate","data":{"e":"orderFill","E":1754939110175879,
    "T":1754939110174705,"s":"SOL_USDC","c":2147483690,"S":"Ask","o":"LIMIT","f":"GTC","q":"1.5",
    "p":"2","X":"PartiallyFilled","i":"8","t":1,"l":"0.5","L":"2","z":"0.7","Z":"1.4","m":true,
    "n":"-0.1","N":"USDC","r":false,"O":"USER","V":"RejectTaker","y":true}}"#,
    r#"{"stream":"account.positionUpdate","data":{"e":"positionOpened","E":1754943862040486,
    "T":1754943862040487,"s":"SOL_USDC","q":"0.001","B":"4236.36","M":"4235.8","P":"-0.1"}}"#,
    r#"{"id":"8284671277","clientId":2147483690,"createdAt":1757621458290,"symbol":"SOL_USDC",
    "side":"Bid","orderType":"Limit","timeInForce":"GTC","postOnly":false,"reduceOnly":null,
    "price":"4000","quantity":"0.001","executedQuantity":"0","executedQuoteQuantity":"0",
    "status":"New","selfTradePrevention":"RejectTaker"}"#,
    r#"[{"tradeId":9748827,"orderId":"4238907375","clientId":null,"symbol":"SOL_USDC",
    "side":"Bid","price":"3826.15","quantity":"0.0026","fee":"0.004974","feeSymbol":"USDC",
    "isMaker":false,"systemOrderType":null,"timestamp":"2025-07-27T17:39:00.092"}]"#,
    r#"{"code":"INSUFFICIENT_MARGIN","message":"Insufficient margin"}"#,
    r#"[{"symbol":"SOL_USDC","baseSymbol":"SOL","quoteSymbol":"USDC","marketType":"SPOT",
    "orderBookState":"Open","filters":{"price":{"minPrice":"0.01","maxPrice":null,
    "tickSize":"0.01","maxMultiplier":"1.25","minMultiplier":"0.75"},
    "quantity":{"minQuantity":"0.01","maxQuantity":null,"stepSize":"0.01"}}}]"#,
    r#"{"netEquity":"151.0","netEquityAvailable":"100.5","netEquityLocked":"1",
    "netExposureFutures":"3","pnlUnrealized":"-0.1","mmf":"0.0125","imf":"0.02"}"#,
    r#"[{"start":"2025-09-11 15:33:00","end":"2025-09-11 15:34:00","open":"4422.62",
    "high":"4422.75","low":"4422.62","close":"4422.62","volume":"0.0176",
    "quoteVolume":"77.840361","trades":"2"}]"#,
];

/// What may stand where a value stood.
const VALUE: &str =
    "(-?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,5})?|null|true|\\[\\]|\\{\\}|\"\")";

#[test]
fn h056_nesting_and_size_are_no_way_in() {
    let (venue, context) = (venue(), context(["SOL_USDC"]));
    for nested in [
        "[",
        "{\"a\":",
        "{\"data\":",
        "{\"stream\":\"x\",\"data\":{\"e\":\"depth\",\"b\":[",
    ] {
        feed(nested.repeat(5_000).as_bytes());
        let deep = nested.repeat(100_000);
        assert!(venue.read_public(deep.as_bytes()).is_err());
        assert!(venue.read_private(&context, deep.as_bytes()).is_err());
        assert!(answered(&venue.positions(&context), 200, deep).is_err());
    }
    let levels = format!("[{}]", vec!["[\"1\",\"1\"]"; 20_000].join(","));
    let many = format!(
        "{{\"stream\":\"depth.SOL_USDC\",\"data\":{{\"e\":\"depth\",\"E\":1,\"s\":\"SOL_USDC\",\
         \"U\":1,\"u\":1,\"b\":{levels},\"a\":[]}}}}"
    );
    feed(many.as_bytes());
    feed("9".repeat(1 << 16).as_bytes());
    feed(b"\xff\xfe\x00");
    feed(b"{\"stream\":\"trade\",\"data\":{\"e\":\"trade\",\"s\":\"\xc3\x28\"}}");
    feed("{\"stream\":\"x\",\"data\":{\"e\":\"\\ud800\"}}".as_bytes());
}

#[test]
fn f107_truncated_frames_are_errors() {
    let (venue, context) = (venue(), context(["SOL_USDC"]));
    for seed in SEEDS {
        for end in 0..seed.len() {
            let cut = &seed.as_bytes()[..end];
            assert!(venue.read_public(cut).is_err(), "{seed:.40} cut at {end}");
            assert!(venue.read_private(&context, cut).is_err());
        }
    }
}

/// Dates far off, negative and nonsensical: an error, and no wrong time.
#[test]
fn f096_a_time_that_cannot_be_is_refused() {
    let (venue, sol) = (venue(), instrument("SOL_USDC"));
    let fills = venue.fills(&context(["SOL_USDC"]), &sol, &FillQuery::Newest);
    let fills = fills.unwrap();
    for date in [
        "",
        "2025-13-27T17:39:00.092",
        "2025-07-27T25:39:00",
        "-009999-01-01T00:00:00",
        "1754939110174",
        "1970-01-01T00:00:00",
        "now",
    ] {
        let body = SEEDS[6].replace("2025-07-27T17:39:00.092", date);
        assert!(answered(&fills, 200, body).is_err(), "{date}");
    }
    for time in ["-1", "1.5", "99999999999999999999", "\"soon\"", "null"] {
        let frame = SEEDS[3].replace("\"T\":1754939110174705", &format!("\"T\":{time}"));
        let read = venue.read_private(&context(["SOL_USDC"]), frame.as_bytes());
        assert!(read.is_err(), "{time}: {read:?}");
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
        let at = places[nth.index(places.len())] + 1;
        let rest = &seed[at..];
        let end = rest.find([',', '}']).unwrap_or(rest.len());
        feed(format!("{}{number}{}", &seed[..at], &rest[end..]).as_bytes());
        feed(format!("{}\"{number}\"{}", &seed[..at], &rest[end..]).as_bytes());
    }
}
