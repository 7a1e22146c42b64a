//! The one transition table, as data.

use super::event::EventKind;
use super::state::OrderState;

/// Where an event leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Next {
    /// The state stays; the event says something else of the order.
    Stay,
    /// To this state.
    To(OrderState),
    /// To `OPEN`, or `PARTIALLY_FILLED` when some is filled.
    Working,
    /// To `FILLED` when all is filled, else to this state.
    Filling(OrderState),
}

/// One pair that may happen. A pair that is not in [`TRANSITIONS`] may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transition {
    /// The state before.
    pub from: OrderState,
    /// What is concluded.
    pub event: EventKind,
    /// Where that leads.
    pub next: Next,
}

const fn row(from: OrderState, event: EventKind, next: Next) -> Transition {
    Transition { from, event, next }
}

use EventKind as E;
use Next::{Filling, Stay, To, Working};
use OrderState as S;

/// Every pair of state and event that may happen, and where it leads.
pub const TRANSITIONS: &[Transition] = &[
    // Refused by us; only proof of the contrary says more.
    row(S::Denied, E::Adopted, Working),
    row(S::Denied, E::Noticed, Stay),
    // On its way. A cancel asked for now is remembered and sent again once the order is known.
    row(S::Submitting, E::Denied, To(S::Denied)),
    row(S::Submitting, E::Doubted, To(S::Unknown)),
    row(S::Submitting, E::Accepted, Working),
    row(S::Submitting, E::Identified, Stay),
    row(S::Submitting, E::CancelAsked, Stay),
    row(S::Submitting, E::Stated, Filling(S::PartiallyFilled)),
    row(S::Submitting, E::Fill, Filling(S::PartiallyFilled)),
    row(S::Submitting, E::Restated, Filling(S::PartiallyFilled)),
    row(S::Submitting, E::Resized, Stay),
    row(S::Submitting, E::Completed, To(S::Filled)),
    row(S::Submitting, E::Cancelled, To(S::Cancelled)),
    row(S::Submitting, E::Rejected, To(S::Rejected)),
    row(S::Submitting, E::Expired, To(S::Expired)),
    row(S::Submitting, E::Noticed, Stay),
    // In doubt: anything but our own refusal may turn out.
    row(S::Unknown, E::Accepted, Working),
    row(S::Unknown, E::Identified, Stay),
    row(S::Unknown, E::CancelAsked, Stay),
    row(S::Unknown, E::Stated, Filling(S::PartiallyFilled)),
    row(S::Unknown, E::Fill, Filling(S::PartiallyFilled)),
    row(S::Unknown, E::Restated, Filling(S::PartiallyFilled)),
    row(S::Unknown, E::Resized, Stay),
    row(S::Unknown, E::Completed, To(S::Filled)),
    row(S::Unknown, E::Cancelled, To(S::Cancelled)),
    row(S::Unknown, E::Rejected, To(S::Rejected)),
    row(S::Unknown, E::Expired, To(S::Expired)),
    row(S::Unknown, E::Noticed, Stay),
    // Working.
    row(S::Open, E::Identified, Stay),
    row(S::Open, E::CancelAsked, To(S::PendingCancel)),
    row(S::Open, E::Stated, Filling(S::PartiallyFilled)),
    row(S::Open, E::Fill, Filling(S::PartiallyFilled)),
    row(S::Open, E::Restated, Filling(S::PartiallyFilled)),
    row(S::Open, E::Resized, Stay),
    row(S::Open, E::Completed, To(S::Filled)),
    row(S::Open, E::Cancelled, To(S::Cancelled)),
    row(S::Open, E::Rejected, To(S::Rejected)),
    row(S::Open, E::Expired, To(S::Expired)),
    row(S::Open, E::Noticed, Stay),
    row(S::PartiallyFilled, E::Identified, Stay),
    row(S::PartiallyFilled, E::CancelAsked, To(S::PendingCancel)),
    row(S::PartiallyFilled, E::Stated, Filling(S::PartiallyFilled)),
    row(S::PartiallyFilled, E::Fill, Filling(S::PartiallyFilled)),
    row(S::PartiallyFilled, E::Restated, Filling(S::PartiallyFilled)),
    row(S::PartiallyFilled, E::Resized, Stay),
    row(S::PartiallyFilled, E::Completed, To(S::Filled)),
    row(S::PartiallyFilled, E::Cancelled, To(S::Cancelled)),
    row(S::PartiallyFilled, E::Expired, To(S::Expired)),
    row(S::PartiallyFilled, E::Noticed, Stay),
    // Working, a cancel asked for.
    row(S::PendingCancel, E::Identified, Stay),
    row(S::PendingCancel, E::CancelAsked, Stay),
    row(S::PendingCancel, E::CancelRefused, Working),
    row(S::PendingCancel, E::Stated, Filling(S::PendingCancel)),
    row(S::PendingCancel, E::Fill, Filling(S::PendingCancel)),
    row(S::PendingCancel, E::Restated, Filling(S::PendingCancel)),
    row(S::PendingCancel, E::Resized, Stay),
    row(S::PendingCancel, E::Completed, To(S::Filled)),
    row(S::PendingCancel, E::Cancelled, To(S::Cancelled)),
    row(S::PendingCancel, E::Rejected, To(S::Rejected)),
    row(S::PendingCancel, E::Expired, To(S::Expired)),
    row(S::PendingCancel, E::Noticed, Stay),
    // Ended at the venue: fills may still arrive, another state may not.
    row(S::Filled, E::Identified, Stay),
    row(S::Filled, E::Stated, Stay),
    row(S::Filled, E::Fill, Stay),
    row(S::Filled, E::Restated, Stay),
    row(S::Filled, E::Noticed, Stay),
    row(S::Cancelled, E::Identified, Stay),
    row(S::Cancelled, E::Stated, Stay),
    row(S::Cancelled, E::Fill, Stay),
    row(S::Cancelled, E::Restated, Stay),
    row(S::Cancelled, E::Noticed, Stay),
    row(S::Expired, E::Identified, Stay),
    row(S::Expired, E::Stated, Stay),
    row(S::Expired, E::Fill, Stay),
    row(S::Expired, E::Restated, Stay),
    row(S::Expired, E::Noticed, Stay),
    // Believed absent: proof of the contrary revives it (F05).
    row(S::Rejected, E::Adopted, Working),
    row(S::Rejected, E::Noticed, Stay),
];

/// Returns the state after an event, or nothing when the pair may not happen.
///
/// `some_filled` and `all_filled` speak of the order after the event.
#[must_use]
pub fn transition(
    from: OrderState,
    event: EventKind,
    some_filled: bool,
    all_filled: bool,
) -> Option<OrderState> {
    let found = TRANSITIONS
        .iter()
        .find(|row| row.from == from && row.event == event)?;
    Some(match found.next {
        Stay => from,
        To(state) => state,
        Working if some_filled => S::PartiallyFilled,
        Working => S::Open,
        Filling(_) if all_filled => S::Filled,
        Filling(state) if some_filled => state,
        Filling(_) => from,
    })
}
