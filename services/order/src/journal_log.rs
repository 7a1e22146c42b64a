//! What the journal holds of orders: typed records and their bytes.
//!
//! The state of this service is a function of these records: what happens live and what a restart
//! replays go through the same [`Ledger::apply`](crate::ledger::Ledger::apply).

use bytes::Bytes;
use chimera_journal::Record;
use chimera_model::order::{Command, Event, OrderSpec, Report};
use chimera_model::{Account, ClientOrderIndex, Decimal, Symbol, TradeId, UnixNanos, Venue};
use chimera_runtime::trace::TraceContext;
use serde::{Deserialize, Serialize};

use crate::attempts::{ChildNote, TrackingSpec};
use crate::key::OrderKey;
use crate::ledger::Line;
use crate::trading::TradingState;

/// The version of the encoding; readable as long as this build is (F136).
const VERSION: u16 = 1;

/// Kinds of records; numbers are never reused.
mod kind {
    pub(super) const INTENT: u16 = 1;
    pub(super) const EXTERNAL: u16 = 2;
    pub(super) const COMMAND: u16 = 3;
    pub(super) const REPORT: u16 = 4;
    pub(super) const EVENT: u16 = 5;
    pub(super) const FILL: u16 = 6;
    pub(super) const TRADING: u16 = 7;
    pub(super) const POSITION: u16 = 8;
    pub(super) const GENESIS: u16 = 9;
    pub(super) const CHILD: u16 = 10;
    pub(super) const PROGRESS: u16 = 11;
    pub(super) const CURSOR: u16 = 12;
    pub(super) const ALIAS: u16 = 13;
}

/// An order that is about to exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What was asked for.
    pub spec: OrderSpec,
    /// The venue's symbol.
    pub venue_symbol: String,
    /// The trace that placed it, 32 hex digits, or nothing.
    pub trace_id: String,
    /// How it follows the market; parents only.
    pub tracking: Option<TrackingSpec>,
}

impl Intent {
    /// Returns a new span of the trace that placed the order. Whoever asked is gone when a tracking
    /// limit goes on, perhaps after a restart; of the trace only its id is recorded.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        let id = u128::from_str_radix(&self.trace_id, 16).ok()?;
        TraceContext::from_ids(id, 1, true).map(TraceContext::child)
    }
}

/// An order that somebody else placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// What it is.
    pub spec: OrderSpec,
    /// The venue's symbol.
    pub venue_symbol: String,
    /// Why the venue itself made it; empty when somebody placed it.
    pub venue_cause: String,
}

/// A position that the fills known do not explain: an opening balance, or drift that was found and
/// is booked once (F45, F48).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionAdjustment {
    /// Whose.
    pub account: Account,
    /// Where.
    pub venue: Venue,
    /// Of what.
    pub symbol: Symbol,
    /// The signed change.
    pub change: Decimal,
    /// The same for the same difference, whenever it is found.
    pub id: String,
}

/// How far the fills of an instrument were read: everything up to this trade is booked. Fills that
/// arrive by the stream do not move it, since those before them may have been missed (F39).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Of what, and whose.
    pub line: Line,
    /// The trade.
    pub trade_id: TradeId,
}

/// A change of the kill switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradingChange {
    /// The new state.
    pub state: TradingState,
    /// Why, in the operator's words.
    pub reason: String,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Body {
    /// This history begins; its hash names the epoch.
    Genesis,
    /// An order is about to exist.
    Intent(Box<Intent>),
    /// Somebody else's order is taken into the books.
    External(Box<External>),
    /// We asked something.
    Command(Command),
    /// We were told something.
    Report(Box<Report>),
    /// We concluded something.
    Event {
        /// What.
        event: Event,
        /// When the venue says it happened.
        venue_time: Option<UnixNanos>,
    },
    /// A tracking limit places a child; stands under the parent's key, beside the child's intent.
    Child(ChildNote),
    /// A fill of a child, told to its parent.
    Progress {
        /// Which child.
        child: ClientOrderIndex,
        /// What was concluded of it.
        event: Event,
    },
    /// The order that the venue calls by the id in this record's key is ours, of this index.
    Alias(ClientOrderIndex),
    /// The kill switch was set.
    Trading(TradingChange),
    /// A position was adjusted.
    Position(PositionAdjustment),
    /// The venue's fills were read up to here.
    Cursor(Cursor),
}

/// A record of this service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Which order; nothing for records that are not of one.
    pub key: Option<OrderKey>,
    /// What it says.
    pub body: Body,
    /// When it was recorded.
    pub recorded_time: UnixNanos,
}

#[derive(Serialize, Deserialize)]
struct Envelope<B> {
    v: u16,
    b: B,
}

/// A record that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnreadableRecord(String);

impl Logged {
    /// Returns the bytes for the journal.
    ///
    /// # Errors
    /// Fails when a value has no encoding; none of ours does.
    pub fn encode(&self) -> Result<Record, UnreadableRecord> {
        let envelope = Envelope {
            v: VERSION,
            b: &self.body,
        };
        let payload =
            serde_json::to_vec(&envelope).map_err(|error| UnreadableRecord(error.to_string()))?;
        Ok(Record {
            kind: self.body.kind(),
            key: self.key.as_ref().map(OrderKey::text).unwrap_or_default(),
            payload: Bytes::from(payload),
            recorded_time_ns: i64::try_from(self.recorded_time.as_nanos()).unwrap_or(i64::MAX),
        })
    }

    /// Reads a record back.
    ///
    /// # Errors
    /// Says what cannot be understood: an unknown version, or bytes that are no record of ours.
    pub fn decode(record: &Record) -> Result<Self, UnreadableRecord> {
        let unreadable = |words: String| UnreadableRecord(words);
        let envelope: Envelope<Body> = serde_json::from_slice(&record.payload)
            .map_err(|error| unreadable(error.to_string()))?;
        if envelope.v != VERSION {
            return Err(unreadable(format!("version {} is not known", envelope.v)));
        }
        let key = match record.key.as_str() {
            "" => None,
            text => Some(
                OrderKey::parse(text)
                    .ok_or_else(|| unreadable("the key names no order".to_owned()))?,
            ),
        };
        Ok(Self {
            key,
            body: envelope.b,
            recorded_time: UnixNanos::from_nanos(
                u64::try_from(record.recorded_time_ns).unwrap_or(0),
            ),
        })
    }
}

impl Body {
    const fn kind(&self) -> u16 {
        match self {
            Self::Genesis => kind::GENESIS,
            Self::Intent(_) => kind::INTENT,
            Self::External(_) => kind::EXTERNAL,
            Self::Command(_) => kind::COMMAND,
            Self::Report(_) => kind::REPORT,
            Self::Event {
                event: Event::Fill(_) | Event::Restated(_),
                ..
            } => kind::FILL,
            Self::Event { .. } => kind::EVENT,
            Self::Child(_) => kind::CHILD,
            Self::Progress { .. } => kind::PROGRESS,
            Self::Alias(_) => kind::ALIAS,
            Self::Trading(_) => kind::TRADING,
            Self::Position(_) => kind::POSITION,
            Self::Cursor(_) => kind::CURSOR,
        }
    }
}

/// Returns whether a record books a fill, without reading it.
pub(crate) const fn is_fill(record: &Record) -> bool {
    record.kind == kind::FILL
}
