//! Why a venue's run failed.

use chimera_model::DecimalError;
use thiserror::Error;
use tonic::Status;

/// A failed step.
#[derive(Debug, Error)]
pub enum SmokeError {
    /// A call to the mesh failed.
    #[error("{step}: {} ({:?})", .status.message(), .status.code())]
    Call {
        /// The step, e.g. `place the entry`.
        step: &'static str,
        /// The answer.
        status: Box<Status>,
    },
    /// A stream of the mesh ended early.
    #[error("{step}: the stream ended")]
    StreamEnded {
        /// The step.
        step: &'static str,
    },
    /// An answer lacks a part that the contract promises.
    #[error("{step}: the answer lacks `{field}`")]
    Incomplete {
        /// The step.
        step: &'static str,
        /// The missing field.
        field: &'static str,
    },
    /// A number of an answer is not exact decimal text, or does not fit.
    #[error("{step}: {source}")]
    Number {
        /// The step.
        step: &'static str,
        /// What is wrong with it.
        source: DecimalError,
    },
    /// An order ended otherwise than it should.
    #[error("{step}: order {index} ended {state} with {filled} of {quantity} filled {message}")]
    Order {
        /// The step.
        step: &'static str,
        /// The order's index.
        index: i64,
        /// Its state.
        state: String,
        /// What was filled.
        filled: String,
        /// What was asked for.
        quantity: String,
        /// The mesh's words.
        message: String,
    },
    /// The step did not end within its bound.
    #[error("{step}: not done within {seconds} s: {waiting_for}")]
    TooLong {
        /// The step.
        step: &'static str,
        /// The bound.
        seconds: u64,
        /// What did not come.
        waiting_for: String,
    },
}

impl SmokeError {
    /// Returns a constructor for call failures of one step.
    pub fn call(step: &'static str) -> impl Fn(Status) -> Self {
        move |status| Self::Call {
            step,
            status: Box::new(status),
        }
    }

    /// Returns a constructor for number failures of one step.
    pub fn number(step: &'static str) -> impl Fn(DecimalError) -> Self {
        move |source| Self::Number { step, source }
    }
}
