//! Seeds that once failed, by what was wrong, and must not fail again. What the audit itself had wrong
//! is told in `tests/README.md` and needs no seed.

use chimera_tests::sim::{Plan, run};

fn keeps_every_invariant(seed: u64) {
    let outcome = run(&Plan::draw(seed, &[], false));
    assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
}

#[test]
fn seed_61_a_balance_that_arrives_after_a_newer_one_is_not_believed() {
    keeps_every_invariant(61);
}

#[test]
fn seed_109_the_venue_plays_its_market_up_to_an_orders_time_before_it_matches() {
    keeps_every_invariant(109);
}

#[test]
fn seed_173_a_venue_whose_clock_was_set_back_is_believed_again() {
    keeps_every_invariant(173);
}

#[test]
fn seed_13_no_order_leaves_while_the_address_waits_for_its_weight() {
    keeps_every_invariant(13);
}

#[test]
fn seed_898_an_inferred_fill_may_be_taken_back() {
    keeps_every_invariant(898);
}

#[test]
fn seed_2482_no_child_leaves_at_a_price_that_passes_the_limit_of_exposure() {
    keeps_every_invariant(2482);
}

#[test]
fn seed_20019_a_denial_that_a_crash_tore_reserves_and_sends_nothing() {
    keeps_every_invariant(20_019);
}
