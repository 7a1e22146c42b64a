use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;

use super::*;
use crate::tests::probe::{Probe, ProbeClient, Server, within};

fn options() -> ListenOptions {
    ListenOptions {
        drain_within: Duration::from_millis(150),
        ..ListenOptions::default()
    }
}

/// Waits until the peer has closed the connection, reading whatever it still says.
async fn until_closed(socket: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    // A reset is an end as well.
    let _ = within(socket.read_to_end(&mut said)).await;
    said
}

#[tokio::test]
async fn a_drain_of_an_idle_server_ends_at_once() {
    let server = Server::start(vec![Probe::new().service()], ListenOptions::default()).await;
    ProbeClient(server.channel()).echo("hello").await.unwrap();
    server.drain.begin();
    assert_eq!(within(server.served).await.unwrap(), Completion::Finished);
}

#[tokio::test]
async fn a_drain_ends_although_a_stream_and_a_silent_socket_stay_open() {
    let probe = Probe::new();
    let server = Server::start(vec![probe.service()], options()).await;
    let client = ProbeClient(server.channel());
    let mut open = client.watch("open", 0).await.unwrap();
    open.message().await.unwrap();
    let hanging = tokio::spawn(async move { client.echo("hang").await });
    probe.until_running(2).await;
    let mut silent = TcpStream::connect(&server.address).await.unwrap();
    let mut preface_only = TcpStream::connect(&server.address).await.unwrap();
    preface_only
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();

    server.drain.begin();
    let completion = within(server.served).await.unwrap();
    assert!(
        matches!(completion, Completion::CutOff { remaining: 1.. }),
        "{completion:?}"
    );
    probe.until_running(0).await;
    assert_eq!(
        within(open.message()).await.unwrap_err().code(),
        Code::Unavailable
    );
    assert_eq!(
        within(hanging).await.unwrap().unwrap_err().code(),
        Code::Unavailable
    );
    until_closed(&mut silent).await;
    until_closed(&mut preface_only).await;
}

#[tokio::test]
async fn streams_say_goodbye_and_the_drain_ends_before_its_deadline() {
    let mut probe = Probe::new();
    let drain = Drain::new();
    probe.signal = drain.signal();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let options = ListenOptions::default();
    let served = tokio::spawn(serve(listener, [probe.service()], options, drain.signal()));
    let channel = crate::Channel::remote(&address, Default::default()).unwrap();
    let mut words = ProbeClient(channel).watch("goodbye", 0).await.unwrap();
    words.message().await.unwrap();

    drain.begin();
    assert_eq!(
        within(words.message()).await.unwrap().unwrap().text,
        "goodbye"
    );
    assert!(within(words.message()).await.unwrap().is_none());
    assert_eq!(within(served).await.unwrap(), Completion::Finished);
    assert!(
        TcpStream::connect(&address).await.is_err(),
        "the door is closed"
    );
}

#[tokio::test]
async fn h07_a_socket_that_stays_silent_or_speaks_too_slowly_is_closed() {
    let options = ListenOptions {
        first_bytes_within: Duration::from_millis(100),
        ..ListenOptions::default()
    };
    let server = Server::start(vec![Probe::new().service()], options).await;
    let mut silent = TcpStream::connect(&server.address).await.unwrap();
    let mut slow = TcpStream::connect(&server.address).await.unwrap();
    slow.write_all(b"PRI * HTTP/2").await.unwrap();
    let mut wrong = TcpStream::connect(&server.address).await.unwrap();
    wrong.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    for socket in [&mut silent, &mut slow, &mut wrong] {
        assert!(until_closed(socket).await.is_empty());
    }
    ProbeClient(server.channel())
        .echo("others are served")
        .await
        .unwrap();
}

#[tokio::test]
async fn h07_half_a_request_over_http1_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = ListenOptions {
        protocols: Protocols::Http1AndHttp2,
        first_bytes_within: Duration::from_millis(100),
        ..ListenOptions::default()
    };
    let app = tower::service_fn(|_: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(http_body_util::Empty::<Bytes>::new()))
    });
    tokio::spawn(serve_http(listener, app, options, Signal::never()));
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ")
        .await
        .unwrap();
    until_closed(&mut half).await;
}

#[tokio::test]
async fn h07_a_peer_that_stops_answering_pings_is_closed() {
    let options = ListenOptions {
        keepalive_interval: Duration::from_millis(50),
        keepalive_timeout: Duration::from_millis(50),
        ..ListenOptions::default()
    };
    let server = Server::start(vec![Probe::new().service()], options).await;
    let mut dead = TcpStream::connect(&server.address).await.unwrap();
    dead.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    // An empty SETTINGS frame completes the handshake; after it the peer is silent.
    dead.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    until_closed(&mut dead).await;
}

#[tokio::test]
async fn h08_connections_above_the_bound_are_closed_and_the_others_are_served() {
    let options = ListenOptions {
        connections_per_address_max: 1,
        // Longer than the test waits: silence is not what closes the second one.
        first_bytes_within: Duration::from_secs(3_600),
        ..ListenOptions::default()
    };
    let server = Server::start(vec![Probe::new().service()], options).await;
    let client = ProbeClient(server.channel());
    client.echo("first").await.unwrap();
    let mut second = TcpStream::connect(&server.address).await.unwrap();
    assert!(until_closed(&mut second).await.is_empty());
    client.echo("still served").await.unwrap();
}

#[tokio::test]
async fn a_place_is_free_again_when_its_connection_has_ended() {
    let places = Places::new(&ListenOptions {
        connections_max: 1,
        ..ListenOptions::default()
    });
    let address = IpAddr::from([127, 0, 0, 1]);
    let place = places.take(address);
    assert!(place.is_some() && places.take(address).is_none());
    drop(place);
    assert!(places.by_address.lock().unwrap().is_empty());
    assert!(places.take(address).is_some());
}

#[tokio::test]
async fn accepted_sockets_send_small_messages_at_once() {
    let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _client = TcpStream::connect(address).await.unwrap();
    let (accepted, _) = Accept::accept(&mut listener).await.unwrap();
    assert!(accepted.nodelay().unwrap());
}

#[tokio::test]
async fn an_application_over_http1_is_served_and_drained_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Drain::new();
    let options = ListenOptions {
        protocols: Protocols::Http1AndHttp2,
        ..options()
    };
    let app = tower::service_fn(|request: Request<Incoming>| async move {
        assert!(request.extensions().get::<PeerAddress>().is_some());
        Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from(
            "hello",
        ))))
    });
    let served = tokio::spawn(serve_http(listener, app, options, drain.signal()));
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let said = until_closed(&mut socket).await;
    assert!(said.ends_with(b"hello"));
    drain.begin();
    assert_eq!(within(served).await.unwrap(), Completion::Finished);
    until_closed(&mut idle).await;
}
