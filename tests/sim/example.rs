//! Runs seeds of the deterministic simulation and prints how they ended.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chimera_tests::sim::storm::{Odds, Storm, Tally};
use chimera_tests::sim::{LATER, LATER_FROM, Outcome, Part, Plan, WEIGHTS, run};
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
    /// Storms instead, until so many orders have left for the venue.
    #[arg(long)]
    orders: Option<u64>,
    /// Orders of one storm.
    #[arg(long, default_value_t = 2_500)]
    orders_each: usize,
    /// Clients that place at once in a storm.
    #[arg(long, default_value_t = 40)]
    clients: usize,
    /// Submissions and cancels in a hundred whose outcome is not told, in a storm.
    #[arg(long, default_value_t = 5)]
    ambiguous: u32,
    /// Private events in a hundred that never come.
    #[arg(long, default_value_t = 5)]
    drops: u32,
    /// Private events in a hundred that come twice.
    #[arg(long, default_value_t = 5)]
    twice: u32,
    /// Private events in a hundred that come after later ones, or late.
    #[arg(long, default_value_t = 5)]
    reordered: u32,
}

#[derive(Default)]
struct Total {
    seeds: u64,
    failed: Vec<u64>,
    placed: usize,
    fills: usize,
    requests: usize,
    simulated: Duration,
    torn: Vec<Part>,
    faults: BTreeMap<String, u32>,
}

fn main() {
    let options = Options::parse();
    if let Some(filter) = &options.log {
        let lines = tracing_subscriber::fmt().without_time().with_ansi(false);
        lines.with_env_filter(filter).init();
    }
    if let Some(orders) = options.orders {
        return storms(&options, orders);
    }
    let all = WEIGHTS.iter().chain(&LATER);
    let weights: Vec<_> = all
        .map(|(fault, weight)| format!("{fault:?} {weight}"))
        .collect();
    println!("weights: {}", weights.join(", "));
    println!("the last {} from seed {LATER_FROM} on", LATER.len());
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
    println!("faults: {:?}", total.faults);
    println!("writes torn: {}", torn(&total.torn));
    println!("failed: {:?}", total.failed);
    std::process::exit(i32::from(!total.failed.is_empty()));
}

fn storms(options: &Options, orders: u64) {
    let storm = Storm {
        orders: options.orders_each,
        clients: options.clients,
        odds: Odds {
            ambiguous: options.ambiguous,
            lost: options.drops,
            twice: options.twice,
            reordered: options.reordered,
        },
    };
    println!("{storm:?}, from seed {}", options.seed);
    let begun = Instant::now();
    let (next, total) = (AtomicU64::new(options.seed), Mutex::new(Tally::default()));
    let lock = || total.lock().expect("no thread panics while it holds this");
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while lock().counts.left < orders && begun.elapsed().as_secs() < options.seconds {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let outcome = run(&Plan::storm(seed, storm));
                    let mut total = lock();
                    show(options, &outcome);
                    total.add(&outcome);
                    let (runs, left) = (total.runs, total.counts.left);
                    println!("{runs} runs, {left} orders left in {:.0?}", begun.elapsed());
                }
            });
        }
    });
    let total = lock();
    println!("{total}");
    println!("in {:.0?}", begun.elapsed());
    std::process::exit(i32::from(!total.failed.is_empty()));
}

fn plan(options: &Options, seed: u64) -> Plan {
    let named = WEIGHTS.iter().chain(&LATER).map(|(fault, _)| *fault);
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
    if played.seen.edged > 0 {
        println!("  acknowledged through the edge: {}", played.seen.edged);
    }
    if !played.torn.is_empty() {
        println!("  writes torn: {}", torn(&played.torn));
    }
    for violation in &outcome.violations {
        println!("  {violation}");
    }
}

/// Returns how many writes were torn, and of how many a part was left.
fn torn(parts: &[Part]) -> String {
    let within = parts.iter().filter(|it| it.kept > 0 && it.kept < it.of);
    let each = parts.iter().map(|it| format!("{} of {}", it.kept, it.of));
    let (all, within) = (parts.len(), within.count());
    let each: Vec<_> = each.take(20).collect();
    format!("{all}, in part {within}; records kept: {}", each.join(", "))
}

impl Total {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.placed += outcome.placed;
        self.fills += outcome.fills;
        self.requests += outcome.requests;
        self.simulated += outcome.played.simulated;
        self.torn.extend(&outcome.played.torn);
        for fault in &outcome.played.faults {
            *self.faults.entry(format!("{fault:?}")).or_default() += 1;
        }
        if !outcome.violations.is_empty() {
            self.failed.push(outcome.seed);
        }
    }
}
