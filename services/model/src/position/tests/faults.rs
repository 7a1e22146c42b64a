use super::*;
use crate::position::{NOTIONAL_MAX, PRICE_MAX, QUANTITY_MAX, Refusal};

#[test]
fn h055_a_hostile_fill_is_refused_and_changes_nothing() {
    let mut position = booked(&[buy(1, "2", "100")]);
    let hostile = |quantity: &str, price: &str| Fill {
        quantity: decimal(quantity),
        price: decimal(price),
        ..buy(2, "1", "1")
    };
    for (quantity, price, field) in [
        ("0", "100", "quantity"),
        ("-1", "100", "quantity"),
        ("1", "0", "price"),
        ("1", "-100", "price"),
    ] {
        let refusal = position.book(&hostile(quantity, price)).unwrap_err();
        let value = if field == "price" { price } else { quantity };
        assert_eq!(
            refusal,
            Refusal::NotPositive {
                field,
                value: decimal(value)
            }
        );
    }
    let huge = "1000000000000000000000000000";
    for (quantity, price, field, limit) in [
        (huge, "1", "quantity", QUANTITY_MAX),
        ("1", huge, "price", PRICE_MAX),
        ("1000000000000000000", "2", "notional", NOTIONAL_MAX),
    ] {
        let refusal = position.book(&hostile(quantity, price)).unwrap_err();
        assert_eq!(refusal, Refusal::TooLarge { field, limit });
    }
    // Plentiful and worth nothing is honest.
    let mut other = perpetual();
    other
        .book(&hostile("1000000000000000000", "0.0000000001"))
        .unwrap();
    is(&position, "2", "100", "0");
}

#[test]
fn h055_a_sum_that_cannot_be_held_is_refused_whole() {
    let mut position = booked(&[buy(1, "1000000000000000000", "0.1")]);
    let before = shown(&position);
    let refusal = position
        .book(&buy(2, "0.00000000000000000001", "1"))
        .unwrap_err();
    assert!(matches!(refusal, Refusal::Number(_)), "{refusal}");
    assert_eq!(shown(&position), before);
    // The refused fill is not taken for booked.
    assert!(
        position
            .book(&buy(2, "0.00000000000000000001", "1"))
            .is_err()
    );
}

#[test]
fn f046_another_accounts_fill_is_refused() {
    let mut position = perpetual();
    let other = Account::new("other").unwrap();
    let fill = Fill {
        account: other,
        ..buy(1, "1", "100")
    };
    let foreign = PositionKey {
        account: other,
        ..*position.key()
    };
    assert_eq!(
        position.book(&fill),
        Err(Refusal::Foreign {
            fill: Box::new(foreign),
            position: Box::new(*position.key())
        })
    );
    assert!(position.restate(&fill).is_err());
    is(&position, "0", "", "0");
}

#[test]
fn f050_a_fill_of_a_hedged_position_is_refused() {
    let mut position = perpetual();
    for position_side in [PositionSide::Long, PositionSide::Short] {
        let fill = Fill {
            position_side,
            ..buy(1, "1", "100")
        };
        assert_eq!(position.book(&fill), Err(Refusal::Hedged));
    }
}
