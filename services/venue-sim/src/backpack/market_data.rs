//! Public market data on request.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::error::ApiError;
use super::format::{micros, plain, second};
use super::rest::{Answer, Call};
use crate::engine::{Price, Quantity, Side, notional};
use crate::exchange::{Candle, Exchange, InstrumentId};
use crate::intervals::Interval;

/// Numbers of levels that may be asked for.
const DEPTHS: [usize; 7] = [5, 10, 20, 50, 100, 500, 1000];

/// Levels a side where no number is asked for.
const DEPTH_DEFAULT: usize = 1_000;

/// Public trades of one answer: by default, and at most.
const TRADES: (usize, usize) = (100, 1_000);

/// Rates of one answer: by default, and at most.
const RATES: (usize, usize) = (100, 10_000);

/// Bars of one answer.
const BARS_MAX: usize = 1_500;

pub(super) fn depth(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let known = |text: &str| DEPTHS.into_iter().find(|count| count.to_string() == text);
    let limit = call.params.word("limit", known)?.unwrap_or(DEPTH_DEFAULT);
    let id = call.instrument()?;
    let book = call.core.exchange.book(id);
    let level =
        |(price, quantity): (Price, Quantity)| [plain(price.decimal()), plain(quantity.decimal())];
    let asks: Vec<[String; 2]> = book
        .depth(Side::Sell, limit)
        .into_iter()
        .map(level)
        .collect();
    let bids = book.depth(Side::Buy, limit).into_iter().map(level);
    // Lowest price first on both sides: the best bid comes last.
    let bids: Vec<[String; 2]> = bids.rev().collect();
    Ok(Answer::json(&json!({
        "asks": asks,
        "bids": bids,
        "lastUpdateId": book.sequence().to_string(),
        "timestamp": micros(call.now_ms),
    })))
}

pub(super) fn trades(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let id = call.instrument()?;
    let (limit, offset) = call.params.page(TRADES.0, TRADES.1)?;
    let newest_first = call.core.exchange.tape(id).trades().rev();
    let written = newest_first.skip(offset).take(limit).map(|trade| {
        json!({
            "id": trade.id,
            "price": plain(trade.price.decimal()),
            "quantity": plain(trade.quantity.decimal()),
            "quoteQuantity": plain(notional(trade.price, trade.quantity)),
            "timestamp": trade.time_ms,
            "isBuyerMaker": trade.buyer_is_maker,
        })
    });
    Ok(Answer::json(&written.collect::<Vec<Value>>()))
}

/// Reads the venue's name of an interval; bars of a second are not kept here.
pub(super) fn interval(name: &str) -> Option<Interval> {
    match name {
        "1M" => None,
        "1month" => Interval::read("1M"),
        other => Interval::read(other),
    }
}

pub(super) fn klines(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (params, now_ms) = (call.params, call.now_ms);
    let last_price = matches!(params.text("priceType")?, None | Some("Last"));
    if params.text("interval")? == Some("1s") || !last_price {
        return Err(ApiError::unsupported());
    }
    let length = params.word("interval", interval)?;
    let length = length.ok_or_else(|| params.absent("interval"))?;
    let from = params.integer("startTime")?;
    let from = from.ok_or_else(|| params.absent("startTime"))?;
    let from_ms = from.saturating_mul(1000);
    let to_ms = params
        .integer("endTime")?
        .map_or(now_ms, |to| to.saturating_mul(1000));
    let id = call.instrument()?;
    if from_ms > to_ms {
        return Err(ApiError::client("Start time must be before end time"));
    }
    let tape = call.core.exchange.tape(id);
    let bars = tape.candles(now_ms, usize::MAX, |at| length.begin(at));
    let asked = bars
        .iter()
        .filter(|bar| (from_ms..=to_ms).contains(&bar.open_ms));
    let written = asked.take(BARS_MAX).map(|bar| {
        json!({
            "start": second(bar.open_ms, ' '),
            "end": second(length.end(bar.open_ms) + 1, ' '),
            "open": plain(bar.open.decimal()),
            "high": plain(bar.high.decimal()),
            "low": plain(bar.low.decimal()),
            "close": plain(bar.close.decimal()),
            "volume": plain(bar.volume.decimal()),
            "quoteVolume": plain(bar.quote),
            "trades": bar.trades.to_string(),
        })
    });
    Ok(Answer::json(&written.collect::<Vec<Value>>()))
}

pub(super) fn ticker(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let id = call.instrument()?;
    let day = call.core.exchange.tape(id).day(call.now_ms);
    // Nothing to tell of a market without a trade is no refusal.
    let nothing = || Answer::plain(204, "");
    let told = day.map(|day| Answer::json(&day_of(&call.core.exchange, id, &day)));
    Ok(told.unwrap_or_else(nothing))
}

pub(super) fn tickers(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let exchange = &call.core.exchange;
    let written = (0..exchange.instruments().len()).filter_map(|id| {
        let day = exchange.tape(id).day(call.now_ms)?;
        Some(day_of(exchange, id, &day))
    });
    Ok(Answer::json(&written.collect::<Vec<Value>>()))
}

fn day_of(exchange: &Exchange, id: InstrumentId, day: &Candle) -> Value {
    let (open, close) = (day.open.decimal(), day.close.decimal());
    let share = ((close - open).checked_div(open)).unwrap_or(Decimal::ZERO);
    json!({
        "symbol": exchange.instrument(id).symbol,
        "firstPrice": plain(open),
        "lastPrice": plain(close),
        "priceChange": plain(close - open),
        "priceChangePercent": plain(share.round_dp(6)),
        "high": plain(day.high.decimal()),
        "low": plain(day.low.decimal()),
        "volume": plain(day.volume.decimal()),
        "quoteVolume": plain(day.quote),
        "trades": day.trades.to_string(),
    })
}

/// Returns the perpetuals that a request means: the one it names, or all.
fn perpetuals(call: &Call<'_>) -> Result<Vec<InstrumentId>, ApiError> {
    let exchange = &call.core.exchange;
    let all = (0..exchange.instruments().len()).filter(|id| !exchange.instrument(*id).is_spot());
    let Some(symbol) = call.params.text("symbol")? else {
        return Ok(all.collect());
    };
    let missing = || ApiError::client("Symbol not found");
    let one = exchange.find(symbol).ok_or_else(missing)?;
    Ok(all.filter(|id| *id == one).collect())
}

/// Returns the index price of a perpetual: the mark price of its asset's spot market.
pub(super) fn index_price(exchange: &Exchange, id: InstrumentId) -> Price {
    let base = &exchange.instrument(id).base;
    let mut listed = exchange.instruments().iter();
    let spot = listed.position(|listing| listing.is_spot() && listing.base == *base);
    exchange.mark(spot.unwrap_or(id))
}

pub(super) fn mark_prices(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let exchange = &call.core.exchange;
    let written = perpetuals(call)?.into_iter().map(|id| {
        json!({
            "symbol": exchange.instrument(id).symbol,
            "fundingRate": plain(exchange.funding_rate()),
            "indexPrice": plain(index_price(exchange, id).decimal()),
            "markPrice": plain(exchange.mark(id).decimal()),
            "nextFundingTimestamp": exchange.next_funding_ms(),
        })
    });
    Ok(Answer::json(&written.collect::<Vec<Value>>()))
}

pub(super) fn funding_rates(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let id = call.instrument()?;
    let (limit, offset) = call.params.page(RATES.0, RATES.1)?;
    let exchange = &call.core.exchange;
    let past = exchange
        .fundings()
        .rev()
        .filter(|funding| funding.instrument == id);
    let written = past.skip(offset).take(limit).map(|funding| {
        json!({
            "symbol": exchange.instrument(id).symbol,
            "intervalEndTimestamp": second(funding.time_ms, 'T'),
            "fundingRate": plain(funding.rate),
        })
    });
    Ok(Answer::json(&written.collect::<Vec<Value>>()))
}

pub(super) fn open_interest(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let exchange = &call.core.exchange;
    let written = perpetuals(call)?.into_iter().map(|id| {
        json!({
            "symbol": exchange.instrument(id).symbol,
            "openInterest": plain(exchange.open_interest(id)),
            "timestamp": call.now_ms,
        })
    });
    Ok(Answer::json(&written.collect::<Vec<Value>>()))
}
