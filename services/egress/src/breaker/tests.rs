use std::time::Duration;

use tokio::time::Instant;

use super::{Breaker, BreakerPolicy, BreakerState, Verdict};
use crate::quota::Priority;

const FAULT: Verdict = Verdict::Fault("timeout");

/// A breaker and a clock moved by hand.
struct Bench {
    breaker: Breaker,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            breaker: Breaker::new(BreakerPolicy::default(), now),
            now,
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn call(&mut self, priority: Priority, verdict: Verdict) -> bool {
        match self.breaker.admit(priority, self.now) {
            Ok(permit) => {
                self.breaker.record(permit, verdict, self.now);
                true
            }
            Err(_) => false,
        }
    }

    fn calls(&mut self, verdicts: &[Verdict]) {
        for verdict in verdicts {
            self.call(Priority::Normal, *verdict);
        }
    }

    fn state(&self) -> BreakerState {
        self.breaker.status(self.now).state
    }

    fn opened() -> Self {
        let mut bench = Self::new();
        bench.calls(&[FAULT; 5]);
        assert_eq!(bench.state(), BreakerState::Open);
        bench
    }
}

#[test]
fn it_opens_on_the_venues_faults_and_on_nothing_else() {
    use Verdict::{Answered, Limited, Nothing};
    let table: [(&str, Vec<Verdict>, BreakerState); 8] = [
        ("five in a row", vec![FAULT; 5], BreakerState::Open),
        ("four in a row", vec![FAULT; 4], BreakerState::Closed),
        (
            "an answer in between",
            [[FAULT; 4], [Answered; 4]].concat(),
            BreakerState::Closed,
        ),
        (
            "refusals by the venue's limits",
            vec![Limited; 100],
            BreakerState::Closed,
        ),
        ("calls given up", vec![Nothing; 100], BreakerState::Closed),
        (
            "the caller's own errors",
            vec![Answered; 100],
            BreakerState::Closed,
        ),
        (
            "every other call of twenty",
            [Answered, FAULT].repeat(10),
            BreakerState::Open,
        ),
        (
            "every third call",
            [Answered, Answered, FAULT].repeat(30),
            BreakerState::Closed,
        ),
    ];
    for (name, verdicts, expected) in table {
        let mut bench = Bench::new();
        bench.calls(&verdicts);
        assert_eq!(bench.state(), expected, "{name}");
    }
}

#[test]
fn a_share_of_too_few_calls_means_nothing_and_old_calls_are_forgotten() {
    let mut bench = Bench::new();
    bench.calls(&[Verdict::Answered, FAULT].repeat(9));
    assert_eq!(bench.state(), BreakerState::Closed);

    bench.wait(31);
    bench.calls(&[Verdict::Answered, FAULT]);
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn an_open_breaker_says_when_it_is_tried_again_and_lets_one_probe_pass() {
    let mut bench = Bench::opened();
    assert_eq!(
        bench.breaker.admit(Priority::Normal, bench.now),
        Err(Duration::from_secs(5))
    );

    bench.wait(5);
    let probe = bench.breaker.admit(Priority::Normal, bench.now).unwrap();
    assert_eq!(bench.state(), BreakerState::HalfOpen);
    assert!(
        bench.breaker.admit(Priority::Normal, bench.now).is_err(),
        "one probe at a time"
    );

    bench.breaker.record(probe, Verdict::Answered, bench.now);
    assert_eq!(bench.state(), BreakerState::Closed);
    assert_eq!(bench.breaker.status(bench.now).failures, 0);
}

#[test]
fn each_failed_probe_doubles_the_pause_up_to_a_minute() {
    let mut bench = Bench::opened();
    for pause in [5, 10, 20, 40, 60, 60] {
        assert_eq!(
            bench.breaker.status(bench.now).retry_in,
            Some(Duration::from_secs(pause))
        );
        bench.wait(pause - 1);
        assert!(!bench.call(Priority::Normal, FAULT));
        bench.wait(1);
        assert!(bench.call(Priority::Normal, FAULT));
    }
}

#[test]
fn a_probe_that_was_given_up_leaves_its_place_to_the_next() {
    let mut bench = Bench::opened();
    bench.wait(5);

    assert!(bench.call(Priority::Normal, Verdict::Nothing));
    assert_eq!(bench.state(), BreakerState::HalfOpen);
    assert!(bench.call(Priority::Normal, Verdict::Answered));
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn a_probe_that_meets_the_venues_limit_shows_that_it_lives() {
    let mut bench = Bench::opened();
    bench.wait(5);

    assert!(bench.call(Priority::Normal, Verdict::Limited));
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn a_cancel_passes_an_open_breaker_and_never_keeps_it_open_longer() {
    let mut bench = Bench::opened();
    for _ in 0..10 {
        assert!(bench.call(Priority::Cancel, FAULT));
    }
    assert_eq!(
        bench.breaker.status(bench.now).retry_in,
        Some(Duration::from_secs(5))
    );

    assert!(bench.call(Priority::Cancel, Verdict::Answered));
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn a_cancel_passes_while_the_probe_is_out() {
    let mut bench = Bench::opened();
    bench.wait(5);
    let probe = bench.breaker.admit(Priority::Normal, bench.now).unwrap();

    assert!(bench.call(Priority::Cancel, FAULT));
    assert_eq!(bench.state(), BreakerState::HalfOpen);

    bench.breaker.record(probe, FAULT, bench.now);
    assert_eq!(bench.state(), BreakerState::Open);
}

#[test]
fn what_was_sent_before_it_opened_is_no_news_afterwards() {
    let mut bench = Bench::new();
    let slow = bench.breaker.admit(Priority::Normal, bench.now).unwrap();
    bench.calls(&[FAULT; 5]);

    bench.breaker.record(slow, Verdict::Answered, bench.now);

    assert_eq!(bench.state(), BreakerState::Open);
}

#[test]
fn it_is_closed_by_hand() {
    let mut bench = Bench::opened();

    bench.breaker.reset(bench.now);

    assert_eq!(bench.state(), BreakerState::Closed);
    assert!(bench.call(Priority::Normal, Verdict::Answered));
}

#[test]
fn a_timeout_too_short_to_judge_is_not_held_against_the_venue() {
    let bench = Bench::new();
    assert!(!bench.breaker.judges_timeout(Duration::from_millis(999)));
    assert!(bench.breaker.judges_timeout(Duration::from_secs(1)));
}
