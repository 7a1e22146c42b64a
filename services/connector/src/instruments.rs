//! The instruments of one venue as its sessions know them, with the versions that went before.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chimera_model::instrument::InstrumentStatus;
use chimera_model::{Instrument, Symbol};
use chimera_venue::{InstrumentTable, Skipped};
use tracing::warn;

#[cfg(test)]
pub(crate) mod tests;

/// Earlier versions kept of an instrument, to scale what still speaks in them: orders that rest
/// since before a change. Venues change a tick a few times a year.
const PAST_VERSIONS_MAX: usize = 8;

/// Instruments of one venue. The largest list some 3,000; more is a list gone wrong.
const INSTRUMENTS_MAX: usize = 20_000;

/// What trades at one venue. A value: merging gives a new one, readers keep theirs.
#[derive(Debug, Clone)]
pub(crate) struct Instruments {
    table: Arc<InstrumentTable>,
    /// Versions before the one in the table, newest first.
    past: HashMap<Symbol, VecDeque<Arc<Instrument>>>,
    /// What the venue lists and is not traded here: known to be left out, unlike what is simply
    /// unknown.
    skipped: Arc<HashSet<String>>,
    /// Added to every version that leaves this process. The table counts from one in every process;
    /// numbers scaled before a restart must not pass for numbers of the rules after it (F68).
    epoch: u64,
}

/// What a merge changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    pub added: usize,
    pub changed: usize,
    pub refused: usize,
}

impl Instruments {
    /// Returns no instruments yet; `epoch` is higher than in any process before, e.g. milliseconds.
    pub(crate) fn new(table: InstrumentTable, epoch: u64) -> Self {
        Self {
            table: Arc::new(table),
            past: HashMap::new(),
            skipped: Arc::default(),
            epoch,
        }
    }

    /// Returns the table that adapters read reports by.
    pub(crate) fn table(&self) -> &Arc<InstrumentTable> {
        &self.table
    }

    /// Finds an instrument by canonical symbol, venue symbol or alias.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Instrument>> {
        self.table.resolve(name)
    }

    /// Returns the version that the contract states for an instrument.
    pub(crate) fn version(&self, instrument: &Instrument) -> u64 {
        self.epoch + instrument.version
    }

    /// Returns every version of an instrument that is still known, newest first.
    pub(crate) fn versions(&self, symbol: Symbol) -> impl Iterator<Item = &Arc<Instrument>> {
        let past = self.past.get(&symbol).into_iter().flatten();
        self.table.by_symbol(&symbol).into_iter().chain(past)
    }

    /// Returns whether something that traded does not trade now and may again: a halt ends without a
    /// word, and who believes it for long does not trade (F76).
    pub(crate) fn is_interrupted(&self) -> bool {
        self.table.iter().any(|now| {
            let past = self.past.get(&now.symbol).into_iter().flatten();
            let closed = now.status == InstrumentStatus::Closed;
            !now.is_tradable() && !closed && past.into_iter().any(|before| before.is_tradable())
        })
    }

    /// Returns whether a venue's symbol is one that is listed and not traded here.
    pub(crate) fn is_skipped(&self, venue_symbol: &str) -> bool {
        self.skipped.contains(venue_symbol)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Returns the instruments after a complete list of the venue was merged into them (F77). A
    /// definition that nothing can be computed by is refused, and the one before it stays.
    pub(crate) fn merged(&self, list: Vec<Instrument>, skipped: &[Skipped]) -> (Self, Merged) {
        let mut merged = Merged::default();
        let mut sound = Vec::with_capacity(list.len());
        for instrument in list {
            match instrument.check() {
                Ok(()) if sound.len() < INSTRUMENTS_MAX => sound.push(instrument),
                Ok(()) => merged.refused += 1,
                Err(error) => {
                    warn!(%error, "instrument refused");
                    merged.refused += 1;
                    let known = self.table.by_symbol(&instrument.symbol);
                    sound.extend(known.map(|known| known.as_ref().clone()));
                }
            }
        }
        let table = self.table.refreshed(sound);
        let mut past = self.past.clone();
        for now in table.iter() {
            match self.table.by_symbol(&now.symbol) {
                None => merged.added += 1,
                Some(before) if before.version != now.version => {
                    merged.changed += 1;
                    let versions = past.entry(now.symbol).or_default();
                    versions.push_front(before.clone());
                    versions.truncate(PAST_VERSIONS_MAX);
                }
                Some(_) => {}
            }
        }
        let skipped = skipped
            .iter()
            .map(|skipped| skipped.venue_symbol.clone())
            .collect();
        let next = Self {
            table: Arc::new(table),
            past,
            skipped: Arc::new(skipped),
            epoch: self.epoch,
        };
        (next, merged)
    }
}
