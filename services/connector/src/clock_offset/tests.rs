use super::*;

const MILLI: i64 = 1_000_000;

fn probe(asked: i64, round_trip: i64, offset: i64) -> Probe {
    let answered = asked + round_trip;
    Probe {
        asked,
        venue: asked + round_trip / 2 + offset,
        answered,
    }
}

#[test]
fn nothing_is_known_before_the_first_measurement() {
    assert_eq!(ClockOffset::default().at(Instant::now()), None);
}

#[test]
fn f117_the_quickest_probe_is_believed() {
    let mut clock = ClockOffset::default();
    let now = Instant::now();
    // The slow answer was held up on its way back, so it claims an offset that is not there.
    let held_up = Probe {
        asked: 0,
        venue: 10 * MILLI,
        answered: 900 * MILLI,
    };
    assert!(clock.measure(&[held_up, probe(0, 20 * MILLI, 70 * MILLI)], now));
    assert_eq!(clock.at(now), Some(70 * MILLI));
}

#[test]
fn f117_a_measurement_that_says_too_little_changes_nothing() {
    let mut clock = ClockOffset::default();
    let now = Instant::now();
    assert!(clock.measure(&[probe(0, 10 * MILLI, 5 * MILLI)], now));
    assert!(!clock.measure(&[probe(0, 3_000 * MILLI, 900 * MILLI)], now));
    // Our own clock stepped back between question and answer.
    assert!(!clock.measure(
        &[Probe {
            asked: 100,
            venue: 0,
            answered: 50
        }],
        now
    ));
    assert!(!clock.measure(&[], now));
    assert_eq!(clock.at(now), Some(5 * MILLI));
}

#[test]
fn f117_a_new_measurement_is_slewed_to_and_not_stepped_to() {
    let mut clock = ClockOffset::default();
    let start = Instant::now();
    clock.measure(&[probe(0, 10 * MILLI, 0)], start);
    clock.measure(&[probe(0, 10 * MILLI, -2_000 * MILLI)], start);
    assert_eq!(clock.at(start), Some(0));
    assert_eq!(clock.at(start + Duration::from_secs(1)), Some(-500 * MILLI));
    assert_eq!(
        clock.at(start + Duration::from_secs(60)),
        Some(-2_000 * MILLI)
    );
}

#[test]
fn f117_a_clock_that_was_set_is_followed_at_once() {
    let mut clock = ClockOffset::default();
    let start = Instant::now();
    clock.measure(&[probe(0, 10 * MILLI, 0)], start);
    clock.measure(&[probe(0, 10 * MILLI, 3_600_000 * MILLI)], start);
    assert_eq!(clock.at(start), Some(3_600_000 * MILLI));
}
