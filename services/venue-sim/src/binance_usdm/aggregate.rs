//! Aggregate trades: prints of one moment, one price and one taker's side, put together.

use serde::Serialize;

use super::format;
use crate::engine::{Price, Quantity};
use crate::exchange::{Instrument, PublicTrade};

/// One aggregate trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AggTrade {
    pub id: u64,
    pub price: Price,
    pub quantity: Quantity,
    pub first: u64,
    pub last: u64,
    pub time_ms: u64,
    pub buyer_is_maker: bool,
}

/// As REST writes it.
#[derive(Serialize)]
pub(super) struct RestAggTrade {
    a: u64,
    p: String,
    q: String,
    f: u64,
    l: u64,
    #[serde(rename = "T")]
    time_ms: u64,
    m: bool,
}

impl AggTrade {
    /// Begins an aggregate with a trade.
    pub fn begin(id: u64, trade: &PublicTrade) -> Self {
        Self {
            id,
            price: trade.price,
            quantity: trade.quantity,
            first: trade.id,
            last: trade.id,
            time_ms: trade.time_ms,
            buyer_is_maker: trade.buyer_is_maker,
        }
    }

    /// Adds a trade; false where it does not belong.
    pub fn join(&mut self, trade: &PublicTrade) -> bool {
        let belongs = self.price == trade.price
            && self.time_ms == trade.time_ms
            && self.buyer_is_maker == trade.buyer_is_maker;
        if belongs {
            self.quantity += trade.quantity;
            self.last = trade.id;
        }
        belongs
    }

    /// Writes it for REST.
    pub fn rest(&self, instrument: &Instrument) -> RestAggTrade {
        RestAggTrade {
            a: self.id,
            p: format::price(instrument, self.price),
            q: format::quantity(instrument, self.quantity),
            f: self.first,
            l: self.last,
            time_ms: self.time_ms,
            m: self.buyer_is_maker,
        }
    }
}
