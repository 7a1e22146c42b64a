//! The instruments of the simulated venue, with the real one's filters.

use rust_decimal::Decimal;

use crate::engine::{Price, Quantity};
use crate::exchange::{Bracket, Instrument, Margining, Status};

/// What differs between the instruments; prices and quantities as the venue writes them.
struct Listing {
    base: &'static str,
    price_precision: u32,
    quantity_precision: u32,
    tick: &'static str,
    min_price: &'static str,
    max_price: &'static str,
    step: &'static str,
    max_quantity: &'static str,
    max_market: &'static str,
    min_notional: i64,
    max_leverage: u32,
    start: &'static str,
}

/// Filters as recorded from the venue in August 2025 (`exchangeInfo`); SOLUSDT from its public
/// trading rules of the same year. Start prices of BTC and ETH are near those of the
/// recordings.
const LISTINGS: [Listing; 3] = [
    Listing {
        base: "BTC",
        price_precision: 2,
        quantity_precision: 3,
        tick: "0.10",
        min_price: "556.80",
        max_price: "4529764",
        step: "0.001",
        max_quantity: "1000",
        max_market: "120",
        min_notional: 100,
        max_leverage: 125,
        start: "61800.00",
    },
    Listing {
        base: "ETH",
        price_precision: 2,
        quantity_precision: 3,
        tick: "0.01",
        min_price: "39.86",
        max_price: "306177",
        step: "0.001",
        max_quantity: "10000",
        max_market: "2000",
        min_notional: 20,
        max_leverage: 125,
        start: "2680.00",
    },
    Listing {
        base: "SOL",
        price_precision: 4,
        quantity_precision: 2,
        tick: "0.0100",
        min_price: "0.4200",
        max_price: "6857",
        step: "0.01",
        max_quantity: "1000000",
        max_market: "80000",
        min_notional: 5,
        max_leverage: 100,
        // Far above its real price, so that the least quantity is worth the least notional: an order of
        // 0.01 SOL is valid here, by the venue's own rules.
        start: "620.0000",
    },
];

/// Returns the instruments, in the order in which the venue lists them.
pub fn instruments() -> Vec<Instrument> {
    LISTINGS.iter().map(instrument).collect()
}

fn instrument(listing: &Listing) -> Instrument {
    Instrument {
        symbol: format!("{}USDT", listing.base),
        base: listing.base.to_owned(),
        quote: "USDT".to_owned(),
        price_precision: listing.price_precision,
        quantity_precision: listing.quantity_precision,
        tick: price(listing.tick),
        min_price: price(listing.min_price),
        max_price: price(listing.max_price),
        step: quantity(listing.step),
        min_quantity: quantity(listing.step),
        max_quantity: quantity(listing.max_quantity),
        max_market_quantity: quantity(listing.max_market),
        min_notional: Decimal::from(listing.min_notional),
        band_up: Decimal::new(105, 2),
        band_down: Decimal::new(95, 2),
        max_open_orders: 200,
        last_band: None,
        impact: None,
        margining: Margining::Brackets(brackets(listing.max_leverage)),
        status: Status::Trading,
        start_price: price(listing.start),
    }
}

/// The leverage table's shape as the venue publishes it for its large instruments.
fn brackets(max_leverage: u32) -> Vec<Bracket> {
    let steps: [(u32, i64, i64, i64); 9] = [
        (125, 300_000, 40, 0),
        (100, 800_000, 50, 300),
        (75, 3_000_000, 65, 1_500),
        (50, 12_000_000, 100, 12_000),
        (25, 70_000_000, 200, 132_000),
        (20, 100_000_000, 250, 482_000),
        (10, 230_000_000, 500, 2_982_000),
        (5, 480_000_000, 1_000, 14_482_000),
        (2, 1_200_000_000, 1_250, 26_482_000),
    ];
    let bracket = |(leverage, cap, maintenance, deduction): (u32, i64, i64, i64)| Bracket {
        leverage: leverage.min(max_leverage),
        cap: Decimal::from(cap),
        maintenance: Decimal::new(maintenance, 4),
        deduction: Decimal::from(deduction),
    };
    steps.into_iter().map(bracket).collect()
}

/// The texts above are ours, so a text that does not parse shows as an instrument that refuses
/// every order, and the test over all filters names it.
fn price(text: &str) -> Price {
    text.parse()
        .ok()
        .and_then(Price::from_decimal)
        .unwrap_or(Price::ZERO)
}

fn quantity(text: &str) -> Quantity {
    text.parse()
        .ok()
        .and_then(Quantity::from_decimal)
        .unwrap_or(Quantity::ZERO)
}
