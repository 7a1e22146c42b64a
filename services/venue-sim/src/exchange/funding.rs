//! What moves a wallet, and the exchange of funding.

use rust_decimal::Decimal;

use super::{BalanceReason, Event, Exchange, Fill, InstrumentId};
use crate::account::MONEY_SCALE;
use crate::engine::{AccountId, Price, Side};

/// Funding is exchanged this often, as the venues do for these instruments.
const FUNDING_INTERVAL_MS: u64 = 8 * 60 * 60 * 1000;

/// Records of income kept for each venue; see the bound on fills.
const INCOMES_KEPT: usize = 400_000;

/// The part of the distance to the middle of the book that the mark price moves at each step:
/// it follows, but one wild print does not drag it along.
const MARK_SMOOTHING: i64 = 8;

/// Exchanges of funding kept for each venue: a year of three instruments.
const FUNDINGS_KEPT: usize = 4_000;

/// One exchange of funding.
#[derive(Clone, Copy, Debug)]
pub struct Funding {
    /// Of what.
    pub instrument: InstrumentId,
    /// At what rate.
    pub rate: Decimal,
    /// At what mark price.
    pub mark: Price,
    /// When.
    pub time_ms: u64,
}

/// Why a wallet moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IncomeKind {
    /// A position was closed.
    RealisedProfit,
    /// A fee.
    Commission,
    /// Funding.
    Funding,
    /// What a spot trade cost or brought.
    Spot,
    /// Money paid in or out.
    Transfer,
}

/// One movement of a wallet.
#[derive(Clone, Debug)]
pub struct Income {
    /// Its number.
    pub id: u64,
    /// Whose.
    pub account: AccountId,
    /// Of what, where it concerns one instrument.
    pub instrument: Option<InstrumentId>,
    /// Why.
    pub kind: IncomeKind,
    /// How much.
    pub amount: Decimal,
    /// The trade it came from.
    pub trade: Option<u64>,
    /// When.
    pub time_ms: u64,
}

impl Income {
    pub(super) fn of_fill(fill: &Fill, kind: IncomeKind, amount: Decimal) -> Self {
        Self {
            id: 0,
            account: fill.account,
            instrument: Some(fill.instrument),
            kind,
            amount,
            trade: Some(fill.trade),
            time_ms: fill.time_ms,
        }
    }
}

impl Exchange {
    /// Returns the funding rate of an instrument: the venue's resting rate of a hundredth percent.
    pub fn funding_rate(&self) -> Decimal {
        Decimal::new(1, 4)
    }

    /// Returns past exchanges of funding, oldest first.
    pub fn fundings(&self) -> impl DoubleEndedIterator<Item = &Funding> {
        self.fundings.iter()
    }

    /// Does what is due: funding, orders whose time is over, the mark price.
    pub fn advance(&mut self, now_ms: u64) {
        self.expire_due(now_ms);
        for instrument in 0..self.instruments.len() {
            self.follow_mark(instrument);
        }
        if self.next_funding_ms == 0 {
            self.next_funding_ms = now_ms - now_ms % FUNDING_INTERVAL_MS + FUNDING_INTERVAL_MS;
        }
        if now_ms >= self.next_funding_ms {
            self.fund(self.next_funding_ms);
            self.next_funding_ms = now_ms - now_ms % FUNDING_INTERVAL_MS + FUNDING_INTERVAL_MS;
        }
    }

    /// Exchanges funding on all positions.
    pub fn fund(&mut self, now_ms: u64) {
        let rate = self.funding_rate();
        let perpetuals: Vec<InstrumentId> = (0..self.instruments.len())
            .filter(|id| !self.instrument(*id).is_spot())
            .collect();
        for instrument in perpetuals.iter().copied() {
            let mark = self.mark(instrument);
            self.fundings.push_back(Funding {
                instrument,
                rate,
                mark,
                time_ms: now_ms,
            });
        }
        while self.fundings.len() > FUNDINGS_KEPT {
            self.fundings.pop_front();
        }
        for account in 0..self.accounts.len() {
            let account = account as AccountId;
            for instrument in perpetuals.iter().copied() {
                let position = self.account(account).position(instrument);
                if position.quantity.is_zero() {
                    continue;
                }
                let value = position.quantity * self.mark(instrument).decimal();
                let amount = -(value * rate).trunc_with_scale(MONEY_SCALE);
                self.account_mut(account).funding += amount;
                self.credit(
                    now_ms,
                    account,
                    Some(instrument),
                    amount,
                    IncomeKind::Funding,
                );
            }
        }
    }

    /// Pays another asset than the wallet's in, or out.
    pub fn deposit_asset(
        &mut self,
        time_ms: u64,
        account: AccountId,
        asset: &str,
        amount: Decimal,
    ) {
        let holder = self.account_mut(account);
        holder.hold(asset, amount);
        holder.updated_ms = time_ms;
        let wallet = holder.wallet;
        self.events.push(Event::Balance {
            account,
            reason: BalanceReason::Deposit,
            wallet,
            change: Decimal::ZERO,
            position: None,
            time_ms,
        });
    }

    /// Pays money into a wallet, or out of it.
    pub fn deposit(&mut self, now_ms: u64, account: AccountId, amount: Decimal) {
        self.account_mut(account).deposited += amount;
        self.credit(now_ms, account, None, amount, IncomeKind::Transfer);
    }

    fn credit(
        &mut self,
        time_ms: u64,
        account: AccountId,
        instrument: Option<InstrumentId>,
        amount: Decimal,
        kind: IncomeKind,
    ) {
        let holder = self.account_mut(account);
        holder.wallet += amount;
        holder.updated_ms = time_ms;
        let wallet = holder.wallet;
        self.note_income(Income {
            id: 0,
            account,
            instrument,
            kind,
            amount,
            trade: None,
            time_ms,
        });
        let reason = match kind {
            IncomeKind::Funding => BalanceReason::Funding,
            _ => BalanceReason::Deposit,
        };
        self.events.push(Event::Balance {
            account,
            reason,
            wallet,
            change: amount,
            position: None,
            time_ms,
        });
    }

    pub(super) fn note_income(&mut self, mut income: Income) {
        income.id = self.incomes.back().map_or(1, |last| last.id + 1);
        self.incomes.push_back(income);
        if self.incomes.len() > INCOMES_KEPT {
            self.incomes.pop_front();
        }
    }

    /// Sets an account's leverage for an instrument.
    pub fn set_leverage(
        &mut self,
        time_ms: u64,
        account: AccountId,
        instrument: InstrumentId,
        leverage: u32,
    ) {
        self.account_mut(account)
            .leverage
            .insert(instrument, leverage);
        self.events.push(Event::Leverage {
            account,
            instrument,
            leverage,
            time_ms,
        });
    }

    /// Sets the mark price outright; the next steps follow the book again.
    pub fn set_mark(&mut self, instrument: InstrumentId, mark: Price) {
        self.marks[instrument] = mark;
    }

    fn follow_mark(&mut self, instrument: InstrumentId) {
        let book = self.book(instrument);
        let (Some((bid, _)), Some((ask, _))) = (book.best(Side::Buy), book.best(Side::Sell)) else {
            return;
        };
        let middle = bid.raw() / 2 + ask.raw() / 2;
        let mark = self.marks[instrument].raw();
        self.marks[instrument] = Price::from_raw(mark + (middle - mark) / MARK_SMOOTHING);
    }
}
