use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tonic::Code;

use super::*;
use crate::fault::{Outcome, facts_of, outcome_of, reason_of};
use crate::listen::ListenOptions;
use crate::tests::probe::{Probe, ProbeClient, Server, within};

fn remote(address: &str, options: RemoteOptions) -> ProbeClient {
    ProbeClient(Channel::remote(address, options).unwrap())
}

/// Returns an address at which nobody listens.
async fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Calls until an answer comes; each refusal until then must be a typed one.
async fn until_answered(client: &ProbeClient) {
    while let Err(refusal) = client.echo("hello").await {
        assert_eq!(refusal.code(), Code::Unavailable, "{refusal:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_deferred_channel_says_that_its_peer_has_not_started_and_then_reaches_it() {
    let (channel, binding) = Channel::deferred();
    let client = ProbeClient(channel);
    let refusal = client.echo("hello").await.unwrap_err();
    assert_eq!(refusal.code(), Code::Unavailable);
    assert_eq!(reason_of(&refusal).as_deref(), Some("PEER_UNAVAILABLE"));
    binding.bind(Channel::in_process([Probe::new().service()]));
    client.echo("hello").await.unwrap();
}

#[test]
fn an_address_is_host_and_port_and_nothing_else() {
    for good in [
        "127.0.0.1:9000",
        "http://order:9000",
        "http://[::1]:9000/",
        "localhost:1",
    ] {
        Channel::remote(good, RemoteOptions::default()).unwrap();
    }
    for bad in [
        "",
        "order",
        "https://order:9000",
        "http://order:9000/v1",
        "a@order:9000",
        "/x",
        "order:99999",
    ] {
        let error = Channel::remote(bad, RemoteOptions::default()).unwrap_err();
        assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
    }
}

#[tokio::test]
async fn a_peer_may_start_after_its_callers() {
    let address = free_address().await;
    let client = remote(&address, RemoteOptions::default());
    let refusal = client.echo("hello").await.unwrap_err();
    assert_eq!(reason_of(&refusal).as_deref(), Some("PEER_UNAVAILABLE"));
    assert_eq!(facts_of(&refusal)["peer"], address);
    assert_eq!(outcome_of(&refusal), Outcome::NotBegun);
    let listener = TcpListener::bind(&address).await.unwrap();
    let services = [Probe::new().service()];
    let served = crate::listen::serve(
        listener,
        services,
        ListenOptions::default(),
        crate::drain::Signal::never(),
    );
    tokio::spawn(served);
    within(until_answered(&client)).await;
}

#[tokio::test]
async fn a_peer_that_restarts_is_found_again() {
    let server = Server::start(vec![Probe::new().service()], ListenOptions::default()).await;
    let client = ProbeClient(server.channel());
    client.echo("hello").await.unwrap();
    server.drain.begin();
    within(server.served).await.unwrap();
    let listener = TcpListener::bind(&server.address).await.unwrap();
    let options = ListenOptions::default();
    let signal = crate::drain::Signal::never();
    tokio::spawn(crate::listen::serve(
        listener,
        [Probe::new().service()],
        options,
        signal,
    ));
    within(until_answered(&client)).await;
}

#[tokio::test]
async fn a_connection_lost_under_a_call_leaves_its_outcome_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = remote(
        &listener.local_addr().unwrap().to_string(),
        RemoteOptions::default(),
    );
    let call = tokio::spawn(async move { client.echo("hello").await });
    let (mut socket, _) = listener.accept().await.unwrap();
    // A server's empty SETTINGS; then wait for the request's headers (frame type 1) and hang up.
    socket
        .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    within(until_headers(&mut socket)).await;
    drop(socket);
    let lost = within(call).await.unwrap().unwrap_err();
    assert_eq!(lost.code(), Code::Unavailable);
    assert_eq!(reason_of(&lost).as_deref(), Some("PEER_UNAVAILABLE"));
    assert_eq!(outcome_of(&lost), Outcome::Unknown);
}

/// Reads HTTP/2 frames until a HEADERS frame has come.
async fn until_headers(socket: &mut TcpStream) {
    socket.read_exact(&mut [0; 24]).await.unwrap();
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        socket
            .read_exact(&mut vec![0; length as usize])
            .await
            .unwrap();
        if head[3] == 1 {
            return;
        }
    }
}

#[tokio::test]
async fn f106_a_peer_that_falls_silent_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = RemoteOptions {
        keepalive_interval: Duration::from_millis(50),
        keepalive_timeout: Duration::from_millis(50),
        ..RemoteOptions::default()
    };
    let client = remote(&listener.local_addr().unwrap().to_string(), options);
    let call = tokio::spawn(async move { client.echo("hello").await });
    let (_silent, _) = listener.accept().await.unwrap();
    let lost = within(call).await.unwrap().unwrap_err();
    assert_eq!(lost.code(), Code::Unavailable, "{lost:?}");
}

#[tokio::test]
async fn a_deadline_is_kept_on_this_side_of_a_peer_that_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let client = remote(&address, RemoteOptions::default());
    let call = crate::deadline::Deadline::after(Duration::from_millis(80));
    let late = within(call.scope(client.echo("hello"))).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert_eq!(outcome_of(&late), Outcome::Unknown);
}

#[tokio::test]
async fn a_connect_that_takes_too_long_is_given_up() {
    let options = RemoteOptions {
        connect_timeout: Duration::from_millis(50),
        ..RemoteOptions::default()
    };
    let never = || std::future::pending::<io::Result<TcpStream>>();
    let client = ProbeClient(Channel::dialed(
        Authority::from_static("x:1"),
        options,
        never,
    ));
    let refusal = within(client.echo("hello")).await.unwrap_err();
    assert_eq!(reason_of(&refusal).as_deref(), Some("PEER_UNAVAILABLE"));
}

#[tokio::test(start_paused = true)]
async fn callers_share_one_connection_and_one_failed_connect() {
    let dials = Arc::new(AtomicUsize::new(0));
    let counted = dials.clone();
    let refusing = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Err::<TcpStream, _>(io::Error::from(io::ErrorKind::ConnectionRefused)) }
    };
    let authority = Authority::from_static("x:1");
    let client = ProbeClient(Channel::dialed(
        authority,
        RemoteOptions::default(),
        refusing,
    ));
    let calls = (0..50).map(|_| client.echo("hello"));
    for refusal in futures::future::join_all(calls).await {
        assert_eq!(refusal.unwrap_err().code(), Code::Unavailable);
    }
    client.echo("within the pause").await.unwrap_err();
    assert_eq!(dials.load(Ordering::SeqCst), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    client.echo("after the pause").await.unwrap_err();
    assert_eq!(dials.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_call_whose_deadline_has_passed_does_not_go_out() {
    let dials = Arc::new(AtomicUsize::new(0));
    let counted = dials.clone();
    let dial = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<io::Result<TcpStream>>()
    };
    let authority = Authority::from_static("x:1");
    let client = ProbeClient(Channel::dialed(authority, RemoteOptions::default(), dial));
    let passed = crate::deadline::Deadline::after(Duration::ZERO);
    let late = passed.scope(client.echo("hello")).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    // Dialing happens in a task of its own, which would have had its turn by now.
    tokio::task::yield_now().await;
    assert_eq!(dials.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_channel_runs_over_any_byte_stream() {
    let (near, far) = tokio::io::duplex(64 * 1_024);
    let accept = Once(Some(far));
    let signal = crate::drain::Signal::never();
    let services = [Probe::new().service()];
    tokio::spawn(crate::listen::serve(
        accept,
        services,
        ListenOptions::default(),
        signal,
    ));
    let near = std::sync::Mutex::new(Some(near));
    let dial = move || {
        let near = near.lock().unwrap().take();
        async move { near.ok_or_else(|| io::ErrorKind::ConnectionRefused.into()) }
    };
    let authority = Authority::from_static("pipe:1");
    let client = ProbeClient(Channel::dialed(authority, RemoteOptions::default(), dial));
    client.echo("hello").await.unwrap();
}

/// Accepts one end of a pipe and then nothing more.
struct Once(Option<tokio::io::DuplexStream>);

impl crate::listen::Accept for Once {
    type Io = tokio::io::DuplexStream;

    async fn accept(&mut self) -> io::Result<(Self::Io, std::net::SocketAddr)> {
        match self.0.take() {
            Some(io) => Ok((io, ([127, 0, 0, 1], 1).into())),
            None => std::future::pending().await,
        }
    }
}

#[tokio::test]
async fn calls_above_the_bound_of_a_channel_are_refused_at_once() {
    let probe = Probe::new();
    let server = Server::start(vec![probe.service()], ListenOptions::default()).await;
    let options = RemoteOptions {
        calls_max: 1,
        ..RemoteOptions::default()
    };
    let client = remote(&server.address, options);
    let hanging = tokio::spawn({
        let client = client.clone();
        async move { client.echo("hang").await }
    });
    probe.until_running(1).await;
    let refusal = client.echo("hello").await.unwrap_err();
    assert_eq!(reason_of(&refusal).as_deref(), Some("OVERLOADED"));
    hanging.abort();
}

/// More 40-byte messages than h2 lets pile up unread at its default windows: 12,137.
const FLOOD: u64 = 20_000;

#[tokio::test]
async fn a_reader_that_stops_reading_leaves_its_neighbours_alone() {
    let probe = Probe::new();
    let server = Server::start(vec![probe.service()], ListenOptions::default()).await;
    let client = ProbeClient(server.channel());
    let mut stuck = client.watch("flood", FLOOD).await.unwrap();
    stuck.message().await.unwrap();
    let mut read = client.watch("flood", FLOOD).await.unwrap();
    let mut count = 0;
    while within(read.message()).await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, FLOOD + 1);
    client.echo("the connection lives").await.unwrap();
}

#[tokio::test]
async fn dialed_sockets_send_small_messages_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = dial(listener.local_addr().unwrap().to_string())
        .await
        .unwrap();
    assert!(stream.nodelay().unwrap());
}
