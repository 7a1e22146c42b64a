//! How a command ends, in words and in exit codes.

use std::process::{ExitCode, Termination};

use thiserror::Error;
use tonic::{Code, Status};

use crate::{bench::BenchError, chaos::ChaosError, config::ConfigError, mesh::MeshError};

/// The exit codes of the binary; `chimera --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, and the answer is yes.
    Ok,
    /// 1: done, and the answer is no: an order rejected, a venue not flat, a journal damaged.
    Failed,
    /// 2: the command line or the configuration is wrong; nothing was begun.
    Usage,
    /// 3: no mesh answers at the address.
    Unreachable,
    /// 4: an order's outcome is not known; ask for it by its index, never place it again. Of a kill:
    /// something may still be open; it is in force, and what is found open is cancelled.
    Unknown,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Unknown => 4,
        })
    }
}

/// Why a command failed.
#[derive(Debug, Error)]
pub enum CliError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The mesh could not be started.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// A run of chaos could not be carried out to its end.
    #[error(transparent)]
    Chaos(#[from] ChaosError),
    /// The simulators could not be started.
    #[error("the simulators cannot start: {0}")]
    Simulator(String),
    /// A call was refused.
    #[error("{}", describe(.0))]
    Call(Box<Status>),
    /// No mesh answers.
    #[error(
        "no mesh answers at {server}: {reason}\nstart one with `chimera up`, or name another with `--server`"
    )]
    Unreachable {
        /// The address asked.
        server: String,
        /// What went wrong.
        reason: String,
    },
    /// The mesh did not become ready.
    #[error("the mesh is not ready after {} s; run with `--log info` to see why", .within.as_secs())]
    NotReady {
        /// How long it had.
        within: std::time::Duration,
    },
    /// A signal ended the command before it was done.
    #[error("interrupted; positions may be open, see `chimera positions`")]
    Interrupted,
    /// A journal cannot be read at all.
    #[error("{path}: {cause}")]
    Journal {
        /// The file.
        path: String,
        /// What went wrong.
        cause: String,
    },
    /// The address is none.
    #[error("`--server {0}` is not an address such as http://127.0.0.1:8080")]
    Server(String),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A measurement has no result.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// Arguments that contradict each other.
    #[error("{0}")]
    Usage(String),
}

impl CliError {
    /// Returns the exit code of the failure.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Usage(_) | Self::Server(_) => Exit::Usage,
            Self::Bench(BenchError::Plan(_)) | Self::Chaos(ChaosError::TooLarge(_)) => Exit::Usage,
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::Call(status) if status.code() == Code::DeadlineExceeded => Exit::Unknown,
            _ => Exit::Failed,
        }
    }
}

impl From<Status> for CliError {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(status))
    }
}

/// Returns a refusal as a person reads it: the message, the reason, each field at fault.
fn describe(status: &Status) -> String {
    use tonic_types::StatusExt as _;
    let details = status.get_error_details();
    let mut text = status.message().to_owned();
    if let Some(info) = details.error_info() {
        text.push_str(&format!(" [{}]", info.reason));
    }
    if let Some(request) = details.bad_request() {
        for field in &request.field_violations {
            text.push_str(&format!("\n  {}: {}", field.field, field.description));
        }
    }
    if let Some(delay) = details.retry_info().and_then(|retry| retry.retry_delay) {
        text.push_str(&format!("\n  try again in {} ms", delay.as_millis()));
    }
    text
}
