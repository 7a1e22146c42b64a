//! Positions, balances, margin and profit: derived from fills, checked against the venues.
//!
//! Two inputs. The Order service tells every fill that the mesh concluded, its history first, and
//! positions are their sum. The Connector tells what the venues say of the same accounts; it is
//! shown beside the sum and compared with it. A difference is never hidden and never mended here:
//! it settles, or it is an alert and stands in the position. The one thing taken from the venue is
//! an opening: what was held before the mesh kept records, marked as inferred (F48).
//!
//! Nothing is stored. At start, and whenever the Order service's history is another one, positions
//! are built anew from the history of fills; until then calls answer RECOVERING. Both inputs are
//! dialled again for as long as it takes, and everything served says how old its newest word is.

mod api;
mod backoff;
mod config;
mod error;
mod feed;
mod holdings;
mod hub;
mod metrics;
mod render;
mod server;
mod service;
mod token;
mod wire;

#[cfg(test)]
mod tests;

pub use config::Config;
pub use error::StartError;
pub use server::{Channels, Server, start};
