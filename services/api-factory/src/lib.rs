//! The control plane of everything outside, and the exchange calls in the words of exchanges.
//!
//! Every process that calls outside shows its clusters, endpoints, quotas and breakers through the
//! internal egress service; this server asks them all and answers for the mesh. Orders and klines are
//! delegated: orders to the order service, which is the only way by which this mesh trades, klines to
//! market data. The heartbeat leaves from here too, on a task of its own, never on the order path.

mod api;
mod config;
mod error;
mod exchange;
mod gather;
mod heartbeat;
mod server;
mod status;

pub use config::{Config, HeartbeatConfig, HeartbeatConfigError};
pub use error::StartError;
pub use server::{Deps, Process, Server, start};
