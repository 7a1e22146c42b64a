//! A connector and a simulated venue, and the words to ask both.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::account_event::Event;
use chimera_contracts::connector::v1::connector_service_client::ConnectorServiceClient;
use chimera_contracts::connector::v1::watch_account_response::Frame;
use chimera_egress::{Egress, EgressPolicy, HttpClient, HttpLimits, HttpRequest, ReqwestClient};
use chimera_model::{Account, Venue};
use chimera_runtime::drain::Drain;
use chimera_runtime::{Channel, Clock};
use chimera_venue::{Credentials, VenueAdapter};
use chimera_venue_sim::{Listeners, SharedClock, SimConfig, Simulator, VenueKind};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tonic::Streaming;

use crate::{Config, Deps, Server, Timing, VenueConfig, start};

pub(super) const VENUE: &str = "binance-usdm";
pub(super) const ACCOUNT: &str = "main";
pub(super) const SYMBOL: &str = "SOL-USDT-PERP";
pub(super) const VENUE_SYMBOL: &str = "SOLUSDT";

/// Longest wait for anything: generous, since a loaded machine is no fault.
pub(super) const SOON: Duration = Duration::from_secs(30);

/// A running connector with its venue.
pub(super) struct Mesh {
    pub sim: Simulator,
    pub client: ConnectorServiceClient<Channel>,
    pub server: Server,
    pub drain: Drain,
    http: ReqwestClient,
    next_index: AtomicI64,
}

pub(super) async fn simulator() -> Simulator {
    let config = SimConfig {
        history: Duration::from_secs(30),
        ..SimConfig::default()
    };
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let listeners = Listeners::bind(host, 0, &VenueKind::ALL).await.unwrap();
    Simulator::start(config, listeners, SharedClock::default())
        .await
        .unwrap()
}

impl Mesh {
    /// Starts both and waits until the session is live.
    pub(super) async fn live() -> Self {
        Self::live_with(Timing::default()).await
    }

    pub(super) async fn live_with(timing: Timing) -> Self {
        let mesh = Self::over(simulator().await, timing).await;
        mesh.until_state(pb::SessionState::Live).await;
        mesh
    }

    /// Starts a connector at a venue that runs already; does not wait for its session.
    pub(super) async fn over(sim: Simulator, timing: Timing) -> Self {
        Self::twisted(sim, timing, |adapter| adapter).await
    }

    /// As [`Mesh::over`], after the venue was told something.
    pub(super) async fn over_with(sim: Simulator, method: &str, path: &str, body: Value) -> Self {
        control(&http_client(), &sim, method, path, body).await;
        Self::over(sim, Timing::default()).await
    }

    /// As [`Mesh::over`], with a fault in force.
    pub(super) async fn over_with_fault(sim: Simulator, fault: Value) -> Self {
        Self::over_with(sim, "POST", "/faults", fault).await
    }

    /// As [`Mesh::over`], with an adapter that does something else than the venue's.
    pub(super) async fn twisted(
        sim: Simulator,
        timing: Timing,
        twist: impl Fn(Arc<dyn VenueAdapter>) -> Arc<dyn VenueAdapter>,
    ) -> Self {
        let endpoints = sim.endpoints().venues[0].clone();
        let keys = endpoints.credentials.clone();
        let credentials = Credentials::new(&keys.api_key, &keys.api_secret);
        let venue = VenueConfig {
            rest_url: Some(endpoints.rest),
            stream_url: Some(endpoints.ws),
            allow_plain_http: true,
            ..VenueConfig::default()
        };
        let config = Config {
            venues: [(VENUE.to_owned(), venue)].into(),
            timing,
            ..Config::default()
        };
        Self::start(sim, config, credentials, twist).await
    }

    pub(super) async fn start(
        sim: Simulator,
        config: Config,
        credentials: Credentials,
        twist: impl Fn(Arc<dyn VenueAdapter>) -> Arc<dyn VenueAdapter>,
    ) -> Self {
        let (clock, drain) = (Clock::system(), Drain::new());
        let mut venues = config.venues().unwrap();
        for venue in &mut venues {
            venue.adapter = twist(venue.adapter.clone());
        }
        let clusters = venues.iter().map(|venue| venue.cluster_policy()).collect();
        let policy = EgressPolicy {
            clusters,
            seed: Some(1),
        };
        let egress = Egress::over_sockets(policy, None, clock.clone()).unwrap();
        let account = (Venue::new(VENUE).unwrap(), Account::new(ACCOUNT).unwrap());
        let deps = Deps {
            egress,
            venues,
            credentials: HashMap::from([(account, credentials)]),
            clock,
            drain: drain.signal(),
        };
        let server = start(config, deps).await.unwrap();
        let client = ConnectorServiceClient::new(Channel::in_process(server.routes()));
        let http = http_client();
        let next_index = AtomicI64::new(1);
        Self {
            sim,
            client,
            server,
            drain,
            http,
            next_index,
        }
    }

    /// Steers the venue, or asks for its books.
    pub(super) async fn venue(&self, method: &str, path: &str, body: Value) -> Value {
        control(&self.http, &self.sim, method, path, body).await
    }

    pub(super) async fn fault(&self, fault: Value) {
        self.venue("POST", "/faults", fault).await;
    }

    /// Returns the venue's orders of one index.
    pub(super) async fn orders_at_venue(&self, index: i64) -> Vec<Value> {
        let ledger = self.venue("GET", "/ledger", json!({})).await;
        let orders = ledger["orders"].as_array().unwrap().clone();
        let ours = |order: &Value| {
            order["client_id"]
                .as_str()
                .unwrap_or("")
                .contains(&tail(index))
        };
        orders.into_iter().filter(ours).collect()
    }

    /// Returns how often the venue was asked for something, e.g. `POST /fapi/v1/order`.
    pub(super) async fn requests(&self, endpoint: &str) -> u64 {
        let counters = self.venue("GET", "/counters", json!({})).await;
        counters["requests"][endpoint].as_u64().unwrap_or(0)
    }

    /// Returns how often the scripted faults have happened, all together.
    pub(super) async fn hits(&self) -> u64 {
        let faults = self.venue("GET", "/faults", json!({})).await;
        faults
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["hits"].as_u64().unwrap())
            .sum()
    }

    /// Waits until the venue was asked for something so often.
    pub(super) async fn until_requests(&self, endpoint: &str, count: u64) {
        let asked = async {
            while self.requests(endpoint).await < count {
                tokio::task::yield_now().await;
            }
        };
        timeout(SOON, asked).await.expect("the venue is asked");
    }

    pub(super) async fn session(&self) -> pb::Session {
        let request = pb::GetSessionRequest {
            account: ACCOUNT.into(),
            venue: VENUE.into(),
        };
        self.client
            .clone()
            .get_session(request)
            .await
            .unwrap()
            .into_inner()
            .session
            .unwrap()
    }

    pub(super) async fn until_state(&self, state: pb::SessionState) -> pb::Session {
        let mut watch = self.watch().await;
        let mut session = watch.snapshot.session.clone().unwrap();
        while session.state() != state {
            match watch.event().await {
                Event::Session(changed) => session = changed,
                _ => continue,
            }
        }
        session
    }

    pub(super) async fn watch(&self) -> Watch {
        let request = pb::WatchAccountRequest {
            account: ACCOUNT.into(),
            venue: VENUE.into(),
        };
        let mut frames = self
            .client
            .clone()
            .watch_account(request)
            .await
            .unwrap()
            .into_inner();
        let ack = next(&mut frames).await;
        assert!(matches!(ack, Some(Frame::Ack(_))), "{ack:?}");
        let Some(Frame::Snapshot(snapshot)) = next(&mut frames).await else {
            panic!("the second frame is the snapshot");
        };
        let seq = snapshot.seq;
        Watch {
            frames,
            snapshot,
            seq,
        }
    }

    pub(super) async fn instrument(&self) -> common::Instrument {
        let request = pb::GetInstrumentRequest {
            venue: VENUE.into(),
            symbol: SYMBOL.into(),
        };
        let answer = self
            .client
            .clone()
            .get_instrument(request)
            .await
            .unwrap()
            .into_inner();
        answer.instrument.unwrap()
    }

    pub(super) async fn top(&self) -> pb::TopOfBook {
        let request = pb::GetTopOfBookRequest {
            venue: VENUE.into(),
            symbol: "SOL".into(),
        };
        self.client
            .clone()
            .get_top_of_book(request)
            .await
            .unwrap()
            .into_inner()
            .top
            .unwrap()
    }

    pub(super) fn index(&self) -> i64 {
        self.next_index.fetch_add(1, Ordering::SeqCst)
    }

    /// Returns a buy that rests: a tenth below the market.
    pub(super) async fn resting_buy(&self) -> pb::SubmitLimitOrderRequest {
        let (instrument, top) = (self.instrument().await, self.top().await);
        pb::SubmitLimitOrderRequest {
            account: ACCOUNT.into(),
            venue: VENUE.into(),
            symbol: SYMBOL.into(),
            client_order_index: self.index(),
            side: common::Side::Buy.into(),
            quantity_lots: 10,
            price_ticks: top.bid_ticks.unwrap() * 9 / 10,
            instrument_version: instrument.version,
            time_in_force: common::TimeInForce::Gtc.into(),
            post_only: false,
            reduce_only: false,
        }
    }

    pub(super) async fn market_buy(&self) -> pb::SubmitMarketOrderRequest {
        pb::SubmitMarketOrderRequest {
            account: ACCOUNT.into(),
            venue: VENUE.into(),
            symbol: SYMBOL.into(),
            client_order_index: self.index(),
            side: common::Side::Buy.into(),
            quantity_lots: 10,
            instrument_version: self.instrument().await.version,
            reduce_only: false,
        }
    }

    pub(super) async fn submit(
        &self,
        order: pb::SubmitLimitOrderRequest,
    ) -> pb::SubmitLimitOrderResponse {
        self.client
            .clone()
            .submit_limit_order(order)
            .await
            .unwrap()
            .into_inner()
    }

    pub(super) async fn cancel(&self, index: i64) -> pb::CancelOrderResponse {
        let request = pb::CancelOrderRequest {
            account: ACCOUNT.into(),
            venue: VENUE.into(),
            symbol: SYMBOL.into(),
            client_order_index: index,
            venue_order_id: String::new(),
        };
        self.client
            .clone()
            .cancel_order(request)
            .await
            .unwrap()
            .into_inner()
    }

    pub(super) async fn order(&self, index: i64) -> pb::GetOrderResponse {
        let request = pb::GetOrderRequest {
            account: ACCOUNT.into(),
            venue: VENUE.into(),
            symbol: SYMBOL.into(),
            client_order_index: index,
            venue_order_id: String::new(),
        };
        self.client
            .clone()
            .get_order(request)
            .await
            .unwrap()
            .into_inner()
    }

    /// Ends both.
    pub(super) async fn end(self) {
        self.drain.begin();
        assert_eq!(self.server.close(SOON).await, 0, "every task ends");
        self.sim.shutdown().await;
    }
}

fn http_client() -> ReqwestClient {
    let tls = chimera_egress::tls::client_config(None).unwrap();
    ReqwestClient::new(&tls).unwrap()
}

async fn control(
    http: &ReqwestClient,
    sim: &Simulator,
    method: &str,
    path: &str,
    body: Value,
) -> Value {
    let url = format!("{}/v1/venues/{VENUE}{path}", sim.endpoints().control);
    let mut request = HttpRequest::new(method.parse().unwrap(), url.parse().unwrap());
    request
        .headers
        .insert("content-type", "application/json".parse().unwrap());
    request.body = body.to_string().into();
    let limits = HttpLimits {
        deadline: Instant::now() + SOON,
        max_body_bytes: 16 << 20,
    };
    let response = http.send(request, limits).await.unwrap();
    let text = String::from_utf8_lossy(&response.body).into_owned();
    assert!(
        response.status.is_success(),
        "{method} {path}: {} {text}",
        response.status
    );
    serde_json::from_slice(&response.body).unwrap()
}

/// Returns a fault of the submit's reply: it is processed, and the reply is lost in a way.
pub(super) fn lost_reply(method: &str, how: &str) -> Value {
    let endpoint = format!("{method} /fapi/v1/order");
    json!({"kind": "drop_reply", "how": how, "when": {"endpoint": endpoint}})
}

/// Returns a fault of one endpoint: the venue refuses with a code, so often.
pub(super) fn refusal(endpoint: &str, status: u16, code: i64, count: u32) -> Value {
    json!({
        "kind": "reject", "status": status, "code": code, "message": "scripted",
        "when": {"endpoint": endpoint}, "count": count,
    })
}

fn tail(index: i64) -> String {
    format!("-{index}")
}

/// A reader of the account that checks every sequence on the way.
pub(super) struct Watch {
    frames: Streaming<pb::WatchAccountResponse>,
    pub snapshot: pb::AccountSnapshot,
    seq: u64,
}

impl Watch {
    /// Returns the next event; heartbeats pass.
    pub(super) async fn event(&mut self) -> Event {
        loop {
            match next(&mut self.frames).await {
                Some(Frame::Event(event)) => {
                    assert_eq!(event.prev_seq, self.seq, "no event is left out");
                    self.seq = event.seq;
                    return event.event.expect("an event holds something");
                }
                Some(Frame::Heartbeat(_)) => {}
                other => panic!("not an event: {other:?}"),
            }
        }
    }

    /// Returns the first event that `wanted` turns into something.
    pub(super) async fn find<T>(&mut self, wanted: impl Fn(Event) -> Option<T>) -> T {
        let find = async {
            loop {
                if let Some(found) = wanted(self.event().await) {
                    return found;
                }
            }
        };
        timeout(SOON, find).await.expect("the event comes")
    }

    /// Returns the next report of an order in a state, by a channel.
    pub(super) async fn order(
        &mut self,
        index: i64,
        status: pb::ReportedStatus,
        source: pb::ReportSource,
    ) -> pb::OrderReport {
        self.find(|event| match event {
            Event::Order(report)
                if report.client_order_index == index
                    && report.status() == status
                    && report.source() == source =>
            {
                Some(report)
            }
            _ => None,
        })
        .await
    }

    /// Waits until the stream has spoken of an order, by the venue's id.
    pub(super) async fn session_heard_of(&mut self, venue_order_id: &str) {
        self.find(|event| match event {
            Event::Order(report) => (report.venue_order_id == venue_order_id
                && report.source() == pb::ReportSource::Stream)
                .then_some(()),
            _ => None,
        })
        .await;
    }

    /// Returns the next change of the session to a state.
    pub(super) async fn state(&mut self, state: pb::SessionState) -> pb::Session {
        self.find(|event| match event {
            Event::Session(session) if session.state() == state => Some(session),
            _ => None,
        })
        .await
    }
}

async fn next(frames: &mut Streaming<pb::WatchAccountResponse>) -> Option<Frame> {
    let message = timeout(SOON, frames.message())
        .await
        .expect("a frame comes")
        .unwrap();
    message.and_then(|message| message.frame)
}
