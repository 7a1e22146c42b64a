//! Where a run may trade: what it has to know of each venue to send orders that fit, and to find its
//! own among the venue's.

use chimera_model::Decimal;
use chimera_venue_sim::VenueKind;

/// A venue, the account of a run there, and the instrument it trades.
#[derive(Debug, PartialEq, Eq)]
pub struct Market {
    /// The venue.
    pub kind: VenueKind,
    /// Whose orders they are. Each venue has an account of its own, and with it indices of its own:
    /// an account bounds how many of a caller's choice it remembers.
    pub account: &'static str,
    /// What is traded, as the mesh calls it.
    pub symbol: &'static str,
    /// What is traded, as the venue calls it.
    pub venue_symbol: &'static str,
    /// The asset that profit and fees are settled in.
    pub asset: &'static str,
    /// Decimals of prices; the tick is one of the last.
    pub price_decimals: u8,
    /// Decimals of quantities; the lot is one of the last.
    pub quantity_decimals: u8,
    /// The venue's name of the private event that tells of an order.
    pub order_event: &'static str,
    /// Requests that may go wrong; placing most of all.
    pub endpoints: &'static [&'static str],
    /// The statuses with which the venue asks everybody for silence.
    pub silences: &'static [u16],
    /// How the venue refuses a request for its time: status, code and text.
    pub late: (u16, &'static str, &'static str),
    /// What the venue counts when it refuses for its own limits, and not because a script bade it.
    pub limits: &'static [&'static str],
}

/// Binance USDⓈ-M futures.
pub static BINANCE_USDM: Market = Market {
    kind: VenueKind::BinanceUsdm,
    account: "main",
    symbol: "SOL-USDT-PERP",
    venue_symbol: "SOLUSDT",
    asset: "USDT",
    price_decimals: 2,
    quantity_decimals: 2,
    order_event: "ORDER_TRADE_UPDATE",
    endpoints: &[
        "POST /fapi/v1/order",
        "POST /fapi/v1/order",
        "POST /fapi/v1/order",
        "DELETE /fapi/v1/order",
        "DELETE /fapi/v1/order",
        "GET /fapi/v1/order",
        "GET /fapi/v1/userTrades",
    ],
    silences: &[429, 418],
    late: (
        400,
        "-1021",
        "Timestamp for this request is outside of the recvWindow.",
    ),
    limits: &[
        "weight_refusals",
        "order_refusals",
        "connection_refusals",
        "sockets_closed_for_chatter",
    ],
};

/// Backpack's perpetuals.
pub static BACKPACK: Market = Market {
    kind: VenueKind::Backpack,
    account: "second",
    symbol: "SOL-USDC-PERP",
    venue_symbol: "SOL_USDC_PERP",
    asset: "USDC",
    price_decimals: 2,
    quantity_decimals: 2,
    order_event: "account.orderUpdate",
    endpoints: &[
        "POST /api/v1/order",
        "POST /api/v1/order",
        "POST /api/v1/order",
        "DELETE /api/v1/order",
        "DELETE /api/v1/order",
        "GET /api/v1/order",
        "GET /wapi/v1/history/fills",
    ],
    silences: &[429],
    late: (400, "INVALID_CLIENT_REQUEST", "Request has expired"),
    limits: &["request_refusals"],
};

/// What a client id of ours begins with at Binance, as the mesh is configured by default.
const PREFIX: &str = "chimera-";
/// The bit that marks a client id of ours at Backpack, where they are numbers.
const OURS: u32 = 1 << 31;

impl Market {
    /// Returns the market of a venue.
    pub fn at(kind: VenueKind) -> &'static Self {
        match kind {
            VenueKind::BinanceUsdm => &BINANCE_USDM,
            VenueKind::Backpack => &BACKPACK,
        }
    }

    /// Returns the venue's name.
    pub fn venue(&self) -> &'static str {
        self.kind.name()
    }

    /// Returns a price of so many ticks.
    pub fn price(&self, ticks: i64) -> Decimal {
        // A price of some digits fits whatever the decimals.
        Decimal::from_scaled(ticks, self.price_decimals.into()).unwrap_or_default()
    }

    /// Returns a quantity of so many lots.
    pub fn quantity(&self, lots: i64) -> Decimal {
        Decimal::from_scaled(lots, self.quantity_decimals.into()).unwrap_or_default()
    }

    /// Returns the index that a client id of ours bears. Read here and not by the adapter: what both
    /// got wrong alike nobody would see.
    pub fn index_of(&self, client_id: &str) -> Option<i64> {
        match self.kind {
            VenueKind::BinanceUsdm => client_id.strip_prefix(PREFIX)?.parse().ok(),
            VenueKind::Backpack => {
                let number: u32 = client_id.parse().ok()?;
                (number & OURS != 0).then_some(i64::from(number ^ OURS))
            }
        }
    }
}
