//! Faults as data: what is to go wrong, for whom, and how often.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::Quantity;
use crate::exchange::Execution;

/// How a reply is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Nothing is ever sent; the connection stays open.
    Timeout,
    /// The connection is closed without a byte.
    Close,
    /// HTTP 500 in the venue's own words: an unknown outcome.
    ServerError,
    /// HTTP 503 in the venue's own words: an unknown outcome.
    Unavailable,
    /// The venue says that its own backend did not answer in time.
    BackendTimeout,
    /// The venue says that its own backend answered nonsense.
    BackendUnknown,
    /// HTTP 502 with the page of a content network instead of the venue's JSON.
    Html,
    /// HTTP 200 with JSON that ends in the middle.
    Truncated,
    /// HTTP 202 without a body: accepted, and nothing said of the outcome.
    Accepted,
}

/// A venue's code of a refusal: some count them, some name them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum VenueCode {
    /// A number.
    Number(i64),
    /// A word.
    Word(String),
}

impl fmt::Display for VenueCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// The request is processed (or not), and the reply is lost.
    DropReply {
        /// How it is lost.
        how: Loss,
        /// Whether the request is processed before.
        #[serde(default = "yes")]
        accept: bool,
    },
    /// The reply is sent late.
    DelayReply {
        /// How late.
        ms: u64,
    },
    /// The request is processed late.
    DelayRequest {
        /// How late.
        ms: u64,
    },
    /// The request is refused with a code of the venue.
    Reject {
        /// The HTTP status.
        status: u16,
        /// The venue's code.
        code: VenueCode,
        /// The venue's text.
        message: String,
    },
    /// A match of a client's order is printed in several fills.
    SplitFills {
        /// How many.
        parts: u32,
    },
    /// An order is filled at the instant a cancel for it arrives.
    RaceFill {
        /// How much of it; all where absent.
        #[serde(default)]
        quantity: Option<Quantity>,
    },
    /// A private event is sent twice.
    DuplicateEvent,
    /// A private event is never sent.
    DropEvent,
    /// A private event is sent late.
    DelayEvent {
        /// How late.
        ms: u64,
    },
    /// A private event is sent after later ones.
    ReorderEvent {
        /// After how many.
        past: u32,
    },
    /// A book update is left out, so that the next one does not follow.
    SkipDepth,
}

impl FaultKind {
    /// Returns its name as written in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DropReply { .. } => "drop_reply",
            Self::DelayReply { .. } => "delay_reply",
            Self::DelayRequest { .. } => "delay_request",
            Self::Reject { .. } => "reject",
            Self::SplitFills { .. } => "split_fills",
            Self::RaceFill { .. } => "race_fill",
            Self::DuplicateEvent => "duplicate_event",
            Self::DropEvent => "drop_event",
            Self::DelayEvent { .. } => "delay_event",
            Self::ReorderEvent { .. } => "reorder_event",
            Self::SkipDepth => "skip_depth",
        }
    }
}

/// Which requests or events a fault is for: all that is named must agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Matcher {
    /// Method and path, e.g. `POST /fapi/v1/order`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The venue's symbol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// The client's order id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The account's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What happened to the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<Execution>,
    /// The venue's own name of the private event, e.g. `ORDER_TRADE_UPDATE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

/// What is known of the request or event at hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// Method and path.
    pub endpoint: Option<&'a str>,
    /// The venue's symbol.
    pub symbol: Option<&'a str>,
    /// The client's order id.
    pub client_id: Option<&'a str>,
    /// The account's name.
    pub account: Option<&'a str>,
    /// What happened to the order.
    pub execution: Option<Execution>,
    /// The venue's own name of the private event.
    pub event: Option<&'a str>,
}

impl Matcher {
    fn accepts(&self, facts: &Facts<'_>) -> bool {
        let text = |wanted: &Option<String>, given: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| given == Some(wanted))
        };
        text(&self.endpoint, facts.endpoint)
            && text(&self.symbol, facts.symbol)
            && text(&self.client_id, facts.client_id)
            && text(&self.account, facts.account)
            && text(&self.event, facts.event)
            && self
                .execution
                .is_none_or(|wanted| facts.execution == Some(wanted))
    }
}

/// A fault in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Its number, given by the simulator.
    #[serde(default)]
    pub id: u64,
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// For whom.
    #[serde(default)]
    pub when: Matcher,
    /// How many matching requests or events pass unharmed before it begins.
    #[serde(default)]
    pub after: u32,
    /// How often it still happens.
    #[serde(default = "once")]
    pub count: u32,
    /// How often it has happened.
    #[serde(default)]
    pub hits: u64,
}

fn once() -> u32 {
    1
}

fn yes() -> bool {
    true
}

/// The faults of one venue.
#[derive(Debug, Default)]
pub struct Faults {
    faults: Vec<Fault>,
    last_id: u64,
}

impl Faults {
    /// Puts a fault in force and returns its number.
    pub fn add(&mut self, mut fault: Fault) -> u64 {
        self.last_id += 1;
        fault.id = self.last_id;
        fault.hits = 0;
        self.faults.push(fault);
        self.last_id
    }

    /// Returns all faults, spent ones included: their hits are what a test asks for.
    pub fn list(&self) -> &[Fault] {
        &self.faults
    }

    /// Takes one fault, or all, out of force, and returns what was taken out: its hits still count.
    pub fn clear(&mut self, id: Option<u64>) -> Vec<Fault> {
        let meant = |fault: &mut Fault| id.is_none_or(|id| id == fault.id);
        self.faults.extract_if(.., meant).collect()
    }

    /// Returns the first fault in force of a wanted kind that is for this, and counts the hit.
    pub fn take(
        &mut self,
        facts: &Facts<'_>,
        wanted: impl Fn(&FaultKind) -> bool,
    ) -> Option<FaultKind> {
        let fitting = |fault: &&mut Fault| {
            fault.count > 0 && wanted(&fault.kind) && fault.when.accepts(facts)
        };
        let fault = self.faults.iter_mut().find(fitting)?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.count -= 1;
        fault.hits += 1;
        Some(fault.kind.clone())
    }
}
