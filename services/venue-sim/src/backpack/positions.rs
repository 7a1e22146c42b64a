//! What the venue remembers of a position beside its arithmetic: its id, and what it began with.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::account::Position;
use crate::engine::AccountId;
use crate::exchange::{Exchange, IncomeKind, InstrumentId};

/// Ids of positions begin here.
const FIRST_ID: u64 = 4_000_000_000;

/// One position from its opening to its close.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    /// Its id.
    pub id: u64,
    /// What had been realised before it was opened.
    realised_before: Decimal,
    opened_ms: u64,
}

impl Opening {
    /// Returns what has been realised since the opening.
    pub fn realised(&self, position: &Position) -> Decimal {
        position.realised - self.realised_before
    }

    /// Returns the price at which closing earns back the fees and the funding paid so far, which is
    /// what recorded positions show; zero when flat.
    pub fn break_even(
        &self,
        exchange: &Exchange,
        (account, instrument): (AccountId, InstrumentId),
        position: &Position,
    ) -> Decimal {
        let funding = self.funding(exchange, account, instrument);
        let share = funding.checked_div(position.quantity);
        position.break_even() - share.unwrap_or_default()
    }

    /// Returns the funding received since the opening, less what was paid.
    pub fn funding(
        &self,
        exchange: &Exchange,
        account: AccountId,
        instrument: InstrumentId,
    ) -> Decimal {
        let since = exchange.incomes().filter(|income| {
            income.account == account
                && income.instrument == Some(instrument)
                && income.kind == IncomeKind::Funding
                && income.time_ms >= self.opened_ms
        });
        since.map(|income| income.amount).sum()
    }
}

/// What happened to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Opened,
    Adjusted,
    Closed,
}

/// The positions of the venue.
#[derive(Debug, Default)]
pub(super) struct Positions {
    open: BTreeMap<(AccountId, InstrumentId), Opening>,
    realised: BTreeMap<(AccountId, InstrumentId), Decimal>,
    opened: u64,
}

impl Positions {
    /// Notes a position after a fill and returns what happened to it.
    pub fn note(
        &mut self,
        key: (AccountId, InstrumentId),
        position: &Position,
        now_ms: u64,
    ) -> (Change, Opening) {
        let known = self.open.get(&key).copied();
        let opening = known.unwrap_or_else(|| {
            self.opened += 1;
            Opening {
                id: FIRST_ID + self.opened,
                realised_before: self.realised.get(&key).copied().unwrap_or_default(),
                opened_ms: now_ms,
            }
        });
        if position.quantity.is_zero() {
            self.open.remove(&key);
            self.realised.insert(key, position.realised);
            return (Change::Closed, opening);
        }
        self.open.insert(key, opening);
        let change = known.map_or(Change::Opened, |_| Change::Adjusted);
        (change, opening)
    }

    /// Returns the opening of an open position.
    pub fn opening(&self, account: AccountId, instrument: InstrumentId) -> Option<Opening> {
        self.open.get(&(account, instrument)).copied()
    }
}
