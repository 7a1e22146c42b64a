//! What answers that are no results prove.

use std::collections::HashSet;
use std::time::Duration;

use chimera_model::Side;

use super::{answered, context, decimal, index, instrument, venue};
use crate::backpack::error_table::CODES;
use crate::error::{ErrorClass, Evidence, VenueError};
use crate::tests::answers::answered_with;
use crate::{NewOrder, Operation, OrderKey, OrderKind, VenueAdapter};

fn asked(operation: Operation, status: u16, body: &str) -> VenueError {
    asked_with(operation, status, &[], body)
}

fn asked_with(
    operation: Operation,
    status: u16,
    fields: &[(&'static str, &'static str)],
    body: &str,
) -> VenueError {
    let (venue, context) = (venue(), context(["SOL_USDC_PERP"]));
    let sol = instrument("SOL_USDC_PERP");
    let order = NewOrder {
        index: index(7),
        side: Side::Buy,
        quantity: decimal("1"),
        kind: OrderKind::Market,
        reduce_only: false,
    };
    let key = OrderKey::Index(index(7));
    let call = match operation {
        Operation::Place => venue.place(&context, &sol, &order).unwrap(),
        Operation::Cancel => venue.cancel(&context, &sol, &key).unwrap(),
        _ => venue.order(&context, &sol, &key, None).unwrap().remove(0),
    };
    assert_eq!(call.request.operation, operation);
    answered_with(&call, status, fields, body).unwrap_err()
}

fn failure(code: &str, message: &str) -> String {
    serde_json::json!({"code": code, "message": message}).to_string()
}

fn coded(operation: Operation, code: &str) -> ErrorClass {
    asked(operation, 400, &failure(code, "text")).class
}

fn worded(operation: Operation, code: &str, message: &str) -> ErrorClass {
    asked(operation, 400, &failure(code, message)).class
}

#[test]
fn every_code_of_the_table_is_read_as_the_table_says() {
    let mut seen = HashSet::new();
    for code in CODES {
        assert!(seen.insert(code.code), "{} stands twice", code.code);
        for operation in [Operation::Place, Operation::Cancel, Operation::Query] {
            assert_eq!(
                coded(operation, code.code),
                code.class(operation),
                "{}",
                code.code
            );
        }
    }
}

/// One line a code of the venue's schema: what it means for a placement, a cancel and a query.
#[test]
fn every_code_of_the_schema_means_what_stands_here() {
    use ErrorClass::{
        AlreadyGone as Gone, AuthFailure as Auth, FilterRefused as Filter,
        InstrumentUnavailable as Market, InsufficientMargin as Margin, NotFound, RateLimited,
        Refused, RetryLater as Later, Unknown,
    };
    let expected = [
        ("ACCOUNT_DEACTIVATED", Auth, Auth, Auth),
        ("ACCOUNT_LIQUIDATING", Refused, Unknown, Refused),
        ("BORROW_LIMIT", Margin, Unknown, Refused),
        ("BORROW_REQUIRES_LEND_REDEEM", Margin, Unknown, Refused),
        ("FORBIDDEN", Auth, Auth, Auth),
        ("INSUFFICIENT_FUNDS", Margin, Unknown, Refused),
        ("INSUFFICIENT_MARGIN", Margin, Unknown, Refused),
        ("INSUFFICIENT_SUPPLY", Margin, Unknown, Refused),
        ("INVALID_ASSET", Market, Market, Market),
        ("INVALID_CLIENT_REQUEST", Refused, Refused, Refused),
        ("INVALID_MARKET", Market, Market, Market),
        ("INVALID_ORDER", Refused, Unknown, Refused),
        ("INVALID_PRICE", Filter, Unknown, Refused),
        ("INVALID_POSITION_ID", Refused, Refused, Refused),
        ("INVALID_QUANTITY", Filter, Unknown, Refused),
        ("INVALID_RANGE", Refused, Refused, Refused),
        ("INVALID_SIGNATURE", Auth, Auth, Auth),
        ("INVALID_SOURCE", Auth, Auth, Auth),
        ("INVALID_SYMBOL", Market, Market, Market),
        ("INVALID_TWO_FACTOR_CODE", Auth, Auth, Auth),
        ("LEND_LIMIT", Refused, Unknown, Refused),
        ("LEND_REQUIRES_BORROW_REPAY", Refused, Unknown, Refused),
        ("MAINTENANCE", Later, Later, Later),
        ("MAX_LEVERAGE_REACHED", Margin, Unknown, Refused),
        ("NOT_IMPLEMENTED", Refused, Refused, Refused),
        ("ORDER_LIMIT", Refused, Unknown, Refused),
        ("POSITION_LIMIT", Refused, Unknown, Refused),
        ("PRECONDITION_FAILED", Unknown, Unknown, Later),
        ("RESOURCE_NOT_FOUND", Unknown, Gone, NotFound),
        ("SERVER_ERROR", Unknown, Unknown, Later),
        ("TIMEOUT", Unknown, Unknown, Later),
        ("TOO_EARLY", Unknown, Unknown, Later),
        ("TOO_MANY_REQUESTS", RateLimited, RateLimited, RateLimited),
        ("TRADING_PAUSED", Market, Market, Market),
        ("UNAUTHORIZED", Auth, Auth, Auth),
    ];
    assert_eq!(CODES.len(), expected.len());
    for (code, place, cancel, query) in expected {
        assert_eq!(coded(Operation::Place, code), place, "placing: {code}");
        assert_eq!(coded(Operation::Cancel, code), cancel, "cancelling: {code}");
        assert_eq!(coded(Operation::Query, code), query, "asking: {code}");
    }
}

#[test]
fn f001_codes_of_unknown_outcome_and_codes_not_listed_prove_nothing() {
    for code in [
        "TIMEOUT",
        "SERVER_ERROR",
        "SOMETHING_NEW",
        "",
        "timeout",
        "-1",
    ] {
        for operation in [Operation::Place, Operation::Cancel] {
            let class = coded(operation, code);
            let expected = (ErrorClass::Unknown, Evidence::Nothing);
            assert_eq!((class, class.evidence()), expected, "{code}");
        }
    }
}

#[test]
fn f002_a_fault_of_a_server_is_not_a_failure_of_the_order() {
    for status in [500, 502, 503, 504, 520, 408] {
        for body in [
            "",
            &failure("SERVER_ERROR", "Internal error"),
            &failure("INSUFFICIENT_MARGIN", "x"),
            &failure("MAINTENANCE", "x"),
            "<html>",
        ] {
            for operation in [Operation::Place, Operation::Cancel] {
                let error = asked(operation, status, body);
                assert_eq!(error.class, ErrorClass::Unknown, "{status} {body}");
            }
            let class = asked(Operation::Query, status, body).class;
            assert_eq!(class, ErrorClass::RetryLater, "{status} {body}");
        }
    }
}

#[test]
fn f003_a_duplicate_client_id_proves_that_the_first_order_lives() {
    for (code, message) in [
        ("INVALID_CLIENT_REQUEST", "Client ID already exists"),
        ("INVALID_ORDER", "Duplicate clientId"),
        ("INVALID_CLIENT_REQUEST", "client order id is in use"),
    ] {
        let class = worded(Operation::Place, code, message);
        let expected = (ErrorClass::DuplicateClientId, Evidence::OrderExists);
        assert_eq!((class, class.evidence()), expected, "{message}");
    }
}

#[test]
fn f018_a_cancel_of_what_is_not_open_is_never_read_as_cancelled() {
    for (code, message) in [
        ("RESOURCE_NOT_FOUND", "Not Found"),
        ("INVALID_ORDER", "Order not found"),
        ("INVALID_CLIENT_REQUEST", "Order not found"),
    ] {
        let class = worded(Operation::Cancel, code, message);
        let expected = (ErrorClass::AlreadyGone, Evidence::OrderMissing);
        assert_eq!((class, class.evidence()), expected, "{message}");
    }
}

#[test]
fn two_codes_stand_for_several_refusals_which_their_words_tell_apart() {
    use ErrorClass::{
        AuthFailure, FilterRefused, InstrumentUnavailable, PostOnlyRefused, ReduceOnlyRefused,
        Refused, Timestamp,
    };
    for (message, place, cancel) in [
        ("Invalid signature", AuthFailure, AuthFailure),
        ("Invalid API key", AuthFailure, AuthFailure),
        ("Request has expired", Timestamp, Timestamp),
        ("Invalid timestamp", Timestamp, Timestamp),
        (
            "Invalid market symbol",
            InstrumentUnavailable,
            InstrumentUnavailable,
        ),
        ("Price decimal too long", FilterRefused, Refused),
        ("Quantity decimal too long", FilterRefused, Refused),
        (
            "Quantity is below the minimum allowed value",
            FilterRefused,
            Refused,
        ),
        (
            "Order would immediately match and take",
            PostOnlyRefused,
            Refused,
        ),
        ("Post only order would take", PostOnlyRefused, Refused),
        ("Reduce only order not reduced", ReduceOnlyRefused, Refused),
        (
            "Must specify both `triggerPrice` and `triggerQuantity` or neither",
            Refused,
            Refused,
        ),
    ] {
        let code = "INVALID_CLIENT_REQUEST";
        assert_eq!(worded(Operation::Place, code, message), place, "{message}");
        assert_eq!(
            worded(Operation::Cancel, code, message),
            cancel,
            "{message}"
        );
    }
    // Words never widen another code: only its own class counts.
    let class = worded(
        Operation::Place,
        "SERVER_ERROR",
        "Post only order would take",
    );
    assert_eq!(class, ErrorClass::Unknown);
    let class = worded(Operation::Cancel, "TIMEOUT", "Order not found");
    assert_eq!(class, ErrorClass::Unknown);
}

#[test]
fn f112_limits_carry_the_wait_that_was_asked_for() {
    let body = failure("TOO_MANY_REQUESTS", "Too many requests");
    let wait = [("retry-after", "17")];
    let error = asked_with(Operation::Place, 429, &wait, &body);
    assert_eq!(error.class, ErrorClass::RateLimited);
    assert_eq!(error.retry_after, Some(Duration::from_secs(17)));
    assert_eq!(error.venue_code.as_deref(), Some("TOO_MANY_REQUESTS"));
}

#[test]
fn f112_a_limit_that_is_not_the_venue_s_own_word_leaves_doubt_about_an_order() {
    for page in ["<html>429 Too Many Requests</html>", "error code: 1015", ""] {
        let error = asked(Operation::Place, 429, page);
        assert_eq!(error.class, ErrorClass::Unknown, "{page}");
        let error = asked(Operation::Query, 429, page);
        assert_eq!(error.class, ErrorClass::RateLimited, "{page}");
    }
}

#[test]
fn f110_a_page_in_place_of_json_is_typed_and_not_quoted() {
    let page = "<!DOCTYPE html><html>canary session=secret</html>";
    for (status, query) in [
        (200, ErrorClass::Unreadable),
        (202, ErrorClass::Unreadable),
        (301, ErrorClass::Unreadable),
        (400, ErrorClass::Unreadable),
        (403, ErrorClass::Unreadable),
        (502, ErrorClass::RetryLater),
    ] {
        let class = asked(Operation::Place, status, page).class;
        assert_eq!(class, ErrorClass::Unknown, "{status}");
        let class = asked(Operation::Cancel, status, page).class;
        assert_eq!(class, ErrorClass::Unknown, "{status}");
        let error = asked(Operation::Query, status, page);
        assert_eq!(error.class, query, "{status}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn a_request_that_could_not_be_parsed_is_refused_in_plain_text() {
    let text = "parse request payload error: failed to parse \"string(decimal)\"";
    let error = asked(Operation::Place, 400, text);
    assert_eq!(
        (error.class, error.detail.as_str()),
        (ErrorClass::Refused, text)
    );
    let class = asked(Operation::Place, 400, "some other text").class;
    assert_eq!(class, ErrorClass::Unknown);
}

#[test]
fn f012_an_error_code_in_a_good_answer_is_an_error() {
    let body = failure("INSUFFICIENT_MARGIN", "Insufficient margin");
    for status in [200, 202] {
        let class = asked(Operation::Place, status, &body).class;
        assert_eq!(class, ErrorClass::InsufficientMargin);
    }
    for body in ["{}", "", "null", "[]", "{\"code\":200}"] {
        let class = asked(Operation::Place, 200, body).class;
        assert_eq!(class, ErrorClass::Unknown, "{body}");
    }
    // Only a cancel may be accepted without a body.
    assert_eq!(asked(Operation::Place, 202, "").class, ErrorClass::Unknown);
    assert_eq!(asked(Operation::Cancel, 200, "").class, ErrorClass::Unknown);
}

#[test]
fn h054_words_of_the_venue_are_bounded_and_printable() {
    let message = format!("a\u{1b}[31m\r\n{}", "x".repeat(1 << 16));
    let error = asked(Operation::Query, 400, &failure("INVALID_ORDER", &message));
    assert_eq!(error.detail.chars().count(), 256);
    assert!(!error.detail.chars().any(char::is_control));
    let error = asked(Operation::Query, 400, &failure(&"C".repeat(1 << 16), "x"));
    let code = error.venue_code.unwrap();
    assert!(code.chars().count() <= 256, "{}", code.len());
}

#[test]
fn h056_hostile_bodies_are_errors_and_not_panics() {
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let wide = format!("{{\"code\":{}}}", "9".repeat(100_000));
    for body in [
        &nested,
        &wide,
        "{\"code\":\"A\",\"code\":\"B\"}",
        "\u{feff}{}",
        "nul",
        "{\"code\":1e400}",
    ] {
        for status in [200, 400] {
            let class = asked(Operation::Place, status, body).class;
            assert_eq!(class, ErrorClass::Unknown);
        }
    }
    let error = answered(&venue().positions(&context([])), 200, b"\xff\xfe[]");
    assert_eq!(error.unwrap_err().class, ErrorClass::Unreadable);
}
