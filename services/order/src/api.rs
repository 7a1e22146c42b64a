//! The contract's requests as calls, and the answers as its responses. Decides nothing.

use std::pin::Pin;

use chimera_contracts::order::v1 as pb;
use chimera_runtime::fault::{FieldError, into_status};
use futures::Stream;
use pb::order_service_server::OrderService;
use tonic::{Request, Response, Status};

use crate::difference::{Difference, DifferenceKind};
use crate::error::OrderError;
use crate::handle::Handle;
use crate::key::SiteKey;
use crate::requests::{
    account, filter, list_filter, optional_venue, order_name, place_order, symbol_name, venue,
};
use crate::trading::TradingState;
use crate::{pages, render};

/// Longest reason of a change of the trading state, in characters.
const REASON_MAX: usize = 256;

/// The gRPC face of the service.
pub(crate) struct OrderApi {
    orders: Handle,
}

impl OrderApi {
    pub(crate) const fn new(orders: Handle) -> Self {
        Self { orders }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl OrderService for OrderApi {
    async fn place_order(
        &self,
        request: Request<pb::PlaceOrderRequest>,
    ) -> Answer<pb::PlaceOrderResponse> {
        let order = place_order(request.into_inner()).map_err(into_status)?;
        let placed = self.orders.place(order).await.map_err(into_status)?;
        Ok(Response::new(pb::PlaceOrderResponse {
            order: Some(placed.order),
            replayed: placed.replayed,
        }))
    }

    async fn validate_order(
        &self,
        request: Request<pb::ValidateOrderRequest>,
    ) -> Answer<pb::ValidateOrderResponse> {
        let order = request.into_inner().order;
        let order = order
            .ok_or_else(|| OrderError::field("order", "required"))
            .map_err(into_status)?;
        let order = place_order(order).map_err(into_status)?;
        let (symbol, assessment) = self.orders.validate(order).await.map_err(into_status)?;
        Ok(Response::new(pb::ValidateOrderResponse {
            symbol: symbol.to_string(),
            notional: assessment.notional.to_string(),
            exposure_after: assessment.exposure_after.to_string(),
        }))
    }

    async fn cancel_order(
        &self,
        request: Request<pb::CancelOrderRequest>,
    ) -> Answer<pb::CancelOrderResponse> {
        let request = request.into_inner();
        let (account, index) =
            order_name(&request.account, request.client_order_index).map_err(into_status)?;
        let order = self
            .orders
            .cancel(account, index)
            .await
            .map_err(into_status)?;
        Ok(Response::new(pb::CancelOrderResponse {
            order: Some(order),
        }))
    }

    async fn cancel_all_orders(
        &self,
        request: Request<pb::CancelAllOrdersRequest>,
    ) -> Answer<pb::CancelAllOrdersResponse> {
        let request = request.into_inner();
        let account = account(&request.account).map_err(into_status)?;
        let venue = optional_venue(&request.venue).map_err(into_status)?;
        let symbol = match (request.symbol.as_str(), venue) {
            ("", _) => None,
            (name, Some(venue)) => Some((venue, symbol_name(name).map_err(into_status)?)),
            (_, None) => {
                let error = OrderError::field("venue", "required beside `symbol`");
                return Err(into_status(error));
            }
        };
        let orders = self
            .orders
            .cancel_all(account, venue, symbol)
            .await
            .map_err(into_status)?;
        Ok(Response::new(pb::CancelAllOrdersResponse { orders }))
    }

    async fn get_order(
        &self,
        request: Request<pb::GetOrderRequest>,
    ) -> Answer<pb::GetOrderResponse> {
        let request = request.into_inner();
        let (account, index) =
            order_name(&request.account, request.client_order_index).map_err(into_status)?;
        let order = self.orders.get(account, index).await.map_err(into_status)?;
        Ok(Response::new(pb::GetOrderResponse { order: Some(order) }))
    }

    async fn list_orders(
        &self,
        request: Request<pb::ListOrdersRequest>,
    ) -> Answer<pb::ListOrdersResponse> {
        let request = request.into_inner();
        let check = pages::orders_check(&request);
        let filter = list_filter(&request).map_err(into_status)?;
        let page = self.orders.list(filter).await.map_err(into_status)?;
        Ok(Response::new(pb::ListOrdersResponse {
            orders: page.orders,
            next_page_token: page
                .next
                .map(|key| pages::write(&key.text(), &check))
                .unwrap_or_default(),
        }))
    }

    async fn list_fills(
        &self,
        request: Request<pb::ListFillsRequest>,
    ) -> Answer<pb::ListFillsResponse> {
        let wanted = pages::fills(&request.into_inner()).map_err(into_status)?;
        let answer = pages::list_fills(&self.orders, wanted)
            .await
            .map_err(into_status)?;
        Ok(Response::new(answer))
    }

    type WatchOrdersStream =
        Pin<Box<dyn Stream<Item = Result<pb::WatchOrdersResponse, Status>> + Send>>;

    async fn watch_orders(
        &self,
        request: Request<pb::WatchOrdersRequest>,
    ) -> Answer<Self::WatchOrdersStream> {
        let request = request.into_inner();
        let filter =
            filter(&request.account, &request.venue, &request.symbol).map_err(into_status)?;
        let frames = self.orders.watch(filter, &request.resume_token).await;
        Ok(Response::new(Box::pin(frames.map_err(into_status)?)))
    }

    async fn explain_order(
        &self,
        request: Request<pb::ExplainOrderRequest>,
    ) -> Answer<pb::ExplainOrderResponse> {
        let request = request.into_inner();
        let (account, index) =
            order_name(&request.account, request.client_order_index).map_err(into_status)?;
        let (order, entries) = self
            .orders
            .explain(account, index)
            .await
            .map_err(into_status)?;
        Ok(Response::new(pb::ExplainOrderResponse {
            order: Some(order),
            entries,
        }))
    }

    async fn reconcile(
        &self,
        request: Request<pb::ReconcileRequest>,
    ) -> Answer<pb::ReconcileResponse> {
        let request = request.into_inner();
        let site = SiteKey {
            account: account(&request.account).map_err(into_status)?,
            venue: venue(&request.venue).map_err(into_status)?,
        };
        let found = self
            .orders
            .reconcile(site, request.dry_run)
            .await
            .map_err(into_status)?;
        Ok(Response::new(pb::ReconcileResponse {
            differences: found.differences.iter().map(difference).collect(),
            read_time: Some(render::timestamp(found.read_time)),
        }))
    }

    async fn set_trading_state(
        &self,
        request: Request<pb::SetTradingStateRequest>,
    ) -> Answer<pb::SetTradingStateResponse> {
        let request = request.into_inner();
        let state = match request.state() {
            pb::TradingState::Active => TradingState::Active,
            pb::TradingState::Reducing => TradingState::Reducing,
            pb::TradingState::Halted => TradingState::Halted,
            pb::TradingState::Unspecified => {
                let error = OrderError::field("state", "ACTIVE, REDUCING or HALTED");
                return Err(into_status(error));
            }
        };
        let length = request.reason.chars().count();
        if !(1..=REASON_MAX).contains(&length) || request.reason.chars().any(char::is_control) {
            let error = OrderError::field("reason", "1 to 256 printable characters");
            return Err(into_status(error));
        }
        let set = self
            .orders
            .set_trading(state, request.reason)
            .await
            .map_err(into_status)?;
        Ok(Response::new(pb::SetTradingStateResponse {
            state: render::trading_state(set.state).into(),
            since: Some(render::timestamp(set.since)),
            cancels_asked: i32::try_from(set.cancels_asked).unwrap_or(i32::MAX),
            settled: set.settled,
            none_open: set.none_open,
            leftovers: set.leftovers,
            unverified: set.unverified,
        }))
    }

    async fn get_trading_state(
        &self,
        _: Request<pb::GetTradingStateRequest>,
    ) -> Answer<pb::GetTradingStateResponse> {
        let view = self.orders.trading().await.map_err(into_status)?;
        Ok(Response::new(pb::GetTradingStateResponse {
            state: render::trading_state(view.state).into(),
            reason: view.reason,
            since: Some(render::timestamp(view.since)),
            open_orders: i32::try_from(view.open_orders).unwrap_or(i32::MAX),
            ready: view.ready,
        }))
    }
}

fn difference(found: &Difference) -> pb::Difference {
    let kind = match found.kind {
        DifferenceKind::OrderMissingHere => pb::DifferenceKind::OrderMissingHere,
        DifferenceKind::OrderMissingThere => pb::DifferenceKind::OrderMissingThere,
        DifferenceKind::OrderState => pb::DifferenceKind::OrderState,
        DifferenceKind::FillMissingHere => pb::DifferenceKind::FillMissingHere,
        DifferenceKind::Position => pb::DifferenceKind::Position,
        DifferenceKind::FillMissingThere => pb::DifferenceKind::FillMissingThere,
        DifferenceKind::Price => pb::DifferenceKind::Price,
        DifferenceKind::Quantity => pb::DifferenceKind::Quantity,
        DifferenceKind::Fee => pb::DifferenceKind::Fee,
        DifferenceKind::Balance => pb::DifferenceKind::Balance,
    };
    let index = found.order.as_ref().and_then(|order| order.index());
    pb::Difference {
        id: found.id.clone(),
        kind: kind.into(),
        client_order_index: index.map_or(0, i64::from),
        venue_order_id: found.venue_order_id.clone(),
        symbol: render::text(found.symbol),
        here: found.here.clone(),
        there: found.there.clone(),
        repair: found.repair.words(),
        applied: found.applied,
        asset: render::text(found.asset),
    }
}

impl From<FieldError> for OrderError {
    fn from(error: FieldError) -> Self {
        Self::Invalid(error.into())
    }
}
