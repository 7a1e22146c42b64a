//! The signature, byte for byte.

use http::Method;
use serde_json::Value;

use super::{NOW_MS, index, instrument, now, recorded_folder, venue};
use crate::binance_usdm::sign::{finish, signature};
use crate::error::ErrorClass;
use crate::{
    Auth, Body, Credentials, NewOrder, Operation, OrderKind, Priority, VenueRequest, WireRequest,
};

/// The window the vectors were made with.
const VECTOR_WINDOW_MS: u64 = 10_000;

fn vectors() -> Option<Value> {
    let path = recorded_folder()?.join("venues/binance/signing_vectors.json");
    let text = std::fs::read(path).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// Builds a request with the fields of a vector, whose path must live as long as the program.
fn request(
    method: Method,
    path: &'static str,
    fields: Vec<(&'static str, String)>,
) -> VenueRequest {
    let form = method == Method::POST;
    VenueRequest {
        operation: Operation::Query,
        endpoint: "vector",
        method,
        path,
        query: if form { Vec::new() } else { fields.clone() },
        body: if form {
            Body::Form(fields)
        } else {
            Body::Empty
        },
        auth: Auth::Signed,
        charges: Vec::new(),
        priority: Priority::Read,
        repeatable: true,
    }
}

fn signed_part(wire: &WireRequest) -> String {
    match wire.url.query() {
        Some(query) => query.to_owned(),
        None => String::from_utf8(wire.body.to_vec()).unwrap(),
    }
}

#[test]
fn f120_signatures_equal_the_vectors_byte_for_byte() {
    let Some(vectors) = vectors() else { return };
    let mut signed = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let prehash = text(case, "prehash");
        let secret = case["secret"]
            .as_str()
            .unwrap_or_else(|| text(&vectors, "secret"));
        let expected = case["signature"]
            .as_str()
            .unwrap_or_else(|| text(&case["frame"]["params"], "signature"));
        assert_eq!(
            signature(secret.as_bytes(), prehash.as_bytes()),
            expected,
            "{prehash}"
        );
        signed += 1;
    }
    assert_eq!(signed, 7);
}

#[test]
fn f120_whole_requests_equal_the_vectors_byte_for_byte() {
    let Some(vectors) = vectors() else { return };
    let credentials = Credentials::new(text(&vectors, "apiKey"), text(&vectors, "secret"));
    let mut built = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let url = text(case, "url");
        let (method, path) = match (
            text(case, "method"),
            url.rsplit_once("com").unwrap_or_default().1,
        ) {
            ("GET", "/fapi/v3/positionRisk") => (Method::GET, "/fapi/v3/positionRisk"),
            ("POST", "/fapi/v1/order") => (Method::POST, "/fapi/v1/order"),
            ("DELETE", "/api/v3/order") => (Method::DELETE, "/api/v3/order"),
            ("GET", "/api/v3/account") => (Method::GET, "/api/v3/account"),
            ("POST", "/api/v3/order") => (Method::POST, "/api/v3/order"),
            _ => continue,
        };
        let names = [
            "symbol",
            "side",
            "type",
            "timeInForce",
            "quantity",
            "price",
            "newClientOrderId",
            "origClientOrderId",
        ];
        let fields = text(case, "prehash").split('&').filter_map(|field| {
            let (name, value) = field.split_once('=')?;
            let name = names.into_iter().find(|known| *known == name)?;
            Some((name, value.to_owned()))
        });
        let request = request(method, path, fields.collect());
        let endpoints = venue().endpoints().clone();
        let wire = finish(
            &endpoints,
            VECTOR_WINDOW_MS,
            &request,
            Some(&credentials),
            now(),
        )
        .unwrap();
        let expected = format!(
            "{}&signature={}",
            text(case, "prehash"),
            text(case, "signature")
        );
        assert_eq!(signed_part(&wire), expected, "{url}");
        assert_eq!(wire.headers["x-mbx-apikey"], text(&vectors, "apiKey"));
        assert_eq!(wire.url.path(), path);
        built += 1;
    }
    assert_eq!(built, 5);
}

#[test]
fn f120_what_is_signed_is_what_is_sent_also_for_odd_characters() {
    let fields = vec![
        ("symbol", "币安人生USDT".to_owned()),
        ("newClientOrderId", "a:b/c d'\"".to_owned()),
    ];
    let credentials = Credentials::new("key", "secret");
    for method in [Method::GET, Method::POST] {
        let request = request(method, "/fapi/v1/order", fields.clone());
        let wire = finish(
            &venue().endpoints().clone(),
            5_000,
            &request,
            Some(&credentials),
            now(),
        );
        let sent = signed_part(&wire.unwrap());
        let (payload, sent_signature) = sent.rsplit_once("&signature=").unwrap();
        assert_eq!(signature(b"secret", payload.as_bytes()), sent_signature);
        assert!(
            payload.contains("symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT"),
            "{payload}"
        );
        assert!(payload.is_ascii());
    }
}

#[test]
fn f117_the_time_comes_in_as_a_value_and_the_window_is_the_venue_s_default() {
    let venue = venue();
    let context = super::context(["SOLUSDT"]);
    let order = NewOrder {
        index: index(7),
        side: chimera_model::Side::Buy,
        quantity: super::decimal("1"),
        kind: OrderKind::Market,
        reduce_only: false,
    };
    let call = venue
        .place(&context, &instrument("SOLUSDT"), &order)
        .unwrap();
    let credentials = Credentials::new("key", "secret");
    let wire = venue
        .finish(&call.request, Some(&credentials), now())
        .unwrap();
    let body = signed_part(&wire);
    assert!(
        body.starts_with(&format!("timestamp={NOW_MS}&symbol=SOLUSDT&")),
        "{body}"
    );
    assert!(body.contains("&recvWindow=5000&signature="), "{body}");
    assert_eq!(
        wire.headers["content-type"],
        "application/x-www-form-urlencoded"
    );
}

#[test]
fn f119_a_request_that_needs_credentials_is_not_built_without_them() {
    let venue = venue();
    let request = venue.positions(&super::context([])).request;
    let error = venue.finish(&request, None, now()).unwrap_err();
    assert_eq!(error.class, ErrorClass::NotBuilt);
    let bad = Credentials::new("line\nbreak", "secret");
    let error = venue.finish(&request, Some(&bad), now()).unwrap_err();
    assert!(!error.to_string().contains("break"), "{error}");
}

#[test]
fn h061_secrets_are_in_no_debug_text() {
    let venue = venue();
    let credentials = Credentials::new("canary-key", "canary-secret");
    let session = crate::SessionKey::new("canary-session");
    let request = venue.positions(&super::context([])).request;
    let wire = venue.finish(&request, Some(&credentials), now()).unwrap();
    let plan = venue
        .private_stream(&super::access(&session, &credentials))
        .unwrap();
    assert!(plan.url.expose().as_str().contains("canary-session"));
    let shown = format!("{credentials:?} {session:?} {request:?} {wire:?} {plan:?} {venue:?}");
    assert!(
        !shown.contains("canary") && !shown.contains("signature"),
        "{shown}"
    );
}

#[test]
fn a_base_address_with_a_path_keeps_it() {
    let mut endpoints = venue().endpoints().clone();
    endpoints.rest = url::Url::parse("http://127.0.0.1:9101/binance-usdm/").unwrap();
    let request = venue().server_time().request;
    let wire = finish(&endpoints, 5_000, &request, None, now()).unwrap();
    assert_eq!(
        wire.url.as_str(),
        "http://127.0.0.1:9101/binance-usdm/fapi/v1/time"
    );
    assert!(wire.headers.is_empty() && wire.body.is_empty());
}
