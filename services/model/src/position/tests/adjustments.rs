use super::*;
use crate::position::{Adjustment, Refusal};

fn opening(quantity: &str, average: Option<&str>, second: u64) -> Adjustment {
    Adjustment::Opening {
        quantity: decimal(quantity),
        average_price: average.map(decimal),
        as_of: at(second),
    }
}

fn movement(reference: &str, quantity: &str, price: &str) -> Adjustment {
    Adjustment::Movement {
        reference: reference.to_owned(),
        quantity: decimal(quantity),
        price: decimal(price),
    }
}

#[test]
fn f048_a_missed_opening_takes_the_venues_word() {
    // The fills that are known say short one; the venue says long four, entered at 95.
    let mut position = booked(&[sell(1, "1", "100")]);
    position.adjust(&opening("4", Some("95"), 10)).unwrap();
    assert!(position.is_inferred());
    is(&position, "4", "95", "0");
    position.book(&sell(11, "4", "100")).unwrap();
    is(&position, "0", "", "20");
    assert!(
        !position.is_inferred(),
        "what is flat rests on nobody's word"
    );
    position.book(&buy(12, "1", "90")).unwrap();
    assert!(!position.is_inferred());
}

#[test]
fn f048_a_late_fill_from_before_the_statement_is_part_of_it() {
    let mut position = perpetual();
    position.adjust(&opening("4", Some("95"), 10)).unwrap();
    let late = with_fee(buy(9, "2", "96"), "0.1", "USDT");
    assert_eq!(position.book(&late), Ok(Outcome::Absorbed));
    assert_eq!(position.book(&late), Ok(Outcome::Duplicate));
    is(&position, "4", "95", "0");
    assert_eq!(
        position.fees()[&Asset::new("USDT").unwrap()],
        decimal("0.1")
    );
    // One from after it is not.
    position.book(&buy(11, "1", "100")).unwrap();
    is(&position, "5", "96", "0");
}

#[test]
fn f048_an_old_statement_undoes_no_newer_fill() {
    let mut position = booked(&[buy(11, "1", "100")]);
    let old = opening("4", Some("95"), 10);
    assert!(matches!(
        position.adjust(&old),
        Err(Refusal::Outdated { .. })
    ));
    is(&position, "1", "100", "0");
}

#[test]
fn f048_without_an_entry_price_the_average_of_the_fills_stands() {
    let mut position = booked(&[buy(1, "1", "100")]);
    position.adjust(&opening("4", None, 10)).unwrap();
    is(&position, "4", "100", "0");
}

#[test]
fn f124_the_same_adjustment_has_the_same_id_and_counts_once() {
    let mut position = perpetual();
    let stated = opening("4", Some("95"), 10);
    assert_eq!(
        stated.id(position.key()),
        opening("4", Some("95"), 10).id(position.key())
    );
    assert_ne!(
        stated.id(position.key()),
        opening("4", Some("95"), 11).id(position.key())
    );
    assert_ne!(stated.id(position.key()), stated.id(spot().key()));
    position.adjust(&stated).unwrap();
    position.book(&buy(11, "1", "100")).unwrap();
    assert_eq!(position.adjust(&stated), Ok(Outcome::Duplicate));
    is(&position, "5", "96", "0");
}

#[test]
fn f045_a_movement_moves_the_quantity_and_makes_no_profit() {
    let mut position = booked(&[buy(1, "2", "100")]);
    position.adjust(&movement("deposit-1", "2", "110")).unwrap();
    is(&position, "4", "105", "0");
    position
        .adjust(&movement("withdrawal-1", "-1", "300"))
        .unwrap();
    is(&position, "3", "105", "0");
    assert_eq!(
        position.adjust(&movement("deposit-1", "2", "110")),
        Ok(Outcome::Duplicate)
    );
    position.book(&sell(2, "3", "106")).unwrap();
    is(&position, "0", "", "3");
}

#[test]
fn h055_a_hostile_adjustment_is_refused() {
    let mut position = booked(&[buy(1, "2", "100")]);
    for hostile in [
        movement("m", "0", "100"),
        movement("m", "1", "0"),
        movement("m", "1", "-5"),
        movement("m", "10000000000000000000", "1"),
        opening("10000000000000000000", None, 10),
        opening("1", Some("0"), 10),
    ] {
        assert!(position.adjust(&hostile).is_err(), "{hostile:?}");
    }
    is(&position, "2", "100", "0");
}
