//! How fast the house is: load on a mesh that runs as a process of its own.
//!
//! The mesh under test is a child of this same executable, so that memory and processor time read
//! from the system are its own. The load and the simulated venue live in this process; every instant
//! is read from this process's clock. Floats are durations here, never money.

mod books;
mod edge;
mod error;
mod fan;
mod feed;
mod measure;
mod orders;
mod pace;
mod peer;
mod rest;
mod start;
mod table;
mod venue;
mod walk;

use std::time::Duration;

pub use books::{BooksPlan, run as books};
pub use edge::{EdgePlan, run as edge};
pub use error::BenchError;
pub use fan::{FanPlan, run as fan};
pub use orders::{OrdersPeer, OrdersPeerError, OrdersPlan, run as orders};
pub use peer::{Peer, PeerError};
pub use rest::{RestPlan, run as rest};
pub use start::{StartPlan, run as start};
pub use table::Report;

/// How long a mesh may take to become ready: debug builds on busy machines too.
const READY_WITHIN: Duration = Duration::from_secs(60);
