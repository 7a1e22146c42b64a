//! What names something, and what does not.

use proptest::prelude::*;

use super::*;

#[test]
fn h045_symbols_that_could_reach_a_path_or_topic_are_refused() {
    let long = format!("{}-USDT", "A".repeat(10_000));
    for text in [
        "",
        "BTC",
        "btc-usdt",
        "BTC-usdt",
        "BTC--USDT",
        "-BTC-USDT",
        "BTC-USDT-",
        "BTC_USDT",
        "BTC/USDT",
        "../etc",
        "BTC-USDT\0",
        "BTC-USDT\n",
        "BTC-USDT\u{202e}",
        "'BTC-USDT'",
        "*",
        "ВТС-USDT",
        "BTC-USDT-PERP-X",
        "BTC USDT",
        &long,
    ] {
        assert!(Symbol::new(text).is_err(), "{text:.30} was taken");
    }
}

#[test]
fn names_of_the_house_are_taken_as_they_are() {
    for text in ["BTC-USDT", "SOL-USDC-PERP", "1000000MOG-USDT-PERP"] {
        assert_eq!(Symbol::new(text).unwrap().as_str(), text);
    }
    assert_eq!(
        Venue::new("binance-usdm").unwrap().to_string(),
        "binance-usdm"
    );
    assert_eq!(Account::new("main").unwrap().to_string(), "main");
    assert!(Venue::new("Binance").is_err() && Account::new("main account").is_err());
    let (base, quote) = (Asset::new("SOL").unwrap(), Asset::new("USDT").unwrap());
    assert_eq!(
        Symbol::perpetual(&base, &quote).unwrap().as_str(),
        "SOL-USDT-PERP"
    );
    assert_eq!(Symbol::spot(&base, &quote).unwrap().as_str(), "SOL-USDT");
}

#[test]
fn names_sort_as_their_texts_do() {
    let mut symbols: Vec<Symbol> = ["ZZ-USDT", "A-USDT", "AAA-USDT", "A-USDT-PERP"]
        .map(|text| Symbol::new(text).unwrap())
        .into();
    let mut texts: Vec<String> = symbols.iter().map(Symbol::to_string).collect();
    symbols.sort();
    texts.sort();
    assert_eq!(
        symbols.iter().map(Symbol::to_string).collect::<Vec<_>>(),
        texts
    );
}

#[test]
fn h054_texts_of_venues_hold_no_control_characters_and_are_bounded() {
    for text in ["", "a\nb", "a\r", "\u{1b}[31m", "a\0", &"x".repeat(1 << 20)] {
        assert!(VenueSymbol::new(text).is_err());
        assert!(ClientOrderId::new(text).is_err());
        assert!(VenueOrderId::new(text).is_err());
        assert!(TradeId::new(text).is_err());
    }
    assert_eq!(
        VenueSymbol::new("币安人生USDT").unwrap().as_str(),
        "币安人生USDT"
    );
}

#[test]
fn h046_an_index_is_between_one_and_two_to_the_31_less_one() {
    for value in [0, -1, i64::MIN, i64::MAX, 1 << 31] {
        assert!(ClientOrderIndex::new(value).is_err(), "{value} was taken");
    }
    assert_eq!(
        ClientOrderIndex::new((1 << 31) - 1),
        Ok(ClientOrderIndex::MAX)
    );
    assert_eq!(
        ClientOrderIndex::MIN.next().map(ClientOrderIndex::get),
        Some(2)
    );
    assert_eq!(ClientOrderIndex::MAX.next(), None);
    for text in [
        "",
        "0",
        "01",
        "+1",
        "-1",
        " 1",
        "1e3",
        "2147483648",
        "99999999999999999999",
        "１",
    ] {
        assert!(text.parse::<ClientOrderIndex>().is_err(), "{text} was read");
    }
}

#[test]
fn f079_a_time_in_the_wrong_unit_is_refused() {
    assert!(UnixNanos::from_millis(1_700_000_000_123).is_ok());
    for millis in [
        0,
        -1,
        1_700_000_000,
        1_700_000_000_123_000,
        253_402_300_800_000,
    ] {
        assert!(
            UnixNanos::from_millis(millis).is_err(),
            "{millis} was taken"
        );
    }
    assert!(UnixNanos::from_millis_any_age(123_456_789).is_ok());
    assert!(UnixNanos::from_millis_any_age(1_700_000_000_123_000).is_err());
}

#[test]
fn json_refuses_what_the_constructors_refuse() {
    assert!(serde_json::from_str::<Symbol>("\"../x\"").is_err());
    assert!(serde_json::from_str::<ClientOrderIndex>("0").is_err());
    assert!(serde_json::from_str::<ClientOrderIndex>("1.5").is_err());
    let index: ClientOrderIndex = serde_json::from_str("42").unwrap();
    assert_eq!(serde_json::to_string(&index).unwrap(), "42");
    let symbol: Symbol = serde_json::from_str("\"BTC-USDT\"").unwrap();
    assert_eq!(serde_json::to_string(&symbol).unwrap(), "\"BTC-USDT\"");
}

proptest! {
    #[test]
    fn whatever_is_taken_is_written_back(text in "\\PC{0,45}") {
        if let Ok(symbol) = Symbol::new(&text) {
            prop_assert_eq!(symbol.as_str(), text.as_str());
        }
        if let Ok(id) = ClientOrderId::new(&text) {
            prop_assert_eq!(id.as_str(), text.as_str());
        }
        if let Ok(index) = text.parse::<ClientOrderIndex>() {
            prop_assert_eq!(index.to_string(), text);
        }
    }
}
