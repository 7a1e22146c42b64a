//! `chimera.egress.v1.EgressService` over the handle: translates, decides nothing.

use std::pin::Pin;
use std::time::{Duration, SystemTime};

use chimera_contracts::egress::v1 as pb;
use chimera_contracts::egress::v1::egress_service_server::{EgressService, EgressServiceServer};
use chimera_runtime::drain::Signal;
use chimera_runtime::fault::{Fault, FieldError, InvalidArgument};
use futures::Stream;
use tonic::{Code, Request, Response, Status};

use crate::breaker::{BreakerState, BreakerStatus};
use crate::egress::Egress;
use crate::error::CallError;
use crate::quota::QuotaStatus;
use crate::status::{ClusterStatus, EndpointStatus, Health};

#[cfg(test)]
mod tests;
mod watch;

/// Shows and resets what stands between this process and the outside. Internal: ApiFactory gathers
/// it.
#[derive(Clone, Debug)]
pub struct EgressApi {
    egress: Egress,
    drain: Signal,
}

impl EgressApi {
    /// Returns the service over `egress`; its streams say goodbye when `drain` begins.
    #[must_use]
    pub fn new(egress: Egress, drain: Signal) -> Self {
        Self { egress, drain }
    }

    /// Returns the generated server, to be wrapped by `chimera_runtime::Service`.
    #[must_use]
    pub fn into_server(self) -> EgressServiceServer<Self> {
        EgressServiceServer::new(self)
    }

    /// Returns the names asked for: one, or all when `cluster` is empty.
    fn names(&self, cluster: String) -> Vec<String> {
        if cluster.is_empty() {
            self.egress.cluster_names()
        } else {
            vec![cluster]
        }
    }
}

/// No endpoint of that name was ever called or configured.
#[derive(Debug, thiserror::Error)]
#[error("cluster {cluster} has no endpoint {endpoint}")]
struct UnknownEndpoint {
    cluster: String,
    endpoint: String,
}

impl Fault for UnknownEndpoint {
    fn code(&self) -> Code {
        Code::NotFound
    }

    fn reason(&self) -> &'static str {
        "RESOURCE_NOT_FOUND"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            ("cluster", self.cluster.clone()),
            ("endpoint", self.endpoint.clone()),
        ]
    }
}

type WatchStream = Pin<Box<dyn Stream<Item = Result<pb::WatchStatusResponse, Status>> + Send>>;

#[tonic::async_trait]
impl EgressService for EgressApi {
    async fn list_clusters(
        &self,
        _request: Request<pb::ListClustersRequest>,
    ) -> Result<Response<pb::ListClustersResponse>, Status> {
        let clusters = self.egress.clusters().into_iter().map(cluster).collect();
        Ok(Response::new(pb::ListClustersResponse { clusters }))
    }

    async fn list_endpoints(
        &self,
        request: Request<pb::ListEndpointsRequest>,
    ) -> Result<Response<pb::ListEndpointsResponse>, Status> {
        let mut endpoints = Vec::new();
        for name in self.names(request.into_inner().cluster) {
            let listed = self
                .egress
                .endpoints(&name)
                .map_err(CallError::into_status)?;
            endpoints.extend(
                listed
                    .into_iter()
                    .map(|(status, _)| endpoint(&name, status)),
            );
        }
        Ok(Response::new(pb::ListEndpointsResponse { endpoints }))
    }

    async fn list_quotas(
        &self,
        request: Request<pb::ListQuotasRequest>,
    ) -> Result<Response<pb::ListQuotasResponse>, Status> {
        let now = self.egress.clock().system_time();
        let mut quotas = Vec::new();
        for name in self.names(request.into_inner().cluster) {
            let mut listed = self.egress.quotas(&name).map_err(CallError::into_status)?;
            listed.sort_by(|one, other| one.scope.name.cmp(&other.scope.name));
            quotas.extend(listed.into_iter().map(|status| quota(&name, status, now)));
        }
        Ok(Response::new(pb::ListQuotasResponse { quotas }))
    }

    async fn list_breakers(
        &self,
        request: Request<pb::ListBreakersRequest>,
    ) -> Result<Response<pb::ListBreakersResponse>, Status> {
        let now = self.egress.clock().system_time();
        let mut breakers = Vec::new();
        for name in self.names(request.into_inner().cluster) {
            let listed = self
                .egress
                .endpoints(&name)
                .map_err(CallError::into_status)?;
            let listed = listed.into_iter();
            breakers.extend(
                listed.map(|(endpoint, status)| breaker(&name, endpoint.name, status, now)),
            );
        }
        Ok(Response::new(pb::ListBreakersResponse { breakers }))
    }

    async fn reset_breaker(
        &self,
        request: Request<pb::ResetBreakerRequest>,
    ) -> Result<Response<pb::ResetBreakerResponse>, Status> {
        let pb::ResetBreakerRequest { cluster, endpoint } = request.into_inner();
        let missing = [("cluster", &cluster), ("endpoint", &endpoint)]
            .into_iter()
            .filter(|(_, value)| value.is_empty())
            .map(|(field, _)| FieldError::new(field, "must name one that ListBreakers shows"));
        InvalidArgument::check(missing.collect()).map_err(Fault::into_status)?;
        let reset = self
            .egress
            .reset_breaker(&cluster, &endpoint)
            .map_err(Fault::into_status)?;
        let Some(status) = reset else {
            return Err(UnknownEndpoint { cluster, endpoint }.into_status());
        };
        let now = self.egress.clock().system_time();
        let breaker = Some(breaker(&cluster, &endpoint, status, now));
        Ok(Response::new(pb::ResetBreakerResponse { breaker }))
    }

    type WatchStatusStream = WatchStream;

    async fn watch_status(
        &self,
        request: Request<pb::WatchStatusRequest>,
    ) -> Result<Response<Self::WatchStatusStream>, Status> {
        let wanted = request.into_inner().cluster;
        if !wanted.is_empty() {
            // Only to learn whether it is there.
            self.egress
                .endpoints(&wanted)
                .map_err(CallError::into_status)?;
        }
        let frames = watch::frames(self.egress.clone(), self.drain.clone(), wanted);
        Ok(Response::new(Box::pin(frames)))
    }
}

fn cluster(status: ClusterStatus) -> pb::Cluster {
    pb::Cluster {
        name: status.name,
        base_url: status.base_url,
        status: health(status.health).into(),
        reason: status.reason,
        since: Some(status.since.into()),
        banned_until: status.banned_until.map(Into::into),
    }
}

fn endpoint(cluster: &str, status: EndpointStatus) -> pb::Endpoint {
    pb::Endpoint {
        cluster: cluster.to_owned(),
        name: status.name.to_owned(),
        status: health(status.health).into(),
        calls: status.calls,
        faults: status.faults,
        latency_p50: status.latency_p50.map(duration),
        last_fault: status.last_fault.to_owned(),
    }
}

fn quota(cluster: &str, status: QuotaStatus, now: SystemTime) -> pb::Quota {
    pb::Quota {
        cluster: cluster.to_owned(),
        reserved_for_cancels: status.scope.reserved(),
        window: Some(duration(status.scope.window)),
        limit: status.scope.limit,
        scope: status.scope.name,
        used: status.used,
        reset_time: now.checked_add(status.resets_in).map(Into::into),
        waited: status.waited,
        refused: status.refused,
    }
}

fn breaker(cluster: &str, endpoint: &str, status: BreakerStatus, now: SystemTime) -> pb::Breaker {
    let state = match status.state {
        BreakerState::Closed => pb::BreakerState::Closed,
        BreakerState::Open => pb::BreakerState::Open,
        BreakerState::HalfOpen => pb::BreakerState::HalfOpen,
    };
    pb::Breaker {
        cluster: cluster.to_owned(),
        endpoint: endpoint.to_owned(),
        state: state.into(),
        failures: status.failures,
        retry_time: status
            .retry_in
            .and_then(|wait| now.checked_add(wait))
            .map(Into::into),
        reason: status.reason.to_owned(),
    }
}

fn health(health: Health) -> pb::Status {
    match health {
        Health::Unknown => pb::Status::Unspecified,
        Health::Up => pb::Status::Up,
        Health::Degraded => pb::Status::Degraded,
        Health::Down => pb::Status::Down,
    }
}

/// Returns the span on the wire; the longest span the wire knows stands for anything longer.
fn duration(span: Duration) -> prost_types::Duration {
    let longest = prost_types::Duration {
        seconds: i64::MAX,
        nanos: 0,
    };
    span.try_into().unwrap_or(longest)
}
