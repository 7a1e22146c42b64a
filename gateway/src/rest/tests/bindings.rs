use chimera_runtime::fault::{Fault, fields_of, into_status};
use http::Method;
use proptest::prelude::*;

use super::fixture::{FIXTURE, at};
use crate::refusal::Refusal;

fn get(target: &str) -> Result<prost_reflect::DynamicMessage, Refusal> {
    FIXTURE.bind(Method::GET, target, "")
}

/// The reason and the blamed field of a refusal.
fn blame(refusal: Refusal) -> (&'static str, String) {
    let reason = refusal.reason();
    let fields = fields_of(&into_status(refusal));
    (
        reason,
        fields
            .first()
            .map(|field| field.field.clone())
            .unwrap_or_default(),
    )
}

#[test]
fn a_query_sets_scalars_lists_and_nested_fields_under_both_spellings() {
    let query = "/v1/everything?int32=-7&int64=9223372036854775807&uint64=18446744073709551615\
                 &bool=true&text=a+b%2Bc&texts=x&texts=y&nested.text=deep&nested.deeper.numbers=1\
                 &nested.deeper.numbers=2&optional_number=0&mood=GLAD&moods=MOOD_GLAD&moods=2\
                 &time=2026-01-31T12:00:00.5Z&span=1.5s&double=0.5&bytes=AQID&manyNested=";
    let refusal = get(query).unwrap_err();
    assert_eq!(
        blame(refusal),
        ("MALFORMED_REQUEST", "manyNested".to_owned())
    );
    let message = get(query.trim_end_matches("&manyNested=")).unwrap();
    let expected = [
        ("int32", "-7"),
        ("int64", "9223372036854775807"),
        ("uint64", "18446744073709551615"),
        ("bool", "true"),
        ("text", "\"a b+c\""),
        ("texts", "[\"x\",\"y\"]"),
        ("mood", "1"),
        ("nested.text", "\"deep\""),
        ("nested.deeper.numbers", "[1,2]"),
        ("optional_number", "0"),
        ("moods", "[1,2]"),
        ("time", "seconds:1769860800,nanos:500000000"),
        ("span", "seconds:1,nanos:500000000"),
        ("double", "0.5"),
        ("bytes", "\"\\001\\002\\003\""),
    ];
    for (path, text) in expected {
        let compact = at(&message, path).replace(", ", ",").replace(": ", ":");
        assert_eq!(compact.trim_matches(['{', '}']), text, "{path}");
    }
    assert!(message.has_field_by_name("optional_number"));
}

#[test]
fn h33_an_unknown_query_field_is_refused_with_the_nearest_known_one() {
    let cases = [
        ("txet", "txet", Some("text")),
        ("optionalnumber", "optionalnumber", Some("optionalNumber")),
        ("nested.tekst", "nested.tekst", Some("nested.text")),
        ("status", "status", None),
        ("text.more", "text.more", None),
        ("", "", None),
    ];
    for (key, field, expected) in cases {
        let refusal = get(&format!("/v1/everything?{key}=x")).unwrap_err();
        let Refusal::UnknownField {
            nearest,
            field: blamed,
            ..
        } = &refusal
        else {
            panic!("{key}: {refusal}");
        };
        assert_eq!(blamed, field);
        if expected.is_some() {
            assert_eq!(nearest.as_deref(), expected, "{key}");
        }
    }
}

#[test]
fn a_query_value_of_the_wrong_kind_is_refused_by_name() {
    let cases = [
        ("int32=1.0", "int32"),
        ("int32=2147483648", "int32"),
        ("int64=+1", "int64"),
        ("int64=01", "int64"),
        ("int64=", "int64"),
        ("uint32=-1", "uint32"),
        ("bool=1", "bool"),
        ("bool", "bool"),
        ("mood=SAD", "mood"),
        ("mood=9", "mood"),
        ("mood=glad", "mood"),
        ("time=2026-01-31", "time"),
        ("span=10", "span"),
        ("double=NaN", "double"),
        ("nested.numbers=x", "nested.numbers"),
        ("bytes=%21", "bytes"),
    ];
    for (query, field) in cases {
        let refusal = get(&format!("/v1/everything?{query}")).unwrap_err();
        assert_eq!(
            blame(refusal),
            ("INVALID_FIELD", field.to_owned()),
            "{query}"
        );
    }
}

#[test]
fn what_cannot_stand_in_a_query_is_refused_and_never_dropped() {
    let cases = [
        "text=a&text=b",
        "optionalNumber=1&optional_number=2",
        "facts=x",
        "nested=x",
        "prices=1.5",
        "word=a&number=1",
        "branch.text=a&word=b",
        "text=%ff",
        "%ff=1",
        "text=%2",
        "nested.deeper.deeper.deeper.deeper.deeper.deeper.deeper.deeper.deeper.deeper.deeper.\
         deeper.deeper.deeper.deeper.text=x",
    ];
    for query in cases {
        let refusal = get(&format!("/v1/everything?{query}")).unwrap_err();
        assert_eq!(refusal.reason(), "MALFORMED_REQUEST", "{query}");
    }
}

#[test]
fn a_named_body_is_one_field_and_the_rest_is_query_and_path() {
    let target = "/v1/everything/a%2Fb/nested?int32=5";
    let message = FIXTURE
        .bind(Method::PUT, target, r#"{"text":"x","numbers":[1]}"#)
        .unwrap();
    assert_eq!(at(&message, "text"), "\"a/b\"");
    assert_eq!(at(&message, "nested.text"), "\"x\"");
    assert_eq!(at(&message, "int32"), "5");

    let twice = FIXTURE.bind(Method::PUT, "/v1/everything/a/nested?nested.text=y", "{}");
    assert_eq!(blame(twice.unwrap_err()).1, "nested.text");
    let twice = FIXTURE.bind(Method::PUT, "/v1/everything/a/nested?text=y", "{}");
    assert_eq!(blame(twice.unwrap_err()).1, "text");
    let wrong = FIXTURE.bind(Method::PUT, "/v1/everything/a/nested", r#"{"tekst":"x"}"#);
    assert_eq!(
        blame(wrong.unwrap_err()),
        ("MALFORMED_REQUEST", "nested.tekst".to_owned())
    );
}

#[test]
fn with_a_whole_body_the_query_holds_nothing_and_the_path_agrees() {
    let refusal = FIXTURE
        .bind(Method::POST, "/v1/everything?text=a", "{}")
        .unwrap_err();
    assert_eq!(blame(refusal), ("MALFORMED_REQUEST", "text".to_owned()));
    for body in [
        "[]",
        "1",
        "null",
        "\"x\"",
        "{}{}",
        "\u{feff}{}",
        "{",
        "{'a':1}",
    ] {
        let refusal = FIXTURE
            .bind(Method::POST, "/v1/everything", body)
            .unwrap_err();
        assert!(matches!(refusal, Refusal::Syntax(_)), "{body}: {refusal}");
    }
    FIXTURE.bind(Method::POST, "/v1/everything", "").unwrap();
}

#[test]
fn a_body_where_none_is_read_is_refused() {
    let refusal = FIXTURE
        .bind(Method::GET, "/v1/everything", "{}")
        .unwrap_err();
    assert_eq!(refusal, Refusal::UnexpectedBody);
}

#[test]
fn variables_bind_nested_fields_enums_and_times() {
    let message = get("/v1/shelves/a/books/b%20c").unwrap();
    assert_eq!(at(&message, "nested.text"), "\"shelves/a/books/b c\"");
    let message = get("/v1/files/x/y/z").unwrap();
    assert_eq!(at(&message, "text"), "\"x/y/z\"");
    let message = get("/v1/by-mood/NOT_SO_GLAD/2026-01-31T12%3A00%3A00Z").unwrap();
    assert_eq!(at(&message, "mood"), "2");
    let refusal = get("/v1/by-mood/SAD/2026-01-31T12%3A00%3A00Z").unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "mood: must be one of GLAD, NOT_SO_GLAD, 1D"
    );
    let message = FIXTURE
        .bind(Method::DELETE, "/v1/everything/-5:drop", "")
        .unwrap();
    assert_eq!(at(&message, "int64"), "-5");
}

proptest! {
    #[test]
    fn no_query_brings_the_binding_down(query in "[ -~]{0,80}") {
        if !query.contains('#') {
            let _ = get(&format!("/v1/everything?{query}"));
        }
    }

    #[test]
    fn a_text_in_a_query_comes_through_as_it_was(text in ".{0,40}") {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let message = get(&format!("/v1/everything?text={encoded}")).unwrap();
        let value = message.get_field_by_name("text").unwrap().into_owned();
        prop_assert_eq!(value.as_str(), Some(text.as_str()));
    }
}
