//! Orders: where one stands, what may happen to it, and what a report proves.
//!
//! Three families are kept apart. A [`Command`] is what we asked, a [`Report`] is what was said to
//! us, an [`Event`] is what we concluded. Only events change an [`Order`], through
//! [`Order::apply`], along [`TRANSITIONS`]. [`conclude`] turns a report into events and is the one
//! place where evidence is weighed: the set of trade ids over the cumulative quantity, that over
//! the venue's sequence and time, those over the order of arrival. Quantities never fall and a
//! final state is never left for another, but for one exception: an order that was believed not to
//! exist and then shows up is adopted (F05).
//!
//! Quantities are exact decimals in base units and not lots: fills are stated in base units, and a
//! lot may change its size while an order works (F68). [`Scale`] turns both into the integers of
//! the version the order was scaled by.

mod command;
mod conclude;
mod event;
mod fills;
mod infer;
mod order_record;
mod report;
mod spec;
mod state;
mod transitions;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use conclude::{HOSTILE_MULTIPLE, conclude};
pub use event::{Event, EventKind, Notice, NoticeKind, Reason};
pub use fills::{BookedFill, FillError, FillKey, Fills};
pub use infer::infer;
pub use order_record::{IllegalTransition, Order, Stamp};
pub use report::{CancelAnswer, Report, SubmitAnswer};
pub use spec::{OrderKind, OrderSpec, Scale, ScaleError};
pub use state::OrderState;
pub use transitions::{Next, TRANSITIONS, Transition, transition};
