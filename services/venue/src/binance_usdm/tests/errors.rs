//! What answers that are no results prove.

use std::collections::HashSet;
use std::time::Duration;

use super::{answered, answered_with, context, index, instrument, venue};
use crate::binance_usdm::CODES;
use crate::error::{ErrorClass, Evidence, VenueError};
use crate::{NewOrder, Operation, OrderKey, OrderKind};

fn asked(operation: Operation, status: u16, body: &str) -> VenueError {
    asked_with(operation, status, &[], body)
}

fn asked_with(
    operation: Operation,
    status: u16,
    fields: &[(&'static str, &'static str)],
    body: &str,
) -> VenueError {
    let (venue, context, sol) = (venue(), context(["SOLUSDT"]), instrument("SOLUSDT"));
    let order = NewOrder {
        index: index(7),
        side: chimera_model::Side::Buy,
        quantity: super::decimal("1"),
        kind: OrderKind::Market,
        reduce_only: false,
    };
    let key = OrderKey::Index(index(7));
    let call = match operation {
        Operation::Place => venue.place(&context, &sol, &order).unwrap(),
        Operation::Cancel => venue.cancel(&context, &sol, &key).unwrap(),
        Operation::Query => venue.order(&context, &sol, &key, None).unwrap().remove(0),
        Operation::Session => {
            return answered_with(
                &venue.extend_session(&crate::SessionKey::new("k")).unwrap(),
                status,
                fields,
                body,
            )
            .unwrap_err();
        }
    };
    assert_eq!(call.request.operation, operation);
    answered_with(&call, status, fields, body).unwrap_err()
}

fn coded(operation: Operation, code: i32) -> ErrorClass {
    asked(
        operation,
        400,
        &format!("{{\"code\":{code},\"msg\":\"text\"}}"),
    )
    .class
}

#[test]
fn every_code_of_the_table_is_read_as_the_table_says() {
    let mut seen = HashSet::new();
    for code in CODES {
        assert!(seen.insert(code.code), "{} stands twice", code.code);
        assert!(code.page().contains(&format!("#{}-", code.code)));
        for operation in [
            Operation::Place,
            Operation::Cancel,
            Operation::Query,
            Operation::Session,
        ] {
            assert_eq!(
                coded(operation, code.code),
                code.class(operation),
                "{}",
                code.name
            );
        }
    }
    assert!(CODES.len() > 90);
}

#[test]
fn f001_codes_of_unknown_outcome_prove_nothing() {
    for code in [
        -1000, -1001, -1006, -1007, -1016, -2012, -9999, -4999, -99999,
    ] {
        for operation in [Operation::Place, Operation::Cancel] {
            let class = coded(operation, code);
            assert_eq!(
                (class, class.evidence()),
                (ErrorClass::Unknown, Evidence::Nothing),
                "{code}"
            );
        }
    }
}

#[test]
fn f002_a_fault_of_a_server_is_not_a_failure_of_the_order() {
    for status in [500, 502, 503, 504, 520, 408] {
        for body in [
            "",
            "{\"code\":-1007,\"msg\":\"Timeout\"}",
            "{\"code\":-2019,\"msg\":\"x\"}",
            "<html>",
        ] {
            for operation in [Operation::Place, Operation::Cancel] {
                let error = asked(operation, status, body);
                assert_eq!(error.class, ErrorClass::Unknown, "{status} {body}");
            }
            assert_eq!(
                asked(Operation::Query, status, body).class,
                ErrorClass::RetryLater
            );
        }
    }
}

#[test]
fn f003_a_duplicate_client_id_proves_that_the_first_order_lives() {
    let class = coded(Operation::Place, -4116);
    assert_eq!(
        (class, class.evidence()),
        (ErrorClass::DuplicateClientId, Evidence::OrderExists)
    );
    let body = "{\"code\":-2010,\"msg\":\"Duplicate order sent.\"}";
    assert_eq!(
        asked(Operation::Place, 400, body).class,
        ErrorClass::DuplicateClientId
    );
    assert_eq!(coded(Operation::Place, -2010), ErrorClass::Refused);
}

#[test]
fn f018_an_order_that_is_not_found_is_never_read_as_cancelled() {
    let cancel = coded(Operation::Cancel, -2011);
    assert_eq!(
        (cancel, cancel.evidence()),
        (ErrorClass::AlreadyGone, Evidence::OrderMissing)
    );
    assert_eq!(coded(Operation::Cancel, -2013), ErrorClass::AlreadyGone);
    assert_eq!(coded(Operation::Query, -2013), ErrorClass::NotFound);
    assert_eq!(coded(Operation::Place, -2013), ErrorClass::Unknown);
    assert_eq!(coded(Operation::Place, -2011), ErrorClass::Unknown);
}

#[test]
fn definitive_refusals_prove_that_no_order_exists() {
    for (code, class) in [
        (-1013, ErrorClass::FilterRefused),
        (-1111, ErrorClass::FilterRefused),
        (-1121, ErrorClass::InstrumentUnavailable),
        (-2018, ErrorClass::InsufficientMargin),
        (-2019, ErrorClass::InsufficientMargin),
        (-2022, ErrorClass::ReduceOnlyRefused),
        (-4118, ErrorClass::ReduceOnlyRefused),
        (-4061, ErrorClass::WrongAccountMode),
        (-4164, ErrorClass::FilterRefused),
        (-5022, ErrorClass::PostOnlyRefused),
        (-1021, ErrorClass::Timestamp),
        (-5028, ErrorClass::Timestamp),
        (-1008, ErrorClass::RetryLater),
        (-1015, ErrorClass::RateLimited),
    ] {
        assert_eq!(coded(Operation::Place, code), class, "{code}");
        assert_eq!(class.evidence(), Evidence::NoEffect, "{code}");
    }
}

#[test]
fn refusals_of_placements_prove_nothing_about_a_cancel() {
    for code in [
        -2010, -2018, -2019, -2022, -4014, -4061, -4116, -4164, -5021, -5022,
    ] {
        assert_eq!(
            coded(Operation::Cancel, code),
            ErrorClass::Unknown,
            "{code}"
        );
    }
}

#[test]
fn f119_keys_and_signatures_fail_closed() {
    for code in [-1002, -1022, -2014, -2015, -2017] {
        for operation in [
            Operation::Place,
            Operation::Cancel,
            Operation::Query,
            Operation::Session,
        ] {
            assert_eq!(coded(operation, code), ErrorClass::AuthFailure, "{code}");
        }
    }
    assert_eq!(coded(Operation::Session, -1125), ErrorClass::SessionExpired);
}

#[test]
fn f112_limits_and_bans_carry_the_wait_that_was_asked_for() {
    let body = "{\"code\":-1003,\"msg\":\"Too many requests; current limit is 2400\"}";
    let wait = [("retry-after", "17")];
    let error = asked_with(Operation::Place, 429, &wait, body);
    assert_eq!(error.class, ErrorClass::RateLimited);
    assert_eq!(error.retry_after, Some(Duration::from_secs(17)));
    assert_eq!(error.venue_code.as_deref(), Some("-1003"));
    let error = asked_with(Operation::Query, 418, &[("retry-after", "120")], body);
    assert_eq!(
        (error.class, error.retry_after),
        (ErrorClass::Banned, Some(Duration::from_secs(120)))
    );
    let error = asked_with(Operation::Query, 418, &[("retry-after", "99999999999")], "");
    assert_eq!(error.retry_after, Some(Duration::from_secs(259_200)));
    for odd in [
        "",
        "-1",
        "1.5",
        "soon",
        "Wed, 21 Oct 2026 07:28:00 GMT",
        "99999999999999999999999",
    ] {
        let odd: &'static str = odd;
        let error = asked_with(Operation::Query, 429, &[("retry-after", odd)], body);
        assert_eq!(error.retry_after, None, "{odd}");
    }
}

#[test]
fn f112_a_limit_that_is_not_the_venue_s_own_word_leaves_doubt_about_an_order() {
    let error = asked(Operation::Place, 429, "<html>429 Too Many Requests</html>");
    assert_eq!(error.class, ErrorClass::Unknown);
    let error = asked(Operation::Query, 429, "<html>429 Too Many Requests</html>");
    assert_eq!(error.class, ErrorClass::RateLimited);
}

#[test]
fn f110_a_page_in_place_of_json_is_typed_and_not_quoted() {
    let page = "<!DOCTYPE html><html>canary session=secret</html>";
    for (status, place, query) in [
        (200, ErrorClass::Unknown, ErrorClass::Unreadable),
        (403, ErrorClass::Unknown, ErrorClass::Unreadable),
        (502, ErrorClass::Unknown, ErrorClass::RetryLater),
        (301, ErrorClass::Unknown, ErrorClass::Unreadable),
    ] {
        assert_eq!(
            asked(Operation::Place, status, page).class,
            place,
            "{status}"
        );
        let error = asked(Operation::Query, status, page);
        assert_eq!(error.class, query, "{status}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let error = asked(Operation::Query, 403, page);
    assert_eq!(error.detail, "status 403 with a page of markup of 49 bytes");
}

#[test]
fn f012_an_error_code_in_a_good_answer_is_an_error() {
    let body = "{\"code\":-2019,\"msg\":\"Margin is insufficient.\"}";
    assert_eq!(
        asked(Operation::Place, 200, body).class,
        ErrorClass::InsufficientMargin
    );
    assert_eq!(
        asked(Operation::Place, 200, "{}").class,
        ErrorClass::Unknown
    );
    assert_eq!(asked(Operation::Place, 200, "").class, ErrorClass::Unknown);
    assert_eq!(
        asked(Operation::Place, 200, "{\"code\":200}").class,
        ErrorClass::Unknown
    );
}

#[test]
fn h054_words_of_the_venue_are_bounded_and_printable() {
    let body = format!(
        "{{\"code\":-1,\"msg\":\"a\\u001b[31m\\r\\n{}\"}}",
        "x".repeat(1 << 16)
    );
    let error = asked(Operation::Query, 400, &body);
    assert_eq!(error.detail.chars().count(), 256);
    assert!(!error.detail.chars().any(char::is_control));
}

#[test]
fn h056_hostile_bodies_are_errors_and_not_panics() {
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let wide = format!("{{\"code\":{}}}", "9".repeat(100_000));
    let bodies = [
        &nested,
        &wide,
        "{\"code\":-1,\"code\":-2}",
        "\u{feff}{}",
        "nul",
        "{\"code\":1e400}",
    ];
    for body in bodies {
        for status in [200, 400] {
            assert_eq!(
                asked(Operation::Place, status, body).class,
                ErrorClass::Unknown
            );
        }
    }
    let call = venue().positions(&context([]));
    assert_eq!(
        answered(&call, 200, b"\xff\xfe[]").unwrap_err().class,
        ErrorClass::Unreadable
    );
}
