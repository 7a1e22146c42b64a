//! The simulated venues of a run: they live in this process and outlive every kill. Their own ledgers
//! are the truth that the mesh is held against.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc, time::Duration};

use chimera_egress::{HttpClient as _, HttpLimits, HttpRequest, ReqwestClient, tls};
use chimera_model::Decimal;
use chimera_venue_sim::{
    AccountConfig, LimitConfig, Listeners, SharedClock, SimConfig, Simulator, SystemClock,
    VenueEndpoints,
};
use http::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{error::ChaosError, market::Market};
use crate::mesh::MeshError;

/// What the account starts with: enough that margin never refuses an order of a run.
const DEPOSIT: i64 = 10_000_000;
/// No limit of a venue is meant to be met where the mesh is killed: a run restarts more often than any
/// operator would.
const NO_LIMIT: u32 = 1_000_000_000;
/// Open orders of one account in one instrument: above what the venues allow, for `--open-orders`.
const OPEN_ORDERS_MAX: u32 = 10_000;
/// How long the control interface may take; it answers in milliseconds, a full ledger in some 100.
const CONTROL_WITHIN: Duration = Duration::from_secs(30);
/// The largest ledger read: the venue keeps 200,000 orders and as many fills, each of some 300 bytes.
const LEDGER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The running venues and the way to their control interface.
pub struct SimulatedVenues {
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

/// The best prices of each market.
pub type Touches = Vec<(&'static Market, Touch)>;

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

/// What a venue counted.
#[derive(Debug, Deserialize)]
pub struct Counters {
    /// How often each client id arrived.
    pub creates: BTreeMap<String, Creates>,
    /// What it refused for its limits, and how close to them it was brought.
    pub limits: BTreeMap<String, u64>,
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

impl SimulatedVenues {
    /// Starts the venues on free ports of loopback, with the limits of the real ones where
    /// `limited`.
    pub async fn start(
        seed: u64,
        markets: &[&'static Market],
        limited: bool,
    ) -> Result<Self, ChaosError> {
        let kinds: Vec<_> = markets.iter().map(|market| market.kind).collect();
        let listeners = Listeners::bind(Ipv4Addr::LOCALHOST.into(), 0, &kinds).await?;
        let account = |market: &&Market| AccountConfig {
            name: market.account.to_owned(),
            deposit: DEPOSIT.into(),
        };
        let mut config = SimConfig {
            venues: kinds,
            seed,
            accounts: markets.iter().map(account).collect(),
            ..SimConfig::default()
        };
        if !limited {
            config.backpack_requests_1m = NO_LIMIT;
            config.binance_limits = LimitConfig {
                weight_1m: NO_LIMIT,
                orders_10s: NO_LIMIT,
                orders_1m: NO_LIMIT,
                connections_5m: NO_LIMIT,
            };
        }
        let simulator = Simulator::start(config, listeners, SharedClock::new(SystemClock))
            .await
            .map_err(MeshError::starting("simulator"))?;
        let words = |error: &dyn std::error::Error| ChaosError::Control(error.to_string());
        let tls = tls::client_config(None).map_err(|error| words(&error))?;
        let http = ReqwestClient::new(&tls).map_err(|error| words(&error))?;
        let venues = Self { simulator, http };
        for market in markets {
            let many = json!({ "max_open_orders": OPEN_ORDERS_MAX });
            let path = format!("instruments/{}", market.venue_symbol);
            let _: Value = venues.ask(market, Method::PATCH, &path, Some(many)).await?;
        }
        Ok(venues)
    }

    /// Returns where the venues listen, and their test keys.
    pub fn endpoints(&self) -> &[VenueEndpoints] {
        &self.simulator.endpoints().venues
    }

    /// Reads a venue's own books.
    pub async fn ledger(&self, market: &Market) -> Result<Ledger, ChaosError> {
        let path = format!("ledger?account={}", market.account);
        self.ask(market, Method::GET, &path, None).await
    }

    /// Reads what a venue counted.
    pub async fn counters(&self, market: &Market) -> Result<Counters, ChaosError> {
        self.ask(market, Method::GET, "counters", None).await
    }

    /// Reads the best prices.
    pub async fn touch(&self, market: &Market) -> Result<Touch, ChaosError> {
        let path = format!("instruments/{}", market.venue_symbol);
        let instrument: Instrument = self.ask(market, Method::GET, &path, None).await?;
        let ticks = |side: Option<(Decimal, Decimal)>| {
            side.and_then(|(price, _)| price.to_scaled(market.price_decimals).ok())
                .ok_or_else(|| ChaosError::Control("a side of the book is empty".to_owned()))
        };
        Ok(Touch {
            bid: ticks(instrument.book.bid)?,
            ask: ticks(instrument.book.ask)?,
        })
    }

    /// Asks the control interface of a venue.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        market: &Market,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ChaosError> {
        let words = |error: &dyn std::error::Error| ChaosError::Control(format!("{path}: {error}"));
        let control = &self.simulator.endpoints().control;
        let url = format!("{control}/v1/venues/{}/{path}", market.venue());
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

/// Shares the venues among the tasks of a run.
pub type SharedVenues = Arc<SimulatedVenues>;
