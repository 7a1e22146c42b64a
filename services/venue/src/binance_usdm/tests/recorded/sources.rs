//! The recorded payloads, one by one, with names that say where they come from.

use std::path::Path;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::tests::recorded::{self, Payload};

/// Walks the folder, file by file; no file is passed over.
pub(super) fn payloads(folder: &Path) -> Vec<Payload> {
    recorded::payloads(folder, split)
}

fn split(name: &str, text: &str) -> Vec<(String, String)> {
    match name.split('/').next().unwrap() {
        "gocryptotrader" if name.ends_with(".json") => answer(text),
        "ccxt" => samples(name, text),
        "cryptofeed" if name.ends_with(".jsonl") => session(text),
        "hftbacktest" => numbered(text.lines().map(|line| line.split_once(' ').unwrap().1)),
        _ if name.ends_with(".ndjson") => numbered(text.lines()),
        _ => vec![(String::new(), text.to_owned())],
    }
}

/// The answer inside a file that also tells the request.
fn answer(text: &str) -> Vec<(String, String)> {
    vec![(String::new(), raw(text, "response"))]
}

fn raw(text: &str, field: &str) -> String {
    let fields: std::collections::HashMap<String, Box<RawValue>> =
        serde_json::from_str(text).unwrap();
    fields[field].get().to_owned()
}

fn numbered<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<(String, String)> {
    let lines = lines.filter(|line| !line.trim().is_empty()).enumerate();
    lines
        .map(|(number, line)| (format!("#{number}"), line.to_owned()))
        .collect()
}

fn session(text: &str) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let data = entry["data"].as_str().unwrap_or_default().to_owned();
        parts.push((format!("#{}#{number}", entry["t"].as_str().unwrap()), data));
    }
    parts
}

/// Samples of one file: `samples[].payload`, or `cases[]` of answers or of frames received.
fn samples(name: &str, text: &str) -> Vec<(String, String)> {
    let tree: Value = serde_json::from_str(text).unwrap();
    let mut parts = Vec::new();
    for (number, sample) in tree["samples"].as_array().into_iter().flatten().enumerate() {
        parts.push((format!("#{number}"), sample["payload"].to_string()));
    }
    for (number, case) in tree["cases"].as_array().into_iter().flatten().enumerate() {
        if case["httpResponse"].is_object() || case["httpResponse"].is_array() {
            parts.push((format!("#{number}"), case["httpResponse"].to_string()));
        }
        for (frame, received) in case["received"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            parts.push((format!("#{number}#{frame}"), received.to_string()));
        }
    }
    assert!(!parts.is_empty(), "{name} holds no samples");
    parts
}
