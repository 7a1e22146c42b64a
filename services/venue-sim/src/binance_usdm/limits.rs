//! The venue's rate limits: weight by address, orders by account, bans.
//!
//! See <https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info>.

use std::collections::HashMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::error::ApiError;
use crate::engine::AccountId;

const MINUTE_MS: u64 = 60_000;
const TEN_SECONDS_MS: u64 = 10_000;

/// Refusals with 429 within one minute that an address may go on provoking before it is banned.
const WARNINGS_BEFORE_BAN: u32 = 10;

/// The first ban; each further one doubles it, up to three days, as the venue documents.
const FIRST_BAN_S: u64 = 120;
const LONGEST_BAN_S: u64 = 3 * 24 * 60 * 60;

const CONNECTION_WINDOW_MS: u64 = 5 * MINUTE_MS;

/// Addresses tracked at once; the oldest minute is forgotten first.
const ADDRESSES_MAX: usize = 10_000;

/// How much a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitConfig {
    /// Request weight of one address in a minute.
    pub weight_1m: u32,
    /// Orders of one account in ten seconds.
    pub orders_10s: u32,
    /// Orders of one account in a minute.
    pub orders_1m: u32,
    /// Sockets that one address may open in five minutes.
    pub connections_5m: u32,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self {
            weight_1m: 2400,
            orders_10s: 300,
            orders_1m: 1200,
            connections_5m: 300,
        }
    }
}

#[derive(Debug, Default)]
struct Usage {
    minute: u64,
    weight: u32,
    warnings: u32,
    bans: u32,
    banned_until_ms: u64,
    connections: (u64, u32),
}

#[derive(Debug, Default)]
struct Orders {
    ten_seconds: (u64, u32),
    minute: (u64, u32),
}

/// What an account has used of its order limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderCount {
    /// In these ten seconds.
    pub ten_seconds: u32,
    /// In this minute.
    pub minute: u32,
}

/// The rate limits of one venue.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub config: LimitConfig,
    addresses: HashMap<IpAddr, Usage>,
    orders: HashMap<AccountId, Orders>,
    /// A ban of everybody, put on by a script: status and end.
    scripted: Option<(u16, u64)>,
    /// Requests refused for their weight.
    pub weight_refusals: u64,
    /// Requests refused during a ban.
    pub ban_refusals: u64,
    /// Orders refused for their number.
    pub order_refusals: u64,
    /// Sockets refused for their number.
    pub connection_refusals: u64,
    /// The most weight that one address used in one minute.
    pub peak_weight: u32,
}

impl Limits {
    /// Creates limits of so much.
    pub fn new(config: LimitConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// Charges a request to an address and returns what it has used this minute.
    pub fn charge(&mut self, now_ms: u64, ip: IpAddr, weight: u32) -> Result<u32, ApiError> {
        self.check_scripted(now_ms, ip)?;
        if self.addresses.len() >= ADDRESSES_MAX {
            self.addresses
                .retain(|_, usage| usage.minute == now_ms / MINUTE_MS);
        }
        let limit = self.config.weight_1m;
        let usage = self.addresses.entry(ip).or_default();
        if now_ms < usage.banned_until_ms {
            self.ban_refusals += 1;
            return Err(banned(ip, usage.banned_until_ms, now_ms));
        }
        if usage.minute != now_ms / MINUTE_MS {
            usage.minute = now_ms / MINUTE_MS;
            usage.weight = 0;
            usage.warnings = 0;
        }
        usage.weight = usage.weight.saturating_add(weight);
        self.peak_weight = self.peak_weight.max(usage.weight);
        if usage.weight <= limit {
            return Ok(usage.weight);
        }
        self.weight_refusals += 1;
        usage.warnings += 1;
        if usage.warnings > WARNINGS_BEFORE_BAN {
            let seconds = (FIRST_BAN_S << usage.bans.min(12)).min(LONGEST_BAN_S);
            usage.bans += 1;
            usage.banned_until_ms = now_ms + seconds * 1000;
            return Err(banned(ip, usage.banned_until_ms, now_ms));
        }
        Err(too_many(ip, limit, now_ms))
    }

    /// Counts a socket that an address opens; false where it has opened too many.
    pub fn connect(&mut self, now_ms: u64, ip: IpAddr) -> bool {
        let usage = self.addresses.entry(ip).or_default();
        if usage.connections.0 != now_ms / CONNECTION_WINDOW_MS {
            usage.connections = (now_ms / CONNECTION_WINDOW_MS, 0);
        }
        usage.connections.1 += 1;
        let taken =
            usage.connections.1 <= self.config.connections_5m && now_ms >= usage.banned_until_ms;
        self.connection_refusals += u64::from(!taken);
        taken
    }

    /// Counts new orders of an account.
    pub fn count_orders(
        &mut self,
        now_ms: u64,
        account: AccountId,
        count: u32,
    ) -> Result<OrderCount, ApiError> {
        let orders = self.orders.entry(account).or_default();
        let add = |window: &mut (u64, u32), length: u64| {
            if window.0 != now_ms / length {
                *window = (now_ms / length, 0);
            }
            window.1 = window.1.saturating_add(count);
            window.1
        };
        let used = OrderCount {
            ten_seconds: add(&mut orders.ten_seconds, TEN_SECONDS_MS),
            minute: add(&mut orders.minute, MINUTE_MS),
        };
        let over = if used.ten_seconds > self.config.orders_10s {
            Some((self.config.orders_10s, "TEN_SECONDS", TEN_SECONDS_MS))
        } else if used.minute > self.config.orders_1m {
            Some((self.config.orders_1m, "MINUTE", MINUTE_MS))
        } else {
            None
        };
        let Some((limit, window, length)) = over else {
            return Ok(used);
        };
        self.order_refusals += 1;
        let text = format!("Too many new orders; current limit is {limit} orders per {window}.");
        let mut error = ApiError::bad(-1015, text).with_status(429);
        error.retry_after = Some((length - now_ms % length).div_ceil(1000));
        Err(error)
    }

    /// Returns what an account has used of its order limits.
    pub fn orders_used(&self, now_ms: u64, account: AccountId) -> OrderCount {
        let current = |window: (u64, u32), length: u64| {
            if window.0 == now_ms / length {
                window.1
            } else {
                0
            }
        };
        let orders = self.orders.get(&account);
        OrderCount {
            ten_seconds: orders.map_or(0, |o| current(o.ten_seconds, TEN_SECONDS_MS)),
            minute: orders.map_or(0, |o| current(o.minute, MINUTE_MS)),
        }
    }

    /// Refuses everybody with 429 or 418 until a time; a time that has passed lifts it.
    pub fn ban_all(&mut self, status: u16, until_ms: u64) {
        self.scripted = Some((status, until_ms));
    }

    fn check_scripted(&mut self, now_ms: u64, ip: IpAddr) -> Result<(), ApiError> {
        let Some((status, until_ms)) = self.scripted else {
            return Ok(());
        };
        if now_ms >= until_ms {
            self.scripted = None;
            return Ok(());
        }
        self.ban_refusals += 1;
        let mut error = if status == 418 {
            banned(ip, until_ms, now_ms)
        } else {
            too_many(ip, self.config.weight_1m, now_ms)
        };
        error.status = status;
        error.retry_after = Some((until_ms - now_ms).div_ceil(1000));
        Err(error)
    }
}

fn too_many(ip: IpAddr, limit: u32, now_ms: u64) -> ApiError {
    let text = format!(
        "Too many requests; current limit of IP({ip}) is {limit} requests per minute. Please use \
         the websocket for live updates to avoid polling the API."
    );
    let mut error = ApiError::bad(-1003, text).with_status(429);
    error.retry_after = Some((MINUTE_MS - now_ms % MINUTE_MS).div_ceil(1000));
    error
}

fn banned(ip: IpAddr, until_ms: u64, now_ms: u64) -> ApiError {
    let text = format!(
        "Way too many requests; IP({ip}) banned until {until_ms}. Please use the websocket for \
         live updates to avoid bans."
    );
    let mut error = ApiError::bad(-1003, text).with_status(418);
    error.retry_after = Some((until_ms - now_ms).div_ceil(1000));
    error
}
