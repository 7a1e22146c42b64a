//! What a session remembers of its account's trading, to ask for what it missed while it was away
//! (F39).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chimera_model::report::Fill;
use chimera_model::{Symbol, TradeId, UnixNanos};
use chimera_venue::FillQuery;

#[cfg(test)]
mod tests;

/// Instruments remembered. An account trades dozens; beyond this the least recent would cost a
/// query each at every reconnect, and the order service reconciles them all the same.
const SYMBOLS_MAX: usize = 256;

/// The instruments that were traded, with the last fill known of each.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<HashMap<Symbol, Option<(UnixNanos, TradeId)>>>);

impl Ledger {
    /// Notes that an order is about to be sent.
    pub(crate) fn touched(&self, symbol: Symbol) {
        let mut symbols = self.lock();
        if symbols.len() < SYMBOLS_MAX {
            symbols.entry(symbol).or_default();
        }
    }

    /// Notes a fill. The latest by the venue's time counts, whatever order they arrive in (F40).
    pub(crate) fn filled(&self, fill: &Fill) {
        let mut symbols = self.lock();
        if symbols.len() >= SYMBOLS_MAX && !symbols.contains_key(&fill.symbol) {
            return;
        }
        let last = symbols.entry(fill.symbol).or_default();
        if last
            .as_ref()
            .is_none_or(|(time, _)| fill.venue_time >= *time)
        {
            *last = Some((fill.venue_time, fill.trade_id.clone()));
        }
    }

    /// Returns every instrument traded, and from where on its fills are to be asked for when they
    /// may be missing since `since`: from the last one known when that is older, so that none in
    /// between is left out, and else from then on, so that one which came out of order is not
    /// either.
    pub(crate) fn missing(&self, since: UnixNanos) -> Vec<(Symbol, FillQuery)> {
        let symbols = self.lock();
        let query = |last: &Option<(UnixNanos, TradeId)>| match last {
            Some((time, id)) if *time < since => FillQuery::After {
                trade: id.clone(),
                since: Some(*time),
            },
            _ => FillQuery::Since(since),
        };
        symbols
            .iter()
            .map(|(symbol, last)| (*symbol, query(last)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Symbol, Option<(UnixNanos, TradeId)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
