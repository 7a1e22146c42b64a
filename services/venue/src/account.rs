//! What is asked of a venue about an account.

use std::sync::Arc;

use chimera_model::report::Unmapped;
use chimera_model::{
    Account, ClientOrderIndex, Decimal, Side, TimeInForce, TradeId, UnixNanos, VenueOrderId,
};

use crate::instruments::InstrumentTable;

/// Whose requests and reports these are, and by which instruments they are read.
#[derive(Debug, Clone)]
pub struct AccountContext {
    /// Whose.
    pub account: Account,
    /// The instruments known; a report of another one is [`Unmapped`], never dropped.
    pub instruments: Arc<InstrumentTable>,
}

/// How an order finds its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderKind {
    /// Takes what the book offers.
    Market,
    /// Trades at a price or better.
    Limit {
        /// The price; on the instrument's grid.
        price: Decimal,
        /// How long it stands.
        time_in_force: TimeInForce,
        /// Whether it is refused rather than taking; only with [`TimeInForce::Gtc`] (H50).
        post_only: bool,
    },
}

/// An order to place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Our index; the client id is a function of it.
    pub index: ClientOrderIndex,
    /// Which way.
    pub side: Side,
    /// How much, in base units; on the instrument's grid.
    pub quantity: Decimal,
    /// At what price.
    pub kind: OrderKind,
    /// Whether it may only shrink a position.
    pub reduce_only: bool,
}

/// Which order is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderKey {
    /// One of ours.
    Index(ClientOrderIndex),
    /// Any, by the venue's id.
    VenueId(VenueOrderId),
}

/// Which fills are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FillQuery {
    /// The newest.
    Newest,
    /// Those after this trade, oldest first.
    After {
        /// The trade.
        trade: TradeId,
        /// When it was, where that is known: some venues find fills by time alone.
        since: Option<UnixNanos>,
    },
    /// Those from this time on, oldest first.
    Since(UnixNanos),
    /// Those of one order.
    OfOrder(VenueOrderId),
}

/// What was read of a list, and what could not be mapped: nothing is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// What was read.
    pub items: Vec<T>,
    /// What names an instrument or asset that is not known here.
    pub unmapped: Vec<Unmapped>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            unmapped: Vec::new(),
        }
    }
}

/// A page of a longer list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What the page holds, oldest first.
    pub list: Listed<T>,
    /// Whether the venue may hold more after the last one.
    pub more: bool,
}
