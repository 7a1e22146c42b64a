//! Public requests.
//!
//! Page `market-data/rest-api`

use std::sync::Arc;

use chimera_model::market::{Bar, Quote, Ticker, Trade};
use chimera_model::report::Unmapped;
use chimera_model::{Instrument, UnixNanos, VenueSymbol};
use http::Method;

use super::limits::{self, WEIGHT};
use super::wire_instrument::ServerTime;
use super::wire_market as wire;
use super::{errors, map_instrument, map_market};
use crate::account::Listed;
use crate::answer::Call;
use crate::instruments::{InstrumentList, InstrumentTable};
use crate::public::{BarQuery, DepthSnapshot, TradeQuery};
use crate::request::{Auth, Body, Operation, Priority, VenueRequest};

/// The most bars of one answer.
const BARS_MAX: usize = 1_500;
/// The most trades of one answer.
const TRADES_MAX: usize = 1_000;

fn get(
    endpoint: &'static str,
    path: &'static str,
    query: Vec<(&'static str, String)>,
    weight: u64,
) -> VenueRequest {
    VenueRequest {
        operation: Operation::Query,
        endpoint,
        method: Method::GET,
        path,
        query,
        body: Body::Empty,
        auth: Auth::None,
        charges: vec![(WEIGHT, weight)],
        priority: Priority::Read,
        repeatable: true,
    }
}

fn of(instrument: &Instrument) -> (&'static str, String) {
    ("symbol", instrument.venue_symbol.as_str().to_owned())
}

pub(super) fn server_time() -> Call<UnixNanos> {
    errors::call(get("market.time", "/fapi/v1/time", Vec::new(), 1), |body| {
        let time: ServerTime = serde_json::from_slice(body)?;
        Ok(UnixNanos::from_millis(time.server_time.0)?)
    })
}

pub(super) fn instruments() -> Call<InstrumentList> {
    let request = get("market.instruments", "/fapi/v1/exchangeInfo", Vec::new(), 1);
    errors::call(request, map_instrument::list)
}

pub(super) fn depth(instrument: &Instrument, depth: usize) -> Call<DepthSnapshot> {
    let (limit, weight) = limits::depth(depth);
    let query = vec![of(instrument), ("limit", limit.to_string())];
    let instrument = instrument.clone();
    errors::call(
        get("market.depth", "/fapi/v1/depth", query, weight),
        move |body| map_market::depth(body, &instrument, limit),
    )
}

pub(super) fn quote(instrument: &Instrument) -> Call<Quote> {
    let request = get(
        "market.quote",
        "/fapi/v1/ticker/bookTicker",
        vec![of(instrument)],
        2,
    );
    let instrument = instrument.clone();
    errors::call(request, move |body| map_market::quote(body, &instrument))
}

pub(super) fn ticker(instrument: &Instrument) -> Call<Ticker> {
    let request = get(
        "market.ticker",
        "/fapi/v1/ticker/24hr",
        vec![of(instrument)],
        1,
    );
    let instrument = instrument.clone();
    errors::call(request, move |body| {
        map_market::ticker(
            &serde_json::from_slice::<wire::Ticker<'_>>(body)?,
            &instrument,
        )
    })
}

pub(super) fn tickers(instruments: &Arc<InstrumentTable>) -> Call<Listed<Ticker>> {
    let request = get("market.tickers", "/fapi/v1/ticker/24hr", Vec::new(), 40);
    let instruments = Arc::clone(instruments);
    errors::call(request, move |body| {
        let tickers: Vec<wire::Ticker<'_>> = serde_json::from_slice(body)?;
        let mut listed = Listed::default();
        for ticker in &tickers {
            match instruments.by_venue_symbol(&ticker.symbol) {
                Some(instrument) => listed.items.push(map_market::ticker(ticker, instrument)?),
                None => listed.unmapped.push(Unmapped {
                    venue_symbol: VenueSymbol::new(&ticker.symbol)?,
                    what: "ticker".to_owned(),
                }),
            }
        }
        Ok(listed)
    })
}

pub(super) fn trades(instrument: &Instrument, query: TradeQuery, limit: usize) -> Call<Vec<Trade>> {
    let mut fields = vec![
        of(instrument),
        ("limit", limit.clamp(1, TRADES_MAX).to_string()),
    ];
    let aggregates = matches!(query, TradeQuery::Aggregates(_));
    let request = match query {
        TradeQuery::Newest => get("market.trades", "/fapi/v1/trades", fields, 5),
        TradeQuery::From(id) => {
            fields.push(("fromId", id.to_string()));
            let path = "/fapi/v1/historicalTrades";
            let request = get("market.historical-trades", path, fields, 20);
            VenueRequest {
                auth: Auth::Key,
                ..request
            }
        }
        TradeQuery::Aggregates(id) => {
            fields.extend(id.map(|id| ("fromId", id.to_string())));
            get("market.aggregate-trades", "/fapi/v1/aggTrades", fields, 20)
        }
    };
    let instrument = instrument.clone();
    errors::call(request, move |body| {
        if aggregates {
            map_market::aggregates(body, &instrument)
        } else {
            map_market::trades(body, &instrument)
        }
    })
}

pub(super) fn bars(instrument: &Instrument, query: &BarQuery, now: UnixNanos) -> Call<Vec<Bar>> {
    let interval = query.interval;
    let limit = query.limit.clamp(1, BARS_MAX);
    let mut fields = vec![of(instrument), ("interval", interval.as_str().to_owned())];
    fields.extend(
        query
            .start
            .map(|start| ("startTime", start.as_millis().to_string())),
    );
    // Theirs is inclusive, ours is not.
    let end = query.end.map(|end| end.as_millis().saturating_sub(1));
    fields.extend(end.map(|end| ("endTime", end.to_string())));
    fields.push(("limit", limit.to_string()));
    let weight = limits::bars_weight(limit);
    let instrument = instrument.clone();
    errors::call(
        get("market.bars", "/fapi/v1/klines", fields, weight),
        move |body| map_market::bars(body, &instrument, interval, now),
    )
}
