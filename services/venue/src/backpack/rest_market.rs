//! Public requests.
//!
//! Sections `Markets`, `Trades` and `System`

use std::sync::Arc;

use chimera_model::market::{Bar, Quote, Ticker, Trade};
use chimera_model::report::Unmapped;
use chimera_model::{Instrument, UnixNanos, VenueSymbol};
use http::Method;

use super::wire_market as wire;
use super::{errors, limits, map_instrument, map_market};
use crate::account::Listed;
use crate::answer::Call;
use crate::error::VenueError;
use crate::instruments::{InstrumentList, InstrumentTable};
use crate::limits::Charge;
use crate::public::{BarQuery, DepthSnapshot, TradeQuery};
use crate::request::{Auth, Body, Operation, Priority, VenueRequest};

/// The depths that the venue offers.
const DEPTHS: [usize; 7] = [5, 10, 20, 50, 100, 500, 1_000];
/// The most trades of one answer.
const TRADES_MAX: usize = 1_000;
/// The most bars asked for at once: the venue names no bound, so that ours must be small.
const BARS_MAX: usize = 1_000;

fn get(
    endpoint: &'static str,
    path: &'static str,
    query: Vec<(&'static str, String)>,
    charges: Vec<Charge>,
) -> VenueRequest {
    VenueRequest {
        operation: Operation::Query,
        endpoint,
        method: Method::GET,
        path,
        query,
        body: Body::Empty,
        auth: Auth::None,
        charges,
        priority: Priority::Read,
        repeatable: true,
    }
}

fn of(instrument: &Instrument) -> (&'static str, String) {
    ("symbol", instrument.venue_symbol.as_str().to_owned())
}

/// Plain text: milliseconds.
pub(super) fn server_time() -> Call<UnixNanos> {
    let request = get("market.time", "/api/v1/time", Vec::new(), limits::public());
    errors::call(request, |body| {
        let text = std::str::from_utf8(body).ok().map(str::trim);
        let millis = text.and_then(|text| text.parse().ok());
        let millis = millis.ok_or_else(|| VenueError::unreadable("the answer is no time"))?;
        Ok(UnixNanos::from_millis(millis)?)
    })
}

pub(super) fn instruments() -> Call<InstrumentList> {
    let path = "/api/v1/markets";
    let request = get("market.instruments", path, Vec::new(), limits::public());
    errors::call(request, map_instrument::list)
}

fn book(endpoint: &'static str, instrument: &Instrument, depth: usize) -> (VenueRequest, usize) {
    let mut offered = DEPTHS.into_iter();
    let depth = offered.find(|offered| *offered >= depth);
    let depth = depth.unwrap_or(DEPTHS[DEPTHS.len() - 1]);
    let query = vec![of(instrument), ("limit", depth.to_string())];
    let request = get(endpoint, "/api/v1/depth", query, limits::public());
    (request, depth)
}

pub(super) fn depth(instrument: &Instrument, depth: usize) -> Call<DepthSnapshot> {
    let (request, depth) = book("market.depth", instrument, depth);
    let instrument = instrument.clone();
    errors::call(request, move |body| {
        map_market::depth(body, &instrument, depth)
    })
}

/// The venue has no answer for the best bid and ask alone.
pub(super) fn quote(instrument: &Instrument) -> Call<Quote> {
    let (request, depth) = book("market.quote", instrument, DEPTHS[0]);
    let instrument = instrument.clone();
    errors::call(request, move |body| {
        map_market::quote(body, &instrument, depth)
    })
}

pub(super) fn ticker(instrument: &Instrument) -> Call<Ticker> {
    let query = vec![of(instrument)];
    let request = get("market.ticker", "/api/v1/ticker", query, limits::public());
    let instrument = instrument.clone();
    errors::call(request, move |body| {
        let ticker: wire::Ticker<'_> = serde_json::from_slice(body)?;
        map_market::ticker(&ticker, &instrument)
    })
}

pub(super) fn tickers(instruments: &Arc<InstrumentTable>) -> Call<Listed<Ticker>> {
    let path = "/api/v1/tickers";
    let request = get("market.tickers", path, Vec::new(), limits::public());
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

/// Older trades are found by how many came after them, which says nothing that holds: the venue is
/// not asked for them.
pub(super) fn trades(
    instrument: &Instrument,
    query: TradeQuery,
    limit: usize,
) -> Result<Call<Vec<Trade>>, VenueError> {
    if query != TradeQuery::Newest {
        let detail = "this venue has its newest trades only, one by one";
        return Err(VenueError::not_built(detail));
    }
    let limit = limit.clamp(1, TRADES_MAX);
    let query = vec![of(instrument), ("limit", limit.to_string())];
    let request = get("market.trades", "/api/v1/trades", query, limits::public());
    let instrument = instrument.clone();
    Ok(errors::call(request, move |body| {
        map_market::trades(body, &instrument)
    }))
}

/// The venue takes a span of time, in seconds, and no count: the span is cut to the count.
pub(super) fn bars(instrument: &Instrument, query: &BarQuery, now: UnixNanos) -> Call<Vec<Bar>> {
    let BarQuery {
        interval,
        start,
        end,
        ..
    } = *query;
    let limit = query.limit.clamp(1, BARS_MAX);
    let seconds = |time: UnixNanos| time.as_millis() / 1_000;
    let span = interval.seconds().saturating_mul(limit as u64);
    let (first, last) = match (start.map(seconds), end.map(seconds)) {
        (Some(first), last) => {
            let most = first.saturating_add(span);
            (first, last.map_or(most, |last| last.min(most)))
        }
        (None, last) => {
            let last = last.unwrap_or_else(|| seconds(now));
            (last.saturating_sub(span), last)
        }
    };
    let fields = vec![
        of(instrument),
        ("interval", interval.as_str().to_owned()),
        ("startTime", first.to_string()),
        ("endTime", last.to_string()),
    ];
    let request = get("market.bars", "/api/v1/klines", fields, limits::history());
    let instrument = instrument.clone();
    errors::call(request, move |body| {
        let mut bars = map_market::bars(body, &instrument, interval, now)?;
        // Whether their bounds belong to the span is not documented.
        bars.retain(|bar| {
            start.is_none_or(|start| bar.open_time >= start)
                && end.is_none_or(|end| bar.open_time < end)
        });
        if start.is_some() {
            bars.truncate(limit);
        } else {
            bars.drain(..bars.len().saturating_sub(limit));
        }
        Ok(bars)
    })
}
