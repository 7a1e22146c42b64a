//! Public market data: instruments, tickers, books, trades and bars of every venue.
//!
//! One feed a venue reads the venue's public streams and keeps the state; every change is encoded
//! once, as it stands on the wire, into the ring of its topic; readers follow the rings with cursors
//! of their own. A reader that falls out of a ring is told what it missed and gets a fresh snapshot;
//! it never slows another and never grows memory. A book is right, or says that it is stale.

mod api;
mod bars;
mod books;
mod codec;
mod config;
mod desk;
mod encode;
mod error;
mod feed;
mod hub;
mod metrics;
mod reader;
mod service;
mod tape;
mod tickers;
mod topic;

pub use config::Config;
pub use error::StartError;
pub use service::{Dependencies, Server, start};
