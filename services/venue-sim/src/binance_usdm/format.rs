//! Numbers as the venue writes them.

use rust_decimal::Decimal;

use crate::engine::{Price, Quantity};
use crate::exchange::{Instrument, Order};

/// Decimals of averages; the venue shows five.
const AVERAGE_DECIMALS: u32 = 5;

/// Writes a decimal with exactly so many decimals, cutting what is beyond.
pub(crate) fn fixed(value: Decimal, decimals: u32) -> String {
    let mut value = value.trunc_with_scale(decimals);
    value.rescale(decimals);
    if value.is_zero() {
        value.set_sign_positive(true);
    }
    value.to_string()
}

/// Writes an amount of money.
pub(crate) fn money(value: Decimal) -> String {
    fixed(value, 8)
}

/// Writes a price of an instrument.
pub(crate) fn price(instrument: &Instrument, price: Price) -> String {
    fixed(price.decimal(), instrument.price_precision)
}

/// Writes a quantity of an instrument.
pub(crate) fn quantity(instrument: &Instrument, quantity: Quantity) -> String {
    fixed(quantity.decimal(), instrument.quantity_precision)
}

/// Writes a signed position of an instrument.
pub(crate) fn position(instrument: &Instrument, quantity: Decimal) -> String {
    fixed(quantity, instrument.quantity_precision)
}

/// Writes price times quantity with all its decimals.
pub(crate) fn quote(instrument: &Instrument, value: Decimal) -> String {
    fixed(
        value,
        instrument.price_precision + instrument.quantity_precision,
    )
}

/// Writes an average entry price: no trailing zeros, at least one decimal.
pub(crate) fn entry(value: Decimal) -> String {
    let value = value.round_dp(12).normalize();
    if value.scale() == 0 {
        fixed(value, 1)
    } else {
        value.to_string()
    }
}

/// Writes the average price of an order.
pub(crate) fn average(instrument: &Instrument, order: &Order) -> String {
    if order.executed.is_zero() {
        return fixed(Decimal::ZERO, instrument.price_precision);
    }
    fixed(order.average().round_dp(AVERAGE_DECIMALS), AVERAGE_DECIMALS)
}
