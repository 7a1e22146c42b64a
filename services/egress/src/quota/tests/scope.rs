//! The arithmetic of one scope, moment by moment.

use std::time::Duration;

use super::super::scope::{Micros, Moment, Scope};
use super::super::{Priority, QuotaScope};

const SECOND: Micros = 1_000_000;

fn at(seconds: f64) -> Moment {
    let monotonic = (seconds * 1e6) as Micros;
    Moment {
        monotonic,
        unix: 1_000 * SECOND + monotonic,
    }
}

fn ten_seconds(limit: u64) -> Scope {
    Scope::new(QuotaScope::calendar(
        "orders",
        Duration::from_secs(10),
        limit,
    ))
}

fn add(scope: &mut Scope, cost: u64, now: Moment) -> bool {
    scope.advance(now);
    let admitted = scope.admits(cost, Priority::Cancel);
    if admitted {
        scope.add(now.monotonic.unsigned_abs(), cost, now);
    }
    admitted
}

#[test]
fn a_calendar_window_gives_its_whole_limit_again_after_its_turn() {
    let mut scope = ten_seconds(10);

    assert!(add(&mut scope, 10, at(5.0)));
    assert!(
        !add(&mut scope, 1, at(10.4)),
        "the venue's clock may still be before the turn"
    );
    assert!(add(&mut scope, 10, at(10.5)));
}

#[test]
fn what_left_close_to_the_turn_counts_on_both_sides() {
    let mut scope = ten_seconds(10);

    assert!(add(&mut scope, 6, at(9.6)));
    assert!(
        !add(&mut scope, 5, at(11.0)),
        "it may have arrived after the turn"
    );
    assert!(add(&mut scope, 4, at(11.0)));
}

#[test]
fn a_rolling_window_frees_each_cost_one_length_after_it_left() {
    let mut scope = Scope::new(QuotaScope::rolling("orders", Duration::from_secs(10), 10));

    assert!(add(&mut scope, 6, at(0.0)));
    assert!(add(&mut scope, 4, at(4.0)));
    assert_eq!(scope.frees_at(6, Priority::Cancel, at(4.0)), 10_500_001);
    assert_eq!(scope.frees_at(7, Priority::Cancel, at(4.0)), 14_500_001);
    assert!(!add(&mut scope, 6, at(10.4)));
    assert!(add(&mut scope, 6, at(10.6)));
}

#[test]
fn f122_a_step_of_the_wall_clock_gives_no_room() {
    for step in [-4 * SECOND, 4 * SECOND, 300 * SECOND, -300 * SECOND] {
        let mut scope = ten_seconds(10);
        let stepped = |seconds| {
            let moment = at(seconds);
            Moment {
                unix: moment.unix + step,
                ..moment
            }
        };

        assert!(add(&mut scope, 10, at(6.5)));
        assert!(!add(&mut scope, 1, stepped(7.0)), "step {step}");
        assert!(!add(&mut scope, 1, stepped(16.9)), "step {step}");
        assert!(add(&mut scope, 10, stepped(17.1)), "step {step}");
    }
}

#[test]
fn f122_a_wall_clock_that_stands_still_makes_the_window_roll() {
    let mut scope = ten_seconds(10);
    let frozen = |seconds| Moment {
        unix: at(0.0).unix,
        ..at(seconds)
    };

    assert!(add(&mut scope, 10, frozen(0.0)));
    for tenth in 1..105 {
        assert!(
            !add(&mut scope, 1, frozen(f64::from(tenth) / 10.0)),
            "{tenth}"
        );
    }
    assert!(add(&mut scope, 10, frozen(10.6)));
}

#[test]
fn an_older_header_does_not_replace_a_newer_one() {
    let mut scope = ten_seconds(100);
    scope.add(1, 10, at(2.0));
    scope.add(2, 10, at(3.0));

    scope.settle(2, at(3.5));
    scope.observe(50, 2, at(3.0), at(3.5));
    scope.settle(1, at(3.6));
    scope.observe(12, 1, at(2.0), at(3.6));

    assert_eq!(
        scope.used(),
        60,
        "fifty by the newer header, ten that may not be in it"
    );
}

#[test]
fn a_header_from_before_the_turn_says_nothing_about_the_new_window() {
    let mut scope = ten_seconds(100);
    scope.add(1, 10, at(8.0));

    scope.observe(90, 1, at(8.0), at(9.0));
    assert_eq!(scope.used(), 90);
    scope.observe(95, 1, at(8.0), at(10.6));

    scope.advance(at(11.0));
    assert!(scope.used() <= 95, "doubt only makes more careful");
    scope.advance(at(21.0));
    assert_eq!(scope.used(), 0);
}

#[test]
fn a_header_without_a_known_turn_only_adds() {
    let mut scope = Scope::new(QuotaScope::rolling("weight", Duration::from_secs(10), 100));
    scope.add(1, 10, at(0.0));

    scope.observe(4, 1, at(0.0), at(1.0));
    assert_eq!(scope.used(), 10);
    scope.observe(70, 1, at(0.0), at(1.0));
    assert_eq!(scope.used(), 70);
    scope.advance(at(11.6));
    assert_eq!(scope.used(), 0);
}
