//! The main job: opens the smallest position on every venue at once, holds it, closes it and proves
//! the account flat at the venue, following everything by stream and writing a report.

mod chart;
mod error;
mod follow;
mod html;
mod progress;
pub mod receiver;
mod report;
mod steps;
mod table;

use std::{ops::RangeInclusive, time::Duration};

use chimera_runtime::{Channel, clock::Clock};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

pub use error::SmokeError;
pub use html::render as render_html;
pub use progress::Progress;
pub use report::{Report, VenueReport};
pub use table::{live, summary};

/// The ways into the mesh that the run needs.
#[derive(Clone)]
pub struct Doors {
    /// Orders.
    pub order: Channel,
    /// Positions and margin.
    pub position: Channel,
    /// Prices.
    pub market_data: Channel,
    /// The venue's own word on positions.
    pub connector: Channel,
}

/// What to do on each venue.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Venue, account and symbol (canonical or alias) of each run.
    pub targets: Vec<Target>,
    /// How long to hold the position; the length is drawn from this range.
    pub hold: RangeInclusive<Duration>,
    /// How often the tracking limit is placed anew.
    pub interval: Duration,
    /// When the tracking limit gives up.
    pub timeout: Duration,
    /// Decides the holding times.
    pub seed: u64,
}

/// One venue's part.
#[derive(Clone, Debug)]
pub struct Target {
    /// The venue, e.g. `binance-usdm`.
    pub venue: String,
    /// The account, e.g. `main`.
    pub account: String,
    /// The symbol, canonical or an alias.
    pub symbol: String,
}

/// Runs every venue at once and returns what happened; a failed venue fails the report, never the
/// others.
pub async fn run(plan: &Plan, doors: &Doors, clock: &Clock, progress: &Progress) -> Report {
    let started = clock.now_millis();
    let mut chance = ChaCha8Rng::seed_from_u64(plan.seed);
    let runs = plan.targets.iter().map(|target| {
        let longest = plan.hold.end().saturating_sub(*plan.hold.start());
        let extra = chance.random_range(0..=u64::try_from(longest.as_millis()).unwrap_or(u64::MAX));
        let hold = *plan.hold.start() + Duration::from_millis(extra);
        steps::run_venue(plan, target, hold, doors, clock, progress)
    });
    let venues = futures::future::join_all(runs).await;
    Report {
        started_ms: started,
        finished_ms: clock.now_millis(),
        seed: plan.seed,
        ok: !venues.is_empty() && venues.iter().all(|venue| venue.ok),
        heartbeats: None,
        venues,
    }
}
