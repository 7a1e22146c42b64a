//! An order with what belongs to it.

use chimera_model::order::Order;
use serde::{Deserialize, Serialize};

use crate::attempts::Tracking;
use crate::key::{OrderKey, SiteKey};
use crate::ledger::Line;

/// An order with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The order.
    pub order: Order,
    /// The venue's symbol.
    pub venue_symbol: String,
    /// The trace that placed it.
    pub trace_id: String,
    /// Why the venue made it; empty for orders somebody placed.
    pub venue_cause: String,
    /// What it does to follow the market; tracking limits only.
    pub tracking: Option<Tracking>,
}

impl Entry {
    /// Returns the account and venue.
    #[must_use]
    pub fn site(&self) -> SiteKey {
        let spec = self.order.spec();
        SiteKey {
            account: spec.account,
            venue: spec.venue,
        }
    }

    /// Returns the tracking limit that it is a child of.
    #[must_use]
    pub fn parent_key(&self) -> Option<OrderKey> {
        let spec = self.order.spec();
        Some(OrderKey::ours(spec.account, spec.parent?))
    }

    /// Returns the instrument of the account that it trades.
    #[must_use]
    pub fn line(&self) -> Line {
        let spec = self.order.spec();
        Line {
            account: spec.account,
            venue: spec.venue,
            symbol: spec.symbol,
        }
    }
}
