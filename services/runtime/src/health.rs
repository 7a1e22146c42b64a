//! `grpc.health.v1` for each service and for the whole, fed by readiness and by the drain.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthApi, HealthServer};
use tonic_health::pb::{FILE_DESCRIPTOR_SET, HealthCheckRequest, HealthCheckResponse};

use crate::Service;
use crate::drain::Signal;
use crate::fault::{Fault, into_status};

#[cfg(test)]
mod tests;

/// Knows which services are ready. Clones know the same.
///
/// Ready means truly ready: able to do what the service promises. From the moment a drain begins
/// nothing is ready any more, so that load goes elsewhere while what is in flight ends.
#[derive(Clone, Debug)]
pub struct Health {
    ready: watch::Sender<BTreeMap<String, bool>>,
    signal: Signal,
}

/// One service's word on whether it is ready. Clones speak for the same service.
#[derive(Clone, Debug)]
pub struct Readiness {
    service: String,
    ready: watch::Sender<BTreeMap<String, bool>>,
}

impl Health {
    /// Returns a health that knows no service yet and hears of drains by `signal`.
    pub fn new(signal: Signal) -> Self {
        Self {
            ready: watch::Sender::default(),
            signal,
        }
    }

    /// Makes a service known, not ready until it says so.
    pub fn register(&self, service: impl Into<String>) -> Readiness {
        let readiness = Readiness {
            service: service.into(),
            ready: self.ready.clone(),
        };
        readiness.set(false);
        readiness
    }

    /// Returns whether every known service is ready and no drain has begun.
    pub fn is_ready(&self) -> bool {
        !self.signal.is_draining() && self.ready.borrow().values().all(|ready| *ready)
    }

    /// Returns the known services that are not ready; all of them during a drain.
    pub fn not_ready(&self) -> Vec<String> {
        let draining = self.signal.is_draining();
        let ready = self.ready.borrow();
        let missing = ready.iter().filter(|(_, ready)| draining || !**ready);
        missing.map(|(service, _)| service.clone()).collect()
    }

    /// Waits until every known service is ready. Cancel-safe.
    pub async fn until_ready(&self) {
        let mut ready = self.ready.subscribe();
        // The sender lives in `self`, so the wait ends by readiness only.
        let _ = ready
            .wait_for(|ready| ready.values().all(|ready| *ready))
            .await;
    }

    /// Returns the gRPC service that tells of it.
    pub fn service(&self) -> Service {
        Service::new(HealthServer::new(self.clone()), FILE_DESCRIPTOR_SET)
            .expect("the health service is described by the set it was generated with")
    }

    /// Returns the state of one service, or of the whole when the name is empty.
    fn status(&self, service: &str) -> Option<ServingStatus> {
        let ready = match service {
            "" => self.is_ready(),
            known => *self.ready.borrow().get(known)? && !self.signal.is_draining(),
        };
        Some(if ready {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        })
    }
}

impl Readiness {
    /// Says that the service is ready.
    pub fn set_ready(&self) {
        self.set(true);
    }

    /// Says that the service is not ready, any more or again.
    pub fn set_not_ready(&self) {
        self.set(false);
    }

    fn set(&self, ready: bool) {
        self.ready
            .send_if_modified(|known| known.insert(self.service.clone(), ready) != Some(ready));
    }
}

#[tonic::async_trait]
impl HealthApi for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        match self.status(&service) {
            Some(status) => Ok(Response::new(HealthCheckResponse {
                status: status.into(),
            })),
            None => Err(into_status(UnknownService { service })),
        }
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    /// Tells of every change, first of the present. Ends with the drain: a watcher must not keep a
    /// server up.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        let health = self.clone();
        let changes = self.ready.subscribe();
        let watched = Watched {
            health,
            changes,
            service,
            told: None,
        };
        Ok(Response::new(
            stream::unfold(watched, Watched::next).boxed(),
        ))
    }
}

/// One watcher of one service.
struct Watched {
    health: Health,
    changes: watch::Receiver<BTreeMap<String, bool>>,
    service: String,
    told: Option<ServingStatus>,
}

impl Watched {
    async fn next(mut self) -> Option<(Result<HealthCheckResponse, Status>, Self)> {
        loop {
            let draining = self.health.signal.is_draining();
            let status = self
                .health
                .status(&self.service)
                .unwrap_or(ServingStatus::ServiceUnknown);
            if self.told != Some(status) {
                self.told = Some(status);
                return Some((
                    Ok(HealthCheckResponse {
                        status: status.into(),
                    }),
                    self,
                ));
            }
            if draining {
                return None;
            }
            tokio::select! {
                biased;
                () = self.health.signal.draining() => {}
                changed = self.changes.changed() => changed.ok()?,
            }
        }
    }
}

/// No service of that name is known here.
#[derive(Debug, thiserror::Error)]
#[error("no service of that name is known here")]
struct UnknownService {
    service: String,
}

impl Fault for UnknownService {
    fn code(&self) -> Code {
        Code::NotFound
    }

    fn reason(&self) -> &'static str {
        "RESOURCE_NOT_FOUND"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("service", self.service.clone())]
    }
}
