//! What a venue offers, by its own word: what it does not is refused before anything is begun.

use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_model::instrument::InstrumentKind;
use chimera_model::order::OrderKind;
use chimera_model::{OrderType, TimeInForce};

use crate::call::Admitted;
use crate::error::OrderError;
use crate::wire;

/// What a venue offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// How long the venue may still take a request of ours; nothing when it does not say.
    pub(crate) window: Option<Duration>,
    order_types: Vec<OrderType>,
    times_in_force: Vec<TimeInForce>,
    post_only: bool,
    reduce_only: bool,
}

impl Offer {
    pub(crate) fn read(said: &pb::GetCapabilitiesResponse) -> Self {
        Self {
            window: said.validity_window.as_ref().and_then(wire::duration),
            order_types: said.order_types().filter_map(wire::order_type).collect(),
            times_in_force: said
                .times_in_force()
                .filter_map(wire::time_in_force)
                .collect(),
            post_only: said.post_only,
            reduce_only: said.reduce_only,
        }
    }

    /// Refuses what the venue does not offer.
    pub(crate) fn check(&self, admitted: &Admitted) -> Result<(), OrderError> {
        let spec = &admitted.spec;
        match self.lack(admitted) {
            None => Ok(()),
            Some(what) => Err(OrderError::UnsupportedByVenue {
                venue: spec.venue,
                symbol: spec.symbol,
                what,
            }),
        }
    }

    fn lack(&self, admitted: &Admitted) -> Option<&'static str> {
        let spec = &admitted.spec;
        let reduces = self.reduce_only && admitted.instrument.kind != InstrumentKind::Spot;
        if spec.reduce_only && !reduces {
            return Some("reduce-only orders");
        }
        if spec.kind == OrderKind::Market {
            let takes = self.order_types.contains(&OrderType::Market);
            return (!takes).then_some("market orders");
        }
        if !self.order_types.contains(&OrderType::Limit) {
            return Some("limit orders");
        }
        if !self.times_in_force.contains(&spec.time_in_force) {
            return Some("orders of this time in force");
        }
        let tracking = admitted.tracking.as_ref();
        let rests = spec.post_only || tracking.is_some_and(|tracking| tracking.post_only);
        (rests && !self.post_only).then_some("post-only orders")
    }
}
