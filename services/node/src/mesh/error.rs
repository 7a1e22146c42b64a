//! Why a mesh does not start.

use std::{error::Error, io};

use chimera_runtime::{channel::AddressError, server::DescriptorError};
use thiserror::Error;

/// Why a mesh does not start.
#[derive(Debug, Error)]
pub enum MeshError {
    /// A role refused to start.
    #[error("{role} cannot start: {cause}")]
    Role {
        /// The role.
        role: &'static str,
        /// Why, with its causes.
        cause: String,
    },
    /// An address cannot be listened on.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// A peer's address cannot be used.
    #[error("peers: {0}")]
    Peer(#[from] AddressError),
    /// A role that another one needs is neither here nor among the peers.
    #[error("{role} does not run here and `peers.{role}` is not configured")]
    NoPeer {
        /// The role.
        role: &'static str,
    },
    /// The contract does not describe what is mounted.
    #[error(transparent)]
    Contract(#[from] DescriptorError),
}

impl MeshError {
    /// Returns a constructor for the failures of one role.
    pub fn starting<E: Error>(role: &'static str) -> impl Fn(E) -> Self {
        move |error| {
            let mut cause = error.to_string();
            let mut next = error.source();
            while let Some(error) = next {
                cause.push_str(&format!(": {error}"));
                next = error.source();
            }
            Self::Role { role, cause }
        }
    }
}
