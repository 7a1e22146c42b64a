//! Why a measurement has no result.

use std::io;

use thiserror::Error;
use tonic::Status;

use crate::{child::ChildError, mesh::MeshError};

/// Why a measurement has no result.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The system refused something.
    #[error("{doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The simulated venue does not start.
    #[error(transparent)]
    Venue(#[from] MeshError),
    /// The mesh under test does not run.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// The mesh under test does not do what is measured.
    #[error("the mesh under test: {0}")]
    Mesh(String),
    /// Something that is measured beside the mesh does not do it.
    #[error("{name}: {cause}")]
    Peer {
        /// Its name.
        name: String,
        /// Why not.
        cause: String,
    },
    /// The mesh refused a call that the measurement depends on.
    #[error("the mesh refused: {} {}", .0.code(), .0.message())]
    Call(Box<Status>),
    /// The venue's answer cannot be used.
    #[error("the venue: {0}")]
    Bare(String),
    /// A signal ended it before there was a result.
    #[error("interrupted")]
    Interrupted,
    /// What was asked for makes no measurement.
    #[error("{0}")]
    Plan(String),
}

impl BenchError {
    /// Returns a constructor for what the system refuses.
    pub(super) fn system(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::System { doing, source }
    }
}

impl From<Status> for BenchError {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(status))
    }
}
