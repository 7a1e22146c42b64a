//! An edge on a port of its own, with its fakes behind it.

use std::future::Future;
use std::time::Duration;

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_contracts::market_data::v1::market_data_service_server::MarketDataServiceServer;
use chimera_contracts::order::v1::order_service_server::OrderServiceServer;
use chimera_gateway::{Config, GatewayDeps, Server};
use chimera_runtime::channel::RemoteOptions;
use chimera_runtime::drain::{Drain, Signal};
use chimera_runtime::health::{Health, Readiness};
use chimera_runtime::listen::{self, ListenOptions};
use chimera_runtime::telemetry::{self, MetricsHandle, TelemetryConfig};
use chimera_runtime::{Channel, Service};
use tokio::net::TcpListener;

use crate::fake::Fake;
use crate::http::{Answer, Http};

pub const ORDER: &str = "chimera.order.v1.OrderService";
pub const MARKET_DATA: &str = "chimera.market_data.v1.MarketDataService";

/// Where the services are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    InProcess,
    AcrossSockets,
}

pub struct Edge {
    pub server: Server,
    pub drain: Drain,
    pub fake: Fake,
    pub order_readiness: Readiness,
    pub market_readiness: Readiness,
}

impl Edge {
    pub async fn start() -> Self {
        Self::start_with(Config::default(), Placement::InProcess).await
    }

    /// Starts on a free port of the address in `config.listen`.
    pub async fn start_with(mut config: Config, placement: Placement) -> Self {
        config.listen.set_port(0);
        Self::start_on(config, placement).await
    }

    pub async fn start_on(config: Config, placement: Placement) -> Self {
        let drain = Drain::new();
        let fake = Fake::new(drain.signal());
        let health = Health::new(drain.signal());
        let order_readiness = health.register(ORDER);
        let market_readiness = health.register(MARKET_DATA);
        order_readiness.set_ready();
        market_readiness.set_ready();
        let order = OrderServiceServer::new(fake.clone());
        let market = MarketDataServiceServer::new(fake.clone());
        let services = vec![
            Service::new(order, FILE_DESCRIPTOR_SET).unwrap(),
            Service::new(market, FILE_DESCRIPTOR_SET).unwrap(),
            health.service(),
        ];
        let channel = match placement {
            Placement::InProcess => Channel::in_process(services),
            Placement::AcrossSockets => remote(services, drain.signal()).await,
        };
        let deps = GatewayDeps {
            channels: vec![
                (ORDER.into(), channel.clone()),
                (MARKET_DATA.into(), channel),
            ],
            metrics: Some(metrics()),
            drain: drain.signal(),
        };
        let listener = chimera_gateway::bind(&config).await.unwrap();
        let server = chimera_gateway::start(config, deps, listener)
            .await
            .unwrap();
        Self {
            server,
            drain,
            fake,
            order_readiness,
            market_readiness,
        }
    }

    pub fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// Returns the way that a gRPC client takes.
    pub fn channel(&self) -> Channel {
        Channel::remote(&self.address(), RemoteOptions::default()).unwrap()
    }

    pub async fn http(&self) -> Http {
        Http::connect(&self.address()).await
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.http().await.get(target).await
    }

    pub async fn post(&self, target: &str, body: &str) -> Answer {
        self.http().await.post(target, body).await
    }
}

/// Returns the metrics of this process, in which errors alone are logged.
pub fn metrics() -> MetricsHandle {
    let config = TelemetryConfig {
        filter: "error".into(),
        ..TelemetryConfig::default()
    };
    telemetry::init(&config).unwrap().metrics().clone()
}

async fn remote(services: Vec<Service>, signal: Signal) -> Channel {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(listen::serve(
        listener,
        services,
        ListenOptions::default(),
        signal,
    ));
    Channel::remote(&address, RemoteOptions::default()).unwrap()
}

/// Waits for something that must happen, at most for a time that only a failure reaches.
pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("it never happened")
}
