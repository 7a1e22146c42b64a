//! Starting and ending simulated venues.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SharedClock;
use crate::config::{SimConfig, VenueKind};
use crate::control::{self, Controlled};
use crate::hub::SocketFate;
use crate::market::RecordingError;
use crate::opening::{Opened, open};
use crate::transport::{Acceptor, Lines, Listening, Peer};

/// How often time passes for a venue: finer than its finest paced stream, coarse enough to idle.
const TICK: Duration = Duration::from_millis(25);

/// How long open connections may take to end.
const END_WITHIN: Duration = Duration::from_millis(500);

/// Why a simulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// A listener failed.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// No listener was given for a venue.
    #[error("no listener for {0}")]
    NoListener(VenueKind),
    /// A venue without an account has nobody to trade with.
    #[error("at least one account is needed")]
    NoAccount,
    /// The recording cannot be used.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The recording is of an instrument that no venue lists.
    #[error("the recording is of {symbol:?}, which {venue} does not list")]
    RecordedSymbol {
        /// The symbol.
        symbol: String,
        /// The venue.
        venue: VenueKind,
    },
}

/// What connections come from.
pub struct Listeners {
    /// Of the control interface.
    pub control: Box<dyn Acceptor>,
    /// Of each venue.
    pub venues: BTreeMap<VenueKind, Box<dyn Acceptor>>,
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners")
            .field("venues", &self.venues.keys())
            .finish_non_exhaustive()
    }
}

impl Listeners {
    /// Binds one port for the control interface and one for each venue, counted up from the base;
    /// a base of zero takes ports that are free.
    ///
    /// # Errors
    /// Where a port cannot be bound.
    pub async fn bind(host: IpAddr, base: u16, venues: &[VenueKind]) -> io::Result<Self> {
        let port = |offset: u16| {
            if base == 0 {
                0
            } else {
                base.saturating_add(offset)
            }
        };
        let control = TcpListener::bind(SocketAddr::new(host, base)).await?;
        let mut acceptors: BTreeMap<VenueKind, Box<dyn Acceptor>> = BTreeMap::new();
        for venue in venues {
            let address = SocketAddr::new(host, port(venue.port_offset()));
            acceptors.insert(*venue, Box::new(TcpListener::bind(address).await?));
        }
        Ok(Self {
            control: Box::new(control),
            venues: acceptors,
        })
    }
}

/// Keys of one account. The secret is shown only where it is written out as JSON on purpose.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct AccountKeys {
    /// The account's name.
    pub account: String,
    /// The public half.
    pub api_key: String,
    /// The secret half.
    pub api_secret: String,
}

impl fmt::Debug for AccountKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountKeys")
            .field("account", &self.account)
            .field("api_key", &self.api_key)
            .finish_non_exhaustive()
    }
}

/// Where one venue listens, and the test keys it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VenueEndpoints {
    /// Which venue.
    pub venue: VenueKind,
    /// The base address of REST.
    pub rest: String,
    /// The base address of WebSockets.
    pub ws: String,
    /// Keys of the first account.
    pub credentials: AccountKeys,
    /// Keys of all accounts.
    pub accounts: Vec<AccountKeys>,
}

/// Where a simulator listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    /// The address of the control interface.
    pub control: String,
    /// The venues.
    pub venues: Vec<VenueEndpoints>,
}

/// Venues that are open and not yet served: accounts, instruments, and markets with a past.
pub struct Venues(Vec<(VenueKind, Opened)>);

impl fmt::Debug for Venues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(kind, _)| kind))
            .finish()
    }
}

impl Venues {
    /// Opens the venues of a configuration. Blocks while it reads a recording or warms markets up.
    ///
    /// # Errors
    /// Where the recording cannot be used.
    pub fn open(config: &SimConfig, clock: &SharedClock) -> Result<Self, SimError> {
        let kinds = config.venues.iter();
        let opened = kinds.map(|kind| Ok((*kind, open(config, *kind, clock)?)));
        Ok(Self(opened.collect::<Result<_, SimError>>()?))
    }
}

/// Running venues. Dropping it stops them without waiting; [`Simulator::shutdown`] waits.
#[derive(Debug)]
pub struct Simulator {
    control: Router,
    endpoints: Endpoints,
    venues: BTreeMap<VenueKind, Arc<dyn Controlled>>,
    lines: Lines,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Simulator {
    /// Starts the venues of a configuration on listeners that are already bound.
    ///
    /// # Errors
    /// Where a listener is missing or the recording cannot be used.
    pub async fn start(
        config: SimConfig,
        listeners: Listeners,
        clock: SharedClock,
    ) -> Result<Self, SimError> {
        // Reading a recording and warming a market up is seconds of work in a debug build.
        let opening = spawn_blocking(move || Venues::open(&config, &clock));
        let venues = opening.await.map_err(io::Error::from)??;
        Self::serve(venues, listeners)
    }

    /// Serves venues that are open already; must be called within a runtime.
    ///
    /// # Errors
    /// Where a listener is missing.
    pub fn serve(opened: Venues, mut listeners: Listeners) -> Result<Self, SimError> {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let lines = Lines::default();
        let control = format!("http://{}", listeners.control.local_addr()?);
        let mut venues: BTreeMap<VenueKind, Arc<dyn Controlled>> = BTreeMap::new();
        let mut endpoints = Endpoints {
            control,
            venues: Vec::new(),
        };
        for (kind, opened) in opened.0 {
            let Opened {
                venue,
                service,
                keys,
            } = opened;
            let acceptor = listeners
                .venues
                .remove(&kind)
                .ok_or(SimError::NoListener(kind))?;
            let address = acceptor.local_addr()?;
            let first = keys.first().ok_or(SimError::NoAccount)?.clone();
            serve(&tasks, &stop, &lines, acceptor, service);
            tasks.spawn(keep_time(Arc::clone(&venue), stop.clone()));
            endpoints.venues.push(VenueEndpoints {
                venue: kind,
                rest: format!("http://{address}"),
                ws: format!("ws://{address}"),
                credentials: first,
                accounts: keys,
            });
            venues.insert(kind, venue);
        }
        let service = control::service(endpoints.clone(), venues.clone());
        serve(&tasks, &stop, &lines, listeners.control, service.clone());
        Ok(Self {
            control: service,
            endpoints,
            venues,
            lines,
            stop,
            tasks,
        })
    }

    /// Returns the control interface without a socket, for a script that runs beside the venues. It
    /// answers without waiting for anything.
    pub fn control(&self) -> Router {
        self.control.clone()
    }

    /// Returns where everything listens, and the test keys.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Says goodbye to all sockets and waits until everything has ended.
    pub async fn shutdown(self) {
        for venue in self.venues.values() {
            venue.decide_sockets(SocketFate::Closed { code: 1001 });
        }
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(END_WITHIN, self.tasks.wait())
            .await
            .is_err()
        {
            self.lines.cut_all();
            self.tasks.wait().await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
        self.lines.cut_all();
    }
}

fn serve(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    lines: &Lines,
    acceptor: Box<dyn Acceptor>,
    service: Router,
) {
    let listener = Listening::new(acceptor, lines.clone());
    let service = service.into_make_service_with_connect_info::<Peer>();
    let stopped = stop.clone().cancelled_owned();
    tasks.spawn(async move {
        let serving = axum::serve(listener, service).with_graceful_shutdown(stopped);
        if let Err(error) = serving.await {
            tracing::error!(%error, "a simulated venue stopped serving");
        }
    });
}

async fn keep_time(venue: Arc<dyn Controlled>, stop: CancellationToken) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => venue.tick(),
        }
    }
}
