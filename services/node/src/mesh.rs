//! The mesh of one process: which roles run here, how they reach each other, and how they end.

mod error;
mod roles;
mod simulators;
mod wiring;

use std::net::SocketAddr;

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_gateway::GatewayDeps;
use chimera_runtime::{
    clock::Clock,
    drain::{Completion, Drain},
    tasks::Tasks,
    telemetry::Telemetry,
};
use tracing::info;

use crate::{cli::Role, config::Config, smoke::Doors};

pub use error::MeshError;
pub use simulators::{SimulatedVenues, tradable};
pub use wiring::Topology;
use wiring::Wiring;

/// Running roles. [`Mesh::end`] drains them.
pub struct Mesh {
    gateway: Option<chimera_gateway::Server>,
    running: roles::Running,
    wiring: Wiring,
    simulators: Option<SimulatedVenues>,
    config: Config,
}

/// What a process gives its mesh.
#[derive(Clone)]
pub struct Surroundings {
    /// Wall clock.
    pub clock: Clock,
    /// Begins and waits for the end.
    pub drain: Drain,
    /// Owns what the roles spawn.
    pub tasks: Tasks,
    /// Metrics of the process.
    pub telemetry: Telemetry,
}

impl Mesh {
    /// Starts every role in this process, with simulated venues if the configuration says so.
    ///
    /// # Errors
    /// Names the role that cannot start and why.
    pub async fn start(
        mut config: Config,
        topology: Topology,
        around: &Surroundings,
    ) -> Result<Self, MeshError> {
        let simulators = if config.simulates() {
            let simulators = SimulatedVenues::start(&config.simulators).await?;
            simulators.configure(&mut config);
            Some(simulators)
        } else {
            None
        };
        let roles = [
            Role::Connector,
            Role::Order,
            Role::Position,
            Role::MarketData,
            Role::ApiFactory,
            Role::Gateway,
        ];
        let wiring = Wiring::new(topology, around);
        Self::run(config, &roles, wiring, around, simulators).await
    }

    /// Starts some roles in this process; the others are reached at the addresses of `peers`.
    ///
    /// # Errors
    /// Names the role that cannot start and why.
    pub async fn serve(
        config: Config,
        roles: &[Role],
        around: &Surroundings,
    ) -> Result<Self, MeshError> {
        let wiring = Wiring::split(&config.peers, config.listen, around).await?;
        Self::run(config, roles, wiring, around, None).await
    }

    async fn run(
        config: Config,
        roles: &[Role],
        mut wiring: Wiring,
        around: &Surroundings,
        simulators: Option<SimulatedVenues>,
    ) -> Result<Self, MeshError> {
        let running = roles::start(&config, roles, &mut wiring, around).await?;
        wiring.open(FILE_DESCRIPTOR_SET)?;
        let gateway = if roles.contains(&Role::Gateway) {
            Some(open_gateway(&config, &wiring, around).await?)
        } else {
            None
        };
        Ok(Self {
            gateway,
            running,
            wiring,
            simulators,
            config,
        })
    }

    /// Returns the ways to the services.
    ///
    /// # Errors
    /// Names a role that neither runs here nor is among the peers.
    pub fn doors(&self) -> Result<Doors, MeshError> {
        Ok(Doors {
            order: self.wiring.channel(Role::Order)?,
            position: self.wiring.channel(Role::Position)?,
            market_data: self.wiring.channel(Role::MarketData)?,
            connector: self.wiring.channel(Role::Connector)?,
        })
    }

    /// Returns where the gateway listens.
    #[must_use]
    pub fn gateway_address(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().map(chimera_gateway::Server::address)
    }

    /// Returns where the roles of this process listen for other processes.
    #[must_use]
    pub fn roles_address(&self) -> Option<SocketAddr> {
        self.wiring.address()
    }

    /// Returns the simulated venues, when this mesh runs them.
    #[must_use]
    pub fn simulators(&self) -> Option<&SimulatedVenues> {
        self.simulators.as_ref()
    }

    /// Returns the configuration in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Waits until every role here is ready: instruments read, sessions live, orders recovered.
    /// Cancel-safe.
    pub async fn ready(&self) {
        self.wiring.health().until_ready().await;
    }

    /// Drains: refuses what is new, finishes what is in flight, closes sessions; cuts off what is left
    /// at the bound.
    pub async fn end(self, around: &Surroundings) -> Completion {
        let within = self.config.drain_within();
        around.drain.begin();
        if let Some(gateway) = self.gateway {
            gateway.ended().await;
        }
        let completion = around.drain.complete(within).await;
        self.running.close(within).await;
        self.wiring.ended().await;
        around.tasks.cancel();
        let left = around.tasks.wait(within).await;
        if let Some(simulators) = self.simulators {
            simulators.shutdown().await;
        }
        around.telemetry.flush();
        info!(left, "ended");
        completion
    }
}

async fn open_gateway(
    config: &Config,
    wiring: &Wiring,
    around: &Surroundings,
) -> Result<chimera_gateway::Server, MeshError> {
    let listener = chimera_gateway::bind(&config.gateway)
        .await
        .map_err(MeshError::starting("gateway"))?;
    let public = [
        ("chimera.order.v1.OrderService", Role::Order),
        ("chimera.position.v1.PositionService", Role::Position),
        ("chimera.market_data.v1.MarketDataService", Role::MarketData),
        ("chimera.api_factory.v1.ApiFactoryService", Role::ApiFactory),
    ];
    let mut channels = Vec::with_capacity(public.len());
    for (service, role) in public {
        channels.push((service.to_owned(), wiring.channel(role)?));
    }
    let deps = GatewayDeps {
        channels,
        metrics: Some(around.telemetry.metrics().clone()),
        drain: around.drain.signal(),
    };
    chimera_gateway::start(config.gateway.clone(), deps, listener)
        .await
        .map_err(MeshError::starting("gateway"))
}
