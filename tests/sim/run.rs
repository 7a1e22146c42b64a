//! One seed: faults, healing, audit.

use std::cell::Cell;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use turmoil::{Builder, Sim};

use super::audit::audit;
use super::auditor::auditor;
use super::desk::Way;
use super::disk::Part;
use super::edge::gateway;
use super::evidence::{Seen, Violation};
use super::hosts;
use super::nemesis::Nemesis;
use super::operator::operator;
use super::plan::{Fault, Plan};
use super::reader::reader;
use super::scene::{Phase, Scene};
use super::storm;
use super::trader::trader;
use super::watcher::watcher;

/// The slowest that a healthy link is.
pub const LATENCY_MAX: Duration = Duration::from_millis(5);
/// How far time goes in one step: messages arrive at its ends, timers fire within.
const TICK: Duration = Duration::from_millis(4);
/// No seed runs longer: faults, healing and audit fit twice.
const LONGEST: Duration = Duration::from_secs(150);
/// Segments that one connection may have on the way.
const SEGMENTS_MAX: usize = 4_096;
/// Hosts with a clock of their own.
const CLOCKS: [&str; 4] = ["order", "connector", "position", "market-data"];

thread_local! {
    /// Panics on this thread, which is a whole simulation: a task that panics takes nobody else
    /// down, and nothing would be known of it (F130).
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// What a seed left behind.
#[derive(Clone, Debug)]
pub struct Played {
    /// What was seen.
    pub seen: Seen,
    /// The faults that were made, in order.
    pub faults: Vec<Fault>,
    /// Writes to the journal that a crash has torn, and what was left of each.
    pub torn: Vec<Part>,
    /// Virtual time that passed.
    pub simulated: Duration,
    /// Real time that it took.
    pub took: Duration,
}

/// How a seed ended.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What must not be, and was.
    pub violations: Vec<Violation>,
    /// A digest of everything that was seen: equal for equal runs.
    pub trace: String,
    /// Orders placed.
    pub placed: usize,
    /// Of the orders placed, those that were acknowledged.
    pub acknowledged: usize,
    /// Fills that the mesh knows of.
    pub fills: usize,
    /// Requests to the venue.
    pub requests: usize,
    /// Books that were held against the truth.
    pub books: usize,
    /// What is behind it.
    pub played: Played,
}

/// Runs a plan and audits what it left.
///
/// # Panics
/// Where the simulation itself panics, with its panic.
pub fn run(plan: &Plan) -> Outcome {
    let played = play(plan);
    let seen = &played.seen;
    Outcome {
        seed: plan.seed,
        violations: audit(seen),
        trace: trace(seen),
        placed: seen.placed.len(),
        acknowledged: acknowledged(seen),
        fills: seen.last.as_ref().map_or(0, |last| last.fills.len()),
        requests: seen.wire.0.len(),
        books: seen.books.judge().0,
        played,
    }
}

/// Runs a plan on a thread of its own, whose chance and whose task order are a function of the
/// seed.
///
/// # Panics
/// Where the simulation itself panics, with its panic.
pub fn play(plan: &Plan) -> Played {
    static COUNTING: Once = Once::new();
    COUNTING.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.with(|panics| panics.set(panics.get() + 1));
            before(panic);
        }));
    });
    let plan = plan.clone();
    let thread = std::thread::spawn(move || play_here(&plan));
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn play_here(plan: &Plan) -> Played {
    let begun = Instant::now();
    chimera_runtime::chance::seed(plan.seed);
    let scene = Arc::new(Scene::new(plan.seed, plan.storm, &CLOCKS));
    let mut sim = Builder::new()
        .simulation_duration(LONGEST)
        .tick_duration(TICK)
        .min_message_latency(Duration::ZERO)
        .max_message_latency(LATENCY_MAX)
        .tcp_capacity(SEGMENTS_MAX)
        .rng_seed(plan.seed)
        .build();
    people(&mut sim, plan, &scene);
    let mut weather = storm::Weather::new(plan, Arc::clone(&scene));
    let mut nemesis = Nemesis::new(plan, Arc::clone(&scene));
    loop {
        nemesis.act(&mut sim);
        weather.act(sim.elapsed());
        if scene.phase() == Phase::Faults && (sim.elapsed() >= plan.acting || weather.over()) {
            weather.end();
            nemesis.heal(&mut sim);
            scene.note_at(sim.elapsed(), "healing");
            scene.enter(Phase::Healing);
        }
        match sim.step() {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) => {
                scene.seen(|seen| seen.violate("RUN", error.to_string()));
                break;
            }
        }
    }
    let simulated = sim.elapsed();
    drop(sim);
    let panics = PANICS.with(Cell::get);
    if panics > 0 {
        scene.seen(|seen| seen.violate("RUN", format!("{panics} panics")));
    }
    Played {
        seen: scene.seen(std::mem::take),
        faults: nemesis.done,
        torn: scene.disk.parts(),
        simulated,
        took: begun.elapsed(),
    }
}

fn people(sim: &mut Sim<'_>, plan: &Plan, scene: &Arc<Scene>) {
    let at = |scene: &Arc<Scene>| Arc::clone(scene);
    let ours = at(scene);
    sim.host("venue", move || hosts::venue(at(&ours)));
    let ours = at(scene);
    sim.host("connector", move || hosts::connector(at(&ours)));
    let ours = at(scene);
    sim.host("order", move || hosts::order(at(&ours)));
    let ours = at(scene);
    sim.host("position", move || hosts::position(at(&ours)));
    let ours = at(scene);
    sim.host("market-data", move || hosts::market_data(at(&ours)));
    match plan.storm {
        Some(storm) => {
            let ours = at(scene);
            scene.seen(|seen| seen.acting.insert("trader"));
            sim.host("trader", move || storm::client(at(&ours), "trader", storm));
        }
        None => traders(sim, plan, scene),
    }
    let ours = at(scene);
    sim.host("watcher", move || watcher(at(&ours)));
    let ours = at(scene);
    sim.host("reader", move || reader(at(&ours)));
    if let Some(calm) = plan.killed.clone() {
        let ours = at(scene);
        scene.seen(|seen| seen.acting.insert("operator"));
        sim.host("operator", move || operator(at(&ours), calm.clone()));
    }
    sim.client("auditor", auditor(at(scene)));
}

fn traders(sim: &mut Sim<'_>, plan: &Plan, scene: &Arc<Scene>) {
    if plan.way != Way::Straight {
        let ours = Arc::clone(scene);
        sim.host("gateway", move || gateway(Arc::clone(&ours)));
    }
    let pace = plan.pace;
    for (name, number, way) in [("trader", 1, Way::Straight), ("twin", 2, plan.way)] {
        let ours = Arc::clone(scene);
        scene.seen(|seen| seen.acting.insert(name));
        sim.host(name, move || {
            trader(Arc::clone(&ours), name, number, pace, way)
        });
    }
}

fn acknowledged(seen: &Seen) -> usize {
    let placed = seen.placed.values();
    placed.filter(|it| it.acknowledged.is_some()).count()
}

fn trace(seen: &Seen) -> String {
    let mut hash = Sha256::new();
    for note in &seen.notes {
        hash.update(note);
    }
    for request in &seen.wire.0 {
        hash.update(format!("{request:?}"));
    }
    for record in &seen.journal {
        hash.update(&record.payload);
    }
    hash.update(format!(
        "{:?} {:?} {:?}",
        seen.placed, seen.last, seen.ledger
    ));
    hash.update(seen.books.text());
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
