//! Which prices and quantities an instrument takes.

use proptest::prelude::*;

use super::*;
use crate::decimal::Decimal;
use crate::ids::{Asset, Symbol, Venue, VenueSymbol};
use crate::words::{OrderType, Side};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn instrument(tick_size: &str, lot_size: &str) -> Instrument {
    let (tick_size, lot_size) = (decimal(tick_size), decimal(lot_size));
    Instrument {
        venue: Venue::literal("example"),
        symbol: Symbol::new("SOL-USDT-PERP").unwrap(),
        venue_symbol: VenueSymbol::new("SOLUSDT").unwrap(),
        kind: InstrumentKind::Perpetual,
        form: ContractForm::Linear,
        base: Asset::new("SOL").unwrap(),
        quote: Asset::new("USDT").unwrap(),
        settle: Asset::new("USDT").unwrap(),
        tick_size,
        lot_size,
        price_scale: tick_size.scale() as u8,
        quantity_scale: lot_size.scale() as u8,
        min_quantity: lot_size,
        max_quantity: decimal("1000"),
        market_lot: None,
        min_notional: Some(decimal("5")),
        price_collar: Some(PriceCollar {
            multiplier_up: decimal("1.05"),
            multiplier_down: decimal("0.95"),
        }),
        min_price: Some(decimal("1")),
        max_price: Some(decimal("100000")),
        contract_multiplier: Decimal::ONE,
        status: InstrumentStatus::Trading,
        version: 1,
    }
}

fn nearest(below: &str, above: &str) -> Nearest {
    let value = |text: &str| (!text.is_empty()).then(|| decimal(text));
    Nearest {
        below: value(below),
        above: value(above),
    }
}

#[test]
fn f066_a_price_off_the_tick_is_refused_with_its_neighbours() {
    let violation = instrument("0.01", "0.1")
        .price_ticks(decimal("20.005"))
        .unwrap_err();
    assert_eq!((violation.field, violation.rule), ("price", Rule::TickSize));
    assert_eq!(violation.limit, decimal("0.01"));
    assert_eq!(violation.nearest, nearest("20", "20.01"));
    let text = "price 20.005 breaks TICK_SIZE 0.01; nearest are 20 and 20.01";
    assert_eq!(violation.to_string(), text);
}

#[test]
fn f066_a_quantity_off_the_lot_is_refused_with_its_neighbours() {
    let quantity = |text| instrument("0.01", "0.1").quantity_lots(decimal(text), OrderType::Limit);
    let violation = quantity("0.25").unwrap_err();
    assert_eq!(
        (violation.field, violation.rule),
        ("quantity", Rule::LotSize)
    );
    assert_eq!(violation.nearest, nearest("0.2", "0.3"));
    assert_eq!(quantity("0.3"), Ok(QuantityLots(3)));
    let violation = quantity("0.01").unwrap_err();
    assert_eq!(
        (violation.rule, violation.nearest),
        (Rule::MinQuantity, nearest("", "0.1"))
    );
    let violation = quantity("1000.05").unwrap_err();
    assert_eq!(
        (violation.rule, violation.nearest),
        (Rule::MaxQuantity, nearest("1000", ""))
    );
    assert_eq!(quantity("0").unwrap_err().rule, Rule::Positive);
    assert_eq!(quantity("-1").unwrap_err().nearest, nearest("", "0.1"));
}

#[test]
fn f067_a_tick_is_a_number_and_not_a_count_of_digits() {
    let half = instrument("0.0005", "1");
    assert_eq!(half.price_ticks(decimal("1.0005")), Ok(PriceTicks(2_001)));
    assert_eq!(
        half.price_ticks(decimal("1.0003")).unwrap_err().nearest,
        nearest("1", "1.0005")
    );
    let five = instrument("5", "1");
    assert_eq!(five.price_ticks(decimal("100")), Ok(PriceTicks(20)));
    assert_eq!(
        five.price_ticks(decimal("102")).unwrap_err().nearest,
        nearest("100", "105")
    );
    assert_eq!(five.price(PriceTicks(21)), Ok(decimal("105")));
}

#[test]
fn bounds_that_are_off_the_grid_are_moved_inwards() {
    let mut bounded = instrument("0.5", "1");
    bounded.min_price = Some(decimal("556.8"));
    bounded.max_price = Some(decimal("1000.2"));
    let violation = bounded.price_ticks(decimal("1")).unwrap_err();
    assert_eq!(
        (violation.rule, violation.nearest),
        (Rule::MinPrice, nearest("", "557"))
    );
    let violation = bounded
        .price_ticks(decimal("99999999999999999999999"))
        .unwrap_err();
    assert_eq!(
        (violation.rule, violation.nearest),
        (Rule::MaxPrice, nearest("1000", ""))
    );
    bounded.max_price = Some(Decimal::ZERO);
    assert_eq!(bounded.price_ticks(decimal("2000")), Ok(PriceTicks(4_000)));
    let huge = bounded
        .price_ticks(decimal("9999999999999999999999999999"))
        .unwrap_err();
    assert_eq!(huge.rule, Rule::Range);
}

#[test]
fn market_orders_keep_their_own_limits_but_count_the_same_lots() {
    let mut both = instrument("0.01", "0.1");
    both.market_lot = Some(MarketLot {
        lot_size: decimal("0.5"),
        min_quantity: decimal("0.5"),
        max_quantity: decimal("10"),
    });
    both.check().unwrap();
    assert_eq!(
        both.quantity_lots(decimal("1.5"), OrderType::Market),
        Ok(QuantityLots(15))
    );
    let violation = both
        .quantity_lots(decimal("1.2"), OrderType::Market)
        .unwrap_err();
    assert_eq!(
        (violation.rule, violation.nearest),
        (Rule::LotSize, nearest("1", "1.5"))
    );
    assert!(
        both.quantity_lots(decimal("11"), OrderType::Market)
            .is_err()
    );
    assert!(both.quantity_lots(decimal("11"), OrderType::Limit).is_ok());
    assert_eq!(both.least_quantity(OrderType::Market), Some(decimal("0.5")));
    both.market_lot = both.market_lot.map(|lot| MarketLot {
        lot_size: decimal("0.25"),
        ..lot
    });
    assert!(both.check().is_err());
}

#[test]
fn f052_a_size_that_may_only_shrink_is_rounded_down() {
    let sol = instrument("0.01", "0.1");
    assert_eq!(
        sol.quantity_at_most(decimal("0.29"), OrderType::Limit),
        Some(decimal("0.2"))
    );
    assert_eq!(
        sol.quantity_at_most(decimal("0.05"), OrderType::Limit),
        None
    );
    assert_eq!(
        sol.quantity_at_most(decimal("5000"), OrderType::Limit),
        Some(decimal("1000"))
    );
    assert_eq!(
        sol.price_not_beyond(decimal("20.005"), Side::Buy),
        Some(decimal("20"))
    );
    assert_eq!(
        sol.price_not_beyond(decimal("20.005"), Side::Sell),
        Some(decimal("20.01"))
    );
}

#[test]
fn f058_a_notional_that_cannot_be_held_is_an_error() {
    let sol = instrument("0.01", "0.1");
    assert_eq!(
        sol.notional(PriceTicks(2_000), QuantityLots(15)),
        Ok(decimal("30"))
    );
    assert!(
        sol.notional(PriceTicks(i64::MAX), QuantityLots(i64::MAX))
            .is_err()
    );
    let violation = sol.check_notional(decimal("4.99"), false).unwrap_err();
    assert_eq!(
        (violation.rule, violation.nearest),
        (Rule::MinNotional, nearest("", "5"))
    );
    assert!(sol.check_notional(decimal("4.99"), true).is_ok());
}

#[test]
fn h038_a_price_beyond_the_collar_is_refused_with_the_nearest_inside() {
    let sol = instrument("0.01", "0.1");
    let check = |side, price, reference| sol.check_collar(side, decimal(price), decimal(reference));
    assert!(check(Side::Buy, "105", "100").is_ok() && check(Side::Sell, "95", "100").is_ok());
    assert!(check(Side::Buy, "1", "100").is_ok() && check(Side::Sell, "1000", "100").is_ok());
    let violation = check(Side::Buy, "110", "100.003").unwrap_err();
    assert_eq!(
        (violation.rule, violation.nearest),
        (Rule::PriceCollar, nearest("105", ""))
    );
    let violation = check(Side::Sell, "90", "100").unwrap_err();
    assert_eq!(violation.nearest, nearest("", "95"));
    assert!(check(Side::Buy, "110", "0").is_err());
}

#[test]
fn f072_a_contract_that_is_not_linear_is_refused() {
    let mut inverse = instrument("0.01", "0.1");
    inverse.form = ContractForm::Inverse;
    assert!(matches!(
        inverse.check(),
        Err(InstrumentError::Unsupported { .. })
    ));
}

#[test]
fn f096_a_definition_that_makes_no_sense_is_refused() {
    let spoil: [fn(&mut Instrument); 7] = [
        |instrument| instrument.tick_size = Decimal::ZERO,
        |instrument| instrument.lot_size = decimal("-1"),
        |instrument| instrument.contract_multiplier = Decimal::ZERO,
        |instrument| instrument.price_scale = 1,
        |instrument| instrument.quantity_scale = 29,
        |instrument| instrument.min_price = Some(decimal("-1")),
        |instrument| instrument.max_quantity = Decimal::ZERO,
    ];
    for spoil in spoil {
        let mut spoilt = instrument("0.01", "0.1");
        spoilt.check().unwrap();
        spoil(&mut spoilt);
        assert!(spoilt.check().is_err(), "{spoilt:?}");
    }
}

proptest! {
    #[test]
    fn neighbours_are_valid_and_nothing_valid_lies_between(
        tick in 1_i64..500,
        scale in 0_u32..6,
        price in 1_i64..10_000_000,
    ) {
        let tick_size = Decimal::from_scaled(tick, scale).unwrap();
        let mut subject = instrument("1", "1");
        subject.tick_size = tick_size;
        subject.price_scale = scale as u8;
        subject.min_price = None;
        subject.max_price = None;
        let price = Decimal::from_scaled(price, 5).unwrap();
        match subject.price_ticks(price) {
            Ok(ticks) => prop_assert_eq!(subject.price(ticks), Ok(price)),
            Err(violation) => {
                let Nearest { below, above } = violation.nearest;
                let above = above.unwrap();
                prop_assert!(above > price);
                let top = subject.price_ticks(above).unwrap();
                match below {
                    Some(below) => {
                        prop_assert!(below < price);
                        prop_assert_eq!(subject.price_ticks(below).unwrap().0 + 1, top.0);
                    }
                    None => prop_assert_eq!(top, PriceTicks(1)),
                }
            }
        }
    }

    #[test]
    fn no_number_makes_the_rules_panic(
        mantissa in any::<i128>(),
        scale in 0_u32..=28,
        ticks in any::<i64>(),
        lots in any::<i64>(),
    ) {
        let subject = instrument("0.0005", "0.1");
        let value = Decimal::from_scaled(mantissa % 10_i128.pow(28), scale).unwrap_or_default();
        let _ = subject.price_ticks(value);
        let _ = subject.quantity_lots(value, OrderType::Market);
        let _ = subject.check_collar(Side::Buy, value, value);
        let _ = subject.notional(PriceTicks(ticks), QuantityLots(lots));
    }
}
