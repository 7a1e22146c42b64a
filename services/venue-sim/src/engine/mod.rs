//! The matching engine: price-time priority over scaled integers, one book an instrument.
//!
//! Synchronous and free of clocks, chance and accounts: the same calls give the same book, the
//! same matches and the same sequence numbers. All that a dialect publishes of a book comes from
//! [`Book::take_changes`], so that a stream can never tell another story than the book.

mod book;
mod ghost;
mod matching;
mod order;
mod units;

#[cfg(test)]
mod tests;

pub use book::{Book, LevelChange};
pub use ghost::TapeFill;
pub use order::{
    AccountId, Disposition, Incoming, Maker, Match, OrderId, Outcome, Owner, SelfTrade, Side,
    TimeInForce,
};
pub use units::{Price, Quantity, SCALE, notional};
