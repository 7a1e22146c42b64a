//! The real client against real sockets: honest peers, broken ones and hostile ones.

use std::io::Write;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderValue, Method};
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use url::Url;

use super::ReqwestClient;
use crate::http::{
    ConnectFault, HttpClient, HttpError, HttpLimits, HttpRequest, HttpResponse, Sent,
};
use crate::peer::{Authority, Peer, Seen, hold, read_request};
use crate::tls::client_config;

/// Longer than anything honest here takes, shorter than a test's patience.
const PATIENCE: Duration = Duration::from_secs(20);

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Returns a client that trusts `roots`, or only what the machine does.
fn client(roots: Option<&str>) -> ReqwestClient {
    // Reading the machine's roots takes a while, and once is enough.
    static MACHINE: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| client_config(None).unwrap());
    match roots {
        None => ReqwestClient::new(&MACHINE).unwrap(),
        Some(pem) => ReqwestClient::new(&client_config(Some(pem.as_bytes())).unwrap()).unwrap(),
    }
}

fn limits(patience: Duration) -> HttpLimits {
    HttpLimits {
        deadline: Instant::now() + patience,
        max_body_bytes: 64 * 1024,
    }
}

fn post(peer: &Peer, body: &'static str) -> HttpRequest {
    let url = Url::parse(&format!("http://{}/order?signature=canary", peer.address)).unwrap();
    let mut request = HttpRequest::new(Method::POST, url);
    request
        .headers
        .insert("x-mbx-apikey", HeaderValue::from_static("canary"));
    request.body = Bytes::from_static(body.as_bytes());
    request
}

async fn send(peer: &Peer, patience: Duration) -> Result<HttpResponse, HttpError> {
    client(None).send(post(peer, "a=1"), limits(patience)).await
}

/// A peer that reads one request a connection and answers with what `answer` writes.
async fn answering(answer: impl Into<Vec<u8>>) -> Peer {
    let answer: Vec<u8> = answer.into();
    Peer::start(move |_, mut stream| {
        let answer = answer.clone();
        async move {
            if read_request(&mut stream).await.is_some() && stream.write_all(&answer).await.is_ok()
            {
                hold(stream).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_request_arrives_exactly_as_it_was_signed() {
    let seen = Seen::default();
    let record = seen.clone();
    let peer = Peer::start(move |_, mut stream| {
        let record = record.clone();
        async move {
            while let Some(request) = read_request(&mut stream).await {
                record.push(request);
                stream.write_all(OK).await.unwrap();
            }
        }
    })
    .await;
    let client = client(None);
    let mut request = post(&peer, "symbol=BTCUSDT&quantity=0.001");
    request
        .url
        .set_query(Some("timestamp=1&newClientOrderId=a%3Ab&signature=00ff"));

    for _ in 0..2 {
        let response = client
            .send(request.clone(), limits(PATIENCE))
            .await
            .unwrap();
        assert_eq!(
            (response.status.as_u16(), &response.body[..]),
            (200, &b"ok"[..])
        );
    }

    let requests = seen.all();
    assert_eq!(
        (requests.len(), peer.connections()),
        (2, 1),
        "the connection is kept"
    );
    let head = "POST /order?timestamp=1&newClientOrderId=a%3Ab&signature=00ff HTTP/1.1\r\n";
    assert!(requests[0].starts_with(head), "{}", requests[0]);
    assert!(requests[0].ends_with("\r\n\r\nsymbol=BTCUSDT&quantity=0.001"));
    assert!(requests[0].contains("x-mbx-apikey: canary\r\n"));
    assert!(requests[0].contains("accept-encoding: gzip\r\n"));
}

#[tokio::test]
async fn h52_a_redirect_is_refused_and_not_followed() {
    let elsewhere = answering(OK).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: http://{}/order\r\n", elsewhere.address);
        let head = format!("HTTP/1.1 {status} Moved\r\n{location}content-length: 0\r\n\r\n");
        let peer = answering(head).await;

        let error = send(&peer, PATIENCE).await.unwrap_err();

        assert!(matches!(error, HttpError::Redirect { .. }), "{error}");
        assert_eq!((error.sent(), peer.connections()), (Sent::Maybe, 1));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn h51_a_body_of_a_gigabyte_is_cut_at_the_limit() {
    let (told, mut written) = mpsc::unbounded_channel();
    let peer = Peer::start(move |number, mut stream| {
        let told = told.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            // Announced first, then endless chunks that announce nothing.
            let head: &[u8] = if number == 0 {
                b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n"
            } else {
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
            };
            stream.write_all(head).await.unwrap();
            let chunk = [b"8000\r\n".to_vec(), vec![b'x'; 0x8000], b"\r\n".to_vec()].concat();
            let mut bytes = 0;
            while bytes < 1 << 30 && stream.write_all(&chunk).await.is_ok() {
                bytes += chunk.len();
            }
            told.send(bytes).unwrap();
        }
    })
    .await;

    for _ in 0..2 {
        let error = send(&peer, PATIENCE).await.unwrap_err();
        assert!(
            matches!(
                error,
                HttpError::BodyTooLarge {
                    max_body_bytes: 65_536,
                    ..
                }
            ),
            "{error}"
        );
        // The kernel's socket buffers take some megabytes; nothing reads on behind our back.
        assert!(written.recv().await.unwrap() < 64 << 20);
    }
}

#[tokio::test]
async fn h51_a_gzip_bomb_is_cut_by_what_it_inflates_to() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 20, "64 MiB in {} bytes", bomb.len());
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        bomb.len()
    );
    let peer = answering([head.into_bytes(), bomb].concat()).await;
    let mut roomy = limits(PATIENCE);
    roomy.max_body_bytes = 4 << 20;

    let error = client(None).send(post(&peer, ""), roomy).await.unwrap_err();

    assert!(matches!(error, HttpError::BodyTooLarge { .. }), "{error}");
}

#[tokio::test]
async fn an_honest_gzip_answer_is_inflated() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&[b'x'; 10_000]).unwrap();
    let body = encoder.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let peer = answering([head.into_bytes(), body].concat()).await;

    assert_eq!(
        send(&peer, PATIENCE).await.unwrap().body,
        vec![b'x'; 10_000]
    );
}

#[tokio::test]
async fn h51_a_byte_at_a_time_does_not_outlast_the_deadline() {
    let peer = Peer::start(|number, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        // The first drips its head, the second its body.
        let at_once: &[u8] = if number == 0 {
            b"HTTP/1.1 200 OK\r\nx-slow: "
        } else {
            b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
        };
        stream.write_all(at_once).await.unwrap();
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        while stream.write_all(b"x").await.is_ok() {
            tick.tick().await;
        }
    })
    .await;

    for _ in 0..2 {
        let begun = Instant::now();
        let error = send(&peer, Duration::from_millis(300)).await.unwrap_err();
        assert!(matches!(error, HttpError::Timeout { .. }), "{error}");
        assert_eq!(error.sent(), Sent::Maybe);
        assert!(begun.elapsed() < PATIENCE / 2);
    }
}

/// Counts whole requests over all connections; `manners` says what follows the first on each.
async fn counting<F, R>(manners: F) -> (Peer, Seen)
where
    F: Fn(usize, TcpStream, Seen) -> R + Send + Sync + Clone + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let seen = Seen::default();
    let record = seen.clone();
    let peer = Peer::start(move |number, stream| manners(number, stream, record.clone())).await;
    (peer, seen)
}

#[tokio::test]
async fn f04_a_post_is_sent_once_when_the_kept_connection_dies_after_reading_it() {
    let (peer, seen) = counting(|number, mut stream, seen| async move {
        seen.push(read_request(&mut stream).await.unwrap());
        if number == 0 {
            stream.write_all(OK).await.unwrap();
            // The next request on the kept connection is read whole and answered with nothing.
            seen.push(read_request(&mut stream).await.unwrap());
        } else {
            stream.write_all(OK).await.unwrap();
            hold(stream).await;
        }
    })
    .await;
    let client = client(None);
    client
        .send(post(&peer, "n=1"), limits(PATIENCE))
        .await
        .unwrap();

    let error = client
        .send(post(&peer, "n=2"), limits(PATIENCE))
        .await
        .unwrap_err();

    assert!(matches!(error, HttpError::Transport { .. }), "{error}");
    assert_eq!(error.sent(), Sent::Maybe);
    assert_eq!((seen.all().len(), peer.connections()), (2, 1));
}

#[tokio::test]
async fn f04_a_post_reaches_the_venue_once_when_the_idle_connection_was_closed_under_it() {
    // Many rounds, because who notices the close first is chance.
    for round in 0..50 {
        let (closed, mut told) = mpsc::unbounded_channel();
        let (peer, seen) = counting(move |number, mut stream, seen| {
            let closed = closed.clone();
            async move {
                seen.push(read_request(&mut stream).await.unwrap());
                stream.write_all(OK).await.unwrap();
                if number == 0 {
                    // Closed while idle, with no word about it in the answer.
                    drop(stream);
                    closed.send(()).unwrap();
                } else {
                    hold(stream).await;
                }
            }
        })
        .await;
        let client = client(None);
        client
            .send(post(&peer, "n=1"), limits(PATIENCE))
            .await
            .unwrap();
        if round % 2 == 0 {
            told.recv().await.unwrap();
        }

        let outcome = client.send(post(&peer, "n=2"), limits(PATIENCE)).await;

        let arrived = seen
            .all()
            .iter()
            .filter(|request| request.ends_with("n=2"))
            .count();
        match outcome {
            Ok(_) => assert_eq!(arrived, 1),
            Err(error) if error.sent() == Sent::No => assert_eq!(arrived, 0, "{error}"),
            Err(_) => assert!(arrived <= 1),
        }
    }
}

#[tokio::test]
async fn what_never_left_is_certain_and_says_why() {
    let peer = answering(OK).await;
    let plain = Peer::start(|_, mut stream| async move {
        stream.write_all(OK).await.unwrap();
        hold(stream).await;
    })
    .await
    .address;
    let client = client(None);
    let to = |address: &str| HttpRequest::new(Method::POST, Url::parse(address).unwrap());

    let expired = client
        .send(post(&peer, ""), limits(Duration::ZERO))
        .await
        .unwrap_err();
    assert_eq!(
        (expired.clone(), expired.sent()),
        (HttpError::Expired, Sent::No)
    );
    assert_eq!(peer.connections(), 0);

    // Bound, and closed again: nobody listens there.
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let unresolvable = "http://name.invalid/";
    for (request, fault) in [
        (to(&format!("http://{nobody}/")), ConnectFault::Refused),
        (to(unresolvable), ConnectFault::Resolve),
        // Plain text where a handshake is expected.
        (to(&format!("https://{plain}/")), ConnectFault::Tls),
    ] {
        let error = client.send(request, limits(PATIENCE)).await.unwrap_err();
        assert_eq!(
            (error.clone(), error.sent()),
            (HttpError::Connect { fault }, Sent::No)
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_no_http_leaves_doubt() {
    let broken: [&[u8]; 4] = [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        b"<html>not http at all</html>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
    ];
    for answer in broken {
        let peer = Peer::start(move |_, mut stream| async move {
            read_request(&mut stream).await.unwrap();
            stream.write_all(answer).await.unwrap();
            // Read what the client still says, so that the close is orderly.
            let _ = stream.shutdown().await;
            let _ = stream.read(&mut [0; 1]).await;
        })
        .await;

        let error = send(&peer, PATIENCE).await.unwrap_err();

        assert!(matches!(error, HttpError::Transport { .. }), "{error}");
        assert_eq!((error.sent(), peer.connections()), (Sent::Maybe, 1));
    }
}

#[tokio::test]
async fn f110_a_page_instead_of_json_comes_through_with_its_status() {
    let page = "<html>403 by the CDN</html>";
    let head = format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\n\r\n{page}",
        page.len()
    );
    let peer = answering(head).await;

    let response = send(&peer, PATIENCE).await.unwrap();

    assert_eq!(
        (response.status.as_u16(), &response.body[..]),
        (403, page.as_bytes())
    );
    assert!(!format!("{response:?}").contains("CDN"));
}

#[tokio::test]
async fn h53_only_a_certificate_that_holds_is_talked_to() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let cases = [
        ("trusted", ours.server("localhost", 30), true),
        ("wrong host", ours.server("venue.example", 30), false),
        ("expired", ours.server("localhost", -1), false),
        ("foreign authority", theirs.server("localhost", 30), false),
    ];
    for (name, acceptor, talks) in cases {
        let seen = Seen::default();
        let record = seen.clone();
        let peer = Peer::start(move |_, stream| {
            let (acceptor, record) = (acceptor.clone(), record.clone());
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                if let Some(request) = read_request(&mut stream).await {
                    record.push(request);
                    stream.write_all(OK).await.unwrap();
                    hold(stream).await;
                }
            }
        })
        .await;
        let url = format!("https://localhost:{}/order", peer.address.port());
        let request = HttpRequest::new(Method::POST, Url::parse(&url).unwrap());

        let outcome = client(Some(&ours.pem()))
            .send(request, limits(PATIENCE))
            .await;

        match outcome {
            Ok(response) => assert!(talks && response.status.as_u16() == 200, "{name}"),
            Err(error) => {
                assert!(!talks, "{name}: {error}");
                assert_eq!(
                    error,
                    HttpError::Connect {
                        fault: ConnectFault::Tls
                    },
                    "{name}"
                );
            }
        }
        assert_eq!(seen.all().len(), usize::from(talks), "{name}");
    }
}
