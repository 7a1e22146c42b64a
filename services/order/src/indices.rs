//! Which indices of an account are claimed: the durable half of idempotency (F08, F15).

use std::collections::{BTreeMap, BTreeSet};

use chimera_model::ClientOrderIndex;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// A caller's index this far above the mark does not move it: one order with the highest index
/// must not use up all those below.
const JUMP_MAX: u32 = 1 << 20;

/// Ranges far above the mark in which indices were claimed, 16 KiB at most. A caller that counts from
/// anywhere has one; of more than these the two that lie closest become one.
const ISLANDS_MAX: usize = 1_024;

/// Indices below the mark that are known to be free, 4 KiB at most: calls that are made one after
/// the other arrive in any order, and looking each one that was overtaken up in the journal would
/// cost more than the order itself.
const GAPS_MAX: usize = 1_024;

/// The claimed indices of one account: every index up to the mark may have been claimed unless it
/// is a gap, and every one on an island.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Indices {
    mark: u32,
    /// Ranges above the mark that do not touch, the first index of each to its last.
    islands: BTreeMap<u32, u32>,
    /// Indices that the mark passed over.
    gaps: BTreeSet<u32>,
}

impl Indices {
    /// Returns the index to reserve next, or nothing when every one is used.
    pub(crate) fn next(&self) -> Option<ClientOrderIndex> {
        let after = self.mark + 1;
        let next = self.island_of(after).map_or(after, |(_, last)| last + 1);
        ClientOrderIndex::new(i64::from(next)).ok()
    }

    /// Returns whether an index is certainly not claimed; others may have been.
    pub(crate) fn is_fresh(&self, index: ClientOrderIndex) -> bool {
        let index = index.get();
        let above = index > self.mark && self.island_of(index).is_none();
        above || self.gaps.contains(&index)
    }

    /// Claims an index.
    pub(crate) fn claim(&mut self, index: ClientOrderIndex) {
        let index = index.get();
        if index > self.mark.saturating_add(JUMP_MAX) {
            return self.settle(index);
        }
        self.gaps.remove(&index);
        if index <= self.mark {
            return;
        }
        let passed_over = (self.mark + 1..index).rev().take(GAPS_MAX);
        let free: Vec<u32> = passed_over
            .filter(|passed| self.island_of(*passed).is_none())
            .collect();
        self.gaps.extend(free);
        while self.gaps.len() > GAPS_MAX {
            // Of the oldest it is forgotten that they are free: the journal knows.
            self.gaps.pop_first();
        }
        self.mark = index;
        let above = self.islands.split_off(&(index + 1));
        let reached = self.islands.last_key_value().map(|(_, last)| *last);
        self.islands = above;
        if let Some(last) = reached.filter(|last| *last > index) {
            self.islands.insert(index + 1, last);
        }
    }

    fn island_of(&self, index: u32) -> Option<(u32, u32)> {
        let (first, last) = self.islands.range(..=index).next_back()?;
        (*last >= index).then_some((*first, *last))
    }

    /// Claims an index far above the mark.
    fn settle(&mut self, index: u32) {
        if self.island_of(index).is_some() {
            return;
        }
        let (mut first, mut last) = (index, index);
        if let Some((before, _)) = self.island_of(index - 1) {
            first = before;
        }
        if let Some(after) = self.islands.remove(&(index + 1)) {
            last = after;
        }
        self.islands.insert(first, last);
        if self.islands.len() > ISLANDS_MAX {
            self.join_closest();
        }
    }

    /// Makes one of the two islands that lie closest: what is between may have been claimed now, and
    /// is looked up in the journal.
    fn join_closest(&mut self) {
        let pairs = self.islands.iter().zip(self.islands.iter().skip(1));
        let gap = |((_, last), (first, _)): &((&u32, &u32), (&u32, &u32))| **first - **last;
        let Some(((first, _), (second, _))) = pairs.min_by_key(gap) else {
            return;
        };
        let (first, second) = (*first, *second);
        if let Some(last) = self.islands.remove(&second) {
            self.islands.insert(first, last);
        }
    }
}
