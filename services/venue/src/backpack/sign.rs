//! Signing: Ed25519 over the instruction, the sorted fields, the time and the window.
//!
//! `instruction=orderCancel&orderId=28&symbol=BTC_USDT&timestamp=1614550000000&window=5000`
//! Section `Authentication`

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chimera_model::UnixNanos;
use http::{HeaderMap, HeaderValue, header};
use ring::signature::Ed25519KeyPair;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::credentials::Credentials;
use crate::error::VenueError;
use crate::request::{Auth, Body, Endpoints, VenueRequest, WireRequest};

/// How long after its timestamp a request may still be accepted, in milliseconds: the venue's
/// default. It is never widened to get round a clock that is off (F117).
pub(super) const WINDOW_MS: u64 = 5_000;

/// The instruction of a subscription to private streams.
pub(super) const SUBSCRIBE: &str = "subscribe";

/// Which instruction a request is signed as, by its endpoint.
const INSTRUCTIONS: [(&str, &str); 9] = [
    ("order.place", "orderExecute"),
    ("order.cancel", "orderCancel"),
    ("order.get", "orderQuery"),
    ("order.open", "orderQueryAll"),
    ("order.history", "orderHistoryQueryAll"),
    ("order.fills", "fillHistoryQueryAll"),
    ("account.positions", "positionQuery"),
    ("account.balances", "balanceQuery"),
    ("account.margin", "collateralQuery"),
];

/// A signature and what it covers beside the fields.
pub(super) struct Signed {
    /// The verifying key, in base64.
    pub key: String,
    /// The signature, in base64.
    pub signature: String,
    /// Milliseconds.
    pub timestamp: String,
    /// Milliseconds.
    pub window: String,
}

/// Returns the bytes to sign.
pub(super) fn prehash(
    instruction: &str,
    fields: &BTreeMap<&str, &str>,
    timestamp: &str,
    window: &str,
) -> String {
    let mut text = format!("instruction={instruction}");
    for (name, value) in fields {
        text.extend(["&", name, "=", value]);
    }
    text.extend(["&timestamp=", timestamp, "&window=", window]);
    text
}

/// Signs an instruction. The secret is the seed in base64, the key its verifying key.
pub(super) fn sign(
    credentials: &Credentials,
    instruction: &str,
    fields: &BTreeMap<&str, &str>,
    venue_now: UnixNanos,
) -> Result<Signed, VenueError> {
    let refused = |what: &str| VenueError::not_built(what);
    let seed = STANDARD.decode(credentials.secret()).map(Zeroizing::new);
    let seed = seed.map_err(|_| refused("the secret is not base64"))?;
    let key = STANDARD.decode(credentials.key());
    let key = key.map_err(|_| refused("the key is not base64"))?;
    let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &key)
        .map_err(|_| refused("the secret is not the seed of this key"))?;
    let timestamp = venue_now.as_millis().to_string();
    let window = WINDOW_MS.to_string();
    let text = prehash(instruction, fields, &timestamp, &window);
    Ok(Signed {
        key: credentials.key().to_owned(),
        signature: STANDARD.encode(pair.sign(text.as_bytes())),
        timestamp,
        window,
    })
}

/// Signs a request where it has to be, and builds what goes on the wire.
pub(super) fn finish(
    endpoints: &Endpoints,
    request: &VenueRequest,
    credentials: Option<&Credentials>,
    venue_now: UnixNanos,
) -> Result<WireRequest, VenueError> {
    let body = match &request.body {
        Body::Empty => "",
        Body::Json(text) => text.as_str(),
        Body::Form(_) => return Err(VenueError::not_built("this venue takes no form bodies")),
    };
    let mut headers = HeaderMap::new();
    if request.auth != Auth::None {
        let credentials =
            credentials.ok_or_else(|| VenueError::not_built("this request needs credentials"))?;
        let mut known = INSTRUCTIONS.iter();
        let (_, instruction) = known
            .find(|(endpoint, _)| *endpoint == request.endpoint)
            .ok_or_else(|| VenueError::not_built("this request has no instruction"))?;
        let fields = fields(request, body)?;
        let signed = sign(credentials, instruction, &fields, venue_now)?;
        for (name, value) in [
            ("x-api-key", &signed.key),
            ("x-signature", &signed.signature),
            ("x-timestamp", &signed.timestamp),
            ("x-window", &signed.window),
        ] {
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| VenueError::not_built("a header cannot carry the key"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    if !body.is_empty() {
        let kind = HeaderValue::from_static("application/json; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, kind);
    }
    Ok(WireRequest {
        method: request.method.clone(),
        url: address(endpoints, request)?,
        headers,
        body: Bytes::from(body.to_owned()),
    })
}

/// Returns the fields of a request by name: those of the query, and those of the body without the
/// quotes of JSON. Their values hold nothing that JSON escapes.
fn fields<'r>(
    request: &'r VenueRequest,
    body: &'r str,
) -> Result<BTreeMap<&'r str, &'r str>, VenueError> {
    let mut fields: BTreeMap<&str, &str> = request
        .query
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    if !body.is_empty() {
        let body: BTreeMap<&str, &RawValue> =
            serde_json::from_str(body).map_err(|error| VenueError::not_built(error.to_string()))?;
        let plain = body
            .into_iter()
            .map(|(name, raw)| (name, raw.get().trim_matches('"')));
        fields.extend(plain);
    }
    Ok(fields)
}

fn address(endpoints: &Endpoints, request: &VenueRequest) -> Result<url::Url, VenueError> {
    let mut url = endpoints.rest.clone();
    if url.cannot_be_a_base() {
        return Err(VenueError::not_built("the base address cannot carry paths"));
    }
    // A base may have a path of its own, e.g. of a simulator that serves several venues.
    let path = format!("{}{}", url.path().trim_end_matches('/'), request.path);
    url.set_path(&path);
    if !request.query.is_empty() {
        url.query_pairs_mut()
            .extend_pairs(request.query.iter().map(|(name, value)| (name, value)));
    }
    Ok(url)
}
