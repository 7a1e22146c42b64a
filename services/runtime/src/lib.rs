//! What every server of the mesh needs and no server should write twice.
//!
//! A server is a [`Service`]: a generated gRPC server behind the server stack (deadline, trace,
//! admission, isolation of panics, metrics). Servers meet through a [`Channel`], which leads to
//! services of this process or across a network and behaves alike either way. Errors leave as
//! [`Fault`](fault::Fault)s, the wall clock comes in as a [`Clock`](clock::Clock), and a
//! [`Drain`](drain::Drain) ends it all in order and in time.
//!
//! This crate knows nothing of trading. The transport below it appears in no public name, so that
//! exchanging it touches this crate alone.

pub mod chance;
pub mod channel;
pub mod clock;
pub mod config;
pub mod context;
pub mod deadline;
pub mod drain;
pub mod fault;
pub mod health;
mod http2;
pub mod listen;
pub mod page;
pub mod reflection;
pub mod server;
pub mod shutdown;
pub mod stream;
pub mod tasks;
pub mod telemetry;
#[cfg(test)]
mod tests;
pub mod token;
pub mod trace;

pub use channel::Channel;
pub use clock::Clock;
pub use server::Service;
