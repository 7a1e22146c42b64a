//! Whether what is mounted serves: asked of each service through its own channel at the moment of
//! the question, so that the answer is never an old one.

use std::sync::Arc;
use std::time::Duration;

use chimera_runtime::Channel;
use chimera_runtime::drain::Signal;
use chimera_runtime::fault::{Fault, into_status};
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::{self, BoxStream};
use serde::Serialize;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// How often a watched health is asked for: the delay with which a watcher hears of a change.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Asks the mounted services. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Watchman {
    services: Arc<[(String, Channel)]>,
    within: Duration,
    drain: Signal,
}

/// What one service says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ServiceHealth {
    service: String,
    serving: bool,
    /// Why it is not; empty when it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    cause: String,
}

/// What all of them say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    draining: bool,
    services: Vec<ServiceHealth>,
}

/// The question is about a service that is not mounted.
#[derive(Debug, thiserror::Error)]
#[error("no such service is mounted here")]
struct NotMounted;

impl Fault for NotMounted {
    fn code(&self) -> Code {
        Code::NotFound
    }

    fn reason(&self) -> &'static str {
        "RESOURCE_NOT_FOUND"
    }
}

impl Watchman {
    /// Returns who asks `services`, each for `within` at most, until the drain begins: from then on
    /// nothing serves.
    pub(crate) fn new(services: Vec<(String, Channel)>, within: Duration, drain: Signal) -> Self {
        Self {
            services: services.into(),
            within,
            drain,
        }
    }

    /// Asks every service at once.
    pub(crate) async fn readiness(&self) -> Readiness {
        let asked = self
            .services
            .iter()
            .map(|(service, channel)| self.ask(service, channel));
        let services = join_all(asked).await;
        let draining = self.drain.is_draining();
        let ready = !draining && services.iter().all(|health| health.serving);
        Readiness {
            ready,
            draining,
            services,
        }
    }

    async fn ask(&self, service: &str, channel: &Channel) -> ServiceHealth {
        let mut client = HealthClient::new(channel.clone());
        let question = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = tokio::time::timeout(self.within, client.check(question)).await;
        let cause = match answer {
            Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => String::new(),
            Ok(Ok(answer)) => answer.get_ref().status().as_str_name().to_owned(),
            Ok(Err(status)) => status.message().to_owned(),
            Err(_) => format!("no answer within {:?}", self.within),
        };
        ServiceHealth {
            service: service.to_owned(),
            serving: cause.is_empty(),
            cause,
        }
    }

    /// Returns the status of one service, of all for the empty name, or nothing for a name that is
    /// not mounted.
    async fn status(&self, service: &str) -> Option<ServingStatus> {
        let serving = match service {
            "" => self.readiness().await.ready,
            _ => {
                let (_, channel) = self.services.iter().find(|(name, _)| name == service)?;
                !self.drain.is_draining() && self.ask(service, channel).await.serving
            }
        };
        Some(if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        })
    }
}

#[tonic::async_trait]
impl Health for Watchman {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let status = self.status(&request.get_ref().service).await;
        let status = status.ok_or_else(|| into_status(NotMounted))?;
        Ok(Response::new(HealthCheckResponse {
            status: status.into(),
        }))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        let ticks = tokio::time::interval(WATCH_INTERVAL);
        let begin = (self.clone(), service, ticks, None);
        let changes = stream::unfold(begin, |(watchman, service, mut ticks, before)| async move {
            loop {
                tokio::select! {
                    biased;
                    _ = ticks.tick() => {}
                    // The end of a drain does not wait for the next tick.
                    () = watchman.drain.draining(), if before == Some(ServingStatus::Serving) => {}
                }
                // A name that is not mounted may be one day, says the protocol.
                let now = watchman
                    .status(&service)
                    .await
                    .unwrap_or(ServingStatus::ServiceUnknown);
                if before != Some(now) {
                    let answer = HealthCheckResponse { status: now.into() };
                    return Some((Ok(answer), (watchman, service, ticks, Some(now))));
                }
                if watchman.drain.is_draining() {
                    return None;
                }
            }
        });
        Ok(Response::new(changes.boxed()))
    }
}
