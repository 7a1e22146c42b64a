//! One venue without its words: instruments, books, accounts, orders, and what happened.
//!
//! Synchronous. Time comes in with every call, events go out through [`Exchange::take_events`],
//! and a dialect turns both into its own protocol. Nothing here knows a socket.

mod admission;
mod desk;
mod event;
mod funding;
mod instrument;
mod order;
mod settle;
mod state;
mod tape;

pub use event::{BalanceReason, Event, Execution, PublicTrade};
pub use funding::{Funding, Income, IncomeKind};
pub use instrument::{Band, Bracket, Instrument, InstrumentId, Margining, RootFraction, Status};
pub use order::{Fill, Kind, NewOrder, Order, OrderStatus, Refusal};
pub use state::Exchange;
pub use tape::{Candle, MINUTE_MS, Tape};
