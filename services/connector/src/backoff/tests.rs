use super::*;

#[test]
fn f102_waits_double_with_jitter_up_to_a_bound() {
    let mut backoff = Backoff::new();
    let mut full = FIRST;
    for _ in 0..12 {
        let wait = backoff.wait();
        assert!(wait >= full / 2 && wait <= full, "{wait:?} of {full:?}");
        full = (full * 2).min(LONGEST);
    }
    assert!(backoff.wait() <= LONGEST);
}

#[test]
fn f102_two_sessions_do_not_wait_alike() {
    let (mut one, mut other) = (Backoff::new(), Backoff::new());
    let same = (0..8).filter(|_| one.wait() == other.wait()).count();
    assert!(same < 8);
}

#[test]
fn a_connection_that_closes_at_once_does_not_start_the_waits_over() {
    let mut backoff = Backoff::new();
    for _ in 0..8 {
        backoff.wait();
    }
    backoff.held(Duration::from_secs(1));
    assert!(backoff.wait() >= LONGEST / 2);
    backoff.held(STEADY_AFTER);
    assert!(backoff.wait() <= FIRST);
}
