use super::*;
use crate::position::{BOOKINGS_KEPT, Refusal};

#[test]
fn f034_a_fill_is_booked_once_however_often_it_is_told() {
    let mut position = booked(&[buy(1, "1", "100"), sell(2, "0.4", "110")]);
    for fill in [
        buy(1, "1", "100"),
        sell(2, "0.4", "110"),
        buy(1, "1", "100"),
    ] {
        assert_eq!(position.book(&fill), Ok(Outcome::Duplicate));
    }
    is(&position, "0.6", "100", "4");
}

/// One taker against two of our orders, and both sides of one trade: four fills, one trade id.
#[test]
fn f036_distinct_fills_may_share_a_trade_id() {
    let mut position = perpetual();
    for (side, order) in [
        (Side::Buy, "a"),
        (Side::Buy, "b"),
        (Side::Sell, "a"),
        (Side::Sell, "c"),
    ] {
        let fill = Fill {
            venue_order_id: VenueOrderId::new(order).unwrap(),
            ..fill_of(&position, 7, side, "1", "100")
        };
        assert!(matches!(position.book(&fill), Ok(Outcome::Booked(_))));
        assert_eq!(position.book(&fill), Ok(Outcome::Duplicate));
    }
    is(&position, "0", "", "0");
}

/// The stream says a fill without its fee, the query with it.
#[test]
fn f035_a_second_word_completes_the_first() {
    let mut position = booked(&[buy(1, "1", "100")]);
    let complete = with_fee(buy(1, "1", "100"), "0.05", "USDT");
    assert_eq!(position.book(&complete), Ok(Outcome::Completed));
    assert_eq!(position.book(&complete), Ok(Outcome::Duplicate));
    assert_eq!(position.book(&buy(1, "1", "100")), Ok(Outcome::Duplicate));
    assert_eq!(
        position.fees()[&Asset::new("USDT").unwrap()],
        decimal("0.05")
    );
    is(&position, "1", "100", "0");
}

#[test]
fn f047_a_fill_told_again_with_another_price_is_a_contradiction() {
    let mut position = booked(&[buy(1, "1", "100")]);
    for (fill, field) in [
        (buy(1, "1", "101"), "price"),
        (buy(1, "2", "100"), "quantity"),
    ] {
        let refusal = Refusal::Conflicting {
            key: name(&fill),
            field,
        };
        assert_eq!(position.book(&fill), Err(refusal));
    }
    is(&position, "1", "100", "0");
}

#[test]
fn f047_a_voided_fill_is_as_if_it_had_not_been() {
    let fills = [buy(1, "1", "10"), buy(2, "1", "20"), sell(3, "1", "18")];
    let mut position = booked(&fills);
    is(&position, "1", "15", "3");

    assert_eq!(position.void(&name(&fills[1])), Ok(Outcome::Replaced));

    is(&position, "0", "", "8");
    assert_eq!(
        shown(&position),
        shown(&booked(&[fills[0].clone(), fills[2].clone()]))
    );
    // A replay of what was voided is known.
    assert_eq!(position.book(&fills[1]), Ok(Outcome::Duplicate));
    assert_eq!(position.void(&name(&fills[1])), Ok(Outcome::Duplicate));
    let unknown = name(&buy(9, "1", "1"));
    assert_eq!(
        position.void(&unknown),
        Err(Refusal::NotKept { key: unknown })
    );
}

#[test]
fn f047_a_corrected_fill_stands_in_the_place_of_the_first() {
    let fills = [buy(1, "1", "10"), buy(2, "1", "20"), sell(3, "1", "18")];
    let mut position = booked(&fills);
    // The venue gives it another trade id, too.
    let corrected = Fill {
        trade_id: TradeId::new("2b").unwrap(),
        ..buy(2, "3", "12")
    };
    assert_eq!(
        position.correct(&name(&fills[1]), &corrected),
        Ok(Outcome::Replaced)
    );
    is(&position, "3", "11.5", "6.5");
    assert_eq!(position.book(&fills[1]), Ok(Outcome::Duplicate));
    assert_eq!(position.book(&corrected), Ok(Outcome::Duplicate));
    // And once more, under the same id.
    let again = Fill {
        price: decimal("20"),
        ..corrected.clone()
    };
    assert_eq!(
        position.correct(&name(&corrected), &again),
        Ok(Outcome::Replaced)
    );
    is(&position, "3", "17.5", "0.5");
    assert_eq!(position.book(&again), Ok(Outcome::Duplicate));
}

#[test]
fn f038_an_inferred_fill_is_replaced_and_never_added_to() {
    let inferred = |quantity: &str, price: &str| Fill {
        trade_id: TradeId::new("inferred").unwrap(),
        quantity: decimal(quantity),
        ..buy(1, "1", price)
    };
    let mut position = booked(&[buy(1, "1", "100")]);
    assert!(matches!(
        position.restate(&inferred("4", "101")),
        Ok(Outcome::Booked(_))
    ));
    is(&position, "5", "100.8", "0");
    assert_eq!(
        position.restate(&inferred("4", "101")),
        Ok(Outcome::Duplicate)
    );
    // The venue names one of the trades; the rest stays inferred.
    position.book(&buy(2, "3", "102")).unwrap();
    assert_eq!(
        position.restate(&inferred("1", "101")),
        Ok(Outcome::Replaced)
    );
    is(&position, "5", "101.4", "0");
    // It names the other one.
    position.book(&buy(3, "1", "103")).unwrap();
    assert_eq!(
        position.restate(&inferred("0", "101")),
        Ok(Outcome::Replaced)
    );
    let named = booked(&[buy(1, "1", "100"), buy(2, "3", "102"), buy(3, "1", "103")]);
    assert_eq!(shown(&position), shown(&named));
    assert_eq!(
        position.restate(&inferred("0", "101")),
        Ok(Outcome::Duplicate)
    );
    // A real fill is not restated, nor an inferred one booked as real.
    assert!(matches!(
        position.restate(&buy(2, "1", "1")),
        Err(Refusal::Conflicting { .. })
    ));
    assert!(matches!(
        position.book(&inferred("2", "101")),
        Err(Refusal::Conflicting { field: "kind", .. })
    ));
}

#[test]
fn f127_bookings_are_summed_up_past_a_bound() {
    let mut position = perpetual();
    let inferred = Fill {
        trade_id: TradeId::new("inferred").unwrap(),
        ..buy(1, "1", "100")
    };
    position.restate(&inferred).unwrap();
    let last = BOOKINGS_KEPT as u64 + 10;
    for number in 2..=last {
        position.book(&buy(number, "1", "100")).unwrap();
    }
    assert_eq!(
        position.quantity(),
        Decimal::from(i64::try_from(last).unwrap())
    );
    // What is kept can be taken back, what is summed up cannot, and nothing is guessed.
    assert_eq!(
        position.void(&name(&buy(last, "1", "100"))),
        Ok(Outcome::Replaced)
    );
    assert_eq!(
        position.quantity(),
        Decimal::from(i64::try_from(last - 1).unwrap())
    );
    let first = name(&buy(2, "1", "100"));
    assert_eq!(position.void(&first), Err(Refusal::NotKept { key: first }));
    let taken_back = Fill {
        quantity: Decimal::ZERO,
        ..inferred.clone()
    };
    assert_eq!(
        position.restate(&taken_back),
        Err(Refusal::NotKept {
            key: name(&inferred)
        })
    );
    is(&position, &(last - 1).to_string(), "100", "0");
}
