//! Every reader of every venue, fed with what the venue might send on its worst day.

use std::{fs, path::Path, sync::Arc};

use chimera_model::{Account, ClientOrderIndex, Instrument, UnixNanos, market::BarInterval};
use chimera_tests::recorded_data;
use chimera_venue::{
    AccountContext, Answer, BarQuery, Call, ClientIdPrefix, FillQuery, InstrumentTable, NewOrder,
    OrderKey, OrderKind, PublicFrame, TradeQuery, VenueAdapter, VenueConfig, adapter, venues,
};
use http::{HeaderMap, StatusCode};

use super::mutation::feed;

/// Recorded payloads above this size are left aside: mutations of them are mostly of the same.
const RECORDED_BYTES_MAX: u64 = 16 * 1024;
/// Recorded payloads taken of a venue, at most.
const RECORDED_MAX: usize = 200;

const INSTRUMENTS: &str = r#"{"serverTime":1565613908500,"rateLimits":[{"rateLimitType":"ORDERS",
"interval":"MINUTE","intervalNum":1,"limit":9}],"symbols":[{"symbol":"SOLUSDT",
"contractType":"PERPETUAL","status":"TRADING","baseAsset":"SOL","quoteAsset":"USDT",
"marginAsset":"USDT","filters":[{"filterType":"PRICE_FILTER","minPrice":"0.01","maxPrice":"9999",
"tickSize":"0.01"},{"filterType":"LOT_SIZE","minQty":"0.01","maxQty":"9999","stepSize":"0.01"}]}]}"#;

const MARKETS: &str = r#"[{"symbol":"SOL_USDC","baseSymbol":"SOL","quoteSymbol":"USDC",
"marketType":"SPOT","orderBookState":"Open","filters":{"price":{"minPrice":"0.01",
"maxPrice":null,"tickSize":"0.01","maxMultiplier":"1.25","minMultiplier":"0.75"},
"quantity":{"minQuantity":"0.01","maxQuantity":null,"stepSize":"0.01"}}}]"#;

/// Payloads of each kind, to be mutated; a venue without any is a venue that nobody fuzzes.
fn seeds(venue: &str) -> Vec<Vec<u8>> {
    let texts: &[&str] = match venue {
        "backpack" => &[
            MARKETS,
            r#"{"stream":"depth.SOL_USDC","data":{"e":"depth","E":1,"T":1,"s":"SOL_USDC","U":1,
            "u":2,"b":[["1.5","2"],["1","0"]],"a":[["2.5","1"]]}}"#,
            r#"{"asks":[["2.5","1"]],"bids":[["1.5","2"]],"lastUpdateId":"7","timestamp":1}"#,
            r#"{"stream":"bookTicker.SOL_USDC","data":{"e":"bookTicker","u":"1","s":"SOL_USDC",
            "b":"1.5","B":"2","a":"1.6","A":"3","T":1,"E":1}}"#,
            r#"{"stream":"trade.SOL_USDC","data":{"e":"trade","E":1,"T":1,"s":"SOL_USDC","t":5,
            "p":"1.5","q":"2","m":false}}"#,
            r#"{"stream":"account.orderUpdate","data":{"e":"orderFill","E":1754939110175879,
            "T":1754939110174705,"s":"SOL_USDC","c":2147483690,"S":"Ask","o":"LIMIT","f":"GTC",
            "q":"1.5","p":"2","X":"PartiallyFilled","i":"8","t":1,"l":"0.5","L":"2","z":"0.7",
            "Z":"1.4","m":true,"n":"-0.1","N":"USDC","r":false,"O":"USER","y":true}}"#,
            r#"{"stream":"account.positionUpdate","data":{"e":"positionOpened",
            "E":1754943862040486,"T":1754943862040487,"s":"SOL_USDC","q":"0.001","B":"4236.36",
            "M":"4235.8","P":"-0.1"}}"#,
            r#"{"id":"8","clientId":2147483690,"createdAt":1757621458290,"symbol":"SOL_USDC",
            "side":"Bid","orderType":"Limit","timeInForce":"GTC","postOnly":false,
            "reduceOnly":null,"price":"4000","quantity":"0.001","executedQuantity":"0",
            "executedQuoteQuantity":"0","status":"New"}"#,
            r#"[{"tradeId":9,"orderId":"4","clientId":null,"symbol":"SOL_USDC","side":"Bid",
            "price":"3826.15","quantity":"0.0026","fee":"0.004974","feeSymbol":"USDC",
            "isMaker":false,"systemOrderType":null,"timestamp":"2025-07-27T17:39:00.092"}]"#,
            r#"{"code":"INSUFFICIENT_MARGIN","message":"Insufficient margin"}"#,
            r#"{"netEquity":"151.0","netEquityAvailable":"100.5","netEquityLocked":"1",
            "netExposureFutures":"3","pnlUnrealized":"-0.1","mmf":"0.0125","imf":"0.02"}"#,
            r#"[{"start":"2025-09-11 15:33:00","end":"2025-09-11 15:34:00","open":"4422.62",
            "high":"4422.75","low":"4422.62","close":"4422.62","volume":"0.0176",
            "quoteVolume":"77.840361","trades":"2"}]"#,
        ],
        "binance-usdm" => &[
            INSTRUMENTS,
            r#"{"stream":"solusdt@depth","data":{"e":"depthUpdate","E":1,"T":1,"s":"SOLUSDT","U":1,
            "u":2,"pu":0,"b":[["1.5","2"],["1","0"]],"a":[["2.5","1"]]}}"#,
            r#"{"lastUpdateId":7,"E":1,"T":1,"bids":[["1.5","2"]],"asks":[["2.5","1"]]}"#,
            r#"{"e":"bookTicker","u":1,"s":"SOLUSDT","b":"1.5","B":"2","a":"1.6","A":"3","T":1,
            "E":1}"#,
            r#"{"e":"trade","E":1,"T":1,"s":"SOLUSDT","t":5,"p":"1.5","q":"2","X":"MARKET",
            "m":false}"#,
            r#"{"e":"ORDER_TRADE_UPDATE","E":1568879465652,"T":1568879465651,"o":{"s":"SOLUSDT",
            "c":"fuzz-42","S":"SELL","o":"LIMIT","f":"GTC","q":"1.5","p":"2","ap":"2","x":"TRADE",
            "X":"FILLED","i":8,"l":"0.5","z":"0.7","L":"2","N":"BNB","n":"-0.1",
            "T":1568879465650,"t":1,"m":true,"R":false,"ps":"BOTH","rp":"1"}}"#,
            r#"{"e":"ACCOUNT_UPDATE","E":1564745798939,"T":1564745798938,"a":{"m":"ORDER",
            "B":[{"a":"USDT","wb":"1","cw":"1","bc":"-1"}],"P":[{"s":"SOLUSDT","pa":"1","ep":"2",
            "up":"3","mt":"cross","iw":"0","ps":"BOTH"}]}}"#,
            r#"{"orderId":2,"symbol":"SOLUSDT","status":"NEW","clientOrderId":"fuzz-42",
            "price":"2","avgPrice":"0","origQty":"1","executedQty":"0","timeInForce":"GTX",
            "type":"LIMIT","reduceOnly":false,"side":"SELL","updateTime":1625474304765}"#,
            r#"{"code":-2019,"msg":"Margin is insufficient."}"#,
            r#"[[1499040000000,"1","2","0.5","1.5","9",1499644799999,"9",3,"4","5","0"]]"#,
        ],
        other => panic!("{other} has no payloads here"),
    };
    let mut seeds: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let family = venue.split('-').next().unwrap_or(venue);
    if let Some(folder) = recorded_data() {
        recorded(&folder.join("venues").join(family), &mut seeds);
    }
    seeds
}

fn recorded(folder: &Path, seeds: &mut Vec<Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    // In the order of their names, so that a run is the same on every disk.
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            recorded(&path, seeds);
        } else if seeds.len() < RECORDED_MAX
            && fs::metadata(&path).unwrap().len() <= RECORDED_BYTES_MAX
        {
            seeds.push(fs::read(&path).unwrap());
        }
    }
}

fn read<T>(call: &Call<T>, status: u16, body: &[u8]) -> Option<T> {
    let answer = Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &HeaderMap::new(),
        body,
    };
    call.read(&answer).ok()
}

/// Feeds bytes to every reader there is.
fn feed_all(
    venue: &dyn VenueAdapter,
    context: &AccountContext,
    instrument: &Instrument,
    bytes: &[u8],
) {
    if let Ok(PublicFrame::Depth(depth)) = venue.read_public(bytes) {
        let mut levels = Vec::new();
        let _ = depth.bids.read_into(instrument, &mut levels);
        let _ = depth.asks.read_into(instrument, &mut levels);
    }
    let _ = venue.read_private(context, bytes);
    for status in [200, 400, 429, 503] {
        feed_public(venue, context, instrument, status, bytes);
        feed_account(venue, context, instrument, status, bytes);
    }
}

fn feed_public(
    venue: &dyn VenueAdapter,
    context: &AccountContext,
    instrument: &Instrument,
    status: u16,
    bytes: &[u8],
) {
    let bars = BarQuery {
        interval: BarInterval::OneMinute,
        start: None,
        end: None,
        limit: 10,
    };
    let now = UnixNanos::from_millis(1_700_000_000_000).unwrap();
    let _ = read(&venue.server_time(), status, bytes);
    let _ = read(&venue.instruments(), status, bytes);
    let _ = read(&venue.depth(instrument, 5), status, bytes);
    let _ = read(&venue.quote(instrument), status, bytes);
    let _ = read(&venue.ticker(instrument), status, bytes);
    let _ = read(&venue.tickers(&context.instruments), status, bytes);
    let trades = venue.trades(instrument, TradeQuery::Newest, 1).unwrap();
    let _ = read(&trades, status, bytes);
    let _ = read(&venue.bars(instrument, &bars, now), status, bytes);
}

fn feed_account(
    venue: &dyn VenueAdapter,
    context: &AccountContext,
    instrument: &Instrument,
    status: u16,
    bytes: &[u8],
) {
    let index = ClientOrderIndex::new(42).unwrap();
    let order = NewOrder {
        index,
        side: chimera_model::Side::Buy,
        quantity: "1".parse().unwrap(),
        kind: OrderKind::Market,
        reduce_only: false,
    };
    let key = OrderKey::Index(index);
    let placed = venue.place(context, instrument, &order).unwrap();
    let mut calls = venue.order(context, instrument, &key, None).unwrap();
    calls.push(placed);
    calls.push(venue.cancel(context, instrument, &key).unwrap());
    for call in calls {
        let _ = read(&call, status, bytes);
    }
    let fills = venue.fills(context, instrument, &FillQuery::Newest);
    let _ = read(&fills.unwrap(), status, bytes);
    let _ = read(&venue.open_orders(context, None), status, bytes);
    let _ = read(&venue.positions(context), status, bytes);
    let _ = read(&venue.balances(context), status, bytes);
    let _ = read(&venue.margin(context), status, bytes);
    let _ = read(&venue.last_change(context), status, bytes);
    if let Some(mode) = venue.position_mode() {
        let _ = read(&mode, status, bytes);
    }
    if let Some(session) = venue.open_session() {
        let _ = read(&session, status, bytes);
    }
}

#[test]
fn f107_no_payload_makes_a_venue_fall_over() {
    for name in venues() {
        let venue = adapter(VenueConfig {
            venue: name,
            client_id_prefix: ClientIdPrefix::new("fuzz").unwrap(),
            endpoints: None,
            aliases: None,
        })
        .unwrap();
        let seeds = seeds(name.as_str());
        let listed = read(&venue.instruments(), 200, &seeds[0])
            .unwrap()
            .instruments;
        let instrument = listed[0].clone();
        let table = InstrumentTable::new(venue.aliases().clone()).refreshed(listed);
        let context = AccountContext {
            account: Account::new("main").unwrap(),
            instruments: Arc::new(table),
        };
        feed(name.as_str(), &seeds, 3_000, |bytes| {
            feed_all(venue.as_ref(), &context, &instrument, bytes);
        });
    }
}
