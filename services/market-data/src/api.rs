//! Translates: requests into questions, answers into messages. Decides nothing.

mod server;
mod watch;

use std::sync::Arc;

use chimera_contracts::market_data::v1::{
    self as pb, BarInterval as IntervalWord, Freshness, GetInstrumentRequest,
    GetInstrumentResponse, GetOrderBookRequest, GetOrderBookResponse, ListBarsRequest,
    ListBarsResponse, ListInstrumentsRequest, ListInstrumentsResponse, ListTickersRequest,
    ListTickersResponse, ListTradesRequest, ListTradesResponse, WatchRequest, WatchResponse,
    market_data_service_server::MarketDataService,
};
use chimera_model::{
    Instrument, UnixNanos,
    book::{BookState, StaleReason},
    market::BarInterval,
};
use chimera_runtime::fault::{Fault as _, FieldError};
use chimera_venue::{BarQuery, TradeQuery};
use futures::stream::BoxStream;
use prost::Message as _;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::{
    encode,
    error::MarketDataError,
    service::{Shared, VenueDesk},
    topic::{Followed, Kind, Wake},
};

pub use server::MarketDataServer;

/// Most tickers of one answer.
const TICKERS_MAX: usize = 200;
const TRADES_DEFAULT: usize = 100;
const TRADES_MAX: usize = 1_000;
const BARS_DEFAULT: usize = 500;
const BARS_MAX: usize = 1_500;
const DEPTH_DEFAULT: usize = 20;
const DEPTH_MAX: usize = 1_000;
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1_000;

/// The handlers.
#[derive(Clone)]
pub struct MarketDataApi {
    shared: Shared,
}

impl MarketDataApi {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared }
    }

    fn one(&self, venue: &str, symbol: &str) -> Result<(&VenueDesk, Arc<Instrument>), Status> {
        required("venue", venue)?;
        required("symbol", symbol)?;
        self.shared
            .instrument(venue, symbol)
            .map_err(MarketDataError::into_status)
    }

    /// Waits until a topic has something to show, at most for the configured time.
    async fn first(&self, topic: Arc<dyn Followed>) -> bool {
        let wake = Arc::new(Wake::default());
        let follower = topic.follow(wake.clone(), 0);
        let deadline = Instant::now() + self.shared.first_data();
        let mut cursor = 0;
        let shown = loop {
            if topic.show(1, &mut cursor).is_some() {
                break true;
            }
            topic.read(follower, &mut cursor);
            if tokio::time::timeout_at(deadline, wake.changed())
                .await
                .is_err()
            {
                break false;
            }
            wake.take();
        };
        topic.leave(follower);
        shown
    }

    async fn ticker(
        &self,
        venue: &VenueDesk,
        instrument: &Arc<Instrument>,
    ) -> Result<pb::Ticker, Status> {
        let topic = venue.hub.ticker(instrument);
        if !self.first(topic.clone()).await {
            return Err(no_data(instrument, "ticker").into_status());
        }
        Ok(topic.look(|ticker, _| ticker.ticker().clone()))
    }
}

#[tonic::async_trait]
impl MarketDataService for MarketDataApi {
    async fn list_instruments(
        &self,
        request: Request<ListInstrumentsRequest>,
    ) -> Result<Response<ListInstrumentsResponse>, Status> {
        let request = request.into_inner();
        let size = count("page_size", request.page_size, PAGE_DEFAULT, PAGE_MAX)?;
        if !request.venue.is_empty() {
            self.shared
                .venue(&request.venue)
                .map_err(MarketDataError::into_status)?;
        }
        let mut instruments: Vec<Arc<Instrument>> = self
            .shared
            .venues
            .iter()
            .filter(|(name, _)| request.venue.is_empty() || **name == request.venue)
            .flat_map(|(_, venue)| venue.hub.instruments().iter().cloned().collect::<Vec<_>>())
            .collect();
        instruments.sort_by_key(|instrument| (instrument.venue, instrument.symbol));
        // The token is the last name of the page before: it needs no secret, for it shows nothing that
        // the list itself does not show.
        let after = page_token(&request.page_token, &request.venue)?;
        let mut page = instruments
            .iter()
            .map(|instrument| {
                (
                    format!("{}/{}", instrument.venue, instrument.symbol),
                    instrument,
                )
            })
            .skip_while(|(name, _)| after.as_ref().is_some_and(|after| name <= after));
        let shown: Vec<_> = page.by_ref().take(size).collect();
        let more = page.next().is_some();
        let next_page_token = shown
            .last()
            .filter(|_| more)
            .map_or_else(String::new, |(name, _)| format!("{}|{name}", request.venue));
        let instruments = shown
            .into_iter()
            .map(|(_, instrument)| encode::instrument(instrument))
            .collect();
        Ok(Response::new(ListInstrumentsResponse {
            instruments,
            next_page_token,
        }))
    }

    async fn get_instrument(
        &self,
        request: Request<GetInstrumentRequest>,
    ) -> Result<Response<GetInstrumentResponse>, Status> {
        let request = request.into_inner();
        let (_, instrument) = self.one(&request.venue, &request.symbol)?;
        Ok(Response::new(GetInstrumentResponse {
            instrument: Some(encode::instrument(&instrument)),
        }))
    }

    async fn list_tickers(
        &self,
        request: Request<ListTickersRequest>,
    ) -> Result<Response<ListTickersResponse>, Status> {
        let request = request.into_inner();
        if request.symbols.len() > TICKERS_MAX {
            let expected = format!("at most {TICKERS_MAX} symbols");
            return Err(FieldError::new("symbols", expected).into_status());
        }
        let mut tickers = Vec::new();
        if request.symbols.is_empty() {
            if !request.venue.is_empty() {
                self.shared
                    .venue(&request.venue)
                    .map_err(MarketDataError::into_status)?;
            }
            for (name, venue) in self.shared.venues.iter() {
                if request.venue.is_empty() || *name == request.venue {
                    let boards = venue.hub.boards().borrow().clone();
                    let topics = boards.values().filter_map(|board| board.ticker.as_ref());
                    tickers.extend(topics.map(|topic| topic.look(|held, _| held.ticker().clone())));
                }
            }
        } else {
            let wanted: Result<Vec<_>, Status> = request
                .symbols
                .iter()
                .map(|symbol| self.one(&request.venue, symbol))
                .collect();
            let wanted = wanted?;
            let asked = wanted
                .iter()
                .map(|(venue, instrument)| self.ticker(venue, instrument));
            tickers = futures::future::try_join_all(asked).await?;
        }
        tickers.sort_by(|one, two| (&one.venue, &one.symbol).cmp(&(&two.venue, &two.symbol)));
        Ok(Response::new(ListTickersResponse { tickers }))
    }

    async fn get_order_book(
        &self,
        request: Request<GetOrderBookRequest>,
    ) -> Result<Response<GetOrderBookResponse>, Status> {
        let request = request.into_inner();
        let depth = count("depth", request.depth, DEPTH_DEFAULT, DEPTH_MAX)?;
        let (venue, instrument) = self.one(&request.venue, &request.symbol)?;
        let topic = venue.hub.book(&instrument);
        if !self.first(topic.clone()).await {
            return Err(no_data(&instrument, "book").into_status());
        }
        let book = topic.look(|book, seq| book.message(seq, depth));
        if request.require_live && book.freshness() != Freshness::Live {
            let stale = MarketDataError::Stale {
                venue: request.venue,
                symbol: request.symbol,
                what: "book",
                why: book.stale_reason,
            };
            return Err(stale.into_status());
        }
        Ok(Response::new(GetOrderBookResponse { book: Some(book) }))
    }

    async fn list_trades(
        &self,
        request: Request<ListTradesRequest>,
    ) -> Result<Response<ListTradesResponse>, Status> {
        let request = request.into_inner();
        let limit = count("limit", request.limit, TRADES_DEFAULT, TRADES_MAX)?;
        let (venue, instrument) = self.one(&request.venue, &request.symbol)?;
        let call = venue
            .desk
            .adapter()
            .trades(&instrument, TradeQuery::Newest, limit)
            .map_err(|error| MarketDataError::from(error).into_status())?;
        let trades = venue
            .desk
            .ask(&call)
            .await
            .map_err(MarketDataError::into_status)?;
        let received = venue.desk.now();
        let trades = trades
            .iter()
            .map(|trade| encode::trade(trade, received, true))
            .collect();
        Ok(Response::new(ListTradesResponse { trades }))
    }

    async fn list_bars(
        &self,
        request: Request<ListBarsRequest>,
    ) -> Result<Response<ListBarsResponse>, Status> {
        let request = request.into_inner();
        let limit = count("limit", request.limit, BARS_DEFAULT, BARS_MAX)?;
        let interval = interval("interval", request.interval)?;
        let start = moment("start_time", request.start_time)?;
        let end = moment("end_time", request.end_time)?;
        if start.zip(end).is_some_and(|(start, end)| start > end) {
            return Err(FieldError::new("end_time", "not before start_time").into_status());
        }
        let (venue, instrument) = self.one(&request.venue, &request.symbol)?;
        // The contract's end is inclusive, the venue's question is not.
        let end = end.map(|end| UnixNanos::from_nanos(end.as_nanos().saturating_add(1)));
        let query = BarQuery {
            interval,
            start,
            end,
            limit,
        };
        let call = venue
            .desk
            .adapter()
            .bars(&instrument, &query, venue.desk.now());
        let bars = venue
            .desk
            .ask(&call)
            .await
            .map_err(MarketDataError::into_status)?;
        Ok(Response::new(ListBarsResponse {
            bars: bars.iter().map(encode::bar).collect(),
        }))
    }

    type WatchStream = BoxStream<'static, Result<WatchResponse, Status>>;

    /// The server answers `Watch` with frames that are encoded already; this is the same stream for
    /// whoever calls the trait itself.
    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        use futures::StreamExt as _;
        let frames = self.frames(request.into_inner())?;
        let decoded = frames.map(|frame| {
            WatchResponse::decode(frame?).map_err(|error| Status::internal(error.to_string()))
        });
        Ok(Response::new(decoded.boxed()))
    }
}

fn required(field: &str, value: &str) -> Result<(), Status> {
    if value.is_empty() {
        return Err(FieldError::new(field, "required").into_status());
    }
    Ok(())
}

/// Reads a count: absent means the default, anything else must be in range.
fn count(field: &str, value: i32, default: usize, most: usize) -> Result<usize, Status> {
    match usize::try_from(value) {
        Ok(0) => Ok(default),
        Ok(value) if value <= most => Ok(value),
        _ => {
            Err(FieldError::new(field, format!("1 to {most}; {default} when absent")).into_status())
        }
    }
}

fn interval(field: &str, value: i32) -> Result<BarInterval, Status> {
    let word = IntervalWord::try_from(value).unwrap_or_default();
    encode::interval(word).ok_or_else(|| {
        FieldError::new(field, "one of 1M, 3M, 5M, 15M, 30M, 1H, 4H, 1D").into_status()
    })
}

fn moment(field: &str, time: Option<prost_types::Timestamp>) -> Result<Option<UnixNanos>, Status> {
    let Some(time) = time else { return Ok(None) };
    let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    match u64::try_from(nanos) {
        Ok(nanos) if (0..1_000_000_000).contains(&time.nanos) => {
            Ok(Some(UnixNanos::from_nanos(nanos)))
        }
        _ => Err(FieldError::new(field, "a time between 1970 and 2554").into_status()),
    }
}

fn page_token(token: &str, venue: &str) -> Result<Option<String>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    match token.split_once('|') {
        Some((filter, after)) if filter == venue => Ok(Some(after.to_owned())),
        _ => Err(MarketDataError::PageToken.into_status()),
    }
}

fn no_data(instrument: &Instrument, what: &'static str) -> MarketDataError {
    MarketDataError::Stale {
        venue: instrument.venue.to_string(),
        symbol: instrument.symbol.to_string(),
        what,
        why: crate::encode::stale_reason(BookState::Stale(StaleReason::NoSnapshot)),
    }
}

/// Returns the kind of topic that a subscription asks for.
fn kind(at: usize, subscription: &pb::Subscription) -> Result<Kind, Status> {
    let field = |name: &str| format!("subscriptions[{at}].{name}");
    match subscription.channel() {
        pb::Channel::Ticker => Ok(Kind::Ticker),
        pb::Channel::Book => Ok(Kind::Book),
        pb::Channel::Trades => Ok(Kind::Trades),
        pb::Channel::Bars => interval(&field("interval"), subscription.interval).map(Kind::Bars),
        pb::Channel::Unspecified => {
            let expected = "one of TICKER, BOOK, TRADES, BARS";
            Err(FieldError::new(field("channel"), expected).into_status())
        }
    }
}
