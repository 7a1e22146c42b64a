//! gRPC passed on unread: the path decides where to, the bodies and trailers are the service's own.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use chimera_runtime::fault::{Fault, into_status};
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use http::{HeaderMap, Request, Response, header};
use http_body::Frame;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, Service, ServiceExt};

use crate::routes::Routes;

/// What both kinds of gRPC bodies are called.
const GRPC: [&str; 2] = ["application/grpc", "application/grpc+proto"];
const GRPC_WEB: [&str; 4] = [
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
];

/// Headers that speak of one connection and its host, not of the call.
const HOP_BY_HOP: [header::HeaderName; 5] = [
    header::HOST,
    header::CONNECTION,
    header::UPGRADE,
    header::TRANSFER_ENCODING,
    header::PROXY_AUTHORIZATION,
];

/// How a request speaks gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    /// gRPC itself.
    Plain,
    /// gRPC-web, binary or text.
    Web,
    /// A gRPC body of a kind that is not spoken here, such as JSON in gRPC frames.
    Unknown,
}

impl Speech {
    /// Returns how a request speaks gRPC, if it does.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        if !kind.starts_with("application/grpc") {
            return None;
        }
        Some(match kind {
            kind if GRPC.contains(&kind) => Self::Plain,
            kind if GRPC_WEB.contains(&kind) => Self::Web,
            _ => Self::Unknown,
        })
    }
}

/// The path names no method that is served at the edge.
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

/// Passes calls on to the channels of their services.
#[derive(Clone)]
pub(crate) struct Forward {
    routes: Arc<Routes>,
    web: bool,
}

impl Forward {
    pub(crate) fn new(routes: Arc<Routes>) -> Self {
        Self { routes, web: false }
    }

    /// Returns the same door for gRPC-web.
    pub(crate) fn web(self) -> GrpcWebService<Self> {
        GrpcWebLayer::new().layer(Self { web: true, ..self })
    }
}

impl Service<Request<Body>> for Forward {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Some(route) = self.routes.find(request.uri().path()) else {
            return futures::future::ready(Ok(into_status(UnknownMethod).into_http())).boxed();
        };
        for name in HOP_BY_HOP {
            request.headers_mut().remove(name);
        }
        if !self.web {
            return route.channel.clone().oneshot(request).boxed();
        }
        let call = route.channel.clone().oneshot(request.map(Unmeasured::wrap));
        let measureless = |mut answer: Response<Body>| {
            answer.headers_mut().remove(header::CONTENT_LENGTH);
            answer.map(Unmeasured::wrap)
        };
        call.map_ok(measureless).boxed()
    }
}

/// A body that does not say how long it is. gRPC-web's translation repeats what the untranslated
/// body says of its length, which is another one.
struct Unmeasured(Body);

impl Unmeasured {
    fn wrap(body: Body) -> Body {
        Body::new(Self(body))
    }
}

impl http_body::Body for Unmeasured {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.0).poll_frame(task)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}
