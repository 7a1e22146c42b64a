use chimera_gateway::{Config, ConfigError, Error, GatewayDeps, bind, start};
use chimera_runtime::Channel;
use chimera_runtime::drain::Signal;
use tokio::net::TcpListener;

use crate::harness::{ORDER, metrics};

fn deps(services: &[&str]) -> GatewayDeps {
    let channel = Channel::in_process([]);
    GatewayDeps {
        channels: services
            .iter()
            .map(|name| ((*name).to_owned(), channel.clone()))
            .collect(),
        metrics: Some(metrics()),
        drain: Signal::never(),
    }
}

#[tokio::test]
async fn an_address_that_others_reach_is_refused_until_authentication_lands() {
    let reachable = [
        "0.0.0.0:8080",
        "[::]:8080",
        "192.168.1.1:8080",
        "[::ffff:10.0.0.1]:80",
        "8.8.8.8:80",
    ];
    for listen in reachable {
        let config = Config {
            listen: listen.parse().unwrap(),
            ..Config::default()
        };
        let refused = bind(&config).await.unwrap_err();
        assert!(
            matches!(refused, Error::Config(ConfigError::NotLoopback { .. })),
            "{listen}"
        );
        assert!(refused.to_string().contains("authentication"), "{refused}");
    }
    // Nor can a listener that somebody else opened get past it.
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = start(Config::default(), deps(&[]), listener)
        .await
        .unwrap_err();
    assert!(matches!(
        refused,
        Error::Config(ConfigError::NotLoopback { .. })
    ));
    for listen in [
        "127.0.0.1:8080",
        "127.9.9.9:1",
        "[::1]:8080",
        "[::ffff:127.0.0.1]:1",
    ] {
        let config = Config {
            listen: listen.parse().unwrap(),
            ..Config::default()
        };
        config.validate().unwrap();
    }
}

#[tokio::test]
async fn a_service_that_is_internal_unknown_or_mounted_twice_is_refused() {
    let cases: [&[&str]; 4] = [
        &["chimera.connector.v1.ConnectorService"],
        &["chimera.egress.v1.EgressService"],
        &["chimera.order.v1.OrdersService"],
        &[ORDER, ORDER],
    ];
    for services in cases {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused = start(Config::default(), deps(services), listener)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, Error::Mount(_)),
            "{services:?}: {refused}"
        );
    }
}

#[tokio::test]
async fn every_public_service_of_the_contract_can_be_mounted() {
    let public = [
        ORDER,
        "chimera.market_data.v1.MarketDataService",
        "chimera.position.v1.PositionService",
        "chimera.api_factory.v1.ApiFactoryService",
    ];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    start(Config::default(), deps(&public), listener)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = taken.local_addr().unwrap();
    let refused = bind(&Config {
        listen,
        ..Config::default()
    })
    .await
    .unwrap_err();
    assert!(
        refused.to_string().contains(&listen.to_string()),
        "{refused}"
    );
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    let origins = |origin: &str| Config {
        origins: vec![origin.into()],
        ..Config::default()
    };
    for origin in [
        "*",
        "null",
        "",
        "desk.example",
        "https://desk.example/",
        "https://a.b/c",
        "https://desk.example:443",
        "HTTPS://desk.example",
        "ftp://desk.example",
        "https://a@b",
    ] {
        let refused = origins(origin).validate().unwrap_err();
        assert_eq!(
            refused,
            ConfigError::Origin {
                origin: origin.into()
            }
        );
    }
    origins("https://desk.example:8443").validate().unwrap();
    let hosts = Config {
        hosts: vec!["a b".into()],
        ..Config::default()
    };
    assert_eq!(
        hosts.validate().unwrap_err(),
        ConfigError::Host { host: "a b".into() }
    );
    let zero = Config {
        body_bytes_max: 0,
        ..Config::default()
    };
    assert_eq!(
        zero.validate().unwrap_err(),
        ConfigError::Zero {
            field: "body_bytes_max"
        }
    );
    let unknown: Result<Config, _> = serde_json::from_str(r#"{"lisen":"127.0.0.1:1"}"#);
    assert!(unknown.unwrap_err().to_string().contains("lisen"));
}
