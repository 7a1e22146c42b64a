//! A listener whose end is certain: it bounds what peers may take from it, and its drain ends at
//! the drain deadline whatever they do.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;

use crate::drain::{Completion, Drain, Signal};
use crate::server::{Router, Service};

mod connection;
mod options;
mod preface;
#[cfg(test)]
mod tests;

pub use options::{ListenOptions, Protocols};

/// Pause after a failed accept, such as for want of file descriptors: long enough not to spin,
/// short enough to be back as soon as one is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where connections come from: the operating system, or a simulated network.
pub trait Accept: Send + 'static {
    /// What bytes flow through.
    type Io: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Returns the next connection and who made it. Must be cancel-safe.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        // The default waits up to 40 ms with a small answer.
        stream.set_nodelay(true)?;
        Ok((stream, peer))
    }
}

/// Who made the connection that a request came by; stands in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// Serves gRPC `services` on what `listener` accepts, until `signal` tells of a drain and the drain
/// has ended. Returns how it ended.
pub async fn serve<A: Accept>(
    listener: A,
    services: impl IntoIterator<Item = Service>,
    options: ListenOptions,
    signal: Signal,
) -> Completion {
    let router = Router::new(services);
    let app = tower::service_fn(move |request: Request<Incoming>| {
        let answer = router.clone().call(request.map(Body::new));
        async move { Ok::<_, Infallible>(answer.await) }
    });
    serve_http(listener, app, options, signal).await
}

/// Serves any HTTP application, such as an edge, like [`serve`].
///
/// A connection that was upgraded (WebSocket) belongs to whoever upgraded it and is not waited for.
pub async fn serve_http<A, S, B>(
    mut listener: A,
    app: S,
    options: ListenOptions,
    signal: Signal,
) -> Completion
where
    A: Accept,
    S: tower::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    let closing = Drain::new();
    let cut = CancellationToken::new();
    let tasks = TaskTracker::new();
    let places = Places::new(&options);
    let stopping = async {
        signal.draining().await;
        // Still serving: whoever balances load needs this long to hear that we are not ready.
        tokio::time::sleep(options.drain_lead).await;
    };
    tokio::pin!(stopping);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stopping => break,
            accepted = listener.accept() => accepted,
        };
        let (io, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if ends_one_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = places.take(peer.ip()) else {
            metrics::counter!("connections_refused_total").increment(1);
            continue;
        };
        let signal = closing.signal();
        let hold = signal.hold();
        let connection = connection::run(io, peer, app.clone(), options, signal);
        let cut = cut.clone();
        tasks.spawn(async move {
            let _ends_with_the_connection = (place, hold);
            // Dropping the connection closes its socket and drops its calls.
            cut.run_until_cancelled_owned(connection).await;
        });
    }
    drop(listener);
    let completion = closing.complete(options.drain_within).await;
    if let Completion::CutOff { remaining } = completion {
        tracing::warn!(remaining, "connections cut off at the drain deadline");
    }
    cut.cancel();
    tasks.close();
    tasks.wait().await;
    completion
}

/// Returns whether a failed accept says something of one peer only (H07).
fn ends_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    // Setting an option of a socket that its peer has reset already is an invalid argument.
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput
    )
}

/// The connections that are open, in all and by address (H08).
#[derive(Clone)]
struct Places {
    all: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_address_max: usize,
}

/// One open connection's place.
struct Place {
    _all: tokio::sync::OwnedSemaphorePermit,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Places {
    fn new(options: &ListenOptions) -> Self {
        Self {
            all: Arc::new(Semaphore::new(options.connections_max)),
            by_address: Arc::default(),
            per_address_max: options.connections_per_address_max,
        }
    }

    fn take(&self, address: IpAddr) -> Option<Place> {
        let all = self.all.clone().try_acquire_owned().ok()?;
        let mut counts = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.per_address_max {
            return None;
        }
        *count += 1;
        Some(Place {
            _all: all,
            by_address: self.by_address.clone(),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
