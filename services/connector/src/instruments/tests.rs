use chimera_model::instrument::{InstrumentKind, InstrumentStatus};
use chimera_model::{Asset, Decimal, VenueSymbol};
use chimera_venue::Aliases;

use super::*;
use crate::scale::tests::instrument;

const EPOCH: u64 = 1_000;

fn named(symbol: &str, venue_symbol: &str) -> Instrument {
    Instrument {
        symbol: Symbol::new(symbol).unwrap(),
        venue_symbol: VenueSymbol::new(venue_symbol).unwrap(),
        ..instrument("0.01", "0.1")
    }
}

pub(crate) fn empty() -> Instruments {
    let aliases = Aliases {
        default_quote: Asset::new("USDT").unwrap(),
        default_kind: InstrumentKind::Perpetual,
        named: Default::default(),
    };
    Instruments::new(InstrumentTable::new(aliases), EPOCH)
}

fn both() -> Vec<Instrument> {
    vec![
        named("SOL-USDT-PERP", "SOLUSDT"),
        named("BTC-USDT-PERP", "BTCUSDT"),
    ]
}

fn finer(mut instrument: Instrument) -> Instrument {
    instrument.tick_size = "0.001".parse().unwrap();
    instrument.price_scale = 3;
    instrument
}

#[test]
fn an_instrument_is_found_by_symbol_venue_symbol_and_alias() {
    let (instruments, _) = empty().merged(both(), &[]);
    for name in ["SOL-USDT-PERP", "SOLUSDT", "SOL"] {
        assert_eq!(
            instruments.find(name).unwrap().symbol.as_str(),
            "SOL-USDT-PERP",
            "{name}"
        );
    }
    for name in ["", "sol", "ETH", "SOL-USDT", "../SOL", "SOL\n"] {
        assert!(instruments.find(name).is_none(), "{name:?}");
    }
}

#[test]
fn f068_a_version_rises_only_when_a_rule_changed_and_the_old_one_is_kept() {
    let (first, merged) = empty().merged(both(), &[]);
    assert_eq!(
        merged,
        Merged {
            added: 2,
            ..Merged::default()
        }
    );
    let (second, merged) = first.merged(both(), &[]);
    assert_eq!(merged, Merged::default());

    let list = vec![
        finer(named("SOL-USDT-PERP", "SOLUSDT")),
        named("BTC-USDT-PERP", "BTCUSDT"),
    ];
    let (third, merged) = second.merged(list, &[]);
    assert_eq!(
        merged,
        Merged {
            changed: 1,
            ..Merged::default()
        }
    );
    let version = |of: &Instruments, name| of.version(of.find(name).unwrap());
    assert_eq!(version(&third, "SOL"), version(&second, "SOL") + 1);
    assert_eq!(version(&third, "BTC"), version(&second, "BTC"));
    let ticks: Vec<String> = third
        .versions(Symbol::new("SOL-USDT-PERP").unwrap())
        .map(|known| known.tick_size.to_string())
        .collect();
    assert_eq!(ticks, ["0.001", "0.01"]);
}

#[test]
fn f068_a_version_of_one_process_is_never_one_of_the_process_before() {
    let (instruments, _) = empty().merged(both(), &[]);
    assert!(instruments.version(instruments.find("SOL").unwrap()) > EPOCH);
}

#[test]
fn f077_what_is_no_longer_listed_is_closed_and_not_forgotten() {
    let (first, _) = empty().merged(both(), &[]);
    let (second, merged) = first.merged(vec![named("SOL-USDT-PERP", "SOLUSDT")], &[]);
    assert_eq!(
        merged,
        Merged {
            changed: 1,
            ..Merged::default()
        }
    );
    assert_eq!(
        second.find("BTCUSDT").unwrap().status,
        InstrumentStatus::Closed
    );
    assert!(second.find("SOL").unwrap().is_tradable());
}

#[test]
fn a_definition_without_sense_is_refused_and_the_old_one_stays() {
    let (first, _) = empty().merged(both(), &[]);
    let mut sol = named("SOL-USDT-PERP", "SOLUSDT");
    sol.tick_size = Decimal::ZERO;
    let (second, merged) = first.merged(vec![sol, named("BTC-USDT-PERP", "BTCUSDT")], &[]);
    assert_eq!(
        merged,
        Merged {
            refused: 1,
            ..Merged::default()
        }
    );
    let sol = second.find("SOL").unwrap();
    assert_eq!(sol.tick_size.to_string(), "0.01");
    assert!(sol.is_tradable());
}

#[test]
fn f076_what_traded_and_does_not_is_an_interruption_until_it_trades_again_or_is_closed() {
    let with = |status: InstrumentStatus| {
        let sol = Instrument {
            status,
            ..named("SOL-USDT-PERP", "SOLUSDT")
        };
        vec![sol, named("BTC-USDT-PERP", "BTCUSDT")]
    };
    let never = empty().merged(with(InstrumentStatus::Halted), &[]).0;
    assert!(!never.is_interrupted(), "it never traded here");
    let first = empty().merged(both(), &[]).0;
    assert!(!first.is_interrupted());
    for status in [
        InstrumentStatus::Halted,
        InstrumentStatus::CancelOnly,
        InstrumentStatus::Unknown("BREAK".to_owned()),
    ] {
        let halted = first.merged(with(status), &[]).0;
        assert!(halted.is_interrupted());
        assert!(!halted.merged(both(), &[]).0.is_interrupted());
    }
    let gone = first.merged(with(InstrumentStatus::Closed), &[]).0;
    assert!(!gone.is_interrupted());
}
