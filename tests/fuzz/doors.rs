//! Every method of every service, called with messages that were drawn and bytes that were mutated: the
//! mesh answers or refuses with a reason, and trades on.

use std::{
    panic,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Buf as _, BufMut as _, Bytes};
use chimera_contracts::{
    FILE_DESCRIPTOR_SET,
    order::v1::{GetTradingStateRequest, order_service_client::OrderServiceClient},
};
use chimera_node::{Config, Mesh, Topology, mesh::Surroundings};
use chimera_runtime::{
    Channel,
    channel::RemoteOptions,
    clock::Clock,
    drain::Drain,
    fault::reason_of,
    tasks::Tasks,
    telemetry::{self, TelemetryConfig},
};
use prost::Message as _;
use prost_reflect::DescriptorPool;
use rand::RngExt as _;
use tokio::time::timeout;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
};

use super::{
    messages::draw,
    mutation::{cases, chance, mutate},
};

/// A call that waits for something to happen is given up after so long; most answer in a millisecond.
const CALL_WITHIN: Duration = Duration::from_millis(200);
/// A hundred times what a start takes on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends and receives messages as they are on the wire.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// Calls a method, whether it answers once or streams, and reads one message of the answer.
async fn call(channel: Channel, path: PathAndQuery, message: Bytes) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel);
    let Ok(()) = grpc.ready().await;
    let mut request = Request::new(message);
    request.set_timeout(CALL_WITHIN);
    let answer = timeout(CALL_WITHIN * 10, async {
        let answer = grpc.server_streaming(request, path, Raw).await?;
        answer.into_inner().message().await
    });
    let within = answer
        .await
        .expect("a call outlives its deadline ten times");
    within.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_makes_a_service_fall_over() {
    let panics = Arc::new(AtomicUsize::new(0));
    let data = tempfile::tempdir().unwrap();
    let mut config = Config {
        data_dir: data.path().to_owned(),
        ..Config::default()
    };
    config.gateway.listen.set_port(0);
    let around = Surroundings {
        clock: Clock::system(),
        drain: Drain::new(),
        tasks: Tasks::new(),
        telemetry: telemetry::init(&TelemetryConfig {
            filter: std::env::var("CHIMERA_LOG").unwrap_or_else(|_| "off".to_owned()),
            ..TelemetryConfig::default()
        })
        .unwrap(),
    };
    let mesh = Mesh::start(config, Topology::InProcess, &around)
        .await
        .unwrap();
    timeout(PATIENCE, mesh.ready())
        .await
        .expect("ready in time");
    let said = panic::take_hook();
    let counted = panics.clone();
    panic::set_hook(Box::new(move |panic| {
        counted.fetch_add(1, Ordering::Relaxed);
        said(panic);
    }));

    let doors = mesh.doors().unwrap();
    let gateway = format!("http://{}", mesh.gateway_address().unwrap());
    let gateway = Channel::remote(&gateway, RemoteOptions::default()).unwrap();
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut chance = chance("doors");
    let (mut answered, mut refused) = (0, 0);
    for method in pool
        .services()
        .flat_map(|it| it.methods().collect::<Vec<_>>())
    {
        let service = method.parent_service().full_name().to_owned();
        let channel = match service.as_str() {
            "chimera.order.v1.OrderService" => &doors.order,
            "chimera.position.v1.PositionService" => &doors.position,
            "chimera.market_data.v1.MarketDataService" => &doors.market_data,
            "chimera.connector.v1.ConnectorService" => &doors.connector,
            "chimera.egress.v1.EgressService" => &doors.connector,
            _ => &gateway,
        };
        let path: PathAndQuery = format!("/{service}/{}", method.name()).parse().unwrap();
        for _ in 0..cases(30) {
            let sound = draw(&method.input(), &mut chance).encode_to_vec();
            let message = match chance.random_bool(0.3) {
                true => mutate(&[sound], &mut chance),
                false => sound,
            };
            let shown = message.escape_ascii().to_string();
            match call(channel.clone(), path.clone(), message.into()).await {
                Ok(()) => answered += 1,
                Err(status) => {
                    refused += 1;
                    let fault = matches!(status.code(), Code::Internal | Code::Unknown);
                    assert!(!fault, "{path}: {status:?} to {shown}");
                    assert!(
                        reason_of(&status).is_some(),
                        "{path}: {status:?} to {shown}"
                    );
                }
            }
        }
    }
    assert!(
        answered > 100 && refused > 100,
        "{answered} answered, {refused} refused"
    );
    assert_eq!(panics.load(Ordering::Relaxed), 0, "something fell over");
    let mut orders = OrderServiceClient::new(doors.order.clone());
    let state = orders.get_trading_state(GetTradingStateRequest {}).await;
    assert!(state.is_ok(), "{state:?}");
    println!("{answered} answered, {refused} refused");
    mesh.end(&around).await;
}
