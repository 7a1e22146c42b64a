//! The command line from outside: what the real binary prints and how it ends.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

fn chimera(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the binary starts")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chimera"));
    command.args(arguments);
    for variable in [
        "CHIMERA_CONFIG",
        "CHIMERA_SERVER",
        "CHIMERA_LISTEN",
        "CHIMERA_DATA_DIR",
    ] {
        command.env_remove(variable);
    }
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A process that is killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn help_lists_commands_exit_codes_and_first_steps() {
    let output = chimera(&["--help"]);
    assert!(output.status.success());
    let text = stdout(&output);
    for word in [
        "up",
        "serve",
        "sim",
        "smoke",
        "trade",
        "orders",
        "positions",
        "explain",
        "kill",
        "resume",
        "verify-journal",
        "Exit codes",
        "First steps",
    ] {
        assert!(text.contains(word), "{word} is missing:\n{text}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    assert_eq!(
        chimera(&["smoke", "--hold", "30s..1s"]).status.code(),
        Some(2)
    );
    assert_eq!(
        chimera(&["smoke", "--venues", "mt-gox"]).status.code(),
        Some(2)
    );
    assert_eq!(chimera(&["fly"]).status.code(), Some(2));
    let market_price = [
        "trade",
        "--venue",
        "binance-usdm",
        "--symbol",
        "SOL",
        "--mode",
        "market",
        "--qty",
        "1",
        "--price",
        "5",
    ];
    assert_eq!(chimera(&market_price).status.code(), Some(2));
}

#[test]
fn an_unknown_key_of_the_configuration_is_named_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chimera.yaml");
    fs::write(&file, "data_dirr: somewhere\n").unwrap();
    let output = chimera(&["up", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(
        text.contains("data_dirr") && text.contains("did you mean data_dir?"),
        "{text}"
    );
}

#[test]
fn h42_a_missing_variable_is_named_and_a_key_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chimera.yaml");
    fs::write(
        &file,
        "credentials:\n  binance-usdm:\n    main: {api_key: \"canary-key\", api_secret: \"${NOT_SET_ANYWHERE}\"}\n",
    )
    .unwrap();
    let output = chimera(&["up", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(
        text.contains("NOT_SET_ANYWHERE") && !text.contains("canary-key"),
        "{text}"
    );
}

#[test]
fn the_gateway_refuses_any_address_but_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let output = chimera(&["up", "--listen", "0.0.0.0:0", "--data-dir", data]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("loopback"), "{}", stderr(&output));
}

#[test]
fn a_command_without_a_mesh_ends_with_3_and_says_what_to_do() {
    // Port 9 of loopback: discard, served by nobody.
    let output = chimera(&["orders", "--server", "http://127.0.0.1:9"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("chimera up"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_simulator_says_where_it_is_as_json() {
    let mut child = command(&["sim", "--base-port", "0", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let _running = Running(child);
    let endpoints: Value = serde_json::from_str(&line).unwrap();
    assert!(
        endpoints["control"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    let venues = endpoints["venues"].as_array().unwrap();
    let names: Vec<&Value> = venues.iter().map(|venue| &venue["venue"]).collect();
    assert_eq!(names, ["binance-usdm", "backpack"]);
    for venue in venues {
        for field in ["rest", "ws", "credentials"] {
            assert!(!venue[field].is_null(), "{field}: {venue}");
        }
    }
}

#[test]
fn a_journal_that_is_not_there_cannot_be_verified() {
    let folder = tempfile::tempdir().unwrap();
    let output = chimera(&["verify-journal", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("no journal"),
        "{}",
        stderr(&output)
    );
}

/// Runs the main job, which must succeed, and returns its report and its page.
fn smoke(more: &[&str]) -> (Value, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut arguments = vec!["smoke", "--hold", "1s..1s", "--interval", "1s", "--json"];
    arguments.extend(["--report-dir", folder.path().to_str().expect("UTF-8")]);
    arguments.extend(more);
    let output = chimera(&arguments);
    assert!(
        output.status.success(),
        "{}\n{}",
        stdout(&output),
        stderr(&output)
    );
    let report: Value = serde_json::from_str(&stdout(&output)).expect("a report");
    assert_eq!(report["ok"], true);
    let page = fs::read_to_string(folder.path().join("report.html")).expect("a page");
    (report, page)
}

/// The main job, as a newcomer runs it.
#[test]
fn smoke_opens_closes_and_proves_flat() {
    let (report, page) = smoke(&[]);
    let venues = report["venues"].as_array().unwrap();
    for name in ["backpack", "binance-usdm"] {
        assert!(venues.iter().any(|venue| venue["venue"] == name), "{name}");
    }
    for venue in venues {
        assert_eq!(venue["venue_position"], "0");
        assert_eq!(
            (&venue["entry"]["state"], &venue["exit"]["state"]),
            (&"FILLED".into(), &"FILLED".into())
        );
        assert!(
            venue["interval_error_ms_max"].as_i64().unwrap_or(0) <= 300,
            "{venue}"
        );
    }
    assert!(report["heartbeats"].as_u64().unwrap() >= 1, "{report}");
    assert!(page.contains("<svg") && page.contains("polyline"));
}

/// A recording is one venue's; the others trade what they always do.
#[test]
fn smoke_trades_a_recorded_market_where_it_is_listed() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var("CHIMERA_SHARED").unwrap_or_else(|_| beside.to_owned());
    let file = format!("{shared}/market-data/binance_usdm_btcusdt_20240808.ndjson.gz");
    if fs::metadata(&file).is_err() {
        println!("skipped: {file} is not there");
        return;
    }
    let (report, _) = smoke(&["--replay", &file]);
    let venues = report["venues"].as_array().unwrap();
    let traded: BTreeMap<_, _> = venues
        .iter()
        .map(|venue| (venue["venue"].as_str(), venue["symbol"].as_str()))
        .collect();
    assert_eq!(traded[&Some("binance-usdm")], Some("BTC-USDT-PERP"));
    assert_eq!(traded[&Some("backpack")], Some("SOL-USDC-PERP"));
}
