//! Every order of the mesh, from admission to its end.
//!
//! One task owns all state. Callers reach it through bounded queues; what it records goes to the
//! journal, and only when that is durable do answers, submissions and stream frames leave. Nothing
//! is concluded but from what a venue said, nothing is sent twice, and what nobody knows counts at
//! its worst until the venue has spoken. What is done about an order is told in the modules named
//! after it: admission, risk, submit, cancel, unknown, reconcile, recovery, kill, verification,
//! tracking_limit.

mod admission;
mod api;
mod attempts;
mod call;
mod cancel;
mod child;
mod comparing;
mod conclusions;
mod config;
mod denial;
mod difference;
mod entry;
mod error;
mod executions;
mod feed;
mod follow;
mod funds;
mod handle;
mod holding;
mod indices;
mod journal_log;
mod key;
mod kill;
mod ledger;
mod lists;
mod market;
mod metrics;
mod offer;
mod pages;
mod parked;
mod read_back;
mod reconcile;
mod recovery;
mod render;
mod replay;
mod reports;
mod requests;
mod risk;
mod saga;
mod server;
mod service;
mod snapshot;
mod standing;
mod store;
mod strangers;
mod streams;
mod submit;
#[cfg(test)]
mod tests;
mod timeline;
mod tracking_limit;
mod trading;
mod unknown;
mod verification;
mod watch;
mod wire;
mod writer;

pub use config::{Config, ConfigError, RiskConfig, TimingConfig};
pub use denial::Denial;
pub use entry::Entry;
pub use error::{OrderError, StartError};
pub use holding::Holding;
pub use journal_log::{Body, Logged};
pub use key::{OrderKey, SiteKey};
pub use ledger::{Ledger, Line};
pub use server::{Deps, Server, start};
pub use store::{Encode, FencedStore, MemoryStore, Placed as StoredRecord, Store};
pub use trading::TradingState;
