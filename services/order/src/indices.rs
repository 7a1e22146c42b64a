//! Which indices of an account are claimed: the durable half of idempotency (F08, F15).

use std::collections::BTreeSet;

use chimera_model::ClientOrderIndex;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// A caller's index this far above the mark does not move it: one order with the highest index
/// must not use up all those below.
const JUMP_MAX: u32 = 1 << 20;

/// Claims far above the mark that are remembered one by one, 256 KiB at most.
const ISLANDS_MAX: usize = 65_536;

/// Indices below the mark that are known to be free, 4 KiB at most: calls that are made one after
/// the other arrive in any order, and looking each one that was overtaken up in the journal would
/// cost more than the order itself.
const GAPS_MAX: usize = 1_024;

/// The claimed indices of one account: every index up to the mark may have been claimed unless it
/// is a gap, those above it only when they are islands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Indices {
    mark: u32,
    islands: BTreeSet<ClientOrderIndex>,
    /// Indices that the mark passed over.
    #[serde(default)]
    gaps: BTreeSet<ClientOrderIndex>,
}

impl Indices {
    /// Returns the index to reserve next, or nothing when every one is used.
    pub(crate) fn next(&self) -> Option<ClientOrderIndex> {
        let mut next = ClientOrderIndex::new(i64::from(self.mark) + 1).ok()?;
        while self.islands.contains(&next) {
            next = next.next()?;
        }
        Some(next)
    }

    /// Returns whether an index is certainly not claimed; others may have been.
    pub(crate) fn is_fresh(&self, index: ClientOrderIndex) -> bool {
        let above = index.get() > self.mark && !self.islands.contains(&index);
        above || self.gaps.contains(&index)
    }

    /// Returns whether a claim can be remembered.
    pub(crate) fn has_room(&self, index: ClientOrderIndex) -> bool {
        index.get() <= self.mark.saturating_add(JUMP_MAX) || self.islands.len() < ISLANDS_MAX
    }

    /// Claims an index.
    pub(crate) fn claim(&mut self, index: ClientOrderIndex) {
        if index.get() > self.mark.saturating_add(JUMP_MAX) {
            self.islands.insert(index);
            return;
        }
        self.gaps.remove(&index);
        if index.get() <= self.mark {
            return;
        }
        let passed_over = (i64::from(self.mark) + 1..i64::from(index.get()))
            .rev()
            .take(GAPS_MAX)
            .filter_map(|passed| ClientOrderIndex::new(passed).ok())
            .filter(|passed| !self.islands.contains(passed));
        self.gaps.extend(passed_over);
        while self.gaps.len() > GAPS_MAX {
            // Of the oldest it is forgotten that they are free: the journal knows.
            self.gaps.pop_first();
        }
        self.mark = index.get();
        let mark = self.mark;
        self.islands.retain(|island| island.get() > mark);
    }
}
