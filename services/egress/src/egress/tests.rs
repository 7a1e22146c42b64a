use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chimera_runtime::clock::Clock;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::time::{Instant, advance, sleep_until};
use url::Url;

use super::{Answer, Call, Connect, Egress};
use crate::breaker::BreakerState;
use crate::error::{CallError, Cause};
use crate::http::{
    ConnectFault, HttpClient, HttpError, HttpLimits, HttpRequest, HttpResponse, Sent,
};
use crate::policy::{ClusterPolicy, EgressPolicy, PolicyError};
use crate::quota::{Priority, QuotaError, QuotaScope};
use crate::retry::RetryPolicy;
use crate::status::{Health, StatusUpdate};
use crate::websocket::{
    WebSocket, WebSocketDialer, WebSocketError, WebSocketOptions, WebSocketRequest,
};

const SECOND: Duration = Duration::from_secs(1);

/// One line of the venue's part.
#[derive(Clone)]
enum Line {
    Status(u16),
    RetryAfter(u16, u64),
    Fail(HttpError),
    Hang,
}

/// A venue that says its lines in order, then 200 for ever; and refuses WebSockets likewise.
#[derive(Clone, Default)]
struct Venue {
    lines: Arc<Mutex<VecDeque<Line>>>,
    requests: Arc<Mutex<Vec<(Instant, HttpRequest)>>>,
}

impl Venue {
    fn saying(lines: impl IntoIterator<Item = Line>) -> Self {
        let venue = Self::default();
        venue.lines.lock().unwrap().extend(lines);
        venue
    }

    fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    fn next(&self) -> Line {
        self.lines
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Line::Status(200))
    }
}

fn response(status: u16, retry_after: Option<u64>) -> HttpResponse {
    let mut headers = HeaderMap::new();
    if let Some(seconds) = retry_after {
        headers.insert(http::header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    HttpResponse {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: Bytes::new(),
    }
}

impl HttpClient for Venue {
    fn send(
        &self,
        request: HttpRequest,
        limits: HttpLimits,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        self.requests
            .lock()
            .unwrap()
            .push((Instant::now(), request));
        let line = self.next();
        async move {
            match line {
                Line::Status(status) => Ok(response(status, None)),
                Line::RetryAfter(status, seconds) => Ok(response(status, Some(seconds))),
                Line::Fail(error) => Err(error),
                Line::Hang => {
                    let begun = Instant::now();
                    sleep_until(limits.deadline).await;
                    Err(HttpError::Timeout {
                        waited: begun.elapsed(),
                    })
                }
            }
        }
        .boxed()
    }
}

impl WebSocketDialer for Venue {
    fn dial(
        &self,
        request: WebSocketRequest,
        _options: WebSocketOptions,
        _deadline: Instant,
    ) -> BoxFuture<'_, Result<WebSocket, WebSocketError>> {
        let request = HttpRequest::new(Method::GET, request.url);
        self.requests
            .lock()
            .unwrap()
            .push((Instant::now(), request));
        let refused = match self.next() {
            Line::RetryAfter(status, seconds) => WebSocketError::Refused {
                status: StatusCode::from_u16(status).unwrap(),
                retry_after: Some(Duration::from_secs(seconds)),
            },
            _ => WebSocketError::Connect {
                fault: ConnectFault::Refused,
            },
        };
        async move { Err(refused) }.boxed()
    }
}

fn url(path: &str) -> Url {
    Url::parse("https://venue.example")
        .unwrap()
        .join(path)
        .unwrap()
}

fn policy() -> ClusterPolicy {
    let mut policy = ClusterPolicy::new("venue", url("/"));
    policy
        .websocket_urls
        .push(Url::parse("wss://stream.venue.example").unwrap());
    policy.scopes = vec![
        QuotaScope::rolling("weight", Duration::from_secs(60), 100),
        QuotaScope::rolling("orders", Duration::from_secs(10), 10),
        QuotaScope::rolling("connects", Duration::from_secs(300), 3),
    ];
    policy
}

fn egress(venue: &Venue) -> Egress {
    egress_under(venue, policy())
}

fn egress_under(venue: &Venue, cluster: ClusterPolicy) -> Egress {
    let clock = Clock::simulated(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let policy = EgressPolicy {
        clusters: vec![policy()],
        seed: Some(7),
    };
    Egress::new(
        policy,
        Arc::new(venue.clone()),
        Arc::new(venue.clone()),
        clock,
    )
    .unwrap()
}

const WEIGHT: &[(&str, u64)] = &[("weight", 1)];

fn query() -> Call<'static> {
    Call {
        cluster: "venue",
        endpoint: "account.get",
        charges: WEIGHT,
        priority: Priority::Normal,
        repeatable: true,
        deadline: Instant::now() + 5 * SECOND,
    }
}

fn order() -> Call<'static> {
    Call {
        endpoint: "order.place",
        charges: &[("weight", 1), ("orders", 1)],
        repeatable: false,
        ..query()
    }
}

fn cancel() -> Call<'static> {
    Call {
        endpoint: "order.cancel",
        priority: Priority::Cancel,
        ..order()
    }
}

async fn send(egress: &Egress, call: Call<'_>) -> Result<Answer, CallError> {
    egress
        .call(call, |_now| HttpRequest::new(Method::GET, url("/path")))
        .await
}

fn used(egress: &Egress, scope: &str) -> u64 {
    let quotas = egress.quotas("venue").unwrap();
    quotas
        .into_iter()
        .find(|status| status.scope.name == scope)
        .unwrap()
        .used
}

#[tokio::test(start_paused = true)]
async fn an_order_is_sent_once_whatever_comes_back() {
    let outcomes = [
        Line::Status(503),
        Line::Fail(HttpError::Transport {
            what: "reset by the peer",
        }),
        Line::Fail(HttpError::NotWritten),
        Line::Hang,
    ];
    for (count, line) in outcomes.into_iter().enumerate() {
        let venue = Venue::saying([line]);
        // The answer itself is another test's matter.
        let _ = send(&egress(&venue), order()).await;
        assert_eq!(venue.requests(), 1, "outcome {count}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeatable_call_is_tried_again_within_its_bounds() {
    let venue = Venue::saying([Line::Status(502), Line::Status(503)]);
    let answer = send(&egress(&venue), query()).await.unwrap();
    assert_eq!(
        (answer.response.status.as_u16(), answer.record.attempts),
        (200, 3)
    );

    let venue = Venue::saying([502, 503, 504, 200].map(Line::Status));
    let answer = send(&egress(&venue), query()).await.unwrap();
    assert_eq!(
        (answer.response.status.as_u16(), venue.requests()),
        (504, 3)
    );

    let venue = Venue::saying([502, 400, 200].map(Line::Status));
    let answer = send(&egress(&venue), query()).await.unwrap();
    assert_eq!(
        (answer.response.status.as_u16(), venue.requests()),
        (400, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn retries_stop_when_their_budget_is_spent() {
    let venue = Venue::saying([502, 200, 502, 200, 502, 200].map(Line::Status));
    let retry = RetryPolicy {
        budget_max: 2,
        budget_percent: 0,
        ..RetryPolicy::default()
    };
    let egress = egress_under(&venue, ClusterPolicy { retry, ..policy() });

    let mut attempts = Vec::new();
    for _ in 0..3 {
        attempts.push(send(&egress, query()).await.unwrap().record.attempts);
    }

    assert_eq!(attempts, [2, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn f117_a_request_is_built_and_stamped_after_the_wait_for_quota() {
    let venue = Venue::default();
    let egress = egress(&venue);
    let nine = Call {
        charges: &[("orders", 9)],
        ..order()
    };
    send(&egress, nine).await.unwrap();
    let before = egress.clock().now_millis();
    let mut built_at = 0;

    let late = Call {
        deadline: Instant::now() + 20 * SECOND,
        ..order()
    };
    // The wait for quota is bounded below the deadline, and the window is longer than that bound.
    let refused = send(&egress, late).await.unwrap_err();
    assert!(
        matches!(refused.cause, Cause::Quota(QuotaError::Exhausted { .. })),
        "{refused}"
    );
    advance(SECOND).await;
    let answer = egress
        .call(
            Call {
                deadline: Instant::now() + 20 * SECOND,
                ..order()
            },
            |now| {
                built_at = now;
                HttpRequest::new(Method::POST, url("/order"))
            },
        )
        .await
        .unwrap();

    assert_eq!(built_at, egress.clock().now_millis());
    assert!(built_at >= before + 10_000);
    assert!(answer.record.quota_wait > 9 * SECOND);
    let sent_time = answer
        .record
        .sent_time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(sent_time.as_millis() as i64, built_at);
}

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
async fn a_request_that_leads_outside_its_cluster_is_refused() {
    let venue = Venue::default();
    let egress = egress(&venue);
    for address in [
        "http://venue.example/order",
        "https://venue.example:8443/order",
        "https://venue.example.evil.example/order",
        "https://127.0.0.1/order",
    ] {
        let foreign = Url::parse(address).unwrap();
        let build = |_| HttpRequest::new(Method::POST, foreign.clone());
        let error = egress.call(order(), build).await.unwrap_err();
        assert_eq!(error.cause, Cause::ForeignOrigin, "{address}");
    }
    assert_eq!((venue.requests(), used(&egress, "orders")), (0, 0));
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

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_the_deadline() {
    let venue = Venue::default();
    let egress = egress(&venue);

    let error = send(
        &egress,
        Call {
            deadline: Instant::now(),
            ..order()
        },
    )
    .await
    .unwrap_err();

    assert_eq!(
        (error.cause.clone(), error.sent()),
        (Cause::Expired, Sent::No)
    );
    assert_eq!((venue.requests(), used(&egress, "orders")), (0, 0));
}

#[test]
fn h53_a_plain_address_needs_the_policys_leave() {
    let check = |change: &dyn Fn(&mut ClusterPolicy)| {
        let mut cluster = policy();
        change(&mut cluster);
        EgressPolicy {
            clusters: vec![cluster],
            seed: None,
        }
        .check()
    };
    let plain = Url::parse("http://127.0.0.1:9101").unwrap();
    let stream = Url::parse("ws://127.0.0.1:9101").unwrap();

    assert_eq!(check(&|_| {}), Ok(()));
    let refused = Err(PolicyError::PlainHttp {
        cluster: "venue".to_owned(),
    });
    assert_eq!(check(&|cluster| cluster.base_url = plain.clone()), refused);
    assert_eq!(
        check(&|cluster| cluster.websocket_urls.push(stream.clone())),
        refused
    );
    assert_eq!(
        check(&|cluster| {
            cluster.base_url = plain.clone();
            cluster.allow_plain_http = true;
        }),
        Ok(())
    );
    let file = Url::parse("file:///etc/passwd").unwrap();
    assert!(matches!(
        check(&|cluster| cluster.base_url = file.clone()),
        Err(PolicyError::Scheme { .. })
    ));
    let twice = EgressPolicy {
        clusters: vec![policy(), policy()],
        seed: None,
    };
    assert!(matches!(
        twice.check(),
        Err(PolicyError::TwiceCluster { .. })
    ));
}

#[test]
fn a_call_can_run_in_a_task_of_its_own() {
    fn is_send<T: Send>(_: T) {}
    let egress = |_: ()| -> Egress { unreachable!("only its type is looked at") };
    let _ = |nothing| is_send(send(&egress(nothing), order()));
}
