//! Requests, before and after they are signed.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use chimera_model::instrument::InstrumentKind;
use chimera_model::{OrderType, TimeInForce};
use http::{HeaderMap, Method};

use crate::account::{NewOrder, OrderKind};
use crate::error::VenueError;
use crate::limits::Charge;

/// What a request does: it decides what an error proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Places an order.
    Place,
    /// Cancels an order.
    Cancel,
    /// Asks for something; changes nothing.
    Query,
    /// Opens, extends or closes a session.
    Session,
}

/// Who goes first when the venue's room is scarce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Priority {
    /// Cancels, and what can only shrink a position; may use the share reserved for it (F114).
    Protect,
    /// Orders and the sessions they need.
    Trade,
    /// Everything else.
    Read,
}

/// What a request has to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// Nothing.
    None,
    /// Who asks.
    Key,
    /// Who asks and that they ask this, now.
    Signed,
}

/// The body of a request, before signing.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// None.
    Empty,
    /// Form fields, in this order.
    Form(Vec<(&'static str, String)>),
    /// JSON text, exactly as it is to be sent.
    Json(String),
}

/// A request that a venue understands; nothing is signed yet.
#[derive(Clone, PartialEq, Eq)]
pub struct VenueRequest {
    /// What it does.
    pub operation: Operation,
    /// A stable name of the endpoint, for limits, breakers and metrics, e.g. `order.place`.
    pub endpoint: &'static str,
    /// The method.
    pub method: Method,
    /// The path.
    pub path: &'static str,
    /// Query fields, in this order.
    pub query: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
    /// What it has to prove.
    pub auth: Auth,
    /// What it costs in each scope of [`RateLimits`](crate::RateLimits).
    pub charges: Vec<Charge>,
    /// Who goes first.
    pub priority: Priority,
    /// Whether sending it twice does no more than sending it once. Never true of a placement.
    pub repeatable: bool,
}

impl fmt::Debug for VenueRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VenueRequest")
            .field("endpoint", &self.endpoint)
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A request ready for the wire. `Debug` shows neither query, headers nor body: keys and
/// signatures are in them.
#[derive(Clone)]
pub struct WireRequest {
    /// The method.
    pub method: Method,
    /// The absolute address.
    pub url: url::Url,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body, exactly as signed.
    pub body: Bytes,
}

impl fmt::Debug for WireRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WireRequest")
            .field("method", &self.method)
            .field("path", &self.url.path())
            .finish_non_exhaustive()
    }
}

/// Where a venue is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Base of requests, e.g. `https://fapi.binance.com`.
    pub rest: url::Url,
    /// Base of streams, e.g. `wss://fstream.binance.com`; the adapter adds paths.
    pub stream: url::Url,
}

impl Endpoints {
    /// Reads both from text.
    ///
    /// # Errors
    /// Fails on a text that is no URL.
    pub fn parse(rest: &str, stream: &str) -> Result<Self, VenueError> {
        let url = |text: &str| {
            url::Url::parse(text).map_err(|error| VenueError::not_built(error.to_string()))
        };
        Ok(Self {
            rest: url(rest)?,
            stream: url(stream)?,
        })
    }
}

/// What a venue offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Order types it takes.
    pub order_types: &'static [OrderType],
    /// Lifetimes it takes.
    pub times_in_force: &'static [TimeInForce],
    /// Whether orders can be made to rest or be refused.
    pub post_only: bool,
    /// Whether orders can be made to shrink a position or be refused. Never on spot, which has no
    /// positions.
    pub reduce_only: bool,
    /// Whether a second order of a client id that is open is refused (F03). Where it is not, nothing
    /// but our own records keep an id to one order.
    pub refuses_open_client_id: bool,
    /// Whether the private stream tells balances. Where it does not, they are asked for after what
    /// moves them.
    pub streams_balances: bool,
    /// How long after its timestamp a request of ours may still be accepted; a miss within it
    /// proves nothing (F05).
    pub validity_window: Duration,
}

impl Capabilities {
    /// Returns what an order asks for that the venue does not offer, if anything.
    #[must_use]
    pub fn lack(&self, kind: InstrumentKind, order: &NewOrder) -> Option<&'static str> {
        let reduces = self.reduce_only && kind != InstrumentKind::Spot;
        if order.reduce_only && !reduces {
            return Some("reduce-only orders of this instrument");
        }
        match order.kind {
            OrderKind::Market => {
                (!self.order_types.contains(&OrderType::Market)).then_some("market orders")
            }
            OrderKind::Limit {
                time_in_force,
                post_only,
                ..
            } => {
                if !self.order_types.contains(&OrderType::Limit) {
                    Some("limit orders")
                } else if !self.times_in_force.contains(&time_in_force) {
                    Some("orders of this time in force")
                } else {
                    (post_only && !self.post_only).then_some("post-only orders")
                }
            }
        }
    }
}
