//! Orders and fills as the venue keeps them.

use rust_decimal::Decimal;

use super::InstrumentId;
use crate::engine::{AccountId, OrderId, Price, Quantity, SelfTrade, Side, TimeInForce};

/// Kinds of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With a worst price.
    Limit,
    /// At what the book offers.
    Market,
}

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// In the book, nothing traded.
    New,
    /// In the book, some traded.
    PartiallyFilled,
    /// All traded.
    Filled,
    /// Taken out on request.
    Cancelled,
    /// Ended by its own terms or by the venue.
    Expired,
    /// Ended because it met its owner's order.
    ExpiredOnSelf,
}

impl OrderStatus {
    /// Whether it can still trade.
    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::PartiallyFilled)
    }
}

/// What to place.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// Whose.
    pub account: AccountId,
    /// What.
    pub instrument: InstrumentId,
    /// The client's id; empty where the venue asks for none and none was sent.
    pub client_id: String,
    /// Which side.
    pub side: Side,
    /// Which kind.
    pub kind: Kind,
    /// The worst price; none for a market order.
    pub price: Option<Price>,
    /// How much.
    pub quantity: Quantity,
    /// The quote amount that the quantity was derived from, where the client named that instead.
    pub quote_quantity: Option<Decimal>,
    /// How long.
    pub time_in_force: TimeInForce,
    /// Whether it may only shrink a position.
    pub reduce_only: bool,
    /// What to do on meeting its owner.
    pub self_trade: SelfTrade,
    /// When it expires by itself.
    pub expires_ms: Option<u64>,
}

/// An order as it stands.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// What was asked; the quantity may have been cut to what it can reduce, or amended.
    pub terms: NewOrder,
    /// What has traded.
    pub executed: Quantity,
    /// What that came to in quote units.
    pub executed_quote: Decimal,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// When it was accepted.
    pub created_ms: u64,
    /// When it last changed.
    pub updated_ms: u64,
}

impl Order {
    /// Returns what can still trade.
    pub fn remaining(&self) -> Quantity {
        self.terms.quantity.saturating_sub(self.executed)
    }

    /// Returns the average price of what has traded; zero before anything has.
    pub fn average(&self) -> Decimal {
        if self.executed.is_zero() {
            return Decimal::ZERO;
        }
        self.executed_quote / self.executed.decimal()
    }
}

/// One fill of a client's order.
#[derive(Clone, Debug)]
pub struct Fill {
    /// The trade's id; both sides of a trade share it.
    pub trade: u64,
    /// The order.
    pub order: OrderId,
    /// Its account.
    pub account: AccountId,
    /// What.
    pub instrument: InstrumentId,
    /// Which side.
    pub side: Side,
    /// At what price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// The fee.
    pub fee: Decimal,
    /// What the fee is charged in.
    pub fee_asset: String,
    /// What it realised, fee not counted.
    pub realised: Decimal,
    /// Whether the order stood in the book.
    pub maker: bool,
    /// When.
    pub time_ms: u64,
}

/// Why a venue refuses to take, change or end an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The instrument is halted.
    #[error("the instrument does not trade")]
    Halted,
    /// The price is not a multiple of the tick.
    #[error("price is off the tick")]
    OffTick,
    /// The price is below the lowest.
    #[error("price below {0}")]
    PriceTooLow(Price),
    /// The price is above the highest.
    #[error("price above {0}")]
    PriceTooHigh(Price),
    /// A buy is priced above the band around the mark price.
    #[error("price above the band's {0}")]
    AboveBand(Price),
    /// A sell is priced below the band around the mark price.
    #[error("price below the band's {0}")]
    BelowBand(Price),
    /// The price is too far from the last trade's.
    #[error("price is too far from the last trade")]
    FarFromLast,
    /// A market order would begin to trade outside the band.
    #[error("the best price is outside the band")]
    BestOutsideBand,
    /// The quantity is not a multiple of the step.
    #[error("quantity is off the step")]
    OffStep,
    /// The quantity is zero or less.
    #[error("quantity is zero")]
    NoQuantity,
    /// The quantity is below the smallest.
    #[error("quantity below {0}")]
    QuantityTooSmall(Quantity),
    /// The quantity is above the largest.
    #[error("quantity above {0}")]
    QuantityTooLarge(Quantity),
    /// The order is worth too little.
    #[error("order value below {0}")]
    NotionalTooSmall(Decimal),
    /// The client's id is in use by an open order.
    #[error("client id is in use")]
    DuplicateClientId,
    /// The account has as many open orders as it may.
    #[error("too many open orders")]
    TooManyOrders,
    /// There is nothing to reduce.
    #[error("nothing to reduce")]
    NothingToReduce,
    /// Other orders already reduce all there is.
    #[error("open orders already reduce the whole position")]
    AlreadyReduced,
    /// The position would be larger than the leverage allows.
    #[error("position above the maximum at this leverage")]
    PositionTooLarge,
    /// There is not enough of the asset to be given.
    #[error("funds are insufficient")]
    FundsInsufficient,
    /// There is not enough margin.
    #[error("margin is insufficient")]
    MarginInsufficient,
    /// A post-only order would take.
    #[error("post-only order would take")]
    WouldTake,
    /// A fill-or-kill order cannot be filled whole.
    #[error("order cannot be filled whole")]
    NotFillable,
    /// There is no such open order.
    #[error("no such open order")]
    UnknownOrder,
    /// An amendment that changes nothing.
    #[error("nothing to amend")]
    NothingToAmend,
}
