use super::*;

fn config(json: &str) -> Result<Config, serde_json::Error> {
    serde_json::from_str(json)
}

#[test]
fn a_venue_is_built_with_what_the_configuration_changes() {
    let config = config(
        r#"{"venues": {"binance-usdm": {
            "rest_url": "http://127.0.0.1:9101", "stream_url": "ws://127.0.0.1:9101",
            "allow_plain_http": true, "accounts": ["main", "hedge"],
            "aliases": {"SOLANA": "SOL-USDT-PERP"}
        }}}"#,
    );
    let venues = config.unwrap().venues().unwrap();
    let venue = &venues[0];
    assert_eq!(venue.adapter.venue().as_str(), "binance-usdm");
    assert_eq!(
        venue.adapter.endpoints().rest.as_str(),
        "http://127.0.0.1:9101/"
    );
    assert_eq!(venue.accounts.len(), 2);
    assert!(venue.adapter.aliases().named.contains_key("SOLANA"));
}

#[test]
fn a_venue_that_is_off_is_left_out() {
    let config = config(r#"{"venues": {"binance-usdm": {"enabled": false}}}"#).unwrap();
    assert!(config.venues().unwrap().is_empty());
}

#[test]
fn what_cannot_be_used_is_named() {
    for (json, words) in [
        (
            r#"{"venues": {"nowhere": {}}}"#,
            "venues.nowhere: no venue nowhere",
        ),
        (
            r#"{"venues": {"Binance": {}}}"#,
            "venues.Binance: venue has an unexpected",
        ),
        (
            r#"{"venues": {"binance-usdm": {"rest_url": "x"}}}"#,
            "rest_url: relative URL",
        ),
        (
            r#"{"venues": {"binance-usdm": {"accounts": ["A B"]}}}"#,
            "accounts: account has",
        ),
        (
            r#"{"venues": {"binance-usdm": {"aliases": {"S": "sol"}}}}"#,
            "aliases.S: symbol has",
        ),
        (
            r#"{"client_id_prefix": "a b", "venues": {"binance-usdm": {}}}"#,
            "client id prefix",
        ),
        (
            r#"{"timing": {"clock_refresh_ms": 0}}"#,
            "timing.clock_refresh_ms must be above zero",
        ),
    ] {
        let error = config(json).unwrap().venues().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn an_unknown_key_is_an_error() {
    assert!(config(r#"{"venue": {}}"#).is_err());
    assert!(config(r#"{"venues": {"binance-usdm": {"url": ""}}}"#).is_err());
    assert!(config(r#"{"timing": {"refresh": 1}}"#).is_err());
}
