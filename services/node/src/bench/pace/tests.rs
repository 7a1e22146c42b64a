use std::time::{Duration, Instant};

use super::Schedule;

#[test]
fn shots_are_due_at_even_distances_and_none_comes_before_its_time() {
    let schedule = Schedule::soon(1_000);
    let mut shots = schedule.shots(30);
    let mut number = 0;
    while let Some(shot) = shots.blocking_recv() {
        assert!(Instant::now() >= shot.due);
        assert_eq!(shot.number, number);
        let offset = shot.due - schedule.due(0);
        assert_eq!(offset, Duration::from_millis(number));
        number += 1;
    }
    assert_eq!(number, 30);
}

#[test]
fn a_reader_that_is_late_changes_nothing_of_when_shots_were_due() {
    let schedule = Schedule::soon(10_000);
    let mut shots = schedule.shots(50);
    // Nobody takes a shot until all are past.
    let late = schedule.due(60);
    while Instant::now() < late {
        std::thread::yield_now();
    }
    for number in 0..50 {
        let shot = shots.blocking_recv().unwrap();
        assert_eq!(shot.due, schedule.due(number));
        assert!(late > shot.due);
    }
}
