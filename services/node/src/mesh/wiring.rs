//! How roles reach each other: in this process, over loopback sockets, or across processes.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
};

use chimera_runtime::{
    Channel, Service,
    channel::RemoteOptions,
    drain::{Completion, Signal},
    health::{Health, Readiness},
    listen::{ListenOptions, serve},
    reflection,
};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{MeshError, Surroundings};
use crate::{cli::Role, config::Peers};

/// How the roles of one process reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Without sockets; messages are encoded and decoded all the same.
    InProcess,
    /// Each role behind a listener of its own on loopback.
    Loopback,
}

/// The ways between roles.
pub struct Wiring {
    topology: Topology,
    health: Health,
    signal: Signal,
    channels: HashMap<Role, Channel>,
    /// With split processes: the one listener of this process, and what is to be mounted on it.
    door: Option<Door>,
    listeners: Vec<JoinHandle<Completion>>,
}

struct Door {
    listener: Option<TcpListener>,
    address: SocketAddr,
    mounted: Vec<Service>,
}

impl Wiring {
    /// Returns the wiring of a process that runs every role.
    pub fn new(topology: Topology, around: &Surroundings) -> Self {
        let signal = around.drain.signal();
        Self {
            topology,
            health: Health::new(signal.clone()),
            signal,
            channels: HashMap::new(),
            door: None,
            listeners: Vec::new(),
        }
    }

    /// Returns the wiring of a process that runs some roles and reaches the others at `peers`.
    pub async fn split(
        peers: &Peers,
        listen: SocketAddr,
        around: &Surroundings,
    ) -> Result<Self, MeshError> {
        let mut wiring = Self::new(Topology::InProcess, around);
        let addresses = [
            (Role::Connector, &peers.connector),
            (Role::Order, &peers.order),
            (Role::Position, &peers.position),
            (Role::MarketData, &peers.market_data),
            (Role::ApiFactory, &peers.api_factory),
        ];
        for (role, address) in addresses {
            if let Some(address) = address {
                let channel = Channel::remote(address, RemoteOptions::default())?;
                wiring.channels.insert(role, channel);
            }
        }
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        wiring.door = Some(Door {
            listener: Some(listener),
            address,
            mounted: Vec::new(),
        });
        Ok(wiring)
    }

    /// Returns whether other roles run in other processes.
    pub fn is_split(&self) -> bool {
        self.door.is_some()
    }

    /// Returns the health of the roles here.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Registers a service whose readiness the roles' owner reports.
    pub fn register(&self, service: &str) -> Readiness {
        self.health.register(service)
    }

    /// Makes a role's services reachable by the others, until the process drains.
    pub async fn expose(&mut self, role: Role, services: Vec<Service>) -> Result<(), MeshError> {
        let signal = self.signal.clone();
        self.expose_until(role, services, signal).await
    }

    /// Makes a role's services reachable by the others, until `signal`.
    pub async fn expose_until(
        &mut self,
        role: Role,
        services: Vec<Service>,
        signal: Signal,
    ) -> Result<(), MeshError> {
        let mut mounted = services.clone();
        mounted.push(self.health.service());
        let channel = match self.topology {
            Topology::InProcess => Channel::in_process(mounted),
            Topology::Loopback => {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                let address = format!("http://{}", listener.local_addr()?);
                self.listen(listener, mounted, signal);
                Channel::remote(&address, RemoteOptions::default())?
            }
        };
        self.channels.insert(role, channel);
        if let Some(door) = &mut self.door {
            door.mounted.extend(services);
        }
        Ok(())
    }

    /// Opens the door of a split process, with health and reflection beside its roles.
    pub fn open(&mut self, descriptors: &[u8]) -> Result<(), MeshError> {
        let Some(door) = &mut self.door else {
            return Ok(());
        };
        let mut mounted = std::mem::take(&mut door.mounted);
        let Some(listener) = door.listener.take() else {
            return Ok(());
        };
        let reflection = reflection::services(&mounted, &[descriptors])?;
        mounted.push(self.health.service());
        mounted.extend(reflection);
        let signal = self.signal.clone();
        self.listen(listener, mounted, signal);
        Ok(())
    }

    fn listen(&mut self, listener: TcpListener, services: Vec<Service>, signal: Signal) {
        let serving = serve(listener, services, ListenOptions::default(), signal);
        self.listeners.push(tokio::spawn(serving));
    }

    /// Returns the way to a role.
    pub fn channel(&self, role: Role) -> Result<Channel, MeshError> {
        self.channels
            .get(&role)
            .cloned()
            .ok_or(MeshError::NoPeer { role: role.name() })
    }

    /// Returns where a split process listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.door.as_ref().map(|door| door.address)
    }

    /// Waits until every listener has ended its drain.
    pub async fn ended(self) {
        for listener in self.listeners {
            // A listener that panicked has ended too.
            let _ = listener.await;
        }
    }
}
