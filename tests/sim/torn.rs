//! Crashes that fall into a write to the journal.

use chimera_tests::sim::{Fault, Plan, run};

/// Seeds in which parts of several records stay; a run has up to fourteen such crashes.
const SEEDS: std::ops::Range<u64> = 1..4;

#[test]
fn f126_a_write_of_which_a_part_stays_is_recovered_from() {
    let mut parts = Vec::new();
    for seed in SEEDS {
        let outcome = run(&Plan::draw(seed, &[Fault::CrashedWriting], false));
        assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
        parts.extend(outcome.played.torn);
    }
    let within = parts.iter().filter(|it| it.kept > 0 && it.kept < it.of);
    assert!(within.count() > 0, "no write was torn in part: {parts:?}");
}
