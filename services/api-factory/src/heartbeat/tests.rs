use std::time::Duration;

use chimera_runtime::config::Secret;

use super::{HeartbeatConfig, headers, number, signature};

#[test]
fn numbers_are_written_from_exact_text() {
    let json = |text: &str| serde_json::to_string(&number(text)).unwrap();
    assert_eq!(json("0.060"), "0.060");
    assert_eq!(json("-13.159000000000000001"), "-13.159000000000000001");
    assert_eq!(json(""), "null");
    assert_eq!(json("1e5"), "null");
    assert_eq!(json("1.2.3"), "null");
}

#[test]
fn h58_a_signature_covers_time_and_body() {
    // printf '1730000000.{"a":1}' | openssl dgst -sha256 -hmac key
    let signed = "6db8cc660a690e47ff86f412b6cfd468b7929b054c9dbbe0388e6f68af8bb76d";
    assert_eq!(signature("key", 1_730_000_000, b"{\"a\":1}"), signed);
    assert_ne!(signature("key", 1_730_000_001, b"{\"a\":1}"), signed);
    assert_ne!(signature("key", 1_730_000_000, b"{\"a\":2}"), signed);
}

#[test]
fn secrets_are_marked_as_such() {
    let config = HeartbeatConfig {
        token: Some(Secret::new("canary")),
        hmac_secret: Some(Secret::new("canary")),
        ..HeartbeatConfig::default()
    };
    let headers = headers(&config, 1_000, b"{}");
    assert_eq!(headers["authorization"], "Bearer canary");
    assert!(!format!("{headers:?} {config:?}").contains("canary"));
}

#[test]
fn h57_only_https_or_loopback_receives_heartbeats() {
    let takes = |url: &str| {
        let config = HeartbeatConfig {
            url: url.to_owned(),
            ..HeartbeatConfig::default()
        };
        config.address().is_ok()
    };
    assert!(takes("https://monitor.example/heartbeat"));
    assert!(takes("http://127.0.0.1:9/heartbeat"));
    for refused in [
        "http://monitor.example/",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://user:secret@monitor.example/",
        "not an address",
    ] {
        assert!(!takes(refused), "{refused}");
    }
}

#[test]
fn a_timeout_of_zero_is_refused() {
    let config = HeartbeatConfig {
        url: "https://monitor.example/".to_owned(),
        timeout: Duration::ZERO,
        ..HeartbeatConfig::default()
    };
    assert_eq!(config.address().unwrap_err().field, "interval");
}
