//! What a tracking limit was asked for and what it did: the record that `tracking_limit` goes by
//! and that callers see. It decides nothing.

use std::time::Duration;

use chimera_contracts::order::v1 as pb;
use chimera_model::order::{Event, Order, OrderSpec, OrderState};
use chimera_model::{ClientOrderIndex, Decimal, UnixNanos};
use serde::{Deserialize, Serialize};

use crate::key::OrderKey;
use crate::ledger::Ledger;
use crate::render;

/// The filled part of a parent, in ten-thousandths, from which on it counts as filled.
const FILLED_PARTS: i64 = 9_999;
const ALL_PARTS: i64 = 10_000;

/// How a tracking limit follows the market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingSpec {
    /// Ticks away from the touch, towards passive.
    pub price_offset_ticks: i32,
    /// How often the child is placed anew.
    pub interval: Duration,
    /// When to give up, counted from acceptance.
    pub timeout: Duration,
    /// How many children to place at most.
    pub attempts_max: u32,
    /// Children that must not take liquidity.
    pub post_only: bool,
}

/// A child as its parent records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildNote {
    /// Its index.
    pub index: ClientOrderIndex,
    /// Its price.
    pub price: Decimal,
    /// Its quantity.
    pub quantity: Decimal,
    /// When it was placed.
    pub placed_time: UnixNanos,
    /// How far from its place on the grid.
    pub interval_error: Duration,
}

/// One child and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    note: ChildNote,
    filled: Decimal,
}

/// What a tracking limit did so far; a function of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracking {
    spec: TrackingSpec,
    attempts: Vec<Attempt>,
}

impl TrackingSpec {
    /// Returns it as the contract shows it.
    pub(crate) fn to_wire(&self) -> pb::TrackingLimit {
        pb::TrackingLimit {
            price_offset_ticks: self.price_offset_ticks,
            interval: Some(render::duration(self.interval)),
            timeout: Some(render::duration(self.timeout)),
            max_attempts: i32::try_from(self.attempts_max).unwrap_or(i32::MAX),
            post_only: self.post_only,
        }
    }
}

impl Tracking {
    /// Returns a tracking limit that has placed nothing yet.
    #[must_use]
    pub const fn new(spec: TrackingSpec) -> Self {
        Self {
            spec,
            attempts: Vec::new(),
        }
    }

    /// Returns how it follows the market.
    #[must_use]
    pub const fn spec(&self) -> &TrackingSpec {
        &self.spec
    }

    /// Returns the indices of its children, oldest first.
    pub fn children(&self) -> impl Iterator<Item = ClientOrderIndex> + '_ {
        self.attempts.iter().map(|attempt| attempt.note.index)
    }

    /// Returns how many children it placed.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// Returns when the last child was placed.
    #[must_use]
    pub fn last_placed(&self) -> Option<UnixNanos> {
        self.attempts.last().map(|attempt| attempt.note.placed_time)
    }

    /// Returns what filled of a child, as far as it was booked.
    #[must_use]
    pub fn filled_of(&self, child: ClientOrderIndex) -> Decimal {
        let mut attempts = self.attempts.iter();
        let found = attempts.find(|attempt| attempt.note.index == child);
        found.map_or(Decimal::ZERO, |attempt| attempt.filled)
    }

    /// Records that a child is being placed.
    pub(crate) fn placed(&mut self, note: ChildNote) {
        self.attempts.push(Attempt {
            note,
            filled: Decimal::ZERO,
        });
    }

    /// Records what filled of a child; `total` is the child's own sum where it is in memory.
    pub(crate) fn filled(
        &mut self,
        child: ClientOrderIndex,
        event: &Event,
        total: Option<Decimal>,
    ) {
        let found = self
            .attempts
            .iter_mut()
            .find(|attempt| attempt.note.index == child);
        let Some(attempt) = found else { return };
        attempt.filled = match (total, event) {
            (Some(total), _) => total,
            (None, Event::Fill(fill)) => attempt
                .filled
                .checked_add(fill.quantity)
                .unwrap_or(attempt.filled),
            (None, _) => attempt.filled,
        };
    }

    /// Returns what it did as the contract shows it.
    pub(crate) fn progress(&self, parent: &Order) -> pb::TrackingProgress {
        let errors = self
            .attempts
            .iter()
            .map(|attempt| attempt.note.interval_error);
        pb::TrackingProgress {
            attempts: i32::try_from(self.attempts.len()).unwrap_or(i32::MAX),
            children: self
                .attempts
                .iter()
                .map(|attempt| pb::TrackingAttempt {
                    client_order_index: attempt.note.index.into(),
                    price: attempt.note.price.to_string(),
                    quantity: attempt.note.quantity.to_string(),
                    filled_quantity: attempt.filled.to_string(),
                    placed_time: Some(render::timestamp(attempt.note.placed_time)),
                })
                .collect(),
            interval_error_max: Some(render::duration(errors.max().unwrap_or_default())),
            end: end_word(parent).to_owned(),
        }
    }
}

/// Returns why a parent ended, in one word of the contract; nothing while it works.
fn end_word(parent: &Order) -> &str {
    match parent.state() {
        OrderState::Filled => "FILLED",
        state if state.is_final() => parent.reason().code.as_str(),
        _ => "",
    }
}

/// A parent and its children as they stand.
pub(crate) struct Standing {
    pub(crate) spec: OrderSpec,
    pub(crate) tracking: TrackingSpec,
    pub(crate) live: Vec<ClientOrderIndex>,
    pub(crate) attempts: u32,
    /// How many of the last children in a row the venue refused, and its words.
    pub(crate) refusals: u32,
    pub(crate) refused_with: String,
    /// What of the parent is filled, by the venue's word on its children.
    pub(crate) filled: Decimal,
    pub(crate) remaining: Decimal,
    pub(crate) live_rest: Decimal,
    pub(crate) owed_fills: bool,
    pub(crate) cancel_asked: bool,
}

impl Standing {
    /// Returns how a parent stands; nothing when it is not one.
    pub(crate) fn of(ledger: &Ledger, key: &OrderKey) -> Option<Self> {
        let entry = ledger.get(key)?;
        let tracking = entry.tracking.as_ref()?;
        let (mut live, mut filled, mut live_rest) = (Vec::new(), Decimal::ZERO, Decimal::ZERO);
        let (mut refusals, mut refused_with, mut owed_fills) = (0, String::new(), false);
        for index in tracking.children() {
            let Some(child) = ledger.get(&OrderKey::ours(key.account(), index)) else {
                // Ended long ago and forgotten; what it filled stands in the parent's own record.
                filled = filled.checked_add(tracking.filled_of(index)).ok()?;
                continue;
            };
            filled = filled.checked_add(child.order.filled()).ok()?;
            if !child.order.state().is_final() {
                live.push(index);
                live_rest = live_rest.checked_add(child.order.remaining()).ok()?;
            }
            owed_fills |= child.is_owed_fills();
            let refused = child.order.state() == OrderState::Rejected;
            refusals = if refused { refusals + 1 } else { 0 };
            refused_with.clone_from(&child.order.reason().message);
        }
        let rest = entry.order.quantity().checked_sub(filled).ok()?;
        Some(Self {
            spec: entry.order.spec().clone(),
            tracking: tracking.spec().clone(),
            live,
            attempts: tracking.count(),
            refusals,
            refused_with,
            filled,
            remaining: rest.max(Decimal::ZERO),
            live_rest,
            owed_fills,
            cancel_asked: entry.order.is_cancel_asked(),
        })
    }

    /// Returns whether so little is left that the parent counts as filled.
    pub(crate) fn is_filled(&self) -> bool {
        let parts = |value: Decimal, parts: i64| value.checked_mul(Decimal::from(parts));
        match (
            parts(self.filled, ALL_PARTS),
            parts(self.spec.quantity, FILLED_PARTS),
        ) {
            (Ok(filled), Ok(wanted)) => filled >= wanted,
            _ => self.remaining.is_zero(),
        }
    }
}
