//! How servers meet: one clonable client side for a peer in this process and for one across a
//! network.
//!
//! Every generated client takes it. In process a call passes the same server stack as over a socket
//! and its messages are encoded and decoded all the same; only the socket is missing. Failures of
//! the way are answers too: a caller sees a gRPC status, never a transport's error type.
//!
//! Two channels to one peer do not share a connection. Market data and orders each get their own: a
//! reader that stops reading must never hold up an order, and h2 ends a connection on which small
//! frames pile up unread.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::uri::Authority;
use http::{Request, Response, Uri};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tonic::body::Body;

use crate::fault::into_status;
use crate::server::{Router, Service};

mod failure;
mod options;
mod outgoing;
mod remote;
#[cfg(test)]
mod tests;

pub use options::RemoteOptions;

use failure::Unreachable;
use remote::Remote;

/// The way to the services of one peer. Cheap to clone; clones share connection and limits.
///
/// As a `tower::Service` of whole HTTP requests it also forwards calls unread, which is how an edge
/// passes raw gRPC on.
#[derive(Clone, Debug)]
pub struct Channel {
    target: Target,
}

#[derive(Clone, Debug)]
enum Target {
    InProcess(Router),
    Remote(Remote),
    Deferred(Arc<OnceLock<Channel>>),
}

/// An address that names no peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is no address; it is host:port, or http://host:port")]
pub struct AddressError {
    address: String,
}

impl Channel {
    /// Returns the way to services of this process.
    pub fn in_process(services: impl IntoIterator<Item = Service>) -> Self {
        Self {
            target: Target::InProcess(Router::new(services)),
        }
    }

    /// Returns the way to the peer at `host:port`. It connects with the first call and again after
    /// every loss, so that peers may start in any order.
    pub fn remote(address: &str, options: RemoteOptions) -> Result<Self, AddressError> {
        let invalid = || AddressError {
            address: address.to_owned(),
        };
        let uri: Uri = address.parse().map_err(|_| invalid())?;
        let plain = uri.scheme_str().is_none_or(|scheme| scheme == "http");
        let bare = uri.path_and_query().is_none_or(|path| path == "/");
        let authority = uri.into_parts().authority.ok_or_else(invalid)?;
        if !plain || !bare || authority.port_u16().is_none() || authority.as_str().contains('@') {
            return Err(invalid());
        }
        let target = authority.to_string();
        Ok(Self::dialed(authority, options, move || {
            dial(target.clone())
        }))
    }

    /// Returns the way to the peer that `dial` connects to, over any kind of byte stream: a
    /// simulated network, a pipe. `authority` is what the peer is called in its requests.
    pub fn dialed<F, Fut, I>(authority: Authority, options: RemoteOptions, dial: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<I>> + Send + 'static,
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self {
            target: Target::Remote(Remote::new(authority, options, dial)),
        }
    }

    /// Returns a way whose peer is named later, and the means to name it: for servers that call
    /// each other, of which one must start first. Until then every call answers UNAVAILABLE.
    pub fn deferred() -> (Self, Binding) {
        let slot = Arc::new(OnceLock::new());
        (
            Self {
                target: Target::Deferred(slot.clone()),
            },
            Binding { slot },
        )
    }

    /// Returns the channel itself, or the one that a deferred channel was bound to.
    fn resolved(&self) -> Option<&Self> {
        let mut channel = self;
        while let Target::Deferred(slot) = &channel.target {
            channel = slot.get()?;
        }
        Some(channel)
    }
}

/// Connects to `host:port`, every address that the name resolves to in turn. Small messages leave
/// at once: with Nagle's algorithm a call can wait 40 ms for an acknowledgement.
async fn dial(target: String) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Names the peer of a [deferred](Channel::deferred) channel.
#[derive(Debug)]
pub struct Binding {
    slot: Arc<OnceLock<Channel>>,
}

impl Binding {
    /// Connects the deferred channel, all clones included, to `channel`.
    pub fn bind(self, channel: Channel) {
        // The binding is consumed, so the slot can only be empty.
        let _ = self.slot.set(channel);
    }
}

impl tower::Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let refuse = |status: tonic::Status| futures::future::ready(Ok(status.into_http())).boxed();
        let Some(channel) = self.resolved() else {
            return refuse(into_status(Unreachable::new(
                "the peer",
                "it has not started yet",
            )));
        };
        let deadline = match outgoing::prepare(request.headers_mut()) {
            Ok(deadline) => deadline,
            Err(passed) => return refuse(into_status(passed)),
        };
        match &channel.target {
            // The server stack of the same process keeps the deadline, body included.
            Target::InProcess(router) => router.clone().call(request).map(Ok).boxed(),
            Target::Remote(remote) => outgoing::keep(deadline, remote.clone().call(request))
                .map(Ok)
                .boxed(),
            Target::Deferred(_) => unreachable!("a resolved channel is not deferred"),
        }
    }
}
