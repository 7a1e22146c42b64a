//! Our index as their client id and back.

use chimera_model::ClientOrderIndex;
use chimera_model::report::OrderOrigin;
use proptest::prelude::*;

use super::{index, venue};
use crate::VenueAdapter;
use crate::backpack::client_id::{decode, encode, number, origin};

#[test]
fn f014_an_id_is_a_number_of_32_bits_with_the_highest_one_set() {
    assert_eq!(number(index(42)), 2_147_483_690);
    assert_eq!(venue().client_order_id(index(42)).as_str(), "2147483690");
    assert_eq!(venue().client_order_index("2147483690"), Some(index(42)));
    assert_eq!(number(index(1)), 2_147_483_649);
    assert_eq!(number(ClientOrderIndex::MAX), u32::MAX);
}

#[test]
fn f015_ids_that_are_not_ours_have_no_index() {
    for id in [
        "",
        "0",
        "7",
        "868620826",
        // The bit alone: no index is zero.
        "2147483648",
        "2147483647",
        "02147483690",
        "+2147483690",
        "2147483690 ",
        "-2147483690",
        "2147483690.0",
        "4294967296",
        "99999999999999999999",
        "c1-42",
        "２147483690",
    ] {
        assert_eq!(venue().client_order_index(id), None, "{id}");
        assert_eq!(origin(Some(id)), OrderOrigin::External, "{id}");
    }
    assert_eq!(origin(None), OrderOrigin::External);
    assert_eq!(origin(Some("2147483690")), OrderOrigin::Ours);
}

proptest! {
    #[test]
    fn f014_the_mapping_is_one_to_one(
        left in 1_i64..=2_147_483_647,
        right in 1_i64..=2_147_483_647,
    ) {
        let (left, right) = (index(left), index(right));
        let id = encode(left);
        prop_assert_eq!(id.as_str().parse::<u32>().ok(), Some(number(left)));
        prop_assert_eq!(decode(id.as_str()), Some(left));
        prop_assert_eq!(encode(right) == id, left == right);
    }

    #[test]
    fn f015_whatever_decodes_encodes_back(id in prop_oneof![
        any::<u32>().prop_map(|number| number.to_string()),
        "[ -~]{0,14}",
        "[+0-9]{1,12}",
    ]) {
        if let Some(index) = venue().client_order_index(&id) {
            let encoded = venue().client_order_id(index);
            prop_assert_eq!(encoded.as_str(), id.as_str());
        }
    }

    #[test]
    fn f015_every_number_is_ours_or_a_strangers(number in any::<u32>()) {
        let ours = number > 1 << 31;
        prop_assert_eq!(decode(&number.to_string()).is_some(), ours);
    }
}
