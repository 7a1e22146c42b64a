//! The only crate that dials out. It knows neither venues nor models: bytes, budgets and deadlines.
//!
//! A call passes, in this order: the breaker's glance (an open one refuses before anybody waits),
//! quota (every scope at once, cancels first), the breaker's leave, the caller's closure that
//! builds and signs the request for this very moment, the transport, the verdict. A repeatable call
//! may go round again; an order never does. What may have left and has no answer is told apart from
//! what never left ([`Sent`]), and nothing of a request but its method, origin and sizes can be
//! printed.
//!
//! The transports come in as values ([`HttpClient`], [`WebSocketDialer`]), so that a simulated
//! network can carry everything; time is tokio's, and the wall clock is a
//! [`chimera_runtime::clock::Clock`].

pub mod api;
pub mod breaker;
pub mod egress;
pub mod error;
pub mod http;
#[cfg(test)]
mod peer;
pub mod policy;
pub mod quota;
mod rate_limit;
pub mod reqwest_client;
pub mod retry;
pub mod status;
pub mod tls;
pub mod websocket;

pub use api::EgressApi;
pub use breaker::{BreakerPolicy, BreakerState, BreakerStatus};
pub use egress::{Answer, Call, CallRecord, Connect, Egress, StartError};
pub use error::{CallError, Cause};
pub use http::{ConnectFault, HttpClient, HttpError, HttpLimits, HttpRequest, HttpResponse, Sent};
pub use policy::{ClusterPolicy, EgressPolicy, PolicyError};
pub use quota::{Alignment, Priority, Quota, QuotaError, QuotaScope, QuotaStatus};
pub use reqwest_client::ReqwestClient;
pub use retry::RetryPolicy;
pub use status::{ClusterStatus, EndpointStatus, Health, StatusChange, StatusUpdate, StatusWatch};
pub use websocket::{
    ByteStream, Frame, FrameKind, Incoming, Outgoing, Pacing, TungsteniteDialer, WebSocket,
    WebSocketDialer, WebSocketError, WebSocketOptions, WebSocketRequest,
};

/// Log targets of libraries below that print addresses or payloads at TRACE (H61). Whoever sets up
/// logging holds them at DEBUG or above, whatever the operator asks for.
pub const NEVER_TRACE: [&str; 2] = ["tungstenite", "tokio_tungstenite"];
