//! The dialer that opens real sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chimera_runtime::clock::Clock;
use futures::FutureExt;
use futures::future::BoxFuture;
use rustls::ClientConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::Connector;
use url::Url;

use super::{WebSocket, WebSocketDialer, WebSocketError, WebSocketOptions, WebSocketRequest};
use crate::http::ConnectFault;

/// Addresses of one name that are tried. Venues publish a handful; more would eat the deadline.
const ADDRESSES_MAX: usize = 8;

/// Idle time before, and between, TCP keep-alive probes: a quiet private stream whose peer is gone
/// (F106) is known within a minute, even when the session asks for no liveness.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// Dials over TCP, with TLS for `wss`.
#[derive(Clone, Debug)]
pub struct TungsteniteDialer {
    tls: Arc<ClientConfig>,
    clock: Clock,
}

impl TungsteniteDialer {
    /// Returns a dialer that trusts what `tls` trusts and stamps frames by `clock`.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>, clock: Clock) -> Self {
        Self { tls, clock }
    }
}

impl WebSocketDialer for TungsteniteDialer {
    fn dial(
        &self,
        request: WebSocketRequest,
        options: WebSocketOptions,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<WebSocket, WebSocketError>> {
        async move {
            let connector = match request.url.scheme() {
                "wss" => Connector::Rustls(Arc::clone(&self.tls)),
                "ws" => Connector::Plain,
                _ => return Err(WebSocketError::Malformed { what: "scheme" }),
            };
            let stream = timeout_at(deadline, connect(&request.url))
                .await
                .map_err(|_| WebSocketError::Connect {
                    fault: ConnectFault::Timeout,
                })??;
            let clock = self.clock.clone();
            let stream = Box::new(stream);
            WebSocket::handshake(stream, connector, request, options, clock, deadline).await
        }
        .boxed()
    }
}

async fn connect(url: &Url) -> Result<TcpStream, WebSocketError> {
    let malformed = WebSocketError::Malformed {
        what: "host or port",
    };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(malformed);
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let unresolved = WebSocketError::Connect {
        fault: ConnectFault::Resolve,
    };
    let addresses = lookup_host((host, port))
        .await
        .map_err(|_| unresolved.clone())?;
    let mut last = unresolved;
    for address in addresses.take(ADDRESSES_MAX) {
        match connect_to(address).await {
            Ok(stream) => return Ok(stream),
            Err(failure) => {
                let fault = match failure.kind() {
                    io::ErrorKind::TimedOut => ConnectFault::Timeout,
                    _ => ConnectFault::Refused,
                };
                last = WebSocketError::Connect { fault };
            }
        }
    }
    Err(last)
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(TCP_KEEPALIVE)
        .with_interval(TCP_KEEPALIVE);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}
