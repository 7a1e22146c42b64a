//! `chimera bench` from outside: that it measures what it says, not how fast anything is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::{Command, Output};

use serde_json::Value;

fn bench(arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chimera"));
    command.arg("bench").args(arguments.split_whitespace());
    command.output().unwrap()
}

/// Runs one measurement and returns its object.
fn measured(arguments: &str) -> Value {
    let output = bench(&format!("{arguments} --json"));
    let (said, words) = (output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{words}");
    let object: Value = serde_json::from_slice(&said).unwrap();
    let name = arguments.split_whitespace().next().unwrap();
    assert_eq!(object["bench"], name);
    assert!(object["machine"]["processors"].as_u64().unwrap() > 0);
    assert!(["debug", "release"].contains(&object["machine"]["build"].as_str().unwrap()));
    object
}

fn figure(object: &Value, name: &str) -> f64 {
    let figure = object[name].as_f64();
    figure.unwrap_or_else(|| panic!("{name} in {object:#}"))
}

/// Holds figures to be above zero and in this order.
fn rising(object: &Value, names: &[&str]) {
    let figures: Vec<f64> = names.iter().map(|name| figure(object, name)).collect();
    assert!(figures[0] > 0.0, "{object:#}");
    assert!(figures.is_sorted(), "{object:#}");
}

fn row<'a>(object: &'a Value, load: &str, side: &str) -> &'a Value {
    let rows = object["rows"].as_array().unwrap();
    let mut found = rows
        .iter()
        .filter(|row| row["load"] == load && row["side"] == side);
    found
        .next()
        .unwrap_or_else(|| panic!("{load} of {side} in {object:#}"))
}

#[test]
fn orders_tells_what_the_mesh_adds_to_a_bare_call() {
    let object = measured("orders --pairs 30 --rates 20 --seconds 2");
    for name in [
        "ratio_p50",
        "ratio_p99",
        "own_p50_us",
        "own_p99_us",
        "rss_mb",
    ] {
        assert!(figure(&object, name) > 0.0, "{name}");
    }
    assert_eq!(object["durability"], "os");
    for (load, side) in [
        ("in turn", "mesh"),
        ("in turn", "bare"),
        ("20/s", "mesh"),
        ("20/s", "bare"),
    ] {
        let row = row(&object, load, side);
        assert_eq!(row["failed"], 0, "{row:#}");
        rising(row, &["p50_us", "p95_us", "p99_us", "max_us"]);
        // Each order was seen at the venue's socket, and before its answer.
        rising(row, &["own_p50_us", "p50_us"]);
    }
}

#[test]
fn fanout_counts_what_every_reader_got() {
    let object = measured("fanout --readers 3 --rates 100,200 --seconds 1");
    assert_eq!(object["lost"], 0, "{object:#}");
    rising(&object, &["p50_ms", "p95_ms", "p99_ms"]);
    assert!(figure(&object, "rss_mb") > 1.0);
    // Three readers of a hundred a second; the last arrival ends the count.
    let delivered = figure(&object, "delivered_per_s");
    assert!(delivered > 0.0 && delivered <= 310.0, "{delivered}");
    assert_eq!(row(&object, "200/s to 3 each", "mesh")["lost"], 0);
}

#[test]
fn streams_spread_over_instruments_and_connections() {
    let object = measured("streams --streams 12 --topics 4 --connections 3 --rates 40 --seconds 1");
    assert_eq!(object["lost"], 0, "{object:#}");
    assert_eq!(object["readers"], 12);
    rising(
        row(&object, "40/s to 3 each", "mesh"),
        &["p50_ms", "p95_ms", "p99_ms"],
    );
}

#[test]
fn books_come_to_the_last_message() {
    let object = measured("books --messages 500 --levels 2");
    for name in ["depth_per_core_s", "trades_per_core_s"] {
        assert!(figure(&object, name) > 0.0, "{name}");
    }
    let rows = object["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["count"] == 500), "{rows:?}");
}

#[test]
fn rest_reads_and_start_starts() {
    let object = measured("rest --rates 50 --seconds 1");
    let row = row(&object, "50/s", "mesh");
    assert_eq!(row["failed"], 0, "{row:#}");
    rising(&object, &["p50_us", "p95_us", "p99_us"]);
    let object = measured("start --rounds 1 --idle 200ms");
    assert!(figure(&object, "ready_p50_ms") > 0.0);
    assert!(figure(&object, "idle_mb") > 1.0);
}

#[test]
fn tables_name_the_machine_and_a_file_takes_the_object() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rest.json");
    let output = bench(&format!(
        "rest --rates 20 --seconds 1 --save {}",
        file.display()
    ));
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for word in ["rest: ", " build, load ", "p95_us = ", "20/s", "read per s"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let object: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(object["bench"], "rest");
}

#[test]
fn a_plan_that_measures_nothing_is_refused() {
    for (arguments, word) in [
        ("streams --streams 7 --topics 5", "multiple"),
        (
            "streams --streams 4 --topics 2 --connections 9",
            "connections",
        ),
        ("fanout --rates 0", "0 is not in"),
        ("fanout --peer nats=nowhere", "NAME=SCHEME"),
        ("fanout --peer web=http://127.0.0.1:9", "nats or ws"),
        ("orders --pairs 0", "0 is not in"),
        ("orders --peer ccxt", "NAME=PROGRAM"),
        ("books --levels 2,x", "invalid"),
        ("rest --seconds 601", "601 is not in"),
        ("", "orders"),
    ] {
        let output = bench(arguments);
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {words}");
        assert!(words.contains(word), "{arguments}: {words}");
    }
}

#[test]
fn a_peer_that_is_not_there_is_named() {
    let output = bench("orders --pairs 1 --peer nobody=/nowhere/nobody");
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("nobody: "), "{words}");
}
