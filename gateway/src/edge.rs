//! The way of every request: the guard, then one of the doors, then what all answers carry.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chimera_runtime::context::CallContext;
use chimera_runtime::deadline::Deadline;
use chimera_runtime::fault::into_status;
use chimera_runtime::trace::TraceContext;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use tonic::body::Body;
use tonic_web::GrpcWebService;
use tower::ServiceExt;

use crate::grpc::{Forward, Speech};
use crate::guard::Guard;
use crate::pages::{Page, Pages};
use crate::refusal::Refusal;
use crate::rest::{Transcoder, errors};
use crate::routes::Routes;
use crate::web;

/// The header by which a caller can name a call to an operator.
const TRACE_ID_HEADER: &str = "x-trace-id";

/// Everything behind the port.
pub(crate) struct Edge {
    pub(crate) guard: Guard,
    pub(crate) routes: Arc<Routes>,
    pub(crate) grpc: Forward,
    pub(crate) web: GrpcWebService<Forward>,
    pub(crate) rest: Transcoder,
    pub(crate) pages: Pages,
    pub(crate) unary_deadline: Duration,
}

/// By which door a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Grpc,
    GrpcWeb,
    Rest,
    Page(Page),
}

/// An answer, and the name of what it answers as metrics show it; nothing when the caller made it
/// up.
type Labelled = (Option<Arc<str>>, Response<Body>);

impl Edge {
    /// Answers one request; every failure is an answer too.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let begun = Instant::now();
        let caller = request
            .headers()
            .get("traceparent")
            .and_then(TraceContext::parse);
        let trace = caller.map_or_else(TraceContext::root, TraceContext::child);
        let version = request.version();
        let door = Door::of(&request);
        let admitted = self.guard.admit(&request);
        let (label, mut answer) = match &admitted {
            Err(refusal) => (None, door.refuse(refusal.clone())),
            Ok(Some(_)) if web::is_preflight(&request) => (None, web::preflight()),
            Ok(_) => self.enter(door, request, trace).await,
        };
        let headers = answer.headers_mut();
        // No page speaks plain gRPC.
        if door != Door::Grpc {
            web::vary(headers);
            let nosniff = HeaderValue::from_static("nosniff");
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
            if let Ok(Some(origin)) = admitted {
                web::expose(headers, origin);
            }
        }
        if let Ok(id) = HeaderValue::try_from(format!("{:032x}", trace.trace_id())) {
            headers.insert(TRACE_ID_HEADER, id);
        }
        if version == Version::HTTP_2 {
            // HTTP/2 has no such header; a stream ends by itself.
            headers.remove(header::CONNECTION);
        }
        measure(door, label, answer.status(), begun.elapsed());
        answer
    }

    /// Lets a request in by its door, under its trace and a deadline.
    async fn enter(&self, door: Door, request: Request<Body>, trace: TraceContext) -> Labelled {
        let route = self.routes.find(request.uri().path());
        let context = |unary: bool| CallContext {
            deadline: unary.then(|| Deadline::after(self.unary_deadline)),
            trace: Some(trace),
        };
        if let Some(refusal) = door.refuse_verb(&request) {
            return (None, door.refuse(refusal));
        }
        match door {
            Door::Grpc | Door::GrpcWeb => {
                let label = route.map(|route| route.label.clone());
                let unary = route.is_some_and(|route| !route.streams);
                let answered = async {
                    match door {
                        Door::Grpc => self.grpc.clone().oneshot(request).await,
                        _ => self.web.clone().oneshot(request).await,
                    }
                };
                let answer = context(unary).scope(answered).await;
                (label, answer.unwrap_or_else(|never| match never {}))
            }
            Door::Rest => self.rest.answer(request, context).await,
            Door::Page(page) => {
                let answer = self.pages.answer(page, request.method());
                (Some(page.label().into()), context(true).scope(answer).await)
            }
        }
    }
}

impl Door {
    fn of<B>(request: &Request<B>) -> Self {
        match Speech::of(request.headers()) {
            Some(Speech::Web) => Self::GrpcWeb,
            Some(Speech::Plain | Speech::Unknown) => Self::Grpc,
            None => Page::at(request.uri().path()).map_or(Self::Rest, Self::Page),
        }
    }

    /// Refuses what gRPC excludes before its path is looked at.
    fn refuse_verb<B>(self, request: &Request<B>) -> Option<Refusal> {
        if !matches!(self, Self::Grpc | Self::GrpcWeb) {
            return None;
        }
        if Speech::of(request.headers()) == Some(Speech::Unknown) {
            let valid = "send application/grpc, application/grpc-web or application/json";
            return Some(Refusal::Media {
                header: "content-type",
                valid,
            });
        }
        if request.method() != Method::POST {
            return Some(Refusal::WrongVerb {
                allow: "POST".into(),
            });
        }
        let plain = self == Self::Grpc && request.version() != Version::HTTP_2;
        plain.then_some(Refusal::Framing(
            "gRPC needs HTTP/2; gRPC-web and REST are served over HTTP/1.1",
        ))
    }

    /// Tells a caller of a refusal in the words of the door. What no gRPC client sends is told in
    /// HTTP's words even to one.
    fn refuse(self, refusal: Refusal) -> Response<Body> {
        let http = matches!(
            refusal,
            Refusal::Media { .. } | Refusal::WrongVerb { .. } | Refusal::Framing(_)
        );
        match self {
            Self::Grpc if !http => into_status(refusal).into_http(),
            Self::GrpcWeb if !http => {
                let mut answer: Response<Body> = into_status(refusal).into_http();
                let kind = HeaderValue::from_static("application/grpc-web+proto");
                answer.headers_mut().insert(header::CONTENT_TYPE, kind);
                answer
            }
            _ => errors::refuse(refusal),
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc_web",
            Self::Rest => "rest",
            Self::Page(_) => "page",
        }
    }
}

/// Counts a request. Names that callers choose never become labels (H64).
fn measure(door: Door, label: Option<Arc<str>>, status: StatusCode, taken: Duration) {
    let method = label.map_or(
        metrics::SharedString::const_str("other"),
        metrics::SharedString::from_shared,
    );
    metrics::histogram!(
        "gateway_head_seconds", "door" => door.label(), "method" => method.clone()
    )
    .record(taken);
    metrics::counter!(
        "gateway_requests_total",
        "door" => door.label(), "method" => method, "status" => status.as_str().to_owned()
    )
    .increment(1);
}
