//! What we asked.

use serde::{Deserialize, Serialize};

/// What this house asked of a venue, or was asked to do. A command changes nothing by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Command {
    /// Send the order.
    Submit,
    /// Cancel it; the first attempt is 1.
    Cancel {
        /// Which attempt.
        attempt: u32,
    },
    /// Ask the venue for it; the first time is 1.
    Query {
        /// Which time.
        attempt: u32,
    },
}

impl Command {
    /// Returns the stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Submit => "SUBMIT",
            Self::Cancel { .. } => "CANCEL",
            Self::Query { .. } => "QUERY",
        }
    }
}
