//! SIGKILL at random moments. `chimera chaos` does the same for longer; this is its short version.

use std::process::Command;

use chimera_tests::binary;
use serde_json::Value;

/// Drawn once; what it finds must not depend on it, and a seed that once failed belongs here.
const SEED: &str = "7";
const KILLS: u64 = 5;

#[test]
fn killed_at_random_moments_it_loses_nothing_and_doubles_nothing() {
    let kills = KILLS.to_string();
    let output = Command::new(binary())
        .args(["chaos", "--kills", &kills, "--rate", "40", "--seed", SEED])
        .args(["--open-orders", "20", "--json"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}\n{words}"));
    let count = |name: &str| report[name].as_u64().unwrap();

    assert_eq!(report["ok"], true, "{report:#}\n{words}");
    assert!(output.status.success(), "{words}");
    // A run in which little happened proves little.
    assert_eq!(count("kills"), KILLS);
    assert!(count("acknowledged") >= 50, "{report:#}");
    assert!(count("repeats") > 0, "{report:#}");
    assert!(count("fills") > 0, "{report:#}");
    assert!(count("cancels") > 0, "{report:#}");
    assert!(
        count("journal_records") > count("acknowledged"),
        "{report:#}"
    );
}
