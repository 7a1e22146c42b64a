//! Signing: lower-case hex of HMAC-SHA256 over exactly the bytes that are sent.
//!
//! The bytes are the query directly followed by the form body; the signature is appended as the
//! last parameter of the part that carries the others.
//! Page `general-info`

use bytes::Bytes;
use chimera_model::UnixNanos;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, header};
use sha2::Sha256;

use crate::credentials::Credentials;
use crate::error::VenueError;
use crate::request::{Auth, Body, Endpoints, VenueRequest, WireRequest};

/// The header of the key.
const KEY_HEADER: &str = "x-mbx-apikey";

/// How long after its timestamp a request may still be accepted, in milliseconds: the venue's
/// default. It is never widened to get round a clock that is off (F117).
pub(super) const RECV_WINDOW_MS: u64 = 5_000;

/// Returns the signature of these bytes.
pub(super) fn signature(secret: &[u8], payload: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret)
        .expect("invariant: this MAC takes keys of every length");
    mac.update(payload);
    hex::encode(mac.finalize().into_bytes())
}

/// Signs a request where it has to be, and builds what goes on the wire.
pub(super) fn finish(
    endpoints: &Endpoints,
    recv_window_ms: u64,
    request: &VenueRequest,
    credentials: Option<&Credentials>,
    venue_now: UnixNanos,
) -> Result<WireRequest, VenueError> {
    let form = match &request.body {
        Body::Empty => None,
        Body::Form(fields) => Some(fields.as_slice()),
        Body::Json(_) => return Err(VenueError::not_built("this venue takes no JSON bodies")),
    };
    let mut query = encode(&request.query);
    let mut body = form.map(encode).unwrap_or_default();
    let mut headers = HeaderMap::new();
    if request.auth != Auth::None {
        let credentials =
            credentials.ok_or_else(|| VenueError::not_built("this request needs credentials"))?;
        let mut key = HeaderValue::from_str(credentials.key())
            .map_err(|_| VenueError::not_built("the key has characters no header can carry"))?;
        key.set_sensitive(true);
        headers.insert(KEY_HEADER, key);
        if request.auth == Auth::Signed {
            let carrier = if form.is_some() {
                &mut body
            } else {
                &mut query
            };
            *carrier = stamped(carrier, recv_window_ms, venue_now);
            let signature = signature(credentials.secret(), format!("{query}{body}").as_bytes());
            let carrier = if form.is_some() {
                &mut body
            } else {
                &mut query
            };
            carrier.push_str("&signature=");
            carrier.push_str(&signature);
        }
    }
    if form.is_some() {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
    }
    let url = address(endpoints, request.path, &query)?;
    Ok(WireRequest {
        method: request.method.clone(),
        url,
        headers,
        body: Bytes::from(body),
    })
}

/// Puts the time first and the window last, around the fields.
fn stamped(fields: &str, recv_window_ms: u64, venue_now: UnixNanos) -> String {
    let separator = if fields.is_empty() { "" } else { "&" };
    let now = venue_now.as_millis();
    format!("timestamp={now}{separator}{fields}&recvWindow={recv_window_ms}")
}

/// Percent-encodes fields in their order.
fn encode(fields: impl AsRef<[(&'static str, String)]>) -> String {
    let mut serializer = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.as_ref() {
        serializer.append_pair(name, value);
    }
    serializer.finish()
}

fn address(endpoints: &Endpoints, path: &str, query: &str) -> Result<url::Url, VenueError> {
    let mut url = endpoints.rest.clone();
    if url.cannot_be_a_base() {
        return Err(VenueError::not_built("the base address cannot carry paths"));
    }
    // A base may have a path of its own, e.g. of a simulator that serves several venues.
    let path = format!("{}{path}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    // The encoded form holds only characters that an address keeps as they are: what is signed is
    // what is sent.
    url.set_query((!query.is_empty()).then_some(query));
    Ok(url)
}
