//! H61: a canary in every place that may hold a secret, every log line of every library forced out,
//! and every error printed in every way: the canary is found nowhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chimera_egress::{
    Call, CallError, ClusterPolicy, Connect, Egress, EgressPolicy, HttpRequest, Incoming,
    NEVER_TRACE, Outgoing, Priority, QuotaScope, WebSocketOptions, WebSocketRequest,
};
use chimera_runtime::clock::Clock;
use chimera_runtime::fault::Fault;
use http::{HeaderValue, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use url::Url;

const CANARY: &str = "canary7f3a91";

/// Everything that was printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Printed {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A venue that answers by path, and echoes the canary wherever it can.
async fn venue() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    address
}

async fn answer(mut stream: TcpStream) {
    let mut head = [0; 8192];
    let Ok(count) = stream.read(&mut head).await else {
        return;
    };
    let head = String::from_utf8_lossy(&head[..count]).into_owned();
    if head.contains("GET /ws") {
        return session(stream, &head).await;
    }
    let body = format!("{{\"secret\":\"{CANARY}\"}}");
    let answer = match head.split_whitespace().nth(1).unwrap_or_default() {
        path if path.starts_with("/redirect") => {
            format!("HTTP/1.1 307 R\r\nlocation: http://{CANARY}/\r\ncontent-length: 0\r\n\r\n")
        }
        path if path.starts_with("/garbage") => format!("{CANARY} is not http\r\n\r\n"),
        path if path.starts_with("/hangup") => return,
        path if path.starts_with("/hang") => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            return;
        }
        path if path.starts_with("/limit") => {
            format!("HTTP/1.1 429 L\r\nretry-after: {CANARY}\r\ncontent-length: 0\r\n\r\n")
        }
        _ => format!(
            "HTTP/1.1 200 OK\r\nset-cookie: {CANARY}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    };
    // A client that hung up has seen enough.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.read(&mut [0; 1]).await;
}

async fn session(mut stream: TcpStream, head: &str) {
    if head.contains("/refused") {
        let answer = format!("HTTP/1.1 403 F\r\nx-why: {CANARY}\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes()).await;
        return;
    }
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .unwrap();
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    let upgrade = "HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: websocket\r\n";
    let upgrade = format!("{upgrade}sec-websocket-accept: {accept}\r\n\r\n");
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let text = format!("{{\"listenKey\":\"{CANARY}\"}}");
    let frame = [&[0x81, text.len() as u8], text.as_bytes()].concat();
    stream.write_all(&frame).await.unwrap();
    // What comes back is read, and then the connection breaks off in the middle of a frame.
    let _ = stream.read(&mut [0; 1024]).await;
    let _ = stream.write_all(&[0x81, 100, b'x']).await;
}

fn egress(address: SocketAddr) -> Egress {
    let base = format!("http://user:{CANARY}@{address}/{CANARY}?key={CANARY}");
    let mut cluster = ClusterPolicy::new("venue", Url::parse(&base).unwrap());
    cluster.websocket_urls = vec![Url::parse(&format!("ws://{address}")).unwrap()];
    cluster.allow_plain_http = true;
    cluster.scopes = vec![QuotaScope::rolling("weight", Duration::from_secs(60), 100)];
    let policy = EgressPolicy {
        clusters: vec![cluster],
        seed: None,
    };
    Egress::over_sockets(policy, None, Clock::system()).unwrap()
}

fn request(url: &str) -> HttpRequest {
    let mut request = HttpRequest::new(Method::POST, Url::parse(url).unwrap());
    request
        .url
        .set_query(Some(&format!("timestamp=1&signature={CANARY}")));
    request
        .headers
        .insert("x-mbx-apikey", HeaderValue::from_static(CANARY));
    request.body = Bytes::from_static(CANARY.as_bytes());
    request
}

/// Prints an error in every way there is.
fn shout(error: CallError) -> String {
    let shown = format!("{error} {error:?} {error:#?}");
    let facts = format!("{:?} {:?}", error.facts(), error.quota());
    tracing::error!(%error, ?error, "a call failed");
    let status = error.into_status();
    format!("{shown} {facts} {status} {status:?}")
}

/// Calls every path and returns all that requests, answers and errors print.
async fn calls(egress: &Egress, venue: SocketAddr, nobody: SocketAddr) -> String {
    let mut said = String::new();
    for path in [
        "ok", "redirect", "garbage", "hangup", "hang", "foreign", "limit", "banned",
    ] {
        let to = if path == "foreign" { nobody } else { venue };
        let request = request(&format!("http://{to}/{path}/{CANARY}"));
        said += &format!("{request:?} {request:#?}");
        let call = Call {
            cluster: "venue",
            endpoint: path,
            charges: &[("weight", 1)],
            priority: Priority::Normal,
            repeatable: path == "hangup",
            deadline: Instant::now() + Duration::from_millis(700),
        };
        match egress.call(call, |_| request.clone()).await {
            Ok(answer) => said += &format!("{answer:?} {answer:#?}"),
            Err(error) => said += &shout(error),
        }
    }
    said
}

/// Opens a session and is refused another, and returns all that they print.
async fn sessions(egress: &Egress, venue: SocketAddr) -> String {
    let mut said = String::new();
    for path in ["ws", "ws/refused"] {
        let mut request =
            WebSocketRequest::new(Url::parse(&format!("ws://{venue}/{path}/{CANARY}")).unwrap());
        request
            .headers
            .insert("x-login", HeaderValue::from_static(CANARY));
        said += &format!("{request:?} {request:#?}");
        let connect = Connect {
            cluster: "venue",
            endpoint: "stream.private",
            charges: &[],
            deadline: Instant::now() + Duration::from_secs(20),
            options: WebSocketOptions::default(),
        };
        let mut socket = match egress.connect(connect, |_| request).await {
            Ok(socket) => socket,
            Err(error) => {
                said += &shout(error);
                continue;
            }
        };
        let login = Outgoing::Text(format!("login {CANARY}"));
        said += &format!("{login:?}");
        let Incoming::Frame(frame) = socket.next().await.unwrap() else {
            panic!("a frame")
        };
        assert!(
            frame
                .payload
                .windows(CANARY.len())
                .any(|part| part == CANARY.as_bytes())
        );
        said += &format!("{frame:?}");
        socket.send(login).await.unwrap();
        let error = socket.next().await.unwrap_err();
        tracing::error!(%error, ?error, ?socket, "the session broke");
        said += &format!("{error} {error:?} {socket:?}");
    }
    said
}

#[tokio::test]
async fn h61_a_secret_is_found_in_no_log_no_error_and_no_status() {
    let printed = Printed::default();
    let quiet = NEVER_TRACE
        .map(|target| format!(",{target}=debug"))
        .concat();
    let filter = EnvFilter::new(format!("trace{quiet}"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(printed.clone())
        .init();
    let address = venue().await;
    let egress = egress(address);
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();

    let mut said = String::new();
    said += &calls(&egress, address, nobody).await;
    said += &sessions(&egress, address).await;
    said += &format!(
        "{egress:?} {:?} {:?}",
        egress.clusters(),
        egress.endpoints("venue")
    );
    said += &format!("{:?}", egress.quotas("venue"));

    let printed = printed.text();
    for expected in ["egress.call", "hyper_util", "the session broke"] {
        assert!(printed.contains(expected), "the logs are on: {expected}");
    }
    for (place, text) in [("logs", &printed), ("errors", &said)] {
        let leak = text.lines().find(|line| line.contains(CANARY));
        assert_eq!(leak, None, "in {place}");
    }
    assert!(
        said.contains("limit") && said.contains("redirect"),
        "{said}"
    );
}
