//! What every gRPC server stands behind, in process as over a network: routing by exact method
//! name, deadline, trace, admission, isolation of panics and metrics, in this order.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::Code;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::ServiceExt;

use crate::fault::Fault;

mod admission;
mod call;
mod frames;
mod methods;
mod policy;
mod reply;
#[cfg(test)]
mod tests;
mod undetailed;

pub use methods::DescriptorError;
pub use policy::{MESSAGE_BYTES_MAX, Policy};

pub(crate) use admission::Overloaded;

use admission::Admission;
use methods::Methods;

type Handler = dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync;

/// One gRPC service ready to be mounted, in process or on a listener.
///
/// Clones are the same service: they share its limits.
#[derive(Clone)]
pub struct Service {
    name: &'static str,
    handler: Arc<Handler>,
    methods: Arc<Methods>,
    admission: Admission,
    policy: Policy,
}

impl Service {
    /// Returns a generated server, described by the descriptor set that it was generated from
    /// (`chimera_contracts::FILE_DESCRIPTOR_SET`), under the default [`Policy`].
    pub fn new<S>(server: S, descriptor_set: &[u8]) -> Result<Self, DescriptorError>
    where
        S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        let policy = Policy::default();
        let handler = move |request| {
            let answer = server.clone().oneshot(request);
            answer
                .map(|answer| answer.unwrap_or_else(|never| match never {}))
                .boxed()
        };
        Ok(Self {
            name: S::NAME,
            handler: Arc::new(handler),
            methods: Arc::new(Methods::read(S::NAME, descriptor_set)?),
            admission: Admission::new(&policy),
            policy,
        })
    }

    /// Returns this service under another policy, with limits of its own.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.admission = Admission::new(&policy);
        self.policy = policy;
        self
    }

    /// Returns the full name, e.g. `chimera.order.v1.OrderService`.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Service")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A set of services behind one door. Clones are the same set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Router {
    services: Arc<HashMap<&'static str, Service>>,
}

impl Router {
    pub(crate) fn new(services: impl IntoIterator<Item = Service>) -> Self {
        let services = services.into_iter().map(|service| (service.name, service));
        Self {
            services: Arc::new(services.collect()),
        }
    }

    /// Answers one call; every failure is an answer too.
    pub(crate) async fn call(self, request: Request<Body>) -> Response<Body> {
        // Shares the bytes; the request itself moves on.
        let uri = request.uri().clone();
        let names = uri
            .path()
            .strip_prefix('/')
            .and_then(|names| names.split_once('/'));
        let service = names.and_then(|(service, _)| self.services.get(service));
        let Some((service, (_, method))) = service.zip(names) else {
            return call::refuse_unknown();
        };
        match service.methods.get(method) {
            Some(method) => call::answer(service, method, request).await,
            None => call::refuse_unknown(),
        }
    }
}

/// The path names no method that is served here.
#[derive(Debug, thiserror::Error)]
#[error("no such method is served here")]
struct UnknownMethod;

impl Fault for UnknownMethod {
    fn code(&self) -> Code {
        Code::Unimplemented
    }

    fn reason(&self) -> &'static str {
        "UNKNOWN_METHOD"
    }
}
