//! The book of orders: everything this service knows, as a function of its journal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use chimera_contracts::order::v1 as pb;
use chimera_model::order::{BookedFill, Event, IllegalTransition, Order, OrderKind, Stamp};
use chimera_model::{Account, ClientOrderIndex, Decimal, Side, Symbol, UnixNanos, Venue};
use chimera_model::{TradeId, VenueOrderId};
use serde::{Deserialize, Serialize};

use crate::attempts::Tracking;
use crate::entry::Entry;
use crate::holding::Holding;
use crate::indices::Indices;
use crate::journal_log::{Body, Logged, PositionAdjustment, TradingChange};
use crate::key::{OrderKey, SiteKey};
use crate::render;
use crate::standing::Standing;
use crate::trading::TradingState;

/// An instrument of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Line {
    /// Whose.
    pub account: Account,
    /// Where.
    pub venue: Venue,
    /// Of what.
    pub symbol: Symbol,
}

/// The kill switch as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trading {
    /// The state.
    pub state: TradingState,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: UnixNanos,
}

/// A change of one order, as the stream tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its place.
    pub seq: u64,
    /// The order after it.
    pub order: pb::Order,
    /// The fill that made it.
    pub fill: Option<pb::Fill>,
    /// What happened, one word.
    pub cause: &'static str,
}

/// A record that does not fit what is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The order is not there.
    #[error("no order {0}")]
    NoOrder(String),
    /// The order is there already.
    #[error("order {0} exists")]
    Exists(String),
    /// The event may not happen.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// A record without the order it needs.
    #[error("the record names no order")]
    NoKey,
    /// A sum cannot be held.
    #[error("a position cannot be held")]
    Position,
}

/// The book of orders.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Shared with snapshots while these are encoded; an order that changes meanwhile is copied.
    pub(crate) orders: BTreeMap<OrderKey, Arc<Entry>>,
    pub(crate) open: BTreeSet<OrderKey>,
    pub(crate) closed: VecDeque<OrderKey>,
    pub(crate) standing: BTreeMap<SiteKey, Standing>,
    /// Orders in memory by their venue ids; the journal has the others' as aliases.
    pub(crate) by_venue_id: BTreeMap<(Line, VenueOrderId), OrderKey>,
    pub(crate) indices: BTreeMap<Account, Indices>,
    pub(crate) holdings: BTreeMap<Line, Holding>,
    /// The last trade of each line up to which the venue's fills were read and booked.
    pub(crate) cursors: BTreeMap<Line, TradeId>,
    pub(crate) adjustments: BTreeMap<Line, u64>,
    pub(crate) last_adjustment: BTreeMap<Line, String>,
    pub(crate) trading: Trading,
    pub(crate) weights: BTreeMap<OrderKey, Decimal>,
    pub(crate) closed_kept: usize,
}

impl Ledger {
    /// Returns an empty book that keeps so many ended orders.
    #[must_use]
    pub fn new(closed_kept: usize) -> Self {
        Self {
            orders: BTreeMap::new(),
            open: BTreeSet::new(),
            closed: VecDeque::new(),
            standing: BTreeMap::new(),
            by_venue_id: BTreeMap::new(),
            indices: BTreeMap::new(),
            holdings: BTreeMap::new(),
            cursors: BTreeMap::new(),
            adjustments: BTreeMap::new(),
            last_adjustment: BTreeMap::new(),
            trading: Trading {
                state: TradingState::Active,
                reason: String::new(),
                since: UnixNanos::EPOCH,
            },
            weights: BTreeMap::new(),
            closed_kept,
        }
    }

    /// Applies a record: live and on replay the only way in which anything changes here.
    ///
    /// # Errors
    /// Refuses what does not fit; nothing is changed then.
    pub fn apply(&mut self, logged: &Logged, seq: u64) -> Result<Option<Change>, LedgerError> {
        let stamp = |venue_time| Stamp {
            seq,
            recorded_time: logged.recorded_time,
            venue_time,
        };
        let key = || logged.key.clone().ok_or(LedgerError::NoKey);
        match &logged.body {
            Body::Genesis | Body::Command(_) | Body::Report(_) | Body::Alias(_) => Ok(None),
            Body::Trading(change) => {
                self.set_trading(change, logged.recorded_time);
                Ok(None)
            }
            Body::Position(adjustment) => self.adjust(adjustment).map(|()| None),
            Body::Cursor(cursor) => {
                self.cursors.insert(cursor.line, cursor.trade_id.clone());
                Ok(None)
            }
            Body::Intent(intent) => {
                let entry = Entry {
                    order: Order::intended(intent.spec.clone(), stamp(None)),
                    venue_symbol: intent.venue_symbol.clone(),
                    trace_id: intent.trace_id.clone(),
                    venue_cause: String::new(),
                    tracking: intent.tracking.clone().map(Tracking::new),
                };
                self.insert(key()?, entry, seq, "INTENT").map(Some)
            }
            Body::External(external) => {
                let entry = Entry {
                    order: Order::external(external.spec.clone(), stamp(None)),
                    venue_symbol: external.venue_symbol.clone(),
                    trace_id: String::new(),
                    venue_cause: external.venue_cause.clone(),
                    tracking: None,
                };
                self.insert(key()?, entry, seq, "ADOPTED").map(Some)
            }
            Body::Child(note) => {
                let key = key()?;
                let entry = self.entry_mut(&key)?;
                let tracking = entry.tracking.as_mut().ok_or(LedgerError::NoKey)?;
                tracking.placed(note.clone());
                Ok(Some(self.change(&key, seq, None, "SUBMITTED")?))
            }
            Body::Event { event, venue_time } => {
                let key = key()?;
                self.conclude(&key, event, stamp(*venue_time))?;
                Ok(Some(self.change(
                    &key,
                    seq,
                    fill_of(event),
                    event.kind().word(),
                )?))
            }
            Body::Progress { child, event } => {
                let key = key()?;
                self.progress(&key, *child, event, stamp(None))?;
                Ok(Some(self.change(&key, seq, None, event.kind().word())?))
            }
        }
    }

    fn insert(
        &mut self,
        key: OrderKey,
        entry: Entry,
        seq: u64,
        cause: &'static str,
    ) -> Result<Change, LedgerError> {
        if self.orders.contains_key(&key) {
            return Err(LedgerError::Exists(key.text()));
        }
        if let OrderKey::Ours { account, index } = &key {
            self.indices.entry(*account).or_default().claim(*index);
        }
        self.orders.insert(key.clone(), Arc::new(entry));
        self.open.insert(key.clone());
        self.count(&key);
        self.weigh(&key);
        self.change(&key, seq, None, cause)
    }

    /// Takes back an order that was forgotten; its effects are counted already.
    pub(crate) fn restore(&mut self, key: &OrderKey, entry: Entry) {
        if self.orders.contains_key(key) {
            return;
        }
        if let Some(id) = entry.order.venue_order_id() {
            self.by_venue_id
                .insert((entry.line(), id.clone()), key.clone());
        }
        let is_final = entry.order.state().is_final();
        self.orders.insert(key.clone(), Arc::new(entry));
        if is_final {
            self.closed.push_back(key.clone());
        } else {
            self.open.insert(key.clone());
        }
        self.count(key);
        self.weigh(key);
    }

    fn conclude(&mut self, key: &OrderKey, event: &Event, stamp: Stamp) -> Result<(), LedgerError> {
        let entry = self
            .orders
            .get(key)
            .ok_or_else(|| LedgerError::NoOrder(key.text()))?;
        // The position is computed first: an event that cannot be booked there is not booked at
        // all.
        let line = entry.line();
        let moved = if entry.order.spec().kind == OrderKind::TrackingLimit {
            None
        } else {
            self.moved(entry, event)?
        };
        let entry = self.entry_mut(key)?;
        entry.order.apply(event, stamp)?;
        if let Some(position) = moved {
            self.holdings.entry(line).or_default().position = position;
        }
        if let Event::Identified {
            venue_order_id: Some(id),
            ..
        } = event
        {
            self.by_venue_id.insert((line, id.clone()), key.clone());
        }
        self.settle(key);
        Ok(())
    }

    /// Returns the position after an event, when it moves one.
    fn moved(&self, entry: &Entry, event: &Event) -> Result<Option<Decimal>, LedgerError> {
        let change = match event {
            Event::Fill(fill) => fill.quantity,
            Event::Restated(fill) => {
                let held = entry.order.fills().inferred(&fill.key);
                let before = held.map_or(Decimal::ZERO, |held| held.quantity);
                fill.quantity
                    .checked_sub(before)
                    .map_err(|_| LedgerError::Position)?
            }
            _ => return Ok(None),
        };
        let signed = match entry.order.spec().side {
            Side::Buy => change,
            Side::Sell => -change,
        };
        let held = self.holding(&entry.line()).position;
        held.checked_add(signed)
            .map(Some)
            .map_err(|_| LedgerError::Position)
    }

    fn progress(
        &mut self,
        key: &OrderKey,
        child: ClientOrderIndex,
        event: &Event,
        stamp: Stamp,
    ) -> Result<(), LedgerError> {
        self.conclude(key, event, stamp)?;
        let filled = self
            .orders
            .get(&OrderKey::ours(key.account(), child))
            .map(|child| child.order.fills().quantity());
        let entry = self.entry_mut(key)?;
        if let Some(tracking) = entry.tracking.as_mut() {
            tracking.filled(child, event, filled);
        }
        Ok(())
    }

    /// Keeps the sets of open and closed orders, the counts and the weights in step with an order's
    /// state.
    fn settle(&mut self, key: &OrderKey) {
        let Some(entry) = self.orders.get(key) else {
            return;
        };
        let is_final = entry.order.state().is_final();
        if is_final && self.open.remove(key) {
            self.closed.push_back(key.clone());
        } else if !is_final && self.open.insert(key.clone()) {
            self.closed.retain(|closed| closed != key);
        }
        let children: Vec<OrderKey> = match &entry.tracking {
            Some(tracking) => tracking
                .children()
                .map(|child| OrderKey::ours(key.account(), child))
                .collect(),
            None => Vec::new(),
        };
        self.count(key);
        self.weigh(key);
        if is_final {
            for child in &children {
                self.weigh(child);
            }
        }
    }

    fn adjust(&mut self, adjustment: &PositionAdjustment) -> Result<(), LedgerError> {
        let line = Line {
            account: adjustment.account,
            venue: adjustment.venue,
            symbol: adjustment.symbol,
        };
        // The id counts the adjustments before it, so that one that is told twice has the last
        // one's.
        if self.last_adjustment.get(&line) == Some(&adjustment.id) {
            return Ok(());
        }
        let holding = self.holdings.entry(line).or_default();
        holding.position = holding
            .position
            .checked_add(adjustment.change)
            .map_err(|_| LedgerError::Position)?;
        *self.adjustments.entry(line).or_default() += 1;
        self.last_adjustment.insert(line, adjustment.id.clone());
        Ok(())
    }

    fn set_trading(&mut self, change: &TradingChange, since: UnixNanos) {
        self.trading = Trading {
            state: change.state,
            reason: change.reason.clone(),
            since,
        };
    }

    fn change(
        &self,
        key: &OrderKey,
        seq: u64,
        fill: Option<&BookedFill>,
        cause: &'static str,
    ) -> Result<Change, LedgerError> {
        let entry = self
            .get(key)
            .ok_or_else(|| LedgerError::NoOrder(key.text()))?;
        Ok(Change {
            seq,
            order: render::order(entry),
            fill: fill.map(|fill| render::fill(entry, fill, seq)),
            cause,
        })
    }

    fn entry_mut(&mut self, key: &OrderKey) -> Result<&mut Entry, LedgerError> {
        self.orders
            .get_mut(key)
            .map(Arc::make_mut)
            .ok_or_else(|| LedgerError::NoOrder(key.text()))
    }

    /// Returns an order that is in memory.
    #[must_use]
    pub fn get(&self, key: &OrderKey) -> Option<&Entry> {
        self.orders.get(key).map(Arc::as_ref)
    }

    /// Returns what names an order by what the venue calls it: a stranger's as far as memory knows.
    pub(crate) fn key_at_venue(&self, line: Line, id: VenueOrderId) -> OrderKey {
        let alias = (line, id);
        let known = self.by_venue_id.get(&alias).cloned();
        known.unwrap_or_else(|| OrderKey::external(alias.0, alias.1))
    }

    /// Returns what an account holds of an instrument.
    #[must_use]
    pub fn holding(&self, line: &Line) -> Holding {
        self.holdings.get(line).copied().unwrap_or_default()
    }
}

fn fill_of(event: &Event) -> Option<&BookedFill> {
    match event {
        Event::Fill(fill) | Event::Restated(fill) => Some(fill),
        _ => None,
    }
}
