//! The real binary with a simulated venue that outlives it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chimera_contracts::{
    common::v1::{OrderType, Side},
    order::v1::{
        GetOrderRequest, GetTradingStateRequest, GetTradingStateResponse, Order, OrderState,
        PlaceOrderRequest, order_service_client::OrderServiceClient,
    },
};
use chimera_journal::{Journal, verify};
use chimera_node::Config;
use chimera_runtime::{Channel, channel::RemoteOptions};
use chimera_tests::{PATIENCE, Process, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::Code;

pub const VENUE: &str = "binance-usdm";
const SYMBOL: &str = "SOL-USDT-PERP";
pub const ACCOUNT: &str = "main";
pub const PLACE: &str = "POST /fapi/v1/order";
pub const CANCEL: &str = "DELETE /fapi/v1/order";

/// A venue, and a mesh that is killed and started again on the same journal.
pub struct Scene {
    mesh: Mesh,
    control: String,
    http: reqwest::Client,
    data: TempDir,
    // Last, so that it outlives the mesh.
    _venue: Process,
}

struct Mesh {
    process: Process,
    orders: OrderServiceClient<Channel>,
}

impl Scene {
    /// Starts both; `settings` are lines of the mesh's configuration.
    pub async fn start(settings: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut venue = Process::start(&["sim", "--venues", VENUE, "--base-port", "0", "--json"]);
        let endpoints: Value = serde_json::from_str(&venue.line()).unwrap();
        let data = tempfile::tempdir().unwrap();
        let words = configuration(&endpoints["venues"][0]) + settings;
        fs::write(data.path().join("mesh.yaml"), words).unwrap();
        let scene = Self {
            mesh: Mesh::start(data.path()),
            control: endpoints["control"].as_str().unwrap().to_owned(),
            http: reqwest::Client::new(),
            data,
            _venue: venue,
        };
        scene.ready().await;
        scene
    }

    /// Kills the mesh without warning.
    pub fn kill(&mut self) {
        self.mesh.process.kill();
    }

    /// Starts the mesh again, and waits until it accepts new risk.
    pub async fn restart(&mut self) {
        self.mesh = Mesh::start(self.data.path());
        self.ready().await;
    }

    async fn ready(&self) {
        eventually("the mesh accepts new risk", async || {
            self.trading().await?.ready.then_some(())
        })
        .await;
    }

    pub async fn trading(&self) -> Option<GetTradingStateResponse> {
        let mut orders = self.orders();
        let answer = orders.get_trading_state(GetTradingStateRequest {}).await;
        Some(answer.ok()?.into_inner())
    }

    pub fn orders(&self) -> OrderServiceClient<Channel> {
        self.mesh.orders.clone()
    }

    /// Returns how many records the journal has, while the mesh writes or after its death.
    pub fn records(&self) -> u64 {
        let found = verify(self.journal()).unwrap();
        assert!(found.is_sound(), "{found:?}");
        found.sound_records
    }

    /// Waits until the journal has so many records.
    pub async fn until_records(&self, count: u64) {
        let written = async {
            while self.records() < count {
                tokio::task::yield_now().await;
            }
        };
        let written = timeout(PATIENCE, written).await;
        assert!(written.is_ok(), "never: {count} records");
    }

    fn journal(&self) -> PathBuf {
        let config = Config {
            data_dir: self.data.path().to_owned(),
            ..Config::default()
        };
        config.journal_file()
    }

    /// Returns up to which record the state was snapshotted; only after the mesh's death.
    pub async fn snapshot(&self) -> Option<u64> {
        let (journal, recovery) = Journal::open(self.journal(), Default::default()).unwrap();
        assert!(recovery.is_clean(), "{recovery:?}");
        let last = journal.last_snapshot().unwrap();
        journal.close().await.unwrap();
        last.map(|snapshot| snapshot.seq)
    }

    /// Returns a buy that rests, ten percent below the touch.
    pub async fn resting(&self, index: i64) -> PlaceOrderRequest {
        let instrument = self.ask("/instruments/SOLUSDT").await;
        let bid = instrument["book"]["bid"][0].as_str().unwrap();
        let whole: i64 = bid.split('.').next().unwrap().parse().unwrap();
        PlaceOrderRequest {
            account: ACCOUNT.to_owned(),
            client_order_index: Some(index),
            venue: VENUE.to_owned(),
            symbol: SYMBOL.to_owned(),
            side: Side::Buy.into(),
            r#type: OrderType::Limit.into(),
            quantity: "1".to_owned(),
            price: (whole * 9 / 10).to_string(),
            ..PlaceOrderRequest::default()
        }
    }

    /// Places an order and does not wait for the answer.
    pub fn send(&self, request: PlaceOrderRequest) {
        let mut orders = self.orders();
        tokio::spawn(async move { orders.place_order(request).await });
    }

    /// Places an order that must be taken, or returns it as it stands.
    pub async fn place(&self, request: PlaceOrderRequest) -> Order {
        let answer = self.orders().place_order(request).await.unwrap();
        answer.into_inner().order.unwrap()
    }

    /// Returns an order; nothing when the mesh does not know it.
    pub async fn order(&self, index: i64) -> Option<Order> {
        let request = GetOrderRequest {
            account: ACCOUNT.to_owned(),
            client_order_index: index,
        };
        match self.orders().get_order(request).await {
            Ok(answer) => answer.into_inner().order,
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => panic!("{status:?}"),
        }
    }

    /// Waits until an order is where it should be, and returns it.
    pub async fn reaches(&self, index: i64, state: OrderState) -> Order {
        eventually(&format!("order {index} is {state:?}"), async || {
            let order = self.order(index).await?;
            (order.state() == state).then_some(order)
        })
        .await
    }

    /// Loses the replies to some requests: those are processed, or not.
    pub async fn lose_replies(&self, endpoint: &str, processed: bool, count: u32) {
        let fault = json!({
            "kind": "drop_reply", "how": "timeout", "accept": processed, "count": count,
            "when": { "endpoint": endpoint },
        });
        self.post("/faults", fault).await;
    }

    /// Waits until so many requests were met by a fault.
    pub async fn met(&self, count: u64) {
        eventually("the request has arrived at the venue", async || {
            let faults = self.ask("/faults").await;
            let hits = faults.as_array().unwrap().iter();
            let hits: u64 = hits.map(|fault| fault["hits"].as_u64().unwrap()).sum();
            (hits >= count).then_some(())
        })
        .await;
    }

    pub async fn clear_faults(&self) {
        let request = self.http.delete(self.url("/faults"));
        assert!(request.send().await.unwrap().status().is_success());
    }

    /// Returns the venue's orders that bear an index of ours.
    pub async fn at_venue(&self, index: i64) -> Vec<Value> {
        let ledger = self.ask(&format!("/ledger?account={ACCOUNT}")).await;
        let name = client_id(index);
        let orders = ledger["orders"].as_array().unwrap().iter();
        orders
            .filter(|order| order["client_id"] == name.as_str())
            .cloned()
            .collect()
    }

    /// Waits until the venue has an order of an index, and returns it.
    pub async fn arrives(&self, index: i64) -> Value {
        eventually("the venue has the order", async || {
            self.at_venue(index).await.pop()
        })
        .await
    }

    /// Returns how many orders are open at the venue.
    pub async fn open_at_venue(&self) -> u64 {
        let ledger = self.ask(&format!("/ledger?account={ACCOUNT}")).await;
        ledger["accounts"][0]["open_orders"].as_u64().unwrap()
    }

    /// Holds the mesh's word on an index against the venue's, once it is final or open: at most one
    /// order there, sent at most once, and the same here as there.
    pub async fn is_one(&self, index: i64) -> Order {
        let order = eventually("nothing is in doubt", async || {
            let order = self.order(index).await?;
            let doubt = [OrderState::Submitting, OrderState::Unknown];
            (!doubt.contains(&order.state())).then_some(order)
        })
        .await;
        let there = self.at_venue(index).await;
        assert!(there.len() <= 1, "{index} is doubled: {there:?}");
        let sent = self.ask("/counters").await["creates"][client_id(index)]["attempts"].as_u64();
        assert!(sent.unwrap_or(0) <= 1, "{index} was sent {sent:?} times");
        let expected = match there.first() {
            Some(_) => OrderState::Open,
            None => OrderState::Rejected,
        };
        assert_eq!(order.state(), expected, "{order:?}, {there:?}");
        if let Some(there) = there.first() {
            assert_eq!(order.venue_order_id, there["id"].to_string());
        }
        order
    }

    pub async fn ask(&self, path: &str) -> Value {
        let answer = self.http.get(self.url(path)).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    async fn post(&self, path: &str, body: Value) {
        let request = self.http.post(self.url(path));
        let request = request.header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1/venues/{VENUE}{path}", self.control)
    }
}

impl Mesh {
    fn start(folder: &Path) -> Self {
        let mut process = Process::start(&[
            "up",
            "--listen",
            "127.0.0.1:0",
            "--log",
            "error",
            "--config",
            folder.join("mesh.yaml").to_str().unwrap(),
            "--data-dir",
            folder.to_str().unwrap(),
        ]);
        // "chimera serves gRPC, gRPC-web and REST on http://127.0.0.1:1234"
        let line = process.line();
        let address = line.rsplit(' ').next().unwrap();
        let channel = Channel::remote(address, RemoteOptions::default()).unwrap();
        Self {
            process,
            orders: OrderServiceClient::new(channel),
        }
    }
}

fn client_id(index: i64) -> String {
    format!("chimera-{index}")
}

/// Returns what points a mesh at a venue.
pub fn configuration(venue: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (rest, stream) = (text(&venue["rest"]), text(&venue["ws"]));
    let key = text(&venue["credentials"]["api_key"]);
    let secret = text(&venue["credentials"]["api_secret"]);
    format!(
        "connector:\n  venues:\n    {VENUE}:\n      rest_url: {rest}\n      stream_url: {stream}\n      \
         allow_plain_http: true\n      accounts: [{ACCOUNT}]\n\
         credentials:\n  {VENUE}:\n    {ACCOUNT}: {{api_key: \"{key}\", api_secret: \"{secret}\"}}\n"
    )
}
