//! Starting and ending simulated venues.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::Credentials;
use crate::binance_usdm::{self, Binance, BinanceUsdm};
use crate::clock::SharedClock;
use crate::config::{SimConfig, VenueKind};
use crate::control::{self, Controlled};
use crate::exchange::Exchange;
use crate::hub::SocketFate;
use crate::market::{Driver, Generator, Market, Recording, RecordingError, Replay};
use crate::transport::{Acceptor, Lines, Listening, Peer};
use crate::venue::Venue;

/// How often time passes for a venue: finer than its finest paced stream, coarse enough to idle.
const TICK: Duration = Duration::from_millis(25);

/// Simulated time between two steps of the history that a market opens with.
const HISTORY_STEP_MS: u64 = 2_000;

/// Ids begin here, past what 32 bits hold, as they do at the venues.
const FIRST_ID: u64 = 8_000_000_000;

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

/// Running venues. Dropping it stops them without waiting; [`Simulator::shutdown`] waits.
#[derive(Debug)]
pub struct Simulator {
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
        mut listeners: Listeners,
        clock: SharedClock,
    ) -> Result<Self, SimError> {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let lines = Lines::default();
        let control = format!("http://{}", listeners.control.local_addr()?);
        let mut venues: BTreeMap<VenueKind, Arc<dyn Controlled>> = BTreeMap::new();
        let mut endpoints = Endpoints {
            control,
            venues: Vec::new(),
        };
        for kind in &config.venues {
            let acceptor = listeners
                .venues
                .remove(kind)
                .ok_or(SimError::NoListener(*kind))?;
            let address = acceptor.local_addr()?;
            let (venue, keys) = open_binance(&config, *kind, &clock)?;
            let service = binance_usdm::service(Arc::clone(&venue));
            serve(&tasks, &stop, &lines, acceptor, service);
            tasks.spawn(keep_time(Arc::clone(&venue), stop.clone()));
            endpoints.venues.push(VenueEndpoints {
                venue: *kind,
                rest: format!("http://{address}"),
                ws: format!("ws://{address}"),
                credentials: keys[0].clone(),
                accounts: keys,
            });
            venues.insert(*kind, venue);
        }
        let service = control::service(endpoints.clone(), venues.clone());
        serve(&tasks, &stop, &lines, listeners.control, service);
        Ok(Self {
            endpoints,
            venues,
            lines,
            stop,
            tasks,
        })
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

async fn keep_time(venue: Arc<Binance>, stop: CancellationToken) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => venue.with(|core| core.tick()),
        }
    }
}

type Opened = (Arc<Binance>, Vec<AccountKeys>);

fn open_binance(
    config: &SimConfig,
    kind: VenueKind,
    clock: &SharedClock,
) -> Result<Opened, SimError> {
    let mut exchange = Exchange::new(binance_usdm::instruments(), FIRST_ID);
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let mut keys = Vec::new();
    for account in &config.accounts {
        let credentials = Credentials {
            key: binance_usdm::draw(&mut rng, 64),
            secret: binance_usdm::draw(&mut rng, 64),
        };
        keys.push(AccountKeys {
            account: account.name.clone(),
            api_key: credentials.key.clone(),
            api_secret: credentials.secret.clone(),
        });
        exchange.open_account(&account.name, credentials, account.deposit);
    }
    let market = open_market(config, kind, &mut exchange, clock.now_ms())?;
    let dialect = BinanceUsdm::new(
        &exchange,
        config.seed,
        config.binance_limits,
        config.binance_legacy_root,
    );
    let venue = Venue::new(exchange, market, dialect, clock.clone());
    Ok((Arc::new(venue), keys))
}

fn open_market(
    config: &SimConfig,
    kind: VenueKind,
    exchange: &mut Exchange,
    now_ms: u64,
) -> Result<Market, SimError> {
    let mut replay = open_replay(config, kind, exchange)?;
    let mut drivers = Vec::new();
    for id in 0..exchange.instruments().len() {
        if let Some((_, driver)) = replay.take_if(|(instrument, _)| *instrument == id) {
            drivers.push(driver);
            continue;
        }
        let instrument = exchange.instrument(id);
        let mut generator = Generator::new(config.seed, id, instrument, config.events_per_second);
        let history_ms = u64::try_from(config.history.as_millis()).unwrap_or(0);
        let from_ms = now_ms.saturating_sub(history_ms);
        generator.warm_up(exchange, from_ms, now_ms, HISTORY_STEP_MS);
        drivers.push(Driver::Generated(Box::new(generator)));
    }
    Ok(Market::new(drivers))
}

type ReplayDriver = Option<(usize, Driver)>;

fn open_replay(
    config: &SimConfig,
    venue: VenueKind,
    exchange: &Exchange,
) -> Result<ReplayDriver, SimError> {
    let Some(wanted) = &config.replay else {
        return Ok(None);
    };
    let recording = Recording::open(&wanted.file)?;
    let symbol = wanted
        .symbol
        .clone()
        .unwrap_or_else(|| recording.symbol.clone());
    let id = exchange
        .find(&symbol)
        .ok_or(SimError::RecordedSymbol { symbol, venue })?;
    let replay = Replay::new(Arc::new(recording), id, wanted.speed_permille);
    Ok(Some((id, Driver::Replayed(Box::new(replay)))))
}
