//! The instruments of a venue, found by any of their names.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chimera_model::instrument::{InstrumentKind, InstrumentStatus};
use chimera_model::{Asset, Instrument, Symbol, UnixNanos, VenueSymbol};

use crate::error::VenueError;
use crate::limits::RateLimits;

/// An instrument of the venue that cannot be traded here, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The venue's name; cut and escaped where it is not one.
    pub venue_symbol: String,
    /// Why.
    pub reason: String,
}

/// What a venue says about its instruments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentList {
    /// Those that can be traded here.
    pub instruments: Vec<Instrument>,
    /// Those that cannot; never silently left out (F70).
    pub skipped: Vec<Skipped>,
    /// The limits it states, which override the built-in ones (F116).
    pub rate_limits: Option<RateLimits>,
    /// The venue's time, where it gives one.
    pub venue_time: Option<UnixNanos>,
}

/// Short names of instruments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aliases {
    /// A bare base such as `SOL` means the instrument of this quote.
    pub default_quote: Asset,
    /// And of this kind.
    pub default_kind: InstrumentKind,
    /// Names given by hand; they come first.
    pub named: BTreeMap<String, Symbol>,
}

impl Aliases {
    /// Lets a bare base mean the perpetual of a quote.
    ///
    /// # Errors
    /// Fails on what is no asset.
    pub fn of_perpetuals(quote: &str) -> Result<Self, VenueError> {
        Ok(Self {
            default_quote: Asset::new(quote)?,
            default_kind: InstrumentKind::Perpetual,
            named: BTreeMap::new(),
        })
    }
}

/// The instruments of a venue. A table does not change; a refresh makes the next one.
#[derive(Debug, Clone)]
pub struct InstrumentTable {
    aliases: Aliases,
    by_symbol: HashMap<Symbol, Arc<Instrument>>,
    by_venue_symbol: HashMap<VenueSymbol, Arc<Instrument>>,
}

impl InstrumentTable {
    /// Makes an empty table.
    #[must_use]
    pub fn new(aliases: Aliases) -> Self {
        Self {
            aliases,
            by_symbol: HashMap::new(),
            by_venue_symbol: HashMap::new(),
        }
    }

    /// Returns the table after a refresh. An instrument whose rules changed gets the next version
    /// (F68); one that is no longer listed stays, closed, so that what was subscribed or is held
    /// keeps its entry (F77). Of two with one symbol the first stays.
    #[must_use]
    pub fn refreshed(&self, instruments: impl IntoIterator<Item = Instrument>) -> Self {
        let mut next = Self::new(self.aliases.clone());
        for mut instrument in instruments {
            let previous = self.by_symbol.get(&instrument.symbol);
            instrument.version = previous.map_or(1, |previous| {
                instrument.version = previous.version;
                previous.version + u64::from(**previous != instrument)
            });
            next.insert(instrument);
        }
        for previous in self.by_symbol.values() {
            if !next.by_symbol.contains_key(&previous.symbol) {
                let mut gone = Instrument::clone(previous);
                if gone.status != InstrumentStatus::Closed {
                    gone.status = InstrumentStatus::Closed;
                    gone.version += 1;
                }
                next.insert(gone);
            }
        }
        next
    }

    /// Returns the instrument of a canonical symbol.
    #[must_use]
    pub fn by_symbol(&self, symbol: &Symbol) -> Option<&Arc<Instrument>> {
        self.by_symbol.get(symbol)
    }

    /// Returns the instrument of a venue's symbol. Every path maps by this one function (F74).
    #[must_use]
    pub fn by_venue_symbol(&self, venue_symbol: &str) -> Option<&Arc<Instrument>> {
        self.by_venue_symbol.get(venue_symbol)
    }

    /// Returns the instrument of a canonical symbol, a name given by hand, a bare base, or a
    /// venue's symbol, in this order.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Option<&Arc<Instrument>> {
        let by_symbol = |symbol: Symbol| self.by_symbol.get(&symbol);
        if let Some(instrument) = Symbol::new(name).ok().and_then(by_symbol) {
            return Some(instrument);
        }
        if let Some(symbol) = self.aliases.named.get(name) {
            return self.by_symbol.get(symbol);
        }
        let bare = Asset::new(name).ok().and_then(|base| {
            let quote = &self.aliases.default_quote;
            match self.aliases.default_kind {
                InstrumentKind::Spot => Symbol::spot(&base, quote).ok(),
                InstrumentKind::Perpetual => Symbol::perpetual(&base, quote).ok(),
            }
        });
        bare.and_then(by_symbol)
            .or_else(|| self.by_venue_symbol(name))
    }

    /// Returns the short names.
    #[must_use]
    pub const fn aliases(&self) -> &Aliases {
        &self.aliases
    }

    /// Iterates over all instruments, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Instrument>> {
        self.by_symbol.values()
    }

    /// Returns how many instruments there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_symbol.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_symbol.is_empty()
    }

    fn insert(&mut self, instrument: Instrument) {
        if self.by_symbol.contains_key(&instrument.symbol)
            || self.by_venue_symbol.contains_key(&instrument.venue_symbol)
        {
            return;
        }
        let instrument = Arc::new(instrument);
        self.by_symbol
            .insert(instrument.symbol, Arc::clone(&instrument));
        self.by_venue_symbol
            .insert(instrument.venue_symbol.clone(), instrument);
    }
}
