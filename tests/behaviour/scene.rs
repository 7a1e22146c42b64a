//! Where a behaviour is looked at: a mesh in front of a venue, and what is traded there.

use std::ops::Deref;

use chimera_tests::house::House;

/// A venue, and the instruments that behaviours trade there.
pub struct Ground {
    pub venue: &'static str,
    /// Canonical; `SOL` is its alias at every venue.
    pub symbol: &'static str,
    /// The venue's own name of it.
    pub venue_symbol: &'static str,
    /// The same asset bought outright, where the venue has it.
    pub spot: Option<&'static str>,
    /// The request that places an order, as the venue's control interface names it.
    pub place: &'static str,
}

pub const BACKPACK: Ground = Ground {
    venue: "backpack",
    symbol: "SOL-USDC-PERP",
    venue_symbol: "SOL_USDC_PERP",
    spot: Some("SOL-USDC"),
    place: "POST /api/v1/order",
};

pub const BINANCE_USDM: Ground = Ground {
    venue: "binance-usdm",
    symbol: "SOL-USDT-PERP",
    venue_symbol: "SOLUSDT",
    spot: None,
    place: "POST /fapi/v1/order",
};

/// A running mesh and where it trades.
pub struct Scene {
    pub house: House,
    pub ground: &'static Ground,
}

impl Deref for Scene {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

#[test]
fn every_venue_is_a_scene() {
    let seen = [&BACKPACK, &BINANCE_USDM].map(|ground| ground.venue);
    let venues: Vec<_> = chimera_venue::venues()
        .map(|venue| venue.to_string())
        .collect();
    assert_eq!(venues, seen, "a behaviour is looked at wherever is traded");
}
