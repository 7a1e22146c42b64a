//! Shared by the tests: fills in few words.

use super::{Outcome, Position, PositionKey, Valuation};
use crate::account::PositionSide;
use crate::decimal::Decimal;
use crate::ids::{Account, Asset, Symbol, TradeId, UnixNanos, Venue, VenueOrderId};
use crate::order::FillKey;
use crate::report::{Fee, Fill, FillKind, ReportSource};
use crate::words::Side;

mod adjustments;
mod bookings;
mod faults;
mod properties;
mod values;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn key(symbol: &str) -> PositionKey {
    PositionKey {
        account: Account::new("main").unwrap(),
        venue: Venue::new("binance-usdm").unwrap(),
        symbol: Symbol::new(symbol).unwrap(),
    }
}

fn perpetual() -> Position {
    Position::new(key("SOL-USDT-PERP")).unwrap()
}

fn spot() -> Position {
    Position::new(key("SOL-USDT")).unwrap()
}

/// A fill of its own order, both numbered.
fn fill_of(position: &Position, number: u64, side: Side, quantity: &str, price: &str) -> Fill {
    let key = position.key();
    Fill {
        venue: key.venue,
        account: key.account,
        symbol: key.symbol,
        trade_id: TradeId::new(&number.to_string()).unwrap(),
        venue_order_id: VenueOrderId::new(&format!("order-{number}")).unwrap(),
        client_order_id: None,
        client_order_index: None,
        side,
        position_side: PositionSide::Net,
        price: decimal(price),
        quantity: decimal(quantity),
        fee: None,
        liquidity: None,
        realized_pnl: None,
        venue_time: at(number),
        kind: FillKind::Trade,
        source: ReportSource::Stream,
    }
}

fn buy(number: u64, quantity: &str, price: &str) -> Fill {
    fill_of(&perpetual(), number, Side::Buy, quantity, price)
}

fn sell(number: u64, quantity: &str, price: &str) -> Fill {
    fill_of(&perpetual(), number, Side::Sell, quantity, price)
}

fn with_fee(fill: Fill, amount: &str, asset: &str) -> Fill {
    let fee = Fee {
        asset: Asset::new(asset).unwrap(),
        amount: decimal(amount),
    };
    Fill {
        fee: Some(fee),
        ..fill
    }
}

/// So many seconds into a day of 2024.
fn at(second: u64) -> UnixNanos {
    UnixNanos::from_nanos((1_723_075_200 + second) * 1_000_000_000)
}

fn name(fill: &Fill) -> FillKey {
    FillKey {
        trade_id: fill.trade_id.clone(),
        venue_order_id: fill.venue_order_id.clone(),
        side: fill.side,
    }
}

fn booked(fills: &[Fill]) -> Position {
    let mut position = perpetual();
    for fill in fills {
        assert!(matches!(position.book(fill).unwrap(), Outcome::Booked(_)));
    }
    position
}

fn valued(position: &Position, mark: &str) -> Valuation {
    position.valuation(Some(decimal(mark))).unwrap()
}

/// Quantity, average and realised profit, as they are shown.
fn shown(position: &Position) -> (String, String, String) {
    let value = position.valuation(None).unwrap();
    let average = value
        .average_price
        .map(|price| price.to_string())
        .unwrap_or_default();
    (
        position.quantity().to_string(),
        average,
        value.realized_pnl.to_string(),
    )
}

fn is(position: &Position, quantity: &str, average: &str, realized: &str) {
    assert_eq!(
        shown(position),
        (quantity.to_owned(), average.to_owned(), realized.to_owned())
    );
}
