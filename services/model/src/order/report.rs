//! What was said to us.

use serde::{Deserialize, Serialize};

use super::event::Reason;
use crate::ids::UnixNanos;
use crate::report::{Fill, OrderReport};

/// Evidence about one order. Whether it changes anything is for [`conclude`](super::conclude).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Report {
    /// What became of the submission.
    Submitted(SubmitAnswer),
    /// What became of a cancel request.
    CancelAnswered(CancelAnswer),
    /// The venue stated the order, by whatever channel.
    Stated(Box<OrderReport>),
    /// The venue stated an execution of it.
    Executed {
        /// The fill.
        fill: Box<Fill>,
        /// When it came.
        received_time: UnixNanos,
    },
    /// A query did not find it: one miss, which proves nothing.
    Missed,
    /// Enough spaced queries did not find it, after it could no longer arrive, with a live stream
    /// (F05). The service counts; here it is taken as proof.
    Absent {
        /// How many queries.
        misses: u32,
    },
    /// Cancels were refused as often as they may be, and the order still works (F26).
    CancelGivenUp {
        /// What the venue said last.
        reason: Reason,
    },
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubmitAnswer {
    /// The venue said yes, perhaps with a statement.
    Accepted(Option<Box<OrderReport>>),
    /// The venue said no.
    Rejected {
        /// Why.
        reason: Reason,
        /// It says that the client id is taken, which proves that the first one lives (F03).
        duplicate: bool,
    },
    /// Nobody knows (F01, F02).
    Unknown {
        /// What happened.
        reason: Reason,
    },
    /// Nothing left this house.
    NotSent {
        /// Why.
        reason: Reason,
    },
}

/// What became of a cancel request; it says nothing of the order unless a statement is inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelAnswer {
    /// The venue takes the request, perhaps with a statement.
    Accepted(Option<Box<OrderReport>>),
    /// The venue refuses the request.
    Rejected(Reason),
    /// Nobody knows (F21).
    Unknown(Reason),
    /// Nothing left this house.
    NotSent(Reason),
    /// The venue knows no such open order: it may have filled (F18).
    NotFound(Reason),
}

impl Report {
    /// Returns the stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Submitted(SubmitAnswer::Accepted(_)) => "SUBMIT_ACCEPTED",
            Self::Submitted(SubmitAnswer::Rejected { .. }) => "SUBMIT_REJECTED",
            Self::Submitted(SubmitAnswer::Unknown { .. }) => "SUBMIT_UNKNOWN",
            Self::Submitted(SubmitAnswer::NotSent { .. }) => "SUBMIT_NOT_SENT",
            Self::CancelAnswered(CancelAnswer::Accepted(_)) => "CANCEL_ACCEPTED",
            Self::CancelAnswered(CancelAnswer::Rejected(_)) => "CANCEL_REJECTED",
            Self::CancelAnswered(CancelAnswer::Unknown(_)) => "CANCEL_UNKNOWN",
            Self::CancelAnswered(CancelAnswer::NotSent(_)) => "CANCEL_NOT_SENT",
            Self::CancelAnswered(CancelAnswer::NotFound(_)) => "CANCEL_NOT_FOUND",
            Self::Stated(_) => "ORDER_REPORT",
            Self::Executed { .. } => "FILL_REPORT",
            Self::Missed => "QUERY_MISS",
            Self::Absent { .. } => "ABSENCE_PROVEN",
            Self::CancelGivenUp { .. } => "CANCEL_GIVEN_UP",
        }
    }
}
