//! An order, and the one way to change it.

use serde::{Deserialize, Serialize};

use super::event::{Event, EventKind, NoticeKind, Reason};
use super::fills::{FillError, Fills};
use super::spec::{OrderKind, OrderSpec};
use super::state::OrderState;
use super::transitions::transition;
use crate::decimal::Decimal;
use crate::ids::{ClientOrderId, UnixNanos, VenueOrderId};

/// When and where an event was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The sequence of the record.
    pub seq: u64,
    /// When it was recorded.
    pub recorded_time: UnixNanos,
    /// When the venue says it happened.
    pub venue_time: Option<UnixNanos>,
}

/// An event that may not happen to an order as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IllegalTransition {
    /// The table has no such pair.
    #[error("{event:?} may not happen to an order that is {state}")]
    Pair {
        /// The state.
        state: OrderState,
        /// The event.
        event: EventKind,
    },
    /// The fill cannot be booked.
    #[error("the fill cannot be booked: {0}")]
    Fill(#[from] FillError),
    /// A quantity would fall.
    #[error("a stated quantity never falls: {from} to {to}")]
    Falls {
        /// What is known.
        from: Decimal,
        /// What was stated.
        to: Decimal,
    },
}

/// An order as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    spec: OrderSpec,
    state: OrderState,
    quantity: Decimal,
    fills: Fills,
    stated: Decimal,
    stated_average: Option<Decimal>,
    venue_order_id: Option<VenueOrderId>,
    client_order_id: Option<ClientOrderId>,
    reason: Reason,
    external: bool,
    cancel_asked: bool,
    absent: bool,
    late_fills: bool,
    overfilled: bool,
    created_time: UnixNanos,
    updated_time: UnixNanos,
    venue_time: Option<UnixNanos>,
    seq: u64,
}

impl Order {
    /// Returns the order of an intent: `SUBMITTING`, nothing sent yet.
    #[must_use]
    pub fn intended(spec: OrderSpec, stamp: Stamp) -> Self {
        Self::begin(spec, OrderState::Submitting, false, stamp)
    }

    /// Returns an order that somebody else placed; what it is shows in the events that follow.
    #[must_use]
    pub fn external(spec: OrderSpec, stamp: Stamp) -> Self {
        Self::begin(spec, OrderState::Unknown, true, stamp)
    }

    fn begin(spec: OrderSpec, state: OrderState, external: bool, stamp: Stamp) -> Self {
        Self {
            state,
            quantity: spec.quantity,
            spec,
            fills: Fills::default(),
            stated: Decimal::ZERO,
            stated_average: None,
            venue_order_id: None,
            client_order_id: None,
            reason: Reason::none(),
            external,
            cancel_asked: false,
            absent: false,
            late_fills: false,
            overfilled: false,
            created_time: stamp.recorded_time,
            updated_time: stamp.recorded_time,
            venue_time: stamp.venue_time,
            seq: stamp.seq,
        }
    }

    /// Changes the order by an event.
    ///
    /// # Errors
    /// Refuses what the table does not allow and sums that cannot be held; nothing is changed then.
    pub fn apply(&mut self, event: &Event, stamp: Stamp) -> Result<(), IllegalTransition> {
        let kind = event.kind();
        let illegal = || IllegalTransition::Pair {
            state: self.state,
            event: kind,
        };
        transition(self.state, kind, true, true).ok_or_else(illegal)?;
        let was_final = self.state.is_final();
        self.take(event)?;
        let filled = self.filled();
        let next = transition(self.state, kind, filled.is_positive(), self.is_all_filled());
        if let Some(next) = next {
            self.state = next;
        }
        if was_final && matches!(event, Event::Fill(fill) if fill.late) {
            self.late_fills = true;
        }
        if filled > self.quantity {
            self.overfilled = true;
        }
        self.updated_time = stamp.recorded_time;
        self.venue_time = self.venue_time.max(stamp.venue_time);
        self.seq = stamp.seq;
        Ok(())
    }

    /// Takes over what the event says besides the state.
    fn take(&mut self, event: &Event) -> Result<(), IllegalTransition> {
        match event {
            Event::Denied(reason)
            | Event::Doubted(reason)
            | Event::Cancelled(reason)
            | Event::Expired(reason) => self.reason = reason.clone(),
            Event::CancelRefused(reason) => {
                self.reason = reason.clone();
                self.cancel_asked = false;
            }
            Event::Rejected { reason, absent } => {
                self.reason = reason.clone();
                self.absent = *absent;
            }
            Event::Accepted | Event::Completed => self.reason = Reason::none(),
            Event::Adopted => {
                self.reason = Reason::none();
                self.absent = false;
            }
            Event::Identified {
                venue_order_id,
                client_order_id,
            } => {
                if let Some(id) = venue_order_id {
                    self.venue_order_id = Some(id.clone());
                }
                if let Some(id) = client_order_id {
                    self.client_order_id = Some(id.clone());
                }
            }
            Event::CancelAsked => self.cancel_asked = true,
            Event::Stated { filled, average } => {
                if *filled < self.stated {
                    let (from, to) = (self.stated, *filled);
                    return Err(IllegalTransition::Falls { from, to });
                }
                self.stated = *filled;
                self.stated_average = average.or(self.stated_average);
            }
            Event::Resized { quantity } => self.quantity = *quantity,
            Event::Fill(fill) => self.fills.book(fill.clone())?,
            Event::Restated(fill) => self.fills.restate(fill.clone())?,
            Event::Noticed(notice) => match notice.kind {
                NoticeKind::Overfilled => self.overfilled = true,
                NoticeKind::LateFill => self.late_fills = true,
                _ => {}
            },
        }
        Ok(())
    }

    /// Returns the cumulative filled quantity: the set of trades or the venue's statement,
    /// whichever proves more.
    #[must_use]
    pub fn filled(&self) -> Decimal {
        self.fills.quantity().max(self.stated)
    }

    /// Returns what is not filled; never below zero.
    #[must_use]
    pub fn remaining(&self) -> Decimal {
        let rest = self.quantity.checked_sub(self.filled());
        // An overfill leaves nothing; so does a difference that cannot be held.
        rest.map_or(Decimal::ZERO, |rest| rest.max(Decimal::ZERO))
    }

    /// Returns what the venue states beyond the fills known: fills still to be fetched.
    #[must_use]
    pub fn missing_fills(&self) -> Decimal {
        let missing = self.stated.checked_sub(self.fills.quantity());
        missing.map_or(Decimal::ZERO, |missing| missing.max(Decimal::ZERO))
    }

    /// Returns whether the fills known make the order complete. A tracking limit says so itself.
    fn is_all_filled(&self) -> bool {
        self.spec.kind != OrderKind::TrackingLimit && self.filled() >= self.quantity
    }

    /// Returns what was asked for.
    #[must_use]
    pub const fn spec(&self) -> &OrderSpec {
        &self.spec
    }

    /// Returns where it stands.
    #[must_use]
    pub const fn state(&self) -> OrderState {
        self.state
    }

    /// Returns its quantity; less than was asked for once the venue made it smaller.
    #[must_use]
    pub const fn quantity(&self) -> Decimal {
        self.quantity
    }

    /// Returns its fills.
    #[must_use]
    pub const fn fills(&self) -> &Fills {
        &self.fills
    }

    /// Returns the cumulative quantity the venue stated.
    #[must_use]
    pub const fn stated(&self) -> Decimal {
        self.stated
    }

    /// Returns the average price: of the fills, or the venue's as long as fills are missing.
    #[must_use]
    pub fn average_price(&self) -> Option<Decimal> {
        match self.stated_average {
            Some(average) if self.missing_fills().is_positive() => Some(average),
            _ => self.fills.average_price(),
        }
    }

    /// Returns the average price the venue stated.
    #[must_use]
    pub const fn stated_average(&self) -> Option<Decimal> {
        self.stated_average
    }

    /// Returns the venue's id, once known.
    #[must_use]
    pub const fn venue_order_id(&self) -> Option<&VenueOrderId> {
        self.venue_order_id.as_ref()
    }

    /// Returns the client id the venue shows, once known.
    #[must_use]
    pub const fn client_order_id(&self) -> Option<&ClientOrderId> {
        self.client_order_id.as_ref()
    }

    /// Returns why it stands where it stands.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Returns whether somebody else placed it.
    #[must_use]
    pub const fn is_external(&self) -> bool {
        self.external
    }

    /// Returns whether a cancel was asked for and not given up.
    #[must_use]
    pub const fn is_cancel_asked(&self) -> bool {
        self.cancel_asked
    }

    /// Returns whether it ended because it was proven absent, not because somebody said no.
    #[must_use]
    pub const fn is_proven_absent(&self) -> bool {
        self.absent
    }

    /// Returns whether fills came after its end.
    #[must_use]
    pub const fn has_late_fills(&self) -> bool {
        self.late_fills
    }

    /// Returns whether more filled than was asked for.
    #[must_use]
    pub const fn is_overfilled(&self) -> bool {
        self.overfilled
    }

    /// Returns when the intent was recorded.
    #[must_use]
    pub const fn created_time(&self) -> UnixNanos {
        self.created_time
    }

    /// Returns when something was last concluded.
    #[must_use]
    pub const fn updated_time(&self) -> UnixNanos {
        self.updated_time
    }

    /// Returns the latest time the venue stated with anything.
    #[must_use]
    pub const fn venue_time(&self) -> Option<UnixNanos> {
        self.venue_time
    }

    /// Returns the sequence of its last change.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }
}
