//! Instruments: what can be traded, and the rules a price and a quantity must keep.
//!
//! Ticks and lots are integers in minimal units, never digit counts (F67): a price is a whole
//! number of `10^-price_scale`, and a valid price is a whole multiple of the tick size, which is
//! itself such an integer. Tick sizes of 0.0005 and of 5 are both plain integers here.

mod definition;
mod rules;
mod units;

#[cfg(test)]
mod tests;

pub use definition::{
    ContractForm, Instrument, InstrumentError, InstrumentKind, InstrumentStatus, MarketLot,
    PriceCollar,
};
pub use rules::{Nearest, Rule, RuleViolation};
pub use units::{PriceTicks, QuantityLots};
