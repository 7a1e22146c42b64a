//! What venues report as ticks and lots: whole numbers of tick sizes and lot sizes, exact or an
//! error.
//!
//! An instrument's own rules are for what we send; a report may break them (an old order, a venue's
//! own) and is stated all the same.

use chimera_model::{Decimal, Instrument};

#[cfg(test)]
pub(crate) mod tests;

/// A number that is no whole multiple of its step, or too large to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{value} is no whole number of {step}")]
pub(crate) struct OffScale {
    value: Decimal,
    step: Decimal,
}

/// Returns a price in ticks.
pub(crate) fn ticks(instrument: &Instrument, price: Decimal) -> Result<i64, OffScale> {
    multiple(price, instrument.tick_size)
}

/// Returns a quantity in lots.
pub(crate) fn lots(instrument: &Instrument, quantity: Decimal) -> Result<i64, OffScale> {
    multiple(quantity, instrument.lot_size)
}

fn multiple(value: Decimal, step: Decimal) -> Result<i64, OffScale> {
    let scale = value.scale().max(step.scale());
    let parts = value
        .to_scaled_wide(scale)
        .and_then(|value| Ok((value, step.to_scaled_wide(scale)?)));
    match parts {
        Ok((value, step)) if step > 0 && value % step == 0 => i64::try_from(value / step).ok(),
        _ => None,
    }
    .ok_or(OffScale { value, step })
}
