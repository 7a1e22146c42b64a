//! What the words mean: ids, decimals, instruments, books, orders and positions.
//!
//! Pure and synchronous: no I/O, no clock, no float for money. Everything that computes with
//! prices, quantities or money does it here, exactly, or fails with a typed error.

pub mod account;
pub mod book;
pub mod decimal;
pub mod ids;
pub mod instrument;
pub mod market;
pub mod order;
pub mod position;
pub mod report;
mod words;

pub use decimal::{Decimal, DecimalError, Rounding};
pub use ids::{
    Account, Asset, ClientOrderId, ClientOrderIndex, IdError, Symbol, TradeId, UnixNanos, Venue,
    VenueOrderId, VenueSymbol,
};
pub use instrument::{
    Instrument, PriceTicks, QuantityLots, Rule, RuleViolation, ScaledPrice, ScaledQuantity,
};
pub use words::{Liquidity, OrderType, Side, TimeInForce};
