//! From what a caller asks for to an order that could be sent: contradictions, the instrument's
//! rules, and nothing rounded (F66, H43 to H50).

use chimera_model::order::{OrderKind, OrderSpec};
use chimera_model::{
    Account, ClientOrderIndex, Decimal, Instrument, OrderType, RuleViolation, Side, TimeInForce,
    Venue,
};

use crate::attempts::TrackingSpec;
use crate::error::OrderError;
use crate::wire;

/// What a caller asks for, each field valid by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceOrder {
    /// Whose.
    pub account: Account,
    /// The caller's index, when it chose one.
    pub index: Option<ClientOrderIndex>,
    /// Where.
    pub venue: Venue,
    /// Of what: a canonical symbol or an alias.
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// How it finds its price.
    pub kind: OrderKind,
    /// How much.
    pub quantity: Decimal,
    /// At what price.
    pub price: Option<Decimal>,
    /// How long it may work, when stated.
    pub time_in_force: Option<TimeInForce>,
    /// Whether it may only rest.
    pub post_only: bool,
    /// Whether it may only shrink the position.
    pub reduce_only: bool,
    /// How it follows the market.
    pub tracking: Option<TrackingSpec>,
    /// The trace of the call, 32 hex digits, or nothing.
    pub trace_id: String,
}

impl PlaceOrder {
    /// Refuses fields that contradict each other, whatever is traded (H50).
    ///
    /// # Errors
    /// Names the fields.
    pub fn check(&self) -> Result<(), OrderError> {
        let contradiction = |fields: &[&'static str], words| {
            Err(OrderError::Contradictory {
                fields: fields.to_vec(),
                words,
            })
        };
        let limit = self.kind == OrderKind::Limit;
        if limit && self.price.is_none() {
            return Err(OrderError::field("price", "required for limit orders"));
        }
        if !limit && self.price.is_some() {
            let words = "only limit orders carry a price";
            return contradiction(&["type", "price"], words);
        }
        if self.tracking.is_some() != (self.kind == OrderKind::TrackingLimit) {
            let words = "`tracking_limit` belongs to tracking limits";
            return contradiction(&["type", "tracking_limit"], words);
        }
        if self.post_only && !limit {
            let words = "post-only is for limit orders; a tracking limit has a setting of its own";
            return contradiction(&["post_only", "type"], words);
        }
        let lifetime = self.time_in_force;
        if self.post_only && lifetime.is_some_and(|lifetime| lifetime != TimeInForce::Gtc) {
            let words = "a post-only order rests, so it works until it is cancelled";
            return contradiction(&["post_only", "time_in_force"], words);
        }
        match (self.kind, lifetime) {
            (OrderKind::Market, Some(TimeInForce::Gtc | TimeInForce::Fok)) => contradiction(
                &["type", "time_in_force"],
                "a market order is immediate or cancel",
            ),
            (OrderKind::TrackingLimit, Some(TimeInForce::Ioc | TimeInForce::Fok)) => contradiction(
                &["type", "time_in_force"],
                "a tracking limit works until it is filled or gives up",
            ),
            _ => Ok(()),
        }
    }

    /// Returns the order by the rules of its instrument; its index is set when it is claimed.
    ///
    /// # Errors
    /// Names the rule that is broken and the nearest valid values.
    pub fn admit(&self, instrument: &Instrument) -> Result<OrderSpec, OrderError> {
        if !instrument.is_tradable() {
            return Err(OrderError::InstrumentNotTrading {
                symbol: instrument.symbol,
            });
        }
        let order_type = match self.kind {
            OrderKind::Market => OrderType::Market,
            OrderKind::Limit | OrderKind::TrackingLimit => OrderType::Limit,
        };
        instrument.quantity_lots(self.quantity, order_type)?;
        if let Some(price) = self.price {
            instrument.price_ticks(price)?;
        }
        Ok(self.spec(instrument))
    }

    /// Returns how long it may work, by default what its kind implies.
    pub(crate) fn lifetime(&self) -> TimeInForce {
        self.time_in_force.unwrap_or(match self.kind {
            OrderKind::Market => TimeInForce::Ioc,
            OrderKind::Limit | OrderKind::TrackingLimit => TimeInForce::Gtc,
        })
    }

    /// Returns the order as it would be recorded.
    pub(crate) fn spec(&self, instrument: &Instrument) -> OrderSpec {
        OrderSpec {
            account: self.account,
            index: self.index,
            venue: self.venue,
            symbol: instrument.symbol,
            side: self.side,
            kind: self.kind,
            time_in_force: self.lifetime(),
            post_only: self.post_only,
            reduce_only: self.reduce_only,
            quantity: self.quantity,
            price: self.price,
            scale: wire::scale(instrument),
            parent: None,
        }
    }
}

/// Refuses an order whose notional is below the instrument's least (F66).
///
/// # Errors
/// Names the least notional.
pub(crate) fn check_notional(
    instrument: &Instrument,
    notional: Decimal,
    reduce_only: bool,
) -> Result<(), RuleViolation> {
    instrument.check_notional(notional, reduce_only)
}

/// Returns the fields by which a request differs from the order that has its index (F08).
pub(crate) fn differing(
    recorded: &OrderSpec,
    recorded_tracking: Option<&TrackingSpec>,
    asked: &OrderSpec,
    asked_tracking: Option<&TrackingSpec>,
) -> Vec<&'static str> {
    let pairs = [
        ("venue", recorded.venue != asked.venue),
        ("symbol", recorded.symbol != asked.symbol),
        ("side", recorded.side != asked.side),
        ("type", recorded.kind != asked.kind),
        ("quantity", recorded.quantity != asked.quantity),
        ("price", recorded.price != asked.price),
        (
            "time_in_force",
            recorded.time_in_force != asked.time_in_force,
        ),
        ("post_only", recorded.post_only != asked.post_only),
        ("reduce_only", recorded.reduce_only != asked.reduce_only),
        ("tracking_limit", recorded_tracking != asked_tracking),
        // A child is never what a caller placed.
        ("parent", recorded.parent.is_some()),
    ];
    pairs
        .into_iter()
        .filter_map(|(field, differs)| differs.then_some(field))
        .collect()
}
