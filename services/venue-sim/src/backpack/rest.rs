//! One request from bytes to bytes: limits, keys, signature, time, parameters, faults, answer.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::params::Params;
use super::routes::{Route, find};
use super::sign::{signed_text, verify};
use super::{Backpack, BackpackDialect};
pub(super) use crate::answer::Answer;
use crate::answer::{Plan, Rejection, Words};
use crate::engine::AccountId;
use crate::exchange::InstrumentId;
use crate::faults::{Facts, Faults, Loss, VenueCode};
use crate::transport::Peer;
use crate::venue::Core;

/// The largest body read: a batch of many orders with room to spare.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The default and the largest window of a signed request.
const WINDOW_MS: &str = "5000";
const WINDOW_MAX_MS: u64 = 60_000;

/// How far a client's clock may run ahead; the venue documents no bound, and none at all would
/// let a signature live for ever.
const AHEAD_MS: u64 = 1_000;

/// A request with all that is known of it.
pub(super) struct Call<'a> {
    pub core: &'a mut Core<BackpackDialect>,
    pub params: &'a Params,
    /// The orders of a batch; one request otherwise.
    pub parts: &'a [Params],
    pub now_ms: u64,
    account: Option<AccountId>,
}

impl Call<'_> {
    /// Returns the account that the request is signed for.
    pub fn account(&self) -> Result<AccountId, ApiError> {
        self.account.ok_or_else(unauthorized)
    }

    /// Returns the instrument that the request names.
    pub fn instrument(&self) -> Result<InstrumentId, ApiError> {
        self.instrument_of(self.params)
    }

    /// Returns the instrument that some parameters name.
    pub fn instrument_of(&self, params: &Params) -> Result<InstrumentId, ApiError> {
        let found = self.core.exchange.find(params.need("symbol")?);
        found.ok_or_else(ApiError::symbol)
    }

    /// Returns the instrument that the request may name.
    pub fn maybe_instrument(&self) -> Result<Option<InstrumentId>, ApiError> {
        let named = self.params.text("symbol")?;
        named.map(|_| self.instrument()).transpose()
    }
}

fn unauthorized() -> ApiError {
    ApiError::bad("UNAUTHORIZED", "Unauthorized").with_status(401)
}

/// The raw text of a request.
struct Incoming {
    method: String,
    path: String,
    query: String,
    body: String,
    headers: HeaderMap,
    ip: IpAddr,
}

impl Incoming {
    async fn read(peer: &Peer, request: Request) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = to_bytes(body, BODY_BYTES_MAX).await;
        let bytes = bytes.map_err(|_| ApiError::unread("payload too large").with_status(413))?;
        Ok(Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            headers: parts.headers,
            ip: peer.address,
        })
    }

    fn endpoint(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?.to_str().ok()?;
        Some(value).filter(|value| !value.is_empty())
    }

    /// Returns the parameters: of the body where the method has one, else of the query.
    fn params(&self) -> Result<Vec<Params>, ApiError> {
        if self.method == "GET" {
            return Ok(vec![Params::of_query(&self.query)?]);
        }
        let wrong = |reason: &str| ApiError::unread(format!("parse JSON error: {reason}"));
        let value: Value =
            serde_json::from_str(&self.body).map_err(|error| wrong(&error.to_string()))?;
        let fields = |value: Value| -> Result<Map<String, Value>, ApiError> {
            match value {
                Value::Object(fields) => Ok(fields),
                _ => Err(wrong("expected an object")),
            }
        };
        match value {
            Value::Array(items) => {
                let items = items
                    .into_iter()
                    .map(|item| fields(item).map(Params::of_fields));
                items.collect()
            }
            other => Ok(vec![Params::of_fields(fields(other)?)]),
        }
    }
}

/// Answers every REST request of the venue.
pub(super) async fn serve(
    State(venue): State<Arc<Backpack>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let words = BackpackWords;
    let incoming = match Incoming::read(&peer, request).await {
        Ok(incoming) => incoming,
        Err(error) => {
            let unread = Plan::take(&mut Faults::default(), &Facts::default());
            return unread.carry_out(&peer, &words, || refuse(&error)).await;
        }
    };
    let plan = venue.with(|core| plan(core, &incoming));
    let process = || venue.with(|core| process(core, &incoming));
    plan.carry_out(&peer, &words, process).await
}

fn plan(core: &mut Core<BackpackDialect>, incoming: &Incoming) -> Plan {
    let parts = incoming.params().unwrap_or_default();
    let first = parts.first();
    let endpoint = incoming.endpoint();
    let symbol = first.and_then(|params| params.shown("symbol"));
    let client_id = first.and_then(|params| params.shown("clientId"));
    let key = incoming.header("x-api-key");
    let account = key.and_then(|key| core.exchange.account_by_key(key));
    let account = account.map(|id| core.exchange.account(id).name.clone());
    let facts = Facts {
        endpoint: Some(&endpoint),
        symbol: symbol.as_deref(),
        client_id: client_id.as_deref(),
        account: account.as_deref(),
        ..Facts::default()
    };
    Plan::take(&mut core.exchange.faults, &facts)
}

/// The venue's words for what a script orders.
struct BackpackWords;

impl Words for BackpackWords {
    fn refuse(&self, rejection: Rejection) -> Answer {
        let code = match rejection.code {
            VenueCode::Word(word) => word,
            // This venue has no numbers; a script's number becomes its word for its own fault.
            VenueCode::Number(_) => "SERVER_ERROR".to_owned(),
        };
        refuse(&ApiError::bad(&code, rejection.message).with_status(rejection.status))
    }

    fn unknown(&self, loss: Loss) -> Answer {
        let (code, status, text) = match loss {
            Loss::Unavailable => ("SERVER_ERROR", 503, "Service unavailable"),
            Loss::BackendTimeout => ("TIMEOUT", 503, "Request timed out"),
            _ => ("SERVER_ERROR", 500, "Internal server error"),
        };
        refuse(&ApiError::bad(code, text).with_status(status))
    }
}

fn process(core: &mut Core<BackpackDialect>, incoming: &Incoming) -> Answer {
    let Some(route) = find(&incoming.method, &incoming.path) else {
        return refuse(&ApiError::path());
    };
    let endpoint = incoming.endpoint();
    *core.counters.requests.entry(endpoint).or_default() += 1;
    run(core, incoming, route).unwrap_or_else(|error| {
        *core
            .counters
            .refusals
            .entry(error.counted_as())
            .or_default() += 1;
        refuse(&error)
    })
}

fn run(
    core: &mut Core<BackpackDialect>,
    incoming: &Incoming,
    route: &Route,
) -> Result<Answer, ApiError> {
    let now_ms = core.now_ms();
    core.dialect.limits.charge(now_ms, incoming.ip)?;
    let parts = incoming.params()?;
    let account = match route.instruction {
        None => None,
        Some(instruction) => Some(authorize(core, incoming, instruction, &parts, now_ms)?),
    };
    let nothing = Params::default();
    (route.run)(&mut Call {
        core,
        params: parts.first().unwrap_or(&nothing),
        parts: &parts,
        now_ms,
        account,
    })
}

fn authorize(
    core: &Core<BackpackDialect>,
    incoming: &Incoming,
    instruction: &str,
    parts: &[Params],
    now_ms: u64,
) -> Result<AccountId, ApiError> {
    let need = |name: &str| {
        let missing = || ApiError::client(format!("Missing {name} header"));
        incoming.header(name).ok_or_else(missing)
    };
    let claim = Claim {
        key: need("X-API-Key")?,
        signature: need("X-Signature")?,
        timestamp: need("X-Timestamp")?,
        window: incoming.header("X-Window").unwrap_or(WINDOW_MS),
    };
    claim.check(core, instruction, parts, now_ms)
}

/// Who somebody claims to be, and how it is shown.
pub(super) struct Claim<'a> {
    pub key: &'a str,
    pub signature: &'a str,
    pub timestamp: &'a str,
    pub window: &'a str,
}

impl Claim<'_> {
    /// Returns the account whose key has signed.
    pub fn check(
        &self,
        core: &Core<BackpackDialect>,
        instruction: &str,
        parts: &[Params],
        now_ms: u64,
    ) -> Result<AccountId, ApiError> {
        let number = |text: &str, name: &str| -> Result<u64, ApiError> {
            let wrong = |_| ApiError::client(format!("Invalid {name} header"));
            text.parse().map_err(wrong)
        };
        let timestamp = number(self.timestamp, "X-Timestamp")?;
        let window = number(self.window, "X-Window")?;
        if window > WINDOW_MAX_MS {
            return Err(ApiError::client("Window must not be above 60000"));
        }
        let account = core.exchange.account_by_key(self.key);
        let account = account.ok_or_else(unauthorized)?;
        let text = signed_text(instruction, parts, self.timestamp, self.window);
        if !verify(self.key, &text, self.signature) {
            return Err(ApiError::bad("INVALID_SIGNATURE", "Invalid signature"));
        }
        if now_ms > timestamp.saturating_add(window) || timestamp > now_ms + AHEAD_MS {
            return Err(ApiError::client("Request has expired"));
        }
        Ok(account)
    }
}

fn refuse(error: &ApiError) -> Answer {
    match &error.code {
        None => Answer::plain(error.status, error.message.clone()),
        Some(code) => {
            let body = serde_json::json!({ "code": code, "message": error.message });
            Answer::json(&body).with_status(error.status)
        }
    }
}
