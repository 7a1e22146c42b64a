use std::time::Instant as StdInstant;

use chimera_egress::{Egress, EgressPolicy};
use chimera_runtime::Clock;

use super::*;
use crate::config::Config;

/// A desk whose venue is a port where nobody listens: whatever is sent there fails.
fn desk() -> Desk {
    let config: Config = serde_json::from_str(
        r#"{"venues": {"binance-usdm": {"rest_url": "http://127.0.0.1:9", "stream_url":
            "ws://127.0.0.1:9", "allow_plain_http": true}}}"#,
    )
    .unwrap();
    let venue = config.venues().unwrap().remove(0);
    let clusters = vec![venue.cluster_policy()];
    let policy = EgressPolicy {
        clusters,
        seed: Some(1),
    };
    let egress = Egress::over_sockets(policy, None, Clock::system()).unwrap();
    Desk::new(venue.adapter, egress, Clock::system())
}

fn whose() -> (Account, Credentials) {
    (
        Account::new("main").unwrap(),
        Credentials::new("key", "secret"),
    )
}

#[tokio::test]
async fn f060_a_request_whose_condition_no_longer_holds_is_never_built() {
    let (desk, (account, credentials)) = (desk(), whose());
    let asker = Asker {
        account,
        credentials: &credentials,
    };
    let provided = || Err("session failed".to_owned());
    let terms = Terms {
        provided: &provided,
        ..Terms::answer(Duration::from_secs(5))
    };
    let call = desk.adapter.position_mode().unwrap();
    let error = desk.ask(&call, Some(asker), terms).await.unwrap_err();
    assert!(
        matches!(&error, NoAnswer::Withdrawn(why) if why == "session failed"),
        "{error:?}"
    );
}

#[tokio::test]
async fn f117_a_request_past_its_time_is_never_built() {
    let (desk, (account, credentials)) = (desk(), whose());
    let asker = Asker {
        account,
        credentials: &credentials,
    };
    let late = Instant::now() - Duration::from_millis(1);
    let terms = Terms {
        send_by: late,
        ..Terms::answer(Duration::from_secs(5))
    };
    let call = desk.adapter.position_mode().unwrap();
    let error = desk.ask(&call, Some(asker), terms).await.unwrap_err();
    assert!(matches!(error, NoAnswer::NotInTime), "{error:?}");
}

#[tokio::test]
async fn a_request_without_the_credentials_it_needs_is_never_built() {
    let desk = desk();
    let call = desk.adapter.position_mode().unwrap();
    let error = desk
        .ask(&call, None, Terms::answer(Duration::from_secs(5)))
        .await
        .unwrap_err();
    assert!(matches!(error, NoAnswer::NotBuilt(_)), "{error:?}");
}

#[tokio::test]
async fn a_repetition_that_comes_too_late_does_not_unsay_the_attempt_before_it() {
    let desk = desk();
    let begun = StdInstant::now();
    // Attempts are some ten milliseconds apart, so the first one leaves in time and no other does.
    let send_by = Instant::now() + Duration::from_millis(5);
    let terms = Terms {
        send_by,
        ..Terms::answer(Duration::from_secs(5))
    };
    let error = desk
        .ask(&desk.adapter.server_time(), None, terms)
        .await
        .unwrap_err();
    match error {
        NoAnswer::Call { left, .. } => assert!(left.is_some()),
        // A machine that took longer than that for the first one has nothing to show.
        NoAnswer::NotInTime => assert!(begun.elapsed() > Duration::from_millis(5)),
        other => panic!("{other:?}"),
    }
}
