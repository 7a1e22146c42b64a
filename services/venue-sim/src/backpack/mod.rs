//! Backpack, spot and perpetuals: REST and WebSocket, strict as the venue documents itself.
//!
//! | file | what |
//! |---|---|
//! | `routes` | the endpoints as a table |
//! | `rest` | a request from bytes to bytes |
//! | `trade`, `orders`, `history`, `holdings`, `market_data`, `listing` | what they do |
//! | `socket`, `stream_name` | a WebSocket and what it may ask for |
//! | `feed`, `private_feed` | what the streams say |
//! | `wire`, `frames`, `private_frames` | payloads |
//! | `words`, `format`, `error` | the venue's vocabulary |
//! | `limits`, `sign`, `params` | what a request must pass |
//!
//! Deliberately absent: trigger orders, borrowing and lending, requests for quotes, liquidation.
//! What needs one of them is refused with an error of the venue.

mod dialect;
mod error;
mod feed;
mod format;
mod frames;
mod history;
mod holdings;
mod instruments;
mod limits;
mod listing;
mod market_data;
mod orders;
mod params;
mod positions;
mod private_feed;
mod private_frames;
mod rest;
mod routes;
mod sign;
mod socket;
mod stream_name;
mod trade;
mod wire;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::routing::any;

use crate::venue::Venue;

pub(crate) use dialect::BackpackDialect;
pub(crate) use instruments::instruments;
pub use limits::REQUESTS_1M;
pub(crate) use sign::credentials;

/// The running venue.
pub(crate) type Backpack = Venue<BackpackDialect>;

/// Returns the HTTP service of the venue: REST, and sockets at the root of the same port.
pub(crate) fn service(venue: Arc<Backpack>) -> Router {
    Router::new()
        .route("/", any(socket::open))
        .fallback(rest::serve)
        .with_state(venue)
}

#[cfg(test)]
mod tests;
