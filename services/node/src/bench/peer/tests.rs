use super::Peer;
use crate::bench::BenchError;

#[test]
fn a_peer_is_a_name_and_an_address_with_a_port() {
    let peer: Peer = "nats-server=nats://127.0.0.1:4222".parse().unwrap();
    assert_eq!(peer.name, "nats-server");
    assert_eq!(peer.url.port(), Some(4222));
    for wrong in [
        "nats://127.0.0.1:4222",
        "=nats://127.0.0.1:4222",
        "nats=nats://127.0.0.1",
        "nats=4222",
        "nats=mailto:a@b",
    ] {
        let error = wrong.parse::<Peer>().unwrap_err().to_string();
        assert!(error.contains("NAME=SCHEME://HOST:PORT"), "{error}");
    }
}

#[test]
fn a_peer_of_another_scheme_makes_no_measurement() {
    let peer: Peer = "web=http://127.0.0.1:80/x".parse().unwrap();
    assert!(peer.speaks(&["http"]).is_ok());
    let refusal = peer.speaks(&["nats", "ws"]).unwrap_err();
    assert!(matches!(&refusal, BenchError::Plan(words) if words.contains("nats or ws")));
}
