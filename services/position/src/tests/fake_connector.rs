//! A connector that says what its venue holds and nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::account_event::Event;
use chimera_contracts::connector::v1::connector_service_server::ConnectorService;
use chimera_contracts::connector::v1::watch_account_response::Frame;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status};

type Frames = mpsc::UnboundedSender<Result<pb::WatchAccountResponse, Status>>;

/// What tests do to it.
#[derive(Clone, Default)]
pub(super) struct FakeConnector {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    accounts: Vec<String>,
    positions: BTreeMap<(String, String), pb::PositionReport>,
    margins: BTreeMap<String, pb::MarginReport>,
    balances: Vec<pb::BalanceReport>,
    watchers: Vec<(String, Frames)>,
    seq: u64,
    looks: usize,
    watched: usize,
    refuses_looks: bool,
}

pub(super) const VENUE: &str = "binance-usdm";

impl FakeConnector {
    pub(super) fn new(accounts: &[&str]) -> Self {
        let connector = Self::default();
        connector.with(|state| {
            state.accounts = accounts
                .iter()
                .map(|account| (*account).to_owned())
                .collect();
        });
        connector
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    /// Sets what the venue holds, without telling the streams.
    pub(super) fn hold(&self, report: pb::PositionReport) {
        let key = (report.account.clone(), report.symbol.clone());
        self.with(|state| state.positions.insert(key, report));
    }

    /// Sets what the venue holds, and tells the streams.
    pub(super) fn state(&self, report: pb::PositionReport) {
        self.hold(report.clone());
        let account = report.account.clone();
        self.tell(&account, Event::Position(report));
    }

    /// Forgets what the venue holds: it names no such position any more.
    pub(super) fn release(&self) {
        self.with(|state| state.positions.clear());
    }

    /// Sets the margin that is answered.
    pub(super) fn set_margin(&self, report: pb::MarginReport) {
        self.with(|state| state.margins.insert(report.account.clone(), report));
    }

    /// Sets the balances that are answered.
    pub(super) fn set_balances(&self, reports: &[pb::BalanceReport]) {
        self.with(|state| state.balances = reports.to_vec());
    }

    /// Tells the streams of an account.
    pub(super) fn tell(&self, account: &str, event: Event) {
        self.with(|state| {
            state.seq += 1;
            let event = pb::AccountEvent {
                prev_seq: state.seq - 1,
                seq: state.seq,
                event: Some(event),
            };
            let frame = pb::WatchAccountResponse {
                frame: Some(Frame::Event(event)),
            };
            state.watchers.retain(|(watched, frames)| {
                watched != account || frames.send(Ok(frame.clone())).is_ok()
            });
        });
    }

    /// Cuts every stream, without a word.
    pub(super) fn cut(&self) {
        self.with(|state| state.watchers.clear());
    }

    /// Refuses to be asked for positions, or no more.
    pub(super) fn refuse_looks(&self, refuses: bool) {
        self.with(|state| state.refuses_looks = refuses);
    }

    /// Returns how often positions were asked for.
    pub(super) fn looks(&self) -> usize {
        self.with(|state| state.looks)
    }

    /// Returns how many streams were opened.
    pub(super) fn watched(&self) -> usize {
        self.with(|state| state.watched)
    }
}

fn refused<T>() -> Result<T, Status> {
    Err(Status::unimplemented("not part of this fake"))
}

#[tonic::async_trait]
impl ConnectorService for FakeConnector {
    type WatchMarketStream = BoxStream<'static, Result<pb::WatchMarketResponse, Status>>;
    type WatchAccountStream = BoxStream<'static, Result<pb::WatchAccountResponse, Status>>;

    async fn list_venues(
        &self,
        _: Request<pb::ListVenuesRequest>,
    ) -> Result<Response<pb::ListVenuesResponse>, Status> {
        let accounts = self.with(|state| state.accounts.clone());
        let venue = pb::VenueAccounts {
            venue: VENUE.to_owned(),
            accounts,
            ..Default::default()
        };
        Ok(Response::new(pb::ListVenuesResponse {
            venues: vec![venue],
        }))
    }

    async fn get_instrument(
        &self,
        request: Request<pb::GetInstrumentRequest>,
    ) -> Result<Response<pb::GetInstrumentResponse>, Status> {
        let pb::GetInstrumentRequest { venue, symbol } = request.into_inner();
        let min_quantity = "0.01".to_owned();
        let instrument = common::Instrument {
            venue,
            symbol,
            min_quantity,
            ..Default::default()
        };
        Ok(Response::new(pb::GetInstrumentResponse {
            instrument: Some(instrument),
        }))
    }

    async fn get_positions(
        &self,
        request: Request<pb::GetPositionsRequest>,
    ) -> Result<Response<pb::GetPositionsResponse>, Status> {
        let wanted = request.into_inner().account;
        self.with(|state| {
            state.looks += 1;
            if state.refuses_looks {
                return Err(Status::unavailable("no"));
            }
            let held = state
                .positions
                .iter()
                .filter(|((account, _), _)| *account == wanted);
            let positions = held.map(|(_, report)| report.clone()).collect();
            Ok(Response::new(pb::GetPositionsResponse { positions }))
        })
    }

    async fn get_margin(
        &self,
        request: Request<pb::GetMarginRequest>,
    ) -> Result<Response<pb::GetMarginResponse>, Status> {
        let wanted = request.into_inner().account;
        self.with(|state| {
            let margin = state.margins.get(&wanted).cloned();
            let balances = state.balances.clone();
            Ok(Response::new(pb::GetMarginResponse { margin, balances }))
        })
    }

    async fn watch_account(
        &self,
        request: Request<pb::WatchAccountRequest>,
    ) -> Result<Response<Self::WatchAccountStream>, Status> {
        let account = request.into_inner().account;
        let (sender, frames) = mpsc::unbounded_channel();
        self.with(|state| {
            state.watched += 1;
            state.watchers.push((account, sender));
        });
        let ack = pb::WatchAccountResponse {
            frame: Some(Frame::Ack(Default::default())),
        };
        let frames = UnboundedReceiverStream::new(frames);
        Ok(Response::new(stream::iter([Ok(ack)]).chain(frames).boxed()))
    }

    async fn get_capabilities(
        &self,
        _: Request<pb::GetCapabilitiesRequest>,
    ) -> Result<Response<pb::GetCapabilitiesResponse>, Status> {
        refused()
    }

    async fn get_top_of_book(
        &self,
        _: Request<pb::GetTopOfBookRequest>,
    ) -> Result<Response<pb::GetTopOfBookResponse>, Status> {
        refused()
    }

    async fn submit_limit_order(
        &self,
        _: Request<pb::SubmitLimitOrderRequest>,
    ) -> Result<Response<pb::SubmitLimitOrderResponse>, Status> {
        refused()
    }

    async fn withdraw_submissions(
        &self,
        _: Request<pb::WithdrawSubmissionsRequest>,
    ) -> Result<Response<pb::WithdrawSubmissionsResponse>, Status> {
        refused()
    }

    async fn submit_market_order(
        &self,
        _: Request<pb::SubmitMarketOrderRequest>,
    ) -> Result<Response<pb::SubmitMarketOrderResponse>, Status> {
        refused()
    }

    async fn cancel_order(
        &self,
        _: Request<pb::CancelOrderRequest>,
    ) -> Result<Response<pb::CancelOrderResponse>, Status> {
        refused()
    }

    async fn get_order(
        &self,
        _: Request<pb::GetOrderRequest>,
    ) -> Result<Response<pb::GetOrderResponse>, Status> {
        refused()
    }

    async fn list_open_orders(
        &self,
        _: Request<pb::ListOpenOrdersRequest>,
    ) -> Result<Response<pb::ListOpenOrdersResponse>, Status> {
        refused()
    }

    async fn list_fills(
        &self,
        _: Request<pb::ListFillsRequest>,
    ) -> Result<Response<pb::ListFillsResponse>, Status> {
        refused()
    }

    async fn watch_market(
        &self,
        _: Request<pb::WatchMarketRequest>,
    ) -> Result<Response<Self::WatchMarketStream>, Status> {
        refused()
    }

    async fn get_session(
        &self,
        _: Request<pb::GetSessionRequest>,
    ) -> Result<Response<pb::GetSessionResponse>, Status> {
        refused()
    }
}
