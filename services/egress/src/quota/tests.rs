use std::time::{Duration, SystemTime};

use chimera_runtime::clock::Clock;
use tokio::time::{Instant, advance};

use super::{Charge, Priority, Quota, QuotaError, QuotaScope};

mod never_exceeded;
mod scope;

const MINUTE: Duration = Duration::from_secs(60);
const TEN_SECONDS: Duration = Duration::from_secs(10);

/// Twenty seconds into a calendar minute.
fn clock() -> Clock {
    Clock::simulated(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
}

fn quota(scopes: Vec<QuotaScope>) -> Quota {
    Quota::new(clock(), scopes)
}

fn weight(limit: u64) -> QuotaScope {
    QuotaScope::calendar("weight", MINUTE, limit)
}

fn orders(limit: u64) -> QuotaScope {
    QuotaScope::calendar("orders", TEN_SECONDS, limit)
}

/// Takes room for a request that leaves at once and is answered at once.
async fn spend(quota: &Quota, charges: &[(&str, u64)]) -> Result<(), QuotaError> {
    let mut charge = quota
        .charge(charges, Priority::Normal, Instant::now())
        .await?;
    charge.left();
    charge.answered();
    Ok(())
}

fn used(quota: &Quota, scope: &str) -> u64 {
    let status = quota
        .status()
        .into_iter()
        .find(|status| status.scope.name == scope);
    status.map(|status| status.used).unwrap()
}

#[tokio::test(start_paused = true)]
async fn several_windows_are_charged_at_once_or_not_at_all() {
    let quota = quota(vec![weight(100), orders(10)]);

    spend(&quota, &[("weight", 1), ("orders", 9)])
        .await
        .unwrap();
    let refused = spend(&quota, &[("weight", 5), ("orders", 1)])
        .await
        .unwrap_err();

    assert!(matches!(refused, QuotaError::Exhausted { ref scope, .. } if scope == "orders"));
    assert_eq!((used(&quota, "weight"), used(&quota, "orders")), (1, 9));
}

#[tokio::test(start_paused = true)]
async fn the_same_scope_named_twice_is_one_cost() {
    let quota = quota(vec![weight(10)]);

    let refused = spend(&quota, &[("weight", 5), ("weight", 5)])
        .await
        .unwrap_err();
    spend(&quota, &[("weight", 5), ("weight", 4)])
        .await
        .unwrap();

    assert!(matches!(refused, QuotaError::TooCostly { cost: 10, .. }));
    assert_eq!(used(&quota, "weight"), 9);
}

#[tokio::test(start_paused = true)]
async fn f113_a_scope_that_is_not_configured_is_an_error_and_not_a_missing_limit() {
    let quota = quota(vec![weight(100)]);

    let refused = spend(&quota, &[("weigth", 1)]).await.unwrap_err();

    assert_eq!(
        refused,
        QuotaError::UnknownScope {
            scope: "weigth".to_owned()
        }
    );
}

#[tokio::test(start_paused = true)]
async fn f114_a_reserve_is_kept_for_cancels() {
    let quota = quota(vec![orders(10)]);
    spend(&quota, &[("orders", 9)]).await.unwrap();

    let normal = quota
        .charge(&[("orders", 1)], Priority::Normal, Instant::now())
        .await;
    let cancel = quota
        .charge(&[("orders", 1)], Priority::Cancel, Instant::now())
        .await;
    let beyond = quota
        .charge(&[("orders", 1)], Priority::Cancel, Instant::now())
        .await;

    assert!(matches!(normal, Err(QuotaError::Exhausted { .. })));
    assert!(cancel.is_ok());
    assert!(matches!(beyond, Err(QuotaError::Exhausted { .. })));
}

#[tokio::test(start_paused = true)]
async fn f114_a_cancel_overtakes_queries_that_waited_longer() {
    let quota = quota(vec![orders(10)]);
    let mut full = quota
        .charge(&[("orders", 9)], Priority::Normal, Instant::now())
        .await
        .unwrap();
    full.left();
    let mut rest = quota
        .charge(&[("orders", 1)], Priority::Cancel, Instant::now())
        .await
        .unwrap();
    rest.left();
    let patience = Instant::now() + MINUTE;
    let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
    let wait = |name: &'static str, priority| {
        let (quota, told) = (quota.clone(), told.clone());
        tokio::spawn(async move {
            let mut charge = quota
                .charge(&[("orders", 6)], priority, patience)
                .await
                .unwrap();
            charge.left();
            told.send(name).unwrap();
        })
    };

    let query = wait("query", Priority::Normal);
    tokio::task::yield_now().await;
    let cancel = wait("cancel", Priority::Cancel);
    query.await.unwrap();
    cancel.await.unwrap();

    assert_eq!(
        (order.recv().await, order.recv().await),
        (Some("cancel"), Some("query"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_query_passes_an_order_that_waits_for_its_order_count() {
    let quota = quota(vec![weight(100), orders(10)]);
    spend(&quota, &[("orders", 9)]).await.unwrap();
    let waiting = {
        let quota = quota.clone();
        tokio::spawn(async move {
            let deadline = Instant::now() + MINUTE;
            quota
                .charge(&[("weight", 1), ("orders", 1)], Priority::Normal, deadline)
                .await
        })
    };
    tokio::task::yield_now().await;

    spend(&quota, &[("weight", 10)]).await.unwrap();

    assert!(!waiting.is_finished());
    assert!(waiting.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn f114_a_wait_is_bounded_and_ends_with_the_scope_and_when_it_frees() {
    let quota = quota(vec![orders(10)]);
    spend(&quota, &[("orders", 9)]).await.unwrap();
    let began = Instant::now();

    let deadline = began + Duration::from_secs(2);
    let refused = quota
        .charge(&[("orders", 1)], Priority::Normal, deadline)
        .await
        .unwrap_err();

    let QuotaError::Exhausted { scope, frees_in } = refused else {
        panic!("{refused}")
    };
    assert_eq!(scope, "orders");
    // The window of ten seconds has just begun; half a second of guard comes on top.
    assert!(frees_in > Duration::from_secs(9) && frees_in <= Duration::from_millis(10_500));
    assert_eq!(
        began.elapsed(),
        Duration::ZERO,
        "a hopeless wait is refused at once"
    );
    assert_eq!(quota.status()[0].refused, 1);

    let deadline = began + frees_in;
    quota
        .charge(&[("orders", 1)], Priority::Normal, deadline)
        .await
        .unwrap();
    assert_eq!(quota.status()[0].waited, 1);
}

#[tokio::test(start_paused = true)]
async fn a_charge_that_never_left_is_given_back() {
    let quota = quota(vec![orders(10)]);
    let take = || quota.charge(&[("orders", 9)], Priority::Normal, Instant::now());

    drop(take().await.unwrap());
    let mut refused_connection = take().await.unwrap();
    refused_connection.left();
    refused_connection.never_left();
    assert_eq!(used(&quota, "orders"), 0);

    let mut in_doubt = take().await.unwrap();
    in_doubt.left();
    drop(in_doubt);
    assert_eq!(used(&quota, "orders"), 9);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_leaves_the_line_and_takes_nothing() {
    let quota = quota(vec![orders(10)]);
    let held = quota
        .charge(&[("orders", 9)], Priority::Normal, Instant::now())
        .await
        .unwrap();
    let wait = |quota: Quota| async move {
        quota
            .charge(&[("orders", 9)], Priority::Normal, Instant::now() + MINUTE)
            .await
    };
    let given_up = tokio::spawn(wait(quota.clone()));
    let patient = tokio::spawn(wait(quota.clone()));
    tokio::task::yield_now().await;

    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    drop(held);

    let granted: Charge = patient.await.unwrap().unwrap();
    assert_eq!(used(&quota, "orders"), 9);
    drop(granted);
    assert_eq!(used(&quota, "orders"), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_waited_behind_a_refused_charge_goes_at_once() {
    let quota = quota(vec![QuotaScope::rolling("orders", TEN_SECONDS, 10)]);
    spend(&quota, &[("orders", 5)]).await.unwrap();
    let began = Instant::now();
    let frees_at = began + Duration::from_millis(10_501);
    let wait = |cost, deadline| {
        let quota = quota.clone();
        tokio::spawn(async move {
            let granted = quota
                .charge(&[("orders", cost)], Priority::Normal, deadline)
                .await;
            granted.map(|mut charge| charge.left()).is_ok()
        })
    };
    let greedy = wait(9, frees_at);
    tokio::task::yield_now().await;
    let modest = wait(1, began + MINUTE);
    tokio::task::yield_now().await;
    advance(TEN_SECONDS).await;

    // Takes what the greedy one hoped for.
    let mut cancel = quota
        .charge(&[("orders", 1)], Priority::Cancel, frees_at)
        .await
        .unwrap();
    cancel.left();

    assert!(!greedy.await.unwrap());
    assert!(modest.await.unwrap());
    assert!(began.elapsed() < Duration::from_secs(11));
}

#[tokio::test(start_paused = true)]
async fn a_charge_counts_from_the_moment_its_bytes_leave() {
    let quota = quota(vec![QuotaScope::rolling("orders", TEN_SECONDS, 10)]);
    let mut charge = quota
        .charge(&[("orders", 9)], Priority::Normal, Instant::now())
        .await
        .unwrap();
    advance(Duration::from_secs(5)).await;
    charge.left();

    advance(Duration::from_secs(8)).await;
    assert_eq!(used(&quota, "orders"), 9);
    advance(Duration::from_secs(3)).await;
    assert_eq!(used(&quota, "orders"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_line_refuses_at_once_and_leaves_cancels_their_own() {
    let quota = quota(vec![orders(10)]);
    let held = quota
        .charge(&[("orders", 9)], Priority::Normal, Instant::now())
        .await
        .unwrap();
    let mut waits = Vec::new();
    for _ in 0..super::WAITING_MAX {
        let quota = quota.clone();
        waits.push(tokio::spawn(async move {
            let deadline = Instant::now() + MINUTE;
            let charge = quota
                .charge(&[("orders", 1)], Priority::Normal, deadline)
                .await;
            charge.map(|mut charge| charge.left()).is_ok()
        }));
    }
    while quota.status()[0].waited < super::WAITING_MAX as u64 {
        tokio::task::yield_now().await;
    }

    let deadline = Instant::now() + MINUTE;
    let refused = quota
        .charge(&[("orders", 1)], Priority::Normal, deadline)
        .await
        .unwrap_err();
    assert_eq!(
        refused,
        QuotaError::QueueFull {
            waiting: super::WAITING_MAX
        }
    );
    assert!(
        quota
            .charge(&[("orders", 1)], Priority::Cancel, deadline)
            .await
            .is_ok()
    );

    waits.pop().unwrap().abort();
    tokio::task::yield_now().await;
    assert_eq!(
        quota.waiting(),
        super::WAITING_MAX - 1,
        "whoever gives up leaves the line"
    );

    drop(held);
    let mut granted = 0;
    for wait in waits {
        granted += u64::from(wait.await.unwrap());
    }
    // Nine in each window of ten seconds that turns within the minute.
    assert!((54..=63).contains(&granted), "{granted}");
}

#[tokio::test(start_paused = true)]
async fn f112_a_ban_silences_everybody_and_is_shown() {
    let quota = quota(vec![weight(100), orders(10)]);
    quota.ban("weight", TEN_SECONDS).unwrap();
    quota.ban("weight", Duration::from_secs(1)).unwrap();

    let deadline = Instant::now() + Duration::from_secs(9);
    for priority in [Priority::Normal, Priority::Cancel] {
        let refused = quota
            .charge(&[("weight", 1)], priority, deadline)
            .await
            .unwrap_err();
        assert_eq!(
            refused,
            QuotaError::Banned {
                scope: "weight".to_owned(),
                frees_in: TEN_SECONDS
            }
        );
    }
    assert!(
        spend(&quota, &[("orders", 1)]).await.is_ok(),
        "another scope is not concerned"
    );
    assert_eq!(quota.status()[0].banned_for, Some(TEN_SECONDS));
    assert_eq!(quota.longest_ban(), Some(TEN_SECONDS));

    let began = Instant::now();
    quota
        .charge(&[("weight", 1)], Priority::Normal, began + MINUTE)
        .await
        .unwrap();
    assert_eq!(began.elapsed().as_secs(), 10);
    assert_eq!(quota.longest_ban(), None);
}

#[tokio::test(start_paused = true)]
async fn a_cost_of_nothing_fits_a_full_scope_and_waits_for_no_one_in_line() {
    let quota = quota(vec![weight(100)]);
    spend(&quota, &[("weight", 90)]).await.unwrap();
    let minute = Instant::now() + MINUTE;
    let in_line = quota.charge(&[("weight", 50)], Priority::Normal, minute);
    tokio::pin!(in_line);
    assert!(futures::poll!(&mut in_line).is_pending());
    spend(&quota, &[("weight", 0)]).await.unwrap();
    assert_eq!(used(&quota, "weight"), 90);
}

#[tokio::test(start_paused = true)]
async fn f112_a_ban_of_everything_holds_for_calls_without_a_charge_too() {
    let quota = quota(vec![weight(100)]);
    quota.ban_all(TEN_SECONDS);

    let refused = quota
        .charge(&[], Priority::Cancel, Instant::now())
        .await
        .unwrap_err();
    assert_eq!(
        refused,
        QuotaError::Banned {
            scope: "all".to_owned(),
            frees_in: TEN_SECONDS
        }
    );

    advance(TEN_SECONDS).await;
    assert!(
        quota
            .charge(&[], Priority::Normal, Instant::now())
            .await
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn f116_the_venues_header_overrides_our_count_both_ways() {
    let quota = quota(vec![weight(100)]);
    let mut charge = quota
        .charge(&[("weight", 10)], Priority::Normal, Instant::now())
        .await
        .unwrap();
    let stamp = charge.left();
    charge.answered();

    quota.observe(&stamp, "weight", 85).unwrap();
    assert_eq!(used(&quota, "weight"), 85);
    assert!(matches!(
        spend(&quota, &[("weight", 6)]).await,
        Err(QuotaError::Exhausted { .. })
    ));

    quota.observe(&stamp, "weight", 4).unwrap();
    assert_eq!(used(&quota, "weight"), 4);
    spend(&quota, &[("weight", 80)]).await.unwrap();

    // The minute turns 40 seconds after the start; what the header said ends with it.
    advance(Duration::from_secs(41)).await;
    assert_eq!(used(&quota, "weight"), 0);
}

#[tokio::test(start_paused = true)]
async fn f116_a_header_says_nothing_about_what_is_still_on_its_way() {
    let quota = quota(vec![weight(100)]);
    let mut first = quota
        .charge(&[("weight", 10)], Priority::Normal, Instant::now())
        .await
        .unwrap();
    let stamp = first.left();
    let mut second = quota
        .charge(&[("weight", 30)], Priority::Normal, Instant::now())
        .await
        .unwrap();
    second.left();
    advance(Duration::from_millis(20)).await;
    first.answered();

    quota.observe(&stamp, "weight", 10).unwrap();

    assert_eq!(used(&quota, "weight"), 40);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_the_venue_changes_is_taken_over() {
    let quota = quota(vec![orders(10)]);
    let waiting = {
        let quota = quota.clone();
        tokio::spawn(async move {
            let held = quota
                .charge(&[("orders", 9)], Priority::Normal, Instant::now())
                .await?;
            quota
                .charge(&[("orders", 9)], Priority::Normal, Instant::now() + MINUTE)
                .await?;
            drop(held);
            Ok::<_, QuotaError>(Instant::now())
        })
    };
    tokio::task::yield_now().await;

    quota.set_limit("orders", 100).unwrap();

    assert_eq!(waiting.await.unwrap().unwrap(), Instant::now());
    assert!(quota.set_limit("unknown", 1).is_err());
}
