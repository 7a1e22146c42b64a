//! Books that are right, or say that they are stale.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::instrument::{ScaledPrice, ScaledQuantity};

fn level((price, quantity): (i64, i64)) -> Level {
    Level {
        price: ScaledPrice(price),
        quantity: ScaledQuantity(quantity),
    }
}

fn levels(pairs: &[(i64, i64)]) -> Vec<Level> {
    pairs.iter().copied().map(level).collect()
}

fn pairs(levels: impl Iterator<Item = Level>) -> Vec<(i64, i64)> {
    levels
        .map(|level| (level.price.0, level.quantity.0))
        .collect()
}

struct Book(OrderBook);

impl Book {
    fn live(rule: SequenceRule, id: u64, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Self {
        let mut book = Self(OrderBook::new(rule, 0));
        assert_eq!(book.snapshot(id, bids, asks), BookState::Live);
        book
    }

    fn snapshot(&mut self, id: u64, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> BookState {
        let (bids, asks) = (levels(bids), levels(asks));
        self.0.apply_snapshot(&Snapshot {
            last_update_id: id,
            bids: &bids,
            asks: &asks,
            depth_limit: 1_000,
            venue_time: None,
        })
    }

    fn delta(
        &mut self,
        (first, last, previous): (u64, u64, Option<u64>),
        bids: &[(i64, i64)],
        asks: &[(i64, i64)],
    ) -> DeltaOutcome {
        let (bids, asks) = (levels(bids), levels(asks));
        self.0
            .apply_delta(&delta((first, last, previous), &bids, &asks))
    }
}

fn delta<'a>(
    (first, last, previous): (u64, u64, Option<u64>),
    bids: &'a [Level],
    asks: &'a [Level],
) -> Delta<'a> {
    Delta {
        first_update_id: first,
        last_update_id: last,
        previous_update_id: previous,
        bids,
        asks,
        venue_time: None,
    }
}

#[test]
fn quantities_are_absolute_and_zero_removes() {
    let mut book = Book::live(SequenceRule::SpotNext, 10, &[(99, 1), (98, 2)], &[(101, 3)]);
    let outcome = book.delta(
        (11, 12, None),
        &[(99, 0), (97, 5), (50, 0)],
        &[(101, 7), (102, 1)],
    );
    assert_eq!(outcome, DeltaOutcome::Applied);
    assert_eq!(pairs(book.0.bids()), [(98, 2), (97, 5)]);
    assert_eq!(pairs(book.0.asks()), [(101, 7), (102, 1)]);
    assert_eq!(book.0.last_update_id(), 12);
}

#[test]
fn f080_a_gap_makes_the_book_stale_before_the_call_returns() {
    for (rule, next, gap) in [
        (SequenceRule::SpotNext, (11, 12, None), (14, 15, None)),
        (
            SequenceRule::FuturesPrev,
            (9, 12, Some(8)),
            (14, 15, Some(13)),
        ),
    ] {
        let mut book = Book::live(rule, 10, &[(99, 1)], &[(101, 1)]);
        assert_eq!(book.delta(next, &[(98, 1)], &[]), DeltaOutcome::Applied);
        let outcome = book.delta(gap, &[(97, 1)], &[]);
        assert!(
            matches!(outcome, DeltaOutcome::Stale(StaleReason::Gap { .. })),
            "{outcome:?}"
        );
        assert!(matches!(
            book.0.state(),
            BookState::Stale(StaleReason::Gap { .. })
        ));
        assert_eq!(pairs(book.0.bids()), [(99, 1), (98, 1)]);
        let after = book.delta((16, 17, Some(15)), &[(96, 1)], &[]);
        assert!(matches!(
            after,
            DeltaOutcome::Stale(StaleReason::Gap { .. })
        ));
    }
}

#[test]
fn the_first_delta_obeys_each_venue_s_splice_rule() {
    let spot = |first, last| {
        let mut book = Book::live(SequenceRule::SpotNext, 10, &[(99, 1)], &[(101, 1)]);
        book.delta((first, last, None), &[], &[])
    };
    assert_eq!(spot(5, 10), DeltaOutcome::Old);
    assert_eq!(spot(5, 11), DeltaOutcome::Applied);
    assert_eq!(spot(11, 11), DeltaOutcome::Applied);
    assert!(matches!(
        spot(12, 13),
        DeltaOutcome::Stale(StaleReason::Gap {
            expected: 11,
            got: 12
        })
    ));

    let futures = |first, last, previous| {
        let mut book = Book::live(SequenceRule::FuturesPrev, 10, &[(99, 1)], &[(101, 1)]);
        book.delta((first, last, Some(previous)), &[], &[])
    };
    assert_eq!(futures(5, 9, 4), DeltaOutcome::Old);
    assert_eq!(futures(5, 10, 4), DeltaOutcome::Applied);
    assert_eq!(futures(10, 15, 9), DeltaOutcome::Applied);
    assert_eq!(futures(12, 15, 10), DeltaOutcome::Applied);
    assert!(matches!(
        futures(12, 15, 11),
        DeltaOutcome::Stale(StaleReason::Gap { .. })
    ));
}

#[test]
fn f082_a_snapshot_replaces_every_level() {
    let mut book = Book::live(SequenceRule::SpotNext, 10, &[(99, 1), (98, 1)], &[(101, 1)]);
    book.0.invalidate(StaleReason::Disconnected);
    assert_eq!(
        book.snapshot(50, &[(90, 4)], &[(91, 5), (92, 6)]),
        BookState::Live
    );
    assert_eq!(pairs(book.0.bids()), [(90, 4)]);
    assert_eq!(pairs(book.0.asks()), [(91, 5), (92, 6)]);
}

#[test]
fn f083_a_crossed_book_is_flagged_and_stale_after_its_grace() {
    let mut book = Book(OrderBook::new(SequenceRule::SpotNext, 1));
    book.snapshot(10, &[(99, 1)], &[(101, 1)]);
    assert_eq!(
        book.delta((11, 11, None), &[(101, 1)], &[]),
        DeltaOutcome::Applied
    );
    assert!(book.0.is_crossed());
    let outcome = book.delta((12, 12, None), &[], &[]);
    assert_eq!(outcome, DeltaOutcome::Stale(StaleReason::Crossed));

    let mut strict = Book::live(SequenceRule::SpotNext, 10, &[(99, 1)], &[(101, 1)]);
    let outcome = strict.delta((11, 11, None), &[(102, 1)], &[]);
    assert_eq!(outcome, DeltaOutcome::Stale(StaleReason::Crossed));
    assert_eq!(
        strict.snapshot(20, &[(99, 1)], &[(99, 1)]),
        BookState::Stale(StaleReason::Crossed)
    );
}

#[test]
fn f086_answers_deeper_than_the_snapshot_are_partial() {
    let mut book = OrderBook::new(SequenceRule::SpotNext, 0);
    let (bids, asks) = (levels(&[(99, 1), (98, 1)]), levels(&[(101, 1)]));
    let (last_update_id, venue_time) = (1, None);
    book.apply_snapshot(&Snapshot {
        last_update_id,
        bids: &bids,
        asks: &asks,
        depth_limit: 2,
        venue_time,
    });
    assert!(!book.depth(2).partial);
    assert!(book.depth(3).partial);
    // A level beyond the horizon is known, but what lies between is not.
    book.apply_delta(&delta((2, 2, None), &levels(&[(90, 1)]), &[]));
    assert_eq!(book.depth(3).bids.len(), 3);
    assert!(book.depth(3).partial);
    // Fewer levels than were asked for are all there are.
    let complete = Book::live(SequenceRule::SpotNext, 1, &[(99, 1)], &[(101, 1)]);
    assert!(!complete.0.depth(50).partial);
}

#[test]
fn f096_levels_that_make_no_sense_are_refused() {
    for bad in [(0, 1), (-5, 1), (97, -1)] {
        let mut book = Book::live(SequenceRule::SpotNext, 10, &[(99, 1)], &[(101, 1)]);
        let outcome = book.delta((11, 11, None), &[bad], &[]);
        assert_eq!(outcome, DeltaOutcome::Stale(StaleReason::Malformed));
        let state = book.snapshot(12, &[bad], &[(101, 1)]);
        assert_eq!(state, BookState::Stale(StaleReason::Malformed));
    }
    let mut book = Book(OrderBook::new(SequenceRule::SpotNext, 0));
    let state = book.snapshot(1, &[(99, 1), (99, 2)], &[]);
    assert_eq!(state, BookState::Stale(StaleReason::Malformed));
    let mut book = Book::live(SequenceRule::FuturesPrev, 10, &[(99, 1)], &[(101, 1)]);
    let outcome = book.delta((12, 11, Some(10)), &[], &[]);
    assert_eq!(outcome, DeltaOutcome::Stale(StaleReason::Malformed));
}

#[test]
fn f127_a_book_keeps_a_bounded_number_of_levels() {
    let mut book = Book::live(SequenceRule::SpotNext, 0, &[(30_000, 1)], &[]);
    for step in 0..25_u64 {
        let far: Vec<(i64, i64)> = (1..=1_000)
            .map(|offset| (1_000 * step as i64 + offset, 1))
            .collect();
        assert_eq!(
            book.delta((step + 1, step + 1, None), &far, &[]),
            DeltaOutcome::Applied
        );
    }
    assert_eq!(book.0.level_counts(), (20_000, 0));
    assert_eq!(book.0.best_bid(), Some(level((30_000, 1))));
    assert!(book.0.depth(20_001).partial);
}

fn sync_delta(sync: &mut BookSync, ids: (u64, u64, Option<u64>), bid: (i64, i64)) -> SyncOutcome {
    sync.on_delta(&delta(ids, &levels(&[bid]), &[]))
}

fn sync_snapshot(sync: &mut BookSync, id: u64) -> SyncOutcome {
    let (bids, asks) = (levels(&[(90, 1)]), levels(&[(101, 1)]));
    let (depth_limit, venue_time) = (1_000, None);
    let snapshot = Snapshot {
        last_update_id: id,
        bids: &bids,
        asks: &asks,
        depth_limit,
        venue_time,
    };
    sync.on_snapshot(&snapshot)
}

#[test]
fn f081_deltas_are_buffered_until_a_snapshot_covers_the_first() {
    let mut sync = BookSync::new(SequenceRule::SpotNext, 0);
    assert_eq!(
        sync_delta(&mut sync, (11, 12, None), (91, 1)),
        SyncOutcome::Buffered
    );
    assert_eq!(
        sync_delta(&mut sync, (13, 14, None), (92, 1)),
        SyncOutcome::Buffered
    );
    let outcome = sync_snapshot(&mut sync, 5);
    assert_eq!(
        outcome,
        SyncOutcome::NeedSnapshot(StaleReason::SnapshotTooOld)
    );
    assert_eq!(
        sync.book().state(),
        BookState::Stale(StaleReason::SnapshotTooOld)
    );
    assert_eq!(sync.buffered(), 2);
    assert_eq!(sync_snapshot(&mut sync, 12), SyncOutcome::Updated);
    assert_eq!(pairs(sync.book().bids()), [(92, 1), (90, 1)]);
    assert_eq!(
        sync_delta(&mut sync, (15, 15, None), (93, 1)),
        SyncOutcome::Updated
    );
}

#[test]
fn f080_the_delta_after_a_gap_is_kept_for_the_next_snapshot() {
    let mut sync = BookSync::new(SequenceRule::FuturesPrev, 0);
    assert_eq!(sync_snapshot(&mut sync, 10), SyncOutcome::Updated);
    assert_eq!(
        sync_delta(&mut sync, (8, 12, Some(7)), (91, 1)),
        SyncOutcome::Updated
    );
    let outcome = sync_delta(&mut sync, (20, 22, Some(19)), (92, 1));
    assert!(matches!(
        outcome,
        SyncOutcome::NeedSnapshot(StaleReason::Gap { .. })
    ));
    assert_eq!(
        sync_delta(&mut sync, (23, 25, Some(22)), (93, 1)),
        SyncOutcome::Buffered
    );
    assert_eq!(sync_snapshot(&mut sync, 21), SyncOutcome::Updated);
    assert_eq!(pairs(sync.book().bids()), [(93, 1), (92, 1), (90, 1)]);
}

#[test]
fn f103_deltas_of_an_older_connection_are_forgotten() {
    let mut sync = BookSync::new(SequenceRule::SpotNext, 0);
    sync_delta(&mut sync, (11, 12, None), (91, 1));
    sync.reset(StaleReason::Disconnected);
    assert_eq!(sync.buffered(), 0);
    assert_eq!(sync_snapshot(&mut sync, 50), SyncOutcome::Updated);
    assert_eq!(pairs(sync.book().bids()), [(90, 1)]);
}

#[test]
fn f127_the_buffer_is_bounded_and_says_so() {
    let mut sync = BookSync::new(SequenceRule::SpotNext, 0);
    for id in 1..=BUFFERED_DELTAS_MAX as u64 {
        assert_eq!(
            sync_delta(&mut sync, (id, id, None), (91, 1)),
            SyncOutcome::Buffered
        );
    }
    let id = BUFFERED_DELTAS_MAX as u64 + 1;
    let outcome = sync_delta(&mut sync, (id, id, None), (91, 1));
    assert_eq!(outcome, SyncOutcome::NeedSnapshot(StaleReason::BufferFull));
    assert_eq!(sync.buffered(), BUFFERED_DELTAS_MAX);
}

/// The book that anybody would write first.
#[derive(Default)]
struct Naive {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Naive {
    fn set(side: &mut BTreeMap<i64, i64>, changes: &[(i64, i64)]) {
        for (price, quantity) in changes {
            match quantity {
                0 => side.remove(price),
                _ => side.insert(*price, *quantity),
            };
        }
    }
}

fn changes(low: i64) -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((low..low + 40, 0_i64..4), 0..12)
}

proptest! {
    #[test]
    fn the_book_equals_the_naive_one(
        steps in prop::collection::vec((changes(1), changes(50)), 1..60),
    ) {
        let mut naive = Naive::default();
        let mut book = Book::live(SequenceRule::FuturesPrev, 1, &[], &[]);
        for (id, (bids, asks)) in (2..).zip(&steps) {
            Naive::set(&mut naive.bids, bids);
            Naive::set(&mut naive.asks, asks);
            let outcome = book.delta((id, id, Some(id - 1)), bids, asks);
            prop_assert_eq!(outcome, DeltaOutcome::Applied);
            let bids: Vec<_> = naive.bids.iter().rev().map(|(p, q)| (*p, *q)).collect();
            let asks: Vec<_> = naive.asks.iter().map(|(p, q)| (*p, *q)).collect();
            prop_assert_eq!(pairs(book.0.bids()), bids);
            prop_assert_eq!(pairs(book.0.asks()), asks);
        }
    }

    #[test]
    fn a_snapshot_is_held_in_order_whatever_its_order_was(
        side in prop::collection::btree_map(1_i64..10_000, 1_i64..9, 0..50).prop_shuffle_pairs(),
    ) {
        let book = Book::live(SequenceRule::SpotNext, 1, &side, &[]);
        let mut sorted = side.clone();
        sorted.sort_by_key(|pair| std::cmp::Reverse(pair.0));
        prop_assert_eq!(pairs(book.0.bids()), sorted);
    }

    #[test]
    fn no_sequence_of_ids_makes_the_book_panic_or_skip(
        rule in prop_oneof![Just(SequenceRule::SpotNext), Just(SequenceRule::FuturesPrev)],
        ids in prop::collection::vec((any::<u64>(), any::<u64>(), any::<Option<u64>>()), 0..20),
    ) {
        let mut book = Book::live(rule, 1_000, &[(1, 1)], &[(2, 1)]);
        for ids in ids {
            let before = book.0.last_update_id();
            if book.delta(ids, &[], &[]) == DeltaOutcome::Applied {
                prop_assert_eq!(book.0.last_update_id(), ids.1);
                prop_assert!(ids.0 <= before.saturating_add(1) || ids.2 == Some(before));
            }
        }
    }
}

/// Shuffles the pairs of a generated map.
trait ShufflePairs {
    fn prop_shuffle_pairs(self) -> BoxedStrategy<Vec<(i64, i64)>>;
}

impl<S: Strategy<Value = BTreeMap<i64, i64>> + 'static> ShufflePairs for S {
    fn prop_shuffle_pairs(self) -> BoxedStrategy<Vec<(i64, i64)>> {
        self.prop_map(|map| map.into_iter().collect::<Vec<_>>())
            .prop_shuffle()
            .boxed()
    }
}
