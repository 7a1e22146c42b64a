//! One request from bytes to bytes: limits, keys, signature, time, parameters, faults, answer.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use serde::Serialize;

use super::error::ApiError;
use super::limits::OrderCount;
use super::params::Params;
use super::routes::{Route, Security, find, orders_in};
use super::sign::{signed_text, verify};
use super::{Binance, BinanceUsdm};
pub(super) use crate::answer::Answer;
use crate::answer::{Plan, Rejection, Words};
use crate::engine::AccountId;
use crate::exchange::InstrumentId;
use crate::faults::{Facts, Faults, Loss, VenueCode};
use crate::transport::Peer;
use crate::venue::Core;

/// The largest body read: five orders of a batch with room to spare.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The default and the largest window of a signed request.
const RECV_WINDOW_MS: u64 = 5_000;
const RECV_WINDOW_MAX_MS: u64 = 60_000;

/// How far the client's clock may run ahead.
const AHEAD_MS: u64 = 1_000;

/// A request with all that is known of it.
pub(super) struct Call<'a> {
    pub core: &'a mut Core<BinanceUsdm>,
    pub params: &'a Params,
    pub now_ms: u64,
    account: Option<AccountId>,
}

impl Call<'_> {
    /// Returns the account that the request is signed for.
    pub fn account(&self) -> Result<AccountId, ApiError> {
        self.account.ok_or_else(key_format)
    }

    /// Returns the instrument that the request names.
    pub fn instrument(&self) -> Result<InstrumentId, ApiError> {
        self.instrument_of(self.params)
    }

    /// Returns the instrument that some parameters name.
    pub fn instrument_of(&self, params: &Params) -> Result<InstrumentId, ApiError> {
        let symbol = params.need("symbol")?;
        self.core.exchange.find(symbol).ok_or_else(ApiError::symbol)
    }

    /// Returns the instrument that the request may name.
    pub fn maybe_instrument(&self) -> Result<Option<InstrumentId>, ApiError> {
        self.params
            .text("symbol")?
            .map(|_| self.instrument())
            .transpose()
    }
}

/// Writes a value as the answer.
pub(super) fn answer(value: &impl Serialize) -> Answer {
    Answer::json(value)
}

fn key_format() -> ApiError {
    ApiError::bad(-2014, "API-key format invalid.").with_status(401)
}

fn rejected_key() -> ApiError {
    ApiError::bad(-2015, "Invalid API-key, IP, or permissions for action.").with_status(401)
}

/// The raw text of a request.
struct Incoming {
    method: String,
    path: String,
    query: String,
    body: String,
    key: Option<String>,
    ip: IpAddr,
}

impl Incoming {
    async fn read(peer: &Peer, request: Request) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = to_bytes(body, BODY_BYTES_MAX).await;
        let bytes = bytes.map_err(|_| {
            ApiError::bad(-1100, "Illegal characters found in a parameter.").with_status(413)
        })?;
        let key = parts
            .headers
            .get("x-mbx-apikey")
            .and_then(|value| value.to_str().ok());
        Ok(Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            key: key.map(str::to_owned),
            ip: peer.address,
        })
    }

    fn endpoint(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Answers every REST request of the venue.
pub(super) async fn serve(
    State(venue): State<Arc<Binance>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let words = BinanceWords;
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

fn plan(core: &mut Core<BinanceUsdm>, incoming: &Incoming) -> Plan {
    let params = Params::parse(&incoming.query, &incoming.body).unwrap_or_default();
    let endpoint = incoming.endpoint();
    let client_id = params
        .get("newClientOrderId")
        .or(params.get("origClientOrderId"));
    let account = incoming
        .key
        .as_deref()
        .and_then(|key| core.exchange.account_by_key(key));
    let account = account.map(|id| core.exchange.account(id).name.clone());
    let facts = Facts {
        endpoint: Some(&endpoint),
        symbol: params.get("symbol"),
        client_id,
        account: account.as_deref(),
        ..Facts::default()
    };
    Plan::take(&mut core.exchange.faults, &facts)
}

/// The venue's words for what a script orders.
struct BinanceWords;

impl Words for BinanceWords {
    fn refuse(&self, rejection: Rejection) -> Answer {
        let code = match rejection.code {
            VenueCode::Number(code) => code,
            // This venue has no words; a script's word becomes its code of an unknown error.
            VenueCode::Word(_) => -1000,
        };
        refuse(&ApiError::bad(code, rejection.message).with_status(rejection.status))
    }

    fn unknown(&self, loss: Loss) -> Answer {
        let (code, status, text) = match loss {
            Loss::Unavailable => {
                let text = "Unknown error, please check your request or try again later.";
                (-1000, 503, text)
            }
            Loss::BackendTimeout => {
                let text = "Timeout waiting for response from backend server. Send status \
                            unknown; execution status unknown.";
                (-1007, 408, text)
            }
            Loss::BackendUnknown => {
                let text = "An unexpected response was received from the message bus. Execution \
                            status unknown.";
                (-1006, 500, text)
            }
            _ => {
                let text = "An unknown error occured while processing the request.";
                (-1000, 500, text)
            }
        };
        refuse(&ApiError::bad(code, text).with_status(status))
    }
}

fn process(core: &mut Core<BinanceUsdm>, incoming: &Incoming) -> Answer {
    let now_ms = core.now_ms();
    let Some(route) = find(&incoming.method, &incoming.path) else {
        let text = format!(
            "Path {}, Method {} is invalid",
            incoming.path, incoming.method
        );
        return refuse(&ApiError::bad(-5000, text).with_status(404));
    };
    *core
        .counters
        .requests
        .entry(incoming.endpoint())
        .or_default() += 1;
    let params = Params::parse(&incoming.query, &incoming.body);
    let weight = params.as_ref().map_or(1, |params| (route.weight)(params));
    let used = match core.dialect.limits.charge(now_ms, incoming.ip, weight) {
        Ok(used) => used,
        Err(error) => return count_refusal(core, error),
    };
    let mut count = None;
    let done = params.and_then(|params| run(core, incoming, route, &params, &mut count));
    let mut answer = match done {
        Ok(answer) => answer,
        Err(error) => count_refusal(core, error),
    };
    answer
        .headers
        .push(("x-mbx-used-weight-1m", used.to_string()));
    if let Some(OrderCount {
        ten_seconds,
        minute,
    }) = count
    {
        answer
            .headers
            .push(("x-mbx-order-count-10s", ten_seconds.to_string()));
        answer
            .headers
            .push(("x-mbx-order-count-1m", minute.to_string()));
    }
    answer
}

fn run(
    core: &mut Core<BinanceUsdm>,
    incoming: &Incoming,
    route: &Route,
    params: &Params,
    count: &mut Option<OrderCount>,
) -> Result<Answer, ApiError> {
    let now_ms = core.now_ms();
    let account = match route.security {
        Security::Public => None,
        Security::Key => Some(identify(core, incoming)?),
        Security::Signed => {
            let account = identify(core, incoming)?;
            check_signature(core, incoming, account)?;
            check_time(params, now_ms)?;
            Some(account)
        }
    };
    if let (Some(account), orders @ 1..) = (account, orders_in(route, params)) {
        *count = Some(core.dialect.limits.orders_used(now_ms, account));
        *count = Some(core.dialect.limits.count_orders(now_ms, account, orders)?);
    }
    params.only(route.params)?;
    (route.run)(&mut Call {
        core,
        params,
        now_ms,
        account,
    })
}

fn identify(core: &Core<BinanceUsdm>, incoming: &Incoming) -> Result<AccountId, ApiError> {
    let key = incoming
        .key
        .as_deref()
        .filter(|key| !key.is_empty())
        .ok_or_else(key_format)?;
    core.exchange.account_by_key(key).ok_or_else(rejected_key)
}

fn check_signature(
    core: &Core<BinanceUsdm>,
    incoming: &Incoming,
    account: AccountId,
) -> Result<(), ApiError> {
    let (text, signature) = signed_text(&incoming.query, &incoming.body);
    let signature = signature.filter(|signature| !signature.is_empty());
    let signature = signature.ok_or_else(|| ApiError::mandatory("signature"))?;
    if verify(
        &core.exchange.account(account).credentials.secret,
        &text,
        &signature,
    ) {
        Ok(())
    } else {
        Err(ApiError::bad(
            -1022,
            "Signature for this request is not valid.",
        ))
    }
}

fn check_time(params: &Params, now_ms: u64) -> Result<(), ApiError> {
    params.need("timestamp")?;
    let timestamp = params.integer("timestamp")?.unwrap_or_default();
    let window = params.integer("recvWindow")?.unwrap_or(RECV_WINDOW_MS);
    if window > RECV_WINDOW_MAX_MS {
        return Err(ApiError::bad(-1131, "recvWindow must be less than 60000"));
    }
    if timestamp >= now_ms + AHEAD_MS {
        let text = "Timestamp for this request was 1000ms ahead of the server's time.";
        return Err(ApiError::bad(-1021, text));
    }
    if now_ms.saturating_sub(timestamp) > window {
        let text = "Timestamp for this request is outside of the recvWindow.";
        return Err(ApiError::bad(-1021, text));
    }
    Ok(())
}

fn count_refusal(core: &mut Core<BinanceUsdm>, error: ApiError) -> Answer {
    let code = error.code.to_string();
    *core.counters.refusals.entry(code).or_default() += 1;
    refuse(&error)
}

fn refuse(error: &ApiError) -> Answer {
    let mut answer = Answer::text(error.body()).with_status(error.status);
    if let Some(seconds) = error.retry_after {
        answer.headers.push(("retry-after", seconds.to_string()));
    }
    answer
}
