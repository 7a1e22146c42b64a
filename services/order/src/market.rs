//! What orders are checked against: instruments and the top of book, asked of the connector.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::connector_service_client::ConnectorServiceClient;
use chimera_model::{Decimal, Instrument, PriceTicks, Symbol, Venue};
use chimera_runtime::Channel;
use chimera_runtime::deadline::Deadline;
use chimera_runtime::fault::{facts_of, reason_of};
use tokio::time::Instant;
use tonic::Status;

use crate::error::OrderError;
use crate::wire;

/// The way to the connector.
pub(crate) type Connector = ConnectorServiceClient<Channel>;

/// Names that are remembered as instruments; the venues of one process have a few thousand.
const NAMES_MAX: usize = 16_384;

/// The best prices of an instrument, as fresh as they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top {
    /// The best bid.
    pub bid: Option<Decimal>,
    /// The best ask.
    pub ask: Option<Decimal>,
}

/// Asks for instruments and prices; cheap to clone, clones share what is remembered.
#[derive(Debug, Clone)]
pub(crate) struct Market {
    connector: Connector,
    names: Arc<Mutex<BTreeMap<(Venue, String), Known>>>,
    instrument_age_max: Duration,
    price_age_max: Duration,
    patience: Duration,
}

#[derive(Debug, Clone)]
struct Known {
    instrument: Arc<Instrument>,
    read: Instant,
}

impl Market {
    pub(crate) fn new(connector: Connector, config: &crate::config::Config) -> Self {
        Self {
            connector,
            names: Arc::default(),
            instrument_age_max: crate::config::ms(config.timing.instrument_age_ms_max),
            price_age_max: crate::config::ms(config.risk.price_age_ms_max),
            patience: crate::config::ms(config.timing.query_deadline_ms),
        }
    }

    /// Returns the instrument that a canonical symbol or an alias names.
    pub(crate) async fn instrument(
        &self,
        venue: Venue,
        name: &str,
    ) -> Result<Arc<Instrument>, OrderError> {
        if let Some(known) = self.remembered(venue, name)
            && known.read.elapsed() <= self.instrument_age_max
        {
            return Ok(known.instrument);
        }
        self.fresh_instrument(venue, name).await
    }

    /// Returns the instrument as the connector knows it now (F68).
    pub(crate) async fn fresh_instrument(
        &self,
        venue: Venue,
        name: &str,
    ) -> Result<Arc<Instrument>, OrderError> {
        let request = pb::GetInstrumentRequest {
            venue: venue.to_string(),
            symbol: name.to_owned(),
        };
        let mut connector = self.connector.clone();
        let answer = self.bounded(connector.get_instrument(request)).await;
        let answer = answer.map_err(|status| refusal(venue, name, &status))?;
        let unreadable = || OrderError::VenueUnavailable {
            venue,
            words: "the instrument cannot be read".to_owned(),
        };
        let stated = answer.into_inner().instrument.ok_or_else(unreadable)?;
        let instrument = wire::instrument(&stated).map_err(|_| unreadable())?;
        let instrument = Arc::new(instrument);
        self.remember(venue, name, &instrument);
        Ok(instrument)
    }

    /// Returns the instrument, read anew when the version remembered is another one.
    pub(crate) async fn instrument_of_version(
        &self,
        venue: Venue,
        name: &str,
        version: u64,
    ) -> Result<Arc<Instrument>, OrderError> {
        match self.known(venue, name) {
            Some(known) if known.version == version => Ok(known),
            _ => self.fresh_instrument(venue, name).await,
        }
    }

    /// Forgets an instrument whose rules may have changed (F68).
    pub(crate) fn forget(&self, venue: Venue, symbol: Symbol) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|(at, _), known| *at != venue || known.instrument.symbol != symbol);
    }

    /// Returns the last instrument read under a name, however old.
    pub(crate) fn known(&self, venue: Venue, name: &str) -> Option<Arc<Instrument>> {
        self.remembered(venue, name).map(|known| known.instrument)
    }

    fn remembered(&self, venue: Venue, name: &str) -> Option<Known> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&(venue, name.to_owned())).cloned()
    }

    fn remember(&self, venue: Venue, name: &str, instrument: &Arc<Instrument>) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= NAMES_MAX {
            crate::metrics::bounded("instrument_names");
            names.clear();
        }
        let known = Known {
            instrument: Arc::clone(instrument),
            read: Instant::now(),
        };
        names.insert((venue, instrument.symbol.to_string()), known.clone());
        names.insert((venue, name.to_owned()), known);
    }

    /// Returns the best prices, or nothing when there are none that may be traded on (F59, F75).
    pub(crate) async fn top(&self, instrument: &Instrument) -> Result<Option<Top>, OrderError> {
        let request = pb::GetTopOfBookRequest {
            venue: instrument.venue.to_string(),
            symbol: instrument.symbol.to_string(),
        };
        let mut connector = self.connector.clone();
        let answer = match self.bounded(connector.get_top_of_book(request)).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                return match reason_of(&status).as_deref() {
                    Some("NO_FRESH_PRICE") => Ok(None),
                    _ => Err(refusal(
                        instrument.venue,
                        instrument.symbol.as_str(),
                        &status,
                    )),
                };
            }
        };
        let Some(top) = answer.top else {
            return Ok(None);
        };
        let age = top
            .staleness
            .as_ref()
            .and_then(wire::duration)
            .unwrap_or_default();
        // A price in steps of another version cannot be read by this one.
        if top.stale || age > self.price_age_max || top.instrument_version != instrument.version {
            return Ok(None);
        }
        let scale = wire::scale(instrument);
        // Zero is no price, whoever says it (F75).
        let price = |ticks: Option<i64>| {
            let ticks = ticks.filter(|ticks| *ticks > 0)?;
            scale.price(PriceTicks(ticks)).ok()
        };
        let top = Top {
            bid: price(top.bid_ticks),
            ask: price(top.ask_ticks),
        };
        Ok((top.bid.is_some() || top.ask.is_some()).then_some(top))
    }

    async fn bounded<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let deadline = Deadline::after(self.patience);
        let deadline = Deadline::current().map_or(deadline, |current| current.min(deadline));
        match deadline.bound(call).await {
            Ok(answer) => answer,
            Err(passed) => Err(chimera_runtime::fault::into_status(passed)),
        }
    }
}

/// Returns what a caller is told when the connector refused a question about an instrument.
fn refusal(venue: Venue, name: &str, status: &Status) -> OrderError {
    let facts = facts_of(status);
    match reason_of(status).as_deref() {
        Some("UNKNOWN_VENUE") => OrderError::UnknownVenue {
            venue,
            known: facts.get("known").cloned().unwrap_or_default(),
        },
        Some("UNKNOWN_INSTRUMENT") => OrderError::UnknownInstrument {
            venue,
            symbol: name.to_owned(),
        },
        Some("VENUE_NOT_READY") => OrderError::VenueNotReady {
            venue,
            session: facts
                .get("session")
                .cloned()
                .unwrap_or_else(|| "not ready".to_owned()),
        },
        Some("PEER_UNAVAILABLE" | "OVERLOADED" | "DRAINING") => OrderError::PeerUnavailable {
            words: status.message().to_owned(),
        },
        _ => OrderError::VenueUnavailable {
            venue,
            words: status.message().to_owned(),
        },
    }
}

impl Top {
    /// Returns whether a symbol has any price at all.
    #[must_use]
    pub const fn touch(&self, side: chimera_model::Side) -> Option<Decimal> {
        match side {
            chimera_model::Side::Buy => self.bid,
            chimera_model::Side::Sell => self.ask,
        }
    }

    /// Returns the price on the other side of the book.
    #[must_use]
    pub const fn opposite(&self, side: chimera_model::Side) -> Option<Decimal> {
        self.touch(side.opposite())
    }
}

/// Returns the canonical symbol of a text that is one.
pub(crate) fn canonical(name: &str) -> Option<Symbol> {
    Symbol::new(name).ok()
}
