//! Binance USDⓈ-M futures: REST and WebSocket, strict as the venue documents itself.
//!
//! | file | what |
//! |---|---|
//! | `routes` | the endpoints as a table |
//! | `rest` | a request from bytes to bytes |
//! | `trade`, `orders`, `holdings`, `market_data`, `sessions` | what the endpoints do |
//! | `socket`, `stream_name` | a WebSocket and what it may ask for |
//! | `feed`, `private_feed` | what the streams say |
//! | `wire`, `holdings_wire`, `frames`, `private_frames`, `listing` | payloads |
//! | `words`, `format`, `error` | the venue's vocabulary |
//! | `limits`, `sign`, `params` | what a request must pass |
//!
//! Deliberately absent: isolated margin, hedge mode, conditional orders, liquidation. Each is
//! refused with an error of the venue.

mod aggregate;
mod dialect;
mod error;
mod feed;
mod format;
mod frames;
mod holdings;
mod holdings_wire;
mod instruments;
mod limits;
mod listing;
mod market_data;
mod orders;
mod params;
mod private_feed;
mod private_frames;
mod rest;
mod routes;
mod sessions;
mod sign;
mod socket;
mod stream_name;
mod trade;
mod wire;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::routing::any;

use crate::venue::Venue;

pub(crate) use dialect::BinanceUsdm;
pub(crate) use instruments::instruments;
pub use limits::LimitConfig;
pub(crate) use sessions::draw;

/// The running venue.
pub(crate) type Binance = Venue<BinanceUsdm>;

/// Returns the HTTP service of the venue: REST, and sockets on the same port.
pub(crate) fn service(venue: Arc<Binance>) -> Router {
    let mut router = Router::new();
    for base in ["", "/public", "/market", "/private"] {
        router = router
            .route(&format!("{base}/ws"), any(socket::raw))
            .route(&format!("{base}/ws/{{*streams}}"), any(socket::raw))
            .route(&format!("{base}/stream"), any(socket::combined));
    }
    router.fallback(rest::serve).with_state(venue)
}
