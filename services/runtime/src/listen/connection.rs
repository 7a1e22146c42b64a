//! One accepted connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::PeerAddress;
use super::options::{ListenOptions, Protocols};
use super::preface::{self, Rewound, Spoken};
use crate::drain::Signal;
use crate::http2::{CONNECTION_WINDOW_BYTES, HEADER_BYTES_MAX, STREAM_WINDOW_BYTES};

/// Most bytes of an HTTP/1.1 connection that are read ahead, a request's whole head included.
const HTTP1_BUFFER_BYTES: usize = 64 * 1_024;

/// Most headers of one HTTP/1.1 request.
const HTTP1_HEADERS_MAX: usize = 100;

/// Serves one connection until it ends, or, once `closing` tells so, until what it had begun is
/// done.
pub(super) async fn run<I, S, B>(
    io: I,
    peer: SocketAddr,
    app: S,
    options: ListenOptions,
    closing: Signal,
) where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: tower::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    // A peer that stays silent holds a place for this long and no longer (H07).
    let first_bytes = timeout(options.first_bytes_within, preface::read(io));
    let read = tokio::select! {
        biased;
        read = first_bytes => read,
        () = closing.draining() => return,
    };
    let Ok(Ok((spoken, io))) = read else {
        tracing::debug!(%peer, "connection ended before it spoke");
        return;
    };
    let app = tower::ServiceBuilder::new()
        .map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(peer));
            request
        })
        .service(app);
    match (spoken, options.protocols) {
        (Spoken::Http2, _) => http2(io, app, options, closing).await,
        (Spoken::Other, Protocols::Http1AndHttp2) => http1(io, app, options, closing).await,
        (Spoken::Other, Protocols::Http2) => tracing::debug!(%peer, "connection is not HTTP/2"),
    }
}

async fn http2<I, S, B>(io: Rewound<I>, app: S, options: ListenOptions, closing: Signal)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: tower::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(options.streams_per_connection_max)
        .max_header_list_size(HEADER_BYTES_MAX)
        .keep_alive_interval(options.keepalive_interval)
        .keep_alive_timeout(options.keepalive_timeout)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(app));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = closing.draining() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended with an error");
    }
}

async fn http1<I, S, B>(io: Rewound<I>, app: S, options: ListenOptions, closing: Signal)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: tower::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.first_bytes_within)
        .max_buf_size(HTTP1_BUFFER_BYTES)
        .max_headers(HTTP1_HEADERS_MAX)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(app))
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = closing.draining() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended with an error");
    }
}
