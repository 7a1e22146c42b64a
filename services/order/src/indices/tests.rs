use std::collections::BTreeSet;

use chimera_model::ClientOrderIndex;
use proptest::prelude::*;

use super::{GAPS_MAX, ISLANDS_MAX, Indices, JUMP_MAX};

fn index(number: u32) -> ClientOrderIndex {
    ClientOrderIndex::new(i64::from(number)).unwrap()
}

fn claimed(numbers: impl IntoIterator<Item = u32>) -> Indices {
    let mut indices = Indices::default();
    for number in numbers {
        indices.claim(index(number));
    }
    indices
}

#[test]
fn f015_what_was_claimed_is_never_fresh_again_in_whatever_order_it_was_claimed() {
    let order = [3, 1, 7, 2, 9, 8, 4];
    let mut indices = Indices::default();
    for (at, number) in order.into_iter().enumerate() {
        assert!(indices.is_fresh(index(number)), "{number} before its claim");
        indices.claim(index(number));
        for earlier in &order[..=at] {
            assert!(
                !indices.is_fresh(index(*earlier)),
                "{earlier} after {number}"
            );
        }
    }
    assert!(indices.is_fresh(index(5)) && indices.is_fresh(index(6)));
    assert_eq!(indices.next(), Some(index(10)));
}

/// An island is claimed far above the mark; when the mark passes over it, it is no gap.
#[test]
fn f015_the_mark_passes_over_an_island_and_it_stays_claimed() {
    let island = JUMP_MAX + 10;
    let mut indices = claimed([5, island]);
    assert!(!indices.is_fresh(index(island)));
    indices.claim(index(JUMP_MAX));
    indices.claim(index(island + 3));
    assert!(!indices.is_fresh(index(island)));
    assert!(indices.is_fresh(index(island + 2)));
}

#[test]
fn gaps_that_are_forgotten_may_have_been_claimed() {
    let most = u32::try_from(GAPS_MAX).unwrap();
    let mut indices = claimed([most + 100]);
    assert!(!indices.is_fresh(index(99)) && indices.is_fresh(index(100)));
    indices.claim(index(most + 111));
    assert!(!indices.is_fresh(index(109)) && indices.is_fresh(index(110)));
    assert_eq!(indices.gaps.len(), GAPS_MAX);
}

/// A caller may count from anywhere, for ever: what it claims takes no more room for that.
#[test]
fn a_caller_that_counts_far_above_the_mark_claims_one_range() {
    let from = 1_700_000_000;
    let indices = claimed(from..from + 200_000);
    assert_eq!(indices.islands.len(), 1);
    assert_eq!(indices.next(), Some(index(1)));
    assert!(indices.is_fresh(index(from + 200_000)) && indices.is_fresh(index(from - 1)));
}

/// Scattered claims take no more room than so many ranges, and none of them is forgotten.
#[test]
fn f015_claims_scattered_without_end_are_bounded_and_none_is_fresh_again() {
    let scattered = || (1..10_000_u32).map(|at| 2_000_000 + at * at * 20);
    let indices = claimed(scattered());
    assert_eq!(indices.islands.len(), ISLANDS_MAX);
    assert!(scattered().all(|number| !indices.is_fresh(index(number))));
    assert!(indices.is_fresh(index(ClientOrderIndex::MAX.get())));
}

#[test]
fn the_last_index_claimed_leaves_those_below() {
    let last = ClientOrderIndex::MAX.get();
    let indices = claimed([last, last - 1]);
    assert_eq!(indices.next(), Some(index(1)));
    assert!(!indices.is_fresh(index(last)) && indices.is_fresh(index(last - 2)));
}

proptest! {
    /// Against a set of every claim: what is claimed is not fresh, and what is given next was not
    /// claimed. While few ranges are, what is not claimed far above is fresh.
    #[test]
    fn f015_indices_agree_with_a_set_of_all_claims(
        near in prop::collection::vec(1_u32..3_000, 0..60),
        far in prop::collection::vec((0_u32..4, 0_u32..40), 0..60),
        given in prop::collection::vec(any::<bool>(), 0..60),
    ) {
        let mut indices = Indices::default();
        let mut model = BTreeSet::new();
        let mut far = far.into_iter().map(|(place, offset)| (place + 1) * (JUMP_MAX - 20) + offset);
        let mut near = near.into_iter();
        for given in given {
            let next = indices.next().unwrap();
            prop_assert!(!model.contains(&next.get()));
            let claims = if given { vec![next.get()] } else { near.next().into_iter().chain(far.next()).collect() };
            for number in claims {
                indices.claim(index(number));
                model.insert(number);
            }
            prop_assert!(model.iter().all(|number| !indices.is_fresh(index(*number))));
        }
        for place in 2..=5 {
            for number in place * (JUMP_MAX - 20)..place * (JUMP_MAX - 20) + 40 {
                let above = number > indices.mark;
                prop_assert!(!above || indices.is_fresh(index(number)) != model.contains(&number));
            }
        }
    }
}
