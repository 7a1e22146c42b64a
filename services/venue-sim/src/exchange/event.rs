//! What happened, in no venue's words.

use rust_decimal::Decimal;

use super::{Fill, InstrumentId, Order};
use crate::account::Position;
use crate::engine::{AccountId, LevelChange, OrderId, Price, Quantity};

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Execution {
    /// It was accepted.
    New,
    /// It traded.
    Trade,
    /// It was taken out on request.
    Cancelled,
    /// It ended by its own terms or by the venue.
    Expired,
    /// Its price or quantity was changed.
    Amended,
}

/// Why a balance moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BalanceReason {
    /// A fill.
    Order,
    /// Funding.
    Funding,
    /// Money paid in or out.
    Deposit,
}

/// A public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicTrade {
    /// What.
    pub instrument: InstrumentId,
    /// Its id, without gaps per instrument.
    pub id: u64,
    /// At what price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// Whether the buyer stood in the book.
    pub buyer_is_maker: bool,
    /// The order that stood in the book; none of a recorded market.
    pub maker: Option<OrderId>,
    /// The order that took; none of a recorded market, or where a script filled.
    pub taker: Option<OrderId>,
    /// When.
    pub time_ms: u64,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Levels of a book changed.
    Book {
        /// Which book.
        instrument: InstrumentId,
        /// The number of the first change; follows the last number of the update before.
        first: u64,
        /// The number of the book's state after the changes.
        last: u64,
        /// The changes, in order.
        changes: Vec<LevelChange>,
        /// When.
        time_ms: u64,
    },
    /// A trade was printed.
    Trade(PublicTrade),
    /// An order changed.
    Order {
        /// The order after the change.
        order: Box<Order>,
        /// What changed.
        execution: Execution,
        /// The fill, where it traded.
        fill: Option<Box<Fill>>,
        /// When.
        time_ms: u64,
    },
    /// A wallet moved.
    Balance {
        /// Whose.
        account: AccountId,
        /// Why.
        reason: BalanceReason,
        /// The wallet after it.
        wallet: Decimal,
        /// By how much it moved, fills excepted.
        change: Decimal,
        /// The position touched, with its mark price.
        position: Option<(InstrumentId, Position, Price)>,
        /// When.
        time_ms: u64,
    },
    /// Leverage was set.
    Leverage {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// To what.
        leverage: u32,
        /// When.
        time_ms: u64,
    },
}
