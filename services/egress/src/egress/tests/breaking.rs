//! Breakers within calls.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_before_anything_is_spent_but_lets_cancels_try() {
    let down = HttpError::Connect {
        fault: ConnectFault::Refused,
    };
    let venue = Venue::saying((0..6).map(|_| Line::Fail(down.clone())));
    let egress = egress(&venue);
    let mut watch = egress.watch();
    let place = || Call {
        priority: Priority::Normal,
        ..cancel()
    };
    for _ in 0..5 {
        assert_eq!(send(&egress, place()).await.unwrap_err().class(), "connect");
    }

    let refused = send(&egress, place()).await.unwrap_err();
    assert_eq!(
        refused.cause,
        Cause::BreakerOpen {
            retry_in: 5 * SECOND
        }
    );
    assert_eq!((venue.requests(), used(&egress, "orders")), (5, 0));
    assert_eq!(
        send(&egress, cancel()).await.unwrap_err().class(),
        "connect"
    );
    assert_eq!(
        send(&egress, cancel())
            .await
            .unwrap()
            .response
            .status
            .as_u16(),
        200
    );
    assert!(
        send(&egress, place()).await.is_ok(),
        "a cancel that worked is news for everybody"
    );

    let mut healths = Vec::new();
    while let Some(Some(StatusUpdate::Change(change))) = watch.next().now_or_never() {
        healths.push((change.sequence, change.cluster.health, change.recovered()));
    }
    assert_eq!(
        healths,
        [
            (1, Health::Degraded, false),
            (2, Health::Down, false),
            (3, Health::Up, true)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_quota_in_front_of_an_open_breaker() {
    let down = HttpError::Connect {
        fault: ConnectFault::Refused,
    };
    let venue = Venue::saying((0..5).map(|_| Line::Fail(down.clone())));
    let egress = egress(&venue);
    for _ in 0..5 {
        assert!(send(&egress, order()).await.is_err());
    }
    egress.ban("venue", "orders", SECOND).unwrap();
    let began = Instant::now();

    let refused = send(&egress, order()).await.unwrap_err();

    assert_eq!(refused.class(), "breaker_open");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_is_reset_by_hand() {
    let down = HttpError::Connect {
        fault: ConnectFault::Tls,
    };
    let venue = Venue::saying((0..5).map(|_| Line::Fail(down.clone())));
    let egress = egress(&venue);
    for _ in 0..5 {
        assert!(send(&egress, order()).await.is_err());
    }
    assert_eq!(
        egress.endpoints("venue").unwrap()[0].1.state,
        BreakerState::Open
    );

    let status = egress
        .reset_breaker("venue", "order.place")
        .unwrap()
        .unwrap();

    assert_eq!(status.state, BreakerState::Closed);
    assert!(send(&egress, order()).await.is_ok());
    assert_eq!(egress.reset_breaker("venue", "nothing").unwrap(), None);
    assert!(egress.reset_breaker("nowhere", "order.place").is_err());
}

#[tokio::test(start_paused = true)]
async fn the_callers_own_errors_and_short_deadlines_never_open_a_breaker() {
    let lines = (0..20)
        .map(|_| Line::Status(400))
        .chain((0..20).map(|_| Line::Hang));
    let venue = Venue::saying(lines);
    let egress = egress(&venue);
    egress.set_limit("venue", "weight", 1_000).unwrap();

    for _ in 0..40 {
        let deadline = Instant::now() + Duration::from_millis(50);
        let _ = send(
            &egress,
            Call {
                deadline,
                repeatable: false,
                ..query()
            },
        )
        .await;
    }

    let (endpoint, breaker) = egress.endpoints("venue").unwrap().remove(0);
    assert_eq!((endpoint.calls, endpoint.faults), (40, 0));
    assert_eq!(breaker.state, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_in_flight_stays_charged_and_frees_the_probe() {
    let down = HttpError::Connect {
        fault: ConnectFault::Refused,
    };
    let lines = (0..5).map(|_| Line::Fail(down.clone())).chain([Line::Hang]);
    let venue = Venue::saying(lines);
    let egress = egress(&venue);
    for _ in 0..5 {
        assert!(send(&egress, order()).await.is_err());
    }
    advance(5 * SECOND).await;

    let probe = tokio::time::timeout(SECOND / 2, send(&egress, order())).await;
    assert!(probe.is_err());

    assert_eq!(used(&egress, "orders"), 1);
    assert!(
        send(&egress, order()).await.is_ok(),
        "the probe's place is free again"
    );
}
