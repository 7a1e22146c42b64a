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

mod breaking;
mod limits;

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
        clusters: vec![cluster],
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
async fn a_caller_can_think_better_of_it_at_the_last_moment() {
    let venue = Venue::default();
    let egress = egress(&venue);

    let error = egress.call(order(), |_| None).await.unwrap_err();

    assert_eq!(
        (error.cause.clone(), error.sent()),
        (Cause::Withdrawn, Sent::No)
    );
    assert_eq!((venue.requests(), used(&egress, "orders")), (0, 0));
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
