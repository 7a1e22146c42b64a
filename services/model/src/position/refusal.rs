//! Why a position does not take what it is told.

use super::adjustment::AdjustmentId;
use super::key::PositionKey;
use crate::decimal::{Decimal, DecimalError};
use crate::ids::UnixNanos;
use crate::order::FillKey;

/// Why a position does not take what it is told. Nothing was changed.
///
/// A refused fill may be real all the same: whoever is refused raises an alert, and trusts the
/// position no further than the venue confirms it (H55).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It belongs to another position.
    #[error("a fill of {fill} was given to the position {position}")]
    Foreign {
        /// What it names.
        fill: Box<PositionKey>,
        /// What it was given to.
        position: Box<PositionKey>,
    },
    /// It moves one side of an account in hedge mode, which is not traded in (F50).
    #[error("the fill names one side of a hedged position")]
    Hedged,
    /// A number that must be above zero is not.
    #[error("{field} is {value}, and must be above zero")]
    NotPositive {
        /// Which number.
        field: &'static str,
        /// What it is.
        value: Decimal,
    },
    /// A number is beyond what any venue trades.
    #[error("{field} is above {limit}")]
    TooLarge {
        /// Which number.
        field: &'static str,
        /// The most that is believed.
        limit: i64,
    },
    /// A fill of the same key is booked with another price or quantity.
    #[error("trade {} is booked with another {field} (order {})", key.trade_id, key.venue_order_id)]
    Conflicting {
        /// What names the fill.
        key: FillKey,
        /// What differs.
        field: &'static str,
    },
    /// What is to be voided or corrected is not among the bookings that are kept; the position must
    /// be built again from the history of fills.
    #[error("trade {} of order {} is not kept any more", key.trade_id, key.venue_order_id)]
    NotKept {
        /// What names the fill.
        key: FillKey,
    },
    /// The venue's word is older than a fill that is booked; a newer word is needed.
    #[error("{id} is as of {}, but a fill of {} is booked", as_of.as_nanos(), newest.as_nanos())]
    Outdated {
        /// The adjustment.
        id: AdjustmentId,
        /// When the venue's word was true.
        as_of: UnixNanos,
        /// When the newest fill matched.
        newest: UnixNanos,
    },
    /// A sum cannot be held.
    #[error("the position cannot be computed: {0}")]
    Number(#[from] DecimalError),
}
