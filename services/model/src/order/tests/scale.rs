use super::*;

#[test]
fn a_number_on_the_grid_becomes_a_count_and_back() {
    let scale = spec("1").scale;
    assert_eq!(scale.ticks(decimal("100.25")).unwrap().0, 10_025);
    assert_eq!(scale.lots(decimal("12.3")).unwrap().0, 123);
    let price = scale.price(crate::PriceTicks(10_025)).unwrap();
    assert_eq!(price, decimal("100.25"));
    let quantity = scale.quantity(crate::QuantityLots(123)).unwrap();
    assert_eq!(quantity, decimal("12.3"));
}

#[test]
fn f066_a_number_off_the_grid_is_refused_and_not_rounded() {
    let scale = spec("1").scale;
    assert!(matches!(
        scale.ticks(decimal("100.255")),
        Err(ScaleError::OffGrid { .. })
    ));
    let odd = Scale {
        tick_size: decimal("0.0005"),
        lot_size: decimal("5"),
        version: 1,
    };
    assert!(odd.ticks(decimal("1.0004")).is_err());
    assert_eq!(odd.ticks(decimal("1.0005")).unwrap().0, 2_001);
    assert_eq!(odd.lots(decimal("15")).unwrap().0, 3);
}

#[test]
fn f058_a_count_beyond_64_bits_is_an_error() {
    let fine = Scale {
        tick_size: decimal("0.0000000001"),
        lot_size: decimal("1"),
        version: 1,
    };
    assert!(matches!(
        fine.ticks(decimal("9999999999999")),
        Err(ScaleError::OutOfRange { .. })
    ));
}
