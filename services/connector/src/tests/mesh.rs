//! A connector and a simulated venue, and the words to ask both.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::connector_service_client::ConnectorServiceClient;
use chimera_egress::{Egress, EgressPolicy, ReqwestClient};
use chimera_model::{Account, Venue};
use chimera_runtime::drain::Drain;
use chimera_runtime::{Channel, Clock};
use chimera_venue::{Credentials, VenueAdapter};
use chimera_venue_sim::{LimitConfig, Listeners, SharedClock, SimConfig, Simulator, VenueKind};
use serde_json::Value;

use super::steer::{control, http_client};
use super::watch::Watch;
use crate::{Config, Deps, Server, Timing, VenueConfig, start};

pub(super) const VENUE: &str = "binance-usdm";
pub(super) const ACCOUNT: &str = "main";
pub(super) const SYMBOL: &str = "SOL-USDT-PERP";
/// The quota of the account's orders.
const ORDERS: &str = "orders-10s:main";
pub(super) const VENUE_SYMBOL: &str = "SOLUSDT";

/// Longest wait for anything: generous, since a loaded machine is no fault.
pub(super) const SOON: Duration = Duration::from_secs(30);

/// A running connector with its venue.
pub(super) struct Mesh {
    pub sim: Simulator,
    pub client: ConnectorServiceClient<Channel>,
    pub server: Server,
    pub drain: Drain,
    pub http: ReqwestClient,
    egress: Egress,
    next_index: AtomicI64,
}

pub(super) async fn simulator() -> Simulator {
    simulator_with(LimitConfig::default()).await
}

pub(super) async fn simulator_with(binance_limits: LimitConfig) -> Simulator {
    let config = SimConfig {
        venues: vec![VenueKind::BinanceUsdm],
        history: Duration::from_secs(30),
        binance_limits,
        ..SimConfig::default()
    };
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let listeners = Listeners::bind(host, 0, &config.venues).await.unwrap();
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
            egress: egress.clone(),
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
            egress,
            next_index,
        }
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
        match watch.snapshot.session.clone() {
            Some(session) if session.state() == state => session,
            _ => watch.state(state).await,
        }
    }

    pub(super) async fn watch(&self) -> Watch {
        Watch::open(&self.client).await
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

    /// Lets no order of the account through for a while, as if its quota were used up.
    pub(super) fn hold_orders_up(&self, span: Duration) {
        self.egress.ban(VENUE, ORDERS, span).unwrap();
    }

    /// Returns how many orders have had to wait for that, since the start.
    pub(super) fn orders_that_waited(&self) -> u64 {
        let quotas = self.egress.quotas(VENUE).unwrap();
        let orders = quotas.iter().find(|quota| quota.scope.name == ORDERS);
        orders.unwrap().waited
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
            ..Default::default()
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
            ..Default::default()
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

    pub(super) async fn submit_market(
        &self,
        order: pb::SubmitMarketOrderRequest,
    ) -> pb::SubmitMarketOrderResponse {
        self.client
            .clone()
            .submit_market_order(order)
            .await
            .unwrap()
            .into_inner()
    }

    pub(super) async fn fills(&self, query: pb::ListFillsRequest) -> pb::ListFillsResponse {
        self.client
            .clone()
            .list_fills(query)
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
            created_time: None,
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
