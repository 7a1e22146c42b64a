use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    listen: String,
    port: u16,
    ratio: f64,
    enabled: bool,
    quantity: String,
    mode: Mode,
    note: Option<String>,
    tags: Vec<String>,
    #[serde(deserialize_with = "deserialize_duration")]
    interval: Duration,
    venues: BTreeMap<String, Venue>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Slow,
    Fast,
    Every(u32),
    Limits {
        low: i64,
        high: i64,
    },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Venue {
    rest: String,
    #[serde(default)]
    weight: u32,
}

fn environment(name: &str) -> Option<String> {
    match name {
        "HOST" => Some("127.0.0.1".into()),
        "PORT" => Some("8080".into()),
        "EMPTY" => Some(String::new()),
        "HOSTILE" => Some("x\nport: 1\n${PORT} *a &b [1, 2]".into()),
        _ => None,
    }
}

fn read(text: &str) -> Result<Settings, ConfigError> {
    parse(text, environment)
}

fn refusal(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn every_kind_of_value_is_read_as_its_field_wants_it() {
    let settings = read(
        "
        listen: ${HOST}:${PORT}   # where
        port: ${PORT}
        ratio: 0.5
        enabled: true
        quantity: 0.10
        mode: fast
        note: ~
        tags: [a, 'b', \"c d\", 7]
        interval: 250ms
        venues:
          binance-usdm: { rest: 'https://example.com', weight: 2400 }
        ",
    )
    .unwrap();
    assert_eq!(settings.listen, "127.0.0.1:8080");
    assert_eq!(
        (settings.port, settings.ratio, settings.enabled),
        (8080, 0.5, true)
    );
    assert_eq!(
        settings.quantity, "0.10",
        "an exact decimal stays as it was written"
    );
    assert_eq!((settings.mode, settings.note), (Mode::Fast, None));
    assert_eq!(settings.tags, ["a", "b", "c d", "7"]);
    assert_eq!(settings.interval, Duration::from_millis(250));
    assert_eq!(settings.venues["binance-usdm"].weight, 2_400);
}

#[test]
fn variants_may_hold_values() {
    assert_eq!(read("mode: { every: 5 }").unwrap().mode, Mode::Every(5));
    let limits = read("mode:\n  limits:\n    low: -5\n    high: 5")
        .unwrap()
        .mode;
    assert_eq!(limits, Mode::Limits { low: -5, high: 5 });
    assert_eq!(
        refusal("mode: quick"),
        "configuration, line 1, mode: must be one of slow, fast, every, limits"
    );
}

#[test]
fn nothing_stated_is_everything_by_default() {
    for text in ["", "\n# only a comment\n", "---\n", "venues:\n"] {
        assert_eq!(read(text).unwrap(), Settings::default(), "{text:?}");
    }
}

#[test]
fn an_unknown_key_names_the_nearest_known_one_and_its_place() {
    assert_eq!(
        refusal("port: 1\nlisten_adress: x"),
        "configuration, line 2: listen_adress is not known; did you mean listen?"
    );
    assert_eq!(
        refusal("venues:\n  okx:\n    rest: x\n    wieght: 5"),
        "configuration, line 4, venues.okx: wieght is not known; did you mean weight?"
    );
    let far = refusal("zzz: 1");
    assert!(
        far.contains("zzz is not known; known are listen, port,"),
        "{far}"
    );
}

#[test]
fn a_missing_key_and_a_double_one_are_named() {
    assert_eq!(
        refusal("venues:\n  okx:\n    weight: 5"),
        "configuration, line 3, venues.okx: rest is missing"
    );
    assert_eq!(
        refusal("port: 1\nport: 2"),
        "configuration, line 2: port stands twice"
    );
}

#[test]
fn a_variable_that_is_not_set_is_named_with_its_place() {
    assert_eq!(
        refusal("tags:\n  - a\nvenues:\n  okx:\n    rest: https://${OKX_HOST}/v5"),
        "configuration, line 5, venues.okx.rest: the environment variable OKX_HOST is not set"
    );
    assert_eq!(read("note: ${EMPTY}").unwrap().note.as_deref(), Some(""));
}

#[test]
fn a_value_that_was_left_out_is_not_an_empty_text() {
    assert_eq!(
        refusal("listen:"),
        "configuration, line 1, listen: must be a string, not nothing"
    );
    assert_eq!(read("listen: ''").unwrap().listen, "");
}

#[test]
fn a_variable_is_written_in_one_way() {
    for bad in [
        "${",
        "${}",
        "${A",
        "${1A}",
        "${A B}",
        "${A:-x}",
        "${${PORT}}",
    ] {
        let error = read(&format!("listen: '{bad}'")).unwrap_err();
        assert!(
            matches!(error.problem, Problem::MalformedVariable),
            "{bad}: {error}"
        );
    }
    assert_eq!(
        read("listen: $PORT $${PORT} ${PORT}").unwrap().listen,
        "$PORT ${PORT} 8080"
    );
}

#[test]
fn h65_what_a_variable_holds_stays_one_value() {
    let settings = read("note: ${HOSTILE}\nport: 9").unwrap();
    assert_eq!(settings.note.as_deref(), environment("HOSTILE").as_deref());
    assert_eq!(settings.port, 9);
    let keys = parse::<BTreeMap<String, String>>("${PORT}: x", environment).unwrap();
    assert_eq!(
        keys.keys().collect::<Vec<_>>(),
        ["${PORT}"],
        "keys are not expanded"
    );
}

#[test]
fn h65_aliases_and_everything_else_that_can_explode_is_refused() {
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]";
    assert!(refusal(bomb).contains("anchors (&name) are not allowed"));
    assert!(
        refusal("port: *x").contains("is no YAML"),
        "{}",
        refusal("port: *x")
    );
    assert!(refusal("port: !u16 5").contains("tags (!name) are not allowed"));
    let deep = format!("tags: {}{}", "[".repeat(100), "]".repeat(100));
    assert!(refusal(&deep).contains("nested too deeply"));
    let deeper = "[".repeat(100_000);
    assert!(read(&deeper).is_err());
    let large = format!("note: {}", "x".repeat(TEXT_BYTES_MAX as usize));
    assert!(matches!(
        read(&large).unwrap_err().problem,
        Problem::TooLarge
    ));
    assert!(refusal("port: 1\n---\nport: 2").contains("one document"));
    assert!(refusal("? [a]\n: b").contains("a key is one word"));
}

#[test]
fn h61_a_value_never_stands_in_an_error() {
    for text in [
        "port: hunter2",
        "port: 99999999",
        "ratio: hunter2",
        "enabled: hunter2",
        "tags: hunter2",
        "venues: hunter2",
        "interval: hunter2",
        "mode: hunter2",
        "mode: [hunter2]",
    ] {
        let error = read(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("99999999"),
            "{shown}"
        );
        assert_eq!(error.place.line, 1, "{shown}");
        assert!(!error.place.path.is_empty(), "{shown}");
    }
}

/// Fields of a flattened struct pass through serde's own buffer, which quotes what it finds.
#[test]
fn h61_a_value_never_stands_in_an_error_of_a_flattened_field_either() {
    #[derive(Debug, Deserialize)]
    struct Outer {
        #[serde(flatten)]
        _inner: Inner,
    }
    #[derive(Debug, Deserialize)]
    struct Inner {
        #[serde(rename = "port")]
        _port: u16,
    }
    let error = parse::<Outer>("port: hunter2", environment).unwrap_err();
    assert!(
        error.to_string().contains("must be u16, not text"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn an_error_in_a_list_names_its_item() {
    let error =
        parse::<BTreeMap<String, Vec<Venue>>>("all:\n - rest: a\n - rest: [1]", environment);
    let error = error.unwrap_err();
    assert_eq!(error.place.path, "all[1].rest");
    assert_eq!(error.place.line, 3);
}

#[test]
fn a_secret_is_read_but_never_shown() {
    let secrets = parse::<BTreeMap<String, Secret>>("key: hunter2", environment).unwrap();
    assert_eq!(secrets["key"].expose(), "hunter2");
    let shown = format!("{:?} {}", secrets, secrets["key"]);
    assert!(!shown.contains("hunter2") && shown.contains("[redacted]"));
}

#[test]
fn the_settings_of_this_crate_are_read_with_their_defaults() {
    use crate::listen::{ListenOptions, Protocols};
    let text = "protocols: http1_and_http2\nconnections_max: 5\ndrain_within: 3s";
    let options: ListenOptions = parse(text, environment).unwrap();
    let expected = ListenOptions {
        protocols: Protocols::Http1AndHttp2,
        connections_max: 5,
        drain_within: Duration::from_secs(3),
        ..ListenOptions::default()
    };
    assert_eq!(options, expected);
    let remote: crate::channel::RemoteOptions = parse("connect_timeout: 1s", environment).unwrap();
    assert_eq!(remote.connect_timeout, Duration::from_secs(1));
    let telemetry: crate::telemetry::TelemetryConfig = parse("format: human", environment).unwrap();
    assert_eq!(telemetry.format, crate::telemetry::LogFormat::Human);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = load::<Settings>(Path::new("/does/not/exist.yaml")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("/does/not/exist.yaml: cannot be read"),
        "{error}"
    );
}

#[test]
fn durations_are_whole_numbers_with_a_unit() {
    assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
    assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7_200)));
    assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
    for bad in [
        "",
        "5",
        "s",
        "-5s",
        "1.5s",
        "5 s",
        "5S",
        "99999999999999999999s",
        "18446744073709551615h",
    ] {
        assert_eq!(parse_duration(bad), Err(DurationError), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z:\\-\\[\\]{}&*!|>'\"%@#?, \\n$]{0,60}") {
        let _ = read(&text);
        let _ = parse::<serde_json::Value>(&text, environment);
    }
}
