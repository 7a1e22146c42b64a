//! A short storm; `cargo run --example sim -- --orders 1000000` makes long ones.

use chimera_tests::sim::storm::{Counts, Odds, Share, Storm};
use chimera_tests::sim::{Plan, run};

#[test]
fn a_storm_of_doubt_loses_nothing_and_doubles_nothing() {
    let storm = Storm {
        orders: 300,
        clients: 32,
        odds: Odds {
            ambiguous: 5,
            lost: 5,
            twice: 5,
            reordered: 5,
        },
    };
    let outcome = run(&Plan::storm(1, storm));
    assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
    let counts = Counts::of(&outcome.played.seen);
    assert!(counts.left > 250, "{counts:#?}");
    // Nothing was proven where nothing went wrong: all that was asked for was met.
    let met = |share: Share, least: u64| assert!(share.hits >= least, "{counts:#?}");
    met(counts.submits, 5);
    for kind in [
        "drop_event",
        "duplicate_event",
        "delay_event",
        "reorder_event",
    ] {
        met(counts.events.get(kind).copied().unwrap_or_default(), 5);
    }
    assert!(counts.fills > 100 && counts.cut > 0, "{counts:#?}");
}
