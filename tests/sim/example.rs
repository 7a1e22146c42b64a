//! Runs seeds of the deterministic simulation and prints how they ended.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chimera_tests::sim::{Outcome, Plan, WEIGHTS, run};
use clap::Parser;

/// Runs seeds of the deterministic simulation.
#[derive(Clone, Parser)]
struct Options {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds at the most.
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// No new seed begins after so many seconds.
    #[arg(long, env = "CHIMERA_SIM_SECONDS", default_value_t = 3_600)]
    seconds: u64,
    /// How many seeds at a time.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// Whether nothing goes wrong.
    #[arg(long)]
    calm: bool,
    /// Whether everything that was noted is printed.
    #[arg(long)]
    notes: bool,
    /// What of the services' own log is printed, as RUST_LOG has it: "info", "chimera_order=debug".
    #[arg(long)]
    log: Option<String>,
    /// Only these faults, by name.
    #[arg(long)]
    only: Vec<String>,
    /// Whether a line is printed for every seed, or only for those that fail.
    #[arg(long)]
    quiet: bool,
}

#[derive(Default)]
struct Total {
    seeds: u64,
    failed: Vec<u64>,
    placed: usize,
    fills: usize,
    requests: usize,
    simulated: Duration,
    torn: u64,
    faults: BTreeMap<String, u32>,
}

fn main() {
    let options = Options::parse();
    if let Some(filter) = &options.log {
        let lines = tracing_subscriber::fmt().without_time().with_ansi(false);
        lines.with_env_filter(filter).init();
    }
    let weights = WEIGHTS.map(|(fault, weight)| format!("{fault:?} {weight}"));
    println!("weights: {}", weights.join(", "));
    let begun = Instant::now();
    let (next, total) = (AtomicU64::new(options.seed), Mutex::new(Total::default()));
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while begun.elapsed().as_secs() < options.seconds {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= options.seed + options.count {
                        return;
                    }
                    let outcome = run(&plan(&options, seed));
                    let mut total = total.lock().expect("no thread panics while it holds this");
                    show(&options, &outcome);
                    total.add(&outcome);
                }
            });
        }
    });
    let total = total.into_inner().expect("every thread has ended");
    println!(
        "{} seeds in {:.0?}: {} orders, {} fills, {} requests to the venue, {:.0?} simulated",
        total.seeds,
        begun.elapsed(),
        total.placed,
        total.fills,
        total.requests,
        total.simulated,
    );
    println!("faults: {:?}, writes torn: {}", total.faults, total.torn);
    println!("failed: {:?}", total.failed);
    std::process::exit(i32::from(!total.failed.is_empty()));
}

fn plan(options: &Options, seed: u64) -> Plan {
    let named = WEIGHTS.iter().map(|(fault, _)| *fault);
    let kinds: Vec<_> = named
        .filter(|fault| options.only.contains(&format!("{fault:?}")))
        .collect();
    Plan::draw(seed, &kinds, options.calm)
}

fn show(options: &Options, outcome: &Outcome) {
    let played = &outcome.played;
    if options.notes {
        played.seen.notes.iter().for_each(|note| println!("{note}"));
        for request in &played.seen.wire.0 {
            let at = request.at.as_micros();
            println!(
                "{at} {} {} {:?}",
                request.host, request.endpoint, request.end
            );
        }
    }
    if options.quiet && outcome.violations.is_empty() {
        return;
    }
    println!(
        "seed {}: {} placed, {} acknowledged, {} fills, {} requests, {} books, {:?} in {:.1?}, {}",
        outcome.seed,
        outcome.placed,
        outcome.acknowledged,
        outcome.fills,
        outcome.requests,
        outcome.books,
        played.simulated,
        played.took,
        &outcome.trace[..16],
    );
    println!("  faults: {:?}", played.faults);
    for violation in &outcome.violations {
        println!("  {violation}");
    }
}

impl Total {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.placed += outcome.placed;
        self.fills += outcome.fills;
        self.requests += outcome.requests;
        self.simulated += outcome.played.simulated;
        self.torn += outcome.played.torn;
        for fault in &outcome.played.faults {
            *self.faults.entry(format!("{fault:?}")).or_default() += 1;
        }
        if !outcome.violations.is_empty() {
            self.failed.push(outcome.seed);
        }
    }
}
