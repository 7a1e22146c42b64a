use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{Board, Changes, ClusterStatus, Health, StatusUpdate};
use crate::breaker::{BreakerPolicy, Verdict};
use crate::quota::Priority;

const FAULT: Verdict = Verdict::Fault("timeout");
const BEGUN: SystemTime = SystemTime::UNIX_EPOCH;

fn call(board: &mut Board, name: &'static str, verdict: Verdict) {
    let endpoint = board.endpoint(name);
    let permit = endpoint
        .breaker
        .admit(Priority::Cancel, Instant::now())
        .unwrap();
    endpoint.note(verdict, Duration::from_millis(5));
    endpoint.breaker.record(permit, verdict, Instant::now());
}

fn refresh(board: &mut Board, changes: &Changes) -> ClusterStatus {
    board.refresh("venue", "https://venue.example", None, BEGUN, changes)
}

#[test]
fn a_cluster_is_as_well_as_its_endpoints() {
    let mut board = Board::new(BreakerPolicy::default(), &["orders", "klines"], BEGUN);
    let changes = Changes::new();
    assert_eq!(refresh(&mut board, &changes).health, Health::Unknown);

    call(&mut board, "orders", Verdict::Answered);
    assert_eq!(refresh(&mut board, &changes).health, Health::Up);

    call(&mut board, "klines", FAULT);
    let degraded = refresh(&mut board, &changes);
    assert_eq!(
        (degraded.health, degraded.reason.as_str()),
        (Health::Degraded, "klines: timeout")
    );

    for _ in 0..5 {
        call(&mut board, "klines", FAULT);
    }
    assert_eq!(
        refresh(&mut board, &changes).health,
        Health::Degraded,
        "orders still answer"
    );

    for _ in 0..5 {
        call(&mut board, "orders", FAULT);
    }
    assert_eq!(refresh(&mut board, &changes).health, Health::Down);
}

#[test]
fn one_fault_among_answers_changes_nothing() {
    let mut board = Board::new(BreakerPolicy::default(), &[], BEGUN);
    let changes = Changes::new();
    call(&mut board, "orders", Verdict::Answered);
    call(&mut board, "orders", FAULT);

    assert_eq!(refresh(&mut board, &changes).health, Health::Up);
}

#[test]
fn the_median_is_of_recent_answers_only() {
    let mut board = Board::new(BreakerPolicy::default(), &["orders"], BEGUN);
    for latency in (1..=100).chain([1_000; 64]) {
        board
            .endpoint("orders")
            .note(Verdict::Answered, Duration::from_millis(latency));
    }
    board
        .endpoint("orders")
        .note(FAULT, Duration::from_millis(1));

    let (status, _) = board.endpoints(Instant::now()).remove(0);

    assert_eq!(status.latency_p50, Some(Duration::from_secs(1)));
    assert_eq!(
        (status.calls, status.faults, status.last_fault),
        (165, 1, "timeout")
    );
}

#[tokio::test]
async fn changes_are_numbered_and_a_slow_watcher_is_told_of_its_loss() {
    let mut board = Board::new(BreakerPolicy::default(), &[], BEGUN);
    let changes = Changes::new();
    let mut watch = changes.watch();
    let swing = |board: &mut Board, changes: &Changes| {
        for verdict in [Verdict::Answered, FAULT, FAULT] {
            call(board, "orders", verdict);
            refresh(board, changes);
        }
        // Not a third time in a row: the breaker stays out of this.
        call(board, "orders", Verdict::Answered);
        refresh(board, changes);
    };

    swing(&mut board, &changes);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let Some(StatusUpdate::Change(change)) = watch.next().await else {
            panic!()
        };
        let recovered = change.recovered();
        seen.push((
            change.sequence,
            change.previous,
            change.cluster.health,
            recovered,
        ));
    }
    assert_eq!(
        seen,
        [
            (1, Health::Unknown, Health::Up, false),
            (2, Health::Up, Health::Degraded, false),
            (3, Health::Degraded, Health::Up, true),
        ]
    );

    for _ in 0..200 {
        swing(&mut board, &changes);
    }
    assert_eq!(
        watch.next().await,
        Some(StatusUpdate::Lagged { dropped: 400 - 256 })
    );
    assert_eq!(changes.sequence(), 403);
}
