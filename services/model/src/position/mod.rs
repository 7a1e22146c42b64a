//! Positions: what fills add up to, exactly.
//!
//! A [`Position`] books fills, each once, and keeps a net quantity, an average entry price,
//! realised profit and fees by asset. Average cost is the method: an increase averages its price
//! in, a decrease realises the distance to the average and leaves it where it is, and a fill that
//! crosses zero is a closing leg and an opening leg (F56). Averages are ratios, not decimals;
//! nothing is rounded but what is shown.
//!
//! What is no fill moves a position too: the venue's word for a part that was opened before any
//! record (F48), a transfer (F45). Each has an id that is a function of its content, so that
//! telling it twice changes nothing. What turns out wrong later is voided, corrected or restated
//! (F35, F38, F47): the position is computed again from what was kept, as if the mistake had not
//! been made.

mod adjustment;
mod exact;
mod history;
mod key;
mod ledger;
mod limits;
mod pnl;
mod refusal;
mod state;

#[cfg(test)]
mod tests;

pub use adjustment::{Adjustment, AdjustmentId};
pub use exact::SHOWN_DECIMALS;
pub use history::BOOKINGS_KEPT;
pub use key::PositionKey;
pub use ledger::{Outcome, Position};
pub use limits::{NOTIONAL_MAX, PRICE_MAX, QUANTITY_MAX};
pub use pnl::{Marked, PnlTotal, Valuation, totals};
pub use refusal::Refusal;
pub use state::{Leg, LegEffect};
