use std::time::Duration;

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_contracts::connector::v1::ListVenuesRequest;
use chimera_contracts::connector::v1::connector_service_client::ConnectorServiceClient;
use chimera_contracts::market_data::v1::GetOrderBookRequest;
use chimera_contracts::market_data::v1::market_data_service_client::MarketDataServiceClient;
use chimera_contracts::order::v1::order_service_client::OrderServiceClient;
use chimera_contracts::order::v1::watch_orders_response::Frame;
use chimera_contracts::order::v1::{GetOrderRequest, PlaceOrderRequest, WatchOrdersRequest};
use chimera_contracts::position::v1::ListPositionsRequest;
use chimera_contracts::position::v1::position_service_client::PositionServiceClient;
use chimera_runtime::Channel;
use chimera_runtime::fault::{facts_of, fields_of, quota_of, reason_of, retry_after_of};
use prost_reflect::DescriptorPool;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

use crate::harness::{Edge, MARKET_DATA, ORDER, Placement, within};

fn orders(edge: &Edge) -> OrderServiceClient<Channel> {
    OrderServiceClient::new(edge.channel())
}

fn get(account: &str) -> GetOrderRequest {
    GetOrderRequest {
        account: account.into(),
        client_order_index: 7,
    }
}

#[tokio::test]
async fn calls_go_by_their_path_to_the_right_service() {
    for placement in [Placement::InProcess, Placement::AcrossSockets] {
        let edge = Edge::start_with(Default::default(), placement).await;
        let answer = orders(&edge).get_order(get("main")).await.unwrap();
        assert!(answer.metadata().get("x-trace-id").is_some());
        assert_eq!(answer.into_inner().order.unwrap().client_order_index, 7);
        let request = GetOrderBookRequest {
            symbol: "SOL".into(),
            ..Default::default()
        };
        let book = MarketDataServiceClient::new(edge.channel())
            .get_order_book(request)
            .await;
        assert_eq!(
            book.unwrap().into_inner().book.unwrap().bid_prices,
            [10_000, -5]
        );
    }
}

#[tokio::test]
async fn an_error_comes_through_with_all_its_details() {
    for placement in [Placement::InProcess, Placement::AcrossSockets] {
        let edge = Edge::start_with(Default::default(), placement).await;
        let request = PlaceOrderRequest {
            symbol: "LIMITED".into(),
            ..Default::default()
        };
        let refused = orders(&edge).place_order(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert_eq!(reason_of(&refused).as_deref(), Some("ORDER_RATE_LIMIT"));
        assert_eq!(facts_of(&refused)["window"], "1s");
        assert_eq!(fields_of(&refused)[0].field, "quantity");
        assert_eq!(retry_after_of(&refused), Some(Duration::from_millis(1_250)));
        assert_eq!(quota_of(&refused)[0].subject, "account:main");
    }
}

#[tokio::test]
async fn streams_come_through_frame_by_frame_and_end_with_their_status() {
    for placement in [Placement::InProcess, Placement::AcrossSockets] {
        let edge = Edge::start_with(Default::default(), placement).await;
        let watch = |account: &str| WatchOrdersRequest {
            account: account.into(),
            ..Default::default()
        };
        let mut frames = orders(&edge)
            .watch_orders(watch("fail"))
            .await
            .unwrap()
            .into_inner();
        let ack = within(frames.message()).await.unwrap().unwrap();
        assert!(matches!(ack.frame, Some(Frame::Ack(_))));
        within(frames.message()).await.unwrap().unwrap();
        let failed = within(frames.message()).await.unwrap_err();
        assert_eq!(reason_of(&failed).as_deref(), Some("ORDER_RATE_LIMIT"));

        let mut frames = orders(&edge)
            .watch_orders(watch("stuck"))
            .await
            .unwrap()
            .into_inner();
        within(frames.message()).await.unwrap().unwrap();
        drop(frames);
        let mut open = edge.fake.open.subscribe();
        within(open.wait_for(|open| *open == 0)).await.unwrap();
    }
}

#[tokio::test]
async fn deadline_and_trace_travel_with_a_grpc_call() {
    let edge = Edge::start().await;
    let mut request = Request::new(get("main"));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap();
    request.metadata_mut().insert("traceparent", parent);
    request
        .metadata_mut()
        .insert("x-of-the-caller", "kept".parse().unwrap());
    request.set_timeout(Duration::from_secs(5));
    let answer = orders(&edge).get_order(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-trace-id").unwrap(), trace);
    assert!(edge.fake.header("traceparent").unwrap().contains(trace));
    assert!((1..5_000_000).contains(&edge.fake.budget_micros()));
    assert_eq!(edge.fake.header("x-of-the-caller").as_deref(), Some("kept"));

    let mut request = Request::new(get("hang"));
    request.set_timeout(Duration::from_millis(50));
    let late = orders(&edge).get_order(request).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn what_is_internal_or_not_mounted_is_an_unknown_method() {
    let edge = Edge::start().await;
    let internal = ConnectorServiceClient::new(edge.channel())
        .list_venues(ListVenuesRequest {})
        .await;
    let unmounted = PositionServiceClient::new(edge.channel())
        .list_positions(ListPositionsRequest::default())
        .await;
    for refused in [internal.unwrap_err(), unmounted.unwrap_err()] {
        assert_eq!(refused.code(), Code::Unimplemented);
        assert_eq!(reason_of(&refused).as_deref(), Some("UNKNOWN_METHOD"));
    }
}

#[tokio::test]
async fn health_answers_for_each_service_and_for_all() {
    let edge = Edge::start().await;
    let mut client = HealthClient::new(edge.channel());
    let question = |service: &str| HealthCheckRequest {
        service: service.into(),
    };
    let mut ask = async |service: &str| {
        client
            .check(question(service))
            .await
            .map(|answer| answer.into_inner().status())
    };
    for service in ["", ORDER, MARKET_DATA] {
        assert_eq!(
            ask(service).await.unwrap(),
            ServingStatus::Serving,
            "{service}"
        );
    }
    edge.order_readiness.set_not_ready();
    assert_eq!(ask("").await.unwrap(), ServingStatus::NotServing);
    assert_eq!(ask(ORDER).await.unwrap(), ServingStatus::NotServing);
    assert_eq!(ask(MARKET_DATA).await.unwrap(), ServingStatus::Serving);
    assert_eq!(
        ask("chimera.connector.v1.ConnectorService")
            .await
            .unwrap_err()
            .code(),
        Code::NotFound
    );
}

#[tokio::test]
async fn a_watched_health_tells_of_changes_and_ends_with_the_drain() {
    let edge = Edge::start().await;
    let question = HealthCheckRequest {
        service: ORDER.into(),
    };
    let watched = HealthClient::new(edge.channel()).watch(question).await;
    let mut watched = watched.unwrap().into_inner();
    let mut next = async || {
        within(watched.message())
            .await
            .unwrap()
            .map(|answer| answer.status())
    };
    assert_eq!(next().await, Some(ServingStatus::Serving));
    edge.order_readiness.set_not_ready();
    assert_eq!(next().await, Some(ServingStatus::NotServing));
    edge.order_readiness.set_ready();
    assert_eq!(next().await, Some(ServingStatus::Serving));
    edge.drain.begin();
    assert_eq!(next().await, Some(ServingStatus::NotServing));
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn reflection_lists_what_is_mounted_in_both_versions() {
    let edge = Edge::start().await;
    let expected = [
        ORDER,
        MARKET_DATA,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];
    let question = v1::ServerReflectionRequest {
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(
            "".into(),
        )),
        ..Default::default()
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(edge.channel());
    let questions = futures::stream::iter([question]);
    let mut answers = client
        .server_reflection_info(questions)
        .await
        .unwrap()
        .into_inner();
    let answer = within(answers.message())
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let v1::server_reflection_response::MessageResponse::ListServicesResponse(list) = answer else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    assert_eq!(names, expected);

    let question = v1alpha::ServerReflectionRequest {
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::ListServices("".into()),
        ),
        ..Default::default()
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(edge.channel());
    let questions = futures::stream::iter([question]);
    let mut answers = client
        .server_reflection_info(questions)
        .await
        .unwrap()
        .into_inner();
    let answer = within(answers.message())
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(list) = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(list.service.len(), expected.len());
}

#[tokio::test]
async fn reflection_describes_what_is_mounted_with_its_rest_paths_and_nothing_else() {
    let edge = Edge::start().await;
    let ask = |symbol: &str| v1::ServerReflectionRequest {
        message_request: Some(
            v1::server_reflection_request::MessageRequest::FileContainingSymbol(symbol.into()),
        ),
        ..Default::default()
    };
    let questions =
        futures::stream::iter([ask(ORDER), ask("chimera.connector.v1.ConnectorService")]);
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(edge.channel());
    let mut answers = client
        .server_reflection_info(questions)
        .await
        .unwrap()
        .into_inner();
    let answer = within(answers.message())
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let v1::server_reflection_response::MessageResponse::FileDescriptorResponse(files) = answer
    else {
        panic!("{answer:?}");
    };
    // The bytes are those of the contract, options included.
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let file = pool.get_service_by_name(ORDER).unwrap().parent_file();
    assert!(files.file_descriptor_proto.contains(&file.encode_to_vec()));
    assert!(within(answers.message()).await.is_err());
}
