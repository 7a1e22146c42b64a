//! What goes wrong here, and how callers learn of it.

use chimera_runtime::{fault::Fault, server::DescriptorError};
use tonic::Code;

use crate::config::HeartbeatConfigError;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The contract does not describe this service.
    #[error(transparent)]
    Contract(#[from] DescriptorError),
    /// The heartbeat cannot be sent as configured.
    #[error(transparent)]
    Heartbeat(#[from] HeartbeatConfigError),
}

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FactoryError {
    /// No process calls such a cluster or endpoint.
    #[error("no {what} {name}")]
    NotFound {
        /// Cluster or breaker.
        what: &'static str,
        /// The name asked for.
        name: String,
    },
    /// No process could be asked.
    #[error("no process could be asked: {unreachable}")]
    Unreachable {
        /// The processes.
        unreachable: String,
    },
}

impl Fault for FactoryError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::NotFound,
            Self::Unreachable { .. } => Code::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "RESOURCE_NOT_FOUND",
            Self::Unreachable { .. } => "PEER_UNAVAILABLE",
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NotFound { what, name } => {
                vec![("what", (*what).to_owned()), ("name", name.clone())]
            }
            Self::Unreachable { unreachable } => vec![("unreachable", unreachable.clone())],
        }
    }
}
