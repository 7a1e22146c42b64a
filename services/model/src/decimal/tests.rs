//! What decimals hold, and what they refuse.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use proptest::prelude::*;

use super::{Decimal, DecimalError, MAX_DIGITS, Rounding, scaled_from_text};

fn decimal(text: &str) -> Decimal {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn hash(value: Decimal) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn h43_text_that_is_not_a_plain_decimal_is_refused() {
    let digits = "9".repeat(10_000);
    let refused = [
        "",
        "+1",
        " 1",
        "1 ",
        "1_000",
        "1,5",
        ".5",
        "5.",
        ".",
        "-",
        "-.5",
        "--1",
        "1-",
        "NaN",
        "nan",
        "Inf",
        "-inf",
        "infinity",
        "0x10",
        "1e5",
        "1E-5",
        "1e400",
        "1e-400",
        "-0",
        "-0.0",
        "00",
        "01",
        "-01.5",
        "1.2.3",
        "\u{661}\u{662}",
        "１",
        "1\n",
        "1\0",
        "∞",
        "½",
        &digits,
        "12345678901234567890123456789",
        "0.00000000000000000000000000001",
        "1.0000000000000000000000000000",
        "79228162514264337593543950336",
    ];
    for text in refused {
        assert!(text.parse::<Decimal>().is_err(), "{text:.40} was read");
    }
}

#[test]
fn h43_extremes_that_fit_are_read_exactly() {
    for text in [
        "0",
        "-1",
        "1",
        "9007199254740993",
        "-9223372036854775808",
        "9223372036854775807",
        "9999999999999999999999999999",
        "0.0000000000000000000000000001",
        "-999999999999.9999999999999999",
    ] {
        assert_eq!(decimal(text).to_string(), text);
    }
}

#[test]
fn h43_a_refusal_says_where_and_why() {
    assert_eq!("".parse::<Decimal>(), Err(DecimalError::Empty));
    assert_eq!(
        "1,5".parse::<Decimal>(),
        Err(DecimalError::Malformed { position: 1 })
    );
    assert_eq!(
        "1e5".parse::<Decimal>(),
        Err(DecimalError::Malformed { position: 1 })
    );
    let long = "1".repeat(29);
    assert_eq!(long.parse::<Decimal>(), Err(DecimalError::TooPrecise));
    let error = "9".repeat(10_000).parse::<Decimal>();
    assert_eq!(
        error,
        Err(DecimalError::TooLong {
            length: 10_000,
            max: 64
        })
    );
}

#[test]
fn f069_exponents_of_venues_are_read_exactly_and_written_plainly() {
    for (text, plain) in [
        ("3E-06", "0.000003"),
        ("9.7504E-4", "0.00097504"),
        ("1e2", "100"),
        ("1E+2", "100"),
        ("-1.50e0", "-1.5"),
        ("0e999", "0"),
        ("-0.00000000", "0"),
        ("007.50", "7.5"),
        ("1.0000000000000000000000000000000000", "1"),
        ("1e27", "1000000000000000000000000000"),
    ] {
        let read = Decimal::parse_venue(text);
        assert_eq!(
            read.map(|value| value.to_string()),
            Ok(plain.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn h055_numbers_of_a_hostile_venue_are_refused_without_a_panic() {
    for text in [
        "1e30",
        "4000000000000001e23",
        "1e28",
        "1e-30",
        "1e99999999999999999999",
        "-1e400",
        "NaN",
        "1e",
        "1e+",
        "e5",
        "1e5.5",
        "",
        "-",
        "1.",
        ".1",
        "+1",
        "1 ",
        "null",
    ] {
        assert!(Decimal::parse_venue(text).is_err(), "{text} was read");
    }
}

#[test]
fn equal_numbers_are_equal_however_they_were_written() {
    let (short, long) = (decimal("1.5"), decimal("1.50"));
    assert_eq!(short, long);
    assert_eq!(hash(short), hash(long));
    assert_eq!(long.to_string(), "1.5");
    assert!(decimal("-2") < decimal("-1.99") && decimal("10") > decimal("9.99"));
    assert_eq!(-Decimal::ZERO, Decimal::ZERO);
    assert!(!(-Decimal::ZERO).is_negative());
}

#[test]
fn sums_and_products_that_would_round_are_errors() {
    let huge = decimal("9999999999999999999999999999");
    let tiny = decimal("0.0000000000000000000000000001");
    assert!(huge.checked_add(tiny).is_err());
    assert!(huge.checked_add(Decimal::ONE).is_err());
    assert!(tiny.checked_mul(decimal("0.1")).is_err());
    assert_eq!(tiny.checked_mul(decimal("10")).unwrap().scale(), 27);
    assert_eq!(huge.checked_sub(huge), Ok(Decimal::ZERO));
}

#[test]
fn h044_the_largest_times_the_largest_is_an_error_not_a_number() {
    let huge = decimal("9999999999999999999999999999");
    assert_eq!(huge.checked_mul(huge), Err(DecimalError::Overflow));
    assert_eq!(huge.checked_mul(-huge), Err(DecimalError::Overflow));
}

#[test]
fn division_is_exact_or_says_how_it_rounds() {
    let three = decimal("3");
    assert_eq!(decimal("1").div_exact(decimal("8")), Ok(decimal("0.125")));
    assert_eq!(
        decimal("9000000000000000").div_exact(three),
        Ok(decimal("3000000000000000"))
    );
    assert_eq!(decimal("0.06").div_exact(decimal("0.02")), Ok(three));
    assert!(decimal("1").div_exact(three).is_err());
    assert_eq!(
        decimal("1").div_exact(Decimal::ZERO),
        Err(DecimalError::DivisionByZero)
    );
    for (rounding, expected) in [
        (Rounding::Down, "-0.66"),
        (Rounding::Up, "-0.67"),
        (Rounding::Floor, "-0.67"),
        (Rounding::Ceiling, "-0.66"),
        (Rounding::HalfEven, "-0.67"),
    ] {
        assert_eq!(
            decimal("-2").div_round(three, 2, rounding),
            Ok(decimal(expected))
        );
    }
    assert_eq!(
        decimal("1.25").round(1, Rounding::HalfEven),
        Ok(decimal("1.2"))
    );
    assert_eq!(
        decimal("1.35").round(1, Rounding::HalfEven),
        Ok(decimal("1.4"))
    );
    assert_eq!(
        decimal("0.5").round(0, Rounding::HalfEven),
        Ok(Decimal::ZERO)
    );
    assert_eq!(
        decimal("0.51").round(0, Rounding::HalfEven),
        Ok(Decimal::ONE)
    );
}

#[test]
fn f070_scaling_is_exact_or_an_error() {
    assert_eq!(decimal("1.5").to_scaled(3), Ok(1_500));
    assert_eq!(
        decimal("1.5").to_scaled(0),
        Err(DecimalError::Inexact { scale: 0 })
    );
    assert_eq!(
        decimal("9223372036854775808").to_scaled(0),
        Err(DecimalError::Overflow)
    );
    assert_eq!(Decimal::from_scaled(-1_500_i64, 3), Ok(decimal("-1.5")));
    assert_eq!(
        Decimal::from_scaled(i128::MAX, 0),
        Err(DecimalError::Overflow)
    );
    assert_eq!(
        Decimal::from_scaled(1_i64, 29),
        Err(DecimalError::TooPrecise)
    );
    assert_eq!(
        Decimal::from_scaled(10_i64, 29),
        Ok(decimal("0.0000000000000000000000000001"))
    );
}

#[test]
fn books_read_text_straight_into_integers() {
    assert_eq!(scaled_from_text("58710.20", 1), Ok(587_102));
    assert_eq!(
        scaled_from_text("58710.21", 1),
        Err(DecimalError::Inexact { scale: 1 })
    );
    assert_eq!(scaled_from_text("0.00000", 3), Ok(0));
    assert_eq!(scaled_from_text("15", 8), Ok(1_500_000_000));
    assert_eq!(scaled_from_text("-0.5", 1), Ok(-5));
    assert_eq!(scaled_from_text("3E-06", 6), Ok(3));
    assert_eq!(scaled_from_text("9223372036854775807", 0), Ok(i64::MAX));
    for text in [
        "",
        ".",
        "5.",
        ".5",
        "1a",
        "1.a",
        "9223372036854775808",
        "１",
    ] {
        assert!(scaled_from_text(text, 2).is_err(), "{text} was read");
    }
}

#[test]
fn json_holds_decimals_as_text_only() {
    let value = decimal("0.015");
    assert_eq!(serde_json::to_string(&value).unwrap(), "\"0.015\"");
    assert_eq!(
        serde_json::from_str::<Decimal>("\"0.0150\"").unwrap(),
        value
    );
    for refused in ["0.015", "15", "null", "\"1e5\"", "\" 1\"", "[]"] {
        assert!(
            serde_json::from_str::<Decimal>(refused).is_err(),
            "{refused} was read"
        );
    }
}

fn any_decimal() -> impl Strategy<Value = Decimal> {
    let bound = 10_i128.pow(MAX_DIGITS) - 1;
    let mantissa = prop_oneof![-bound..=bound, -1_000_000_i128..=1_000_000];
    (mantissa, 0_u32..=28)
        .prop_map(|(mantissa, scale)| Decimal::from_scaled(mantissa, scale).unwrap_or_default())
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in any_decimal()) {
        let text = value.to_string();
        prop_assert!(!text.contains(['e', 'E', '+']));
        prop_assert_eq!(text.parse::<Decimal>(), Ok(value));
        prop_assert_eq!(Decimal::parse_venue(&text), Ok(value));
    }

    #[test]
    fn whatever_is_read_was_written_exactly_so(text in "-?[0-9]{1,12}(\\.[0-9]{1,12})?") {
        if let Ok(value) = text.parse::<Decimal>() {
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
            prop_assert_eq!(value.to_scaled_wide(fraction.len() as u32), Ok(digits));
        }
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,80}", scale in 0_u8..30) {
        let _ = text.parse::<Decimal>();
        let _ = Decimal::parse_venue(&text);
        let _ = scaled_from_text(&text, scale);
    }

    #[test]
    fn the_quick_reader_agrees_with_the_careful_one(
        text in "-?[0-9]{0,20}\\.?[0-9]{0,20}([eE][+-]?[0-9]{1,2})?",
        scale in 0_u8..12,
    ) {
        // A trailing zero exponent changes nothing but takes the careful way.
        let careful = if text.contains(['e', 'E']) { text.clone() } else { format!("{text}e0") };
        let careful = Decimal::parse_venue(&careful);
        prop_assert_eq!(Decimal::parse_venue(&text).ok(), careful.clone().ok());
        let careful = careful.and_then(|value| value.to_scaled(scale));
        prop_assert_eq!(scaled_from_text(&text, scale).ok(), careful.ok());
    }

    #[test]
    fn adding_and_taking_away_is_exact(left in any_decimal(), right in any_decimal()) {
        if let Ok(sum) = left.checked_add(right) {
            prop_assert_eq!(sum.checked_sub(right), Ok(left));
            prop_assert_eq!(right.checked_add(left), Ok(sum));
        }
    }

    #[test]
    fn an_exact_quotient_times_the_divisor_is_the_dividend(
        left in any_decimal(),
        right in any_decimal(),
    ) {
        if let Ok(quotient) = left.div_exact(right) {
            prop_assert_eq!(quotient.checked_mul(right), Ok(left));
        }
    }

    #[test]
    fn rounded_quotients_lie_within_one_unit(
        top in -1_000_000_000_i128..1_000_000_000,
        bottom in 1_i128..1_000_000,
        scale in 0_u32..6,
    ) {
        let (dividend, divisor) =
            (Decimal::from_scaled(top, 4).unwrap(), Decimal::from_scaled(bottom, 3).unwrap());
        let floor = dividend.div_round(divisor, scale, Rounding::Floor).unwrap();
        let ceiling = dividend.div_round(divisor, scale, Rounding::Ceiling).unwrap();
        prop_assert!(floor.checked_mul(divisor).unwrap() <= dividend);
        prop_assert!(ceiling.checked_mul(divisor).unwrap() >= dividend);
        let unit = Decimal::from_scaled(1_i64, scale).unwrap();
        prop_assert!(ceiling.checked_sub(floor).unwrap() <= unit);
        let half = dividend.div_round(divisor, scale, Rounding::HalfEven).unwrap();
        prop_assert!(half == floor || half == ceiling);
    }
}
