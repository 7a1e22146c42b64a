//! Configuration: whatever stands in the file is read, or refused with a place and a reason.

use chimera_node::Config;
use chimera_runtime::config::parse;

use super::mutation::feed;

const SEEDS: [&str; 4] = [
    "connector:\n  venues:\n    binance-usdm: {accounts: [main], allow_plain_http: true}\n\
     credentials:\n  binance-usdm:\n    main: {api_key: \"${KEY}\", api_secret: \"b\"}\n",
    "order:\n  risk: {exposure_max: \"500\"}\n  snapshot_every_records: 2000\n\
     journal: {durability: full}\ndrain_within_ms: 10000\n",
    "api_factory:\n  heartbeat: {url: \"https://a.example/b\", interval: 10s, token: \"$${x\"}\n",
    "peers: {connector: \"http://127.0.0.1:1\"}\ngateway: {listen: \"127.0.0.1:0\"}\n",
];

#[test]
fn no_file_makes_the_configuration_fall_over() {
    let seeds = SEEDS.map(|text| text.as_bytes().to_vec());
    let mut read = 0;
    feed("configuration", &seeds, 20_000, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        match parse::<Config>(text, |name| (name == "KEY").then(|| "key".to_owned())) {
            Ok(config) => {
                read += 1;
                let _ = config.check();
                let _ = config.credentials();
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
    assert!(read > SEEDS.len(), "nothing mutated was ever read");
}
