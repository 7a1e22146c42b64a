use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::*;
use crate::Channel;
use crate::drain::Signal;
use crate::health::Health;

async fn ask(channel: &Channel, question: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(question),
    };
    let mut client = ServerReflectionClient::new(channel.clone());
    let requests = futures::stream::iter([request]);
    let mut answers = client
        .server_reflection_info(requests)
        .await
        .unwrap()
        .into_inner();
    answers
        .message()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap()
}

#[tokio::test]
async fn the_mounted_services_are_listed_and_described_with_the_contract() {
    let health = Health::new(Signal::never()).service();
    let sets = [chimera_contracts::FILE_DESCRIPTOR_SET];
    let both = services(std::slice::from_ref(&health), &sets).unwrap();
    assert_eq!(both[1].name(), "grpc.reflection.v1alpha.ServerReflection");
    let channel = Channel::in_process(both.into_iter().chain([health]));
    let MessageResponse::ListServicesResponse(listed) =
        ask(&channel, MessageRequest::ListServices(String::new())).await
    else {
        panic!("a list was asked for");
    };
    let mut names: Vec<_> = listed
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection"
        ]
    );
    for symbol in ["chimera.order.v1.OrderService", "grpc.health.v1.Health"] {
        let question = MessageRequest::FileContainingSymbol(symbol.into());
        let answer = ask(&channel, question).await;
        assert!(
            matches!(answer, MessageResponse::FileDescriptorResponse(_)),
            "{symbol}"
        );
    }
}

#[test]
fn a_set_that_cannot_be_read_is_an_error() {
    assert!(services(&[], &[b"\xff\xff"]).is_err());
}
