//! A peer across a network: one HTTP/2 connection, made when it is first needed and made anew when
//! it is lost.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, TryFutureExt};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tonic::Status;
use tonic::body::Body;

use super::failure::{self, Unreachable};
use super::options::RemoteOptions;
use crate::fault::into_status;
use crate::http2::HEADER_BYTES_MAX;
use crate::server::Overloaded;

/// First pause after a failed connect; doubles with each further one. Callers that come during a
/// pause are refused at once.
const BACKOFF_MIN: Duration = Duration::from_millis(50);

/// Longest pause between connects: a peer that comes back is found within it.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Connections that one call may try. The second one serves a call that met a connection just as
/// its peer was closing it, and only when not a byte of the call had left.
const CONNECTIONS_PER_CALL: usize = 2;

/// What a refused caller is told to wait: the time in which a full channel answers some of its
/// calls.
const RETRY_AFTER: Duration = Duration::from_millis(100);

type Sender = SendRequest<Body>;
type Connecting = Shared<BoxFuture<'static, Result<Sender, Unreachable>>>;

/// Anything that bytes flow through.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

pub(crate) type Dial = dyn Fn() -> BoxFuture<'static, io::Result<Box<dyn Io>>> + Send + Sync;

/// A peer across a network. Clones share the connection.
#[derive(Clone)]
pub(crate) struct Remote {
    shared: Arc<Peer>,
}

struct Peer {
    authority: Authority,
    options: RemoteOptions,
    dial: Box<Dial>,
    calls: Semaphore,
    state: Mutex<State>,
}

/// Where the connection stands. One lock, never held across an await.
enum State {
    Idle,
    Connecting(Connecting),
    Connected(Sender),
    /// The last connect failed; none is tried before `until`.
    Resting {
        until: Instant,
        failures: u32,
        failure: Unreachable,
    },
}

impl Remote {
    pub(crate) fn new<F, Fut, I>(authority: Authority, options: RemoteOptions, dial: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<I>> + Send + 'static,
        I: Io,
    {
        let dial = move || dial().map_ok(|io| Box::new(io) as Box<dyn Io>).boxed();
        let calls = Semaphore::new(options.calls_max);
        let state = Mutex::new(State::Idle);
        Self {
            shared: Arc::new(Peer {
                authority,
                options,
                dial: Box::new(dial),
                calls,
                state,
            }),
        }
    }

    /// Sends one call and returns the head of its answer; what fails on the way is an answer too.
    pub(crate) async fn call(self, request: Request<Body>) -> Response<Body> {
        let peer = self.shared;
        let Ok(_place) = peer.calls.try_acquire() else {
            return into_status(Overloaded::new("calls to one peer", RETRY_AFTER)).into_http();
        };
        match peer.send(request).await {
            Ok(response) => response.map(failure::body),
            Err(status) => status.into_http(),
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Remote({})", self.shared.authority)
    }
}

impl Peer {
    async fn send(
        self: &Arc<Self>,
        mut request: Request<Body>,
    ) -> Result<Response<hyper::body::Incoming>, Status> {
        address(&mut request, &self.authority);
        for _ in 0..CONNECTIONS_PER_CALL {
            let mut sender = self.connected().await.map_err(into_status)?;
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(mut refused) => match refused.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(failure::of_call(refused.into_error())),
                },
            }
            self.forget();
        }
        Err(into_status(self.unreachable(
            "its connections close as soon as they open".into(),
        )))
    }

    /// Returns the connection, made first when there is none. Whoever comes while it is being made
    /// waits for the same one.
    async fn connected(self: &Arc<Self>) -> Result<Sender, Unreachable> {
        let connecting = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let failures = match &*state {
                State::Connected(sender) if !sender.is_closed() => return Ok(sender.clone()),
                State::Connecting(connecting) => Err(connecting.clone()),
                State::Resting { until, failure, .. } if Instant::now() < *until => {
                    return Err(failure.clone());
                }
                State::Resting { failures, .. } => Ok(*failures),
                State::Idle | State::Connected(_) => Ok(0),
            };
            match failures {
                Err(connecting) => connecting,
                Ok(failures) => {
                    let connecting = self.clone().begin(failures);
                    *state = State::Connecting(connecting.clone());
                    connecting
                }
            }
        };
        connecting.await
    }

    /// Begins to connect in a task of its own, so that a caller who goes away takes nothing along.
    /// The task ends by itself within the connect timeout.
    fn begin(self: Arc<Self>, failures: u32) -> Connecting {
        let connecting = tokio::spawn(async move {
            let connected = self.connect().await;
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            *state = match &connected {
                Ok(sender) => State::Connected(sender.clone()),
                Err(failure) => {
                    tracing::warn!(peer = %self.authority, %failure, "peer cannot be reached");
                    State::Resting {
                        until: Instant::now() + pause(failures),
                        failures: failures + 1,
                        failure: failure.clone(),
                    }
                }
            };
            connected
        });
        let ended = |_| Unreachable::new("the peer", "the process is ending");
        connecting
            .map_err(ended)
            .and_then(futures::future::ready)
            .boxed()
            .shared()
    }

    async fn connect(&self) -> Result<Sender, Unreachable> {
        let connect = async {
            let io = (self.dial)().await.map_err(|error| error.to_string())?;
            let options = &self.options;
            let handshake = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .initial_stream_window_size(options.stream_window_bytes)
                .initial_connection_window_size(options.connection_window_bytes)
                .keep_alive_interval(options.keepalive_interval)
                .keep_alive_timeout(options.keepalive_timeout)
                .keep_alive_while_idle(true)
                .max_header_list_size(HEADER_BYTES_MAX)
                .handshake(TokioIo::new(io));
            handshake.await.map_err(|error| error.to_string())
        };
        let connected = timeout(self.options.connect_timeout, connect).await;
        let too_long = |_| {
            Err(format!(
                "no connection within {:?}",
                self.options.connect_timeout
            ))
        };
        let (sender, connection) = connected
            .unwrap_or_else(too_long)
            .map_err(|cause| self.unreachable(cause))?;
        let peer = self.authority.clone();
        // Lives as long as the connection: until the last sender is gone or the peer is.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "connection lost");
            }
        });
        Ok(sender)
    }

    /// Gives up a connection that takes no more calls. One that was made since is kept.
    fn forget(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Connected(sender) if !sender.is_ready()) {
            *state = State::Idle;
        }
    }

    fn unreachable(&self, cause: String) -> Unreachable {
        Unreachable::new(self.authority.as_str(), cause)
    }
}

/// Returns the pause after so many failures: doubling, with up to half of it taken off by chance so
/// that many callers of one peer do not come back in step.
fn pause(failures: u32) -> Duration {
    let full = BACKOFF_MIN
        .saturating_mul(2_u32.saturating_pow(failures))
        .min(BACKOFF_MAX);
    full.mul_f64(crate::chance::between(0.5..=1.0))
}

/// Addresses a request at the peer: HTTP/2 wants scheme and authority in every one.
fn address(request: &mut Request<Body>, authority: &Authority) {
    let path = request.uri().path_and_query().cloned();
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.clone());
    parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    *request.uri_mut() =
        Uri::from_parts(parts).expect("scheme, authority and path make a whole URI");
    *request.version_mut() = http::Version::HTTP_2;
}
