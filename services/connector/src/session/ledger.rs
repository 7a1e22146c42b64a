//! What a session remembers of its account's trading, to ask for what it missed while it was away
//! (F39).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chimera_model::report::Fill;
use chimera_model::{Symbol, TradeId, UnixNanos};

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

    /// Returns every instrument traded and the last fill known of it.
    pub(crate) fn traded(&self) -> Vec<(Symbol, Option<TradeId>)> {
        let symbols = self.lock();
        let last = |last: &Option<(UnixNanos, TradeId)>| last.as_ref().map(|(_, id)| id.clone());
        symbols
            .iter()
            .map(|(symbol, fill)| (*symbol, last(fill)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Symbol, Option<(UnixNanos, TradeId)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
