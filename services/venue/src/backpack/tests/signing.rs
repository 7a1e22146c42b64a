//! The signature, byte for byte.

use std::collections::BTreeMap;

use chimera_model::Side;
use http::Method;
use serde_json::Value;

use super::{KEY, NOW_MS, SEED, context, credentials, index, instrument, now};
use super::{recorded_folder, venue};
use crate::backpack::sign::{finish, prehash, sign};
use crate::error::ErrorClass;
use crate::{
    Auth, Body, Credentials, NewOrder, Operation, OrderKind, Priority, PrivateAccess, VenueAdapter,
    VenueRequest,
};

fn vectors() -> Option<Value> {
    let path = recorded_folder()?.join("venues/backpack/signing_vectors.json");
    let text = std::fs::read(path).unwrap();
    let vectors: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(vectors["apiKey_verifying_b64"], KEY);
    assert_eq!(vectors["secret_seed_b64"], SEED);
    assert_eq!(vectors["timestamp_ms"], NOW_MS);
    Some(vectors)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// The instruction and the fields of a vector's prehash.
fn parts(prehash: &str) -> (String, BTreeMap<&str, &str>) {
    let mut fields: BTreeMap<&str, &str> = prehash
        .split('&')
        .map(|field| field.split_once('=').unwrap())
        .collect();
    let instruction = fields.remove("instruction").unwrap().to_owned();
    fields.remove("timestamp").unwrap();
    fields.remove("window").unwrap();
    (instruction, fields)
}

#[test]
fn f120_signatures_equal_the_vectors_byte_for_byte() {
    let Some(vectors) = vectors() else { return };
    let mut signed = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let expected = text(case, "prehash");
        let (instruction, fields) = parts(expected);
        let built = prehash(&instruction, &fields, &NOW_MS.to_string(), "5000");
        assert_eq!(built, expected);
        let made = sign(&credentials(), &instruction, &fields, now()).unwrap();
        let signature = case["X-Signature"]
            .as_str()
            .unwrap_or_else(|| case["frame"]["signature"][1].as_str().unwrap());
        assert_eq!(made.signature, signature, "{expected}");
        signed += 1;
    }
    assert_eq!(signed, 5);
}

#[test]
fn f120_whole_requests_equal_the_vectors_byte_for_byte() {
    let Some(vectors) = vectors() else { return };
    let mut built = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let (endpoint, method, path) = match (text(case, "method"), text(case, "path")) {
            ("GET", "/api/v1/capital") => ("account.balances", Method::GET, "/api/v1/capital"),
            ("GET", "/api/v1/orders") => ("order.open", Method::GET, "/api/v1/orders"),
            ("POST", "/api/v1/order") => ("order.place", Method::POST, "/api/v1/order"),
            ("DELETE", "/api/v1/order") => ("order.cancel", Method::DELETE, "/api/v1/order"),
            _ => continue,
        };
        let symbol = case["params"]["symbol"].as_str();
        let query = if method == Method::GET {
            symbol.map(|symbol| ("symbol", symbol.to_owned()))
        } else {
            None
        };
        let request = VenueRequest {
            operation: Operation::Query,
            endpoint,
            method: method.clone(),
            path,
            query: query.into_iter().collect(),
            body: match case["body"].as_str() {
                Some(body) => Body::Json(body.to_owned()),
                None => Body::Empty,
            },
            auth: Auth::Signed,
            charges: Vec::new(),
            priority: Priority::Read,
            repeatable: true,
        };
        let endpoints = venue().endpoints().clone();
        let wire = finish(&endpoints, &request, Some(&credentials()), now()).unwrap();
        assert_eq!(
            (&wire.method, wire.url.as_str()),
            (&method, text(case, "url"))
        );
        assert_eq!(wire.body, case["body"].as_str().unwrap_or_default());
        for (name, expected) in [
            ("x-api-key", KEY),
            ("x-signature", text(case, "X-Signature")),
            ("x-timestamp", "1700000000123"),
            ("x-window", "5000"),
        ] {
            assert_eq!(wire.headers[name], expected, "{path} {name}");
            assert!(wire.headers[name].is_sensitive(), "{name}");
        }
        built += 1;
    }
    assert_eq!(built, 4);
}

#[test]
fn f120_what_the_adapter_builds_equals_the_vectors() {
    let Some(vectors) = vectors() else { return };
    let venue = venue();
    let context = context(["SOL_USDC"]);
    let sol = instrument("SOL_USDC");
    for (case, request) in [
        (0, venue.balances(&context).request),
        (1, venue.open_orders(&context, Some(&sol)).request),
    ] {
        let case = &vectors["cases"][case];
        let wire = venue.finish(&request, Some(&credentials()), now()).unwrap();
        assert_eq!(wire.url.as_str(), text(case, "url"));
        assert_eq!(wire.headers["x-signature"], text(case, "X-Signature"));
        assert!(wire.body.is_empty() && !wire.headers.contains_key("content-type"));
    }
    let access = PrivateAccess {
        session: None,
        credentials: &credentials(),
        venue_now: now(),
    };
    let plan = venue.private_stream(&access).unwrap();
    assert_eq!(plan.url.expose().as_str(), "wss://ws.backpack.exchange/");
    let [frame] = plan.frames.as_slice() else {
        panic!("{plan:?}")
    };
    let sent: Value = serde_json::from_str(&frame.text).unwrap();
    assert_eq!(sent, vectors["cases"][4]["frame"]);
    let shown = format!("{plan:?}");
    assert!(!shown.contains("flM7br0ZqlCS2JR8"), "{shown}");
}

/// The pages' own example of a cancel, and how truths and absent fields are signed.
#[test]
fn f120_fields_are_signed_sorted_and_without_the_quotes_of_json() {
    let fields = BTreeMap::from([("symbol", "BTC_USDT"), ("orderId", "28")]);
    assert_eq!(
        prehash("orderCancel", &fields, "1614550000000", "5000"),
        "instruction=orderCancel&orderId=28&symbol=BTC_USDT&timestamp=1614550000000&window=5000"
    );
    let order = NewOrder {
        index: index(42),
        side: Side::Sell,
        quantity: super::decimal("1.50"),
        kind: OrderKind::Market,
        reduce_only: true,
    };
    let (venue, perp) = (venue(), instrument("SOL_USDC_PERP"));
    let call = venue.place(&context(["SOL_USDC_PERP"]), &perp, &order);
    let wire = venue
        .finish(&call.unwrap().request, Some(&credentials()), now())
        .unwrap();
    let (_, fields) = parts(
        "instruction=orderExecute&clientId=2147483690&orderType=Market&quantity=1.5\
         &reduceOnly=true&side=Ask&symbol=SOL_USDC_PERP&timestamp=0&window=0",
    );
    let expected = sign(&credentials(), "orderExecute", &fields, now()).unwrap();
    assert_eq!(wire.headers["x-signature"], expected.signature);
    assert_eq!(
        wire.headers["content-type"],
        "application/json; charset=utf-8"
    );
}

#[test]
fn f119_a_request_is_not_built_without_credentials_that_can_sign_it() {
    let venue = venue();
    let request = venue.positions(&context([])).request;
    let refused = |credentials: Option<&Credentials>| {
        let error = venue.finish(&request, credentials, now()).unwrap_err();
        assert_eq!(error.class, ErrorClass::NotBuilt);
        error.to_string()
    };
    refused(None);
    let other_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (key, secret) in [
        (KEY, "no base64!"),
        ("no base64!", SEED),
        (KEY, "c2hvcnQ="),
        (other_key, SEED),
        ("", ""),
    ] {
        let error = refused(Some(&Credentials::new(key, secret)));
        assert!(secret.is_empty() || !error.contains(secret), "{error}");
        let access = PrivateAccess {
            session: None,
            credentials: &Credentials::new(key, secret),
            venue_now: now(),
        };
        assert!(venue.private_stream(&access).is_err(), "{key}");
    }
}

#[test]
fn h061_secrets_are_in_no_debug_text() {
    let (venue, credentials) = (venue(), credentials());
    let request = venue.positions(&context([])).request;
    let wire = venue.finish(&request, Some(&credentials), now()).unwrap();
    let signature = wire.headers["x-signature"].to_str().unwrap();
    let shown = format!("{credentials:?} {request:?} {wire:?} {venue:?}");
    for secret in [SEED, KEY, signature] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn f119_a_signed_request_without_an_instruction_is_not_built() {
    let venue = venue();
    let mut request = venue.positions(&context([])).request;
    request.endpoint = "account.unheard_of";
    let error = venue
        .finish(&request, Some(&credentials()), now())
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::NotBuilt);
}

#[test]
fn a_form_body_is_not_built() {
    let venue = venue();
    let mut request = venue.server_time().request;
    request.body = Body::Form(vec![("symbol", "SOL_USDC".to_owned())]);
    let error = venue.finish(&request, None, now()).unwrap_err();
    assert_eq!(error.class, ErrorClass::NotBuilt);
}

#[test]
fn a_base_address_with_a_path_keeps_it_and_public_requests_bear_no_key() {
    let mut endpoints = venue().endpoints().clone();
    endpoints.rest = url::Url::parse("http://127.0.0.1:9102/backpack/").unwrap();
    let request = venue().server_time().request;
    let wire = finish(&endpoints, &request, Some(&credentials()), now()).unwrap();
    assert_eq!(
        wire.url.as_str(),
        "http://127.0.0.1:9102/backpack/api/v1/time"
    );
    assert!(wire.headers.is_empty() && wire.body.is_empty());
}
