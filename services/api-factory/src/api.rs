//! Translates: asks processes and services, and puts their answers into messages.

use chimera_contracts::{
    api_factory::v1::{
        GetKlinesRequest, GetKlinesResponse, GetQuotaRequest, GetQuotaResponse,
        ListBreakersRequest, ListBreakersResponse, ListClustersRequest, ListClustersResponse,
        ListEndpointsRequest, ListEndpointsResponse, PlaceExchangeOrderRequest,
        PlaceExchangeOrderResponse, ProcessBreaker, ProcessCluster, ProcessEndpoint, ProcessQuota,
        ResetBreakerRequest, ResetBreakerResponse, WatchStatusRequest, WatchStatusResponse,
        api_factory_service_server::ApiFactoryService,
    },
    egress::v1 as egress,
    market_data::v1::market_data_service_client::MarketDataServiceClient,
    order::v1::order_service_client::OrderServiceClient,
};
use chimera_runtime::{
    Channel,
    clock::Clock,
    drain::Signal,
    fault::{Fault as _, FieldError},
    tasks::Tasks,
};
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use crate::{
    error::FactoryError,
    exchange,
    gather::{Gathered, Process, gather},
    status,
};

/// The handlers.
#[derive(Clone)]
pub(crate) struct FactoryApi {
    pub processes: Vec<Process>,
    pub order: Channel,
    pub market_data: Channel,
    pub clock: Clock,
    pub drain: Signal,
    pub tasks: Tasks,
}

impl FactoryApi {
    /// Refuses when nothing is known of a name and every process could be asked.
    fn found<T>(what: &'static str, name: &str, gathered: &Gathered<T>) -> Result<(), Status> {
        if !gathered.found.is_empty() {
            return Ok(());
        }
        if gathered.unreachable.is_empty() {
            let name = name.chars().take(64).collect();
            return Err(FactoryError::NotFound { what, name }.into_status());
        }
        let unreachable = gathered.unreachable.join(", ");
        Err(FactoryError::Unreachable { unreachable }.into_status())
    }
}

fn required(field: &str, value: &str) -> Result<(), Status> {
    if value.is_empty() {
        return Err(FieldError::new(field, "required").into_status());
    }
    Ok(())
}

#[tonic::async_trait]
impl ApiFactoryService for FactoryApi {
    async fn list_clusters(
        &self,
        _: Request<ListClustersRequest>,
    ) -> Result<Response<ListClustersResponse>, Status> {
        let gathered = gather(&self.processes, |mut client| async move {
            let answer = client.list_clusters(egress::ListClustersRequest {}).await?;
            Ok(answer.into_inner().clusters)
        })
        .await;
        let entry = |(process, cluster)| ProcessCluster {
            process,
            cluster: Some(cluster),
        };
        Ok(Response::new(ListClustersResponse {
            clusters: gathered.found.into_iter().map(entry).collect(),
            unreachable: gathered.unreachable,
        }))
    }

    async fn list_endpoints(
        &self,
        request: Request<ListEndpointsRequest>,
    ) -> Result<Response<ListEndpointsResponse>, Status> {
        let cluster = request.into_inner().cluster;
        let gathered = gather(&self.processes, |mut client| {
            let request = egress::ListEndpointsRequest {
                cluster: cluster.clone(),
            };
            async move { Ok(client.list_endpoints(request).await?.into_inner().endpoints) }
        })
        .await;
        let entry = |(process, endpoint)| ProcessEndpoint {
            process,
            endpoint: Some(endpoint),
        };
        Ok(Response::new(ListEndpointsResponse {
            endpoints: gathered.found.into_iter().map(entry).collect(),
            unreachable: gathered.unreachable,
        }))
    }

    async fn get_quota(
        &self,
        request: Request<GetQuotaRequest>,
    ) -> Result<Response<GetQuotaResponse>, Status> {
        let cluster = request.into_inner().cluster;
        required("cluster", &cluster)?;
        let gathered = gather(&self.processes, |mut client| {
            let request = egress::ListQuotasRequest {
                cluster: cluster.clone(),
            };
            async move { Ok(client.list_quotas(request).await?.into_inner().quotas) }
        })
        .await;
        Self::found("cluster", &cluster, &gathered)?;
        let entry = |(process, quota)| ProcessQuota {
            process,
            quota: Some(quota),
        };
        Ok(Response::new(GetQuotaResponse {
            quotas: gathered.found.into_iter().map(entry).collect(),
            unreachable: gathered.unreachable,
        }))
    }

    async fn list_breakers(
        &self,
        request: Request<ListBreakersRequest>,
    ) -> Result<Response<ListBreakersResponse>, Status> {
        let cluster = request.into_inner().cluster;
        let gathered = gather(&self.processes, |mut client| {
            let request = egress::ListBreakersRequest {
                cluster: cluster.clone(),
            };
            async move { Ok(client.list_breakers(request).await?.into_inner().breakers) }
        })
        .await;
        let entry = |(process, breaker)| ProcessBreaker {
            process,
            breaker: Some(breaker),
        };
        Ok(Response::new(ListBreakersResponse {
            breakers: gathered.found.into_iter().map(entry).collect(),
            unreachable: gathered.unreachable,
        }))
    }

    async fn reset_breaker(
        &self,
        request: Request<ResetBreakerRequest>,
    ) -> Result<Response<ResetBreakerResponse>, Status> {
        let request = request.into_inner();
        required("cluster", &request.cluster)?;
        required("endpoint", &request.endpoint)?;
        let gathered = gather(&self.processes, |mut client| {
            let request = egress::ResetBreakerRequest {
                cluster: request.cluster.clone(),
                endpoint: request.endpoint.clone(),
            };
            async move {
                let answer = client.reset_breaker(request).await?.into_inner();
                Ok(answer.breaker.into_iter().collect())
            }
        })
        .await;
        let name = format!("{}/{}", request.cluster, request.endpoint);
        Self::found("breaker", &name, &gathered)?;
        let entry = |(process, breaker)| ProcessBreaker {
            process,
            breaker: Some(breaker),
        };
        Ok(Response::new(ResetBreakerResponse {
            breakers: gathered.found.into_iter().map(entry).collect(),
        }))
    }

    type WatchStatusStream = BoxStream<'static, Result<WatchStatusResponse, Status>>;

    async fn watch_status(
        &self,
        request: Request<WatchStatusRequest>,
    ) -> Result<Response<Self::WatchStatusStream>, Status> {
        let cluster = request.into_inner().cluster;
        Ok(Response::new(status::watch(self, cluster)))
    }

    async fn place_exchange_order(
        &self,
        request: Request<PlaceExchangeOrderRequest>,
    ) -> Result<Response<PlaceExchangeOrderResponse>, Status> {
        let order = exchange::order(request.into_inner()).map_err(FieldError::into_status)?;
        let answer = OrderServiceClient::new(self.order.clone())
            .place_order(order)
            .await?;
        let order = answer.into_inner().order.unwrap_or_default();
        Ok(Response::new(exchange::placed(order)))
    }

    async fn get_klines(
        &self,
        request: Request<GetKlinesRequest>,
    ) -> Result<Response<GetKlinesResponse>, Status> {
        let bars = exchange::bars(request.into_inner()).map_err(FieldError::into_status)?;
        let answer = MarketDataServiceClient::new(self.market_data.clone())
            .list_bars(bars)
            .await?;
        Ok(Response::new(exchange::klines(answer.into_inner().bars)))
    }
}
