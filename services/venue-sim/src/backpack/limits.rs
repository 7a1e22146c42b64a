//! How often an address may ask.

use std::collections::HashMap;
use std::net::IpAddr;

use super::error::ApiError;

const MINUTE_MS: u64 = 60_000;

/// Requests of one address in a minute, as the venue's support pages name them.
pub const REQUESTS_1M: u32 = 2_000;

/// Addresses remembered at once; those of past minutes go first.
const ADDRESSES_MAX: usize = 10_000;

/// The request limit of one venue.
#[derive(Debug)]
pub(super) struct Limits {
    most: u32,
    addresses: HashMap<IpAddr, (u64, u32)>,
    /// A refusal of everybody, put on by a script: status and end.
    scripted: Option<(u16, u64)>,
    /// Requests refused for their number.
    pub request_refusals: u64,
    /// Requests refused while a script refuses everybody.
    pub ban_refusals: u64,
    /// The most requests of one address in one minute.
    pub peak: u32,
}

impl Limits {
    /// Creates a limit of so many requests in a minute.
    pub fn new(most: u32) -> Self {
        Self {
            most,
            addresses: HashMap::new(),
            scripted: None,
            request_refusals: 0,
            ban_refusals: 0,
            peak: 0,
        }
    }

    /// Counts a request of an address.
    pub fn charge(&mut self, now_ms: u64, ip: IpAddr) -> Result<(), ApiError> {
        if let Some((status, until_ms)) = self.scripted {
            if now_ms < until_ms {
                self.ban_refusals += 1;
                return Err(too_many().with_status(status));
            }
            self.scripted = None;
        }
        let minute = now_ms / MINUTE_MS;
        if self.addresses.len() >= ADDRESSES_MAX {
            self.addresses.retain(|_, (counted, _)| *counted == minute);
        }
        let usage = self.addresses.entry(ip).or_default();
        if usage.0 != minute {
            *usage = (minute, 0);
        }
        usage.1 = usage.1.saturating_add(1);
        self.peak = self.peak.max(usage.1);
        if usage.1 <= self.most {
            return Ok(());
        }
        self.request_refusals += 1;
        Err(too_many())
    }

    /// Refuses everybody with a status until a time; a time that has passed lifts it.
    pub fn ban_all(&mut self, status: u16, until_ms: u64) {
        self.scripted = Some((status, until_ms));
    }
}

fn too_many() -> ApiError {
    ApiError::bad("TOO_MANY_REQUESTS", "Too many requests").with_status(429)
}
