//! A mesh under test with its simulated venue, in one of three topologies.

use std::fs;

use chimera_contracts::{
    connector::v1::connector_service_client::ConnectorServiceClient,
    market_data::v1::market_data_service_client::MarketDataServiceClient,
    order::v1::{
        GetOrderRequest, GetTradingStateRequest, Order, OrderState, PlaceOrderRequest,
        order_service_client::OrderServiceClient,
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
use serde_json::Value;
use tempfile::TempDir;

use crate::{Process, eventually};

/// The account that trades, with test credentials at every simulated venue.
pub const ACCOUNT: &str = "main";
/// What is logged unless `CHIMERA_LOG` says more: why a test failed.
const PANICS_ONLY: &str = "off,chimera_runtime::telemetry=error";

/// A running mesh in front of one simulated venue that a test steers. Dropping it kills what runs.
pub struct House {
    venue: String,
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
    pub async fn in_process(venue: &str) -> Self {
        Self::here(venue, Topology::InProcess).await
    }

    /// Starts every role in this process, behind sockets of their own.
    pub async fn loopback(venue: &str) -> Self {
        Self::here(venue, Topology::Loopback).await
    }

    async fn here(venue: &str, topology: Topology) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut config = Config {
            data_dir: data.path().to_owned(),
            ..Config::default()
        };
        config.gateway.listen.set_port(0);
        let telemetry = telemetry::init(&TelemetryConfig {
            filter: std::env::var("CHIMERA_LOG").unwrap_or_else(|_| PANICS_ONLY.to_owned()),
            ..TelemetryConfig::default()
        });
        let around = Surroundings {
            clock: Clock::system(),
            drain: Drain::new(),
            tasks: Tasks::new(),
            telemetry: telemetry.expect("telemetry is set up"),
        };
        let mesh = Mesh::start(config, topology, &around).await;
        let mesh = mesh.expect("the mesh starts");
        let simulators = mesh.simulators().expect("nothing else is configured");
        let house = Self {
            venue: venue.to_owned(),
            control: simulators.endpoints().control.clone(),
            doors: mesh.doors().expect("every role runs here"),
            http: http(),
            held: Held::Here(Box::new(mesh), around),
            _data: data,
        };
        house.settled().await;
        house
    }

    /// Starts the venue and each role as a process of the real binary.
    pub async fn split(venue: &str) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut sim = Process::start(&["sim", "--base-port", "0", "--json"]);
        let endpoints: Value = serde_json::from_str(&sim.line()).expect("endpoints as JSON");
        let mut venues = endpoints["venues"].as_array().into_iter().flatten();
        let simulated = venues.find(|one| one["venue"] == venue);
        let simulated = simulated.unwrap_or_else(|| panic!("{venue} is simulated"));
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
            fs::write(&file, configuration(simulated, &peers)).expect("a file");
            let folder = data.path().join(role);
            let mut process = Process::start(&[
                "serve",
                "--role",
                role,
                "--listen",
                "127.0.0.1:0",
                "--config",
                file.to_str().expect("UTF-8"),
                "--data-dir",
                folder.to_str().expect("UTF-8"),
            ]);
            // "chimera serves order on http://127.0.0.1:1234"
            let line = process.line();
            let address = line.rsplit(' ').next().unwrap_or_default().to_owned();
            peers.push_str(&format!("  {}: {address}\n", role.replace('-', "_")));
            let channel = Channel::remote(&address, RemoteOptions::default());
            channels.push(channel.expect("the address of a role"));
            processes.push(process);
        }
        let [connector, order, position, market_data, _] =
            <[Channel; 5]>::try_from(channels).expect("a channel for each role");
        let house = Self {
            venue: venue.to_owned(),
            control: text(&endpoints["control"]),
            doors: Doors {
                order,
                position,
                market_data,
                connector,
            },
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

    /// Returns the name of the venue.
    #[must_use]
    pub fn venue(&self) -> &str {
        &self.venue
    }

    /// Returns a client of the orders.
    #[must_use]
    pub fn orders(&self) -> OrderServiceClient<Channel> {
        OrderServiceClient::new(self.doors.order.clone())
    }

    /// Returns a client of the positions.
    #[must_use]
    pub fn positions(&self) -> PositionServiceClient<Channel> {
        PositionServiceClient::new(self.doors.position.clone())
    }

    /// Returns a client of the market data.
    #[must_use]
    pub fn market_data(&self) -> MarketDataServiceClient<Channel> {
        MarketDataServiceClient::new(self.doors.market_data.clone())
    }

    /// Returns a client of the sessions to the venues.
    #[must_use]
    pub fn connector(&self) -> ConnectorServiceClient<Channel> {
        ConnectorServiceClient::new(self.doors.connector.clone())
    }

    /// Places an order that must be taken.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn place(&self, request: PlaceOrderRequest) -> Order {
        let answer = self.orders().place_order(request).await;
        let answer = answer.unwrap_or_else(|status| panic!("refused: {status:?}"));
        answer.into_inner().order.expect("the order is told")
    }

    /// Returns an order as the mesh tells it.
    ///
    /// # Panics
    /// When the mesh does not know it.
    pub async fn order(&self, index: i64) -> Order {
        let request = GetOrderRequest {
            account: ACCOUNT.to_owned(),
            client_order_index: index,
        };
        let answer = self.orders().get_order(request).await;
        let answer = answer.unwrap_or_else(|status| panic!("order {index}: {status:?}"));
        answer.into_inner().order.expect("the order is told")
    }

    /// Waits until an order stands so, and returns it.
    pub async fn until(&self, index: i64, state: OrderState) -> Order {
        eventually(&format!("order {index} is {state:?}"), async || {
            let order = self.order(index).await;
            (order.state() == state).then_some(order)
        })
        .await
    }

    /// Tells the simulated venue something through its control interface.
    ///
    /// # Panics
    /// When the venue does not do it.
    pub async fn control(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(self.steer(path));
        let request = request.header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await;
        let answer = answer.expect("the control interface answers");
        let status = answer.status();
        let text = answer.text().await.expect("an answer in full");
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Returns what the venue itself has written down.
    ///
    /// # Panics
    /// When the venue does not answer.
    pub async fn ledger(&self) -> Value {
        let url = self.steer(&format!("/ledger?account={ACCOUNT}"));
        let answer = self.http.get(url).send().await;
        let text = answer.expect("the control interface answers").text().await;
        serde_json::from_str(&text.expect("an answer in full")).expect("a ledger as JSON")
    }

    fn steer(&self, path: &str) -> String {
        format!("{}/v1/venues/{}{path}", self.control, self.venue)
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

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Returns the configuration of a role that trades on a simulated venue.
fn configuration(simulated: &Value, peers: &str) -> String {
    let venue = text(&simulated["venue"]);
    let (rest, stream) = (text(&simulated["rest"]), text(&simulated["ws"]));
    let key = text(&simulated["credentials"]["api_key"]);
    let secret = text(&simulated["credentials"]["api_secret"]);
    let peers = if peers == "peers:\n" { "" } else { peers };
    format!(
        "telemetry: {{filter: \"off\"}}\n\
         connector:\n  venues:\n    {venue}:\n      rest_url: {rest}\n      stream_url: {stream}\n      \
         allow_plain_http: true\n      accounts: [{ACCOUNT}]\n\
         credentials:\n  {venue}:\n    {ACCOUNT}: {{api_key: \"{key}\", api_secret: \"{secret}\"}}\n\
         {peers}"
    )
}
