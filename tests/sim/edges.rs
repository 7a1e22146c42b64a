//! Traders behind the edge.

use chimera_tests::sim::{Plan, Way, run};

#[test]
fn who_trades_through_the_edge_is_told_the_same_truth() {
    for way in [Way::Edge, Way::Rest] {
        let plan = Plan {
            way,
            ..Plan::draw(1, &[], true)
        };
        let outcome = run(&plan);
        assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
        let edged = outcome.played.seen.edged;
        assert!(edged > 5, "{way:?}: {edged} orders");
    }
}
