use chimera_runtime::fault::{Fault, fields_of, into_status};
use proptest::prelude::*;
use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use serde_json::json;

use super::fixture::FIXTURE;
use crate::refusal::Refusal;

fn refused(text: &str) -> Refusal {
    match FIXTURE.read(text) {
        Ok(message) => panic!("{text} was read as {message}"),
        Err(refusal) => refusal,
    }
}

/// The reason and the blamed field of what was refused.
fn blame(text: &str) -> (&'static str, String) {
    let refusal = refused(text);
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
fn an_empty_message_shows_every_field_without_presence_and_no_other() {
    let descriptor = FIXTURE.schema.shape(FIXTURE.everything).descriptor.clone();
    let written = FIXTURE.write(&DynamicMessage::new(descriptor));
    let expected = json!({
        "bool": false, "int32": 0, "int64": "0", "uint32": 0, "uint64": "0", "sint32": 0,
        "sint64": "0", "fixed32": 0, "fixed64": "0", "sfixed32": 0, "sfixed64": "0", "float": 0.0,
        "double": 0.0, "text": "", "bytes": "", "mood": "MOOD_UNSPECIFIED", "texts": [],
        "moods": [], "manyNested": [], "facts": {}, "byNumber": {}, "priceScale": 0, "prices": [],
        "lastPrice": "0", "byTruth": {}, "times": [],
    });
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&written).unwrap(),
        expected
    );
}

#[test]
fn every_kind_of_value_goes_through_both_ways() {
    let text = json!({
        "bool": true, "int32": -2147483648, "int64": "-9223372036854775808",
        "uint32": 4294967295_u32,
        "uint64": "18446744073709551615", "sint32": -1, "sint64": "-1", "fixed32": 1,
        "fixed64": "1", "sfixed32": -1, "sfixed64": "-1", "float": 0.5, "double": 1e300,
        "text": "quote \" slash / tab \t null \u{0} €😀", "bytes": "AP8=", "mood": "MOOD_GLAD",
        "nested": {"text": "x", "numbers": [1, -2], "deeper": {"text": "", "numbers": []}},
        "texts": ["", "b"], "moods": ["MOOD_1D", "MOOD_UNSPECIFIED"],
        "manyNested": [{"text": "a", "numbers": []}], "facts": {"": "", "b": "c"},
        "byNumber": {"-1": {"text": "m", "numbers": []}}, "time": "0001-01-01T00:00:00Z",
        "span": "-0.000000001s", "optionalNumber": "0", "branch": {"text": "", "numbers": []},
        "priceScale": 3, "prices": ["-0.001", "12.345", "0.000"],
        "lastPrice": "9223372036854775.807",
        "byTruth": {"false": 1, "true": 2}, "times": ["9999-12-31T23:59:59.999999999Z"],
    });
    let message = FIXTURE.read(&text.to_string()).unwrap();
    let written: serde_json::Value = serde_json::from_str(&FIXTURE.write(&message)).unwrap();
    assert_eq!(written, text);
}

#[test]
fn integers_may_come_as_numbers_or_text_and_enums_by_any_of_their_names() {
    let text = r#"{"int64":7,"uint64":"8","int32":"-9","mood":"GLAD",
                   "moods":[1,"MOOD_NOT_SO_GLAD","1D"],
                   "many_nested":[{"numbers":["1"]}],"nested":null,"texts":null}"#;
    let written: serde_json::Value =
        serde_json::from_str(&FIXTURE.write(&FIXTURE.read(text).unwrap())).unwrap();
    assert_eq!(written["int64"], "7");
    assert_eq!(written["uint64"], "8");
    assert_eq!(written["int32"], -9);
    assert_eq!(written["mood"], "MOOD_GLAD");
    assert_eq!(
        written["moods"],
        json!(["MOOD_GLAD", "MOOD_NOT_SO_GLAD", "MOOD_1D"])
    );
    assert_eq!(written["manyNested"][0]["numbers"], json!([1]));
    assert_eq!(written.get("nested"), None);
}

#[test]
fn h13_a_value_of_the_wrong_kind_is_refused_by_its_path() {
    let cases = [
        (r#"{"text":0.015}"#, "text"),
        (r#"{"text":true}"#, "text"),
        (r#"{"bool":"true"}"#, "bool"),
        (r#"{"int32":1.0}"#, "int32"),
        (r#"{"int32":1e3}"#, "int32"),
        (r#"{"int32":"1e3"}"#, "int32"),
        (r#"{"int32":" 1"}"#, "int32"),
        (r#"{"int32":"+1"}"#, "int32"),
        (r#"{"int32":"٣"}"#, "int32"),
        (r#"{"int64":9223372036854775808}"#, "int64"),
        (r#"{"int64":1e400}"#, ""),
        (r#"{"uint64":18446744073709551616}"#, "uint64"),
        (r#"{"uint32":-1}"#, "uint32"),
        (r#"{"uint64":"99999999999999999999999999"}"#, "uint64"),
        (r#"{"nested":[]}"#, "nested"),
        (r#"{"nested":{"numbers":1}}"#, "nested.numbers"),
        (r#"{"nested":{"numbers":[1,null]}}"#, "nested.numbers.1"),
        (r#"{"texts":"a"}"#, "texts"),
        (r#"{"facts":[]}"#, "facts"),
        (r#"{"facts":{"a":1}}"#, "facts.a"),
        (r#"{"byNumber":{"x":{}}}"#, "byNumber.x"),
        (r#"{"bytes":"*"}"#, "bytes"),
        (r#"{"float":1e39}"#, "float"),
        (r#"{"double":"NaN"}"#, "double"),
        (r#"{"time":"yesterday"}"#, "time"),
        (r#"{"time":0}"#, "time"),
        (r#"{"span":"5m"}"#, "span"),
        (r#"{"prices":[1.5]}"#, "prices.0"),
        (r#"{"prices":["1.5"]}"#, "prices.0"),
        (r#"{"lastPrice":15}"#, "lastPrice"),
        (r#"{"priceScale":19,"lastPrice":"1"}"#, "lastPrice"),
    ];
    for (text, field) in cases {
        let (reason, blamed) = blame(text);
        assert_eq!(blamed, field, "{text}");
        assert_eq!(
            reason,
            if field.is_empty() {
                "MALFORMED_REQUEST"
            } else {
                "INVALID_FIELD"
            }
        );
    }
}

#[test]
fn h50_an_unknown_word_or_number_of_an_enum_is_refused_with_the_valid_words() {
    for value in [
        "\"SAD\"",
        "\"glad\"",
        "\"MOOD_\"",
        "\"\"",
        "9",
        "-1",
        "1.5",
        "4294967297",
        "true",
        "{}",
    ] {
        let refusal = refused(&format!("{{\"mood\":{value}}}"));
        assert_eq!(
            refusal.to_string(),
            "mood: must be one of GLAD, NOT_SO_GLAD, 1D",
            "{value}"
        );
    }
}

#[test]
fn h33_an_unknown_field_is_refused_by_its_path_with_the_nearest_known_one() {
    let refusal = refused(r#"{"nested":{"deeper":{"txt":""}}}"#);
    assert_eq!(
        refusal.to_string(),
        "nested.deeper.txt: Nested has no such field; did you mean `nested.deeper.text`?"
    );
    assert_eq!(refusal.reason(), "MALFORMED_REQUEST");
    assert_eq!(blame(r#"{"filled":true}"#).1, "filled");
    assert_eq!(
        blame(&format!("{{\"{}\":1}}", "x".repeat(10_000))).0,
        "MALFORMED_REQUEST"
    );
}

#[test]
fn members_that_exclude_each_other_and_fields_under_two_names_are_refused() {
    assert_eq!(blame(r#"{"word":"a","number":1}"#).1, "number");
    assert_eq!(
        blame(r#"{"manyNested":[],"many_nested":[]}"#).1,
        "many_nested"
    );
    // Absence excludes nothing.
    FIXTURE.read(r#"{"word":"a","number":null}"#).unwrap();
}

#[test]
fn h49_what_is_not_one_plain_json_text_is_refused() {
    let nested = |levels: usize| {
        format!(
            "{}{}{}",
            "{\"deeper\":".repeat(levels),
            "null",
            "}".repeat(levels)
        )
    };
    let deep = |levels: usize| format!("{{\"nested\":{}}}", nested(levels));
    FIXTURE.read(&deep(63)).unwrap();
    let texts = [
        deep(64),
        deep(10_000),
        "[".repeat(100_000),
        r#"{"text":"a","text":"b"}"#.into(),
        r#"{"facts":{"a":"1","a":"2"}}"#.into(),
        r#"{"nested":{"text":"","te\u0078t":""}}"#.into(),
        "\u{feff}{}".into(),
        r#"{"text":"\ud800"}"#.into(),
        r#"{"text":"\udc00\ud800"}"#.into(),
        r#"{"double":NaN}"#.into(),
        r#"{"double":Infinity}"#.into(),
        r#"{"double":-}"#.into(),
        "{} {}".into(),
        "{}\0".into(),
        "{},".into(),
        r#"{"a":1,}"#.into(),
        "{/**/}".into(),
        "{\"text\":\"a\nb\"}".into(),
        r#"{"int32":01}"#.into(),
        r#"{"int32":.5}"#.into(),
        String::new(),
    ];
    for text in texts {
        let refusal = refused(&text);
        assert!(
            matches!(refusal, Refusal::Syntax(_)),
            "{text:.60}: {refusal}"
        );
    }
}

#[test]
fn h47_times_and_durations_are_read_strictly() {
    let wrong = [
        "",
        "2026-01-31",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31t12:00:00z",
        "2026-02-30T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-13-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.1234567890Z",
        "2026-01-31T12:00:00+1:00",
        "2026-01-31T12:00:00+01:00x",
        "Sat, 31 Jan 2026 12:00:00 GMT",
        "1769860800",
        "0001-01-01T00:00:00+00:01",
        "2026-01-31T12:00:00Z(((((",
        "２026-01-31T12:00:00Z",
    ];
    for text in wrong {
        assert_eq!(blame(&format!("{{\"time\":{text:?}}}")).1, "time", "{text}");
    }
    let wrong = [
        "",
        "s",
        "1",
        "1 s",
        "+1s",
        "1.s",
        ".5s",
        "1.1234567890s",
        "1e3s",
        "315576000001s",
        "315576000000.1s",
        "--1s",
        "0x1s",
        "1S",
        "9999999999999s",
    ];
    for text in wrong {
        assert_eq!(blame(&format!("{{\"span\":{text:?}}}")).1, "span", "{text}");
    }
    let offset =
        FIXTURE.read(r#"{"time":"2026-01-31T12:00:00.120+02:00","span":"-315576000000s"}"#);
    let written = FIXTURE.write(&offset.unwrap());
    assert!(
        written.contains(r#""time":"2026-01-31T10:00:00.120Z""#),
        "{written}"
    );
    assert!(written.contains(r#""span":"-315576000000s""#), "{written}");
}

#[test]
fn a_message_outside_its_contract_is_not_written() {
    let descriptor = FIXTURE.schema.shape(FIXTURE.everything).descriptor.clone();
    let write = |name: &str, value: Value| {
        let mut message = DynamicMessage::new(descriptor.clone());
        message.set_field_by_name(name, value);
        let mut out = Vec::new();
        crate::rest::json::write::message(&FIXTURE.schema, FIXTURE.everything, &message, &mut out)
    };
    assert!(write("double", Value::F64(f64::NAN)).is_err());
    assert!(write("price_scale", Value::U32(19)).is_err());
    // A word that only a newer contract knows.
    write("mood", Value::EnumNumber(9)).unwrap();
}

/// A message shown by its fields: its type, which holds itself, would be shown without end.
struct Shown(DynamicMessage);

impl std::fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// Any value that the contract allows, field by field.
fn message() -> impl Strategy<Value = Shown> {
    let texts = prop::collection::vec(".{0,8}", 0..3);
    let numbers = (
        any::<bool>(),
        any::<i32>(),
        any::<i64>(),
        any::<u32>(),
        any::<u64>(),
    );
    let times = (
        -62_135_596_800_i64..=253_402_300_799,
        0..1_000_000_000_i32,
        0..=18_u32,
    );
    let scaled = prop::collection::vec(any::<i64>(), 0..4);
    let parts = (
        texts,
        numbers,
        times,
        scaled,
        prop::option::of(any::<i64>()),
        ".{0,12}",
    );
    parts.prop_map(
        |(texts, numbers, (seconds, nanos, scale), scaled, optional, text)| {
            let (bool, int32, int64, uint32, uint64) = numbers;
            let shape = FIXTURE.schema.shape(FIXTURE.everything);
            let mut message = DynamicMessage::new(shape.descriptor.clone());
            let time = shape.descriptor.get_field_by_name("time").unwrap();
            let mut timestamp = DynamicMessage::new(time.kind().as_message().unwrap().clone());
            timestamp.set_field_by_number(1, Value::I64(seconds));
            timestamp.set_field_by_number(2, Value::I32(nanos));
            let fields = [
                ("bool", Value::Bool(bool)),
                ("sint32", Value::I32(int32)),
                ("int64", Value::I64(int64)),
                ("fixed32", Value::U32(uint32)),
                ("uint64", Value::U64(uint64)),
                (
                    "texts",
                    Value::List(texts.into_iter().map(Value::String).collect()),
                ),
                ("price_scale", Value::U32(scale)),
                ("time", Value::Message(timestamp)),
                (
                    "prices",
                    Value::List(scaled.into_iter().map(Value::I64).collect()),
                ),
                ("bytes", Value::Bytes(text.clone().into_bytes().into())),
                ("word", Value::String(text)),
                ("mood", Value::EnumNumber(int32.rem_euclid(4))),
            ];
            for (name, value) in fields {
                message.set_field_by_name(name, value);
            }
            if let Some(number) = optional {
                message.set_field_by_name("optional_number", Value::I64(number));
            }
            Shown(message)
        },
    )
}

proptest! {
    #[test]
    fn a_message_written_and_read_is_the_same_message(Shown(message) in message()) {
        let read = FIXTURE.read(&FIXTURE.write(&message)).unwrap();
        prop_assert_eq!(read.encode_to_vec(), message.encode_to_vec());
    }

    #[test]
    fn what_is_written_means_the_same_to_the_library(Shown(message) in message()) {
        // Scaled integers are this project's own, so they stay out of the comparison.
        let mut message = message;
        message.clear_field_by_name("prices");
        message.clear_field_by_name("price_scale");
        let mut text: serde_json::Value = serde_json::from_str(&FIXTURE.write(&message)).unwrap();
        text.as_object_mut().unwrap().remove("prices");
        let library = DynamicMessage::deserialize(message.descriptor(), text).unwrap();
        prop_assert_eq!(library.encode_to_vec(), message.encode_to_vec());
    }

    #[test]
    fn no_text_brings_the_reader_down(text in ".{0,120}") {
        let _ = FIXTURE.read(&text);
    }

    #[test]
    fn no_json_brings_the_reader_down(
        key in "(bool|int64|text|mood|nested|texts|facts|byNumber|time|span|prices|word|branch)",
        value in "(null|true|0|-1|1.5|\"\"|\"x\"|\\[\\]|\\{\\}|\\[null\\]|\\{\"a\":\\[1\\]\\})",
    ) {
        let _ = FIXTURE.read(&format!("{{\"{key}\":{value}}}"));
    }
}
