//! What moves a position and is no fill.

use std::fmt;

use super::key::PositionKey;
use crate::decimal::Decimal;
use crate::ids::UnixNanos;

/// What moves a position and is no fill. It makes no profit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adjustment {
    /// The venue's word for the whole position: a part was opened before any record (F48).
    ///
    /// The position becomes what is stated. A fill that comes to light later and matched no later
    /// than the statement is part of it already.
    Opening {
        /// Signed, base units.
        quantity: Decimal,
        /// The venue's average entry price; absent, the fills' own average stands.
        average_price: Option<Decimal>,
        /// When the venue's word was true.
        as_of: UnixNanos,
    },
    /// A part came or went without a trade: a transfer, a deposit, a settlement (F45, F49).
    Movement {
        /// The venue's id of the movement.
        reference: String,
        /// Signed, base units.
        quantity: Decimal,
        /// What a part that came is valued at; a part that went leaves at the average.
        price: Decimal,
    },
}

/// Names an adjustment: a pure function of its content, the same on every run (F45, F124).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdjustmentId(String);

impl fmt::Display for AdjustmentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Adjustment {
    /// Returns the adjustment's id.
    #[must_use]
    pub fn id(&self, position: &PositionKey) -> AdjustmentId {
        AdjustmentId(match self {
            Self::Opening {
                quantity, as_of, ..
            } => {
                format!("opening/{position}/{}/{quantity}", as_of.as_nanos())
            }
            Self::Movement { reference, .. } => format!("movement/{position}/{reference}"),
        })
    }
}
