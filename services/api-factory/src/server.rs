//! What the server is given, and how it starts.

use chimera_contracts::{
    FILE_DESCRIPTOR_SET, api_factory::v1::api_factory_service_server::ApiFactoryServiceServer,
};
use chimera_egress::Egress;
use chimera_runtime::{Channel, Service, clock::Clock, drain::Signal, tasks::Tasks};

pub use crate::gather::Process;
use crate::{api::FactoryApi, config::Config, error::StartError, heartbeat::Heartbeat};

/// What the server is given.
pub struct Deps {
    /// Every process that calls outside, this one included.
    pub processes: Vec<Process>,
    /// The way to orders.
    pub order: Channel,
    /// The way to market data.
    pub market_data: Channel,
    /// The way to positions, for the heartbeat.
    pub position: Channel,
    /// The way out, for the heartbeat; its policy holds the heartbeat's cluster.
    pub egress: Egress,
    /// Wall clock.
    pub clock: Clock,
    /// Tells when to end.
    pub drain: Signal,
    /// Owns the heartbeat and the followers of status streams.
    pub tasks: Tasks,
}

/// The running server.
#[derive(Debug)]
pub struct Server {
    service: Service,
}

impl Server {
    /// Returns the services to mount.
    #[must_use]
    pub fn routes(&self) -> Vec<Service> {
        vec![self.service.clone()]
    }
}

/// Starts the heartbeat, if one is configured, and returns the server.
///
/// # Errors
/// When the heartbeat cannot be sent as configured.
pub fn start(config: Config, deps: Deps) -> Result<Server, StartError> {
    let Deps {
        processes,
        order,
        market_data,
        position,
        egress,
        clock,
        drain,
        tasks,
    } = deps;
    if let Some(config) = config.heartbeat {
        let url = config.address()?;
        let heartbeat = Heartbeat {
            config,
            url,
            egress,
            position,
            clock: clock.clone(),
        };
        let ending = tasks.clone();
        tasks.spawn("heartbeat", async move {
            tokio::select! {
                () = ending.cancelled() => {}
                () = heartbeat.run() => {}
            }
        });
    }
    let api = FactoryApi {
        processes,
        order,
        market_data,
        clock,
        drain,
        tasks,
    };
    let service = Service::new(ApiFactoryServiceServer::new(api), FILE_DESCRIPTOR_SET)?;
    Ok(Server { service })
}
