//! What the venue says about limits, and who then stays silent.

use super::*;

#[tokio::test(start_paused = true)]
async fn f112_a_429_silences_everybody_for_as_long_as_it_says() {
    let venue = Venue::saying([Line::RetryAfter(429, 30)]);
    let egress = egress(&venue);

    let answer = send(&egress, query()).await.unwrap();
    assert_eq!(answer.response.status.as_u16(), 429);
    for call in [query(), order(), cancel()] {
        let refused = send(&egress, call).await.unwrap_err();
        assert!(
            matches!(refused.cause, Cause::Quota(QuotaError::Banned { .. })),
            "{refused}"
        );
        assert_eq!(refused.sent(), Sent::No);
    }
    assert_eq!(venue.requests(), 1);
    let shown = egress.clusters().remove(0);
    let until = egress.clock().system_time() + 30 * SECOND;
    assert_eq!(
        (shown.health, shown.banned_until),
        (Health::Degraded, Some(until))
    );
    let (_, breaker) = egress.endpoints("venue").unwrap().remove(0);
    assert_eq!(breaker.failures, 0, "a limit is no fault");

    advance(30 * SECOND).await;
    assert!(send(&egress, query()).await.is_ok());
    assert_eq!(egress.clusters().remove(0).health, Health::Up);
}

/// An order may cost no weight, and is kept back all the same while the address has to wait for
/// its weight; the other way round a refused order holds no cancel back.
#[tokio::test(start_paused = true)]
async fn f112_what_costs_nothing_in_a_scope_keeps_its_silence() {
    let free = || Call {
        charges: &[("weight", 0), ("orders", 1)],
        ..order()
    };
    let venue = Venue::saying([Line::RetryAfter(429, 30)]);
    let refused_for_weight = egress(&venue);
    send(&refused_for_weight, query()).await.unwrap();
    let kept = send(&refused_for_weight, free()).await.unwrap_err();
    assert!(
        matches!(kept.cause, Cause::Quota(QuotaError::Banned { .. })),
        "{kept}"
    );

    let venue = Venue::saying([Line::RetryAfter(429, 30)]);
    let refused_for_orders = egress(&venue);
    send(&refused_for_orders, free()).await.unwrap();
    assert!(send(&refused_for_orders, free()).await.is_err());
    let uncounted = Call {
        charges: WEIGHT,
        ..cancel()
    };
    assert!(send(&refused_for_orders, uncounted).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn f112_a_418_silences_the_whole_cluster_even_when_it_does_not_say_how_long() {
    let venue = Venue::saying([Line::Status(418)]);
    let egress = egress(&venue);
    send(&egress, query()).await.unwrap();

    let uncharged = Call {
        charges: &[],
        ..query()
    };
    assert!(send(&egress, uncharged).await.is_err());
    advance(119 * SECOND).await;
    let deadline = Instant::now() + SECOND / 2;
    let connect = Connect {
        cluster: "venue",
        endpoint: "stream",
        charges: &[],
        deadline,
        options: WebSocketOptions::default(),
    };
    let stream = Url::parse("wss://stream.venue.example/ws").unwrap();
    let refused = egress
        .connect(connect, |_| WebSocketRequest::new(stream))
        .await
        .unwrap_err();
    assert!(
        matches!(refused.cause, Cause::Quota(QuotaError::Banned { .. })),
        "{refused}"
    );
    assert_eq!(venue.requests(), 1);

    advance(SECOND).await;
    assert!(
        send(
            &egress,
            Call {
                charges: &[],
                ..query()
            }
        )
        .await
        .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn f102_connections_are_charged_and_a_refused_handshake_bans() {
    let venue = Venue::saying([Line::Hang, Line::Hang, Line::RetryAfter(429, 60)]);
    let egress = egress(&venue);
    let stream = Url::parse("wss://stream.venue.example/ws").unwrap();
    let dial = || {
        let connect = Connect {
            cluster: "venue",
            endpoint: "stream",
            charges: &[("connects", 1)],
            deadline: Instant::now() + SECOND,
            options: WebSocketOptions::default(),
        };
        let stream = stream.clone();
        egress.connect(connect, move |_| WebSocketRequest::new(stream))
    };

    assert_eq!(dial().await.unwrap_err().class(), "connect");
    assert_eq!(
        used(&egress, "connects"),
        1,
        "a refused connection counts as well"
    );
    assert_eq!(dial().await.unwrap_err().class(), "connect");
    let exhausted = dial().await.unwrap_err();
    assert_eq!(
        exhausted.class(),
        "quota",
        "one of three is kept for cancels"
    );
    egress.set_limit("venue", "connects", 10).unwrap();
    assert_eq!(dial().await.unwrap_err().class(), "refused");
    assert_eq!(dial().await.unwrap_err().class(), "banned");
    assert_eq!(venue.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_certainly_never_left_is_not_charged_and_what_may_have_is() {
    let refused = HttpError::Connect {
        fault: ConnectFault::Refused,
    };
    let reset = HttpError::Transport {
        what: "reset by the peer",
    };
    let venue = Venue::saying([Line::Fail(refused), Line::Fail(reset)]);
    let egress = egress(&venue);

    let error = send(&egress, order()).await.unwrap_err();
    assert_eq!((error.sent(), used(&egress, "orders")), (Sent::No, 0));
    let error = send(&egress, order()).await.unwrap_err();
    assert_eq!((error.sent(), used(&egress, "orders")), (Sent::Maybe, 1));
}

#[tokio::test(start_paused = true)]
async fn f116_a_used_weight_header_corrects_the_count() {
    let venue = Venue::default();
    let egress = egress(&venue);
    let answer = send(&egress, query()).await.unwrap();

    egress
        .observe(&answer.record, "venue", "weight", 90)
        .unwrap();

    assert_eq!(used(&egress, "weight"), 90);
    assert!(send(&egress, query()).await.is_err());
    assert!(
        send(&egress, cancel()).await.is_ok(),
        "the reserve is for cancels"
    );
    assert!(
        egress
            .observe(&answer.record, "venue", "unknown", 1)
            .is_err()
    );
}
