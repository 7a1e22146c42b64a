use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_contracts::egress::v1::egress_service_client::EgressServiceClient;
use chimera_contracts::egress::v1::watch_status_response::Frame;
use chimera_contracts::egress::v1::{self as pb, Status};
use chimera_runtime::clock::Clock;
use chimera_runtime::drain::Drain;
use chimera_runtime::fault::reason_of;
use chimera_runtime::{Channel, Service};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, Method};
use tokio::time::{Instant, advance};
use tonic::Streaming;
use url::Url;

use super::EgressApi;
use crate::http::{ConnectFault, HttpClient, HttpError, HttpLimits, HttpRequest, HttpResponse};
use crate::policy::{ClusterPolicy, EgressPolicy};
use crate::quota::{Priority, QuotaScope};
use crate::websocket::{
    WebSocket, WebSocketDialer, WebSocketError, WebSocketOptions, WebSocketRequest,
};
use crate::{Call, Egress};

/// A venue whose path says how it answers: a status, or `down`.
struct Outside;

impl HttpClient for Outside {
    fn send(
        &self,
        request: HttpRequest,
        _limits: HttpLimits,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        async move {
            let Ok(status) = request.url.path().trim_start_matches('/').parse::<u16>() else {
                return Err(HttpError::Connect {
                    fault: ConnectFault::Refused,
                });
            };
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", 30.into());
            let status = status.try_into().unwrap();
            Ok(HttpResponse {
                status,
                headers,
                body: bytes::Bytes::new(),
            })
        }
        .boxed()
    }
}

impl WebSocketDialer for Outside {
    fn dial(
        &self,
        _request: WebSocketRequest,
        _options: WebSocketOptions,
        _deadline: Instant,
    ) -> BoxFuture<'_, Result<WebSocket, WebSocketError>> {
        async { Err(WebSocketError::Timeout) }.boxed()
    }
}

struct House {
    egress: Egress,
    drain: Drain,
    client: EgressServiceClient<Channel>,
}

fn house() -> House {
    let clusters = ["binance-usdm", "okx"].map(|name| {
        let base_url = format!("https://user:canary@{name}.example/?listenKey=canary");
        let mut policy = ClusterPolicy::new(name, Url::parse(&base_url).unwrap());
        policy.scopes = vec![
            QuotaScope::rolling("weight", Duration::from_secs(60), 2_400),
            QuotaScope::rolling("orders", Duration::from_secs(10), 300),
        ];
        policy.endpoints = vec!["order.place"];
        policy
    });
    let policy = EgressPolicy {
        clusters: clusters.into(),
        seed: Some(7),
    };
    let clock = Clock::simulated(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let egress = Egress::new(policy, Arc::new(Outside), Arc::new(Outside), clock).unwrap();
    let drain = Drain::new();
    let server = EgressApi::new(egress.clone(), drain.signal()).into_server();
    let service = Service::new(server, FILE_DESCRIPTOR_SET).unwrap();
    let client = EgressServiceClient::new(Channel::in_process([service]));
    House {
        egress,
        drain,
        client,
    }
}

impl House {
    /// Lets the venue answer one order as `path` says.
    async fn order(&self, cluster: &str, path: &str) {
        let url = Url::parse(&format!("https://{cluster}.example/{path}")).unwrap();
        let call = Call {
            cluster,
            endpoint: "order.place",
            charges: &[("weight", 1), ("orders", 1)],
            priority: Priority::Normal,
            repeatable: false,
            deadline: Instant::now() + Duration::from_secs(5),
        };
        // How it ended shows in what is listed.
        let _ = self
            .egress
            .call(call, |_| HttpRequest::new(Method::POST, url.clone()))
            .await;
    }

    async fn watch(&mut self, cluster: &str) -> Streaming<pb::WatchStatusResponse> {
        let request = pb::WatchStatusRequest {
            cluster: cluster.to_owned(),
        };
        self.client
            .watch_status(request)
            .await
            .unwrap()
            .into_inner()
    }
}

async fn frame(stream: &mut Streaming<pb::WatchStatusResponse>) -> Option<Frame> {
    stream
        .message()
        .await
        .unwrap()
        .map(|response| response.frame.unwrap())
}

/// Skips ack and snapshot, and returns the snapshot.
async fn opened(stream: &mut Streaming<pb::WatchStatusResponse>) -> pb::StatusSnapshot {
    let Some(Frame::Ack(ack)) = frame(stream).await else {
        panic!("the first frame is the ack")
    };
    assert!(!ack.epoch.is_empty() && ack.items.iter().all(|item| item.accepted));
    let Some(Frame::Snapshot(snapshot)) = frame(stream).await else {
        panic!("then the snapshot")
    };
    snapshot
}

async fn change(stream: &mut Streaming<pb::WatchStatusResponse>) -> (u64, u64, Status, bool) {
    let Some(Frame::Change(change)) = frame(stream).await else {
        panic!("a change")
    };
    let status = change.cluster.unwrap().status();
    (change.prev_seq, change.seq, status, change.recovered)
}

#[tokio::test(start_paused = true)]
async fn clusters_and_endpoints_are_listed() {
    let mut house = house();
    house.order("binance-usdm", "200").await;
    house.order("binance-usdm", "503").await;

    let clusters = house
        .client
        .list_clusters(pb::ListClustersRequest {})
        .await
        .unwrap();
    let clusters = clusters.into_inner().clusters;
    let names: Vec<_> = clusters
        .iter()
        .map(|cluster| cluster.name.as_str())
        .collect();
    assert_eq!(names, ["binance-usdm", "okx"]);
    assert_eq!(
        (clusters[0].status(), clusters[1].status()),
        (Status::Up, Status::Unspecified)
    );
    assert_eq!(
        clusters[0].base_url, "https://binance-usdm.example",
        "nothing secret in it"
    );

    let request = pb::ListEndpointsRequest {
        cluster: "binance-usdm".to_owned(),
    };
    let endpoints = house
        .client
        .list_endpoints(request)
        .await
        .unwrap()
        .into_inner()
        .endpoints;
    assert_eq!(endpoints.len(), 1);
    let endpoint = &endpoints[0];
    assert_eq!(
        (endpoint.name.as_str(), endpoint.calls, endpoint.faults),
        ("order.place", 2, 1)
    );
    assert_eq!(endpoint.last_fault, "server_error");
    assert!(endpoint.latency_p50.is_some());
}

#[tokio::test(start_paused = true)]
async fn quotas_and_breakers_are_listed() {
    let mut house = house();
    house.order("binance-usdm", "200").await;
    house.order("binance-usdm", "503").await;

    let request = pb::ListQuotasRequest {
        cluster: String::new(),
    };
    let quotas = house
        .client
        .list_quotas(request)
        .await
        .unwrap()
        .into_inner()
        .quotas;
    let shown: Vec<_> = quotas
        .iter()
        .map(|quota| {
            (
                quota.cluster.as_str(),
                quota.scope.as_str(),
                quota.used,
                quota.limit,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("binance-usdm", "orders", 2, 300),
            ("binance-usdm", "weight", 2, 2_400),
            ("okx", "orders", 0, 300),
            ("okx", "weight", 0, 2_400),
        ]
    );
    assert_eq!(quotas[0].reserved_for_cancels, 30);
    assert_eq!(quotas[0].reset_time.unwrap().seconds, 1_700_000_010);

    let request = pb::ListBreakersRequest {
        cluster: "okx".to_owned(),
    };
    let breakers = house
        .client
        .list_breakers(request)
        .await
        .unwrap()
        .into_inner()
        .breakers;
    assert_eq!(breakers[0].state(), pb::BreakerState::Closed);
    assert_eq!(breakers[0].retry_time, None);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_is_shown_open_and_closed_by_hand() {
    let mut house = house();
    for _ in 0..5 {
        house.order("okx", "down").await;
    }
    let request = pb::ListBreakersRequest {
        cluster: String::new(),
    };
    let breakers = house
        .client
        .list_breakers(request)
        .await
        .unwrap()
        .into_inner()
        .breakers;
    let breaker = breakers
        .iter()
        .find(|breaker| breaker.cluster == "okx")
        .unwrap();
    assert_eq!(
        (breaker.state(), breaker.failures),
        (pb::BreakerState::Open, 5)
    );
    assert_eq!(breaker.reason, "connect");
    assert_eq!(breaker.retry_time.unwrap().seconds, 1_700_000_005);

    let reset = |cluster: &str, endpoint: &str| pb::ResetBreakerRequest {
        cluster: cluster.to_owned(),
        endpoint: endpoint.to_owned(),
    };
    for _ in 0..2 {
        let answer = house
            .client
            .reset_breaker(reset("okx", "order.place"))
            .await
            .unwrap();
        let breaker = answer.into_inner().breaker.unwrap();
        assert_eq!(
            (breaker.state(), breaker.failures),
            (pb::BreakerState::Closed, 0)
        );
    }
    for (request, reason) in [
        (reset("okx", "nothing"), "RESOURCE_NOT_FOUND"),
        (reset("nowhere", "order.place"), "RESOURCE_NOT_FOUND"),
        (reset("okx", ""), "INVALID_FIELD"),
    ] {
        let refusal = house.client.reset_breaker(request).await.unwrap_err();
        assert_eq!(reason_of(&refusal).as_deref(), Some(reason), "{refusal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_sees_down_and_recovered_in_sequence() {
    let mut house = house();
    house.order("okx", "200").await;
    let mut stream = house.watch("").await;
    let snapshot = opened(&mut stream).await;
    assert_eq!((snapshot.seq, snapshot.clusters.len()), (1, 2));

    for _ in 0..5 {
        house.order("okx", "down").await;
    }
    advance(Duration::from_secs(5)).await;
    house.order("okx", "200").await;

    assert_eq!(change(&mut stream).await, (1, 2, Status::Degraded, false));
    assert_eq!(change(&mut stream).await, (2, 3, Status::Down, false));
    assert_eq!(change(&mut stream).await, (3, 4, Status::Up, true));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_of_one_cluster_sees_no_other_and_no_gap() {
    let mut house = house();
    let mut stream = house.watch("okx").await;
    let snapshot = opened(&mut stream).await;
    assert_eq!(snapshot.clusters.len(), 1);

    house.order("okx", "200").await;
    house.order("binance-usdm", "200").await;
    house.order("okx", "429").await;

    assert_eq!(change(&mut stream).await, (0, 1, Status::Up, false));
    assert_eq!(change(&mut stream).await, (1, 3, Status::Degraded, false));
    let request = pb::WatchStatusRequest {
        cluster: "nowhere".to_owned(),
    };
    let refusal = house.client.watch_status(request).await.unwrap_err();
    assert_eq!(reason_of(&refusal).as_deref(), Some("RESOURCE_NOT_FOUND"));
}

#[tokio::test(start_paused = true)]
async fn f112_the_end_of_a_ban_is_told_though_nobody_calls() {
    let mut house = house();
    house.order("okx", "200").await;
    let mut stream = house.watch("okx").await;
    opened(&mut stream).await;
    house.order("okx", "429").await;
    let Some(Frame::Change(limited)) = frame(&mut stream).await else {
        panic!("a change")
    };
    let cluster = limited.cluster.unwrap();
    assert_eq!(
        (cluster.status(), cluster.reason.as_str()),
        (Status::Degraded, "rate limited")
    );
    assert_eq!(cluster.banned_until.unwrap().seconds, 1_700_000_030);

    let begun = Instant::now();
    let mut heartbeats = 0;
    let recovered = loop {
        match frame(&mut stream).await {
            Some(Frame::Heartbeat(heartbeat)) => {
                heartbeats += 1;
                assert_eq!(heartbeat.last_seq, 2);
            }
            Some(Frame::Change(change)) => break change,
            other => panic!("{other:?}"),
        }
    };
    assert!(recovered.recovered && heartbeats >= 5);
    assert!(begun.elapsed() <= Duration::from_secs(35));
}

#[tokio::test(start_paused = true)]
async fn a_slow_watcher_is_told_of_its_loss_and_begins_afresh() {
    let mut house = house();
    let mut stream = house.watch("").await;
    opened(&mut stream).await;
    house.egress.set_limit("okx", "orders", 1_000_000).unwrap();
    house.egress.set_limit("okx", "weight", 1_000_000).unwrap();
    for _ in 0..300 {
        // Two faults in six calls: degraded and up again, and never so many that the breaker opens.
        for path in ["200", "200", "200", "503", "503", "200"] {
            house.order("okx", path).await;
        }
    }
    let newest = house.egress.sequence();

    let mut last = 0;
    let lagged = loop {
        match frame(&mut stream).await {
            Some(Frame::Change(change)) => {
                assert_eq!(change.prev_seq, last);
                last = change.seq;
            }
            Some(Frame::Lagged(lagged)) => break lagged,
            other => panic!("{other:?}"),
        }
    };
    let Some(Frame::Snapshot(snapshot)) = frame(&mut stream).await else {
        panic!("a snapshot")
    };

    assert_eq!((lagged.from_seq, lagged.to_seq), (last + 1, newest));
    assert_eq!(lagged.dropped, newest - last);
    assert_eq!(snapshot.seq, newest);
    house.order("okx", "429").await;
    assert_eq!(
        change(&mut stream).await,
        (newest, newest + 1, Status::Degraded, false)
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_the_stream_with_a_goodbye() {
    let mut house = house();
    let mut stream = house.watch("").await;
    opened(&mut stream).await;

    house.drain.begin();

    let Some(Frame::Goodbye(goodbye)) = frame(&mut stream).await else {
        panic!("a goodbye")
    };
    assert!(goodbye.reconnect_after.is_some());
    assert_eq!(frame(&mut stream).await, None);
}
