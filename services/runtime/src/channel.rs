//! How servers meet: one clonable client side for a peer in this process and for one across a network.
//!
//! Every generated client takes it. In process a call passes the same server stack as over a socket and
//! its messages are encoded and decoded all the same; only the socket is missing. Failures of the way
//! are answers too: a caller sees a gRPC status, never a transport's error type.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::Code;
use tonic::body::Body;

use crate::fault::{Fault, into_status};
use crate::server::{Router, Service};

#[cfg(test)]
mod tests;

/// The way to the services of one peer. Cheap to clone; clones share connections and limits.
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
    Deferred(Arc<OnceLock<Channel>>),
}

impl Channel {
    /// Returns the way to services of this process.
    pub fn in_process(services: impl IntoIterator<Item = Service>) -> Self {
        Self {
            target: Target::InProcess(Router::new(services)),
        }
    }

    /// Returns a way whose peer is named later, and the means to name it: for servers that call each
    /// other, of which one must start first. Until then every call answers UNAVAILABLE.
    pub fn deferred() -> (Self, Binding) {
        let slot = Arc::new(OnceLock::new());
        (
            Self {
                target: Target::Deferred(slot.clone()),
            },
            Binding { slot },
        )
    }
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut target = &self.target;
        while let Target::Deferred(slot) = target {
            match slot.get() {
                Some(channel) => target = &channel.target,
                None => {
                    let answer = into_status(Unreachable::unbound()).into_http();
                    return futures::future::ready(Ok(answer)).boxed();
                }
            }
        }
        match target {
            Target::InProcess(router) => router.clone().call(request).map(Ok).boxed(),
            Target::Deferred(_) => unreachable!("the loop above follows every deferred channel"),
        }
    }
}

/// The peer was not reached; no byte of the call left.
#[derive(Debug, thiserror::Error)]
#[error("{peer} cannot be reached; the call was not sent: {cause}")]
pub(crate) struct Unreachable {
    peer: String,
    cause: String,
}

impl Unreachable {
    fn unbound() -> Self {
        Self {
            peer: "the peer".into(),
            cause: "it has not started yet".into(),
        }
    }
}

impl Fault for Unreachable {
    fn code(&self) -> Code {
        Code::Unavailable
    }

    fn reason(&self) -> &'static str {
        "PEER_UNREACHABLE"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("peer", self.peer.clone()), ("cause", self.cause.clone())]
    }
}
