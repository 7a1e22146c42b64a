//! Where an order stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderState {
    /// Refused by us; never left the house. Final.
    Denied,
    /// The intent is durable; the venue's answer is awaited.
    Submitting,
    /// Whether the venue has it is not known; being resolved.
    Unknown,
    /// Works at the venue, nothing filled.
    Open,
    /// Works at the venue, some filled.
    PartiallyFilled,
    /// A cancel was asked for and is not proven.
    PendingCancel,
    /// All filled. Final.
    Filled,
    /// Cancelled, perhaps with fills. Final.
    Cancelled,
    /// The venue's no, or proof that it never took the order. Final.
    Rejected,
    /// Ended by its time in force or a rule of the venue, perhaps with fills. Final.
    Expired,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Denied,
        Self::Submitting,
        Self::Unknown,
        Self::Open,
        Self::PartiallyFilled,
        Self::PendingCancel,
        Self::Filled,
        Self::Cancelled,
        Self::Rejected,
        Self::Expired,
    ];

    /// Returns whether the order has ended. Late fills are booked all the same (F19).
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Denied | Self::Filled | Self::Cancelled | Self::Rejected | Self::Expired
        )
    }

    /// Returns whether the order ended in the belief that no venue has it.
    #[must_use]
    pub const fn is_absent(self) -> bool {
        matches!(self, Self::Denied | Self::Rejected)
    }

    /// Returns whether it is not known yet that the venue has the order.
    #[must_use]
    pub const fn is_in_doubt(self) -> bool {
        matches!(self, Self::Submitting | Self::Unknown)
    }

    /// Returns whether the order is known to work at the venue.
    #[must_use]
    pub const fn is_working(self) -> bool {
        matches!(
            self,
            Self::Open | Self::PartiallyFilled | Self::PendingCancel
        )
    }

    /// Returns the stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Denied => "DENIED",
            Self::Submitting => "SUBMITTING",
            Self::Unknown => "UNKNOWN",
            Self::Open => "OPEN",
            Self::PartiallyFilled => "PARTIALLY_FILLED",
            Self::PendingCancel => "PENDING_CANCEL",
            Self::Filled => "FILLED",
            Self::Cancelled => "CANCELLED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
        }
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
