use super::*;

fn cell() -> StatusCell {
    StatusCell::new(UnixNanos::EPOCH)
}

fn at(nanos: u64) -> UnixNanos {
    UnixNanos::from_nanos(nanos)
}

#[test]
fn f119_a_failed_session_is_never_live_again() {
    let cell = cell();
    assert!(cell.enter(SessionState::Live, "", at(1)));
    assert!(cell.enter(SessionState::Failed, "refused", at(2)));
    for state in [
        SessionState::Live,
        SessionState::Connecting,
        SessionState::Reconnecting,
        SessionState::Failed,
    ] {
        assert!(!cell.enter(state, "a late task", at(3)), "{state:?}");
    }
    let status = cell.get();
    assert_eq!(
        (status.state, status.reason.as_str()),
        (SessionState::Failed, "refused")
    );
    assert!(cell.enter(SessionState::Closed, "closed", at(4)));
    assert!(!cell.enter(SessionState::Failed, "refused", at(5)));
}

#[test]
fn living_anew_is_told_each_time_and_the_same_loss_only_once() {
    let cell = cell();
    assert!(cell.enter(SessionState::Live, "", at(1)));
    assert!(cell.enter(SessionState::Live, "", at(2)));
    assert_eq!(cell.get().since, at(1));
    assert!(cell.enter(SessionState::Reconnecting, "cut", at(3)));
    assert!(!cell.enter(SessionState::Reconnecting, "cut", at(4)));
    assert!(cell.enter(SessionState::Reconnecting, "refused", at(5)));
    assert_eq!(cell.get().since, at(3));
}

#[test]
fn f103_a_generation_only_rises() {
    let cell = cell();
    cell.advance(2);
    cell.advance(1);
    assert_eq!(cell.get().generation, 2);
}
