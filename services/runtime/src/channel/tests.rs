use tonic_health::pb::FILE_DESCRIPTOR_SET;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::fault::reason_of;

async fn health() -> Service {
    let (_, server) = tonic_health::server::health_reporter();
    Service::new(server, FILE_DESCRIPTOR_SET).unwrap()
}

#[tokio::test]
async fn a_generated_client_calls_a_server_of_this_process() {
    let channel = Channel::in_process([health().await]);
    let answer = HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await
        .unwrap();
    assert_eq!(answer.into_inner().status, 1);
}

#[tokio::test]
async fn a_deferred_channel_says_that_its_peer_has_not_started_and_then_reaches_it() {
    let (channel, binding) = Channel::deferred();
    let mut client = HealthClient::new(channel);
    let refusal = client
        .check(HealthCheckRequest::default())
        .await
        .unwrap_err();
    assert_eq!(refusal.code(), Code::Unavailable);
    assert_eq!(reason_of(&refusal).as_deref(), Some("PEER_UNREACHABLE"));
    binding.bind(Channel::in_process([health().await]));
    client.check(HealthCheckRequest::default()).await.unwrap();
}
