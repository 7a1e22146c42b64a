//! The venue as the house sees it; everything is delegated.

use std::sync::Arc;
use std::time::Duration;

use chimera_model::account::PositionMode;
use chimera_model::book::SequenceRule;
use chimera_model::market::{Bar, Quote, Ticker, Trade};
use chimera_model::report::{
    AccountEvent, BalanceReport, Fill, MarginReport, OrderReport, PositionReport,
};
use chimera_model::{
    ClientOrderId, ClientOrderIndex, Instrument, OrderType, TimeInForce, UnixNanos, Venue,
};
use http::HeaderMap;

use super::map_order::Mapper;
use super::{
    VENUE, client_id, limits, read_private, read_public, rest_account, rest_market, rest_order,
    sign, stream,
};
use crate::account::{AccountContext, FillQuery, Listed, NewOrder, OrderKey, Page};
use crate::adapter::VenueAdapter;
use crate::answer::Call;
use crate::credentials::{Credentials, SessionKey};
use crate::error::VenueError;
use crate::instruments::{Aliases, InstrumentList, InstrumentTable};
use crate::limits::{RateLimits, Usage};
use crate::public::{BarQuery, DepthSnapshot, PublicFrame, TradeQuery};
use crate::registry::VenueConfig;
use crate::request::{Capabilities, Endpoints, VenueRequest, WireRequest};
use crate::stream::{PrivateAccess, SessionRules, StreamPlan, StreamRules, SubscribeFrame, Topic};

const REST: &str = "https://api.backpack.exchange";
const STREAM: &str = "wss://ws.backpack.exchange";

static CAPABILITIES: Capabilities = Capabilities {
    order_types: &[OrderType::Market, OrderType::Limit],
    times_in_force: &[TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok],
    post_only: true,
    reduce_only: true,
    // Its documentation neither asks for ids that are unique nor names an error for one that is not.
    refuses_open_client_id: false,
    streams_balances: false,
    validity_window: Duration::from_millis(sign::WINDOW_MS),
};

/// Backpack, spot and perpetuals. Its client ids have no room for the prefix of an instance: two
/// instances must not trade one account.
#[derive(Debug)]
pub struct Backpack {
    endpoints: Endpoints,
    aliases: Aliases,
    rate_limits: RateLimits,
}

impl Backpack {
    /// Makes the adapter. What is not set is the venue's own.
    ///
    /// # Errors
    /// Fails on a configuration of another venue.
    pub fn new(config: VenueConfig) -> Result<Self, VenueError> {
        if config.venue != VENUE {
            return Err(VenueError::not_built(format!(
                "{} is not {VENUE}",
                config.venue
            )));
        }
        Ok(Self {
            endpoints: config
                .endpoints
                .map_or_else(|| Endpoints::parse(REST, STREAM), Ok)?,
            aliases: config
                .aliases
                .map_or_else(|| Aliases::of_perpetuals("USDC"), Ok)?,
            rate_limits: limits::documented(),
        })
    }
}

fn mapper(context: &AccountContext) -> Mapper {
    Mapper {
        context: context.clone(),
    }
}

impl VenueAdapter for Backpack {
    fn venue(&self) -> Venue {
        VENUE
    }

    fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn rate_limits(&self) -> &RateLimits {
        &self.rate_limits
    }

    fn stream_rules(&self) -> &StreamRules {
        &stream::STREAM_RULES
    }

    fn session_rules(&self) -> Option<&SessionRules> {
        None
    }

    fn sequence_rule(&self) -> SequenceRule {
        SequenceRule::SpotNext
    }

    fn aliases(&self) -> &Aliases {
        &self.aliases
    }

    fn client_order_id(&self, index: ClientOrderIndex) -> ClientOrderId {
        client_id::encode(index)
    }

    fn client_order_index(&self, id: &str) -> Option<ClientOrderIndex> {
        client_id::decode(id)
    }

    fn server_time(&self) -> Call<UnixNanos> {
        rest_market::server_time()
    }

    fn instruments(&self) -> Call<InstrumentList> {
        rest_market::instruments()
    }

    fn depth(&self, instrument: &Instrument, depth: usize) -> Call<DepthSnapshot> {
        rest_market::depth(instrument, depth)
    }

    fn quote(&self, instrument: &Instrument) -> Call<Quote> {
        rest_market::quote(instrument)
    }

    fn ticker(&self, instrument: &Instrument) -> Call<Ticker> {
        rest_market::ticker(instrument)
    }

    fn tickers(&self, instruments: &Arc<InstrumentTable>) -> Call<Listed<Ticker>> {
        rest_market::tickers(instruments)
    }

    fn trades(
        &self,
        instrument: &Instrument,
        query: TradeQuery,
        limit: usize,
    ) -> Result<Call<Vec<Trade>>, VenueError> {
        rest_market::trades(instrument, query, limit)
    }

    fn bars(&self, instrument: &Instrument, query: &BarQuery, now: UnixNanos) -> Call<Vec<Bar>> {
        rest_market::bars(instrument, query, now)
    }

    fn place(
        &self,
        context: &AccountContext,
        instrument: &Instrument,
        order: &NewOrder,
    ) -> Result<Call<OrderReport>, VenueError> {
        rest_order::place(mapper(context), instrument, order)
    }

    fn cancel(
        &self,
        context: &AccountContext,
        instrument: &Instrument,
        key: &OrderKey,
    ) -> Result<Call<OrderReport>, VenueError> {
        rest_order::cancel(mapper(context), instrument, key)
    }

    fn order(
        &self,
        context: &AccountContext,
        instrument: &Instrument,
        key: &OrderKey,
        created: Option<UnixNanos>,
    ) -> Result<Vec<Call<OrderReport>>, VenueError> {
        rest_order::order(&mapper(context), instrument, key, created)
    }

    fn open_orders(
        &self,
        context: &AccountContext,
        instrument: Option<&Instrument>,
    ) -> Call<Listed<OrderReport>> {
        rest_order::open_orders(mapper(context), instrument)
    }

    fn fills(
        &self,
        context: &AccountContext,
        instrument: &Instrument,
        query: &FillQuery,
    ) -> Result<Call<Page<Fill>>, VenueError> {
        rest_order::fills(mapper(context), instrument, query)
    }

    fn positions(&self, context: &AccountContext) -> Call<Listed<PositionReport>> {
        rest_account::positions(mapper(context))
    }

    fn balances(&self, context: &AccountContext) -> Call<Listed<BalanceReport>> {
        rest_account::balances(mapper(context))
    }

    fn margin(&self, context: &AccountContext) -> Call<MarginReport> {
        rest_account::margin(mapper(context))
    }

    fn last_change(&self, _context: &AccountContext) -> Call<Option<UnixNanos>> {
        rest_order::last_change()
    }

    fn position_mode(&self) -> Option<Call<PositionMode>> {
        None
    }

    fn open_session(&self) -> Option<Call<SessionKey>> {
        None
    }

    fn extend_session(&self, _session: &SessionKey) -> Option<Call<()>> {
        None
    }

    fn close_session(&self, _session: &SessionKey) -> Option<Call<()>> {
        None
    }

    fn finish(
        &self,
        request: &VenueRequest,
        credentials: Option<&Credentials>,
        venue_now: UnixNanos,
    ) -> Result<WireRequest, VenueError> {
        sign::finish(&self.endpoints, request, credentials, venue_now)
    }

    fn usage(&self, _headers: &HeaderMap) -> Vec<Usage> {
        Vec::new()
    }

    fn public_streams(&self, topics: &[Topic]) -> Result<Vec<StreamPlan>, VenueError> {
        stream::plans(&self.endpoints, topics)
    }

    fn subscribe(&self, id: u64, topics: &[Topic]) -> Result<SubscribeFrame, VenueError> {
        stream::frame("SUBSCRIBE", id, topics)
    }

    fn unsubscribe(&self, id: u64, topics: &[Topic]) -> Result<SubscribeFrame, VenueError> {
        stream::frame("UNSUBSCRIBE", id, topics)
    }

    fn private_stream(&self, access: &PrivateAccess<'_>) -> Result<StreamPlan, VenueError> {
        stream::private(&self.endpoints, access)
    }

    fn read_public<'a>(&self, frame: &'a [u8]) -> Result<PublicFrame<'a>, VenueError> {
        read_public::read(frame)
    }

    fn read_private(
        &self,
        context: &AccountContext,
        frame: &[u8],
    ) -> Result<Vec<AccountEvent>, VenueError> {
        read_private::read(&mapper(context), frame)
    }
}
