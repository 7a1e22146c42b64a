//! Instruments: what can be traded, and the rules a price and a quantity must keep.
//!
//! Tick and lot are exact numbers, never digit counts (F67): 0.0005 and 5 are both tick sizes. A
//! price of an order is a whole number of ticks, a quantity a whole number of lots; what is not
//! is refused with the rule's name and the nearest valid values, and is never rounded (F66).

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
pub use units::{PriceTicks, QuantityLots, ScaledPrice, ScaledQuantity};
