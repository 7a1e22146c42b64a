use chimera_model::account::PositionSide;
use chimera_model::report::{FillKind, ReportSource};
use chimera_model::{Account, Decimal, Side, Venue, VenueOrderId};

use super::*;

fn symbol() -> Symbol {
    Symbol::new("SOL-USDT-PERP").unwrap()
}

fn fill(trade_id: &str, second: u64) -> Fill {
    Fill {
        venue: Venue::literal("example"),
        account: Account::new("main").unwrap(),
        symbol: symbol(),
        trade_id: TradeId::new(trade_id).unwrap(),
        venue_order_id: VenueOrderId::new("1").unwrap(),
        client_order_id: None,
        client_order_index: None,
        side: Side::Buy,
        position_side: PositionSide::Net,
        price: Decimal::ONE,
        quantity: Decimal::ONE,
        fee: None,
        liquidity: None,
        realized_pnl: None,
        venue_time: at(second),
        kind: FillKind::Trade,
        source: ReportSource::Stream,
    }
}

fn after(trade_id: &str, second: u64) -> FillQuery {
    FillQuery::After {
        trade: TradeId::new(trade_id).unwrap(),
        since: Some(at(second)),
    }
}

fn at(second: u64) -> UnixNanos {
    UnixNanos::from_nanos(second * 1_000_000_000)
}

#[test]
fn f039_fills_are_asked_for_from_the_last_one_known_or_from_the_loss_whichever_is_earlier() {
    let ledger = Ledger::default();
    ledger.touched(symbol());
    assert_eq!(
        ledger.missing(at(50)),
        [(symbol(), FillQuery::Since(at(50)))]
    );
    ledger.filled(&fill("7", 10));
    let after = after("7", 10);
    assert_eq!(ledger.missing(at(50)), [(symbol(), after)]);
    ledger.filled(&fill("9", 60));
    assert_eq!(
        ledger.missing(at(50)),
        [(symbol(), FillQuery::Since(at(50)))]
    );
}

#[test]
fn f040_the_last_fill_is_the_latest_by_the_venues_time() {
    let ledger = Ledger::default();
    ledger.filled(&fill("9", 20));
    ledger.filled(&fill("7", 10));
    let after = after("9", 20);
    assert_eq!(ledger.missing(at(50)), [(symbol(), after)]);
}

#[test]
fn instruments_remembered_are_bounded() {
    let ledger = Ledger::default();
    for number in 0..2 * SYMBOLS_MAX {
        ledger.touched(Symbol::new(&format!("C{number}-USDT-PERP")).unwrap());
    }
    assert_eq!(ledger.missing(at(50)).len(), SYMBOLS_MAX);
}
