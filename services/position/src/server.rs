//! How the server starts, and what it offers.

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_contracts::order::v1::order_service_client::OrderServiceClient;
use chimera_contracts::position::v1::position_service_server::PositionServiceServer;
use chimera_runtime::clock::Clock;
use chimera_runtime::drain::Signal;
use chimera_runtime::tasks::Tasks;
use chimera_runtime::{Channel, Service as Route};
use tokio::sync::watch;

use crate::api::Api;
use crate::config::Config;
use crate::error::StartError;
use crate::feed::{Accounts, OrdersFeed};
use crate::service::Service;

/// The ways to the services that positions are made from. Neither needs to be there yet.
#[derive(Clone, Debug)]
pub struct Channels {
    /// To the order service: fills.
    pub order: Channel,
    /// To the connector: what the venues say.
    pub connector: Channel,
}

/// The running server. Dropped, it ends at once.
#[derive(Debug)]
pub struct Server {
    route: Route,
    ready: watch::Receiver<bool>,
    tasks: Tasks,
}

impl Server {
    /// Returns the services to mount.
    #[must_use]
    pub fn routes(&self) -> Vec<Route> {
        vec![self.route.clone()]
    }

    /// Waits until positions are built from the history of fills. Cancel-safe.
    pub async fn ready(&self) {
        let mut ready = self.ready.clone();
        // The task lives as long as this value does.
        let _ = ready.wait_for(|ready| *ready).await;
    }

    /// Returns whether positions are built from the history of fills.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// Starts the server. It answers at once, with RECOVERING until it is [ready](Server::ready).
///
/// # Errors
/// Refuses a setting that is out of its range.
pub async fn start(
    config: Config,
    channels: Channels,
    clock: Clock,
    drain: Signal,
) -> Result<Server, StartError> {
    config.check()?;
    let tasks = Tasks::new();
    let (service, positions, shared) = Service::new(config.clone(), clock.clone());
    let api = Api::new(
        positions.clone(),
        shared.tokens,
        clock.clone(),
        drain.clone(),
    );
    let route = Route::new(PositionServiceServer::new(api), FILE_DESCRIPTOR_SET)?;
    let orders = OrdersFeed {
        client: OrderServiceClient::new(channels.order),
        positions: positions.clone(),
        rebuild: shared.rebuild,
        silence: config.input_silence(),
    };
    let accounts = Accounts {
        connector: channels.connector,
        positions,
        clock,
        tasks: tasks.clone(),
        poll: config.venue_poll(),
        silence: config.input_silence(),
    };
    spawn(&tasks, "position_service", service.run(drain));
    spawn(&tasks, "position_orders_feed", orders.run());
    spawn(&tasks, "position_accounts", accounts.run());
    Ok(Server {
        route,
        ready: shared.ready,
        tasks,
    })
}

/// Spawns work that ends with the server.
fn spawn(tasks: &Tasks, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
    let cancelled = tasks.cancelled();
    tasks.spawn(name, async move {
        tokio::select! {
            biased;
            () = cancelled => {}
            () = work => {}
        }
    });
}
