//! The instruments of the simulated venue, with the real one's filters.

use rust_decimal::Decimal;

use crate::engine::{Price, Quantity};
use crate::exchange::{Band, Instrument, Margining, RootFraction, Status};

/// What differs between the assets; prices and quantities as the venue writes them.
struct Listing {
    base: &'static str,
    price_precision: u32,
    quantity_precision: u32,
    tick: &'static str,
    step: &'static str,
    max_price: &'static str,
    start: &'static str,
    /// Ten-millionths of the root of a notional, initial and maintenance.
    factors: (i64, i64),
    collateral_weight: Decimal,
}

/// Filters as recorded from the venue (`markets`): SOL and its margin functions whole, ETH's
/// margin functions, BTC's and ETH's ticks and steps from recorded books.
const LISTINGS: [Listing; 3] = [
    Listing {
        base: "BTC",
        price_precision: 1,
        quantity_precision: 5,
        tick: "0.1",
        step: "0.00001",
        max_price: "1000000",
        start: "61800.0",
        factors: (935, 561),
        collateral_weight: Decimal::from_parts(95, 0, 0, false, 2),
    },
    Listing {
        base: "ETH",
        price_precision: 2,
        quantity_precision: 4,
        tick: "0.01",
        step: "0.0001",
        max_price: "100000",
        start: "2680.00",
        factors: (935, 561),
        collateral_weight: Decimal::from_parts(9, 0, 0, false, 1),
    },
    Listing {
        base: "SOL",
        price_precision: 2,
        quantity_precision: 2,
        tick: "0.01",
        step: "0.01",
        max_price: "1000",
        start: "155.00",
        factors: (1275, 765),
        collateral_weight: Decimal::from_parts(9, 0, 0, false, 1),
    },
];

/// Open orders that an account may have in one market.
const OPEN_ORDERS_MAX: usize = 1_000;

/// Base fractions, in ten-thousandths: fifty times leverage, and what ends it.
const INITIAL_BASE: i64 = 200;
const MAINTENANCE_BASE: i64 = 125;

/// Returns the instruments, spot first, in the order in which the venue lists them.
pub fn instruments() -> Vec<Instrument> {
    let spot = LISTINGS.iter().map(|listing| {
        let margining = Margining::Outright {
            collateral_weight: listing.collateral_weight,
        };
        instrument(listing, "", (115, 90), margining)
    });
    let perpetual = LISTINGS.iter().map(|listing| {
        let fraction = |base, factor| RootFraction {
            base: Decimal::new(base, 4),
            factor: Decimal::new(factor, 7),
        };
        let margining = Margining::Roots {
            initial: fraction(INITIAL_BASE, listing.factors.0),
            maintenance: fraction(MAINTENANCE_BASE, listing.factors.1),
        };
        instrument(listing, "_PERP", (110, 90), margining)
    });
    spot.chain(perpetual).collect()
}

fn instrument(
    listing: &Listing,
    suffix: &str,
    mark_band: (i64, i64),
    margining: Margining,
) -> Instrument {
    let band = |down, up| Band {
        down: Decimal::new(down, 2),
        up: Decimal::new(up, 2),
    };
    Instrument {
        symbol: format!("{}_USDC{suffix}", listing.base),
        base: listing.base.to_owned(),
        quote: "USDC".to_owned(),
        price_precision: listing.price_precision,
        quantity_precision: listing.quantity_precision,
        tick: price(listing.tick),
        min_price: price(listing.tick),
        max_price: price(listing.max_price),
        step: quantity(listing.step),
        min_quantity: quantity(listing.step),
        max_quantity: Quantity::MAX,
        max_market_quantity: Quantity::MAX,
        min_notional: Decimal::ZERO,
        band_up: Decimal::new(mark_band.0, 2),
        band_down: Decimal::new(mark_band.1, 2),
        max_open_orders: OPEN_ORDERS_MAX,
        last_band: Some(band(75, 125)),
        impact: Some(band(97, 103)),
        margining,
        status: Status::Trading,
        start_price: price(listing.start),
    }
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
