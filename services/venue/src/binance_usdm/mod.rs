//! Binance USDⓈ-M futures: linear perpetuals, margined in stablecoins.
//!
//! | file | owns |
//! |---|---|
//! | `adapter` | the venue as [`VenueAdapter`](crate::VenueAdapter), by delegation |
//! | `sign` | bytes to sign, signature, header |
//! | `client_id` | our index to their client order id and back |
//! | `limits` | weights, limits, usage headers |
//! | `errors`, `error_table` | what an answer that is no result means |
//! | `rest_*` | requests, each tied to the reader of its answer |
//! | `stream` | addresses, topics and subscriptions |
//! | `wire_*` | their words |
//! | `map_*` | theirs to ours |
//!
//! Pages named in this folder are the vendor's, under
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures>.

mod adapter;
mod client_id;
mod error_table;
mod errors;
mod limits;
mod map_account;
mod map_instrument;
mod map_market;
mod map_order;
mod read_private;
mod read_public;
mod rest_account;
mod rest_market;
mod rest_order;
mod sign;
mod stream;
mod wire_account;
mod wire_event;
mod wire_instrument;
mod wire_market;
mod wire_order;

#[cfg(test)]
mod tests;

pub use adapter::BinanceUsdm;
pub use error_table::{CODES, Code};

use chimera_model::Venue;

/// The venue's name.
pub const VENUE: Venue = Venue::literal("binance-usdm");
