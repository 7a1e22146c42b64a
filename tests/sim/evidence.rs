//! What was seen while a seed ran: by the clients, at the wire, and in the venue's own books. It
//! belongs to nobody who may crash.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use chimera_contracts::order::v1 as order;
use chimera_contracts::position::v1 as position;
use chimera_egress::{HttpRequest, HttpResponse};
use chimera_journal::Record;
use rust_decimal::Decimal;
use serde_json::Value;

use super::books::Books;
use super::watched::Watched;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which invariant, `I1` to `I10`, or `RUN` for a mesh that fell over.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.invariant, self.what)
    }
}

/// A request as it left a host.
#[derive(Clone, Debug)]
pub struct Request {
    /// From where.
    pub host: &'static str,
    /// When, since the start.
    pub at: Duration,
    /// Method and path.
    pub endpoint: String,
    /// Its parameters, signature and time left out.
    pub parameters: BTreeMap<String, String>,
    /// When it was over, and how it was answered.
    pub end: Option<(Duration, Option<Answer>)>,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the venue said to wait, in seconds.
    pub retry_after: Option<u64>,
}

impl Request {
    /// Returns what is noted of a request.
    pub fn of(host: &'static str, request: &HttpRequest, at: Duration) -> Self {
        let body = std::str::from_utf8(&request.body).unwrap_or_default();
        let form = url::form_urlencoded::parse(body.as_bytes());
        let pairs = request.url.query_pairs().chain(form);
        let told = |name: &str| !matches!(name, "signature" | "timestamp" | "recvWindow");
        Self {
            host,
            at,
            endpoint: format!("{} {}", request.method, request.url.path()),
            parameters: pairs
                .filter(|(name, _)| told(name))
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
            end: None,
        }
    }

    /// Returns whether it asks for a new order.
    pub fn places(&self) -> bool {
        self.endpoint == "POST /fapi/v1/order"
    }
}

/// Every request to the venue, in the order in which they left.
#[derive(Clone, Debug, Default)]
pub struct Wire(pub Vec<Request>);

impl Wire {
    /// Notes a request and returns its number.
    pub fn begin(&mut self, request: Request) -> usize {
        self.0.push(request);
        self.0.len() - 1
    }

    /// Notes its end.
    pub fn end(&mut self, number: usize, at: Duration, answer: Option<Answer>) {
        if let Some(request) = self.0.get_mut(number) {
            request.end = Some((at, answer));
        }
    }

    /// Returns what is noted of an answer.
    pub fn answer(response: &HttpResponse) -> Answer {
        let after = response.headers.get(http::header::RETRY_AFTER);
        Answer {
            status: response.status.as_u16(),
            retry_after: after
                .and_then(|it| it.to_str().ok())
                .and_then(|it| it.parse().ok()),
        }
    }
}

/// What a client was told of an order that it placed.
#[derive(Clone, Debug)]
pub struct Placed {
    /// What it asked for.
    pub request: order::PlaceOrderRequest,
    /// The order of the first answer that was one.
    pub acknowledged: Option<order::Order>,
    /// Calls that placed it and have no answer, or none that says what became of them.
    pub unanswered: u32,
    /// The reason of a definite refusal.
    pub refused: Option<String>,
    /// Whether no other call could still place it when it was refused: a refusal that began nothing
    /// leaves the index to whoever asks next.
    pub refused_for_good: bool,
    /// Whether it was refused because its index is another order's.
    pub taken: bool,
}

/// A change of the trading state that was answered.
#[derive(Clone, Debug)]
pub struct Switched {
    /// When it was asked, and when the answer came.
    pub asked: Duration,
    /// When the answer came; nothing when none did.
    pub answered: Option<Duration>,
    /// To what.
    pub state: order::TradingState,
}

/// What the mesh says at the end.
#[derive(Clone, Debug, Default)]
pub struct Final {
    /// Every order.
    pub orders: Vec<order::Order>,
    /// Every fill.
    pub fills: Vec<order::Fill>,
    /// Every position.
    pub positions: Vec<position::Position>,
    /// Every balance.
    pub balances: Vec<position::Balance>,
    /// The differences that a dry run of reconciliation finds.
    pub differences: Vec<order::Difference>,
}

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Requests to the venue.
    pub wire: Wire,
    /// Orders by index.
    pub placed: BTreeMap<i64, Placed>,
    /// Changes of the trading state, in order.
    pub switched: Vec<Switched>,
    /// The stream of orders.
    pub watched: Watched,
    /// Books, true ones and published ones.
    pub books: Books,
    /// Violations that were seen on the way.
    pub violations: Vec<Violation>,
    /// What is not yet as it must be after healing.
    pub waiting: Vec<String>,
    /// Clients that still act, by host.
    pub acting: BTreeSet<&'static str>,
    /// Who died, and when.
    pub died: Vec<(Duration, &'static str)>,
    /// What the mesh says at the end.
    pub last: Option<Final>,
    /// Every record of the journal at the end.
    pub journal: Vec<Record>,
    /// The venue's books at the end.
    pub ledger: Option<Value>,
    /// The venue's counters at the end.
    pub counters: Option<Value>,
    /// Orders that were acknowledged through the edge.
    pub edged: u64,
    /// The faults that a storm was to meet.
    pub script: Vec<Value>,
    /// What the venue says of its scripted faults, before they were lifted.
    pub faults: Option<Value>,
    /// What happened, in order, for the trace.
    pub notes: Vec<String>,
}

impl Seen {
    /// Notes an order that is to be placed, `gap` above the last index, and returns its index.
    pub fn note_placed(&mut self, request: order::PlaceOrderRequest, gap: i64) -> i64 {
        let last = self.placed.last_key_value();
        let index = last.map_or(1, |(last, _)| last + gap);
        let request = order::PlaceOrderRequest {
            client_order_index: Some(index),
            ..request
        };
        let placed = Placed {
            request,
            acknowledged: None,
            unanswered: 0,
            refused: None,
            refused_for_good: false,
            taken: false,
        };
        self.placed.insert(index, placed);
        index
    }

    /// Notes a violation.
    pub fn violate(&mut self, invariant: &'static str, what: impl Into<String>) {
        let what = what.into();
        self.violations.push(Violation { invariant, what });
    }
}

/// Returns the number that a text or a value says, by an arithmetic that no service uses.
///
/// # Panics
/// Where it is no number: what is read here was made by software.
pub fn exact(of: &impl fmt::Display) -> Decimal {
    let text = of.to_string();
    let number = text.parse();
    number.unwrap_or_else(|error| panic!("{text:?} is no number: {error}"))
}
