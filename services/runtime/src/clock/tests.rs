use super::*;

fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_700_000_000_123)
}

#[test]
fn the_system_clock_reads_the_present() {
    let before = SystemTime::now();
    let read = Clock::system().system_time();
    assert!(read >= before && read <= SystemTime::now());
}

#[test]
fn a_fake_clock_stands_until_it_is_moved_and_moves_for_every_clone() {
    let clock = Clock::fake(noon());
    let clone = clock.clone();
    assert_eq!(clone.now_millis(), 1_700_000_000_123);
    clock.advance(Duration::from_nanos(7));
    assert_eq!(clone.now_nanos(), 1_700_000_000_123_000_007);
}

#[test]
fn f122_a_wall_clock_that_steps_back_leaves_the_monotonic_part_alone() {
    let clock = Clock::fake(noon());
    let before = clock.monotonic();
    clock.set(noon() - Duration::from_secs(3_600));
    assert_eq!(clock.now_millis(), 1_699_996_400_123);
    assert!(clock.monotonic() >= before);
}

#[tokio::test(start_paused = true)]
async fn a_simulated_clock_runs_with_virtual_time() {
    let clock = Clock::simulated(noon());
    tokio::time::advance(Duration::from_millis(250)).await;
    assert_eq!(clock.now_millis(), 1_700_000_000_373);
}

#[test]
fn times_before_the_epoch_round_down() {
    let clock = Clock::fake(UNIX_EPOCH - Duration::from_nanos(1));
    assert_eq!(clock.now_millis(), -1);
    assert_eq!(clock.system_time(), UNIX_EPOCH - Duration::from_nanos(1));
}
