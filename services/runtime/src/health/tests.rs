use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::Channel;
use crate::drain::Drain;
use crate::fault::reason_of;
use crate::tests::probe::within;

fn asked(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.into(),
    }
}

async fn check(client: &mut HealthClient<Channel>, service: &str) -> Result<ServingStatus, Status> {
    client
        .check(asked(service))
        .await
        .map(|answer| answer.get_ref().status())
}

#[tokio::test]
async fn the_whole_is_ready_when_every_service_is() {
    let health = Health::new(Signal::never());
    let mut client = HealthClient::new(Channel::in_process([health.service()]));
    let (order, position) = (health.register("order"), health.register("position"));
    assert_eq!(health.not_ready(), ["order", "position"]);
    order.set_ready();
    assert_eq!(
        check(&mut client, "order").await.unwrap(),
        ServingStatus::Serving
    );
    assert_eq!(
        check(&mut client, "position").await.unwrap(),
        ServingStatus::NotServing
    );
    assert_eq!(
        check(&mut client, "").await.unwrap(),
        ServingStatus::NotServing
    );
    position.set_ready();
    within(health.until_ready()).await;
    assert_eq!(
        check(&mut client, "").await.unwrap(),
        ServingStatus::Serving
    );
    order.set_not_ready();
    assert_eq!(
        check(&mut client, "").await.unwrap(),
        ServingStatus::NotServing
    );
    assert!(!health.is_ready());
}

#[tokio::test]
async fn an_unknown_service_is_not_found() {
    let health = Health::new(Signal::never());
    let mut client = HealthClient::new(Channel::in_process([health.service()]));
    let refusal = check(&mut client, "nobody").await.unwrap_err();
    assert_eq!(refusal.code(), Code::NotFound);
    assert_eq!(reason_of(&refusal).as_deref(), Some("RESOURCE_NOT_FOUND"));
}

#[tokio::test]
async fn a_drain_makes_everything_not_ready_and_ends_its_watchers() {
    let drain = Drain::new();
    let health = Health::new(drain.signal());
    let mut client = HealthClient::new(Channel::in_process([health.service()]));
    health.register("order").set_ready();
    let mut states = client.watch(asked("order")).await.unwrap().into_inner();
    let mut next = async || {
        within(states.message())
            .await
            .unwrap()
            .map(|state| state.status())
    };
    assert_eq!(next().await, Some(ServingStatus::Serving));
    drain.begin();
    assert_eq!(next().await, Some(ServingStatus::NotServing));
    assert_eq!(next().await, None);
    assert_eq!(
        check(&mut client, "order").await.unwrap(),
        ServingStatus::NotServing
    );
    assert_eq!(health.not_ready(), ["order"]);
}

#[tokio::test]
async fn a_watcher_hears_of_a_service_that_becomes_known_later() {
    let health = Health::new(Signal::never());
    let mut client = HealthClient::new(Channel::in_process([health.service()]));
    let mut states = client.watch(asked("order")).await.unwrap().into_inner();
    let mut next = async || {
        within(states.message())
            .await
            .unwrap()
            .map(|state| state.status())
    };
    assert_eq!(next().await, Some(ServingStatus::ServiceUnknown));
    let order = health.register("order");
    assert_eq!(next().await, Some(ServingStatus::NotServing));
    order.set_ready();
    assert_eq!(next().await, Some(ServingStatus::Serving));
}
