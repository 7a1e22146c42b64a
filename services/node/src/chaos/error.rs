//! Why a run of chaos cannot be carried out, or not to its end.

use std::time::Duration;

use thiserror::Error;
use tonic::Status;

use crate::mesh::MeshError;

/// Why a run cannot be carried out. A violation that a run finds is no error: it is in the report.
#[derive(Debug, Error)]
pub enum ChaosError {
    /// The simulated venue does not start.
    #[error(transparent)]
    Venue(#[from] MeshError),
    /// The venue's control interface does not answer as it should.
    #[error("the simulated venue's control interface: {0}")]
    Control(String),
    /// The mesh's process cannot be started or ended.
    #[error("the mesh's process: {0}")]
    Process(#[from] std::io::Error),
    /// The mesh did not come back.
    #[error("the mesh does not trade {} s after it was started; its words are in {log}", .within.as_secs())]
    NotTradable {
        /// How long it had.
        within: Duration,
        /// Where its log is.
        log: String,
    },
    /// The mesh refuses what the audit asks.
    #[error("the mesh refuses to be audited: {}", .0.message())]
    Call(Box<Status>),
    /// What was in flight did not come to rest.
    #[error("{what} within {} s after healing", .within.as_secs())]
    Restless {
        /// What did not happen.
        what: &'static str,
        /// How long it had.
        within: Duration,
    },
    /// A run that would not fit.
    #[error("{0}")]
    TooLarge(String),
}

impl From<Status> for ChaosError {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(status))
    }
}
