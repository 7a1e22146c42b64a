//! Translates between the contract and the service. Decides nothing.

use std::sync::Arc;

use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::connector_service_server::ConnectorService;
use chimera_runtime::fault::into_status;
use futures::StreamExt;
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use crate::error::ConnectorError;
use crate::service::Connector;

mod read;
#[cfg(test)]
mod tests;

/// Serves the contract.
#[derive(Clone)]
pub(crate) struct Api {
    connector: Arc<Connector>,
}

impl Api {
    pub(crate) fn new(connector: Arc<Connector>) -> Self {
        Self { connector }
    }
}

type Answer<T> = Result<Response<T>, Status>;
type Frames<T> = BoxStream<'static, Result<T, Status>>;

fn answer<T>(result: Result<T, ConnectorError>) -> Answer<T> {
    result.map(Response::new).map_err(into_status)
}

#[tonic::async_trait]
impl ConnectorService for Api {
    type WatchMarketStream = Frames<pb::WatchMarketResponse>;
    type WatchAccountStream = Frames<pb::WatchAccountResponse>;

    async fn list_venues(
        &self,
        _: Request<pb::ListVenuesRequest>,
    ) -> Answer<pb::ListVenuesResponse> {
        answer(Ok(self.connector.list_venues()))
    }

    async fn get_capabilities(
        &self,
        request: Request<pb::GetCapabilitiesRequest>,
    ) -> Answer<pb::GetCapabilitiesResponse> {
        answer(self.connector.capabilities(&request.into_inner().venue))
    }

    async fn get_instrument(
        &self,
        request: Request<pb::GetInstrumentRequest>,
    ) -> Answer<pb::GetInstrumentResponse> {
        let request = request.into_inner();
        answer(self.connector.instrument(&request.venue, &request.symbol))
    }

    async fn get_top_of_book(
        &self,
        request: Request<pb::GetTopOfBookRequest>,
    ) -> Answer<pb::GetTopOfBookResponse> {
        let request = request.into_inner();
        let top = self
            .connector
            .top_of_book(&request.venue, &request.symbol)
            .await;
        answer(top.map(|top| pb::GetTopOfBookResponse { top: Some(top) }))
    }

    async fn submit_limit_order(
        &self,
        request: Request<pb::SubmitLimitOrderRequest>,
    ) -> Answer<pb::SubmitLimitOrderResponse> {
        let done = match read::limit_order(&request.into_inner()) {
            Ok(order) => self.connector.submit(order).await,
            Err(error) => Err(error),
        };
        answer(done.map(|done| pb::SubmitLimitOrderResponse {
            outcome: done.outcome.into(),
            detail: done.detail,
            report: done.report,
            sent_time: done.sent_time,
        }))
    }

    async fn submit_market_order(
        &self,
        request: Request<pb::SubmitMarketOrderRequest>,
    ) -> Answer<pb::SubmitMarketOrderResponse> {
        let done = match read::market_order(&request.into_inner()) {
            Ok(order) => self.connector.submit(order).await,
            Err(error) => Err(error),
        };
        answer(done.map(|done| pb::SubmitMarketOrderResponse {
            outcome: done.outcome.into(),
            detail: done.detail,
            report: done.report,
            sent_time: done.sent_time,
        }))
    }

    async fn withdraw_submissions(
        &self,
        request: Request<pb::WithdrawSubmissionsRequest>,
    ) -> Answer<pb::WithdrawSubmissionsResponse> {
        let withdrawn = read::withdraw(request.into_inner());
        let withdrawn = withdrawn.map(|withdraw| self.connector.withdraw(withdraw));
        answer(withdrawn.map(|()| pb::WithdrawSubmissionsResponse {}))
    }

    async fn cancel_order(
        &self,
        request: Request<pb::CancelOrderRequest>,
    ) -> Answer<pb::CancelOrderResponse> {
        let done = match read::cancel(&request.into_inner()) {
            Ok(order) => self.connector.cancel(order).await,
            Err(error) => Err(error),
        };
        answer(done.map(|done| pb::CancelOrderResponse {
            outcome: done.outcome.into(),
            detail: done.detail,
            report: done.report,
        }))
    }

    async fn get_order(
        &self,
        request: Request<pb::GetOrderRequest>,
    ) -> Answer<pb::GetOrderResponse> {
        let report = match read::get_order(&request.into_inner()) {
            Ok(order) => self.connector.order(order).await,
            Err(error) => Err(error),
        };
        answer(report.map(|report| pb::GetOrderResponse {
            found: report.is_some(),
            report,
        }))
    }

    async fn list_open_orders(
        &self,
        request: Request<pb::ListOpenOrdersRequest>,
    ) -> Answer<pb::ListOpenOrdersResponse> {
        let request = request.into_inner();
        let orders = self
            .connector
            .open_orders(&request.venue, &request.account, &request.symbol);
        answer(
            orders
                .await
                .map(|orders| pb::ListOpenOrdersResponse { orders }),
        )
    }

    async fn list_fills(
        &self,
        request: Request<pb::ListFillsRequest>,
    ) -> Answer<pb::ListFillsResponse> {
        let fills = match read::list_fills(&request.into_inner()) {
            Ok(query) => self.connector.fills(query).await,
            Err(error) => Err(error),
        };
        answer(fills)
    }

    async fn get_positions(
        &self,
        request: Request<pb::GetPositionsRequest>,
    ) -> Answer<pb::GetPositionsResponse> {
        let request = request.into_inner();
        let positions = self
            .connector
            .positions(&request.venue, &request.account)
            .await;
        answer(positions.map(|positions| pb::GetPositionsResponse { positions }))
    }

    async fn get_margin(
        &self,
        request: Request<pb::GetMarginRequest>,
    ) -> Answer<pb::GetMarginResponse> {
        let request = request.into_inner();
        answer(
            self.connector
                .margin(&request.venue, &request.account)
                .await,
        )
    }

    async fn watch_market(
        &self,
        request: Request<pb::WatchMarketRequest>,
    ) -> Answer<Self::WatchMarketStream> {
        let frames = match read::watch_market(&request.into_inner()) {
            Ok(wanted) => self.connector.watch_market(wanted),
            Err(error) => Err(error),
        };
        answer(frames.map(|frames| frames.map(Ok).boxed()))
    }

    async fn watch_account(
        &self,
        request: Request<pb::WatchAccountRequest>,
    ) -> Answer<Self::WatchAccountStream> {
        let request = request.into_inner();
        let frames = self
            .connector
            .watch_account(&request.venue, &request.account);
        answer(frames.map(|frames| frames.map(Ok).boxed()))
    }

    async fn get_session(
        &self,
        request: Request<pb::GetSessionRequest>,
    ) -> Answer<pb::GetSessionResponse> {
        let request = request.into_inner();
        let session = self.connector.session(&request.venue, &request.account);
        answer(session.map(|session| pb::GetSessionResponse {
            session: Some(session),
        }))
    }
}
