//! What the mesh holds: positions by fills beside the venues' word, balances, margin.
//!
//! Synchronous and without I/O: inputs and the time come in, and out comes what changed and what is
//! worth an alert.

use std::collections::BTreeMap;
use std::time::Duration;

use chimera_model::position::{Outcome, Position, PositionKey};
use chimera_model::{Asset, Decimal, IdError, Symbol};
use tokio::time::Instant;

mod holding;
mod reading;
mod statements;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use holding::{Check, CheckWord, Holding, VenueWord};
pub(crate) use statements::{Balance, Margin, MarginLine};
pub(crate) use words::{
    AccountKey, Booking, Dated, Effects, Moment, Notice, PositionWord, Refused, Subject,
};

/// What is known of an account at a venue.
#[derive(Debug, Clone, Copy, Default)]
struct Contact {
    /// How fresh its newest word is.
    heard: Option<Instant>,
    /// When all positions were last asked for, and stated.
    stated: Option<Moment>,
    /// Whether they were compared since the positions were built.
    compared: bool,
}

/// What the mesh holds.
#[derive(Debug)]
pub(crate) struct Holdings {
    settle: Duration,
    margin_history: usize,
    built: bool,
    fills_heard: Option<Instant>,
    positions: BTreeMap<PositionKey, Holding>,
    balances: BTreeMap<(AccountKey, Asset), Balance>,
    margins: BTreeMap<AccountKey, MarginLine>,
    accounts: BTreeMap<AccountKey, Contact>,
}

impl Holdings {
    pub(crate) fn new(settle: Duration, margin_history: usize) -> Self {
        Self {
            settle,
            margin_history,
            built: false,
            fills_heard: None,
            positions: BTreeMap::new(),
            balances: BTreeMap::new(),
            margins: BTreeMap::new(),
            accounts: BTreeMap::new(),
        }
    }

    /// Returns whether positions were built from the whole history of fills.
    pub(crate) const fn is_built(&self) -> bool {
        self.built
    }

    /// Takes positions that were built from the history of fills in the place of all that there
    /// are. What the venues said stays.
    pub(crate) fn replace(
        &mut self,
        mut built: BTreeMap<PositionKey, Position>,
        now: Moment,
    ) -> Result<Effects, IdError> {
        self.built = true;
        self.fills_heard = Some(now.instant);
        for key in self.positions.keys() {
            if !built.contains_key(key) {
                built.insert(*key, Position::new(*key)?);
            }
        }
        let mut effects = Effects::default();
        for (key, position) in built {
            match self.positions.get_mut(&key) {
                Some(holding) => holding.replace(position),
                None => {
                    self.positions.insert(key, Holding::new(position));
                }
            }
            effects.changed.insert(Subject::Position(key));
        }
        let accounts: Vec<AccountKey> = self.accounts.keys().copied().collect();
        for contact in self.accounts.values_mut() {
            contact.compared = false;
        }
        for account in accounts {
            self.compare_first(account, now, &mut effects);
        }
        Ok(effects)
    }

    /// Books one more fill.
    pub(crate) fn book(
        &mut self,
        booking: &Booking,
        now: Moment,
    ) -> Result<(Outcome, Effects), Refused> {
        self.hear_fills(now.instant);
        let key = booking.key();
        let holding = self.holding(key)?;
        let outcome = booking.apply(&mut holding.position)?;
        let mut effects = Effects::default();
        if outcome != Outcome::Duplicate {
            effects.changed.insert(Subject::Position(key));
        }
        self.judge(key, now, &mut effects);
        Ok((outcome, effects))
    }

    /// Notes how fresh the fills are, though none came.
    pub(crate) fn hear_fills(&mut self, at: Instant) {
        self.fills_heard = self.fills_heard.max(Some(at));
    }

    /// Notes how fresh an account's venue is; from now on the account is known.
    pub(crate) fn hear_account(&mut self, account: AccountKey, at: Option<Instant>) {
        let contact = self.accounts.entry(account).or_default();
        contact.heard = contact.heard.max(at);
    }

    /// Takes the venue's word for one position.
    pub(crate) fn position_stated(
        &mut self,
        account: AccountKey,
        word: PositionWord,
        now: Moment,
    ) -> Result<Effects, IdError> {
        self.hear_account(account, Some(now.instant));
        let mut effects = Effects::default();
        let key = key_of(account, word.symbol);
        if self.holding(key)?.hear(word.told(now), word.mark_price) {
            effects.changed.insert(Subject::Position(key));
        }
        self.judge(key, now, &mut effects);
        Ok(effects)
    }

    /// Takes the venue's word for all positions of an account, asked for at `asked`: what is not in
    /// it is flat.
    pub(crate) fn positions_stated(
        &mut self,
        account: AccountKey,
        words: &[PositionWord],
        asked: Moment,
        now: Moment,
    ) -> Result<Effects, IdError> {
        self.hear_account(account, Some(asked.instant));
        let mut effects = Effects::default();
        for word in words {
            let key = key_of(account, word.symbol);
            if self.holding(key)?.hear(word.answer(asked), word.mark_price) {
                effects.changed.insert(Subject::Position(key));
            }
        }
        let absent = self.positions.iter_mut().filter(|(key, _)| {
            account_of(key) == account && words.iter().all(|word| word.symbol != key.symbol)
        });
        for (key, holding) in absent {
            if holding.hear(VenueWord::flat(asked), None) {
                effects.changed.insert(Subject::Position(*key));
            }
        }
        self.accounts.entry(account).or_default().stated = Some(asked);
        if !self.compare_first(account, now, &mut effects) {
            for key in self.keys_of(account) {
                self.judge(key, now, &mut effects);
            }
        }
        Ok(effects)
    }

    /// Takes the venue's word for a balance.
    pub(crate) fn balance_stated(
        &mut self,
        account: AccountKey,
        asset: Asset,
        balance: Balance,
    ) -> Effects {
        self.hear_account(account, Some(balance.said.heard.instant));
        let mut effects = Effects::default();
        if statements::take_balance(self.balances.entry((account, asset)), balance) {
            effects.changed.insert(Subject::Balance(account, asset));
        }
        effects
    }

    /// Takes the venue's word for the margin of an account.
    pub(crate) fn margin_stated(&mut self, account: AccountKey, margin: Margin) -> Effects {
        self.hear_account(account, Some(margin.said.heard.instant));
        let mut effects = Effects::default();
        let line = self.margins.entry(account).or_default();
        if line.take(margin, self.margin_history) {
            effects.changed.insert(Subject::Margin(account));
        }
        effects
    }

    /// Takes the least quantity of an instrument's orders.
    pub(crate) fn min_quantity(&mut self, key: PositionKey, min_quantity: Decimal) -> Effects {
        let mut effects = Effects::default();
        if let Some(holding) = self.positions.get_mut(&key) {
            let was = holding.is_dust();
            holding.min_quantity = Some(min_quantity);
            if holding.is_dust() != was {
                effects.changed.insert(Subject::Position(key));
            }
        }
        effects
    }

    /// Lets time pass: differences that lasted too long become alerts.
    pub(crate) fn tick(&mut self, now: Moment) -> Effects {
        let mut effects = Effects::default();
        let settling = |holding: &Holding| matches!(holding.check, Check::Settling { .. });
        let keys: Vec<PositionKey> = self
            .positions
            .iter()
            .filter(|(_, holding)| settling(holding))
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            self.judge(key, now, &mut effects);
        }
        effects
    }

    /// Returns the instruments of an account whose least quantity is not known.
    pub(crate) fn unlearned(&self, account: AccountKey) -> Vec<Symbol> {
        let unlearned = self
            .positions
            .iter()
            .filter(|(key, holding)| account_of(key) == account && holding.min_quantity.is_none());
        unlearned.map(|(key, _)| key.symbol).collect()
    }

    /// Compares all positions of an account for the first time since they were built, if both sides
    /// are known: only then a difference may be an opening from before any record (F48).
    fn compare_first(&mut self, account: AccountKey, now: Moment, effects: &mut Effects) -> bool {
        let contact = self.accounts.entry(account).or_default();
        if !self.built || contact.stated.is_none() || contact.compared {
            return false;
        }
        contact.compared = true;
        for key in self.keys_of(account) {
            if let Some(holding) = self.positions.get_mut(&key) {
                holding.compare_first();
            }
            self.judge(key, now, effects);
        }
        true
    }

    fn judge(&mut self, key: PositionKey, now: Moment, effects: &mut Effects) {
        if !self.built {
            return;
        }
        let settle = self.settle;
        let Some(holding) = self.positions.get_mut(&key) else {
            return;
        };
        let before = (holding.check.word(), holding.position.is_inferred());
        let notice = holding.judge(now, settle);
        if (holding.check.word(), holding.position.is_inferred()) != before {
            effects.changed.insert(Subject::Position(key));
            if matches!(holding.check, Check::Settling { .. }) {
                effects.ask.insert(account_of(&key));
            }
        }
        effects.notices.extend(notice);
    }

    fn holding(&mut self, key: PositionKey) -> Result<&mut Holding, IdError> {
        use std::collections::btree_map::Entry;
        Ok(match self.positions.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let mut holding = Holding::new(Position::new(key)?);
                // What an account's statement did not name was flat then.
                let contact = self.accounts.get(&account_of(&key));
                holding.venue = contact
                    .and_then(|contact| contact.stated)
                    .map(VenueWord::flat);
                entry.insert(holding)
            }
        })
    }

    fn keys_of(&self, account: AccountKey) -> Vec<PositionKey> {
        self.positions
            .keys()
            .filter(|key| account_of(key) == account)
            .copied()
            .collect()
    }
}

fn key_of(account: AccountKey, symbol: Symbol) -> PositionKey {
    let AccountKey { account, venue } = account;
    PositionKey {
        account,
        venue,
        symbol,
    }
}

fn account_of(key: &PositionKey) -> AccountKey {
    AccountKey {
        account: key.account,
        venue: key.venue,
    }
}
