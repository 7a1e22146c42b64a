//! The journal, read by somebody who shares nothing with the order service but the words of its
//! records: what each order is told to be, step by step.

use std::collections::BTreeMap;

use chimera_journal::Record;
use chimera_model::ClientOrderIndex;
use chimera_model::order::{Event, OrderSpec, OrderState as State};
use chimera_order::{Body, Logged, OrderKey};
use rust_decimal::Decimal;

use super::evidence::exact;

/// Where an order may go from each state, in words of our own: DESIGN's states, and what a venue
/// can do to an order. Nothing leads out of an end, but that an order which was believed absent may
/// turn out to live (F05); one that we refused ourselves may not.
const LEGAL: [(State, &[State]); 7] = [
    (
        State::Submitting,
        &[
            State::Denied,
            State::Unknown,
            State::Open,
            State::PartiallyFilled,
            State::Filled,
            State::Cancelled,
            State::Rejected,
            State::Expired,
        ],
    ),
    (
        State::Unknown,
        &[
            State::Open,
            State::PartiallyFilled,
            State::Filled,
            State::Cancelled,
            State::Rejected,
            State::Expired,
        ],
    ),
    (
        State::Open,
        &[
            State::PartiallyFilled,
            State::PendingCancel,
            State::Filled,
            State::Cancelled,
            State::Expired,
        ],
    ),
    (
        State::PartiallyFilled,
        &[
            State::PendingCancel,
            State::Filled,
            State::Cancelled,
            State::Expired,
        ],
    ),
    (
        State::PendingCancel,
        &[
            State::Open,
            State::PartiallyFilled,
            State::Filled,
            State::Cancelled,
            State::Expired,
        ],
    ),
    (
        State::Rejected,
        &[State::Open, State::PartiallyFilled, State::Filled],
    ),
    (State::Denied, &[]),
];

/// A record in its place.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its sequence.
    pub seq: u64,
    /// What it says.
    pub logged: Logged,
}

/// Reads every record.
///
/// # Errors
/// Says which record cannot be read.
pub fn read(records: &[Record]) -> Result<Vec<Row>, String> {
    let rows = records.iter().zip(1..).map(|(record, seq)| {
        let logged = Logged::decode(record).map_err(|error| format!("record {seq}: {error}"))?;
        Ok(Row { seq, logged })
    });
    rows.collect()
}

/// An order as its records tell it.
#[derive(Clone, Debug)]
pub struct Told {
    /// What was asked for.
    pub spec: OrderSpec,
    /// Where it stands.
    pub state: State,
    /// How much it is for now.
    pub quantity: Decimal,
    /// What the venue stated as filled at the most.
    pub stated: Decimal,
    /// Its fills by trade, inferred ones by their own ids.
    pub fills: BTreeMap<String, Decimal>,
}

impl Told {
    fn new(spec: OrderSpec, state: State) -> Self {
        Self {
            state,
            quantity: exact(&spec.quantity),
            stated: Decimal::ZERO,
            fills: BTreeMap::new(),
            spec,
        }
    }

    /// Returns the sum of its fills.
    pub fn booked(&self) -> Decimal {
        self.fills.values().sum()
    }

    /// Returns how much of it is filled, by trades or by the venue's word.
    pub fn filled(&self) -> Decimal {
        self.booked().max(self.stated)
    }

    /// Returns what may still fill.
    pub fn open(&self) -> Decimal {
        match self.state.is_final() {
            true => Decimal::ZERO,
            false => (self.quantity - self.booked()).max(Decimal::ZERO),
        }
    }

    /// Takes an event and returns what is wrong with it.
    fn take(&mut self, event: &Event) -> Option<String> {
        let before = self.state;
        let mut wrong = None;
        match event {
            Event::Fill(fill) => {
                let trade = fill.key.trade_id.to_string();
                if self
                    .fills
                    .insert(trade.clone(), exact(&fill.quantity))
                    .is_some()
                {
                    wrong = Some(format!("fill {trade} twice"));
                }
            }
            Event::Restated(fill) => {
                let trade = fill.key.trade_id.to_string();
                self.fills.insert(trade, exact(&fill.quantity));
            }
            Event::Stated { filled, .. } => {
                let filled = exact(filled);
                if filled < self.stated {
                    wrong = Some(format!("filled falls from {} to {filled}", self.stated));
                }
                self.stated = filled;
            }
            Event::Resized { quantity } => self.quantity = exact(quantity),
            _ => {}
        }
        self.state = self.after(event);
        if self.state != before && !legal(before, self.state) {
            wrong = Some(format!("{before:?} became {:?}", self.state));
        }
        let over = matches!(event, Event::Identified { .. } | Event::Noticed(_))
            || matches!(
                event,
                Event::Fill(_) | Event::Restated(_) | Event::Stated { .. }
            );
        if before.is_final() && self.state == before && !over {
            wrong = Some(format!("{:?} after {before:?}", event.kind()));
        }
        if before == State::Denied && matches!(event, Event::Fill(_)) {
            wrong = Some("a fill of what never left".to_owned());
        }
        wrong
    }

    fn after(&self, event: &Event) -> State {
        let filled = self.filled();
        let working = match filled > Decimal::ZERO {
            true => State::PartiallyFilled,
            false => State::Open,
        };
        match event {
            Event::Denied(_) => State::Denied,
            Event::Doubted(_) => State::Unknown,
            Event::Accepted | Event::Adopted | Event::CancelRefused(_) => working,
            Event::Completed => State::Filled,
            Event::Cancelled(_) => State::Cancelled,
            Event::Rejected { .. } => State::Rejected,
            Event::Expired(_) => State::Expired,
            Event::CancelAsked => match self.state {
                State::Open | State::PartiallyFilled => State::PendingCancel,
                other => other,
            },
            Event::Fill(_) | Event::Restated(_) | Event::Stated { .. } => match self.state {
                ended if ended.is_final() => ended,
                _ if filled >= self.quantity => State::Filled,
                State::PendingCancel => State::PendingCancel,
                _ => State::PartiallyFilled,
            },
            Event::Identified { .. } | Event::Resized { .. } | Event::Noticed(_) => self.state,
        }
    }
}

fn legal(before: State, after: State) -> bool {
    let row = LEGAL.iter().find(|(from, _)| *from == before);
    row.is_some_and(|(_, to)| to.contains(&after))
}

/// All orders, as told by the records up to some point.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Orders by what names them, parents of children left out: what those do is told of their
    /// children.
    pub orders: BTreeMap<OrderKey, Told>,
    /// What each parent asked for.
    pub parents: BTreeMap<ClientOrderIndex, Decimal>,
}

impl Story {
    /// Returns the children of a parent.
    pub fn children(&self, parent: ClientOrderIndex) -> impl Iterator<Item = &Told> {
        let orders = self.orders.values();
        orders.filter(move |told| told.spec.parent == Some(parent))
    }

    /// Takes a record and returns what is wrong with it.
    pub fn take(&mut self, row: &Row) -> Option<String> {
        let (logged, seq) = (&row.logged, row.seq);
        let told = match &logged.body {
            Body::Intent(intent) if intent.tracking.is_none() => {
                Told::new(intent.spec.clone(), State::Submitting)
            }
            Body::Intent(intent) => {
                let index = intent.spec.index?;
                self.parents.insert(index, exact(&intent.spec.quantity));
                return None;
            }
            Body::External(external) => Told::new(external.spec.clone(), State::Open),
            Body::Event { event, .. } => {
                let key = logged.key.as_ref()?;
                let wrong = self.orders.get_mut(key)?.take(event)?;
                return Some(format!("record {seq} of {key}: {wrong}"));
            }
            _ => return None,
        };
        let Some(key) = logged.key.clone() else {
            return Some(format!("record {seq} is of no order"));
        };
        let text = key.text();
        let twice = self.orders.insert(key, told).is_some();
        twice.then(|| format!("record {seq} makes {text} again"))
    }
}
