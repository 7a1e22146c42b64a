//! What reaches the owner of the state: calls from outside, and what its own tasks found out.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use chimera_contracts::connector::v1 as wire;
use chimera_contracts::order::v1 as pb;
use chimera_model::order::{CancelAnswer, OrderSpec, OrderState, Reason, SubmitAnswer};
use chimera_model::report::{Fill, OrderReport};
use chimera_model::{Account, ClientOrderIndex, Instrument, Symbol, UnixNanos, Venue};
use chimera_runtime::trace::TraceContext;
use tokio::time::Instant;

use crate::attempts::TrackingSpec;
use crate::comparing::Recall;
use crate::entry::Entry;
use crate::error::OrderError;
use crate::follow::Waiter;
use crate::key::{OrderKey, SiteKey};
use crate::market::Top;
use crate::offer::Offer;
use crate::read_back::Family;
use crate::reconcile::{Comparison, VenueView};
use crate::risk::Assessment;
use crate::service::{Cancelled, Placed};
use crate::trading::{Asked, TradingState};
use crate::verification::{OpenAt, Question};
use crate::watch::{Filter, Opened};

/// An order that passed admission, on its way to risk.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) spec: OrderSpec,
    pub(crate) tracking: Option<TrackingSpec>,
    pub(crate) instrument: Arc<Instrument>,
    pub(crate) top: Option<Top>,
    pub(crate) trace_id: String,
    pub(crate) trace: Option<TraceContext>,
    /// The index once it is claimed, for a caller whose time ends before the outcome; zero before.
    pub(crate) claimed: Arc<AtomicU32>,
}

/// Which orders to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListFilter {
    pub(crate) account: Option<Account>,
    pub(crate) venue: Option<Venue>,
    pub(crate) symbol: Option<Symbol>,
    pub(crate) states: Vec<OrderState>,
    pub(crate) parent: Option<ClientOrderIndex>,
    /// Orders before this place of the list.
    pub(crate) before: Option<OrderKey>,
    pub(crate) count: usize,
}

/// A page of orders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) orders: Vec<pb::Order>,
    /// The last one, when there are more.
    pub(crate) next: Option<OrderKey>,
}

/// What the kill switch answers.
#[derive(Debug, Clone)]
pub(crate) struct Switched {
    pub(crate) state: TradingState,
    pub(crate) since: UnixNanos,
    pub(crate) cancels_asked: usize,
    /// Whether nothing that the state forbids can be on its way any more.
    pub(crate) settled: bool,
    /// Whether the venues were shown to hold nothing of ours.
    pub(crate) none_open: bool,
    pub(crate) leftovers: Vec<pb::Leftover>,
    pub(crate) unverified: Vec<pb::UnverifiedAccount>,
}

/// What GetTradingState answers.
#[derive(Debug, Clone)]
pub(crate) struct TradingView {
    pub(crate) state: TradingState,
    pub(crate) reason: String,
    pub(crate) since: UnixNanos,
    pub(crate) open_orders: usize,
    pub(crate) ready: bool,
}

/// A call from outside.
pub(crate) enum Call {
    Place {
        admitted: Box<Admitted>,
        reply: Waiter<Placed>,
    },
    Validate {
        admitted: Box<Admitted>,
        reply: Waiter<Assessment>,
    },
    Cancel {
        account: Account,
        index: ClientOrderIndex,
        reply: Waiter<Cancelled>,
    },
    CancelAll {
        account: Account,
        venue: Option<Venue>,
        symbol: Option<Symbol>,
        reply: Waiter<Vec<pb::Order>>,
    },
    Get {
        account: Account,
        index: ClientOrderIndex,
        reply: Waiter<pb::Order>,
    },
    /// Returns what stands under an index, for a repetition that cannot be admitted now.
    Recorded {
        account: Account,
        index: ClientOrderIndex,
        reply: Waiter<Option<Box<Entry>>>,
    },
    List {
        filter: Box<ListFilter>,
        reply: Waiter<Page>,
    },
    Watch {
        filter: Filter,
        after: Option<u64>,
        reply: Waiter<Opened>,
    },
    Reconcile {
        site: SiteKey,
        dry_run: bool,
        reply: Waiter<Comparison>,
    },
    SetTrading {
        state: TradingState,
        reason: String,
        asked: Asked,
        reply: Waiter<Switched>,
    },
    GetTrading {
        reply: Waiter<TradingView>,
    },
    /// Waits until everything before is durable, and returns the epoch and the last sequence.
    Mark {
        reply: Waiter<(String, u64)>,
    },
}

/// What waits for an order that is read back from the journal.
pub(crate) enum Then {
    Call(Box<Call>),
    Nothing,
}

/// What a task of this service found out.
pub(crate) enum Told {
    Submitted {
        key: OrderKey,
        answer: SubmitAnswer,
    },
    /// The intent of an order is not durable.
    Unstored {
        key: OrderKey,
    },
    CancelAnswered {
        key: OrderKey,
        answer: CancelAnswer,
    },
    Queried {
        key: OrderKey,
        asked: Instant,
        generation: u64,
        /// The order when it was found, nothing when it was not, or why nobody knows.
        found: Result<Option<Box<OrderReport>>, Reason>,
    },
    Fills {
        key: OrderKey,
        fills: Result<Vec<Fill>, Reason>,
        /// How many misses this look among the fills is to confirm, if any (F06).
        misses: Option<u32>,
    },
    Feed(Feed),
    Compared {
        site: SiteKey,
        look: u64,
        view: Result<Box<VenueView>, String>,
    },
    /// Orders that a comparison speaks of and memory had forgotten.
    Recalled {
        site: SiteKey,
        look: u64,
        view: Box<VenueView>,
        recall: Recall,
    },
    /// An order was read back from the journal, or is not there.
    Loaded {
        key: OrderKey,
        family: Result<Family, OrderError>,
        then: Then,
    },
    /// The steps of an instrument were read; what waited for them is told again.
    Scaled {
        venue: Venue,
        symbol: Symbol,
        instrument: Option<Arc<Instrument>>,
        again: Box<Feed>,
    },
    /// What a tracking limit needs to place a child.
    Priced {
        key: OrderKey,
        market: Result<(Arc<Instrument>, Option<Top>), OrderError>,
    },
    /// What the venue knows of an order that is not in the books.
    Stranger {
        key: OrderKey,
        instrument: Option<Arc<Instrument>>,
        report: Option<Box<OrderReport>>,
    },
    /// Nothing that a kill forbids can leave any more, or the time to show that is over.
    Settled {
        switched: Switched,
        reply: Waiter<Switched>,
    },
    /// What is open at every venue.
    OpenAtVenues {
        open: OpenAt,
        question: Question,
    },
    Venues(Vec<(wire::VenueAccounts, Offer)>),
}

/// What the stream of an account says.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    pub(crate) site: SiteKey,
    /// Which opening of the stream; what an earlier one says is dropped (F103).
    pub(crate) opening: u64,
    pub(crate) what: FeedEvent,
}

#[derive(Debug, Clone)]
pub(crate) enum FeedEvent {
    Opened(Box<wire::AccountSnapshot>),
    Said(Box<wire::AccountEvent>),
    Lost(String),
}
