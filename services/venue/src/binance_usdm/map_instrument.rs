//! Instruments: theirs to ours.

use chimera_model::instrument::{
    ContractForm, InstrumentKind, InstrumentStatus, MarketLot, PriceCollar,
};
use chimera_model::{Asset, Decimal, Instrument, Symbol, UnixNanos, VenueSymbol};
use serde_json::value::RawValue;

use super::wire_instrument::{self as wire, ExchangeInfo};
use super::{VENUE, limits};
use crate::checked::scale;
use crate::error::{VenueError, printable};
use crate::instruments::{InstrumentList, Skipped};
use crate::wire_value::Number;

/// Reads the list of instruments. One that cannot be traded here is skipped with its reason, and
/// hides no other (F70).
pub(super) fn list(body: &[u8]) -> Result<InstrumentList, VenueError> {
    let info: ExchangeInfo<'_> = serde_json::from_slice(body)?;
    let mut list = InstrumentList {
        instruments: Vec::with_capacity(info.symbols.len()),
        skipped: Vec::new(),
        rate_limits: None,
        venue_time: None,
    };
    if !info.rate_limits.is_empty() {
        list.rate_limits = Some(limits::stated(&info.rate_limits));
    }
    if let Some(time) = info.server_time {
        list.venue_time = Some(UnixNanos::from_millis(time.0)?);
    }
    for raw in info.symbols {
        match instrument(raw) {
            Ok(instrument) => list.instruments.push(instrument),
            Err(reason) => list.skipped.push(Skipped {
                venue_symbol: name(raw),
                reason,
            }),
        }
    }
    Ok(list)
}

fn name(raw: &RawValue) -> String {
    let name = serde_json::from_str::<wire::Name<'_>>(raw.get());
    name.map_or_else(|_| "?".to_owned(), |name| printable(&name.symbol))
}

fn instrument(raw: &RawValue) -> Result<Instrument, String> {
    let symbol: wire::Symbol<'_> =
        serde_json::from_str(raw.get()).map_err(|error| printable(&error.to_string()))?;
    if symbol.contract_type != "PERPETUAL" {
        let contract_type = printable(&symbol.contract_type);
        return Err(format!(
            "contract type {contract_type:?} is not traded here"
        ));
    }
    let base = asset(&symbol.base_asset)?;
    let quote = asset(&symbol.quote_asset)?;
    let settle = asset(&symbol.margin_asset)?;
    let form = match settle {
        settle if settle == quote => ContractForm::Linear,
        settle if settle == base => ContractForm::Inverse,
        _ => ContractForm::Quanto,
    };
    let price = filter(&symbol, "PRICE_FILTER")?;
    let lot = filter(&symbol, "LOT_SIZE")?;
    let tick_size = needed(price.tick_size, "tickSize")?;
    let lot_size = needed(lot.step_size, "stepSize")?;
    let instrument = Instrument {
        venue: VENUE,
        symbol: Symbol::perpetual(&base, &quote).map_err(|error| error.to_string())?,
        venue_symbol: VenueSymbol::new(&symbol.symbol).map_err(|error| error.to_string())?,
        kind: InstrumentKind::Perpetual,
        form,
        base,
        quote,
        settle,
        tick_size,
        lot_size,
        price_scale: scale(tick_size),
        quantity_scale: scale(lot_size),
        min_quantity: needed(lot.min_quantity, "minQty")?,
        max_quantity: needed(lot.max_quantity, "maxQty")?,
        market_lot: market_lot(&symbol, lot_size)?,
        min_notional: optional(&symbol, "MIN_NOTIONAL").and_then(|filter| number(filter.notional)),
        price_collar: collar(&symbol),
        min_price: number(price.min_price),
        max_price: number(price.max_price),
        contract_multiplier: Decimal::ONE,
        status: status(&symbol.status),
        version: 1,
    };
    instrument.check().map_err(|error| error.to_string())?;
    Ok(instrument)
}

fn asset(text: &str) -> Result<Asset, String> {
    Asset::new(text).map_err(|error| error.to_string())
}

fn number(number: Option<Number>) -> Option<Decimal> {
    number.map(|number| number.0)
}

fn needed(value: Option<Number>, field: &str) -> Result<Decimal, String> {
    number(value).ok_or_else(|| format!("no {field} in its filter"))
}

fn optional<'f, 'a>(symbol: &'f wire::Symbol<'a>, kind: &str) -> Option<&'f wire::Filter<'a>> {
    symbol
        .filters
        .iter()
        .find(|filter| filter.filter_type == kind)
}

fn filter<'f, 'a>(
    symbol: &'f wire::Symbol<'a>,
    kind: &str,
) -> Result<&'f wire::Filter<'a>, String> {
    optional(symbol, kind).ok_or_else(|| format!("no filter {kind}"))
}

/// A step of zero means that market orders keep the lot of limit orders.
fn market_lot(symbol: &wire::Symbol<'_>, lot_size: Decimal) -> Result<Option<MarketLot>, String> {
    let Some(filter) = optional(symbol, "MARKET_LOT_SIZE") else {
        return Ok(None);
    };
    let step = needed(filter.step_size, "stepSize")?;
    Ok(Some(MarketLot {
        lot_size: if step.is_zero() { lot_size } else { step },
        min_quantity: needed(filter.min_quantity, "minQty")?,
        max_quantity: needed(filter.max_quantity, "maxQty")?,
    }))
}

fn collar(symbol: &wire::Symbol<'_>) -> Option<PriceCollar> {
    let filter = optional(symbol, "PERCENT_PRICE")?;
    Some(PriceCollar {
        multiplier_up: number(filter.multiplier_up)?,
        multiplier_down: number(filter.multiplier_down)?,
    })
}

/// Page `common-definition`
fn status(text: &str) -> InstrumentStatus {
    match text {
        "TRADING" => InstrumentStatus::Trading,
        "PENDING_TRADING" | "PRE_TRADING" => InstrumentStatus::PreTrading,
        "PRE_DELIVERING" | "DELIVERING" | "PRE_SETTLE" | "SETTLING" | "BREAK" | "HALT" => {
            InstrumentStatus::Halted
        }
        "DELIVERED" | "CLOSE" => InstrumentStatus::Closed,
        other => InstrumentStatus::Unknown(printable(other)),
    }
}
