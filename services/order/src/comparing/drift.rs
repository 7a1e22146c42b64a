//! Positions that differ from the venue's word, over several looks.

use chimera_model::{Decimal, Symbol};

use crate::difference::{Difference, Repair};

/// Looks after which a comparison ends although positions still move. What they all found alike is
/// booked: somebody else trades the account, and the venue is the judge (F45). What differed from
/// look to look is fills on their way, and booking it would count them twice; the next comparison
/// looks at it anew.
const LOOKS_MAX: u32 = 4;

/// How positions differed in the looks of one comparison.
#[derive(Debug, Default)]
pub(super) struct Drift {
    looks: u32,
    /// What the last look found.
    ids: Vec<String>,
    /// By how much positions differed at every look so far; nothing once two looks disagreed.
    steady: Option<Vec<(Option<Symbol>, Decimal)>>,
}

impl Drift {
    /// Returns whether positions need no further look, and whether what differs of them is to be
    /// booked.
    pub(super) fn judge(&mut self, differences: &[Difference]) -> (bool, bool) {
        let (mut drift, mut changes) = (Vec::new(), Vec::new());
        for found in differences {
            if let Repair::Adjust(change) = &found.repair {
                drift.push(found.id.clone());
                changes.push((found.symbol, *change));
            }
        }
        let steady = match self.looks {
            0 => true,
            _ => self.steady.as_ref() == Some(&changes),
        };
        let last = self.looks + 1 >= LOOKS_MAX;
        let confirmed = drift == self.ids || (last && steady);
        let settled = drift.is_empty() || confirmed || last;
        self.looks = if settled { 0 } else { self.looks + 1 };
        self.ids = if settled { Vec::new() } else { drift };
        self.steady = steady.then_some(changes);
        (settled, confirmed)
    }
}
