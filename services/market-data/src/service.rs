//! The service: its venues, what it is given, and how it starts.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_egress::Egress;
use chimera_model::{Instrument, UnixNanos};
use chimera_runtime::{Service, clock::Clock, drain::Signal, tasks::Tasks};
use chimera_venue::VenueAdapter;
use tokio::sync::watch;

use crate::{
    api::{MarketDataApi, MarketDataServer},
    config::Config,
    desk::Desk,
    error::{MarketDataError, StartError},
    feed::Feed,
    hub::Hub,
    metrics,
};

/// What the server is given.
pub struct Dependencies {
    /// One adapter a venue.
    pub adapters: Vec<Arc<dyn VenueAdapter>>,
    /// The way out, with one cluster a venue, named as the venue.
    pub egress: Egress,
    /// Wall clock.
    pub clock: Clock,
    /// Tells when to end.
    pub drain: Signal,
    /// Owns the feeds.
    pub tasks: Tasks,
}

/// The running server.
pub struct Server {
    service: Service,
    ready: Vec<watch::Receiver<bool>>,
}

impl Server {
    /// Returns the services to mount.
    #[must_use]
    pub fn routes(&self) -> Vec<Service> {
        vec![self.service.clone()]
    }

    /// Waits until every venue has told its instruments. Cancel-safe.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + 'static {
        let all = self.ready.clone();
        async move {
            for mut ready in all {
                // A feed that is gone never becomes ready; its tasks were cancelled.
                if ready.wait_for(|ready| *ready).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

/// One venue, as the service sees it.
#[derive(Clone)]
pub(crate) struct VenueDesk {
    pub hub: Arc<Hub>,
    pub desk: Desk,
    ready: watch::Receiver<bool>,
}

/// What every call shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub venues: Arc<BTreeMap<String, VenueDesk>>,
    pub config: Config,
    pub clock: Clock,
    pub drain: Signal,
    open_streams: Arc<AtomicUsize>,
}

/// One of the watch streams that may be open.
pub(crate) struct StreamPermit {
    open: Arc<AtomicUsize>,
}

#[cfg(test)]
impl StreamPermit {
    /// Returns a permit of nobody's count.
    pub fn for_test() -> Self {
        Self {
            open: Arc::new(AtomicUsize::new(1)),
        }
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let before = self.open.fetch_sub(1, Ordering::Relaxed);
        metrics::streams(before.saturating_sub(1));
    }
}

/// Starts the feeds and returns the server.
///
/// # Errors
/// Fails when the contract does not describe the service.
pub fn start(config: Config, dependencies: Dependencies) -> Result<Server, StartError> {
    let Dependencies {
        adapters,
        egress,
        clock,
        drain,
        tasks,
    } = dependencies;
    let mut venues = BTreeMap::new();
    let mut readiness = Vec::new();
    for adapter in adapters {
        let name = adapter.venue().to_string();
        let desk = Desk::new(adapter.clone(), egress.clone(), clock.clone());
        let hub = Arc::new(Hub::new(adapter));
        let (sender, ready) = watch::channel(false);
        readiness.push(ready.clone());
        venues.insert(
            name,
            VenueDesk {
                hub: hub.clone(),
                desk: desk.clone(),
                ready,
            },
        );
        let feed = Feed {
            hub,
            desk,
            config: config.clone(),
            tasks: tasks.clone(),
            ready: sender,
        };
        tasks.spawn("market-data feed", feed.run());
    }
    let shared = Shared {
        venues: Arc::new(venues),
        config,
        clock,
        drain,
        open_streams: Arc::default(),
    };
    let server = MarketDataServer::new(MarketDataApi::new(shared));
    Ok(Server {
        service: Service::new(server, FILE_DESCRIPTOR_SET)?,
        ready: readiness,
    })
}

impl Shared {
    /// Returns a venue by name.
    pub fn venue(&self, name: &str) -> Result<&VenueDesk, MarketDataError> {
        self.venues
            .get(name)
            .ok_or_else(|| MarketDataError::UnknownVenue {
                venue: name.chars().take(64).collect(),
                known: self.venues.keys().cloned().collect::<Vec<_>>().join(", "),
            })
    }

    /// Returns an instrument by any of its names.
    pub fn instrument(
        &self,
        venue: &str,
        symbol: &str,
    ) -> Result<(&VenueDesk, Arc<Instrument>), MarketDataError> {
        let desk = self.venue(venue)?;
        let table = desk.hub.instruments();
        match table.resolve(symbol) {
            Some(instrument) => Ok((desk, instrument.clone())),
            None if !*desk.ready.borrow() => Err(MarketDataError::NotReady {
                venue: venue.to_owned(),
            }),
            None => Err(MarketDataError::UnknownInstrument {
                venue: venue.to_owned(),
                symbol: symbol.chars().take(64).collect(),
            }),
        }
    }

    /// Returns our time.
    pub fn now(&self) -> UnixNanos {
        UnixNanos::from_nanos(u64::try_from(self.clock.now_nanos()).unwrap_or(0))
    }

    /// Takes one of the streams that may be open.
    pub fn stream(&self) -> Result<StreamPermit, MarketDataError> {
        let before = self.open_streams.fetch_add(1, Ordering::Relaxed);
        let permit = StreamPermit {
            open: self.open_streams.clone(),
        };
        if before >= self.config.streams_max {
            let limit = self.config.streams_max;
            return Err(MarketDataError::TooMany {
                what: "watch streams",
                limit,
            });
        }
        metrics::streams(before + 1);
        Ok(permit)
    }

    /// Returns how long the first data of a topic may take.
    pub fn first_data(&self) -> Duration {
        self.config.first_data()
    }
}
