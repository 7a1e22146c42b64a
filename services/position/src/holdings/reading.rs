//! Reading what is held.

use std::time::Duration;

use chimera_model::Asset;
use chimera_model::position::PositionKey;
use tokio::time::Instant;

use super::{AccountKey, Balance, Check, Holding, Holdings, MarginLine};
use crate::hub::Filter;

impl Holdings {
    pub(crate) fn position(&self, key: &PositionKey) -> Option<&Holding> {
        self.positions.get(key)
    }

    /// Returns the holding so that its last change can be stamped.
    pub(crate) fn position_mut(&mut self, key: &PositionKey) -> Option<&mut Holding> {
        self.positions.get_mut(key)
    }

    pub(crate) fn positions(&self, filter: Filter) -> impl Iterator<Item = &Holding> {
        let positions = self.positions.iter();
        positions
            .filter(move |(key, _)| filter.matches(key.account, key.venue))
            .map(|(_, holding)| holding)
    }

    pub(crate) fn balances(
        &self,
        filter: Filter,
    ) -> impl Iterator<Item = (AccountKey, Asset, &Balance)> {
        let balances = self.balances.iter();
        balances
            .filter(move |((key, _), _)| filter.matches(key.account, key.venue))
            .map(|((key, asset), balance)| (*key, *asset, balance))
    }

    pub(crate) fn margins(
        &self,
        filter: Filter,
    ) -> impl Iterator<Item = (AccountKey, &MarginLine)> {
        let margins = self.margins.iter();
        margins
            .filter(move |(key, _)| filter.matches(key.account, key.venue))
            .map(|(key, line)| (*key, line))
    }

    pub(crate) fn balance(&self, account: AccountKey, asset: Asset) -> Option<&Balance> {
        self.balances.get(&(account, asset))
    }

    pub(crate) fn margin(&self, account: AccountKey) -> Option<&MarginLine> {
        self.margins.get(&account)
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = AccountKey> {
        self.accounts.keys().copied()
    }

    /// Returns how many positions differ from the venue's word for too long.
    pub(crate) fn discrepancies(&self) -> usize {
        let differing = self
            .positions
            .values()
            .filter(|holding| holding.check == Check::Differs);
        differing.count()
    }

    /// Returns how old the newest word behind a position is.
    pub(crate) fn staleness_of(&self, holding: &Holding, now: Instant) -> Option<Duration> {
        age(self.fills_heard.max(holding.heard()), now)
    }

    /// Returns how old the newest input behind a stream is.
    pub(crate) fn staleness(&self, filter: &Filter, now: Instant) -> Option<Duration> {
        let accounts = self.accounts.iter();
        let heard = accounts
            .filter(|(key, _)| filter.matches(key.account, key.venue))
            .map(|(_, contact)| contact.heard)
            .max();
        age(self.fills_heard.max(heard.flatten()), now)
    }

    /// Returns how old the newest word of the fills is.
    pub(crate) fn fills_staleness(&self, now: Instant) -> Option<Duration> {
        age(self.fills_heard, now)
    }
}

/// Returns an age; none for what was never heard.
fn age(heard: Option<Instant>, now: Instant) -> Option<Duration> {
    heard.map(|heard| now.saturating_duration_since(heard))
}
