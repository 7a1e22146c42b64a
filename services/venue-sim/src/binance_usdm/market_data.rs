//! Public market data over REST.

use rust_decimal::Decimal;
use serde::Serialize;

use super::error::ApiError;
use super::format;
use super::listing::ExchangeInfo;
use super::rest::{Answer, Call, answer};
use crate::engine::{Side, notional};
use crate::exchange::{Exchange, InstrumentId, PublicTrade};
use crate::intervals::Interval;

/// Depths that may be asked for.
const DEPTHS: [usize; 7] = [5, 10, 20, 50, 100, 500, 1000];

/// One level of a book: price and quantity.
pub(super) type Level = [String; 2];

/// Writes one side of a book.
pub(super) fn levels(
    exchange: &Exchange,
    id: InstrumentId,
    side: Side,
    limit: usize,
) -> Vec<Level> {
    let instrument = exchange.instrument(id);
    let depth = exchange.book(id).depth(side, limit);
    let write = |(price, quantity)| {
        [
            format::price(instrument, price),
            format::quantity(instrument, quantity),
        ]
    };
    depth.into_iter().map(write).collect()
}

pub(super) fn ping(_: &mut Call<'_>) -> Result<Answer, ApiError> {
    Ok(Answer::text("{}"))
}

pub(super) fn time(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    Ok(answer(&serde_json::json!({ "serverTime": call.now_ms })))
}

pub(super) fn exchange_info(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let limits = call.core.dialect.limits.config;
    Ok(answer(&ExchangeInfo::new(
        &call.core.exchange,
        limits,
        call.now_ms,
    )))
}

/// The book.
#[derive(Serialize)]
struct Depth {
    #[serde(rename = "lastUpdateId")]
    last: u64,
    #[serde(rename = "E")]
    event_ms: u64,
    #[serde(rename = "T")]
    time_ms: u64,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

pub(super) fn depth(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let id = call.instrument()?;
    let limit = call.params.integer("limit")?.unwrap_or(500);
    let limit = usize::try_from(limit)
        .ok()
        .filter(|limit| DEPTHS.contains(limit));
    let limit = limit.ok_or_else(|| {
        let sent = call.params.get("limit").unwrap_or_default();
        ApiError::bad(-4021, format!("{sent} is not valid depth limit."))
    })?;
    let exchange = &call.core.exchange;
    Ok(answer(&Depth {
        last: exchange.book(id).sequence(),
        event_ms: call.now_ms,
        time_ms: call.now_ms,
        bids: levels(exchange, id, Side::Buy, limit),
        asks: levels(exchange, id, Side::Sell, limit),
    }))
}

/// A public trade.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trade {
    id: u64,
    price: String,
    qty: String,
    quote_qty: String,
    time: u64,
    is_buyer_maker: bool,
}

impl Trade {
    fn new(exchange: &Exchange, trade: &PublicTrade) -> Self {
        let instrument = exchange.instrument(trade.instrument);
        Self {
            id: trade.id,
            price: format::price(instrument, trade.price),
            qty: format::quantity(instrument, trade.quantity),
            quote_qty: format::fixed(notional(trade.price, trade.quantity), 2),
            time: trade.time_ms,
            is_buyer_maker: trade.buyer_is_maker,
        }
    }
}

pub(super) fn trades(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let id = call.instrument()?;
    let limit = call.params.limit(500, 1000)?;
    let exchange = &call.core.exchange;
    let last = exchange.tape(id).trades().rev().take(limit);
    let mut last: Vec<Trade> = last.map(|trade| Trade::new(exchange, trade)).collect();
    last.reverse();
    Ok(answer(&last))
}

pub(super) fn historical_trades(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let Some(from) = call.params.integer("fromId")? else {
        return trades(call);
    };
    let id = call.instrument()?;
    let limit = call.params.limit(500, 1000)?;
    let exchange = &call.core.exchange;
    let since = exchange
        .tape(id)
        .trades()
        .filter(|trade| trade.id >= from)
        .take(limit);
    Ok(answer(
        &since
            .map(|trade| Trade::new(exchange, trade))
            .collect::<Vec<_>>(),
    ))
}

pub(super) fn agg_trades(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let id = call.instrument()?;
    let params = call.params;
    let limit = params.limit(500, 1000)?;
    let from = params.integer("fromId")?;
    let (start, end) = params.range()?;
    let fits = |trade: &&super::aggregate::AggTrade| {
        from.is_none_or(|from| trade.id >= from)
            && start.is_none_or(|start| trade.time_ms >= start)
            && end.is_none_or(|end| trade.time_ms <= end)
    };
    let instrument = call.core.exchange.instrument(id);
    let kept = call.core.dialect.aggregates(id).filter(fits);
    let found: Vec<_> = if from.is_some() || start.is_some() {
        kept.take(limit)
            .map(|trade| trade.rest(instrument))
            .collect()
    } else {
        let last: Vec<_> = kept
            .rev()
            .take(limit)
            .map(|trade| trade.rest(instrument))
            .collect();
        last.into_iter().rev().collect()
    };
    Ok(answer(&found))
}

pub(super) fn klines(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let id = call.instrument()?;
    let params = call.params;
    let interval = Interval::read(params.need("interval")?);
    let interval = interval.ok_or_else(|| ApiError::bad(-1120, "Invalid interval."))?;
    let limit = params.limit(500, 1500)?;
    let (start, end) = params.range()?;
    let exchange = &call.core.exchange;
    let instrument = exchange.instrument(id);
    let mut bars = exchange
        .tape(id)
        .candles(call.now_ms, usize::MAX, |at| interval.begin(at));
    bars.retain(|bar| {
        start.is_none_or(|start| bar.open_ms >= start) && end.is_none_or(|end| bar.open_ms <= end)
    });
    if start.is_none() {
        bars.drain(..bars.len().saturating_sub(limit));
    }
    bars.truncate(limit);
    let row = |bar: &crate::exchange::Candle| {
        (
            bar.open_ms,
            format::price(instrument, bar.open),
            format::price(instrument, bar.high),
            format::price(instrument, bar.low),
            format::price(instrument, bar.close),
            format::quantity(instrument, bar.volume),
            interval.end(bar.open_ms),
            format::quote(instrument, bar.quote),
            bar.trades,
            format::quantity(instrument, bar.taker_volume),
            format::quote(instrument, bar.taker_quote),
            "0",
        )
    };
    Ok(answer(&bars.iter().map(row).collect::<Vec<_>>()))
}

/// The last day of an instrument.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Day {
    symbol: String,
    pub price_change: String,
    pub price_change_percent: String,
    pub weighted_avg_price: String,
    pub last_price: String,
    pub last_qty: String,
    pub open_price: String,
    pub high_price: String,
    pub low_price: String,
    pub volume: String,
    pub quote_volume: String,
    pub open_time: u64,
    pub close_time: u64,
    pub first_id: u64,
    pub last_id: u64,
    pub count: u64,
}

impl Day {
    /// Adds up the last day; nothing before the first trade.
    pub fn new(exchange: &Exchange, id: InstrumentId, now_ms: u64) -> Option<Self> {
        let instrument = exchange.instrument(id);
        let day = exchange.tape(id).day(now_ms)?;
        let last = exchange.tape(id).last()?;
        let (open, close) = (day.open.decimal(), day.close.decimal());
        let change = close - open;
        let percent = (change * Decimal::ONE_HUNDRED)
            .checked_div(open)
            .unwrap_or_default();
        let average = day.quote.checked_div(day.volume.decimal()).unwrap_or(close);
        Some(Self {
            symbol: instrument.symbol.clone(),
            price_change: format::fixed(change, instrument.price_precision),
            price_change_percent: format::fixed(percent.round_dp(3), 3),
            weighted_avg_price: format::fixed(average.round_dp(2), instrument.price_precision),
            last_price: format::price(instrument, last.price),
            last_qty: format::quantity(instrument, last.quantity),
            open_price: format::price(instrument, day.open),
            high_price: format::price(instrument, day.high),
            low_price: format::price(instrument, day.low),
            volume: format::quantity(instrument, day.volume),
            quote_volume: format::fixed(day.quote, 2),
            open_time: day.open_ms,
            close_time: now_ms,
            first_id: day.first,
            last_id: day.last,
            count: day.trades,
        })
    }
}

/// Answers for one instrument where one is named, else for all in a list.
fn one_or_all<T: Serialize>(
    call: &Call<'_>,
    view: impl Fn(&Exchange, InstrumentId) -> Option<T>,
) -> Result<Answer, ApiError> {
    let exchange = &call.core.exchange;
    if let Some(id) = call.maybe_instrument()? {
        return Ok(match view(exchange, id) {
            Some(view) => answer(&view),
            None => Answer::text("{}"),
        });
    }
    let all = (0..exchange.instruments().len()).filter_map(|id| view(exchange, id));
    Ok(answer(&all.collect::<Vec<T>>()))
}

pub(super) fn ticker_day(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    one_or_all(call, |exchange, id| Day::new(exchange, id, call.now_ms))
}

pub(super) fn ticker_price(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    struct Last {
        symbol: String,
        price: String,
        time: u64,
    }
    one_or_all(call, |exchange, id| {
        let instrument = exchange.instrument(id);
        let trade = exchange.tape(id).last()?;
        let price = format::price(instrument, trade.price);
        Some(Last {
            symbol: instrument.symbol.clone(),
            price,
            time: trade.time_ms,
        })
    })
}

pub(super) fn ticker_book(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Best {
        symbol: String,
        bid_price: String,
        bid_qty: String,
        ask_price: String,
        ask_qty: String,
        time: u64,
        last_update_id: u64,
    }
    one_or_all(call, |exchange, id| {
        let instrument = exchange.instrument(id);
        let bid = exchange.book(id).best(Side::Buy).unwrap_or_default();
        let ask = exchange.book(id).best(Side::Sell).unwrap_or_default();
        Some(Best {
            symbol: instrument.symbol.clone(),
            bid_price: format::price(instrument, bid.0),
            bid_qty: format::quantity(instrument, bid.1),
            ask_price: format::price(instrument, ask.0),
            ask_qty: format::quantity(instrument, ask.1),
            time: call.now_ms,
            last_update_id: exchange.book(id).sequence(),
        })
    })
}

pub(super) fn premium_index(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Premium {
        symbol: String,
        mark_price: String,
        index_price: String,
        estimated_settle_price: String,
        last_funding_rate: String,
        interest_rate: String,
        next_funding_time: u64,
        time: u64,
    }
    one_or_all(call, |exchange, id| {
        let mark = format::money(exchange.mark(id).decimal());
        let rate = format::money(exchange.funding_rate());
        Some(Premium {
            symbol: exchange.instrument(id).symbol.clone(),
            mark_price: mark.clone(),
            index_price: mark.clone(),
            estimated_settle_price: mark,
            last_funding_rate: rate.clone(),
            interest_rate: rate,
            next_funding_time: exchange.next_funding_ms(),
            time: call.now_ms,
        })
    })
}

pub(super) fn funding_rate(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Row {
        symbol: String,
        funding_time: u64,
        funding_rate: String,
        mark_price: String,
    }
    let limit = call.params.limit(100, 1000)?;
    let (start, end) = call.params.range()?;
    let named = call.maybe_instrument()?;
    let exchange = &call.core.exchange;
    let fits = |funding: &&crate::exchange::Funding| {
        named.is_none_or(|named| named == funding.instrument)
            && start.is_none_or(|start| funding.time_ms >= start)
            && end.is_none_or(|end| funding.time_ms <= end)
    };
    let row = |funding: &crate::exchange::Funding| Row {
        symbol: exchange.instrument(funding.instrument).symbol.clone(),
        funding_time: funding.time_ms,
        funding_rate: format::money(funding.rate),
        mark_price: format::money(funding.mark.decimal()),
    };
    let fundings = exchange.fundings().filter(fits);
    let rows: Vec<Row> = if start.is_some() {
        fundings.take(limit).map(row).collect()
    } else {
        let last: Vec<Row> = fundings.rev().take(limit).map(row).collect();
        last.into_iter().rev().collect()
    };
    Ok(answer(&rows))
}

pub(super) fn funding_info(_: &mut Call<'_>) -> Result<Answer, ApiError> {
    // The venue lists only instruments whose terms differ from the usual; none does here.
    Ok(Answer::text("[]"))
}

pub(super) fn open_interest(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Interest {
        symbol: String,
        open_interest: String,
        time: u64,
    }
    let id = call.instrument()?;
    let instrument = call.core.exchange.instrument(id);
    let held = call.core.exchange.open_interest(id);
    let open_interest = format::position(instrument, held);
    Ok(answer(&Interest {
        symbol: instrument.symbol.clone(),
        open_interest,
        time: call.now_ms,
    }))
}
