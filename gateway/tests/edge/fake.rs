//! Two services of the contract whose answers say what reached them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::market_data::v1 as market;
use chimera_contracts::market_data::v1::market_data_service_server::MarketDataService;
use chimera_contracts::order::v1 as order;
use chimera_contracts::order::v1::order_service_server::OrderService;
use chimera_runtime::drain::Signal;
use chimera_runtime::fault::{Fault, FieldViolation, QuotaViolation, into_status};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;
use tonic::{Code, Request, Response, Status};

/// What the services share with the test.
#[derive(Clone)]
pub struct Fake {
    /// Orders as they came.
    pub placed: Arc<Mutex<Vec<order::PlaceOrderRequest>>>,
    /// The newest call's metadata.
    pub metadata: Arc<Mutex<HashMap<String, String>>>,
    /// Streams that are open; watched, so that a test waits instead of sleeping.
    pub open: watch::Sender<usize>,
    /// Frames that streams have made.
    pub made: watch::Sender<u64>,
    pub signal: Signal,
}

/// Counts a stream as open while it lives.
struct Open(watch::Sender<usize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

/// A fault with everything a fault can have.
#[derive(Debug, thiserror::Error)]
#[error("too many orders in the window")]
pub struct RateLimited;

impl Fault for RateLimited {
    fn code(&self) -> Code {
        Code::ResourceExhausted
    }

    fn reason(&self) -> &'static str {
        "ORDER_RATE_LIMIT"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("limit", "10".into()), ("window", "1s".into())]
    }

    fn fields(&self) -> Vec<FieldViolation> {
        vec![FieldViolation::new("quantity", "a multiple of 0.01")]
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_millis(1_250))
    }

    fn quota(&self) -> Vec<QuotaViolation> {
        vec![QuotaViolation::new("account:main", "10 orders a second")]
    }
}

type Answer<T> = Result<Response<T>, Status>;

fn not_faked<T>() -> Answer<T> {
    Err(Status::unimplemented("not faked"))
}

impl Fake {
    pub fn new(signal: Signal) -> Self {
        Self {
            placed: Arc::default(),
            metadata: Arc::default(),
            open: watch::Sender::new(0),
            made: watch::Sender::new(0),
            signal,
        }
    }

    /// Returns what a test looks for in the newest call's metadata.
    pub fn header(&self, name: &str) -> Option<String> {
        self.metadata.lock().unwrap().get(name).cloned()
    }

    /// Returns the budget that the newest call came with.
    pub fn budget_micros(&self) -> u64 {
        let timeout = self.header("grpc-timeout").unwrap();
        timeout.strip_suffix('u').unwrap().parse().unwrap()
    }

    fn note<T>(&self, request: &Request<T>) {
        let headers = request.metadata().clone().into_headers();
        let texts = headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        *self.metadata.lock().unwrap() = texts.collect();
    }

    fn order(account: &str, index: i64) -> order::Order {
        order::Order {
            account: account.into(),
            client_order_index: index,
            venue: "binance-usdm".into(),
            symbol: "SOL-USDT-PERP".into(),
            side: common::Side::Buy.into(),
            quantity: "0.015".into(),
            filled_quantity: "0".into(),
            state: order::OrderState::Open.into(),
            created_time: Some(prost_types::Timestamp {
                seconds: 1_769_860_800,
                nanos: 5_000_000,
            }),
            seq: u64::MAX,
            ..order::Order::default()
        }
    }
}

fn change(seq: u64) -> order::WatchOrdersResponse {
    let change = order::OrderChange {
        prev_seq: seq - 1,
        seq,
        order: Some(Fake::order("main", 7)),
        ..order::OrderChange::default()
    };
    frame(order::watch_orders_response::Frame::Change(change))
}

fn frame(frame: order::watch_orders_response::Frame) -> order::WatchOrdersResponse {
    order::WatchOrdersResponse { frame: Some(frame) }
}

fn ack() -> order::WatchOrdersResponse {
    let ack = common::StreamAck {
        epoch: "e1".into(),
        items: Vec::new(),
    };
    frame(order::watch_orders_response::Frame::Ack(ack))
}

fn goodbye() -> order::WatchOrdersResponse {
    let goodbye = common::StreamGoodbye {
        reason: common::StreamEndReason::Draining.into(),
        reconnect_after: Some(prost_types::Duration {
            seconds: 1,
            nanos: 0,
        }),
        resume_token: "t1".into(),
    };
    frame(order::watch_orders_response::Frame::Goodbye(goodbye))
}

#[tonic::async_trait]
impl OrderService for Fake {
    async fn place_order(
        &self,
        request: Request<order::PlaceOrderRequest>,
    ) -> Answer<order::PlaceOrderResponse> {
        self.note(&request);
        let request = request.into_inner();
        if request.symbol == "LIMITED" {
            return Err(into_status(RateLimited));
        }
        let index = request.client_order_index.unwrap_or(1);
        let order = order::Order {
            quantity: request.quantity.clone(),
            side: request.side,
            r#type: request.r#type,
            symbol: request.symbol.clone(),
            ..Self::order(&request.account, index)
        };
        self.placed.lock().unwrap().push(request);
        Ok(Response::new(order::PlaceOrderResponse {
            order: Some(order),
            replayed: false,
        }))
    }

    async fn get_order(
        &self,
        request: Request<order::GetOrderRequest>,
    ) -> Answer<order::GetOrderResponse> {
        self.note(&request);
        let request = request.into_inner();
        match request.account.as_str() {
            "hang" => std::future::pending().await,
            "panic" => panic!("on purpose"),
            "code" => {
                let code = i32::try_from(request.client_order_index).unwrap();
                Err(Status::new(Code::from(code), "as asked"))
            }
            account => {
                let order = Some(Self::order(account, request.client_order_index));
                Ok(Response::new(order::GetOrderResponse { order }))
            }
        }
    }

    async fn cancel_order(
        &self,
        request: Request<order::CancelOrderRequest>,
    ) -> Answer<order::CancelOrderResponse> {
        let request = request.into_inner();
        let order = Some(Self::order(&request.account, request.client_order_index));
        Ok(Response::new(order::CancelOrderResponse { order }))
    }

    async fn explain_order(
        &self,
        request: Request<order::ExplainOrderRequest>,
    ) -> Answer<order::ExplainOrderResponse> {
        let request = request.into_inner();
        let entry = order::TimelineEntry {
            seq: 1,
            facts: [("b", "2"), ("a", "1")]
                .map(|(key, value)| (key.into(), value.into()))
                .into(),
            ..order::TimelineEntry::default()
        };
        let order = Some(Self::order(&request.account, request.client_order_index));
        Ok(Response::new(order::ExplainOrderResponse {
            order,
            entries: vec![entry],
        }))
    }

    async fn list_orders(
        &self,
        request: Request<order::ListOrdersRequest>,
    ) -> Answer<order::ListOrdersResponse> {
        self.note(&request);
        let orders = vec![Self::order(&request.into_inner().account, 2)];
        Ok(Response::new(order::ListOrdersResponse {
            orders,
            ..Default::default()
        }))
    }

    type WatchOrdersStream = BoxStream<'static, Result<order::WatchOrdersResponse, Status>>;

    async fn watch_orders(
        &self,
        request: Request<order::WatchOrdersRequest>,
    ) -> Answer<Self::WatchOrdersStream> {
        self.note(&request);
        let account = request.into_inner().account;
        if account == "expired" {
            return Err(into_status(RateLimited));
        }
        let signal = self.signal.clone();
        let rest = match account.as_str() {
            "fail" => stream::iter([Ok(change(1)), Err(into_status(RateLimited))]).boxed(),
            "three" => stream::iter((1..=3).map(change).map(Ok)).boxed(),
            "endless" => {
                let made = self.made.clone();
                stream::iter(1..)
                    .map(move |seq| {
                        made.send_replace(seq);
                        Ok(change(seq))
                    })
                    .boxed()
            }
            "stuck" => stream::pending().boxed(),
            _ => stream::once(async move {
                signal.draining().await;
                Ok(goodbye())
            })
            .boxed(),
        };
        self.open.send_modify(|open| *open += 1);
        let open = Open(self.open.clone());
        let frames = stream::iter([Ok(ack())]).chain(rest).map(move |item| {
            let _ = &open;
            item
        });
        Ok(Response::new(frames.boxed()))
    }

    async fn get_trading_state(
        &self,
        _: Request<order::GetTradingStateRequest>,
    ) -> Answer<order::GetTradingStateResponse> {
        Ok(Response::new(order::GetTradingStateResponse::default()))
    }

    async fn validate_order(
        &self,
        _: Request<order::ValidateOrderRequest>,
    ) -> Answer<order::ValidateOrderResponse> {
        not_faked()
    }

    async fn cancel_all_orders(
        &self,
        _: Request<order::CancelAllOrdersRequest>,
    ) -> Answer<order::CancelAllOrdersResponse> {
        not_faked()
    }

    async fn list_fills(
        &self,
        _: Request<order::ListFillsRequest>,
    ) -> Answer<order::ListFillsResponse> {
        not_faked()
    }

    async fn reconcile(
        &self,
        _: Request<order::ReconcileRequest>,
    ) -> Answer<order::ReconcileResponse> {
        not_faked()
    }

    async fn set_trading_state(
        &self,
        _: Request<order::SetTradingStateRequest>,
    ) -> Answer<order::SetTradingStateResponse> {
        not_faked()
    }
}

#[tonic::async_trait]
impl MarketDataService for Fake {
    async fn get_order_book(
        &self,
        request: Request<market::GetOrderBookRequest>,
    ) -> Answer<market::GetOrderBookResponse> {
        let request = request.into_inner();
        let book = market::OrderBook {
            venue: request.venue,
            symbol: request.symbol,
            price_scale: 2,
            quantity_scale: 3,
            bid_prices: vec![10_000, -5],
            bid_quantities: vec![1, 1_500],
            ask_prices: vec![10_001],
            ask_quantities: vec![0],
            ..market::OrderBook::default()
        };
        Ok(Response::new(market::GetOrderBookResponse {
            book: Some(book),
        }))
    }

    async fn list_tickers(
        &self,
        request: Request<market::ListTickersRequest>,
    ) -> Answer<market::ListTickersResponse> {
        let ticker = |symbol: String| market::Ticker {
            symbol,
            ..market::Ticker::default()
        };
        let tickers = request
            .into_inner()
            .symbols
            .into_iter()
            .map(ticker)
            .collect();
        Ok(Response::new(market::ListTickersResponse { tickers }))
    }

    async fn list_bars(
        &self,
        request: Request<market::ListBarsRequest>,
    ) -> Answer<market::ListBarsResponse> {
        let request = request.into_inner();
        let bar = market::Bar {
            symbol: request.symbol,
            interval: request.interval,
            open_time: request.start_time,
            ..market::Bar::default()
        };
        Ok(Response::new(market::ListBarsResponse { bars: vec![bar] }))
    }

    type WatchStream = BoxStream<'static, Result<market::WatchResponse, Status>>;

    async fn watch(&self, request: Request<market::WatchRequest>) -> Answer<Self::WatchStream> {
        let items = request
            .into_inner()
            .subscriptions
            .into_iter()
            .map(|subscription| {
                let item = format!("{}/{}", subscription.venue, subscription.symbol);
                common::StreamItemStatus {
                    item,
                    accepted: true,
                    ..Default::default()
                }
            });
        let ack = common::StreamAck {
            epoch: "e1".into(),
            items: items.collect(),
        };
        let ack = market::watch_response::Frame::Ack(ack);
        let frames = [Ok(market::WatchResponse { frame: Some(ack) })];
        Ok(Response::new(stream::iter(frames).boxed()))
    }

    async fn list_instruments(
        &self,
        _: Request<market::ListInstrumentsRequest>,
    ) -> Answer<market::ListInstrumentsResponse> {
        not_faked()
    }

    async fn get_instrument(
        &self,
        _: Request<market::GetInstrumentRequest>,
    ) -> Answer<market::GetInstrumentResponse> {
        not_faked()
    }

    async fn list_trades(
        &self,
        _: Request<market::ListTradesRequest>,
    ) -> Answer<market::ListTradesResponse> {
        not_faked()
    }
}
