//! What no fill of an honest venue exceeds (H55).

use super::refusal::Refusal;
use crate::decimal::{Decimal, Rounding};

/// Largest quantity of one fill, 10^18: a thousand times the supply of the most plentiful coin.
pub const QUANTITY_MAX: i64 = 1_000_000_000_000_000_000;

/// Highest price, 10^15: a bitcoin in the cheapest currency, ten thousand times over.
pub const PRICE_MAX: i64 = 1_000_000_000_000_000;

/// Largest price times quantity of one fill, 10^18 units of the quote, in any currency more than
/// all venues trade in a day.
pub const NOTIONAL_MAX: i64 = 1_000_000_000_000_000_000;

pub(super) fn price(value: Decimal) -> Result<(), Refusal> {
    within("price", value, PRICE_MAX)
}

pub(super) fn quantity(value: Decimal) -> Result<(), Refusal> {
    within("quantity", value, QUANTITY_MAX)
}

pub(super) fn notional(price: Decimal, quantity: Decimal) -> Result<(), Refusal> {
    // Dividing instead of multiplying: the product may need more digits than are held. At a price
    // up to one the bound on the quantity is the stricter one.
    let most = Decimal::from(NOTIONAL_MAX).div_round(price, 0, Rounding::Down);
    if price <= Decimal::ONE || most.is_ok_and(|most| quantity <= most) {
        return Ok(());
    }
    Err(Refusal::TooLarge {
        field: "notional",
        limit: NOTIONAL_MAX,
    })
}

fn within(field: &'static str, value: Decimal, limit: i64) -> Result<(), Refusal> {
    if !value.is_positive() {
        return Err(Refusal::NotPositive { field, value });
    }
    if value > Decimal::from(limit) {
        return Err(Refusal::TooLarge { field, limit });
    }
    Ok(())
}
