//! The live sessions to venues: sends what it is told, reports what happened, says when it is
//! unsure. Never decides about orders.
//!
//! One [`session`] a venue and account holds the private stream; one [`market`] a venue holds the
//! best bids and asks that somebody asked for. What they share of a venue (instruments, its clock,
//! the way to it) is its [`desk`]. Both channels of an account, the private stream and the answers
//! to requests, end in one [`hub`], from which any number of readers gets every report in one
//! order.
//!
//! What is lost here, and what is not: reports are never dropped for a reader that is still on; a
//! reader that is too slow is ended and told. Quotes are newest only. A connection is a generation:
//! what an older one still says never passes.

mod account_stream;
mod api;
mod ask;
mod backoff;
mod clock_offset;
mod command;
mod config;
mod desk;
mod echoes;
mod error;
mod hub;
mod instruments;
mod latch;
mod market;
mod market_stream;
mod metrics;
mod orders;
mod outcome;
mod policy;
mod queries;
mod scale;
mod server;
mod service;
mod session;
#[cfg(test)]
mod tests;
mod upkeep;
mod wire;

pub use config::{Config, ConfigError, ConfiguredVenue, Timing, VenueConfig};
pub use error::ConnectorError;
pub use policy::cluster_policy;
pub use server::{Deps, Server, StartError, start};
