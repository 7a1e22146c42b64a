//! What the run writes down. Numbers of money are exact decimal text, times are milliseconds.

use serde::Serialize;

/// The whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it began.
    pub started_ms: i64,
    /// When it ended.
    pub finished_ms: i64,
    /// The seed it ran with.
    pub seed: u64,
    /// True when every venue opened, closed and is flat.
    pub ok: bool,
    /// Heartbeats that arrived at the local receiver; absent when they went elsewhere.
    pub heartbeats: Option<u64>,
    /// One entry a venue.
    pub venues: Vec<VenueReport>,
}

/// One venue's run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct VenueReport {
    /// The venue.
    pub venue: String,
    /// The account.
    pub account: String,
    /// The canonical symbol.
    pub symbol: String,
    /// True when it opened, closed and is flat.
    pub ok: bool,
    /// Why not; absent when ok.
    pub error: Option<String>,
    /// The quantity traded.
    pub quantity: String,
    /// How long the position was held.
    pub hold_ms: u64,
    /// The opening order.
    pub entry: Option<OrderSummary>,
    /// The closing order.
    pub exit: Option<OrderSummary>,
    /// The tracking limit's largest deviation from its interval.
    pub interval_error_ms_max: Option<i64>,
    /// The position as the mesh accounts for it at the end.
    pub final_position: Option<String>,
    /// The position as the venue itself states it at the end; `0` when flat.
    pub venue_position: Option<String>,
    /// Realised profit before fees.
    pub realized_pnl: Option<String>,
    /// Every position seen on the stream, in order.
    pub positions: Vec<PositionPoint>,
    /// Every margin statement seen on the stream, in order.
    pub margin: Vec<MarginPoint>,
    /// The prices during the run.
    pub prices: Vec<PricePoint>,
}

/// One order of the run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OrderSummary {
    /// Our index.
    pub client_order_index: i64,
    /// Its final state.
    pub state: String,
    /// `buy` or `sell`.
    pub side: String,
    /// What was filled.
    pub filled_quantity: String,
    /// At which average price.
    pub average_price: String,
    /// How many orders it took.
    pub attempts: i32,
    /// The orders it took: one for a plain order, the children for a tracking limit.
    pub placements: Vec<Placement>,
    /// Its fills.
    pub fills: Vec<FillPoint>,
    /// Its timeline as the order service tells it.
    pub timeline: Vec<TimelineLine>,
}

/// One order at the venue.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Placement {
    /// Its index.
    pub client_order_index: i64,
    /// When it was placed.
    pub placed_ms: i64,
    /// Its price; empty for market orders.
    pub price: String,
    /// Its quantity.
    pub quantity: String,
    /// What of it filled.
    pub filled_quantity: String,
}

/// One fill.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FillPoint {
    /// When it matched.
    pub venue_ms: i64,
    /// The venue's trade id.
    pub trade_id: String,
    /// The price.
    pub price: String,
    /// The quantity.
    pub quantity: String,
    /// The fee with its asset.
    pub fee: String,
}

/// One line of an order's timeline.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TimelineLine {
    /// When it was recorded.
    pub recorded_ms: i64,
    /// What happened.
    pub name: String,
    /// The state after it.
    pub state: String,
}

/// A position at one moment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PositionPoint {
    /// When the mesh concluded it.
    pub time_ms: i64,
    /// Signed quantity.
    pub quantity: String,
    /// Average entry price; empty when flat.
    pub average_price: String,
}

/// Margin at one moment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MarginPoint {
    /// When the mesh received it.
    pub time_ms: i64,
    /// Wallet balance.
    pub wallet_balance: String,
    /// What new orders may use.
    pub available: String,
    /// Margin in use.
    pub initial_margin: String,
}

/// Prices at one moment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PricePoint {
    /// When the mesh received them.
    pub time_ms: i64,
    /// Best bid.
    pub bid: String,
    /// Best ask.
    pub ask: String,
}
