//! What clients ask for, drawn from a seed.

use chimera_contracts::{
    common::v1::{OrderType, Side},
    order::v1::{PlaceOrderRequest, TrackingLimit},
};
use chimera_model::Decimal;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::{market::Market, venue::Touch};

/// What an order is worth at least, in ticks times lots: 6 USDT, above Binance's least of 5 also when
/// the price falls before the order arrives.
const WORTH_MIN: i64 = 60_000;
/// Lots above the least, so that fills come in parts.
const EXTRA_LOTS: i64 = 5;
/// A tracking limit of a run is short: most end by their time or their attempts, under kills.
const TRACKING_INTERVAL_MS: i32 = 500;
const TRACKING_TIMEOUT_S: i64 = 3;
const TRACKING_ATTEMPTS: i32 = 5;

/// Which orders are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// All kinds: market, limit, post-only, tracking limit.
    All,
    /// Limit orders that rest far from the touch: what a kill switch must stop and cancel.
    Resting,
}

/// An order as its client asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Where.
    pub market: &'static Market,
    pub kind: Kind,
    pub side: Side,
    /// In hundredths of a unit.
    pub lots: i64,
    /// In hundredths; none unless the kind has a limit.
    pub ticks: Option<i64>,
}

/// Kinds of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Market,
    Limit,
    PostOnly,
    Tracking,
}

impl Terms {
    /// Draws an order that fits the prices.
    pub fn draw(
        mix: Mix,
        (market, touch): (&'static Market, Touch),
        chance: &mut ChaCha8Rng,
    ) -> Self {
        let kind = match (mix, chance.random_range(0..100)) {
            (Mix::All, 0..30) => Kind::Market,
            (Mix::All, 30..55) => Kind::PostOnly,
            (Mix::All, 55..60) => Kind::Tracking,
            _ => Kind::Limit,
        };
        let side = if chance.random_bool(0.5) {
            Side::Buy
        } else {
            Side::Sell
        };
        let own = match side {
            Side::Buy => touch.bid,
            _ => touch.ask,
        };
        let behind = match kind {
            Kind::Market | Kind::Tracking => None,
            // At the touch: filled when the market comes, refused when it has moved through.
            Kind::PostOnly => Some(chance.random_range(0..4)),
            Kind::Limit => Some(own * chance.random_range(5..40) / 1_000),
        };
        let ticks = behind.map(|behind| match side {
            Side::Buy => own - behind,
            _ => own + behind,
        });
        Self {
            market,
            kind,
            side,
            lots: least(ticks.unwrap_or(own)) + chance.random_range(0..EXTRA_LOTS),
            ticks,
        }
    }

    /// Returns a buy that rests far below the touch.
    pub fn resting((market, touch): (&'static Market, Touch), permille: i64) -> Self {
        let ticks = touch.bid - touch.bid * permille / 1_000;
        Self {
            market,
            kind: Kind::PostOnly,
            side: Side::Buy,
            lots: least(ticks),
            ticks: Some(ticks),
        }
    }

    /// Returns the price as text of the contract.
    pub fn price(&self) -> Option<Decimal> {
        self.ticks.map(|ticks| self.market.price(ticks))
    }

    /// Returns the quantity.
    pub fn quantity(&self) -> Decimal {
        self.market.quantity(self.lots)
    }

    /// Returns the request that places it.
    pub fn request(&self, index: i64) -> PlaceOrderRequest {
        let kind = match self.kind {
            Kind::Market => OrderType::Market,
            Kind::Limit | Kind::PostOnly => OrderType::Limit,
            Kind::Tracking => OrderType::TrackingLimit,
        };
        let duration = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
        let tracking_limit = (self.kind == Kind::Tracking).then(|| TrackingLimit {
            interval: duration(0, TRACKING_INTERVAL_MS * 1_000_000),
            timeout: duration(TRACKING_TIMEOUT_S, 0),
            max_attempts: TRACKING_ATTEMPTS,
            ..TrackingLimit::default()
        });
        PlaceOrderRequest {
            account: self.market.account.to_owned(),
            client_order_index: Some(index),
            venue: self.market.venue().to_owned(),
            symbol: self.market.symbol.to_owned(),
            side: self.side.into(),
            r#type: kind.into(),
            quantity: self.quantity().to_string(),
            price: self.price().map_or_else(String::new, |it| it.to_string()),
            post_only: self.kind == Kind::PostOnly,
            tracking_limit,
            ..PlaceOrderRequest::default()
        }
    }
}

/// Returns the fewest lots that are worth enough at a price.
fn least(ticks: i64) -> i64 {
    WORTH_MIN / ticks.max(1) + 1
}
