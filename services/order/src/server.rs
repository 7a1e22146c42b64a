//! Starting the service, and what others mount.

use std::sync::Arc;

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_contracts::order::v1::order_service_server::OrderServiceServer;
use chimera_model::UnixNanos;
use chimera_runtime::drain::Signal;
use chimera_runtime::tasks::Tasks;
use chimera_runtime::{Channel, Clock, Service};
use tokio::sync::mpsc;

use crate::api::OrderApi;
use crate::config::{Config, ms};
use crate::error::StartError;
use crate::handle::Handle;
use crate::market::{Connector, Market};
use crate::replay::{Replay, replay};
use crate::service::{Desk, Inbox, Tools};
use crate::store::Store;
use crate::timeline::Timeline;
use crate::trading::Switch;
use crate::writer::{self, Health};

/// Calls that may wait for the owner of the state; each takes it a few microseconds.
const CALLS_MAX: usize = 1_024;

/// Calls of the kill switch that may wait.
const URGENT_MAX: usize = 64;

/// What tasks of the service found out and the owner has not heard yet. A stream that is faster
/// than the owner waits here, and beyond that at its source.
const TOLD_MAX: usize = 4_096;

/// What the service is built from.
pub struct Deps {
    /// Where records go; nobody else writes there.
    pub store: Arc<dyn Store>,
    /// The way to the connector.
    pub connector: Channel,
    /// The wall clock.
    pub clock: Clock,
    /// Owns the service's tasks; cancelled, the service ends as if it had been killed.
    pub tasks: Tasks,
    /// Tells of the end: new orders are refused, what is in flight is finished.
    pub drain: Signal,
}

/// A running service.
pub struct Server {
    service: Service,
    tasks: Tasks,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Server {
    /// Returns the services to mount, in process or on a listener.
    #[must_use]
    pub fn routes(&self) -> Vec<Service> {
        vec![self.service.clone()]
    }

    /// Returns the tasks of the service, to be cancelled and waited for at the end.
    #[must_use]
    pub const fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}

/// Reads the journal and begins to serve: cancels at once, new risk once every venue was compared
/// with.
///
/// # Errors
/// Fails on settings that cannot be obeyed and on a journal that cannot be read.
pub async fn start(config: Config, deps: Deps) -> Result<Server, StartError> {
    config.validate()?;
    let tasks = deps.tasks.child();
    let now = UnixNanos::from_nanos(u64::try_from(deps.clock.now_nanos()).unwrap_or(0));
    let Replay {
        ledger,
        hub,
        replayed,
    } = replay(deps.store.as_ref(), &config, now).await?;
    let config = Arc::new(config);
    let connector = Connector::new(deps.connector);
    let market = Market::new(connector.clone(), &config);
    let (told, heard) = mpsc::channel(TOLD_MAX);
    let (calls, called) = mpsc::channel(CALLS_MAX);
    let (urgent, urgently) = mpsc::channel(URGENT_MAX);
    let (batches, written) = mpsc::channel(writer::QUEUE_BATCHES);
    let health = Health::default();
    let timeline = match &config.timeline_directory {
        Some(directory) => {
            let (timeline, work) = Timeline::begin(directory.clone());
            tasks.spawn("order-timeline", work);
            timeline
        }
        None => Timeline::default(),
    };
    tasks.spawn(
        "order-writer",
        writer::run(Arc::clone(&deps.store), written, health.clone()),
    );
    let switch = Switch::new(ledger.trading.state);
    let tools = Tools {
        config: Arc::clone(&config),
        connector,
        market: market.clone(),
        clock: deps.clock.clone(),
        tasks: tasks.clone(),
        drain: deps.drain.clone(),
        store: Arc::clone(&deps.store),
        switch: switch.clone(),
        health,
        told,
    };
    let desk = Desk::new(tools, ledger, hub, batches, replayed, timeline);
    let inbox = Inbox {
        urgent: urgently,
        calls: called,
        told: heard,
    };
    tasks.spawn("order-desk", desk.run(inbox));
    let api = OrderApi::new(Handle {
        calls,
        urgent,
        switch,
        market,
        store: deps.store,
        clock: deps.clock,
        drain: deps.drain,
        heartbeat: ms(config.timing.heartbeat_ms),
    });
    let service = Service::new(OrderServiceServer::new(api), FILE_DESCRIPTOR_SET)?;
    Ok(Server { service, tasks })
}
