//! What every venue offers.

use std::fmt;
use std::sync::Arc;

use chimera_model::account::PositionMode;
use chimera_model::book::SequenceRule;
use chimera_model::market::{Bar, Quote, Ticker, Trade};
use chimera_model::report::{
    AccountEvent, BalanceReport, Fill, MarginReport, OrderReport, PositionReport,
};
use chimera_model::{ClientOrderId, ClientOrderIndex, Instrument, UnixNanos, Venue};
use http::HeaderMap;

use crate::account::{AccountContext, FillQuery, Listed, NewOrder, OrderKey, Page};
use crate::answer::Call;
use crate::credentials::{Credentials, SessionKey};
use crate::error::VenueError;
use crate::instruments::{Aliases, InstrumentList, InstrumentTable};
use crate::limits::{RateLimits, Usage};
use crate::public::{BarQuery, DepthSnapshot, PublicFrame, TradeQuery};
use crate::request::{Capabilities, Endpoints, VenueRequest, WireRequest};
use crate::stream::{PrivateAccess, SessionRules, StreamPlan, StreamRules, SubscribeFrame, Topic};

/// A venue: builds requests, reads answers and frames. No socket, no clock, no state.
pub trait VenueAdapter: Send + Sync + fmt::Debug {
    /// Returns the venue's name.
    fn venue(&self) -> Venue;
    /// Returns where the venue is.
    fn endpoints(&self) -> &Endpoints;
    /// Returns what the venue offers.
    fn capabilities(&self) -> &Capabilities;
    /// Returns the limits as documented; the venue's own statement in the list of instruments
    /// overrides them.
    fn rate_limits(&self) -> &RateLimits;
    /// Returns the rules of connections.
    fn stream_rules(&self) -> &StreamRules;
    /// Returns the rules of the keys of private sessions; nothing where sessions have none.
    fn session_rules(&self) -> Option<&SessionRules>;
    /// Returns how the venue numbers the changes of its books.
    fn sequence_rule(&self) -> SequenceRule;
    /// Returns the short names of instruments.
    fn aliases(&self) -> &Aliases;

    /// Returns the client id of an index: a pure function, one to one (F14).
    fn client_order_id(&self, index: ClientOrderIndex) -> ClientOrderId;
    /// Returns the index of a client id, if it is one of ours.
    fn client_order_index(&self, id: &str) -> Option<ClientOrderIndex>;

    /// Asks for the venue's time.
    fn server_time(&self) -> Call<UnixNanos>;
    /// Asks for all instruments and the venue's limits.
    fn instruments(&self) -> Call<InstrumentList>;
    /// Asks for the whole book; the depth is raised to the next one the venue offers.
    fn depth(&self, instrument: &Instrument, depth: usize) -> Call<DepthSnapshot>;
    /// Asks for the best bid and ask.
    fn quote(&self, instrument: &Instrument) -> Call<Quote>;
    /// Asks for the ticker of one instrument.
    fn ticker(&self, instrument: &Instrument) -> Call<Ticker>;
    /// Asks for the tickers of all instruments of the table.
    fn tickers(&self, instruments: &Arc<InstrumentTable>) -> Call<Listed<Ticker>>;
    /// Asks for public trades, oldest first.
    ///
    /// # Errors
    /// Fails on a question that the venue cannot be asked.
    fn trades(
        &self,
        instrument: &Instrument,
        query: TradeQuery,
        limit: usize,
    ) -> Result<Call<Vec<Trade>>, VenueError>;
    /// Asks for bars, oldest first; `now` tells the bar that still grows.
    fn bars(&self, instrument: &Instrument, query: &BarQuery, now: UnixNanos) -> Call<Vec<Bar>>;

    /// Builds a placement. Refuses what the venue would misread; never rounds.
    ///
    /// # Errors
    /// Fails on contradictions and on values off the instrument's grid; nothing was sent.
    fn place(
        &self,
        context: &AccountContext,
        instrument: &Instrument,
        order: &NewOrder,
    ) -> Result<Call<OrderReport>, VenueError>;
    /// Builds a cancel.
    ///
    /// # Errors
    /// Fails on an id that is not this venue's.
    fn cancel(
        &self,
        context: &AccountContext,
        instrument: &Instrument,
        key: &OrderKey,
    ) -> Result<Call<OrderReport>, VenueError>;
    /// Returns the places where one order is looked for, in this order, until one has it. Only
    /// when all of them say [`NotFound`](crate::ErrorClass::NotFound) is that one miss: some
    /// venues keep open orders and ended ones apart. `created` is when the order was made: what a
    /// venue's history holds from before cannot be it.
    ///
    /// # Errors
    /// Fails on an id that is not this venue's.
    fn order(
        &self,
        context: &AccountContext,
        instrument: &Instrument,
        key: &OrderKey,
        created: Option<UnixNanos>,
    ) -> Result<Vec<Call<OrderReport>>, VenueError>;
    /// Asks for the open orders of one instrument, or of all.
    fn open_orders(
        &self,
        context: &AccountContext,
        instrument: Option<&Instrument>,
    ) -> Call<Listed<OrderReport>>;
    /// Asks for fills of one instrument, oldest first.
    ///
    /// # Errors
    /// Fails on an id that is not this venue's.
    fn fills(
        &self,
        context: &AccountContext,
        instrument: &Instrument,
        query: &FillQuery,
    ) -> Result<Call<Page<Fill>>, VenueError>;
    /// Asks for all positions.
    fn positions(&self, context: &AccountContext) -> Call<Listed<PositionReport>>;
    /// Asks for all balances.
    fn balances(&self, context: &AccountContext) -> Call<Listed<BalanceReport>>;
    /// Asks for the account's margin.
    fn margin(&self, context: &AccountContext) -> Call<MarginReport>;
    /// Asks when the account last changed, as far as one question tells: a stream that has not
    /// spoken of it is dead (F87).
    fn last_change(&self, context: &AccountContext) -> Call<Option<UnixNanos>>;
    /// Asks for the position mode (F50); nothing where the venue has only one.
    fn position_mode(&self) -> Option<Call<PositionMode>>;

    /// Opens a private session; nothing where its stream is opened by a signature alone.
    fn open_session(&self) -> Option<Call<SessionKey>>;
    /// Extends a private session; nothing where sessions have no key.
    fn extend_session(&self, session: &SessionKey) -> Option<Call<()>>;
    /// Closes a private session; nothing where sessions have no key.
    fn close_session(&self, session: &SessionKey) -> Option<Call<()>>;

    /// Signs a request with the venue's time, as late as possible (F117).
    ///
    /// # Errors
    /// Fails when the request needs credentials and none are given.
    fn finish(
        &self,
        request: &VenueRequest,
        credentials: Option<&Credentials>,
        venue_now: UnixNanos,
    ) -> Result<WireRequest, VenueError>;
    /// Returns what an answer says is used of each scope (F116).
    fn usage(&self, headers: &HeaderMap) -> Vec<Usage>;

    /// Returns the connections that together carry all topics.
    ///
    /// # Errors
    /// Fails on a topic that the venue does not offer.
    fn public_streams(&self, topics: &[Topic]) -> Result<Vec<StreamPlan>, VenueError>;
    /// Returns a frame that subscribes on a connection that stands.
    ///
    /// # Errors
    /// Fails on a topic that the venue does not offer.
    fn subscribe(&self, id: u64, topics: &[Topic]) -> Result<SubscribeFrame, VenueError>;
    /// Returns a frame that unsubscribes.
    ///
    /// # Errors
    /// Fails on a topic that the venue does not offer.
    fn unsubscribe(&self, id: u64, topics: &[Topic]) -> Result<SubscribeFrame, VenueError>;
    /// Returns the connection that carries the account. Its frames may hold a signature that soon
    /// ends: they are to be made once the connection stands.
    ///
    /// # Errors
    /// Fails on a session key that cannot be part of an address, and on credentials that cannot
    /// sign.
    fn private_stream(&self, access: &PrivateAccess<'_>) -> Result<StreamPlan, VenueError>;
    /// Reads a frame of a public stream.
    ///
    /// # Errors
    /// Fails on what cannot be read; the stream goes on (F109).
    fn read_public<'a>(&self, frame: &'a [u8]) -> Result<PublicFrame<'a>, VenueError>;
    /// Reads a frame of a private stream; one frame may hold several events.
    ///
    /// # Errors
    /// Fails on what cannot be read; the stream goes on, and the account is to be reconciled.
    fn read_private(
        &self,
        context: &AccountContext,
        frame: &[u8],
    ) -> Result<Vec<AccountEvent>, VenueError>;
}
