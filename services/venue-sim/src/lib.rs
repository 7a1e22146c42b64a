//! Simulated venues on the wire.
//!
//! A simulator opens venues that speak the real ones' protocols over real sockets: REST and
//! WebSocket, signatures, limits, filters, error codes. A matching engine stands behind them, a
//! seeded or recorded market moves it, and a control interface makes things go wrong on demand.
//! It is an independent witness: it shares no code with the adapters that it judges, and no
//! server imports it.
//!
//! ```text
//! dialects                 binance_usdm, backpack: the venue's words: REST, sockets, payloads, codes
//!    venue, hub            one lock, open sockets, fan-out
//!    exchange              instruments, accounts, orders, fills, money; events out
//!    engine, market        books and what moves them; no clock, no socket
//! control                  faults, ledger, counters; the same for every venue
//! ```

mod account;
mod answer;
mod backpack;
mod binance_usdm;
mod chain;
mod clock;
mod config;
mod control;
mod delivery;
mod engine;
mod exchange;
mod faults;
mod hub;
mod intervals;
mod line;
mod margin;
mod market;
mod opening;
mod simulator;
mod transport;
mod venue;

pub use binance_usdm::LimitConfig;
pub use clock::{SharedClock, SystemClock, TokioClock, WallClock};
pub use config::{AccountConfig, ReplayConfig, SimConfig, UnknownVenue, VenueKind};
pub use faults::{Fault, FaultKind, Loss, Matcher, VenueCode};
pub use hub::{SocketFate, SocketKind};
pub use market::{Record, Recording, RecordingError};
pub use simulator::{
    AccountKeys, Endpoints, Listeners, SimError, Simulator, VenueEndpoints, Venues,
};
pub use transport::{Acceptor, ByteStream};
