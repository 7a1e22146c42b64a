//! What all venues share, and what the tests of each one stand on.

pub(crate) mod answers;
pub(crate) mod recorded;
pub(crate) mod tree;

use std::collections::BTreeMap;

use chimera_model::book::Level;
use chimera_model::instrument::{ContractForm, InstrumentKind, InstrumentStatus};
use chimera_model::{Asset, ClientOrderIndex, Decimal, Instrument, Symbol, Venue, VenueSymbol};
use proptest::prelude::*;

use crate::{Aliases, ErrorClass, Evidence, InstrumentTable, RawLevels, VenueError};

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn index(value: i64) -> ClientOrderIndex {
    ClientOrderIndex::new(value).unwrap()
}

fn instrument(base: &str, quote: &str) -> Instrument {
    let asset = |text: &str| Asset::new(text).unwrap();
    Instrument {
        venue: Venue::literal("example"),
        symbol: Symbol::perpetual(&asset(base), &asset(quote)).unwrap(),
        venue_symbol: VenueSymbol::new(&format!("{base}{quote}")).unwrap(),
        kind: InstrumentKind::Perpetual,
        form: ContractForm::Linear,
        base: asset(base),
        quote: asset(quote),
        settle: asset(quote),
        tick_size: decimal("0.01"),
        lot_size: decimal("0.001"),
        price_scale: 2,
        quantity_scale: 3,
        min_quantity: decimal("0.001"),
        max_quantity: decimal("1000"),
        market_lot: None,
        min_notional: None,
        price_collar: None,
        min_price: None,
        max_price: None,
        contract_multiplier: Decimal::ONE,
        status: InstrumentStatus::Trading,
        version: 1,
    }
}

fn table(instruments: &[Instrument]) -> InstrumentTable {
    let named = BTreeMap::from([("bitcoin".to_owned(), Symbol::new("BTC-USDC-PERP").unwrap())]);
    let aliases = Aliases {
        default_quote: Asset::new("USDT").unwrap(),
        default_kind: InstrumentKind::Perpetual,
        named,
    };
    InstrumentTable::new(aliases).refreshed(instruments.iter().cloned())
}

fn levels(text: &str) -> Result<Vec<(i64, i64)>, VenueError> {
    let mut levels: Vec<Level> = Vec::new();
    RawLevels(text).read_into(&instrument("BTC", "USDT"), &mut levels)?;
    Ok(levels
        .iter()
        .map(|level| (level.price.0, level.quantity.0))
        .collect())
}

#[test]
fn an_instrument_is_found_by_each_of_its_names() {
    let table = table(&[instrument("BTC", "USDT"), instrument("BTC", "USDC")]);
    let found = |name: &str| table.resolve(name).map(|one| one.symbol.to_string());
    for name in ["BTC-USDT-PERP", "BTC", "BTCUSDT"] {
        assert_eq!(found(name).as_deref(), Some("BTC-USDT-PERP"), "{name}");
    }
    for name in ["BTC-USDC-PERP", "bitcoin", "BTCUSDC"] {
        assert_eq!(found(name).as_deref(), Some("BTC-USDC-PERP"), "{name}");
    }
    for name in [
        "",
        "btc",
        "ETH",
        "BTC-USDT",
        "BTC/USDT",
        "../BTC",
        "BTC\0",
        &"B".repeat(9_999),
    ] {
        assert_eq!(found(name), None, "{name:.20}");
    }
}

#[test]
fn f068_a_changed_rule_is_a_new_version_and_an_unchanged_one_is_not() {
    let first = table(&[instrument("BTC", "USDT"), instrument("ETH", "USDT")]);
    let mut changed = instrument("BTC", "USDT");
    changed.tick_size = decimal("0.1");
    let second = first.refreshed([changed.clone(), instrument("ETH", "USDT")]);
    assert_eq!(second.resolve("BTC").unwrap().version, 2);
    assert_eq!(second.resolve("ETH").unwrap().version, 1);
    let third = second.refreshed([changed, instrument("ETH", "USDT")]);
    assert_eq!(third.resolve("BTC").unwrap().version, 2);
}

#[test]
fn f077_an_instrument_that_is_no_longer_listed_stays_closed() {
    let first = table(&[instrument("BTC", "USDT"), instrument("ETH", "USDT")]);
    let second = first.refreshed([instrument("ETH", "USDT")]);
    let gone = second.resolve("BTCUSDT").unwrap();
    assert_eq!((&gone.status, gone.version), (&InstrumentStatus::Closed, 2));
    let third = second.refreshed([instrument("ETH", "USDT")]);
    assert_eq!(third.resolve("BTC").unwrap().version, 2);
    let back = third.refreshed([instrument("BTC", "USDT")]);
    assert_eq!((back.resolve("BTC").unwrap().version, back.len()), (3, 2));
}

#[test]
fn of_two_instruments_with_one_name_the_first_stays() {
    let mut twin = instrument("BTC", "USDT");
    twin.venue_symbol = VenueSymbol::new("OTHER").unwrap();
    let table = table(&[instrument("BTC", "USDT"), twin]);
    assert_eq!(table.len(), 1);
    assert_eq!(
        table.resolve("BTC").unwrap().venue_symbol.as_str(),
        "BTCUSDT"
    );
    assert!(table.by_venue_symbol("OTHER").is_none());
}

#[test]
fn levels_are_read_in_every_form_that_venues_write() {
    assert_eq!(levels("[]"), Ok(vec![]));
    assert_eq!(levels("[[\"1.50\",\"2\"]]"), Ok(vec![(150, 2_000)]));
    let odd = " [ [ \"1.5\" , \"0\" , \"3\" , [] , \"x]\" ] ,[2,0.5,{\"a\":[1]}]\n] ";
    assert_eq!(levels(odd), Ok(vec![(150, 0), (200, 500)]));
}

#[test]
fn f096_levels_that_make_no_sense_are_refused() {
    for text in [
        "",
        "[",
        "[[",
        "[[]]",
        "[[\"1\"]]",
        "[[\"1\",]]",
        "[[\"1\",\"2\"",
        "[[\"1\",\"2\"],]",
        "{}",
        "[[\"1\",\"2\"]] x",
        "[\"1\",\"2\"]",
        "[[\"0\",\"1\"]]",
        "[[\"-1\",\"1\"]]",
        "[[\"1\",\"-1\"]]",
        "[[\"1.001\",\"1\"]]",
        "[[\"1\",\"1.0001\"]]",
        "[[\"NaN\",\"1\"]]",
        "[[\"1e30\",\"1\"]]",
        "[[\"1\\u0030\",\"1\"]]",
        "[[null,null]]",
    ] {
        assert!(levels(text).is_err(), "{text} was read");
    }
}

#[test]
fn only_a_definitive_refusal_proves_that_nothing_happened() {
    for class in [
        ErrorClass::Unknown,
        ErrorClass::Unreadable,
        ErrorClass::WrongEcho,
        ErrorClass::Unmapped,
    ] {
        assert_eq!(class.evidence(), Evidence::Nothing, "{class}");
    }
    assert_eq!(ErrorClass::AlreadyGone.evidence(), Evidence::OrderMissing);
    assert_eq!(
        ErrorClass::DuplicateClientId.evidence(),
        Evidence::OrderExists
    );
    assert_eq!(ErrorClass::Refused.evidence(), Evidence::NoEffect);
}

proptest! {
    #[test]
    fn no_text_makes_the_level_reader_panic(text in "[\\[\\]\",0-9.eE\\\\{} -]{0,60}") {
        let _ = levels(&text);
    }

    #[test]
    fn levels_read_back_what_was_written(
        pairs in prop::collection::vec((1_i64..1_000_000, 0_i64..1_000_000), 0..30),
    ) {
        let written: Vec<String> = pairs
            .iter()
            .map(|(price, quantity)| {
                let price = Decimal::from_scaled(*price, 2).unwrap();
                let quantity = Decimal::from_scaled(*quantity, 3).unwrap();
                format!("[\"{price}\",\"{quantity}\"]")
            })
            .collect();
        prop_assert_eq!(levels(&format!("[{}]", written.join(","))), Ok(pairs));
    }
}
