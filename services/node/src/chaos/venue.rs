//! The simulated venue of a run: it lives in this process and outlives every kill. Its own ledger is
//! the truth that the mesh is held against.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc, time::Duration};

use chimera_egress::{HttpClient as _, HttpLimits, HttpRequest, ReqwestClient, tls};
use chimera_model::Decimal;
use chimera_venue_sim::{
    AccountConfig, LimitConfig, Listeners, SharedClock, SimConfig, Simulator, SystemClock,
    VenueEndpoints, VenueKind,
};
use http::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::error::ChaosError;
use crate::mesh::MeshError;

/// Where a run trades.
pub const VENUE: VenueKind = VenueKind::BinanceUsdm;
/// What it trades, as the mesh calls it.
pub const SYMBOL: &str = "SOL-USDT-PERP";
/// What it trades, as the venue calls it.
pub const VENUE_SYMBOL: &str = "SOLUSDT";
/// Whose orders they are.
pub const ACCOUNT: &str = "main";
/// Decimals of the instrument's prices: its tick is 0.01.
pub const PRICE_DECIMALS: u8 = 2;
/// Decimals of the instrument's quantities: its lot is 0.01.
pub const QUANTITY_DECIMALS: u8 = 2;

/// What the account starts with: enough that margin never refuses an order of a run.
const DEPOSIT: i64 = 10_000_000;
/// No limit of the venue is meant to be met: a run restarts more often than any operator would.
const NO_LIMIT: u32 = 1_000_000_000;
/// Open orders of one account in one instrument: above the 200 of the venue, for `--open-orders`.
const OPEN_ORDERS_MAX: u32 = 10_000;
/// How long the control interface may take; it answers in milliseconds, a full ledger in some 100.
const CONTROL_WITHIN: Duration = Duration::from_secs(30);
/// The largest ledger read: the venue keeps 200,000 orders and as many fills, each of some 300 bytes.
const LEDGER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The running venue and the way to its control interface.
pub struct SimulatedVenue {
    simulator: Simulator,
    http: ReqwestClient,
}

/// The best prices, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The best bid.
    pub bid: i64,
    /// The best ask.
    pub ask: i64,
}

/// What the venue has written down of one account.
#[derive(Debug, Deserialize)]
pub struct Ledger {
    /// The account; exactly one.
    pub accounts: Vec<LedgerAccount>,
    /// Every order.
    pub orders: Vec<LedgerOrder>,
    /// Every fill.
    pub fills: Vec<LedgerFill>,
}

/// An account's money and positions.
#[derive(Debug, Deserialize)]
pub struct LedgerAccount {
    /// All of the margin asset.
    pub wallet: Decimal,
    /// How many orders can still trade.
    pub open_orders: usize,
    /// The positions, flat ones included.
    pub positions: Vec<LedgerPosition>,
}

/// A position.
#[derive(Debug, Deserialize)]
pub struct LedgerPosition {
    /// The venue's symbol.
    pub symbol: String,
    /// Signed.
    pub quantity: Decimal,
    /// Fees paid.
    pub fees: Decimal,
}

/// An order.
#[derive(Debug, Deserialize)]
pub struct LedgerOrder {
    /// The venue's id.
    pub id: u64,
    /// Ours.
    pub client_id: String,
    /// `buy` or `sell`.
    pub side: String,
    /// The limit; none for a market order.
    pub price: Option<Decimal>,
    /// What was asked.
    pub quantity: Decimal,
    /// What traded.
    pub executed: Decimal,
    /// Where it stands.
    pub status: String,
    /// When it was accepted, by the venue's clock.
    pub created_ms: u64,
    /// When it last changed.
    pub updated_ms: u64,
}

impl LedgerOrder {
    /// Returns whether it can still trade.
    pub fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "new" | "partially_filled")
    }
}

/// A fill.
#[derive(Debug, Deserialize)]
pub struct LedgerFill {
    /// The trade.
    pub trade: u64,
    /// The order.
    pub order: u64,
    /// `buy` or `sell`.
    pub side: String,
    /// At what price.
    pub price: Decimal,
    /// How much.
    pub quantity: Decimal,
    /// What it cost.
    pub fee: Decimal,
    /// Whether our order rested.
    pub maker: bool,
}

/// How often an order was sent.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Creates {
    /// How often it arrived.
    pub attempts: u64,
    /// How often it was taken.
    pub accepted: u64,
}

#[derive(Deserialize)]
struct Counters {
    creates: BTreeMap<String, Creates>,
}

#[derive(Deserialize)]
struct Instrument {
    book: Book,
}

#[derive(Deserialize)]
struct Book {
    bid: Option<(Decimal, Decimal)>,
    ask: Option<(Decimal, Decimal)>,
}

impl SimulatedVenue {
    /// Starts the venue on free ports of loopback.
    pub async fn start(seed: u64) -> Result<Self, ChaosError> {
        let listeners = Listeners::bind(Ipv4Addr::LOCALHOST.into(), 0, &[VENUE]).await?;
        let config = SimConfig {
            venues: vec![VENUE],
            seed,
            accounts: vec![AccountConfig {
                name: ACCOUNT.to_owned(),
                deposit: DEPOSIT.into(),
            }],
            binance_limits: LimitConfig {
                weight_1m: NO_LIMIT,
                orders_10s: NO_LIMIT,
                orders_1m: NO_LIMIT,
                connections_5m: NO_LIMIT,
            },
            ..SimConfig::default()
        };
        let simulator = Simulator::start(config, listeners, SharedClock::new(SystemClock))
            .await
            .map_err(MeshError::starting("simulator"))?;
        let words = |error: &dyn std::error::Error| ChaosError::Control(error.to_string());
        let tls = tls::client_config(None).map_err(|error| words(&error))?;
        let http = ReqwestClient::new(&tls).map_err(|error| words(&error))?;
        let venue = Self { simulator, http };
        let many = json!({ "max_open_orders": OPEN_ORDERS_MAX });
        let path = format!("instruments/{VENUE_SYMBOL}");
        venue.ask::<Value>(Method::PATCH, &path, Some(many)).await?;
        Ok(venue)
    }

    /// Returns where the venue listens, and its test keys.
    pub fn endpoints(&self) -> Result<&VenueEndpoints, ChaosError> {
        let endpoints = self.simulator.endpoints().venues.first();
        endpoints.ok_or_else(|| ChaosError::Control("no venue runs".to_owned()))
    }

    /// Reads the venue's own books.
    pub async fn ledger(&self) -> Result<Ledger, ChaosError> {
        let path = format!("ledger?account={ACCOUNT}");
        self.ask(Method::GET, &path, None).await
    }

    /// Reads how often each client id was sent.
    pub async fn creates(&self) -> Result<BTreeMap<String, Creates>, ChaosError> {
        let counters: Counters = self.ask(Method::GET, "counters", None).await?;
        Ok(counters.creates)
    }

    /// Reads the best prices.
    pub async fn touch(&self) -> Result<Touch, ChaosError> {
        let path = format!("instruments/{VENUE_SYMBOL}");
        let instrument: Instrument = self.ask(Method::GET, &path, None).await?;
        let ticks = |side: Option<(Decimal, Decimal)>| {
            side.and_then(|(price, _)| price.to_scaled(PRICE_DECIMALS).ok())
                .ok_or_else(|| ChaosError::Control("a side of the book is empty".to_owned()))
        };
        Ok(Touch {
            bid: ticks(instrument.book.bid)?,
            ask: ticks(instrument.book.ask)?,
        })
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ChaosError> {
        let words = |error: &dyn std::error::Error| ChaosError::Control(format!("{path}: {error}"));
        let control = &self.simulator.endpoints().control;
        let url = format!("{control}/v1/venues/{}/{path}", VENUE.name());
        let url = url.parse::<url::Url>().map_err(|error| words(&error))?;
        let mut request = HttpRequest::new(method, url);
        if let Some(body) = body {
            let json = http::HeaderValue::from_static("application/json");
            request.headers.insert(http::header::CONTENT_TYPE, json);
            request.body = body.to_string().into();
        }
        let limits = HttpLimits {
            deadline: Instant::now() + CONTROL_WITHIN,
            max_body_bytes: LEDGER_BYTES_MAX,
        };
        let answer = self.http.send(request, limits).await;
        let answer = answer.map_err(|error| words(&error))?;
        if !answer.status.is_success() {
            return Err(ChaosError::Control(format!("{path}: {}", answer.status)));
        }
        serde_json::from_slice(&answer.body).map_err(|error| words(&error))
    }
}

/// Shares a venue among the tasks of a run.
pub type SharedVenue = Arc<SimulatedVenue>;
