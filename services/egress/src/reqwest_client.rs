//! The HTTP client that dials for real: reqwest over rustls, with everything that acts on its own
//! (redirects, retries, proxies, HTTP/2) turned off.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use futures::future::BoxFuture;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::http::{ConnectFault, HttpClient, HttpError, HttpLimits, HttpRequest, HttpResponse};

#[cfg(test)]
mod tests;

/// Longest wait for a connection: three SYNs of Linux (0, 1 and 3 s) minus the last one, so that a
/// dead peer is known as [`crate::Sent::No`] well before an order's usual deadline. Under a shorter
/// deadline the library does not say how far it came, and the outcome is in doubt where it need not
/// be.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest a connection rests in the pool. Venues and their balancers keep idle connections for 60
/// s or more; closing ours first keeps requests off connections that are being closed under them
/// (F04).
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Idle connections kept a host: a burst's worth, far below any venue's cap on connections. With too
/// few, every burst dials anew, and an order waits for two handshakes.
const POOL_IDLE_PER_HOST_MAX: usize = 64;

/// Interval of TCP keep-alive probes: a half-open connection (F106) is found while it rests.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// First allocation for a body; most answers of venues fit, and larger ones grow.
const BODY_CAPACITY: usize = 4 * 1024;

/// Sends over real sockets. One pool serves every cluster; clones share it.
#[derive(Clone, Debug)]
pub struct ReqwestClient {
    client: reqwest::Client,
}

/// Why the client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built")]
pub struct BuildError;

impl ReqwestClient {
    /// Returns a client that trusts what `tls` trusts; see [`crate::tls::client_config`].
    ///
    /// # Errors
    ///
    /// When the library refuses the TLS configuration.
    pub fn new(tls: &Arc<ClientConfig>) -> Result<Self, BuildError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(ClientConfig::clone(tls))
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            // The pool below still moves a request to a fresh connection when the idle one it drew
            // turns out closed, but only while not one byte of it has been taken for writing.
            .retry(reqwest::retry::never())
            // A proxy variable in the environment must not divert signed requests.
            .no_proxy()
            .referer(false)
            .user_agent(concat!("chimera/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(POOL_IDLE_PER_HOST_MAX)
            .tcp_nodelay(true)
            .tcp_keepalive(TCP_KEEPALIVE)
            .build()
            .map_err(|_| BuildError)?;
        Ok(Self { client })
    }

    async fn send_once(
        &self,
        request: HttpRequest,
        max_body_bytes: usize,
    ) -> Result<HttpResponse, HttpError> {
        let mut outgoing = reqwest::Request::new(request.method, request.url);
        *outgoing.headers_mut() = request.headers;
        if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.into());
        }
        let mut response = self.client.execute(outgoing).await.map_err(classify)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(HttpError::Redirect { status });
        }
        let headers = std::mem::take(response.headers_mut());
        let body = read_body(response, max_body_bytes).await?;
        Ok(HttpResponse {
            status,
            headers,
            body,
        })
    }
}

impl HttpClient for ReqwestClient {
    fn send(
        &self,
        request: HttpRequest,
        limits: HttpLimits,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        async move {
            let begun = Instant::now();
            if begun >= limits.deadline {
                return Err(HttpError::Expired);
            }
            // One bound over head and body: a byte a second never extends it (H51).
            match timeout_at(
                limits.deadline,
                self.send_once(request, limits.max_body_bytes),
            )
            .await
            {
                Ok(outcome) => outcome,
                Err(_) => Err(HttpError::Timeout {
                    waited: begun.elapsed(),
                }),
            }
        }
        .boxed()
    }
}

/// Reads the body after decompression, so that the cap holds for what a bomb inflates to (H51).
async fn read_body(
    mut response: reqwest::Response,
    max_body_bytes: usize,
) -> Result<Bytes, HttpError> {
    let status = response.status();
    let too_large = HttpError::BodyTooLarge {
        status,
        max_body_bytes,
    };
    let announced = response.content_length().unwrap_or(0);
    if announced > max_body_bytes as u64 {
        return Err(too_large);
    }
    let mut body = BytesMut::with_capacity(BODY_CAPACITY.min(max_body_bytes));
    while let Some(chunk) = response.chunk().await.map_err(classify)? {
        if chunk.len() > max_body_bytes - body.len() {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Turns the library's error, whose text holds the address, into one that holds nothing.
fn classify(error: reqwest::Error) -> HttpError {
    if error.is_builder() {
        return HttpError::Malformed {
            what: "address or headers",
        };
    }
    if error.is_connect() {
        return HttpError::Connect {
            fault: connect_fault(&error),
        };
    }
    let mut cause = error.source();
    while let Some(current) = cause {
        if let Some(failure) = current.downcast_ref::<hyper::Error>() {
            if failure.is_canceled() {
                return HttpError::NotWritten;
            }
            if failure.is_parse() {
                return HttpError::Transport {
                    what: "the answer is not HTTP",
                };
            }
            if failure.is_incomplete_message() {
                return HttpError::Transport {
                    what: "closed before the answer was complete",
                };
            }
        }
        if let Some(failure) = current.downcast_ref::<io::Error>() {
            return HttpError::Transport {
                what: io_word(failure),
            };
        }
        cause = current.source();
    }
    let what = if error.is_decode() {
        "the body cannot be decoded"
    } else {
        "broken"
    };
    HttpError::Transport { what }
}

fn connect_fault(error: &reqwest::Error) -> ConnectFault {
    if error.is_timeout() {
        return ConnectFault::Timeout;
    }
    let mut cause = error.source();
    while let Some(current) = cause {
        if current.is::<rustls::Error>() {
            return ConnectFault::Tls;
        }
        if let Some(failure) = current.downcast_ref::<io::Error>() {
            if is_tls(failure) {
                return ConnectFault::Tls;
            }
            return match innermost(failure).kind() {
                io::ErrorKind::TimedOut => ConnectFault::Timeout,
                io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable => ConnectFault::Refused,
                // A peer that hangs up during the handshake; before it, a reset counts as refused.
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => ConnectFault::Tls,
                io::ErrorKind::ConnectionReset => ConnectFault::Refused,
                _ => ConnectFault::Other,
            };
        }
        // The resolver's failure has no public type; its text is fixed and only labels.
        if current.to_string() == "dns error" {
            return ConnectFault::Resolve;
        }
        cause = current.source();
    }
    ConnectFault::Other
}

/// Returns a fixed word for an input or output failure; its own text may quote what was read.
pub(crate) fn io_word(error: &io::Error) -> &'static str {
    match innermost(error).kind() {
        io::ErrorKind::ConnectionReset => "reset by the peer",
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => "closed by the peer",
        io::ErrorKind::UnexpectedEof => "closed before the answer was complete",
        io::ErrorKind::InvalidData => "unreadable data",
        io::ErrorKind::TimedOut => "timed out",
        _ => "broken",
    }
}

/// Returns whether a TLS failure stands behind an input or output failure, however deep.
pub(crate) fn is_tls(error: &io::Error) -> bool {
    innermost(error)
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>())
}

/// Connectors wrap one input or output failure in another; the innermost knows its kind.
fn innermost(error: &io::Error) -> &io::Error {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<io::Error>());
    inner.map_or(error, innermost)
}
