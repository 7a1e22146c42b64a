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

mod wire;

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
    /// Takes it; the call fails with this reason, and says nothing of whether it was begun.
    Fail(&'static str),
    /// Leaves it; the call fails with this reason and says that it was not begun.
    Refuse(&'static str),
    /// Fills it at once.
    Fill,
    /// Takes it, answers after this.
    Slow(Duration),
    /// It waits in the connector for its turn, and leaves after this unless it is withdrawn.
    Queue(Duration),
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
    /// The traces that submissions belonged to, in their order.
    pub traces: Vec<Option<u128>>,
    pub cancels: Vec<i64>,
    pub queries: Vec<i64>,
    /// How often the open orders were listed.
    pub lists: usize,
    /// Whether events are kept back.
    pub silent: bool,
    /// Whether fills are not itemised.
    pub no_fill_events: bool,
    pub kept_back: Vec<pb::account_event::Event>,
    pub bid: Option<i64>,
    pub ask: Option<i64>,
    pub stale: bool,
    /// What the instrument is.
    pub kind: common::InstrumentKind,
    /// What the venue says that it offers.
    pub offers: pb::GetCapabilitiesResponse,
    pub version: u64,
    pub available: String,
    pub generation: u64,
    pub live: bool,
    pub list_fills_empty: bool,
    /// Whether the list of fills names our orders by our ids too, as Backpack's does; Binance's does not.
    pub lists_bear_our_ids: bool,
    /// How long the positions take to be answered.
    pub slow_positions: Duration,
    /// The balance of USDT, when the venue states one.
    pub balance: Option<String>,
    pub down: bool,
    /// Submissions with a lower sequence are withdrawn; spared when they lower exposure.
    pub withdrawn: (u64, bool),
    /// Whether requests to withdraw are not answered.
    pub deaf: bool,
    /// The most lots that our orders could ever have made of the position, either way.
    pub worst_lots: i64,
    /// The most orders that were ever open at one moment.
    pub most_open: usize,
    streams: Vec<mpsc::UnboundedSender<Result<pb::WatchAccountResponse, Status>>>,
    seq: u64,
    next_id: u64,
    next_trade: u64,
}

/// Returns what a venue says that offers all there is.
fn everything() -> pb::GetCapabilitiesResponse {
    use common::{OrderType, TimeInForce};
    pb::GetCapabilitiesResponse {
        order_types: vec![OrderType::Limit.into(), OrderType::Market.into()],
        times_in_force: vec![
            TimeInForce::Gtc.into(),
            TimeInForce::Ioc.into(),
            TimeInForce::Fok.into(),
        ],
        post_only: true,
        reduce_only: true,
        ..pb::GetCapabilitiesResponse::default()
    }
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
            traces: Vec::new(),
            cancels: Vec::new(),
            queries: Vec::new(),
            lists: 0,
            silent: false,
            no_fill_events: false,
            kept_back: Vec::new(),
            bid: Some(9_999),
            ask: Some(10_001),
            stale: false,
            version: 1,
            kind: common::InstrumentKind::Perpetual,
            offers: everything(),
            available: "1000000".to_owned(),
            generation: 1,
            live: true,
            list_fills_empty: false,
            lists_bear_our_ids: false,
            slow_positions: Duration::ZERO,
            balance: None,
            down: false,
            withdrawn: (0, false),
            deaf: false,
            worst_lots: 0,
            most_open: 0,
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

/// Returns a statement of how much USDT the account has.
pub fn usdt(total: &str) -> pb::BalanceReport {
    pb::BalanceReport {
        asset: "USDT".into(),
        total: total.into(),
        ..Default::default()
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
        let open = self.orders.iter().filter(|order| order.is_open()).count();
        self.most_open = self.most_open.max(open);
        self.note_worst();
        self.say(pb::account_event::Event::Order(report));
    }

    fn note_worst(&mut self) {
        let rest = |side: common::Side| -> i64 {
            let open = self
                .orders
                .iter()
                .filter(|it| it.is_open() && it.side == side && !it.reduce_only);
            open.map(|it| it.lots - it.filled).sum()
        };
        let long = self.position_lots + rest(common::Side::Buy);
        let short = rest(common::Side::Sell) - self.position_lots;
        self.worst_lots = self.worst_lots.max(long).max(short);
    }

    fn find(&mut self, index: i64) -> Option<usize> {
        self.orders.iter().rposition(|it| it.index == index)
    }

    pub fn fill(&mut self, index: i64, lots: i64) {
        let at = self.find(index).expect("an order to fill");
        self.fill_at(at, lots);
    }

    /// Fills so many lots of an order; of one that may only reduce, no more than there is to reduce.
    pub fn fill_at(&mut self, at: usize, lots: i64) {
        let against = match self.orders[at].side {
            common::Side::Buy => -self.position_lots,
            _ => self.position_lots,
        };
        let lots = match self.orders[at].reduce_only {
            true => lots.min(against),
            false => lots,
        };
        if lots <= 0 {
            let index = self.orders[at].index;
            self.end(index, pb::ReportedStatus::Expired);
            return;
        }
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
        self.note_worst();
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
            kind: self.kind.into(),
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
