//! A venue with a true ledger, behind a real connector service: what it does is scripted, what it
//! says can be held back, lost, repeated and disordered.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as pb;
use chimera_runtime::{Channel, Service};
use futures::Stream;
use pb::connector_service_server::{ConnectorService, ConnectorServiceServer};
use pb::watch_account_response::Frame;
use tokio::sync::{mpsc, watch};
use tonic::{Request, Response, Status};

pub const VENUE: &str = "example";
pub const SYMBOL: &str = "SOL-USDT-PERP";
pub const ACCOUNT: &str = "main";

/// What the venue does with the next submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnSubmit {
    /// Takes it and says so.
    Accept,
    /// Says no.
    Reject(&'static str),
    /// Takes it; the answer is lost.
    LoseReply,
    /// Never receives it; the answer is lost.
    LoseRequest,
    /// Takes it so much later; the answer is lost.
    AcceptLater(Duration),
    /// Takes it, and says that its client id is taken.
    Duplicate,
    /// Nothing leaves the connector.
    NotSent(&'static str),
    /// Takes it; the call fails without a word.
    Break,
    /// Fills it at once.
    Fill,
    /// Takes it, answers after this.
    Slow(Duration),
}

/// What the venue does with the next cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnCancel {
    /// Cancels and says so.
    Accept,
    /// Says yes, cancels, tells by stream only.
    AcceptQuietly,
    /// Says that it knows no such order, although it does.
    NotFound,
    /// Fills the order first.
    FillFirst,
    /// Cancels; the answer is lost.
    LoseReply,
    /// The request is lost.
    LoseRequest,
    /// Says no.
    Reject,
    /// Cancels; says so after this.
    Slow(Duration),
}

#[derive(Debug, Clone)]
pub struct VenueOrder {
    pub index: i64,
    pub id: String,
    pub side: common::Side,
    pub lots: i64,
    pub ticks: i64,
    pub filled: i64,
    pub status: pb::ReportedStatus,
    pub tif: common::TimeInForce,
    pub reduce_only: bool,
}

#[derive(Debug)]
pub struct State {
    pub orders: Vec<VenueOrder>,
    pub fills: Vec<pb::Fill>,
    pub position_lots: i64,
    pub on_submit: VecDeque<OnSubmit>,
    pub on_cancel: VecDeque<OnCancel>,
    /// Queries that find nothing although there is something.
    pub blind_queries: usize,
    /// Queries that fail.
    pub failing_queries: usize,
    pub submits: Vec<i64>,
    pub cancels: Vec<i64>,
    pub queries: Vec<i64>,
    /// Whether events are kept back.
    pub silent: bool,
    /// Whether fills are not itemised.
    pub no_fill_events: bool,
    pub kept_back: Vec<pb::account_event::Event>,
    pub bid: Option<i64>,
    pub ask: Option<i64>,
    pub stale: bool,
    pub version: u64,
    pub available: String,
    pub generation: u64,
    pub live: bool,
    pub list_fills_empty: bool,
    pub down: bool,
    streams: Vec<mpsc::UnboundedSender<Result<pb::WatchAccountResponse, Status>>>,
    seq: u64,
    next_id: u64,
    next_trade: u64,
}

/// The venue. Clones share it.
#[derive(Debug, Clone)]
pub struct Venue {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
}

impl Venue {
    pub fn new() -> Self {
        let state = State {
            orders: Vec::new(),
            fills: Vec::new(),
            position_lots: 0,
            on_submit: VecDeque::new(),
            on_cancel: VecDeque::new(),
            blind_queries: 0,
            failing_queries: 0,
            submits: Vec::new(),
            cancels: Vec::new(),
            queries: Vec::new(),
            silent: false,
            no_fill_events: false,
            kept_back: Vec::new(),
            bid: Some(9_999),
            ask: Some(10_001),
            stale: false,
            version: 1,
            available: "1000000".to_owned(),
            generation: 1,
            live: true,
            list_fills_empty: false,
            down: false,
            streams: Vec::new(),
            seq: 0,
            next_id: 900,
            next_trade: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            changed: watch::Sender::new(0),
        }
    }

    pub fn channel(&self) -> Channel {
        let server = ConnectorServiceServer::new(self.clone());
        Channel::in_process([Service::new(server, FILE_DESCRIPTOR_SET).unwrap()])
    }

    /// Looks at the ledger, or changes it.
    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let value = work(&mut self.state.lock().unwrap());
        self.changed.send_modify(|count| *count += 1);
        value
    }

    pub fn on_submit(&self, what: impl IntoIterator<Item = OnSubmit>) {
        self.with(|state| state.on_submit.extend(what));
    }

    pub fn on_cancel(&self, what: impl IntoIterator<Item = OnCancel>) {
        self.with(|state| state.on_cancel.extend(what));
    }

    /// Waits until the venue's ledger is as wanted, at most an hour of virtual time.
    pub async fn until(&self, mut wanted: impl FnMut(&State) -> bool) {
        let mut changed = self.changed.subscribe();
        let wait = async {
            loop {
                if wanted(&self.state.lock().unwrap()) {
                    return;
                }
                changed.changed().await.unwrap();
            }
        };
        let bound = Duration::from_secs(3_600);
        tokio::time::timeout(bound, wait)
            .await
            .expect("the venue never came to be as wanted");
    }

    pub fn order(&self, index: i64) -> VenueOrder {
        let found = self.with(|state| state.orders.iter().find(|it| it.index == index).cloned());
        found.expect("the venue has the order")
    }

    /// Fills so many lots of an order.
    pub fn fill(&self, index: i64, lots: i64) {
        self.with(|state| state.fill(index, lots));
    }

    /// Ends an order by the venue's own will.
    pub fn end(&self, index: i64, status: pb::ReportedStatus) {
        self.with(|state| {
            state.end(index, status);
        });
    }

    /// Drops every stream, as a lost connection does.
    pub fn drop_streams(&self) {
        self.with(|state| {
            state.generation += 1;
            state.streams.clear();
        });
    }

    /// Says what was kept back, in the order that `arrange` makes of it.
    pub fn speak(&self, arrange: impl FnOnce(&mut Vec<pb::account_event::Event>)) {
        self.with(|state| {
            state.silent = false;
            let mut kept = std::mem::take(&mut state.kept_back);
            arrange(&mut kept);
            for event in kept {
                state.say(event);
            }
        });
    }

    pub fn say(&self, event: pb::account_event::Event) {
        self.with(|state| state.say(event));
    }

    /// How many orders the venue ever had under an index.
    pub fn count(&self, index: i64) -> usize {
        self.with(|state| state.orders.iter().filter(|it| it.index == index).count())
    }

    pub fn is_any_open(&self) -> bool {
        self.with(|state| state.orders.iter().any(VenueOrder::is_open))
    }
}

impl VenueOrder {
    pub fn is_open(&self) -> bool {
        matches!(
            self.status,
            pb::ReportedStatus::New | pb::ReportedStatus::PartiallyFilled
        )
    }

    pub fn report(&self, state: &State, source: pb::ReportSource) -> pb::OrderReport {
        let average = if self.filled > 0 {
            price(self.ticks)
        } else {
            String::new()
        };
        pb::OrderReport {
            venue: VENUE.into(),
            account: ACCOUNT.into(),
            symbol: SYMBOL.into(),
            client_order_index: self.index,
            client_order_id: if self.index > 0 {
                format!("x-{}", self.index)
            } else {
                "human".into()
            },
            venue_order_id: self.id.clone(),
            status: self.status.into(),
            status_text: format!("{:?}", self.status),
            side: self.side.into(),
            order_type: common::OrderType::Limit.into(),
            time_in_force: self.tif.into(),
            quantity_lots: self.lots,
            price_ticks: self.ticks,
            filled_lots: self.filled,
            average_price: average,
            instrument_version: state.version,
            source: source.into(),
            generation: state.generation,
            reduce_only: self.reduce_only,
            ..Default::default()
        }
    }
}

/// Returns a price of so many ticks of 0.01.
pub fn price(ticks: i64) -> String {
    decimal(ticks, 100)
}

/// Returns a quantity of so many lots of 0.1.
pub fn quantity(lots: i64) -> String {
    decimal(lots, 10)
}

fn decimal(units: i64, per: i64) -> String {
    use chimera_model::Decimal;
    let scale = if per == 100 { 2 } else { 1 };
    Decimal::from_scaled(units, scale).unwrap().to_string()
}

impl State {
    pub fn say(&mut self, event: pb::account_event::Event) {
        if self.silent {
            self.kept_back.push(event);
            return;
        }
        let prev_seq = self.seq;
        self.seq += 1;
        let frame = pb::WatchAccountResponse {
            frame: Some(Frame::Event(pb::AccountEvent {
                prev_seq,
                seq: self.seq,
                event: Some(event),
            })),
        };
        self.streams
            .retain(|stream| stream.send(Ok(frame.clone())).is_ok());
    }

    fn session(&self) -> pb::Session {
        pb::Session {
            venue: VENUE.into(),
            account: ACCOUNT.into(),
            state: match self.live {
                true => pb::SessionState::Live,
                false => pb::SessionState::Reconnecting,
            }
            .into(),
            generation: self.generation,
            ..Default::default()
        }
    }

    /// Changes whether the session is live, and says so.
    pub fn set_live(&mut self, live: bool) {
        self.live = live;
        let session = self.session();
        self.say(pb::account_event::Event::Session(session));
    }

    pub fn take(&mut self, order: VenueOrder) {
        let report = order.report(self, pb::ReportSource::Stream);
        self.orders.push(order);
        self.say(pb::account_event::Event::Order(report));
    }

    fn find(&mut self, index: i64) -> Option<usize> {
        self.orders.iter().rposition(|it| it.index == index)
    }

    pub fn fill(&mut self, index: i64, lots: i64) {
        let at = self.find(index).expect("an order to fill");
        self.fill_at(at, lots);
    }

    pub fn fill_at(&mut self, at: usize, lots: i64) {
        self.next_trade += 1;
        let order = &mut self.orders[at];
        order.filled += lots;
        if order.is_open() {
            order.status = if order.filled >= order.lots {
                pb::ReportedStatus::Filled
            } else {
                pb::ReportedStatus::PartiallyFilled
            };
        }
        let order = order.clone();
        self.position_lots += if order.side == common::Side::Buy {
            lots
        } else {
            -lots
        };
        let fill = pb::Fill {
            venue: VENUE.into(),
            account: ACCOUNT.into(),
            symbol: SYMBOL.into(),
            trade_id: self.next_trade.to_string(),
            venue_order_id: order.id.clone(),
            client_order_index: order.index,
            side: order.side.into(),
            price: price(order.ticks),
            quantity: quantity(lots),
            fee: Some(common::Fee {
                asset: "USDT".into(),
                amount: "0.01".into(),
            }),
            liquidity: common::Liquidity::Maker.into(),
            venue_time: Some(prost_types::Timestamp {
                seconds: 1_800_000_000 + self.next_trade as i64,
                nanos: 0,
            }),
            source: pb::ReportSource::Stream.into(),
            generation: self.generation,
            ..Default::default()
        };
        self.fills.push(fill.clone());
        if !self.no_fill_events {
            self.say(pb::account_event::Event::Fill(fill));
        }
        let report = order.report(self, pb::ReportSource::Stream);
        self.say(pb::account_event::Event::Order(report));
    }

    pub fn end(&mut self, index: i64, status: pb::ReportedStatus) -> bool {
        let Some(at) = self.find(index).filter(|at| self.orders[*at].is_open()) else {
            return false;
        };
        self.orders[at].status = status;
        let report = self.orders[at]
            .clone()
            .report(self, pb::ReportSource::Stream);
        self.say(pb::account_event::Event::Order(report));
        true
    }

    fn next_id(&mut self) -> String {
        self.next_id += 1;
        self.next_id.to_string()
    }

    fn instrument(&self) -> common::Instrument {
        common::Instrument {
            venue: VENUE.into(),
            symbol: SYMBOL.into(),
            venue_symbol: "SOLUSDT".into(),
            kind: common::InstrumentKind::Perpetual.into(),
            base_asset: "SOL".into(),
            quote_asset: "USDT".into(),
            settle_asset: "USDT".into(),
            tick_size: "0.01".into(),
            lot_size: "0.1".into(),
            min_quantity: "0.1".into(),
            max_quantity: "10000".into(),
            max_market_quantity: "5000".into(),
            min_notional: "5".into(),
            contract_multiplier: "1".into(),
            status: common::InstrumentStatus::Trading.into(),
            version: self.version,
        }
    }
}

struct Submit {
    index: i64,
    side: common::Side,
    lots: i64,
    ticks: Option<i64>,
    tif: common::TimeInForce,
    reduce_only: bool,
}

type Answered = (
    pb::Outcome,
    Option<pb::OutcomeDetail>,
    Option<pb::OrderReport>,
);

fn detail(reason: &str, code: &str) -> pb::OutcomeDetail {
    pb::OutcomeDetail {
        reason: reason.into(),
        venue_code: code.into(),
        venue_message: "as scripted".into(),
        ..Default::default()
    }
}

impl Venue {
    async fn submit(&self, submit: Submit) -> Result<Answered, Status> {
        let script = self.with(|state| {
            state.submits.push(submit.index);
            state.on_submit.pop_front().unwrap_or(OnSubmit::Accept)
        });
        let unknown = || {
            Ok((
                pb::Outcome::Unknown,
                Some(detail("ORDER_OUTCOME_UNKNOWN", "")),
                None,
            ))
        };
        match script {
            OnSubmit::Accept => Ok((pb::Outcome::Accepted, None, Some(self.accept(&submit)))),
            OnSubmit::Fill => {
                self.accept(&submit);
                let report = self.with(|state| {
                    state.fill(submit.index, submit.lots);
                    let order = state.orders.last().unwrap().clone();
                    order.report(state, pb::ReportSource::Acknowledgement)
                });
                Ok((pb::Outcome::Accepted, None, Some(report)))
            }
            OnSubmit::Slow(pause) => {
                let report = self.accept(&submit);
                tokio::time::sleep(pause).await;
                Ok((pb::Outcome::Accepted, None, Some(report)))
            }
            OnSubmit::Reject(code) => Ok((
                pb::Outcome::Rejected,
                Some(detail("ORDER_REJECTED", code)),
                None,
            )),
            OnSubmit::LoseReply => {
                self.accept(&submit);
                unknown()
            }
            OnSubmit::LoseRequest => unknown(),
            OnSubmit::AcceptLater(after) => {
                let venue = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    venue.accept(&submit);
                });
                unknown()
            }
            OnSubmit::Duplicate => {
                self.accept(&submit);
                let said = pb::OutcomeDetail {
                    duplicate_client_id: true,
                    ..detail("ORDER_REJECTED", "-4116")
                };
                Ok((pb::Outcome::Rejected, Some(said), None))
            }
            OnSubmit::NotSent(reason) => Ok((pb::Outcome::NotSent, Some(detail(reason, "")), None)),
            OnSubmit::Break => {
                self.accept(&submit);
                Err(Status::unavailable("the connection broke"))
            }
        }
    }

    fn accept(&self, submit: &Submit) -> pb::OrderReport {
        self.with(|state| {
            let order = VenueOrder {
                index: submit.index,
                id: state.next_id(),
                side: submit.side,
                lots: submit.lots,
                ticks: submit.ticks.unwrap_or(10_000),
                filled: 0,
                status: pb::ReportedStatus::New,
                tif: submit.tif,
                reduce_only: submit.reduce_only,
            };
            let report = order.report(state, pb::ReportSource::Acknowledgement);
            state.take(order);
            // A market order takes what it wants at once.
            if submit.ticks.is_none() {
                state.fill(submit.index, submit.lots);
                let order = state.orders.last().unwrap().clone();
                return order.report(state, pb::ReportSource::Acknowledgement);
            }
            report
        })
    }

    async fn cancel(&self, index: i64) -> Answered {
        let script = self.with(|state| {
            state.cancels.push(index);
            state.on_cancel.pop_front().unwrap_or(OnCancel::Accept)
        });
        let not_found = || {
            (
                pb::Outcome::NotFound,
                Some(detail("ORDER_NOT_FOUND", "-2011")),
                None,
            )
        };
        let unknown = || {
            (
                pb::Outcome::Unknown,
                Some(detail("ORDER_OUTCOME_UNKNOWN", "")),
                None,
            )
        };
        let report = |state: &mut State| {
            let at = state.find(index).unwrap();
            let order = state.orders[at].clone();
            order.report(state, pb::ReportSource::Acknowledgement)
        };
        match script {
            OnCancel::Accept => self.with(|state| {
                if state.end(index, pb::ReportedStatus::Cancelled) {
                    (pb::Outcome::Accepted, None, Some(report(state)))
                } else {
                    not_found()
                }
            }),
            OnCancel::AcceptQuietly => self.with(|state| {
                state.end(index, pb::ReportedStatus::Cancelled);
                (pb::Outcome::Accepted, None, None)
            }),
            OnCancel::NotFound => not_found(),
            OnCancel::FillFirst => self.with(|state| {
                let at = state.find(index).unwrap();
                let rest = state.orders[at].lots - state.orders[at].filled;
                state.fill(index, rest);
                not_found()
            }),
            OnCancel::LoseReply => {
                self.with(|state| state.end(index, pb::ReportedStatus::Cancelled));
                unknown()
            }
            OnCancel::LoseRequest => unknown(),
            OnCancel::Reject => (
                pb::Outcome::Rejected,
                Some(detail("VENUE_REFUSED", "-1")),
                None,
            ),
            OnCancel::Slow(pause) => {
                tokio::time::sleep(pause).await;
                self.with(|state| {
                    if state.end(index, pb::ReportedStatus::Cancelled) {
                        (pb::Outcome::Accepted, None, Some(report(state)))
                    } else {
                        not_found()
                    }
                })
            }
        }
    }
}

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl ConnectorService for Venue {
    async fn list_venues(
        &self,
        _: Request<pb::ListVenuesRequest>,
    ) -> Result<Response<pb::ListVenuesResponse>, Status> {
        let aliases = [("SOL".to_owned(), SYMBOL.to_owned())].into();
        let venue = pb::VenueAccounts {
            venue: VENUE.into(),
            accounts: vec![ACCOUNT.into()],
            aliases,
        };
        Ok(Response::new(pb::ListVenuesResponse {
            venues: vec![venue],
        }))
    }

    async fn get_capabilities(
        &self,
        _: Request<pb::GetCapabilitiesRequest>,
    ) -> Result<Response<pb::GetCapabilitiesResponse>, Status> {
        Ok(Response::new(pb::GetCapabilitiesResponse {
            venue: VENUE.into(),
            validity_window: Some(prost_types::Duration {
                seconds: 5,
                nanos: 0,
            }),
            ..Default::default()
        }))
    }

    async fn get_instrument(
        &self,
        request: Request<pb::GetInstrumentRequest>,
    ) -> Result<Response<pb::GetInstrumentResponse>, Status> {
        let name = request.into_inner().symbol;
        if ![SYMBOL, "SOL", "SOLUSDT"].contains(&name.as_str()) {
            let error = crate::OrderError::UnknownInstrument {
                venue: VENUE.parse().unwrap(),
                symbol: name,
            };
            return Err(chimera_runtime::fault::into_status(error));
        }
        let instrument = Some(self.with(|state| state.instrument()));
        Ok(Response::new(pb::GetInstrumentResponse { instrument }))
    }

    async fn get_top_of_book(
        &self,
        _: Request<pb::GetTopOfBookRequest>,
    ) -> Result<Response<pb::GetTopOfBookResponse>, Status> {
        let top = self.with(|state| pb::TopOfBook {
            venue: VENUE.into(),
            symbol: SYMBOL.into(),
            bid_ticks: state.bid,
            bid_lots: 100,
            ask_ticks: state.ask,
            ask_lots: 100,
            instrument_version: state.version,
            stale: state.stale,
            ..Default::default()
        });
        Ok(Response::new(pb::GetTopOfBookResponse { top: Some(top) }))
    }

    async fn submit_limit_order(
        &self,
        request: Request<pb::SubmitLimitOrderRequest>,
    ) -> Result<Response<pb::SubmitLimitOrderResponse>, Status> {
        let request = request.into_inner();
        let submit = Submit {
            index: request.client_order_index,
            side: request.side(),
            lots: request.quantity_lots,
            ticks: Some(request.price_ticks),
            tif: request.time_in_force(),
            reduce_only: request.reduce_only,
        };
        let (outcome, detail, report) = self.submit(submit).await?;
        Ok(Response::new(pb::SubmitLimitOrderResponse {
            outcome: outcome.into(),
            detail,
            report,
            sent_time: None,
        }))
    }

    async fn submit_market_order(
        &self,
        request: Request<pb::SubmitMarketOrderRequest>,
    ) -> Result<Response<pb::SubmitMarketOrderResponse>, Status> {
        let request = request.into_inner();
        let submit = Submit {
            index: request.client_order_index,
            side: request.side(),
            lots: request.quantity_lots,
            ticks: None,
            tif: common::TimeInForce::Ioc,
            reduce_only: request.reduce_only,
        };
        let (outcome, detail, report) = self.submit(submit).await?;
        Ok(Response::new(pb::SubmitMarketOrderResponse {
            outcome: outcome.into(),
            detail,
            report,
            sent_time: None,
        }))
    }

    async fn cancel_order(
        &self,
        request: Request<pb::CancelOrderRequest>,
    ) -> Result<Response<pb::CancelOrderResponse>, Status> {
        let (outcome, detail, report) = self.cancel(request.into_inner().client_order_index).await;
        Ok(Response::new(pb::CancelOrderResponse {
            outcome: outcome.into(),
            detail,
            report,
        }))
    }

    async fn get_order(
        &self,
        request: Request<pb::GetOrderRequest>,
    ) -> Result<Response<pb::GetOrderResponse>, Status> {
        let request = request.into_inner();
        self.with(|state| {
            state.queries.push(request.client_order_index);
            if state.down || state.failing_queries > 0 {
                state.failing_queries = state.failing_queries.saturating_sub(1);
                return Err(Status::unavailable("the venue does not answer"));
            }
            if state.blind_queries > 0 {
                state.blind_queries -= 1;
                return Ok(Response::new(pb::GetOrderResponse::default()));
            }
            let found = state
                .orders
                .iter()
                .rfind(|order| match request.client_order_index {
                    0 => order.id == request.venue_order_id,
                    index => order.index == index,
                });
            let report = found.map(|order| order.report(state, pb::ReportSource::Query));
            Ok(Response::new(pb::GetOrderResponse {
                found: report.is_some(),
                report,
            }))
        })
    }

    async fn list_open_orders(
        &self,
        _: Request<pb::ListOpenOrdersRequest>,
    ) -> Result<Response<pb::ListOpenOrdersResponse>, Status> {
        self.with(|state| {
            if state.down {
                return Err(Status::unavailable("the venue does not answer"));
            }
            let open = state.orders.iter().filter(|order| order.is_open());
            let orders = open
                .map(|it| it.report(state, pb::ReportSource::Query))
                .collect();
            Ok(Response::new(pb::ListOpenOrdersResponse { orders }))
        })
    }

    async fn list_fills(
        &self,
        request: Request<pb::ListFillsRequest>,
    ) -> Result<Response<pb::ListFillsResponse>, Status> {
        let request = request.into_inner();
        self.with(|state| {
            if state.down {
                return Err(Status::unavailable("the venue does not answer"));
            }
            let after: u64 = request.after_trade_id.parse().unwrap_or(0);
            let fills = state.fills.iter().filter(|fill| {
                let wanted = request.venue_order_id.is_empty()
                    || fill.venue_order_id == request.venue_order_id;
                wanted && fill.trade_id.parse::<u64>().unwrap() > after && !state.list_fills_empty
            });
            let fills = fills.cloned().map(|mut fill| {
                fill.set_source(pb::ReportSource::Query);
                fill
            });
            Ok(Response::new(pb::ListFillsResponse {
                fills: fills.collect(),
                more: false,
            }))
        })
    }

    async fn get_positions(
        &self,
        _: Request<pb::GetPositionsRequest>,
    ) -> Result<Response<pb::GetPositionsResponse>, Status> {
        let positions = self.with(|state| {
            vec![pb::PositionReport {
                venue: VENUE.into(),
                account: ACCOUNT.into(),
                symbol: SYMBOL.into(),
                quantity: quantity(state.position_lots),
                entry_price: "0".into(),
                leverage: "10".into(),
                ..Default::default()
            }]
        });
        Ok(Response::new(pb::GetPositionsResponse { positions }))
    }

    async fn get_margin(
        &self,
        _: Request<pb::GetMarginRequest>,
    ) -> Result<Response<pb::GetMarginResponse>, Status> {
        self.with(|state| {
            if state.down {
                return Err(Status::unavailable("the venue does not answer"));
            }
            let margin = pb::MarginReport {
                venue: VENUE.into(),
                account: ACCOUNT.into(),
                asset: "USDT".into(),
                available: state.available.clone(),
                ..Default::default()
            };
            Ok(Response::new(pb::GetMarginResponse {
                margin: Some(margin),
                balances: vec![],
            }))
        })
    }

    type WatchMarketStream = Streamed<pb::WatchMarketResponse>;

    async fn watch_market(
        &self,
        _: Request<pb::WatchMarketRequest>,
    ) -> Result<Response<Self::WatchMarketStream>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    type WatchAccountStream = Streamed<pb::WatchAccountResponse>;

    async fn watch_account(
        &self,
        _: Request<pb::WatchAccountRequest>,
    ) -> Result<Response<Self::WatchAccountStream>, Status> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.with(|state| {
            if state.down {
                return Err(Status::unavailable("the venue does not answer"));
            }
            let snapshot = pb::AccountSnapshot {
                seq: state.seq,
                session: Some(state.session()),
            };
            let frame = pb::WatchAccountResponse {
                frame: Some(Frame::Snapshot(snapshot)),
            };
            let _ = sender.send(Ok(frame));
            state.streams.push(sender);
            Ok(())
        })?;
        let frames = tokio_stream::wrappers::UnboundedReceiverStream::new(receiver);
        Ok(Response::new(Box::pin(frames)))
    }

    async fn get_session(
        &self,
        _: Request<pb::GetSessionRequest>,
    ) -> Result<Response<pb::GetSessionResponse>, Status> {
        let session = Some(self.with(|state| state.session()));
        Ok(Response::new(pb::GetSessionResponse { session }))
    }
}

/// Groups a map of counts: how many orders the venue has by index.
pub fn counts(venue: &Venue) -> BTreeMap<i64, usize> {
    venue.with(|state| {
        let mut counts = BTreeMap::new();
        for order in &state.orders {
            *counts.entry(order.index).or_default() += 1;
        }
        counts
    })
}
