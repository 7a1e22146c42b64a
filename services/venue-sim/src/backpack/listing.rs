//! What the venue is and lists.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::error::ApiError;
use super::format::plain;
use super::rest::{Answer, Call};
use super::words;
use crate::exchange::{Instrument, Margining, RootFraction, Status};

/// Since when everything here has been listed; the venue gives a moment for each market.
const LISTED_SINCE: &str = "2025-01-21T06:34:54.691858";

/// Funding is exchanged this often.
const FUNDING_INTERVAL_MS: u64 = 28_800_000;

pub(super) fn status(_call: &mut Call<'_>) -> Result<Answer, ApiError> {
    Ok(Answer::json(&json!({ "status": "Ok", "message": null })))
}

pub(super) fn ping(_call: &mut Call<'_>) -> Result<Answer, ApiError> {
    Ok(Answer::plain(200, "pong"))
}

pub(super) fn time(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    Ok(Answer::plain(200, call.now_ms.to_string()))
}

pub(super) fn markets(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let kinds = call.params.market_types()?;
    let listed = call.core.exchange.instruments().iter();
    let fitting = listed.filter(|listing| words::fits(&kinds, listing));
    Ok(Answer::json(&fitting.map(written).collect::<Vec<_>>()))
}

pub(super) fn market(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let id = call.instrument()?;
    Ok(Answer::json(&written(call.core.exchange.instrument(id))))
}

pub(super) fn assets(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let mut symbols: Vec<&str> = vec!["USDC"];
    for listing in call.core.exchange.instruments() {
        if !symbols.contains(&listing.base.as_str()) {
            symbols.push(&listing.base);
        }
    }
    let asset = |symbol: &&str| {
        json!({ "symbol": symbol, "displayName": symbol, "coingeckoId": null, "tokens": [{
            "displayName": symbol, "blockchain": "Solana", "contractAddress": null,
            "depositEnabled": true, "minimumDeposit": "0", "withdrawEnabled": false,
            "minimumWithdrawal": "0", "maximumWithdrawal": null, "withdrawalFee": "0",
            "nativeDecimals": 8 }] })
    };
    Ok(Answer::json(&symbols.iter().map(asset).collect::<Vec<_>>()))
}

/// Shares of companies are not traded here, so there is none to list.
pub(super) fn securities(_call: &mut Call<'_>) -> Result<Answer, ApiError> {
    Ok(Answer::text("[]"))
}

/// Writes a margin function.
pub(super) fn margin_function(fraction: RootFraction) -> Value {
    json!({ "type": "sqrt", "base": plain(fraction.base), "factor": plain(fraction.factor) })
}

fn written(instrument: &Instrument) -> Value {
    let factor = |value: Decimal| plain(value);
    let (imf, mmf) = match instrument.margining {
        Margining::Roots {
            initial,
            maintenance,
        } => (margin_function(initial), margin_function(maintenance)),
        Margining::Brackets(_) | Margining::Outright { .. } => (Value::Null, Value::Null),
    };
    let perpetual = |value: Value| {
        if instrument.is_spot() {
            Value::Null
        } else {
            value
        }
    };
    let band = |edge: fn(crate::exchange::Band) -> Decimal, of: Option<crate::exchange::Band>| {
        of.map(|band| factor(edge(band)))
    };
    json!({
        "symbol": instrument.symbol,
        "baseSymbol": instrument.base,
        "quoteSymbol": instrument.quote,
        "marketType": words::market_type(instrument),
        "filters": {
            "price": {
                "minPrice": instrument.min_price.to_string(),
                "maxPrice": perpetual(json!(instrument.max_price.to_string())),
                "tickSize": instrument.tick.to_string(),
                "maxMultiplier": band(|band| band.up, instrument.last_band),
                "minMultiplier": band(|band| band.down, instrument.last_band),
                "maxImpactMultiplier": band(|band| band.up, instrument.impact),
                "minImpactMultiplier": band(|band| band.down, instrument.impact),
                "meanMarkPriceBand": {
                    "maxMultiplier": factor(instrument.band_up),
                    "minMultiplier": factor(instrument.band_down),
                },
                "meanPremiumBand": perpetual(json!({ "tolerancePct": "0.05" })),
                "borrowEntryFeeMaxMultiplier": null,
                "borrowEntryFeeMinMultiplier": null,
            },
            "quantity": {
                "minQuantity": instrument.min_quantity.to_string(),
                "maxQuantity": null,
                "stepSize": instrument.step.to_string(),
            },
        },
        "imfFunction": imf,
        "mmfFunction": mmf,
        "fundingInterval": perpetual(json!(FUNDING_INTERVAL_MS)),
        "fundingRateUpperBound": perpetual(json!("100")),
        "fundingRateLowerBound": perpetual(json!("-100")),
        "openInterestLimit": if instrument.is_spot() { "0" } else { "4000000" },
        "orderBookState": match instrument.status {
            Status::Trading => "Open",
            // Cancels still work.
            Status::Halted => "CancelOnly",
        },
        "createdAt": LISTED_SINCE,
        "visible": true,
        "positionLimitWeight": null,
    })
}
