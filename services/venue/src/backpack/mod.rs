//! Backpack: spot and linear perpetuals in one account, margined in USDC.
//!
//! | file | owns |
//! |---|---|
//! | `adapter` | the venue as [`VenueAdapter`](crate::VenueAdapter), by delegation |
//! | `sign` | instructions, bytes to sign, signature, headers |
//! | `client_id` | our index to their number and back |
//! | `limits` | scopes and limits |
//! | `errors`, `error_table` | what an answer that is no result means |
//! | `rest_*` | requests, each tied to the reader of its answer |
//! | `stream` | topics and subscriptions |
//! | `wire_*` | their words |
//! | `map_*`, `read_*` | theirs to ours |
//!
//! The vendor's page is <https://docs.backpack.exchange>; what is said of it here is as of its
//! OpenAPI description with the changelog to 2025-11-12.

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
mod wire_instrument;
mod wire_market;
mod wire_order;
mod wire_time;

#[cfg(test)]
mod tests;

pub use adapter::Backpack;

use chimera_model::Venue;

/// The venue's name.
pub const VENUE: Venue = Venue::literal("backpack");
