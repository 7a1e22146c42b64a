//! What the service is asked for, checked field by field.

use chimera_model::{
    ClientOrderIndex, PriceTicks, QuantityLots, Side, TimeInForce, TradeId, UnixNanos, VenueOrderId,
};

/// Names one account at one venue, as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub venue: String,
    pub account: String,
}

/// An order to send, in steps of the instrument version that scaled it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Submit {
    pub target: Target,
    pub symbol: String,
    pub index: ClientOrderIndex,
    pub side: Side,
    pub quantity: QuantityLots,
    pub kind: SubmitKind,
    pub instrument_version: u64,
    pub reduce_only: bool,
    /// Its place among the caller's submissions.
    pub seq: u64,
    pub lowers_exposure: bool,
}

/// Which submissions are withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Withdraw {
    pub before_seq: u64,
    pub spare_lowering: bool,
}

/// How the order finds its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubmitKind {
    Market,
    Limit {
        price: PriceTicks,
        time_in_force: TimeInForce,
        post_only: bool,
    },
}

/// One order at a venue, by our id or by the venue's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderAt {
    pub target: Target,
    pub symbol: String,
    pub key: OrderKey,
    /// When it was made, where the caller knows.
    pub created: Option<UnixNanos>,
}

/// Which id names the order. The venue's own is the surer one where both are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OrderKey {
    Ours(ClientOrderIndex),
    Venues(VenueOrderId),
}

/// Which fills to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListFills {
    pub target: Target,
    pub symbol: String,
    pub after: Option<TradeId>,
    pub start: Option<UnixNanos>,
    pub order: Option<VenueOrderId>,
}

/// Which tops of book to stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WatchMarket {
    pub venue: String,
    pub symbols: Vec<String>,
}
