use chimera_model::ClientOrderIndex;

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
    assert!(ISLANDS_MAX > 0 && indices.gaps.len() == GAPS_MAX);
}

#[test]
fn indices_of_an_older_snapshot_have_no_gaps() {
    let indices: Indices = serde_json::from_str(r#"{"mark":9,"islands":[]}"#).unwrap();
    assert!(!indices.is_fresh(index(4)) && indices.is_fresh(index(10)));
}
