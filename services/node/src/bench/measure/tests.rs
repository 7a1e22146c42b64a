use std::time::Duration;

use super::{Latencies, Usage, bucket, middle};

#[test]
fn a_bucket_is_within_a_sixty_fourth_of_what_it_counts() {
    for nanos in (0..64).chain((6..63).map(|bit| (1_u64 << bit) + (1 << (bit - 2)) + 3)) {
        let shown = middle(bucket(nanos));
        let off = (shown - nanos as f64).abs();
        assert!(off <= nanos as f64 / 64.0, "{nanos} is shown as {shown}");
    }
    assert!(bucket(u64::MAX) < super::BUCKETS);
}

#[test]
fn percentiles_are_those_of_the_sorted_list() {
    let mut latencies = Latencies::default();
    for microseconds in (1..=1_000).rev() {
        latencies.record(Duration::from_micros(microseconds));
    }
    let mut more = Latencies::default();
    more.add(&latencies);
    let found = more.percentiles();
    for (found, true_one) in [
        (found.p50_us, 500.0),
        (found.p95_us, 950.0),
        (found.p99_us, 990.0),
    ] {
        assert!((found - true_one).abs() <= true_one / 64.0, "{found}");
    }
    assert_eq!(found.max_us, 1_000.0);
    assert_eq!(more.count(), 1_000);
}

#[test]
fn no_percentile_is_above_the_slowest() {
    for nanos in [65, 1_000_001, 345_000_000] {
        let mut latencies = Latencies::default();
        latencies.record_nanos(nanos);
        let found = latencies.percentiles();
        assert!(found.p50_us <= found.max_us, "{found:?}");
    }
}

#[test]
fn nothing_counted_has_no_percentiles() {
    assert_eq!(
        Latencies::default().percentiles(),
        super::Percentiles::default()
    );
}

#[test]
fn this_process_takes_memory() {
    assert!(Usage::of(std::process::id()).rss_mb > 0.5);
}
