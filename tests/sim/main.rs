//! The deterministic simulation, a few seeds of it; `cargo run --example sim` runs as many as asked.

mod doctored;
mod edges;
mod found;
mod storms;
mod torn;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chimera_tests::sim::{Outcome, Plan, run};

/// Seeds of an ordinary run of the tests, some five seconds each on a core; `CHIMERA_SIM_SEEDS=1..1000` asks for others.
const SEEDS: std::ops::Range<u64> = 1..21;
/// No new seed begins after this long, on a busy machine; `CHIMERA_SIM_SECONDS` asks for more.
const BUDGET: Duration = Duration::from_secs(120);

#[test]
fn a_calm_mesh_keeps_every_invariant() {
    let outcome = run(&Plan::draw(1, &[], true));
    assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
    // Nothing was proven where nothing happened.
    assert!(outcome.acknowledged > 10, "{}", outcome.acknowledged);
    assert!(outcome.fills > 5, "{}", outcome.fills);
    assert!(outcome.books > 10, "{}", outcome.books);
    assert!(outcome.played.seen.watched.changes > 20);
}

#[test]
fn the_same_seed_runs_the_same_way_twice() {
    for calm in [true, false] {
        let plan = Plan::draw(7, &[], calm);
        let (first, second) = (run(&plan), run(&plan));
        assert!(first.acknowledged > 0);
        let (one, other) = (&first.played.seen, &second.played.seen);
        for (at, (one, other)) in one.notes.iter().zip(&other.notes).enumerate() {
            assert_eq!(one, other, "note {at} differs");
        }
        assert_eq!(first.trace, second.trace, "calm: {calm}");
    }
}

#[test]
fn many_seeds_keep_every_invariant() {
    let seeds = match std::env::var("CHIMERA_SIM_SEEDS") {
        Ok(text) => range(&text),
        Err(_) => SEEDS,
    };
    let budget = match std::env::var("CHIMERA_SIM_SECONDS") {
        Ok(text) => Duration::from_secs(text.parse().expect("CHIMERA_SIM_SECONDS is a number")),
        Err(_) => BUDGET,
    };
    let (begun, next) = (Instant::now(), AtomicU64::new(seeds.start));
    let failed = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while begun.elapsed() < budget {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = run(&Plan::draw(seed, &[], false));
                    if !outcome.violations.is_empty() {
                        show(&outcome);
                        failed.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    let ran = next.into_inner().min(seeds.end) - seeds.start;
    println!("{ran} seeds in {:.0?}", begun.elapsed());
    assert!(ran > 0, "not one seed was run");
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "seeds with violations: {failed:?}");
}

fn show(outcome: &Outcome) {
    let seed = outcome.seed;
    println!("seed {seed}: {:?}", outcome.played.faults);
    outcome.violations.iter().for_each(|it| println!("  {it}"));
    println!("  again: cargo run -p chimera-tests --example sim -- --seed {seed} --notes");
}

fn range(text: &str) -> std::ops::Range<u64> {
    let ends = text
        .split_once("..")
        .expect("CHIMERA_SIM_SEEDS is a range like 1..21");
    let number = |text: &str| {
        text.parse()
            .expect("CHIMERA_SIM_SEEDS is a range like 1..21")
    };
    number(ends.0)..number(ends.1)
}
