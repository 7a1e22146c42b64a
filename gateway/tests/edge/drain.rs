use std::time::Duration;

use chimera_gateway::Config;
use chimera_runtime::drain::Completion;
use http::StatusCode;

use crate::harness::{Edge, Placement, within};
use crate::streams::watch;

#[tokio::test]
async fn a_drain_lets_streams_say_goodbye_and_then_ends() {
    for placement in [Placement::InProcess, Placement::AcrossSockets] {
        let edge = Edge::start_with(Default::default(), placement).await;
        let mut lines = watch(&edge, "main").await;
        lines.next().await.unwrap();
        edge.drain.begin();
        let goodbye = lines.next().await.unwrap();
        assert_eq!(goodbye["goodbye"]["reason"], "STREAM_END_REASON_DRAINING");
        assert_eq!(goodbye["goodbye"]["reconnectAfter"], "1s");
        assert_eq!(lines.next().await, None);
        assert_eq!(within(edge.server.ended()).await, Completion::Finished);
    }
}

#[tokio::test]
async fn a_drain_ends_in_time_whatever_streams_do() {
    let config = Config {
        drain_within_ms: 100,
        ..Default::default()
    };
    let edge = Edge::start_with(config, Placement::InProcess).await;
    let mut lines = watch(&edge, "stuck").await;
    lines.next().await.unwrap();
    edge.drain.begin();
    let ended = tokio::time::timeout(Duration::from_secs(5), edge.server.ended()).await;
    assert_eq!(ended.unwrap(), Completion::CutOff { remaining: 1 });
}

#[tokio::test]
async fn a_drained_edge_takes_no_connection() {
    let edge = Edge::start().await;
    let mut http = edge.http().await;
    assert_eq!(http.get("/readyz").await.status, StatusCode::OK);
    edge.drain.begin();
    let address = edge.address();
    assert_eq!(within(edge.server.ended()).await, Completion::Finished);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn readiness_ends_before_the_door_closes() {
    let config = Config {
        drain_lead_ms: 60_000,
        ..Default::default()
    };
    let edge = Edge::start_with(config, Placement::InProcess).await;
    edge.drain.begin();
    let ready = edge.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["draining"], true);
    assert_eq!(edge.get("/healthz").await.status, StatusCode::OK);
}
