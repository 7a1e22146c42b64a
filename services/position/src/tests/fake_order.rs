//! An order service that knows fills and nothing else.

use std::sync::{Arc, Mutex};

use chimera_contracts::common::v1 as common;
use chimera_contracts::order::v1 as pb;
use chimera_contracts::order::v1::order_service_server::OrderService;
use chimera_contracts::order::v1::watch_orders_response::Frame;
use chimera_runtime::fault::{Fault, into_status};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Request, Response, Status};

type Frames = mpsc::UnboundedSender<Result<pb::WatchOrdersResponse, Status>>;

/// What tests do to it.
#[derive(Clone, Default)]
pub(super) struct FakeOrder {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    epoch: u64,
    /// Fills with the sequence of their change; sequences count other changes too.
    fills: Vec<pb::Fill>,
    seq: u64,
    watchers: Vec<Frames>,
    down: bool,
    pages: usize,
    watched: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("no history after that")]
struct Expired;

impl Fault for Expired {
    fn code(&self) -> Code {
        Code::OutOfRange
    }

    fn reason(&self) -> &'static str {
        "RESUME_EXPIRED"
    }
}

fn frame(frame: Frame) -> Result<pb::WatchOrdersResponse, Status> {
    Ok(pb::WatchOrdersResponse { frame: Some(frame) })
}

impl State {
    fn token(&self, seq: u64) -> String {
        format!("{}-{seq}", self.epoch)
    }

    fn change(&self, prev_seq: u64, fill: pb::Fill) -> Frame {
        let seq = fill.seq;
        let resume_token = self.token(seq);
        Frame::Change(pb::OrderChange {
            prev_seq,
            seq,
            fill: Some(fill),
            cause: "FILL".to_owned(),
            resume_token,
            order: None,
        })
    }

    fn send(&mut self, frame_to_send: &Frame) {
        self.watchers
            .retain(|watcher| watcher.send(frame(frame_to_send.clone())).is_ok());
    }
}

impl FakeOrder {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    /// Concludes a fill: it enters the history and the streams.
    pub(super) fn conclude(&self, fill: pb::Fill) {
        self.with(|state| {
            let prev_seq = state.seq;
            state.seq += 1;
            let fill = pb::Fill {
                seq: state.seq,
                ..fill
            };
            state.fills.push(fill.clone());
            let change = state.change(prev_seq, fill);
            state.send(&change);
        });
    }

    /// Concludes fills that the streams never tell.
    pub(super) fn conclude_unseen(&self, fill: pb::Fill) {
        self.with(|state| {
            state.seq += 1;
            state.fills.push(pb::Fill {
                seq: state.seq,
                ..fill
            });
        });
    }

    /// Takes every fill out of the history; the streams are told nothing.
    pub(super) fn forget_fills(&self) {
        self.with(|state| state.fills.clear());
    }

    /// Cuts every stream, without a word.
    pub(super) fn cut(&self) {
        self.with(|state| state.watchers.clear());
    }

    /// Ends every stream in order, for a reason.
    pub(super) fn say_goodbye(&self, reason: common::StreamEndReason) {
        self.with(|state| {
            let resume_token = state.token(state.seq);
            let goodbye = Frame::Goodbye(common::StreamGoodbye {
                reason: reason.into(),
                reconnect_after: None,
                resume_token,
            });
            state.send(&goodbye);
            state.watchers.clear();
        });
    }

    /// Says that nothing happened, and how old its own word is.
    pub(super) fn beat(&self, staleness_seconds: i64) {
        self.with(|state| {
            let beat = Frame::Heartbeat(common::StreamHeartbeat {
                last_seq: state.seq,
                staleness: Some(prost_types::Duration {
                    seconds: staleness_seconds,
                    nanos: 0,
                }),
                sent_time: None,
                resume_token: state.token(state.seq),
            });
            state.send(&beat);
        });
    }

    /// Begins another epoch: tokens of before are worth nothing.
    pub(super) fn begin_epoch(&self) {
        self.with(|state| state.epoch += 1);
    }

    /// Refuses everything, or no more.
    pub(super) fn set_down(&self, down: bool) {
        self.with(|state| state.down = down);
    }

    /// Returns how many pages of fills were asked for.
    pub(super) fn pages(&self) -> usize {
        self.with(|state| state.pages)
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
impl OrderService for FakeOrder {
    type WatchOrdersStream = BoxStream<'static, Result<pb::WatchOrdersResponse, Status>>;

    async fn list_fills(
        &self,
        request: Request<pb::ListFillsRequest>,
    ) -> Result<Response<pb::ListFillsResponse>, Status> {
        let request = request.into_inner();
        self.with(|state| {
            state.pages += 1;
            if state.down {
                return Err(Status::unavailable("down"));
            }
            let from: usize = match request.page_token.as_str() {
                "" => 0,
                text => text
                    .parse()
                    .map_err(|_| Status::invalid_argument("page token"))?,
            };
            let size = usize::try_from(request.page_size).unwrap().min(1_000);
            let to = (from + size).min(state.fills.len());
            let is_last = to == state.fills.len();
            Ok(Response::new(pb::ListFillsResponse {
                fills: state.fills[from..to].to_vec(),
                next_page_token: if is_last {
                    String::new()
                } else {
                    to.to_string()
                },
                resume_token: if is_last {
                    state.token(state.seq)
                } else {
                    String::new()
                },
            }))
        })
    }

    async fn watch_orders(
        &self,
        request: Request<pb::WatchOrdersRequest>,
    ) -> Result<Response<Self::WatchOrdersStream>, Status> {
        let token = request.into_inner().resume_token;
        let (sender, frames) = mpsc::unbounded_channel();
        self.with(|state| {
            state.watched += 1;
            if state.down {
                return Err(Status::unavailable("down"));
            }
            let place = token.split_once('-');
            let place = place.filter(|(epoch, _)| *epoch == state.epoch.to_string());
            let Some(from) = place.and_then(|(_, seq)| seq.parse::<u64>().ok()) else {
                return Err(into_status(Expired));
            };
            let ack = common::StreamAck {
                epoch: state.epoch.to_string(),
                items: Vec::new(),
            };
            sender.send(frame(Frame::Ack(ack))).unwrap();
            let mut prev_seq = from;
            for fill in state.fills.iter().filter(|fill| fill.seq > from) {
                sender
                    .send(frame(state.change(prev_seq, fill.clone())))
                    .unwrap();
                prev_seq = fill.seq;
            }
            state.watchers.push(sender);
            Ok(())
        })?;
        Ok(Response::new(UnboundedReceiverStream::new(frames).boxed()))
    }

    async fn place_order(
        &self,
        _: Request<pb::PlaceOrderRequest>,
    ) -> Result<Response<pb::PlaceOrderResponse>, Status> {
        refused()
    }

    async fn validate_order(
        &self,
        _: Request<pb::ValidateOrderRequest>,
    ) -> Result<Response<pb::ValidateOrderResponse>, Status> {
        refused()
    }

    async fn cancel_order(
        &self,
        _: Request<pb::CancelOrderRequest>,
    ) -> Result<Response<pb::CancelOrderResponse>, Status> {
        refused()
    }

    async fn cancel_all_orders(
        &self,
        _: Request<pb::CancelAllOrdersRequest>,
    ) -> Result<Response<pb::CancelAllOrdersResponse>, Status> {
        refused()
    }

    async fn get_order(
        &self,
        _: Request<pb::GetOrderRequest>,
    ) -> Result<Response<pb::GetOrderResponse>, Status> {
        refused()
    }

    async fn list_orders(
        &self,
        _: Request<pb::ListOrdersRequest>,
    ) -> Result<Response<pb::ListOrdersResponse>, Status> {
        refused()
    }

    async fn explain_order(
        &self,
        _: Request<pb::ExplainOrderRequest>,
    ) -> Result<Response<pb::ExplainOrderResponse>, Status> {
        refused()
    }

    async fn reconcile(
        &self,
        _: Request<pb::ReconcileRequest>,
    ) -> Result<Response<pb::ReconcileResponse>, Status> {
        refused()
    }

    async fn set_trading_state(
        &self,
        _: Request<pb::SetTradingStateRequest>,
    ) -> Result<Response<pb::SetTradingStateResponse>, Status> {
        refused()
    }

    async fn get_trading_state(
        &self,
        _: Request<pb::GetTradingStateRequest>,
    ) -> Result<Response<pb::GetTradingStateResponse>, Status> {
        refused()
    }
}
