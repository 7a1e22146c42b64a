//! The deterministic simulation: the real services, adapters and simulated venue on a simulated
//! network in virtual time, with faults drawn by seed and an audit that trusts nobody.
//!
//! ```text
//! run          one seed: faults, healing, audit
//!   plan       what the seed says: the faults with their weights, and when
//!   scene      what the hosts share: clocks, disk, what was seen
//!   hosts      connector, order, position, market data, venue
//!   trader, watcher, reader, operator, auditor   clients of the mesh
//!   nemesis    makes things go wrong, and right again
//!   storm      many orders with steady shares of doubt, in place of the traders
//!   network, disk     what stands in for sockets and for a journal's file
//! audit        the invariants, held against the venue's own books and the journal
//! ```

mod audit;
mod auditor;
mod books;
mod desk;
mod disk;
mod edge;
mod evidence;
mod hosts;
mod journal;
mod nemesis;
mod network;
mod operator;
mod plan;
mod reader;
mod run;
mod scene;
pub mod storm;
mod trader;
mod watched;
mod watcher;

pub use audit::audit;
pub use desk::Way;
pub use disk::Part;
pub use evidence::{Answer, Final, Seen, Violation};
pub use plan::{Fault, LATER, LATER_FROM, Plan, WEIGHTS};
pub use run::{Outcome, Played, play, run};
