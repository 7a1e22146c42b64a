//! Chaos: orders flow while the real binary is killed again and again, or while the venues go wrong in
//! every way they know; then everything is healed, and every record is held against the venues' own
//! and against what clients were told.

mod audit;
mod book;
mod clients;
mod draw;
mod error;
mod faults;
mod kill_switch;
mod market;
mod memory;
mod mesh_books;
mod mesh_process;
mod report;
mod venue;
mod watcher;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};

use chimera_runtime::Channel;
use chimera_venue_sim::VenueKind;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::Instant,
};

pub use error::ChaosError;
pub use faults::weights;
pub use kill_switch::{SwitchPlan, SwitchReport, run as run_kill_switch};
pub use memory::Memory;
pub use report::{AtVenue, Findings, Report, Spread};

use audit::{Evidence, audit, rate_violations};
use book::ORDERS_MAX;
use clients::Clients;
use draw::{Mix, Terms};
use faults::Made;
use market::Market;
use memory::Samples;
use mesh_books::MeshBooks;
use mesh_process::{KILLED, LASTING, Launch, MeshProcess};
use venue::{SharedVenues, SimulatedVenues, Touches};
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
/// How long everything may take to come to rest after the last fault. A minute's weight that is used
/// up comes back within a minute; after that an order in doubt is resolved when the venue's validity
/// window has closed and three spaced misses have been counted.
const REST_WITHIN: Duration = Duration::from_secs(120);
/// How often clients look at the prices.
const TOUCH_EVERY: Duration = Duration::from_millis(100);
/// How far below the touch orders rest that are to stay: `--open-orders`, in thousandths.
const RESTING_PERMILLE: i64 = 100;
/// A run of kills takes at most so long for each: a life and a recovery; bounds the orders of a run.
const KILL_SECONDS: u64 = 2;

/// What a run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it trades.
    pub venues: Vec<VenueKind>,
    /// How often the mesh is killed; when it never is, the venues' own limits are in force and its
    /// memory is watched.
    pub kills: u32,
    /// How long orders flow at least.
    pub length: Duration,
    /// Whether the venues go wrong meanwhile.
    pub faults: bool,
    /// Orders a second.
    pub rate: u32,
    /// What is drawn from.
    pub seed: u64,
    /// Orders that rest at each venue all the while.
    pub open_orders: usize,
}

/// What all tasks of a run share.
struct Stage {
    markets: Vec<&'static Market>,
    venues: SharedVenues,
    launch: Launch,
    way: watch::Sender<Option<Channel>>,
    clients: Clients,
    prices: watch::Receiver<Touches>,
    tasks: JoinSet<()>,
}

impl Stage {
    /// Starts the venues and prepares the mesh, but does not start it.
    async fn set(
        seed: u64,
        folder: &Path,
        markets: Vec<&'static Market>,
        lasting: bool,
        settings: &str,
    ) -> Result<Self, ChaosError> {
        let venues = Arc::new(SimulatedVenues::start(seed, &markets, lasting).await?);
        let launch = Launch::prepare(folder, venues.endpoints(), settings)?;
        let way = watch::Sender::new(None);
        let mut touches = Vec::new();
        for market in &markets {
            touches.push((*market, venues.touch(market).await?));
        }
        let (told, prices) = watch::channel(touches);
        let clients = Clients::new(way.subscribe(), prices.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_prices(venues.clone(), told));
        Ok(Self {
            markets,
            venues,
            launch,
            way,
            clients,
            prices,
            tasks,
        })
    }

    /// Starts a mesh and points the clients at it.
    async fn start_mesh(&self) -> Result<MeshProcess, ChaosError> {
        let mesh = self.launch.start().await?;
        self.way.send_replace(Some(mesh.channel.clone()));
        Ok(mesh)
    }

    /// Waits until the mesh takes an order at every venue.
    async fn tradable(&self) -> Result<(), ChaosError> {
        for touch in self.clients.touches() {
            let terms = Terms::resting(touch, RESTING_PERMILLE);
            if !self
                .clients
                .place_until_answered(terms, TRADABLE_WITHIN)
                .await
            {
                return Err(ChaosError::NotTradable {
                    within: TRADABLE_WITHIN,
                    log: self.launch.log().display().to_string(),
                });
            }
        }
        Ok(())
    }
}

async fn keep_prices(venues: SharedVenues, prices: watch::Sender<Touches>) {
    let mut ticks = tokio::time::interval(TOUCH_EVERY);
    let mut touches = prices.borrow().clone();
    loop {
        ticks.tick().await;
        for (market, last) in &mut touches {
            // A book that is empty for a moment leaves the last prices in force.
            if let Ok(touch) = venues.touch(market).await {
                *last = touch;
            }
        }
        prices.send_replace(touches.clone());
    }
}

/// Refuses a plan that asks for more than the mesh and the venues remember.
fn fits(plan: &Plan) -> Result<(), ChaosError> {
    let seconds = u64::from(plan.kills) * KILL_SECONDS + plan.length.as_secs();
    let venues = plan.venues.len() as u64;
    let expected = u64::from(plan.rate) * seconds + plan.open_orders as u64 * venues;
    let most = ORDERS_MAX as u64 * venues;
    if expected > most {
        return Err(ChaosError::TooLarge(format!(
            "a run of some {expected} orders does not fit; at most {most}: \
             fewer kills, a shorter run, a lower rate or more venues"
        )));
    }
    Ok(())
}

/// Runs the plan; `folder` keeps the journal, the timelines and the mesh's own words.
///
/// # Errors
/// When the run cannot be carried out to its end. What it finds stands in the report.
pub async fn run(plan: &Plan, folder: &Path) -> Result<Report, ChaosError> {
    fits(plan)?;
    let began = Instant::now();
    let lasting = plan.kills == 0;
    let markets = plan.venues.iter().map(|kind| Market::at(*kind)).collect();
    let settings = if lasting { LASTING } else { KILLED };
    let mut stage = Stage::set(plan.seed, folder, markets, lasting, settings).await?;
    let mesh = stage.start_mesh().await?;
    for _ in 0..=plan.open_orders {
        stage.tradable().await?;
    }
    let watched = SharedWatched::default();
    let watching = watch_orders(stage.way.subscribe(), watched.clone());
    stage.tasks.spawn(watching);
    let samples = Samples::default();
    let sampling = lasting.then(|| tokio::spawn(memory::sample(mesh.id, samples.clone())));
    let flowing = Instant::now();
    let (stop, stopped) = watch::channel(false);
    let flow = {
        let (clients, rate, seed) = (stage.clients.clone(), plan.rate, plan.seed);
        tokio::spawn(async move { clients.flow(rate, Mix::All, seed, stopped).await })
    };
    let nemesis = plan.faults.then(|| {
        let planned = faults::draw(plan.seed, &stage.markets, plan.length);
        tokio::spawn(faults::make(
            planned,
            stage.venues.clone(),
            stage.prices.clone(),
        ))
    });
    let (mesh, recoveries) = kill(&stage, plan, mesh).await?;
    tokio::time::sleep_until(flowing + plan.length).await;
    stop.send_replace(true);
    if let Some(sampling) = &sampling {
        sampling.abort();
    }
    // It ends by itself once it is stopped; a panic of it shows in what it left unanswered.
    let _ = flow.await;
    let mut report = Report {
        seed: plan.seed,
        rate: plan.rate,
        open_orders: plan.open_orders,
        kills: plan.kills,
        flowed_s: flowing.elapsed().as_secs(),
        ..Report::default()
    };
    let made = finished(nemesis).await?;
    (report.faults, report.faults_struck) = (made.faults, made.struck);
    report.memory = sampling.map(|_| {
        let samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
        Memory::of(&samples)
    });
    heal(&stage, &watched, &mut report).await?;
    mesh.kill().await?;
    check_journal(&stage, &mut report);
    report.recovery = Spread::of(&recoveries);
    report.took_s = began.elapsed().as_secs();
    report.judge();
    stage.tasks.shutdown().await;
    Ok(report)
}

/// Kills the mesh as often as planned and returns the one that lives, and how long each took to trade.
async fn kill(
    stage: &Stage,
    plan: &Plan,
    mut mesh: MeshProcess,
) -> Result<(MeshProcess, Vec<Duration>), ChaosError> {
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
    Ok((mesh, recoveries))
}

async fn finished(
    nemesis: Option<JoinHandle<Result<Made, ChaosError>>>,
) -> Result<Made, ChaosError> {
    match nemesis {
        None => Ok(Made::default()),
        Some(nemesis) => nemesis.await.unwrap_or_else(|error| {
            let words = format!("what makes faults ended early: {error}");
            Err(ChaosError::Control(words))
        }),
    }
}

/// Makes everything right, lets it come to rest and audits it.
async fn heal(
    stage: &Stage,
    watched: &SharedWatched,
    report: &mut Report,
) -> Result<(), ChaosError> {
    let channel = stage.way.borrow().clone();
    let channel = channel.ok_or_else(|| ChaosError::Control("no mesh runs".to_owned()))?;
    let (books, markets) = (MeshBooks::new(channel), &stage.markets);
    let healed = Instant::now();
    report.faults_struck += faults::heal(markets, &stage.venues).await?;
    stage.clients.settle(REST_WITHIN).await;
    books.certain(REST_WITHIN).await?;
    books.close_all(markets, REST_WITHIN).await?;
    books.agreed(markets, REST_WITHIN).await?;
    report.rested_ms = u64::try_from(healed.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut ledgers = Vec::new();
    for market in markets {
        ledgers.push((*market, stage.venues.ledger(market).await?));
    }
    report.fills = ledgers.iter().map(|(_, ledger)| ledger.fills.len()).sum();
    let deadline = Instant::now() + REST_WITHIN;
    while told(watched).is_behind(report.fills) && Instant::now() < deadline {
        tokio::time::sleep(TOUCH_EVERY).await;
    }
    let mut findings = Findings::default();
    for (market, ledger) in ledgers {
        let evidence = gather(stage, &books, (market, ledger), watched).await?;
        findings.absorb(audit(&stage.clients.book(), &evidence));
        let at = at_venue(&evidence, &mut findings);
        report.venue_orders += at.orders;
        report.rate_violations += at.rate_violations;
        report.venues.push(at);
        for difference in books.differences(market).await? {
            findings.mismatch(format!("the mesh's own comparison: {difference:?}"));
        }
    }
    let book = stage.clients.book();
    findings.absorb(book.findings.clone());
    let watched = told(watched);
    findings.absorb(watched.findings.clone());
    report.orders = book.orders.len();
    report.acknowledged = book.acknowledgements();
    report.refused = book.refusals();
    report.repeats = book.repeats;
    report.cancels = book.cancels;
    report.omitted = book.omitted;
    report.fills_watched = watched.fills.len();
    report.watch_snapshots = watched.snapshots;
    report.findings = findings;
    Ok(())
}

/// Reads all that one venue's part of the audit compares.
async fn gather(
    stage: &Stage,
    books: &MeshBooks,
    (market, ledger): (&'static Market, venue::Ledger),
    watched: &SharedWatched,
) -> Result<Evidence, ChaosError> {
    let mut indices: BTreeSet<i64> = {
        let book = stage.clients.book();
        let here = book
            .orders
            .iter()
            .filter(|(_, told)| told.terms.market == market);
        here.map(|(index, _)| *index).collect()
    };
    let at_venue = ledger.orders.iter();
    indices.extend(at_venue.filter_map(|order| market.index_of(&order.client_id)));
    Ok(Evidence {
        market,
        counters: stage.venues.counters(market).await?,
        orders: books.orders(market, indices).await?,
        fills: books.fills(market).await?,
        positions: books.positions(market).await?,
        wallet: books.balance(market).await?.map(|balance| balance.total),
        watched: told(watched).fills_at(market.venue()),
        ledger,
    })
}

fn at_venue(evidence: &Evidence, findings: &mut Findings) -> AtVenue {
    let counted = |name: &str| evidence.counters.limits.get(name).copied();
    let peaks = ["peak_weight_1m", "peak_requests_1m"];
    AtVenue {
        venue: evidence.market.venue(),
        orders: evidence.ledger.orders.len(),
        fills: evidence.ledger.fills.len(),
        rate_violations: rate_violations(evidence, findings),
        scripted_refusals: counted("ban_refusals").unwrap_or_default(),
        peak_1m: peaks.into_iter().find_map(counted).unwrap_or_default(),
    }
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
