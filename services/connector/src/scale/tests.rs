use chimera_model::instrument::{ContractForm, InstrumentKind, InstrumentStatus};
use chimera_model::{Asset, Symbol, Venue, VenueSymbol};

use super::*;

pub(crate) fn instrument(tick: &str, lot: &str) -> Instrument {
    let (tick_size, lot_size): (Decimal, Decimal) = (tick.parse().unwrap(), lot.parse().unwrap());
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
        max_quantity: Decimal::from(1_000_000_i64),
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

#[test]
fn ticks_count_tick_sizes_of_any_shape() {
    for (tick, price, count) in [
        ("0.05", "142.35", 2_847),
        ("5", "60005", 12_001),
        ("0.0005", "0.0105", 21),
        ("1", "7", 7),
    ] {
        let instrument = instrument(tick, "1");
        let value: Decimal = price.parse().unwrap();
        assert_eq!(ticks(&instrument, value), Ok(count));
    }
}

#[test]
fn a_number_between_two_steps_is_an_error_and_not_rounded() {
    let instrument = instrument("0.05", "0.1");
    let off = ticks(&instrument, "142.36".parse().unwrap()).unwrap_err();
    assert_eq!(off.to_string(), "142.36 is no whole number of 0.05");
    assert!(lots(&instrument, "0.15".parse().unwrap()).is_err());
}

#[test]
fn numbers_beyond_the_range_are_errors() {
    let instrument = instrument("0.00000001", "0.00000001");
    assert!(ticks(&instrument, "999999999999999".parse().unwrap()).is_err());
}
