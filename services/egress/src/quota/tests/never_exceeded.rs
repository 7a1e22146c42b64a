//! The venue's own counter, which counts by its own clock at the moment of arrival, never passes
//! its limit, whatever the load.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::{Instant, sleep};

use super::super::{Alignment, Priority, Quota, QuotaScope};
use super::clock;

/// What the venue counted, window by window.
struct Venue {
    /// Its clock minus ours, in milliseconds.
    skew_ms: i64,
    window_ms: i64,
    counts: Mutex<BTreeMap<i64, u64>>,
}

impl Venue {
    /// Counts a request that arrives now, and returns what its header would say.
    fn count(&self, our_millis: i64, cost: u64) -> u64 {
        let window = (our_millis + self.skew_ms).div_euclid(self.window_ms);
        let mut counts = self.counts.lock().unwrap();
        let used = counts.entry(window).or_default();
        *used += cost;
        *used
    }
}

#[derive(Clone, Debug)]
struct Request {
    after_ms: u64,
    patience_ms: u64,
    cost: u64,
    cancel: bool,
    out_ms: u64,
    back_ms: u64,
    ending: u8,
}

fn request() -> impl Strategy<Value = Request> {
    (
        0..25_000_u64,
        0..15_000_u64,
        1..4_u64,
        prop::bool::weighted(0.2),
        0..250_u64,
        0..900_u64,
        0..8_u8,
    )
        .prop_map(
            |(after_ms, patience_ms, cost, cancel, out_ms, back_ms, ending)| Request {
                after_ms,
                patience_ms,
                cost,
                cancel,
                out_ms,
                back_ms,
                ending,
            },
        )
}

/// Runs `requests` at once and returns the highest count of any window and how many arrived.
fn run(skew_ms: i64, alignment: Alignment, limit: u64, requests: Vec<Request>) -> (u64, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async move {
        let clock = clock();
        let long = QuotaScope::rolling("long", Duration::from_secs(60), 10_000);
        let scope = QuotaScope {
            alignment,
            ..QuotaScope::rolling("short", SHORT, limit)
        };
        let quota = Quota::new(clock.clone(), vec![long, scope]);
        let window_ms = SHORT.as_millis() as i64;
        let venue = Arc::new(Venue {
            skew_ms,
            window_ms,
            counts: Mutex::default(),
        });
        let tasks: Vec<_> = requests
            .into_iter()
            .map(|request| {
                let (quota, venue, clock) = (quota.clone(), venue.clone(), clock.clone());
                tokio::spawn(async move {
                    sleep(Duration::from_millis(request.after_ms)).await;
                    let charges = [("long", 1), ("short", request.cost)];
                    let priority = if request.cancel {
                        Priority::Cancel
                    } else {
                        Priority::Normal
                    };
                    let deadline = Instant::now() + Duration::from_millis(request.patience_ms);
                    let Ok(mut charge) = quota.charge(&charges, priority, deadline).await else {
                        return false;
                    };
                    if request.ending == 0 {
                        return false; // Given up before it was sent.
                    }
                    let stamp = charge.left();
                    sleep(Duration::from_millis(request.out_ms)).await;
                    let header = venue.count(clock.now_millis(), request.cost);
                    if request.ending == 1 {
                        return true; // The answer was lost.
                    }
                    sleep(Duration::from_millis(request.back_ms)).await;
                    charge.answered();
                    quota.observe(&stamp, "short", header).unwrap();
                    true
                })
            })
            .collect();
        let mut arrived = 0;
        for task in tasks {
            arrived += usize::from(task.await.unwrap());
        }
        let counts = venue.counts.lock().unwrap();
        (counts.values().copied().max().unwrap_or(0), arrived)
    })
}

const SHORT: Duration = Duration::from_secs(10);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn f113_the_venues_counter_never_passes_its_limit(
        skew_ms in -250..=250_i64,
        calendar in any::<bool>(),
        limit in 10..40_u64,
        requests in prop::collection::vec(request(), 1..150),
    ) {
        let alignment = if calendar { Alignment::Calendar } else { Alignment::Rolling };
        let (highest, _) = run(skew_ms, alignment, limit, requests);
        prop_assert!(highest <= limit, "{highest} of {limit}");
    }
}

/// Safety is not bought by sending nothing: under pressure most of each window is used.
#[test]
fn most_of_every_window_is_used_under_pressure() {
    let request = |index: u64| Request {
        after_ms: index * 20,
        patience_ms: 60_000,
        cost: 1,
        cancel: false,
        out_ms: 30,
        back_ms: 30,
        ending: 7,
    };

    let (highest, arrived) = run(
        20,
        Alignment::Calendar,
        100,
        (0..250).map(request).collect(),
    );

    assert!(
        (81..=90).contains(&highest),
        "{highest}: the limit less the reserve, and little less"
    );
    assert_eq!(arrived, 250);
}
