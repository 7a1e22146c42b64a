use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{RetryBudget, RetryPolicy, may_end_better, pause};
use crate::http::{ConnectFault, HttpError, HttpResponse};

#[test]
fn the_budget_lets_a_fifth_more_through_and_no_more() {
    let mut budget = RetryBudget::new(RetryPolicy {
        budget_max: 2,
        ..RetryPolicy::default()
    });
    assert!(budget.withdraw() && budget.withdraw() && !budget.withdraw());

    let retries = (0..100).filter(|_| {
        budget.deposit();
        budget.withdraw()
    });
    assert_eq!(retries.count(), 20);
}

#[test]
fn a_pause_is_jittered_doubles_and_has_an_end() {
    let policy = RetryPolicy::default();
    let mut chance = StdRng::seed_from_u64(7);
    for (attempts, longest_ms) in [(1, 100), (2, 200), (3, 400), (6, 2_000), (60, 2_000)] {
        let pauses: Vec<_> = (0..200)
            .map(|_| pause(&policy, attempts, &mut chance))
            .collect();
        let longest = Duration::from_millis(longest_ms);
        assert!(pauses.iter().all(|pause| *pause <= longest));
        assert!(
            pauses.iter().any(|pause| *pause > longest.mul_f64(0.9)),
            "{attempts}"
        );
        assert!(
            pauses.iter().any(|pause| *pause < longest.mul_f64(0.1)),
            "{attempts}"
        );
    }
}

#[test]
fn only_the_venues_passing_trouble_is_tried_again() {
    for (status, expected) in [
        (200, false),
        (400, false),
        (408, true),
        (429, false),
        (418, false),
        (503, true),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let response = HttpResponse {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        assert_eq!(may_end_better(&Ok(response)), expected, "{status}");
    }
    let status = StatusCode::FOUND;
    for (error, expected) in [
        (
            HttpError::Connect {
                fault: ConnectFault::Refused,
            },
            true,
        ),
        (HttpError::Transport { what: "reset" }, true),
        (HttpError::Redirect { status }, false),
        (
            HttpError::BodyTooLarge {
                status,
                max_body_bytes: 1,
            },
            false,
        ),
        (HttpError::Malformed { what: "address" }, false),
    ] {
        assert_eq!(may_end_better(&Err(error.clone())), expected, "{error}");
    }
}
