//! The real dialer, on real sockets.

use chimera_runtime::clock::Clock;
use futures::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use super::super::{
    Outgoing, TungsteniteDialer, WebSocket, WebSocketDialer, WebSocketError, WebSocketOptions,
    WebSocketRequest,
};
use super::{SECOND, text};
use crate::http::ConnectFault;
use crate::peer::{Authority, Peer, Seen, hold, read_request};
use crate::tls::client_config;

async fn dial(url: &str, patience: u32) -> Result<WebSocket, WebSocketError> {
    dial_trusting(None, url, patience).await
}

async fn dial_trusting(
    roots: Option<&str>,
    url: &str,
    patience: u32,
) -> Result<WebSocket, WebSocketError> {
    let tls = client_config(roots.map(str::as_bytes)).unwrap();
    let dialer = TungsteniteDialer::new(tls, Clock::system());
    let mut request = WebSocketRequest::new(Url::parse(url).unwrap());
    request
        .headers
        .insert("x-session", http::HeaderValue::from_static("one"));
    let deadline = Instant::now() + SECOND * patience;
    dialer
        .dial(request, WebSocketOptions::default(), deadline)
        .await
}

#[tokio::test]
async fn a_session_runs_over_a_real_socket() {
    let peer = Peer::start(|_, stream| async move {
        let mut socket = accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                socket.send(message).await.unwrap();
            }
        }
    })
    .await;

    let mut session = dial(&format!("ws://{}/ws", peer.address), 20)
        .await
        .unwrap();
    session
        .send(Outgoing::Text("echo".to_owned()))
        .await
        .unwrap();

    assert_eq!(text(session.next().await.unwrap()), "echo");
    session.close().await;
}

#[tokio::test]
async fn h52_a_handshake_that_is_answered_otherwise_is_refused_with_its_status() {
    let seen = Seen::default();
    let record = seen.clone();
    let peer = Peer::start(move |number, mut stream| {
        let record = record.clone();
        async move {
            record.push(read_request(&mut stream).await.unwrap());
            let answer = match number {
                0 => "HTTP/1.1 429 Too Many\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
                1 => "HTTP/1.1 302 Found\r\nlocation: ws://127.0.0.1:1/\r\n\r\n",
                _ => "HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\npage",
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
            hold(stream).await;
        }
    })
    .await;
    for (status, seconds) in [(429, Some(7)), (302, None), (403, None)] {
        let refused = dial(&format!("ws://{}/ws", peer.address), 20)
            .await
            .unwrap_err();
        let status = http::StatusCode::from_u16(status).unwrap();
        let retry_after = seconds.map(|seconds: u32| SECOND * seconds);
        assert_eq!(
            refused,
            WebSocketError::Refused {
                status,
                retry_after
            }
        );
    }
    assert!(
        seen.all()[0].contains("x-session: one\r\n"),
        "{}",
        seen.all()[0]
    );
}

#[tokio::test]
async fn a_handshake_that_never_ends_does_not_outlast_its_deadline() {
    let peer = Peer::start(|number, mut stream| async move {
        if number == 0 {
            // Takes the connection and says nothing.
            return hold(stream).await;
        }
        let mut head = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
        head.extend(b"x-filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(10));
        stream.write_all(&head).await.unwrap();
        // Then headers for ever.
        while stream
            .write_all(b"x-more: aaaaaaaaaaaaaaaaaaaaaaaa\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    let url = format!("ws://{}/ws", peer.address);

    assert_eq!(dial(&url, 1).await.unwrap_err(), WebSocketError::Timeout);
    let flooded = dial(&url, 20).await.unwrap_err();
    assert!(
        matches!(flooded, WebSocketError::Protocol { .. }),
        "{flooded:?}"
    );
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_no_connection() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    for (url, fault) in [
        (format!("ws://{nobody}/"), ConnectFault::Refused),
        ("ws://name.invalid/".to_owned(), ConnectFault::Resolve),
    ] {
        assert_eq!(
            dial(&url, 20).await.unwrap_err(),
            WebSocketError::Connect { fault }
        );
    }
    let scheme = dial("http://127.0.0.1/", 20).await.unwrap_err();
    assert_eq!(scheme, WebSocketError::Malformed { what: "scheme" });
}

#[tokio::test]
async fn h53_a_session_is_opened_only_where_the_certificate_holds() {
    let authority = Authority::new();
    for (name, talks) in [("localhost", true), ("venue.example", false)] {
        let acceptor = authority.server(name, 30);
        let peer = Peer::start(move |_, stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut socket = accept_async(stream).await.unwrap();
                socket.send(Message::text("hello")).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            }
        })
        .await;
        let url = format!("wss://localhost:{}/ws", peer.address.port());

        match dial_trusting(Some(&authority.pem()), &url, 20).await {
            Ok(mut session) => {
                assert!(talks);
                assert_eq!(text(session.next().await.unwrap()), "hello");
            }
            Err(error) => {
                assert!(!talks, "{error}");
                assert_eq!(
                    error,
                    WebSocketError::Connect {
                        fault: ConnectFault::Tls
                    }
                );
            }
        }
    }
}
