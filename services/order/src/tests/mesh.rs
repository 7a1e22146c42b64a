//! The service over a scripted venue, in virtual time.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chimera_contracts::common::v1 as common;
use chimera_contracts::order::v1 as pb;
use chimera_contracts::order::v1::order_service_client::OrderServiceClient;
use chimera_runtime::drain::Drain;
use chimera_runtime::fault::reason_of;
use chimera_runtime::tasks::Tasks;
use chimera_runtime::{Channel, Clock};
use tonic::{Status, Streaming};

use super::venue::{ACCOUNT, SYMBOL, VENUE, Venue};
use crate::{Config, Deps, MemoryStore, start};

/// A running service with its venue and what a crash leaves of it.
pub struct Mesh {
    pub venue: Venue,
    pub store: MemoryStore,
    pub config: Config,
    pub clock: Clock,
    pub drain: Drain,
    tasks: Tasks,
    client: OrderServiceClient<Channel>,
}

impl Mesh {
    /// Starts on an empty journal and waits until new orders are accepted.
    pub async fn start() -> Self {
        Self::with(Config::default(), Venue::new()).await
    }

    pub async fn with(config: Config, venue: Venue) -> Self {
        let mesh = Self::unready(config, venue, MemoryStore::new()).await;
        mesh.ready().await;
        mesh
    }

    /// Starts and does not wait.
    pub async fn unready(config: Config, venue: Venue, store: MemoryStore) -> Self {
        let origin = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let clock = Clock::simulated(origin.max(SystemTime::UNIX_EPOCH));
        Self::begin(config, venue, store, clock).await
    }

    async fn begin(config: Config, venue: Venue, store: MemoryStore, clock: Clock) -> Self {
        let (tasks, drain) = (Tasks::new(), Drain::new());
        let deps = Deps {
            store: Arc::new(store.take_over()),
            connector: venue.channel(),
            clock: clock.clone(),
            tasks: tasks.clone(),
            drain: drain.signal(),
        };
        let server = start(config.clone(), deps).await.unwrap();
        let client = OrderServiceClient::new(Channel::in_process(server.routes()));
        Self {
            venue,
            store,
            config,
            clock,
            drain,
            tasks,
            client,
        }
    }

    /// Kills the service wherever it stands, and starts the next one on what the journal holds.
    pub async fn crash(self) -> Self {
        let mesh = self.crash_unready().await;
        mesh.ready().await;
        mesh
    }

    pub async fn crash_unready(self) -> Self {
        self.tasks.cancel();
        Self::begin(self.config, self.venue, self.store, self.clock).await
    }

    pub async fn ready(&self) {
        self.until("ready", async |mesh: &Self| mesh.trading().await.ready)
            .await;
    }

    /// Waits until something holds, at most ten minutes of virtual time.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let wait = async {
            let mut pause = Duration::from_millis(1);
            while !holds(self).await {
                tokio::time::sleep(pause).await;
                pause = (pause * 5 / 4).min(Duration::from_millis(250));
            }
        };
        let bound = Duration::from_secs(600);
        assert!(
            tokio::time::timeout(bound, wait).await.is_ok(),
            "never: {what}"
        );
    }

    pub fn client(&self) -> OrderServiceClient<Channel> {
        self.client.clone()
    }

    pub async fn place(&self, request: pb::PlaceOrderRequest) -> Result<pb::Order, Status> {
        let placed = self.client().place_order(request).await?.into_inner();
        Ok(placed.order.unwrap())
    }

    pub async fn cancel(&self, index: i64) -> Result<pb::Order, Status> {
        let request = pb::CancelOrderRequest {
            account: ACCOUNT.into(),
            client_order_index: index,
        };
        Ok(self
            .client()
            .cancel_order(request)
            .await?
            .into_inner()
            .order
            .unwrap())
    }

    pub async fn get(&self, index: i64) -> pb::Order {
        let request = pb::GetOrderRequest {
            account: ACCOUNT.into(),
            client_order_index: index,
        };
        self.client()
            .get_order(request)
            .await
            .unwrap()
            .into_inner()
            .order
            .unwrap()
    }

    pub async fn reaches(&self, index: i64, state: pb::OrderState) -> pb::Order {
        let what = format!("order {index} {state:?}");
        self.until(&what, async |mesh: &Self| {
            mesh.get(index).await.state() == state
        })
        .await;
        self.get(index).await
    }

    pub async fn trading(&self) -> pb::GetTradingStateResponse {
        let request = pb::GetTradingStateRequest {};
        self.client()
            .get_trading_state(request)
            .await
            .unwrap()
            .into_inner()
    }

    pub async fn set_trading(&self, state: pb::TradingState) -> pb::SetTradingStateResponse {
        let request = pb::SetTradingStateRequest {
            state: state.into(),
            reason: "as tested".into(),
        };
        self.client()
            .set_trading_state(request)
            .await
            .unwrap()
            .into_inner()
    }

    pub async fn reconcile(&self, dry_run: bool) -> Vec<pb::Difference> {
        let request = pb::ReconcileRequest {
            account: ACCOUNT.into(),
            venue: VENUE.into(),
            dry_run,
        };
        self.client()
            .reconcile(request)
            .await
            .unwrap()
            .into_inner()
            .differences
    }

    pub async fn watch(&self, token: &str) -> Result<Streaming<pb::WatchOrdersResponse>, Status> {
        let request = pb::WatchOrdersRequest {
            resume_token: token.into(),
            ..Default::default()
        };
        Ok(self.client().watch_orders(request).await?.into_inner())
    }

    pub async fn explain(&self, index: i64) -> Vec<pb::TimelineEntry> {
        let request = pb::ExplainOrderRequest {
            account: ACCOUNT.into(),
            client_order_index: index,
        };
        self.client()
            .explain_order(request)
            .await
            .unwrap()
            .into_inner()
            .entries
    }

    pub async fn fills(&self) -> Vec<pb::Fill> {
        let request = pb::ListFillsRequest {
            page_size: 1_000,
            ..Default::default()
        };
        self.client()
            .list_fills(request)
            .await
            .unwrap()
            .into_inner()
            .fills
    }
}

/// An order to buy at a limit.
pub fn buy(quantity: &str, price: &str) -> pb::PlaceOrderRequest {
    pb::PlaceOrderRequest {
        account: ACCOUNT.into(),
        venue: VENUE.into(),
        symbol: SYMBOL.into(),
        side: common::Side::Buy.into(),
        r#type: common::OrderType::Limit.into(),
        quantity: quantity.into(),
        price: price.into(),
        ..Default::default()
    }
}

pub fn sell(quantity: &str, price: &str) -> pb::PlaceOrderRequest {
    pb::PlaceOrderRequest {
        side: common::Side::Sell.into(),
        ..buy(quantity, price)
    }
}

pub fn market(side: common::Side, quantity: &str) -> pb::PlaceOrderRequest {
    pb::PlaceOrderRequest {
        side: side.into(),
        r#type: common::OrderType::Market.into(),
        price: String::new(),
        ..buy(quantity, "1")
    }
}

/// A tracking limit that is placed anew every so many seconds.
pub fn tracking(quantity: &str, interval_secs: i64) -> pb::PlaceOrderRequest {
    pb::PlaceOrderRequest {
        r#type: common::OrderType::TrackingLimit.into(),
        price: String::new(),
        tracking_limit: Some(pb::TrackingLimit {
            interval: Some(prost_types::Duration {
                seconds: interval_secs,
                nanos: 0,
            }),
            ..Default::default()
        }),
        ..buy(quantity, "1")
    }
}

pub fn with_index(index: i64, request: pb::PlaceOrderRequest) -> pb::PlaceOrderRequest {
    pb::PlaceOrderRequest {
        client_order_index: Some(index),
        ..request
    }
}

/// Returns the reason that a failed call gives.
pub fn reason(status: &Status) -> String {
    reason_of(status).unwrap_or_else(|| format!("no reason: {status:?}"))
}

/// Returns the reason for which an order is refused.
pub async fn refused(mesh: &Mesh, request: pb::PlaceOrderRequest) -> String {
    reason(&mesh.place(request).await.unwrap_err())
}
