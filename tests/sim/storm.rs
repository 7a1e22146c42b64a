//! Many orders in little time, with steady shares of doubt: so many in a hundred submissions whose
//! outcome is not told, so many private events lost, doubled and out of order, connections cut.
//!
//! One run is some thousands of orders, audited like every other; a million is many runs. What is
//! drawn here comes from streams of its own: the plans of ordinary seeds are not touched.

use std::time::Duration;

mod client;
mod odds;
mod tally;
mod weather;

pub use client::client;
pub use odds::Odds;
pub use tally::{Counts, Share, Tally};
pub use weather::Weather;

/// What one run of a storm is.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// Orders that clients place.
    pub orders: usize,
    /// How many clients place at once.
    pub clients: usize,
    /// What goes wrong how often.
    pub odds: Odds,
}

/// How long the mesh may be in the storm: with everything ambiguous an order takes seconds.
pub const STORM_FOR: Duration = Duration::from_secs(90);

/// So much above the venue's own limits: what is measured here is truth, not patience. The limits
/// have seeds of their own (I9).
pub const LIMITS_FACTOR: u32 = 1_000;

/// Records between two snapshots: no host dies in a storm, so that few will do.
pub const SNAPSHOT_EVERY: u64 = 10_000;
