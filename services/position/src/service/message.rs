//! What the task is told and asked.

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::order::v1::Fill;
use chimera_contracts::position::v1 as pb;
use chimera_model::Symbol;
use tokio::sync::{mpsc, oneshot};

use super::VenueInput;
use crate::error::PositionError;
use crate::holdings::AccountKey;
use crate::hub::{Change, Filter, Reader};
use crate::token::Place;

/// Requests that may wait for one account's feed: one to look again, and one an instrument of a
/// dozen; what does not fit is asked for again at the next look.
pub(crate) const ASKS_MAX: usize = 16;

/// What the fills' feed says.
#[derive(Debug)]
pub(crate) enum OrdersInput {
    /// The history of fills begins.
    Rebuilding,
    /// A part of the history, oldest first.
    History(Vec<Fill>),
    /// The history is whole.
    Rebuilt,
    /// One more fill.
    Fill(Box<Fill>),
    /// Nothing new; the word is so old.
    Heard { staleness: Duration },
}

/// What a feed of an account is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Positions, balances and margin, again.
    Look,
    /// The rules of an instrument.
    Instrument(Symbol),
}

/// Which positions are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PositionFilter {
    pub account: Filter,
    pub symbol: Option<Symbol>,
}

/// Where a subscription begins.
#[derive(Debug)]
pub(crate) enum Start {
    Snapshot(Box<pb::PositionSnapshot>),
    /// Changes after the token, all of them.
    Resumed {
        place: Place,
        missed: Vec<Arc<Change>>,
    },
}

/// A reader's stream.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub start: Start,
    pub reader: Reader,
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, PositionError>>;

/// What the task is told and asked.
#[derive(Debug)]
pub(crate) enum Message {
    Orders(OrdersInput),
    /// An account has a feed, which can be asked.
    Account(AccountKey, mpsc::Sender<Ask>),
    Venue(AccountKey, VenueInput),
    ListPositions(PositionFilter, Reply<Vec<pb::Position>>),
    GetPnl(Filter, Reply<pb::GetPnlResponse>),
    ListBalances(Filter, Reply<Vec<pb::Balance>>),
    GetMargin {
        key: AccountKey,
        history: usize,
        reply: Reply<pb::GetMarginResponse>,
    },
    Subscribe {
        filter: Filter,
        resume: Option<String>,
        reply: Reply<Subscription>,
    },
}
