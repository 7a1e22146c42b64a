//! Why the edge cannot start.

use std::io;
use std::net::SocketAddr;

use chimera_runtime::server::DescriptorError;

use crate::rest::TranscoderError;
use crate::routes::RouteError;

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Others than this machine could call without saying who they are.
    #[error(
        "listen: {address} is not a loopback address; until authentication lands, anyone who \
         reaches the gateway can trade, so it binds loopback only, e.g. 127.0.0.1:8080"
    )]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// A limit of zero would refuse everything.
    #[error("{field}: must be above zero")]
    Zero {
        /// The setting.
        field: &'static str,
    },
    /// An entry of `origins` that no browser sends.
    #[error(
        "origins: `{origin}` is no origin; it is a scheme, a host and, unless it is the default, a \
         port, e.g. https://desk.example; `*` is never accepted"
    )]
    Origin {
        /// The entry.
        origin: String,
    },
    /// An entry of `hosts` that is no name.
    #[error(
        "hosts: `{host}` is no host name; write it without scheme and port, e.g. chimera.internal"
    )]
    Host {
        /// The entry.
        host: String,
    },
}

/// Why the edge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port cannot be opened.
    #[error("cannot listen at {address}: {source}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A service that the contract does not describe, or describes as internal, or that came twice.
    #[error("a service cannot be mounted: {0}")]
    Mount(String),
    /// The contract itself cannot be served.
    #[error("the contract cannot be served: {0}")]
    Contract(String),
}

impl From<RouteError> for Error {
    fn from(error: RouteError) -> Self {
        Self::Mount(error.to_string())
    }
}

impl From<TranscoderError> for Error {
    fn from(error: TranscoderError) -> Self {
        Self::Contract(error.to_string())
    }
}

impl From<DescriptorError> for Error {
    fn from(error: DescriptorError) -> Self {
        Self::Contract(error.to_string())
    }
}

impl From<prost_reflect::DescriptorError> for Error {
    fn from(error: prost_reflect::DescriptorError) -> Self {
        Self::Contract(error.to_string())
    }
}
