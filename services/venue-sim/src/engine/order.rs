//! What enters a book, and what becomes of it.

use super::{Price, Quantity};

/// Names one order of a venue; rises with every order accepted.
pub type OrderId = u64;

/// Names one account of a venue.
pub type AccountId = u32;

/// Which side of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Bids.
    Buy,
    /// Asks.
    Sell,
}

impl Side {
    /// Returns the other side.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// Whose order it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The generated market's.
    Market,
    /// A client's.
    Account(AccountId),
}

/// How long an order may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeInForce {
    /// Until cancelled.
    GoodTillCancelled,
    /// Takes what it can at once; the rest expires.
    ImmediateOrCancel,
    /// All at once, or nothing.
    FillOrKill,
    /// Rests, or is refused: never takes.
    PostOnly,
}

/// What happens where both sides of a match belong to one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTrade {
    /// It trades.
    Allow,
    /// The incoming order expires.
    ExpireTaker,
    /// The resting order expires.
    ExpireMaker,
    /// Both expire.
    ExpireBoth,
}

/// An order on its way into a book.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its id.
    pub id: OrderId,
    /// Its owner.
    pub owner: Owner,
    /// Its side.
    pub side: Side,
    /// The worst price it accepts; none takes any.
    pub limit: Option<Price>,
    /// How much.
    pub quantity: Quantity,
    /// How long.
    pub time_in_force: TimeInForce,
    /// What to do on meeting its owner.
    pub self_trade: SelfTrade,
}

/// Who stood in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// An order.
    Order {
        /// Its id.
        id: OrderId,
        /// Its owner.
        owner: Owner,
        /// What is left of it.
        remaining: Quantity,
    },
    /// Liquidity of a recorded book.
    Ghost,
}

/// One match: price and quantity as traded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Who stood in the book.
    pub maker: Maker,
    /// The price, which is the maker's.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
}

/// How an incoming order ended its way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing is left.
    Filled,
    /// The rest stands in the book.
    Rested,
    /// The rest is gone.
    Expired,
    /// The rest is gone because it met its owner's order.
    ExpiredOnSelf,
    /// Nothing happened: it would have taken.
    WouldTake,
    /// Nothing happened: it could not be filled whole.
    NotFillable,
}

/// What an incoming order did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Matches, in order.
    pub matches: Vec<Match>,
    /// Resting orders of the same owner that expired, with what was left of each.
    pub prevented: Vec<(OrderId, Quantity)>,
    /// What is left of the order.
    pub remaining: Quantity,
    /// How it ended.
    pub disposition: Disposition,
}
