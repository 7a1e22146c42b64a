//! A mesh under test with its simulated venue, in one of three topologies.

use std::fs;

use chimera_contracts::{
    connector::v1::connector_service_client::ConnectorServiceClient,
    market_data::v1::market_data_service_client::MarketDataServiceClient,
    order::v1::{
        GetTradingStateRequest, Order, PlaceOrderRequest, order_service_client::OrderServiceClient,
    },
    position::v1::position_service_client::PositionServiceClient,
};
use chimera_node::{Config, Mesh, Topology, mesh::Surroundings, smoke::Doors};
use chimera_runtime::{
    Channel,
    channel::RemoteOptions,
    clock::Clock,
    drain::Drain,
    tasks::Tasks,
    telemetry::{self, TelemetryConfig},
};
use chimera_tests::Process;
pub use chimera_tests::{PATIENCE, eventually};
use serde_json::Value;
use tempfile::TempDir;

pub const VENUE: &str = "binance-usdm";
pub const ACCOUNT: &str = "main";
pub const SYMBOL: &str = "SOL-USDT-PERP";

/// A running mesh. Dropping it kills what runs.
pub struct House {
    doors: Doors,
    control: String,
    http: reqwest::Client,
    held: Held,
    _data: TempDir,
}

enum Held {
    Here(Box<Mesh>, Surroundings),
    Processes(Vec<Process>),
}

impl House {
    /// Starts every role in this process, without sockets between them.
    pub async fn in_process() -> Self {
        Self::here(Topology::InProcess).await
    }

    /// Starts every role in this process, behind sockets of their own.
    pub async fn loopback() -> Self {
        Self::here(Topology::Loopback).await
    }

    async fn here(topology: Topology) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: data.path().to_owned(),
            ..Config::default()
        };
        config.gateway.listen.set_port(0);
        let telemetry = telemetry::init(&TelemetryConfig {
            filter: std::env::var("CHIMERA_LOG").unwrap_or_else(|_| "off".to_owned()),
            ..TelemetryConfig::default()
        });
        let around = Surroundings {
            clock: Clock::system(),
            drain: Drain::new(),
            tasks: Tasks::new(),
            telemetry: telemetry.unwrap(),
        };
        let mesh = Mesh::start(config, topology, &around).await.unwrap();
        let control = mesh.simulators().unwrap().endpoints().control.clone();
        let house = Self {
            doors: mesh.doors().unwrap(),
            control,
            http: http(),
            held: Held::Here(Box::new(mesh), around),
            _data: data,
        };
        house.settled().await;
        house
    }

    /// Starts the venue and each role as a process of the real binary.
    pub async fn split() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut sim = Process::start(&["sim", "--base-port", "0", "--json"]);
        let endpoints: Value = serde_json::from_str(&sim.line()).unwrap();
        let control = endpoints["control"].as_str().unwrap().to_owned();
        let venue = &endpoints["venues"][0];
        let mut processes = vec![sim];
        let mut peers = String::from("peers:\n");
        let mut channels = Vec::new();
        for role in [
            "connector",
            "order",
            "position",
            "market-data",
            "api-factory",
        ] {
            let file = data.path().join(format!("{role}.yaml"));
            fs::write(&file, configuration(venue, &peers)).unwrap();
            let folder = data.path().join(role);
            let mut process = Process::start(&[
                "serve",
                "--role",
                role,
                "--listen",
                "127.0.0.1:0",
                "--config",
                file.to_str().unwrap(),
                "--data-dir",
                folder.to_str().unwrap(),
            ]);
            // "chimera serves order on http://127.0.0.1:1234"
            let line = process.line();
            let address = line.rsplit(' ').next().unwrap().to_owned();
            peers.push_str(&format!("  {}: {address}\n", role.replace('-', "_")));
            channels.push(Channel::remote(&address, RemoteOptions::default()).unwrap());
            processes.push(process);
        }
        let [connector, order, position, market_data, _] =
            <[Channel; 5]>::try_from(channels).unwrap();
        let house = Self {
            doors: Doors {
                order,
                position,
                market_data,
                connector,
            },
            control,
            http: http(),
            held: Held::Processes(processes),
            _data: data,
        };
        house.settled().await;
        house
    }

    /// Waits until new orders are accepted and positions are known.
    async fn settled(&self) {
        eventually("the mesh accepts new orders", async || {
            let answer = self
                .orders()
                .get_trading_state(GetTradingStateRequest {})
                .await
                .ok()?;
            answer.into_inner().ready.then_some(())
        })
        .await;
    }

    pub fn orders(&self) -> OrderServiceClient<Channel> {
        OrderServiceClient::new(self.doors.order.clone())
    }

    pub fn positions(&self) -> PositionServiceClient<Channel> {
        PositionServiceClient::new(self.doors.position.clone())
    }

    pub fn market_data(&self) -> MarketDataServiceClient<Channel> {
        MarketDataServiceClient::new(self.doors.market_data.clone())
    }

    pub fn connector(&self) -> ConnectorServiceClient<Channel> {
        ConnectorServiceClient::new(self.doors.connector.clone())
    }

    /// Places an order that must be taken.
    pub async fn place(&self, request: PlaceOrderRequest) -> Order {
        let answer = self.orders().place_order(request).await;
        answer
            .unwrap_or_else(|status| panic!("refused: {status:?}"))
            .into_inner()
            .order
            .unwrap()
    }

    /// Tells the simulated venue something through its control interface.
    pub async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/v1/venues/{VENUE}{path}", self.control);
        let request = self
            .http
            .post(url)
            .header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Returns what the venue itself has written down.
    pub async fn ledger(&self) -> Value {
        let url = format!(
            "{}/v1/venues/{VENUE}/ledger?account={ACCOUNT}",
            self.control
        );
        let answer = self.http.get(url).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Ends everything in order.
    pub async fn end(self) {
        match self.held {
            Held::Here(mesh, around) => {
                mesh.end(&around).await;
            }
            Held::Processes(processes) => drop(processes),
        }
    }
}

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

fn configuration(venue: &Value, peers: &str) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (rest, stream) = (text(&venue["rest"]), text(&venue["ws"]));
    let key = text(&venue["credentials"]["api_key"]);
    let secret = text(&venue["credentials"]["api_secret"]);
    let peers = if peers == "peers:\n" { "" } else { peers };
    format!(
        "telemetry: {{filter: \"off\"}}\n\
         connector:\n  venues:\n    {VENUE}:\n      rest_url: {rest}\n      stream_url: {stream}\n      \
         allow_plain_http: true\n      accounts: [{ACCOUNT}]\n\
         credentials:\n  {VENUE}:\n    {ACCOUNT}: {{api_key: \"{key}\", api_secret: \"{secret}\"}}\n\
         {peers}"
    )
}
