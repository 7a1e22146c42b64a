//! Our index as their client order id and back.

use chimera_model::ClientOrderIndex;
use chimera_model::report::OrderOrigin;
use proptest::prelude::*;

use super::{index, venue};
use crate::ClientIdPrefix;
use crate::binance_usdm::client_id::{decode, encode, origin};

fn prefix(text: &str) -> ClientIdPrefix {
    ClientIdPrefix::new(text).unwrap()
}

#[test]
fn f014_the_form_is_prefix_hyphen_index() {
    assert_eq!(venue().client_order_id(index(42)).as_str(), "c1-42");
    assert_eq!(venue().client_order_index("c1-42"), Some(index(42)));
    let longest = encode(&prefix("ABCDEFGHabcdefgh"), ClientOrderIndex::MAX);
    assert_eq!(longest.as_str(), "ABCDEFGHabcdefgh-2147483647");
    assert!(longest.as_str().len() <= 36);
}

#[test]
fn f015_ids_that_are_not_ours_have_no_index() {
    for id in [
        "",
        "c1",
        "c1-",
        "c1-0",
        "c1-007",
        "c1-+7",
        "c1--7",
        "c1-7 ",
        "c1-2147483648",
        "C1-7",
        "c12-7",
        "c-17",
        "web_3f6286480b194b07",
        "x-xcKtGhcu32184eb13585491289bbaf",
        "c1-99999999999999999999",
        "c1-７",
        "x-c1-7",
    ] {
        assert_eq!(venue().client_order_index(id), None, "{id}");
        assert_eq!(origin(&prefix("c1"), id), OrderOrigin::External, "{id}");
    }
    assert_eq!(origin(&prefix("c1"), "c1-7"), OrderOrigin::Ours);
}

#[test]
fn f055_orders_of_the_venue_itself_are_known_by_their_ids() {
    for (id, expected) in [
        ("autoclose-1596107620040000020", OrderOrigin::Liquidation),
        ("adl_autoclose", OrderOrigin::AutoDeleveraging),
        ("settlement_autoclose-1234", OrderOrigin::Settlement),
    ] {
        assert_eq!(origin(&prefix("c1"), id), expected);
    }
    for reserved in ["autoclose", "ADL", "settlement"] {
        assert!(ClientIdPrefix::new(reserved).is_err());
    }
}

#[test]
fn a_prefix_is_short_and_plain() {
    for text in ["", "a-b", "a_b", "a b", "é", "abcdefghijklmnopq", "a\n"] {
        assert!(ClientIdPrefix::new(text).is_err(), "{text:?} was taken");
    }
}

proptest! {
    #[test]
    fn f014_the_mapping_is_one_to_one(
        name in "[A-Za-z0-9]{1,16}",
        other in "[A-Za-z0-9]{1,16}",
        left in 1_i64..=2_147_483_647,
        right in 1_i64..=2_147_483_647,
    ) {
        let (Ok(name), Ok(other)) = (ClientIdPrefix::new(&name), ClientIdPrefix::new(&other)) else {
            return Ok(());
        };
        let (left, right) = (index(left), index(right));
        let id = encode(&name, left);
        prop_assert!(id.as_str().len() <= 36);
        let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte);
        prop_assert!(id.as_str().bytes().all(alphabet));
        prop_assert_eq!(decode(&name, id.as_str()), Some(left));
        prop_assert_eq!(encode(&name, right) == id, left == right);
        if name != other {
            prop_assert_eq!(decode(&other, id.as_str()), None);
        }
    }

    #[test]
    fn f015_whatever_decodes_encodes_back(id in "(c1-)?[ -~]{0,14}") {
        if let Some(index) = venue().client_order_index(&id) {
            let encoded = venue().client_order_id(index);
            prop_assert_eq!(encoded.as_str(), id.as_str());
        }
    }
}
