//! What clients asked for and what they were told: the promises that the audit holds the mesh to.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use chimera_contracts::order::v1::{Order, OrderState};
use chimera_model::Decimal;
use chimera_runtime::fault::reason_of;
use chimera_venue_sim::VenueKind;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::{draw::Terms, report::Findings};
use crate::desk::is_final;

/// Orders of one run at one venue: well below the 200,000 that the simulated venue keeps.
pub const ORDERS_MAX: usize = 100_000;
/// Venues of a run at most; bounds what is remembered.
const VENUES_MAX: usize = VenueKind::ALL.len();
/// The first index of a client. Far above those that the mesh gives to children of tracking limits
/// (2^20 at most above the last it gave), so that the two never meet.
pub const FIRST_INDEX: i64 = 1 << 22;
/// Before a call in doubt is repeated: long enough not to storm a mesh that restarts.
const REPEAT_AFTER: Duration = Duration::from_millis(100);

/// What a client knows of one of its orders.
#[derive(Clone, Debug)]
pub struct Told {
    /// What it asked for.
    pub terms: Terms,
    /// What it was answered last.
    pub answer: Answer,
    /// What it was answered to a cancel: the state, once that was final.
    pub ended: Option<OrderState>,
}

/// What a client was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet, or nothing that says what became of the order.
    Doubt,
    /// The order, as it stood.
    Taken {
        state: OrderState,
        venue_order_id: String,
        filled: Decimal,
    },
    /// The order was refused, with a reason of the contract.
    Refused(String),
}

/// Every order of a run; bounded by [`ORDERS_MAX`] at each venue.
#[derive(Debug, Default)]
pub struct Book {
    pub orders: BTreeMap<i64, Told>,
    doubts: VecDeque<(Instant, i64)>,
    open: Vec<i64>,
    /// Calls of PlaceOrder that were repeated.
    pub repeats: u64,
    /// Calls of CancelOrder.
    pub cancels: u64,
    /// Orders that were due and not asked for, because too many calls were under way.
    pub omitted: u64,
    /// Promises that were broken while the run went on.
    pub findings: Findings,
}

impl Book {
    /// Writes down a new order; nothing when the run has had all it may have.
    pub fn begin(&mut self, terms: Terms) -> Option<i64> {
        if self.orders.len() >= ORDERS_MAX * VENUES_MAX {
            return None;
        }
        let last = self.orders.last_key_value().map(|(index, _)| *index);
        let index = last.map_or(FIRST_INDEX, |last| last + 1);
        let told = Told {
            terms,
            answer: Answer::Doubt,
            ended: None,
        };
        self.orders.insert(index, told);
        Some(index)
    }

    /// Returns an order whose call is to be repeated now.
    pub fn doubtful(&mut self) -> Option<(i64, Terms)> {
        let (at, index) = *self.doubts.front()?;
        if at.elapsed() < REPEAT_AFTER {
            return None;
        }
        self.doubts.pop_front();
        self.repeats += 1;
        self.orders.get(&index).map(|told| (index, told.terms))
    }

    /// Notes that an order in doubt could not be asked for again yet.
    pub fn put_off(&mut self, index: i64) {
        self.repeats -= 1;
        let told = self.orders.get(&index);
        if told.is_some_and(|told| told.answer == Answer::Doubt) {
            self.doubts.push_back((Instant::now(), index));
        }
    }

    /// Returns how many orders are without an answer.
    pub fn unanswered(&self) -> usize {
        let doubts = |told: &&Told| told.answer == Answer::Doubt;
        self.orders.values().filter(doubts).count()
    }

    /// Takes an order to cancel, by a number drawn.
    pub fn cancellable(&mut self, draw: usize) -> Option<(i64, Terms)> {
        if self.open.is_empty() {
            return None;
        }
        self.cancels += 1;
        let index = self.open.swap_remove(draw % self.open.len());
        self.orders.get(&index).map(|told| (index, told.terms))
    }

    /// Returns how many orders were last seen working and no cancel was asked for.
    pub fn working(&self) -> usize {
        self.open.len()
    }

    /// Returns an order that was acknowledged, by a number drawn, to be asked for once more.
    pub fn acknowledged(&mut self, draw: usize) -> Option<(i64, Terms)> {
        let at = i64::try_from(draw % self.orders.len().max(1)).ok()?;
        let (index, told) = self.orders.range(FIRST_INDEX + at..).next()?;
        if !matches!(told.answer, Answer::Taken { .. }) {
            return None;
        }
        self.repeats += 1;
        Some((*index, told.terms))
    }

    /// Takes in the answer to a placement.
    pub fn heard(&mut self, index: i64, answer: Result<Order, Status>) {
        let Some(told) = self.orders.get_mut(&index) else {
            return;
        };
        let answer = match answer {
            Ok(order) => taken(&order),
            Err(status) if is_definite(&status) => {
                Answer::Refused(reason_of(&status).unwrap_or_default())
            }
            Err(_) => {
                if told.answer == Answer::Doubt {
                    self.doubts.push_back((Instant::now(), index));
                }
                return;
            }
        };
        if let Some(broken) = contradiction(&told.answer, &answer) {
            self.findings.lost(format!("order {index}: {broken}"));
        }
        let first = told.answer == Answer::Doubt;
        let working = |state| matches!(state, OrderState::Open | OrderState::PartiallyFilled);
        if matches!(answer, Answer::Taken { state, .. } if first && working(state)) {
            self.open.push(index);
        }
        told.answer = answer;
    }

    /// Takes in the answer to a cancel.
    pub fn cancel_heard(&mut self, index: i64, order: &Order) {
        if let Some(told) = self.orders.get_mut(&index)
            && is_final(order.state())
        {
            told.ended = Some(order.state());
        }
    }

    /// Returns how many orders were refused, by reason.
    pub fn refusals(&self) -> BTreeMap<String, u64> {
        let mut refusals = BTreeMap::new();
        for told in self.orders.values() {
            if let Answer::Refused(reason) = &told.answer {
                *refusals.entry(reason.clone()).or_default() += 1;
            }
        }
        refusals
    }

    /// Returns how many orders were acknowledged.
    pub fn acknowledgements(&self) -> usize {
        let taken = |told: &&Told| matches!(told.answer, Answer::Taken { .. });
        self.orders.values().filter(taken).count()
    }
}

fn taken(order: &Order) -> Answer {
    Answer::Taken {
        state: order.state(),
        venue_order_id: order.venue_order_id.clone(),
        filled: order.filled_quantity.parse().unwrap_or_default(),
    }
}

/// Returns whether a refusal says for certain that nothing was placed by this index.
fn is_definite(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::NotFound
            | Code::AlreadyExists
            | Code::Unimplemented
    )
}

/// Returns what a later answer takes back of an earlier one.
fn contradiction(before: &Answer, after: &Answer) -> Option<String> {
    match (before, after) {
        (
            Answer::Taken {
                venue_order_id,
                filled,
                state,
            },
            Answer::Taken {
                venue_order_id: now,
                filled: filled_now,
                state: state_now,
            },
        ) => {
            if !venue_order_id.is_empty() && venue_order_id != now {
                return Some(format!("was venue order {venue_order_id}, now {now:?}"));
            }
            if filled > filled_now {
                return Some(format!("had {filled} filled, now {filled_now}"));
            }
            (is_final(*state) && !is_final(*state_now))
                .then(|| format!("was {state:?}, now {state_now:?}"))
        }
        (Answer::Taken { .. }, Answer::Refused(reason)) => {
            Some(format!("was acknowledged, now refused with {reason}"))
        }
        _ => None,
    }
}
