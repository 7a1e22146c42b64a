//! The walls of the house, read from `cargo metadata`: who may import whom.

use std::{collections::BTreeMap, process::Command};

use chimera_tests::repository_root;
use serde_json::Value;

/// What each room may import of this workspace. Acyclic by construction of the order: a room
/// imports only rooms above it. No server imports a server; the gateway imports no service.
const ALLOWED: [(&str, &[&str]); 15] = [
    ("chimera-contracts", &[]),
    ("chimera-model", &[]),
    ("chimera-runtime", &["chimera-contracts"]),
    ("chimera-journal", &[]),
    ("chimera-venue", &["chimera-model"]),
    ("chimera-egress", &["chimera-contracts", "chimera-runtime"]),
    ("chimera-venue-sim", &[]),
    (
        "chimera-api-factory",
        &[
            "chimera-contracts",
            "chimera-model",
            "chimera-runtime",
            "chimera-egress",
        ],
    ),
    (
        "chimera-connector",
        &[
            "chimera-contracts",
            "chimera-model",
            "chimera-runtime",
            "chimera-egress",
            "chimera-venue",
        ],
    ),
    (
        "chimera-order",
        &[
            "chimera-contracts",
            "chimera-model",
            "chimera-runtime",
            "chimera-journal",
        ],
    ),
    (
        "chimera-position",
        &["chimera-contracts", "chimera-model", "chimera-runtime"],
    ),
    (
        "chimera-market-data",
        &[
            "chimera-contracts",
            "chimera-model",
            "chimera-runtime",
            "chimera-egress",
            "chimera-venue",
        ],
    ),
    ("chimera-gateway", &["chimera-contracts", "chimera-runtime"]),
    // The binary wires every room.
    ("chimera-node", &["*"]),
    ("chimera-tests", &["*"]),
];

fn imports() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(repository_root())
        .output()
        .expect("cargo metadata runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let imports = package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter()
                // Tests of a room may drive its peers; the shipped code may not import them.
                .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
                .filter_map(|dependency| dependency["name"].as_str())
                .filter(|name| name.starts_with("chimera-"))
                .map(str::to_owned)
                .collect();
            (package["name"].as_str().expect("name").to_owned(), imports)
        })
        .collect()
}

#[test]
fn every_room_imports_only_what_its_wall_allows() {
    let imports = imports();
    for (room, found) in &imports {
        let (_, allowed) = ALLOWED
            .iter()
            .find(|(name, _)| name == room)
            .unwrap_or_else(|| panic!("{room} has no row in the table of walls"));
        for import in found {
            assert!(
                allowed.contains(&"*") || allowed.contains(&import.as_str()),
                "{room} imports {import}; its wall allows {allowed:?}"
            );
        }
    }
    assert_eq!(
        imports.len(),
        ALLOWED.len(),
        "every room of the table exists"
    );
}

#[test]
fn only_egress_dials_out() {
    let dialers = ["reqwest", "tokio-tungstenite"];
    for room in [
        "api-factory",
        "connector",
        "order",
        "position",
        "market-data",
        "venue",
        "model",
        "journal",
    ] {
        let manifest = std::fs::read_to_string(
            repository_root()
                .join("services")
                .join(room)
                .join("Cargo.toml"),
        )
        .expect("manifest");
        let shipped = manifest
            .split("[dev-dependencies]")
            .next()
            .unwrap_or_default();
        for dialer in dialers {
            assert!(
                !shipped.lines().any(|line| line.starts_with(dialer)),
                "services/{room} depends on {dialer}; only egress opens outside sockets"
            );
        }
    }
}

#[test]
fn the_top_level_holds_only_the_rooms() {
    let expected = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "build.rs",
        "gateway",
        "proto",
        "services",
        "target",
        "tests",
        "helm",
        "data",
        "logs",
        "report",
    ];
    for entry in std::fs::read_dir(repository_root()).expect("root") {
        let name = entry
            .expect("entry")
            .file_name()
            .into_string()
            .expect("UTF-8");
        assert!(
            name.starts_with('.') || expected.contains(&name.as_str()),
            "`{name}` is not a room of the house"
        );
    }
}
