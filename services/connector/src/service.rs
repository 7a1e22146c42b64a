//! Owns the sessions of one process and finds the one that is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use chimera_contracts::connector::v1 as pb;
use chimera_model::{Account, Instrument, Venue};
use chimera_runtime::deadline::Deadline;
use chimera_runtime::drain::Signal;
use chimera_runtime::tasks::Tasks;
use futures::Stream;
use tracing::Instrument as _;

use crate::command::{ListFills, OrderAt, Submit, Target, WatchMarket, Withdraw};
use crate::desk::Desk;
use crate::error::ConnectorError;
use crate::latch::Latch;
use crate::market::Market;
use crate::outcome::Done;
use crate::session::Session;
use crate::{account_stream, market_stream, orders, queries, wire};

/// Answers for every venue of this process.
#[derive(Debug)]
pub(crate) struct Connector {
    venues: BTreeMap<String, VenueRoom>,
    /// Names this process's sequences: another start is another epoch.
    epoch: String,
    latch: Latch,
    drain: Signal,
    tasks: Tasks,
}

/// One venue: what is shared there, its market and its accounts.
#[derive(Debug)]
pub(crate) struct VenueRoom {
    pub desk: Arc<Desk>,
    pub market: Arc<Market>,
    pub sessions: BTreeMap<Account, Arc<Session>>,
}

impl Connector {
    pub(crate) fn new(
        rooms: impl IntoIterator<Item = VenueRoom>,
        epoch: String,
        drain: Signal,
        tasks: Tasks,
    ) -> Self {
        let named = |room: VenueRoom| (room.desk.venue.to_string(), room);
        Self {
            venues: rooms.into_iter().map(named).collect(),
            epoch,
            latch: Latch::default(),
            drain,
            tasks,
        }
    }

    pub(crate) fn list_venues(&self) -> pb::ListVenuesResponse {
        let venue = |(name, room): (&String, &VenueRoom)| {
            let aliases = room.desk.adapter.aliases().named.iter();
            pb::VenueAccounts {
                venue: name.clone(),
                accounts: room.sessions.keys().map(ToString::to_string).collect(),
                aliases: aliases
                    .map(|(alias, of)| (alias.clone(), of.to_string()))
                    .collect(),
            }
        };
        pb::ListVenuesResponse {
            venues: self.venues.iter().map(venue).collect(),
        }
    }

    pub(crate) fn capabilities(
        &self,
        venue: &str,
    ) -> Result<pb::GetCapabilitiesResponse, ConnectorError> {
        let offered = self.room(venue)?.desk.adapter.capabilities();
        let types = offered
            .order_types
            .iter()
            .map(|kind| wire::order_type(*kind).into());
        let times = offered
            .times_in_force
            .iter()
            .map(|time| wire::time_in_force(*time).into());
        Ok(pb::GetCapabilitiesResponse {
            venue: venue.to_owned(),
            order_types: types.collect(),
            times_in_force: times.collect(),
            post_only: offered.post_only,
            reduce_only: offered.reduce_only,
            refuses_open_client_id: offered.refuses_open_client_id,
            validity_window: Some(wire::duration(offered.validity_window)),
        })
    }

    pub(crate) fn instrument(
        &self,
        venue: &str,
        symbol: &str,
    ) -> Result<pb::GetInstrumentResponse, ConnectorError> {
        let room = self.room(venue)?;
        let found = room.instrument(symbol)?;
        let version = room.desk.instruments().version(&found);
        Ok(pb::GetInstrumentResponse {
            instrument: Some(wire::instrument(&found, version)),
        })
    }

    pub(crate) async fn top_of_book(
        &self,
        venue: &str,
        symbol: &str,
    ) -> Result<pb::TopOfBook, ConnectorError> {
        let room = self.room(venue)?;
        let instrument = room.instrument(symbol)?;
        room.market.top(&instrument).await
    }

    /// Withdraws submissions that have not left.
    pub(crate) fn withdraw(&self, withdraw: Withdraw) {
        tracing::warn!(?withdraw, "submissions are withdrawn");
        self.latch.withdraw(withdraw);
    }

    pub(crate) async fn submit(&self, order: Submit) -> Result<Done, ConnectorError> {
        let (room, session) = self.at(&order.target)?;
        if self.drain.is_draining() {
            return Ok(Done::not_sent("DRAINING", "the connector is draining"));
        }
        let instrument = match room.instrument(&order.symbol) {
            Ok(instrument) => instrument,
            Err(error) => return not_ready(error),
        };
        let (session, permit) = (session.clone(), self.latch.permit(&order));
        let sending = orders::submit(session, instrument, order, permit, Deadline::current());
        self.carry("connector.submit", sending).await
    }

    pub(crate) async fn cancel(&self, order: OrderAt) -> Result<Done, ConnectorError> {
        let (room, session) = self.at(&order.target)?;
        let instrument = match room.instrument(&order.symbol) {
            Ok(instrument) => instrument,
            Err(error) => return not_ready(error),
        };
        let sending = orders::cancel(session.clone(), instrument, order.key, Deadline::current());
        self.carry("connector.cancel", sending).await
    }

    /// Runs a request in a task of its own, which the drain waits for (F09). When the task dies,
    /// its bytes may have left.
    async fn carry(
        &self,
        name: &'static str,
        sending: impl Future<Output = Done> + Send + 'static,
    ) -> Result<Done, ConnectorError> {
        let hold = self.drain.hold();
        let task = async move {
            let done = sending.await;
            drop(hold);
            done
        };
        let done = self.tasks.spawn(name, task.in_current_span()).await;
        Ok(done.unwrap_or_else(|_| Done::unknown("ORDER_OUTCOME_UNKNOWN", "internal fault")))
    }

    pub(crate) async fn order(
        &self,
        order: OrderAt,
    ) -> Result<Option<pb::OrderReport>, ConnectorError> {
        let (room, session) = self.at(&order.target)?;
        let instrument = room.instrument(&order.symbol)?;
        queries::order(session, &instrument, order.key, order.created).await
    }

    pub(crate) async fn open_orders(
        &self,
        venue: &str,
        account: &str,
        symbol: &str,
    ) -> Result<Vec<pb::OrderReport>, ConnectorError> {
        let (room, session) = self.named(venue, account)?;
        let instrument = if symbol.is_empty() {
            None
        } else {
            Some(room.instrument(symbol)?)
        };
        queries::open_orders(session, instrument.as_deref()).await
    }

    pub(crate) async fn fills(
        &self,
        query: ListFills,
    ) -> Result<pb::ListFillsResponse, ConnectorError> {
        let (room, session) = self.at(&query.target)?;
        queries::fills(session, &*room.instrument(&query.symbol)?, &query).await
    }

    pub(crate) async fn positions(
        &self,
        venue: &str,
        account: &str,
    ) -> Result<Vec<pb::PositionReport>, ConnectorError> {
        queries::positions(self.named(venue, account)?.1).await
    }

    pub(crate) async fn margin(
        &self,
        venue: &str,
        account: &str,
    ) -> Result<pb::GetMarginResponse, ConnectorError> {
        queries::margin(self.named(venue, account)?.1).await
    }

    pub(crate) fn session(
        &self,
        venue: &str,
        account: &str,
    ) -> Result<pb::Session, ConnectorError> {
        Ok(self.named(venue, account)?.1.state())
    }

    pub(crate) fn watch_account(
        &self,
        venue: &str,
        account: &str,
    ) -> Result<impl Stream<Item = pb::WatchAccountResponse> + use<>, ConnectorError> {
        let session = self.named(venue, account)?.1.clone();
        account_stream::frames(session, self.epoch.clone(), self.drain.clone())
    }

    pub(crate) fn watch_market(
        &self,
        wanted: WatchMarket,
    ) -> Result<impl Stream<Item = pb::WatchMarketResponse> + use<>, ConnectorError> {
        let room = self.room(&wanted.venue)?;
        if room.desk.instruments().is_empty() {
            return Err(room.not_ready());
        }
        let epoch = self.epoch.clone();
        Ok(market_stream::frames(
            &room.market,
            wanted,
            epoch,
            self.drain.clone(),
        ))
    }

    fn room(&self, venue: &str) -> Result<&VenueRoom, ConnectorError> {
        self.venues.get(venue).ok_or_else(|| {
            let known: Vec<&str> = self.venues.keys().map(String::as_str).collect();
            ConnectorError::UnknownVenue {
                venue: venue.to_owned(),
                known: known.join(", "),
            }
        })
    }

    fn named(
        &self,
        venue: &str,
        account: &str,
    ) -> Result<(&VenueRoom, &Arc<Session>), ConnectorError> {
        let room = self.room(venue)?;
        let found = Account::new(account)
            .ok()
            .and_then(|account| room.sessions.get(&account));
        let unknown = || ConnectorError::UnknownAccount {
            venue: venue.to_owned(),
            account: account.to_owned(),
        };
        Ok((room, found.ok_or_else(unknown)?))
    }

    fn at(&self, target: &Target) -> Result<(&VenueRoom, &Arc<Session>), ConnectorError> {
        self.named(&target.venue, &target.account)
    }
}

impl VenueRoom {
    /// Finds an instrument by any of its names: the one mapping of every path (F74).
    fn instrument(&self, name: &str) -> Result<Arc<Instrument>, ConnectorError> {
        let instruments = self.desk.instruments();
        match instruments.find(name) {
            Some(instrument) => Ok(instrument.clone()),
            None if instruments.is_empty() => Err(self.not_ready()),
            None => Err(unknown_instrument(self.desk.venue, name)),
        }
    }

    fn not_ready(&self) -> ConnectorError {
        ConnectorError::NotReady {
            venue: self.desk.venue.to_string(),
            session: "instruments are not known yet".to_owned(),
        }
    }
}

/// Says of a request that cannot be begun yet that it was not sent; any other failure says so by
/// its code.
fn not_ready(error: ConnectorError) -> Result<Done, ConnectorError> {
    match error {
        ConnectorError::NotReady { .. } => {
            Ok(Done::not_sent("VENUE_NOT_READY", &error.to_string()))
        }
        error => Err(error),
    }
}

/// Returns the failure of a name that no instrument bears.
pub(crate) fn unknown_instrument(venue: Venue, name: &str) -> ConnectorError {
    ConnectorError::UnknownInstrument {
        venue: venue.to_string(),
        symbol: wire::cut(name),
    }
}
