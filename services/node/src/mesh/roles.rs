//! Starts the roles of a process, in the order in which they need each other.

use std::{sync::Arc, time::Duration};

use chimera_api_factory::Process;
use chimera_contracts::{
    FILE_DESCRIPTOR_SET,
    order::v1::{GetTradingStateRequest, order_service_client::OrderServiceClient},
};
use chimera_egress::{Egress, EgressApi, EgressPolicy};
use chimera_journal::Journal;
use chimera_runtime::{Channel, Service, drain::Drain};

use super::{MeshError, Surroundings, wiring::Wiring};
use crate::{cli::Role, config::Config};

/// Between two questions whether the order service has recovered: it takes milliseconds when nothing is
/// open, and a start is to be ready within a second.
const READY_PAUSE: Duration = Duration::from_millis(10);

/// What must be closed at the end.
#[derive(Default)]
pub struct Running {
    connector: Option<chimera_connector::Server>,
    /// Begins when the roles that read from the connector have ended: were it told together with them,
    /// they would lose their streams and warn of it at every shutdown. None where those run in other
    /// processes, whose end is not this one's business: the process's own drain tells it.
    connector_drain: Option<Drain>,
    order: Option<chimera_order::Server>,
    position: Option<Arc<chimera_position::Server>>,
}

impl Running {
    /// Closes sessions and stops what the roles run, each within the bound.
    pub async fn close(self, within: Duration) {
        if let Some(order) = self.order {
            order.tasks().cancel();
            order.tasks().wait(within).await;
        }
        drop(self.position);
        if let Some(connector) = self.connector {
            if let Some(drain) = self.connector_drain {
                drain.complete(within).await;
            }
            connector.close(within).await;
        }
    }
}

/// Starts `roles`; each becomes reachable through `wiring`.
pub async fn start(
    config: &Config,
    roles: &[Role],
    wiring: &mut Wiring,
    around: &Surroundings,
) -> Result<Running, MeshError> {
    let mut running = Running::default();
    let calls_out = [Role::Connector, Role::MarketData, Role::ApiFactory];
    let egress = if roles.iter().any(|role| calls_out.contains(role)) {
        Some(egress(config, around)?)
    } else {
        None
    };
    if let Some(egress) = egress.as_ref().filter(|_| roles.contains(&Role::Connector)) {
        running.connector_drain = (!wiring.is_split()).then(Drain::new);
        let drain = running.connector_drain.as_ref().unwrap_or(&around.drain);
        running.connector = Some(connector(config, egress, wiring, around, drain).await?);
    }
    if roles.contains(&Role::Order) {
        running.order = Some(order(config, wiring, around).await?);
    }
    if roles.contains(&Role::Position) {
        running.position = Some(position(config, wiring, around).await?);
    }
    if let Some(egress) = egress
        .as_ref()
        .filter(|_| roles.contains(&Role::MarketData))
    {
        market_data(config, egress, wiring, around).await?;
    }
    if let Some(egress) = egress
        .as_ref()
        .filter(|_| roles.contains(&Role::ApiFactory))
    {
        api_factory(config, egress, wiring, around, roles).await?;
    }
    Ok(running)
}

/// Spawns a task that ends with the mesh.
fn spawn(
    around: &Surroundings,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let ending = around.tasks.clone();
    around.tasks.spawn(name, async move {
        tokio::select! {
            () = ending.cancelled() => {}
            () = work => {}
        }
    });
}

/// Returns the one way out of this process, with a cluster for each venue and the heartbeat's.
fn egress(config: &Config, around: &Surroundings) -> Result<Egress, MeshError> {
    let venues = config
        .connector
        .venues()
        .map_err(MeshError::starting("connector"))?;
    let mut policy = EgressPolicy::default();
    policy.clusters.extend(
        venues
            .iter()
            .map(chimera_connector::ConfiguredVenue::cluster_policy),
    );
    if let Some(heartbeat) = &config.api_factory.heartbeat {
        let cluster = heartbeat
            .cluster_policy()
            .map_err(MeshError::starting("api_factory"))?;
        policy.clusters.push(cluster);
    }
    Egress::over_sockets(policy, None, around.clock.clone()).map_err(MeshError::starting("egress"))
}

/// Returns the internal service that shows the way out of this process.
fn egress_service(egress: &Egress, around: &Surroundings) -> Result<Service, MeshError> {
    let api = EgressApi::new(egress.clone(), around.drain.signal());
    Ok(Service::new(api.into_server(), FILE_DESCRIPTOR_SET)?)
}

async fn connector(
    config: &Config,
    egress: &Egress,
    wiring: &mut Wiring,
    around: &Surroundings,
    drain: &Drain,
) -> Result<chimera_connector::Server, MeshError> {
    let starting = MeshError::starting::<chimera_connector::StartError>("connector");
    let venues = config
        .connector
        .venues()
        .map_err(MeshError::starting("connector"))?;
    let deps = chimera_connector::Deps {
        egress: egress.clone(),
        venues,
        credentials: config
            .credentials()
            .map_err(MeshError::starting("connector"))?,
        clock: around.clock.clone(),
        drain: drain.signal(),
    };
    let server = chimera_connector::start(config.connector.clone(), deps)
        .await
        .map_err(starting)?;
    let mut services = server.routes();
    services.push(egress_service(egress, around)?);
    // A venue that is down must not make the mesh unready: sessions say how they stand.
    wiring
        .register("chimera.connector.v1.ConnectorService")
        .set_ready();
    wiring
        .expose_until(Role::Connector, services, drain.signal())
        .await?;
    Ok(server)
}

async fn order(
    config: &Config,
    wiring: &mut Wiring,
    around: &Surroundings,
) -> Result<chimera_order::Server, MeshError> {
    let mut settings = config.order.clone();
    settings
        .timeline_directory
        .get_or_insert_with(|| config.data_dir.join("logs/orders"));
    std::fs::create_dir_all(&config.data_dir)?;
    let (journal, recovery) = Journal::open(config.journal_file(), config.journal.options())
        .map_err(MeshError::starting("journal"))?;
    if !recovery.is_clean() {
        tracing::error!(
            ?recovery,
            "the journal was damaged; what was cut is kept beside it"
        );
    }
    let deps = chimera_order::Deps {
        store: Arc::new(journal),
        connector: wiring.channel(Role::Connector)?,
        clock: around.clock.clone(),
        tasks: around.tasks.clone(),
        drain: around.drain.signal(),
    };
    let server = chimera_order::start(settings, deps)
        .await
        .map_err(MeshError::starting("order"))?;
    wiring.expose(Role::Order, server.routes()).await?;
    let readiness = wiring.register("chimera.order.v1.OrderService");
    let recovered = until_recovered(wiring.channel(Role::Order)?);
    let readying = async move {
        recovered.await;
        readiness.set_ready();
    };
    spawn(around, "order readiness", readying);
    Ok(server)
}

/// Waits until the order service accepts new risk.
async fn until_recovered(channel: Channel) {
    let mut client = OrderServiceClient::new(channel);
    let mut pause = tokio::time::interval(READY_PAUSE);
    loop {
        pause.tick().await;
        let answer = client.get_trading_state(GetTradingStateRequest {}).await;
        if answer.is_ok_and(|answer| answer.into_inner().ready) {
            return;
        }
    }
}

async fn position(
    config: &Config,
    wiring: &mut Wiring,
    around: &Surroundings,
) -> Result<Arc<chimera_position::Server>, MeshError> {
    let channels = chimera_position::Channels {
        order: wiring.channel(Role::Order)?,
        connector: wiring.channel(Role::Connector)?,
    };
    let server = chimera_position::start(
        config.position.clone(),
        channels,
        around.clock.clone(),
        around.drain.signal(),
    )
    .await
    .map_err(MeshError::starting("position"))?;
    let server = Arc::new(server);
    let readiness = wiring.register("chimera.position.v1.PositionService");
    let built = server.clone();
    let readying = async move {
        built.ready().await;
        readiness.set_ready();
    };
    spawn(around, "position readiness", readying);
    wiring.expose(Role::Position, server.routes()).await?;
    Ok(server)
}

async fn market_data(
    config: &Config,
    egress: &Egress,
    wiring: &mut Wiring,
    around: &Surroundings,
) -> Result<(), MeshError> {
    let venues = config
        .connector
        .venues()
        .map_err(MeshError::starting("market_data"))?;
    let dependencies = chimera_market_data::Dependencies {
        adapters: venues.into_iter().map(|venue| venue.adapter).collect(),
        egress: egress.clone(),
        clock: around.clock.clone(),
        drain: around.drain.signal(),
        tasks: around.tasks.clone(),
    };
    let server = chimera_market_data::start(config.market_data.clone(), dependencies)
        .map_err(MeshError::starting("market_data"))?;
    let mut services = server.routes();
    services.push(egress_service(egress, around)?);
    let readiness = wiring.register("chimera.market_data.v1.MarketDataService");
    let listed = server.ready();
    let readying = async move {
        listed.await;
        readiness.set_ready();
    };
    spawn(around, "market data readiness", readying);
    wiring.expose(Role::MarketData, services).await
}

async fn api_factory(
    config: &Config,
    egress: &Egress,
    wiring: &mut Wiring,
    around: &Surroundings,
    roles: &[Role],
) -> Result<(), MeshError> {
    let own = Channel::in_process([egress_service(egress, around)?]);
    let mut processes = vec![Process {
        name: "api-factory".to_owned(),
        channel: own,
    }];
    // A role that shares this process shares its way out: it is asked once.
    for (role, name) in [
        (Role::Connector, "connector"),
        (Role::MarketData, "market-data"),
    ] {
        if !roles.contains(&role) {
            processes.push(Process {
                name: name.to_owned(),
                channel: wiring.channel(role)?,
            });
        }
    }
    if let [only] = processes.as_mut_slice() {
        only.name = "mesh".to_owned();
    }
    let deps = chimera_api_factory::Deps {
        processes,
        order: wiring.channel(Role::Order)?,
        market_data: wiring.channel(Role::MarketData)?,
        position: wiring.channel(Role::Position)?,
        egress: egress.clone(),
        clock: around.clock.clone(),
        drain: around.drain.signal(),
        tasks: around.tasks.clone(),
    };
    let server = chimera_api_factory::start(config.api_factory.clone(), deps)
        .map_err(MeshError::starting("api_factory"))?;
    wiring
        .register("chimera.api_factory.v1.ApiFactoryService")
        .set_ready();
    wiring.expose(Role::ApiFactory, server.routes()).await
}
