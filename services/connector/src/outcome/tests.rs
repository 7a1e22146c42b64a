use chimera_egress::{Cause, ConnectFault, HttpError, QuotaError};

use super::*;

fn class(class: ErrorClass) -> VenueError {
    VenueError::new(class, "words of the venue").with_code("-1")
}

fn of(action: Action, error: ErrorClass) -> pb::Outcome {
    Done::refused(action, &class(error)).outcome
}

fn call_error(cause: Cause) -> NoAnswer {
    let error = CallError {
        cluster: "example".into(),
        endpoint: "order.place",
        cause,
    };
    let left = Some(UnixNanos::from_nanos(7_000_000_000));
    NoAnswer::Call { error, left }
}

#[test]
fn f012_only_a_refusal_that_proves_no_effect_is_a_rejection() {
    let proven = [
        ErrorClass::Refused,
        ErrorClass::FilterRefused,
        ErrorClass::InsufficientMargin,
        ErrorClass::PostOnlyRefused,
        ErrorClass::ReduceOnlyRefused,
        ErrorClass::WrongAccountMode,
        ErrorClass::InstrumentUnavailable,
        ErrorClass::RetryLater,
        ErrorClass::RateLimited,
        ErrorClass::Banned,
        ErrorClass::Timestamp,
        ErrorClass::AuthFailure,
    ];
    for class in proven {
        assert_eq!(of(Action::Submit, class), pb::Outcome::Rejected, "{class}");
        assert_eq!(of(Action::Cancel, class), pb::Outcome::Rejected, "{class}");
    }
    let doubtful = [
        ErrorClass::Unknown,
        ErrorClass::Unreadable,
        ErrorClass::WrongEcho,
        ErrorClass::Unmapped,
        ErrorClass::DuplicateClientId,
    ];
    for class in doubtful {
        assert_eq!(of(Action::Submit, class), pb::Outcome::Unknown, "{class}");
        assert_eq!(of(Action::Cancel, class), pb::Outcome::Unknown, "{class}");
    }
    assert_eq!(
        of(Action::Submit, ErrorClass::NotBuilt),
        pb::Outcome::NotSent
    );
}

#[test]
fn f003_a_duplicate_client_id_is_proof_that_the_first_one_lives() {
    let done = Done::refused(Action::Submit, &class(ErrorClass::DuplicateClientId));
    assert_eq!(done.outcome, pb::Outcome::Unknown);
    assert!(done.detail.unwrap().duplicate_client_id);
}

#[test]
fn f018_a_cancel_that_finds_no_order_says_so_and_nothing_more() {
    assert_eq!(
        of(Action::Cancel, ErrorClass::AlreadyGone),
        pb::Outcome::NotFound
    );
    assert_eq!(
        of(Action::Cancel, ErrorClass::NotFound),
        pb::Outcome::NotFound
    );
    assert_eq!(
        of(Action::Submit, ErrorClass::NotFound),
        pb::Outcome::Unknown
    );
}

#[test]
fn f001_what_may_have_left_is_unknown_and_what_never_left_is_not_sent() {
    let timeout = HttpError::Timeout {
        waited: Duration::from_secs(1),
    };
    let reset = HttpError::Transport {
        what: "reset by the peer",
    };
    for error in [timeout, reset] {
        let done = Done::unanswered(&call_error(Cause::Http(error)));
        assert_eq!(done.outcome, pb::Outcome::Unknown);
        assert_eq!(
            done.sent_time.unwrap().seconds,
            7,
            "the validity window begins then"
        );
        assert_eq!(done.detail.unwrap().reason, "ORDER_OUTCOME_UNKNOWN");
    }
    let refused = Cause::Http(HttpError::Connect {
        fault: ConnectFault::Refused,
    });
    let exhausted = QuotaError::Exhausted {
        scope: "orders-10s:main".into(),
        frees_in: Duration::from_secs(3),
    };
    let open = Cause::BreakerOpen {
        retry_in: Duration::from_secs(3),
    };
    for (cause, reason, waits) in [
        (refused, "VENUE_UNAVAILABLE", false),
        (Cause::Quota(exhausted), "VENUE_RATE_LIMIT", true),
        (open, "BREAKER_OPEN", true),
        (Cause::Expired, "DEADLINE_EXCEEDED", false),
    ] {
        let done = Done::unanswered(&call_error(cause));
        assert!(done.sent_time.is_none());
        let detail = done.detail.unwrap();
        assert_eq!(
            (done.outcome, detail.reason.as_str()),
            (pb::Outcome::NotSent, reason)
        );
        assert_eq!(detail.retry_after.is_some(), waits, "{reason}");
    }
    for never_left in [NoAnswer::NotInTime, NoAnswer::Withdrawn("failed".into())] {
        let done = Done::unanswered(&never_left);
        assert_eq!((done.outcome, done.sent_time), (pb::Outcome::NotSent, None));
    }
}

#[test]
fn f117_a_refused_timestamp_says_when_the_clock_is_right_again() {
    let done = Done::refused(Action::Submit, &class(ErrorClass::Timestamp));
    assert_eq!(done.outcome, pb::Outcome::Rejected);
    assert!(done.detail.unwrap().retry_after.is_some());
}

#[test]
fn failed_queries_have_a_type_each() {
    let refused = |error| query_refused("example", "main", &class(error)).reason();
    assert_eq!(refused(ErrorClass::RateLimited), "VENUE_RATE_LIMIT");
    assert_eq!(refused(ErrorClass::AuthFailure), "VENUE_AUTHENTICATION");
    assert_eq!(refused(ErrorClass::Unknown), "VENUE_UNAVAILABLE");
    assert_eq!(refused(ErrorClass::Unreadable), "VENUE_ANSWER_UNREADABLE");
    assert_eq!(refused(ErrorClass::Refused), "VENUE_REFUSED");
    let unanswered = |cause| query_unanswered("example", &call_error(cause)).reason();
    assert_eq!(unanswered(Cause::Expired), "DEADLINE_EXCEEDED");
    let retry_in = Duration::from_secs(1);
    assert_eq!(unanswered(Cause::BreakerOpen { retry_in }), "BREAKER_OPEN");
    let fault = ConnectFault::Refused;
    assert_eq!(
        unanswered(Cause::Http(HttpError::Connect { fault })),
        "VENUE_UNAVAILABLE"
    );
}
