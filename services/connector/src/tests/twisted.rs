//! An adapter that does as the venue's own does, but for one thing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use chimera_model::account::PositionMode;
use chimera_model::book::SequenceRule;
use chimera_model::market::{Bar, Quote, Ticker, Trade};
use chimera_model::report::{
    AccountEvent, BalanceReport, Fill, MarginReport, OrderReport, PositionReport,
};
use chimera_model::{ClientOrderId, ClientOrderIndex, Instrument, UnixNanos, Venue};
use chimera_venue::{
    AccountContext, Aliases, BarQuery, Call, Capabilities, Credentials, DepthSnapshot, Endpoints,
    FillQuery, InstrumentList, InstrumentTable, Listed, NewOrder, OrderKey, Page, PrivateAccess,
    PublicFrame, RateLimits, SessionKey, SessionRules, StreamPlan, StreamRules, SubscribeFrame,
    Topic, TradeQuery, Usage, VenueAdapter, VenueError, VenueRequest, WireRequest,
};

type Adapter = Arc<dyn VenueAdapter>;
type Events = Result<Vec<AccountEvent>, VenueError>;
/// How the venue's own adapter reads a private frame.
pub(super) type Read<'a> = &'a dyn Fn(&AccountContext, &[u8]) -> Events;
type TwistRead = Arc<dyn Fn(Read<'_>, &AccountContext, &[u8]) -> Events + Send + Sync>;

pub(super) struct Twisted {
    inner: Adapter,
    read: Option<TwistRead>,
    misplace: bool,
    scatter: bool,
    mute: Option<Mute>,
    offers: Option<Capabilities>,
}

/// A venue that confirms no subscription, and says no without saying to what.
struct Mute {
    rules: StreamRules,
    /// How many requests it still refuses.
    refusals: AtomicU32,
}

impl Twisted {
    /// Reads private frames another way.
    pub(super) fn reading(
        read: impl Fn(Read<'_>, &AccountContext, &[u8]) -> Events + Send + Sync + 'static,
    ) -> impl Fn(Adapter) -> Adapter {
        let read: TwistRead = Arc::new(read);
        move |inner| {
            Arc::new(Self {
                read: Some(read.clone()),
                ..Self::straight(inner)
            })
        }
    }

    fn straight(inner: Adapter) -> Self {
        Self {
            inner,
            read: None,
            misplace: false,
            scatter: false,
            mute: None,
            offers: None,
        }
    }

    /// Places every order under the index after the one asked for, as a misspelt parameter would.
    pub(super) fn misplacing(inner: Adapter) -> Adapter {
        Arc::new(Self {
            misplace: true,
            ..Self::straight(inner)
        })
    }

    /// Offers something else.
    pub(super) fn offering(change: impl Fn(&mut Capabilities)) -> impl Fn(Adapter) -> Adapter {
        move |inner| {
            let mut offers = inner.capabilities().clone();
            change(&mut offers);
            Arc::new(Self {
                offers: Some(offers),
                ..Self::straight(inner)
            })
        }
    }

    /// Keeps orders in two places: the first one never has what is looked for.
    pub(super) fn scattering(inner: Adapter) -> Adapter {
        Arc::new(Self {
            scatter: true,
            ..Self::straight(inner)
        })
    }

    /// Confirms no subscription and refuses the first ones, without saying which.
    pub(super) fn muting(refusals: u32) -> impl Fn(Adapter) -> Adapter {
        move |inner| {
            let rules = StreamRules {
                confirms: false,
                ..*inner.stream_rules()
            };
            let refusals = AtomicU32::new(refusals);
            Arc::new(Self {
                mute: Some(Mute { rules, refusals }),
                ..Self::straight(inner)
            })
        }
    }
}

impl fmt::Debug for Twisted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Twisted")
    }
}

/// Hands calls through to the venue's own adapter.
macro_rules! through {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> $answer {
            self.inner.$name($($argument),*)
        })*
    };
}

impl VenueAdapter for Twisted {
    through! {
        fn venue() -> Venue;
        fn endpoints() -> &Endpoints;
        fn rate_limits() -> &RateLimits;
        fn session_rules() -> Option<&SessionRules>;
        fn sequence_rule() -> SequenceRule;
        fn aliases() -> &Aliases;
        fn client_order_id(index: ClientOrderIndex) -> ClientOrderId;
        fn client_order_index(id: &str) -> Option<ClientOrderIndex>;
        fn server_time() -> Call<UnixNanos>;
        fn instruments() -> Call<InstrumentList>;
        fn depth(instrument: &Instrument, depth: usize) -> Call<DepthSnapshot>;
        fn quote(instrument: &Instrument) -> Call<Quote>;
        fn ticker(instrument: &Instrument) -> Call<Ticker>;
        fn tickers(instruments: &Arc<InstrumentTable>) -> Call<Listed<Ticker>>;
        fn trades(instrument: &Instrument, query: TradeQuery, limit: usize)
            -> Result<Call<Vec<Trade>>, VenueError>;
        fn bars(instrument: &Instrument, query: &BarQuery, now: UnixNanos) -> Call<Vec<Bar>>;
        fn cancel(context: &AccountContext, instrument: &Instrument, key: &OrderKey)
            -> Result<Call<OrderReport>, VenueError>;
        fn open_orders(context: &AccountContext, instrument: Option<&Instrument>)
            -> Call<Listed<OrderReport>>;
        fn fills(context: &AccountContext, instrument: &Instrument, query: &FillQuery)
            -> Result<Call<Page<Fill>>, VenueError>;
        fn positions(context: &AccountContext) -> Call<Listed<PositionReport>>;
        fn balances(context: &AccountContext) -> Call<Listed<BalanceReport>>;
        fn margin(context: &AccountContext) -> Call<MarginReport>;
        fn last_change(context: &AccountContext) -> Call<Option<UnixNanos>>;
        fn position_mode() -> Option<Call<PositionMode>>;
        fn open_session() -> Option<Call<SessionKey>>;
        fn extend_session(session: &SessionKey) -> Option<Call<()>>;
        fn close_session(session: &SessionKey) -> Option<Call<()>>;
        fn finish(request: &VenueRequest, credentials: Option<&Credentials>, now: UnixNanos)
            -> Result<WireRequest, VenueError>;
        fn usage(headers: &http::HeaderMap) -> Vec<Usage>;
        fn public_streams(topics: &[Topic]) -> Result<Vec<StreamPlan>, VenueError>;
        fn subscribe(id: u64, topics: &[Topic]) -> Result<SubscribeFrame, VenueError>;
        fn unsubscribe(id: u64, topics: &[Topic]) -> Result<SubscribeFrame, VenueError>;
        fn private_stream(access: &PrivateAccess<'_>) -> Result<StreamPlan, VenueError>;
    }

    fn capabilities(&self) -> &Capabilities {
        let own = || self.inner.capabilities();
        self.offers.as_ref().unwrap_or_else(own)
    }

    fn stream_rules(&self) -> &StreamRules {
        match &self.mute {
            Some(mute) => &mute.rules,
            None => self.inner.stream_rules(),
        }
    }

    fn order(
        &self,
        context: &AccountContext,
        instrument: &Instrument,
        key: &OrderKey,
        created: Option<UnixNanos>,
    ) -> Result<Vec<Call<OrderReport>>, VenueError> {
        let mut places = self.inner.order(context, instrument, key, created)?;
        if self.scatter {
            let nobody = OrderKey::Index(ClientOrderIndex::MAX);
            let elsewhere = self.inner.order(context, instrument, &nobody, created)?;
            places.splice(..0, elsewhere);
        }
        Ok(places)
    }

    fn place(
        &self,
        context: &AccountContext,
        instrument: &Instrument,
        order: &NewOrder,
    ) -> Result<Call<OrderReport>, VenueError> {
        let mut order = order.clone();
        if self.misplace {
            order.index = order.index.next().expect("a test's index is not the last");
        }
        self.inner.place(context, instrument, &order)
    }

    fn read_public<'a>(&self, frame: &'a [u8]) -> Result<PublicFrame<'a>, VenueError> {
        let read = self.inner.read_public(frame)?;
        let (Some(mute), PublicFrame::Confirmed { .. }) = (&self.mute, &read) else {
            return Ok(read);
        };
        let left = |refusals: u32| refusals.checked_sub(1);
        let refused = mute.refusals.fetch_update(Relaxed, Relaxed, left).is_ok();
        Ok(if refused {
            let error = VenueError::unreadable("no stream of this name");
            PublicFrame::Refused { id: None, error }
        } else {
            PublicFrame::Ignored { kind: "" }
        })
    }

    fn read_private(&self, context: &AccountContext, frame: &[u8]) -> Events {
        let own = |context: &AccountContext, frame: &[u8]| self.inner.read_private(context, frame);
        match &self.read {
            Some(read) => read(&own, context, frame),
            None => own(context, frame),
        }
    }
}
