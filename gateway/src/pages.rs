//! The few pages that are not of the contract: what is served, whether the process lives, whether
//! it is ready, and the metrics.

use bytes::Bytes;
use chimera_runtime::telemetry::MetricsHandle;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;
use tonic::body::Body;

use crate::health::Watchman;
use crate::refusal::Refusal;
use crate::rest::{Transcoder, errors};
use crate::routes::Routes;

/// Answers for the paths that belong to no service.
pub(crate) struct Pages {
    index: Bytes,
    watchman: Watchman,
    metrics: Option<MetricsHandle>,
}

/// One page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Index,
    Alive,
    Ready,
    Metrics,
}

impl Page {
    /// Returns the page of a path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path {
            "/" => Some(Self::Index),
            "/healthz" => Some(Self::Alive),
            "/readyz" => Some(Self::Ready),
            "/metrics" => Some(Self::Metrics),
            _ => None,
        }
    }

    /// Returns its path, as metrics show it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Index => "/",
            Self::Alive => "/healthz",
            Self::Ready => "/readyz",
            Self::Metrics => "/metrics",
        }
    }
}

/// What `/` tells.
#[derive(Serialize)]
struct Index<'a> {
    name: &'static str,
    version: &'static str,
    pages: [&'static str; 3],
    grpc: Vec<&'a str>,
    rest: Vec<Endpoint<'a>>,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    verb: &'a str,
    path: &'a str,
    method: &'a str,
}

impl Pages {
    pub(crate) fn new(
        routes: &Routes,
        rest: &Transcoder,
        watchman: Watchman,
        metrics: Option<MetricsHandle>,
    ) -> Self {
        let endpoint =
            |(method, verb, path): (_, &'_ Method, _)| (path, verb.as_str().to_owned(), method);
        let endpoints: Vec<(&str, String, &str)> = rest.served().map(endpoint).collect();
        let index = Index {
            name: "chimera",
            version: env!("CARGO_PKG_VERSION"),
            pages: ["/healthz", "/readyz", "/metrics"],
            grpc: routes
                .services()
                .iter()
                .map(|service| service.full_name())
                .collect(),
            rest: endpoints
                .iter()
                .map(|(path, verb, method)| Endpoint { verb, path, method })
                .collect(),
        };
        // Text alone; it cannot fail to be written.
        let index = serde_json::to_vec_pretty(&index).unwrap_or_default().into();
        Self {
            index,
            watchman,
            metrics,
        }
    }

    /// Answers a request for `page`.
    pub(crate) async fn answer(&self, page: Page, verb: &Method) -> Response<Body> {
        if !matches!(*verb, Method::GET | Method::HEAD) {
            return errors::refuse(Refusal::WrongVerb {
                allow: "GET, HEAD".into(),
            });
        }
        let (status, kind, text) = match page {
            Page::Index => (StatusCode::OK, "application/json", self.index.clone()),
            Page::Alive => (
                StatusCode::OK,
                "application/json",
                "{\"alive\":true}\n".into(),
            ),
            Page::Ready => {
                let readiness = self.watchman.readiness().await;
                let status = match readiness.ready {
                    true => StatusCode::OK,
                    false => StatusCode::SERVICE_UNAVAILABLE,
                };
                let mut text = serde_json::to_vec(&readiness).unwrap_or_default();
                text.push(b'\n');
                (status, "application/json", text.into())
            }
            Page::Metrics => (
                StatusCode::OK,
                "text/plain; version=0.0.4",
                shown(self.metrics.as_ref()).into(),
            ),
        };
        let length = text.len();
        let body = match *verb {
            Method::HEAD => Body::empty(),
            _ => Body::new(Full::new(text)),
        };
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }
}

/// Returns what a process without metrics shows, or its metrics.
fn shown(metrics: Option<&MetricsHandle>) -> String {
    metrics.map(MetricsHandle::render).unwrap_or_default()
}
