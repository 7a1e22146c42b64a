//! Starts the connector and hands out what is to be mounted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_contracts::connector::v1::connector_service_server::ConnectorServiceServer;
use chimera_egress::Egress;
use chimera_model::{Account, Venue};
use chimera_runtime::drain::Signal;
use chimera_runtime::tasks::Tasks;
use chimera_runtime::{Clock, Service};
use chimera_venue::Credentials;

use crate::api::Api;
use crate::config::{Config, ConfigError, ConfiguredVenue, Timing};
use crate::desk::Desk;
use crate::market::{self, Market};
use crate::service::{Connector, VenueRoom};
use crate::session::{self, Session};
use crate::upkeep;

/// What the connector is given beside its configuration.
#[derive(Debug)]
pub struct Deps {
    /// The way out. Its policy holds a cluster for each venue, as
    /// [`ConfiguredVenue::cluster_policy`] states it.
    pub egress: Egress,
    /// The venues, as [`Config::venues`] returns them.
    pub venues: Vec<ConfiguredVenue>,
    /// The credentials of each account at each venue.
    pub credentials: HashMap<(Venue, Account), Credentials>,
    /// Tells the time.
    pub clock: Clock,
    /// Tells of the end of the process.
    pub drain: Signal,
}

/// Why the connector could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An account has no credentials.
    #[error("no credentials are given for account {account} at {venue}")]
    NoCredentials {
        /// The venue.
        venue: Venue,
        /// The account.
        account: Account,
    },
    /// The contract and the server do not fit together.
    #[error("the service cannot be described: {0}")]
    Descriptor(String),
}

/// A running connector. Sessions connect by themselves; [`Server::routes`] answers from the start.
#[derive(Debug)]
pub struct Server {
    service: Service,
    tasks: Tasks,
}

/// Starts the sessions of every venue given. Does not wait for them: a venue that is down must not
/// hold up the others.
///
/// # Errors
/// When an account has no credentials.
pub async fn start(config: Config, deps: Deps) -> Result<Server, StartError> {
    let Deps {
        egress,
        venues,
        mut credentials,
        clock,
        drain,
    } = deps;
    let tasks = Tasks::new();
    let mut rooms = Vec::with_capacity(venues.len());
    for configured in venues {
        let desk = Arc::new(Desk::new(configured.adapter, egress.clone(), clock.clone()));
        let mut sessions = BTreeMap::new();
        for account in configured.accounts {
            let venue = desk.venue;
            let own = credentials.remove(&(venue, account));
            let own = own.ok_or(StartError::NoCredentials { venue, account })?;
            sessions.insert(account, Arc::new(Session::new(desk.clone(), account, own)));
        }
        let market = Arc::new(Market::new(desk.clone(), config.timing.market_silence()));
        rooms.push(VenueRoom {
            desk,
            market,
            sessions,
        });
    }
    for room in &rooms {
        begin(room, config.timing, &tasks);
    }
    let epoch = format!("{:x}", clock.now_nanos());
    let connector = Arc::new(Connector::new(rooms, epoch, drain, tasks.clone()));
    let server = ConnectorServiceServer::new(Api::new(connector));
    let service = Service::new(server, FILE_DESCRIPTOR_SET)
        .map_err(|error| StartError::Descriptor(error.to_string()))?;
    Ok(Server { service, tasks })
}

fn begin(room: &VenueRoom, timing: Timing, tasks: &Tasks) {
    let desk = &room.desk;
    let instruments = upkeep::keep_instruments(desk.clone(), timing, tasks.clone());
    tasks.spawn("connector.instruments", instruments);
    tasks.spawn(
        "connector.clock",
        upkeep::keep_clock(desk.clone(), timing, tasks.clone()),
    );
    tasks.spawn(
        "connector.market",
        market::run(room.market.clone(), timing, tasks.clone()),
    );
    for session in room.sessions.values() {
        let run = session::run(session.clone(), timing, tasks.clone());
        tasks.spawn("connector.session", run);
        if !desk.adapter.capabilities().streams_balances {
            let keep = session::balances::keep(session.clone(), tasks.clone());
            tasks.spawn("connector.balances", keep);
        }
    }
}

impl Server {
    /// Returns the services to mount, in process or on a listener.
    #[must_use]
    pub fn routes(&self) -> Vec<Service> {
        vec![self.service.clone()]
    }

    /// Closes every session and waits for their tasks, at most for `within`; returns how many were
    /// left.
    ///
    /// To be called after the drain: requests that are under way are held by it.
    pub async fn close(&self, within: Duration) -> usize {
        self.tasks.cancel();
        self.tasks.wait(within).await
    }
}
