//! Instruments: theirs to ours.

use chimera_model::instrument::{ContractForm, InstrumentKind, InstrumentStatus, PriceCollar};
use chimera_model::{Asset, Decimal, Instrument, Symbol, VenueSymbol};
use serde_json::value::RawValue;

use super::VENUE;
use super::wire_instrument as wire;
use crate::checked::scale;
use crate::error::{VenueError, printable};
use crate::instruments::{InstrumentList, Skipped};
use crate::wire_value::Number;

/// The most of an instrument without a bound, in units of its smallest quantity: what 64 bits
/// hold, with room for sums of nine.
const QUANTITY_UNITS_MAX: i64 = 1_000_000_000_000_000_000;

/// Reads the list of instruments. One that cannot be traded here is skipped with its reason, and
/// hides no other (F70).
pub(super) fn list(body: &[u8]) -> Result<InstrumentList, VenueError> {
    let markets: wire::Markets<'_> = serde_json::from_slice(body)?;
    let mut list = InstrumentList {
        instruments: Vec::with_capacity(markets.0.len()),
        skipped: Vec::new(),
        rate_limits: None,
        venue_time: None,
    };
    for raw in markets.0 {
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
    let market: wire::Market<'_> =
        serde_json::from_str(raw.get()).map_err(|error| printable(&error.to_string()))?;
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let base = Asset::new(&market.base).map_err(|error| text(&error))?;
    let quote = Asset::new(&market.quote).map_err(|error| text(&error))?;
    let (kind, symbol) = match &*market.market_type {
        "SPOT" => (InstrumentKind::Spot, Symbol::spot(&base, &quote)),
        "PERP" => (InstrumentKind::Perpetual, Symbol::perpetual(&base, &quote)),
        other => {
            let other = printable(other);
            return Err(format!("market type {other:?} is not traded here"));
        }
    };
    let (price, lot) = (&market.filters.price, &market.filters.quantity);
    let (tick_size, lot_size) = (price.tick_size.0, lot.step_size.0);
    let unbounded = Decimal::from_scaled(QUANTITY_UNITS_MAX, lot_size.scale());
    let instrument = Instrument {
        venue: VENUE,
        symbol: symbol.map_err(|error| text(&error))?,
        venue_symbol: VenueSymbol::new(&market.symbol).map_err(|error| text(&error))?,
        kind,
        form: ContractForm::Linear,
        base,
        quote,
        settle: quote,
        tick_size,
        lot_size,
        price_scale: scale(tick_size),
        quantity_scale: scale(lot_size),
        min_quantity: lot.min_quantity.0,
        max_quantity: match lot.max_quantity {
            Some(most) => most.0,
            None => unbounded.map_err(|error| text(&error))?,
        },
        market_lot: None,
        min_notional: None,
        price_collar: collar(price),
        min_price: number(price.min_price),
        max_price: number(price.max_price),
        contract_multiplier: Decimal::ONE,
        status: status(&market.state),
        version: 1,
    };
    instrument.check().map_err(|error| text(&error))?;
    Ok(instrument)
}

fn number(number: Option<Number>) -> Option<Decimal> {
    number.map(|number| number.0)
}

/// The bounds from the last price; narrower ones from a mean, where it has them, are not told by
/// any price that is known here.
fn collar(price: &wire::PriceFilter) -> Option<PriceCollar> {
    Some(PriceCollar {
        multiplier_up: number(price.max_multiplier)?,
        multiplier_down: number(price.min_multiplier)?,
    })
}

/// Schema `OrderBookState`. `LimitOnly` and `PostOnly` take some orders and not others: they count
/// as unknown, so that no new order goes there.
fn status(text: &str) -> InstrumentStatus {
    match text {
        "Open" => InstrumentStatus::Trading,
        "CancelOnly" => InstrumentStatus::CancelOnly,
        "Closed" => InstrumentStatus::Closed,
        other => InstrumentStatus::Unknown(printable(other)),
    }
}
