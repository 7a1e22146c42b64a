//! Chaos: kills the real binary again and again while orders flow, heals, and then holds every record
//! against the venue's own and against what clients were told.

mod audit;
mod book;
mod clients;
mod draw;
mod error;
mod kill_switch;
mod mesh_books;
mod mesh_process;
mod report;
mod venue;
mod watcher;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use chimera_runtime::Channel;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::{sync::watch, task::JoinSet, time::Instant};

pub use error::ChaosError;
pub use kill_switch::{SwitchPlan, SwitchReport, run as run_kill_switch};
pub use report::{Findings, Report, Spread};

use audit::{Evidence, audit};
use book::ORDERS_MAX;
use clients::Clients;
use draw::{Mix, Terms};
use mesh_books::MeshBooks;
use mesh_process::{Launch, MeshProcess};
use venue::{SharedVenue, SimulatedVenue, Touch};
use watcher::{SharedWatched, told, watch as watch_orders};

/// How long a mesh lives between the first order it takes and its death.
const LIFE_MS: std::ops::Range<u64> = 50..1_500;
/// One kill in so many strikes while the mesh still recovers from the one before.
const EARLY_KILLS: u32 = 5;
/// How long a recovering mesh lives when it is struck early, counted from the line that says where it
/// listens.
const EARLY_LIFE_MS: std::ops::Range<u64> = 0..400;
/// How long a mesh may take to trade again; 30 times what it is meant to take.
const TRADABLE_WITHIN: Duration = Duration::from_secs(60);
/// How long everything may take to come to rest after the last kill. An order in doubt is resolved
/// when the venue's validity window has closed and three spaced misses have been counted.
const REST_WITHIN: Duration = Duration::from_secs(60);
/// How often clients look at the prices.
const TOUCH_EVERY: Duration = Duration::from_millis(100);
/// How far below the touch orders rest that are to stay: `--open-orders`, in thousandths.
const RESTING_PERMILLE: i64 = 100;
/// A run of kills takes at most so long for each: a life and a recovery; bounds the orders of a run.
const KILL_SECONDS: u64 = 2;

/// What a run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often the mesh is killed.
    pub kills: u32,
    /// Calls a second.
    pub rate: u32,
    /// What is drawn from.
    pub seed: u64,
    /// Orders that rest at the venue all the while.
    pub open_orders: usize,
}

/// What all tasks of a run share.
struct Stage {
    venue: SharedVenue,
    launch: Launch,
    way: watch::Sender<Option<Channel>>,
    clients: Clients,
    tasks: JoinSet<()>,
}

impl Stage {
    /// Starts the venue and prepares the mesh, but does not start it.
    async fn set(seed: u64, folder: &Path) -> Result<Self, ChaosError> {
        let venue = Arc::new(SimulatedVenue::start(seed).await?);
        let launch = Launch::prepare(folder, venue.endpoints()?)?;
        let way = watch::Sender::new(None);
        let (prices, touch) = watch::channel(venue.touch().await?);
        let clients = Clients::new(way.subscribe(), touch);
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_prices(venue.clone(), prices));
        Ok(Self {
            venue,
            launch,
            way,
            clients,
            tasks,
        })
    }

    /// Starts a mesh and points the clients at it.
    async fn start_mesh(&self) -> Result<MeshProcess, ChaosError> {
        let mesh = self.launch.start().await?;
        self.way.send_replace(Some(mesh.channel.clone()));
        Ok(mesh)
    }

    /// Waits until the mesh takes an order.
    async fn tradable(&self) -> Result<(), ChaosError> {
        let terms = Terms::resting(self.clients.touch(), RESTING_PERMILLE);
        if self
            .clients
            .place_until_answered(terms, TRADABLE_WITHIN)
            .await
        {
            return Ok(());
        }
        Err(ChaosError::NotTradable {
            within: TRADABLE_WITHIN,
            log: self.launch.log().display().to_string(),
        })
    }
}

async fn keep_prices(venue: SharedVenue, prices: watch::Sender<Touch>) {
    let mut ticks = tokio::time::interval(TOUCH_EVERY);
    loop {
        ticks.tick().await;
        // A book that is empty for a moment leaves the last prices in force.
        if let Ok(touch) = venue.touch().await {
            prices.send_replace(touch);
        }
    }
}

/// Runs the plan; `folder` keeps the journal, the timelines and the mesh's own words.
///
/// # Errors
/// When the run cannot be carried out to its end. What it finds stands in the report.
pub async fn run(plan: &Plan, folder: &Path) -> Result<Report, ChaosError> {
    let expected =
        u64::from(plan.rate) * u64::from(plan.kills) * KILL_SECONDS + plan.open_orders as u64;
    if expected > ORDERS_MAX as u64 {
        return Err(ChaosError::TooLarge(format!(
            "a run of some {expected} orders does not fit; at most {ORDERS_MAX}: \
             fewer kills or a lower rate"
        )));
    }
    let began = Instant::now();
    let mut stage = Stage::set(plan.seed, folder).await?;
    let mut mesh = stage.start_mesh().await?;
    stage.tradable().await?;
    for _ in 0..plan.open_orders {
        stage.tradable().await?;
    }
    let watched = SharedWatched::default();
    stage
        .tasks
        .spawn(watch_orders(stage.way.subscribe(), watched.clone()));
    let (stop, stopped) = watch::channel(false);
    let flow = {
        let (clients, rate, seed) = (stage.clients.clone(), plan.rate, plan.seed);
        tokio::spawn(async move { clients.flow(rate, Mix::All, seed, stopped).await })
    };
    let mut recoveries = Vec::new();
    let mut chance = ChaCha8Rng::seed_from_u64(plan.seed ^ 0x6b69_6c6c);
    let mut early = false;
    for number in 1..=plan.kills {
        let life = if early { EARLY_LIFE_MS } else { LIFE_MS };
        tokio::time::sleep(Duration::from_millis(chance.random_range(life))).await;
        let killed = Instant::now();
        mesh.kill().await?;
        mesh = stage.start_mesh().await?;
        // The last one is let live: the audit needs a mesh that trades.
        early = number < plan.kills && chance.random_range(0..EARLY_KILLS) == 0;
        if early {
            continue;
        }
        stage.tradable().await?;
        recoveries.push(killed.elapsed());
    }
    stop.send_replace(true);
    // It ends by itself once it is stopped; a panic of it shows in what it left unanswered.
    let _ = flow.await;
    let mut report = heal(&stage, plan, &watched).await?;
    mesh.kill().await?;
    check_journal(&stage, &mut report);
    report.recovery = Spread::of(&recoveries);
    report.ok = report.findings.is_clean();
    report.took_s = began.elapsed().as_secs();
    stage.tasks.shutdown().await;
    Ok(report)
}

/// Lets everything come to rest and audits it.
async fn heal(stage: &Stage, plan: &Plan, watched: &SharedWatched) -> Result<Report, ChaosError> {
    let channel = stage.way.borrow().clone();
    let channel = channel.ok_or_else(|| ChaosError::Control("no mesh runs".to_owned()))?;
    let books = MeshBooks::new(channel);
    stage.clients.settle(REST_WITHIN).await;
    books.certain(REST_WITHIN).await?;
    books.close_all(REST_WITHIN).await?;
    books.agreed(REST_WITHIN).await?;
    let ledger = stage.venue.ledger().await?;
    let deadline = Instant::now() + REST_WITHIN;
    while told(watched).is_behind(ledger.fills.len()) && Instant::now() < deadline {
        tokio::time::sleep(TOUCH_EVERY).await;
    }
    let mut indices: BTreeSet<i64> = stage.clients.book().orders.keys().copied().collect();
    let at_venue = ledger.orders.iter();
    indices.extend(at_venue.filter_map(|order| audit::index_of(&order.client_id)));
    let balances = books.balances().await?;
    let evidence = Evidence {
        creates: stage.venue.creates().await?,
        orders: books.orders(indices).await?,
        fills: books.fills().await?,
        positions: books.positions().await?,
        wallet: balances.into_iter().next().map(|balance| balance.total),
        watched: {
            let watched = told(watched);
            watched.is_unbroken().then(|| watched.fills.clone())
        },
        ledger,
    };
    let differences = books.differences().await?;
    let book = stage.clients.book();
    let mut findings = audit(&book, &evidence);
    findings.absorb(book.findings.clone());
    let watched = told(watched);
    findings.absorb(watched.findings.clone());
    for difference in differences {
        findings.mismatch(format!("the mesh's own comparison: {difference:?}"));
    }
    Ok(Report {
        ok: false,
        seed: plan.seed,
        rate: plan.rate,
        open_orders: plan.open_orders,
        kills: plan.kills,
        orders: book.orders.len(),
        acknowledged: book.acknowledgements(),
        repeats: book.repeats,
        cancels: book.cancels,
        venue_orders: evidence.ledger.orders.len(),
        fills: evidence.ledger.fills.len(),
        fills_watched: watched.fills.len(),
        watch_snapshots: watched.snapshots,
        journal_records: 0,
        recovery: Spread::default(),
        findings,
        took_s: 0,
    })
}

/// Verifies the journal that the last kill left.
fn check_journal(stage: &Stage, report: &mut Report) {
    match chimera_journal::verify(stage.launch.journal()) {
        Ok(found) => {
            report.journal_records = found.sound_records;
            if !found.is_sound() {
                report.findings.mismatch(format!("the journal: {found:?}"));
            }
        }
        Err(error) => report.findings.mismatch(format!("the journal: {error}")),
    }
}
