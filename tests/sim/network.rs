//! What stands in for sockets: listeners, the HTTP client and the WebSocket dialer of one host.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chimera_egress::{
    ConnectFault, HttpClient, HttpError, HttpLimits, HttpRequest, HttpResponse, WebSocket,
    WebSocketDialer, WebSocketError, WebSocketOptions, WebSocketRequest,
};
use chimera_runtime::Channel;
use chimera_runtime::channel::RemoteOptions;
use chimera_runtime::listen::Accept;
use chimera_venue_sim::{Acceptor, ByteStream};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};
use turmoil::net::{TcpListener, TcpStream};
use url::Url;

use super::evidence::{Request as Sent, Wire};
use super::scene::Scene;

/// Idle connections kept, as many as a session's calls use at once.
const IDLE_MAX: usize = 8;

/// Everybody listens here: hosts have addresses of their own.
pub const PORT: u16 = 9_100;

/// Where a host's connections come from.
pub struct Door(TcpListener);

impl Door {
    /// Opens the port of the host that this runs on.
    pub async fn open(port: u16) -> io::Result<Self> {
        Ok(Self(TcpListener::bind(("0.0.0.0", port)).await?))
    }
}

impl Accept for Door {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.accept().await
    }
}

impl Acceptor for Door {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn ByteStream>, SocketAddr)>> {
        async {
            let (stream, peer) = self.0.accept().await?;
            Ok((Box::new(stream) as Box<dyn ByteStream>, peer))
        }
        .boxed()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Returns the way to the services of a host.
pub fn way(host: &'static str) -> Channel {
    let authority = format!("{host}:{PORT}");
    let authority = authority.parse().expect("a host's name is an authority");
    Channel::dialed(authority, RemoteOptions::default(), move || {
        TcpStream::connect((host, PORT))
    })
}

/// Sends requests over the simulated network and notes each, as the last witness before the wire.
pub struct Http {
    host: &'static str,
    scene: Arc<Scene>,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Http {
    /// Returns the client of a host.
    pub fn new(host: &'static str, scene: Arc<Scene>) -> Self {
        Self {
            host,
            scene,
            idle: Mutex::default(),
        }
    }

    fn idle(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(sender) = idle.pop() {
            if sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    fn keep(&self, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(sender);
        }
    }

    async fn send_once(
        &self,
        request: HttpRequest,
        body_bytes_max: usize,
    ) -> Result<HttpResponse, HttpError> {
        let fresh = self.idle();
        let pooled = fresh.is_some();
        let mut sender = match fresh {
            Some(sender) => sender,
            None => connect(&request.url).await?,
        };
        let mut outgoing = outgoing(&request)?;
        let response = loop {
            match sender.try_send_request(outgoing).await {
                Ok(response) => break response,
                Err(mut failure) => match failure.take_message() {
                    // An idle connection that was closed meanwhile: not a byte has left.
                    Some(unsent) if pooled => {
                        outgoing = unsent;
                        sender = connect(&request.url).await?;
                    }
                    Some(_) => return Err(HttpError::NotWritten),
                    None => return Err(classify(&failure.into_error())),
                },
            }
        };
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, body_bytes_max).collect().await;
        let body = body.map_err(|_| HttpError::Transport {
            what: "closed before the answer was complete",
        })?;
        self.keep(sender);
        Ok(HttpResponse {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }
}

impl HttpClient for Http {
    fn send(
        &self,
        request: HttpRequest,
        limits: HttpLimits,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        async move {
            let begun = Instant::now();
            let sent = Sent::of(self.host, &request, self.scene.now());
            let at = self.scene.seen(|seen| seen.wire.begin(sent));
            let sending = self.send_once(request, limits.max_body_bytes);
            let outcome = timeout_at(limits.deadline, sending).await;
            let outcome = outcome.unwrap_or_else(|_| {
                Err(HttpError::Timeout {
                    waited: begun.elapsed(),
                })
            });
            let answer = outcome.as_ref().ok().map(Wire::answer);
            let now = self.scene.now();
            self.scene.seen(|seen| seen.wire.end(at, now, answer));
            outcome
        }
        .boxed()
    }
}

fn outgoing(request: &HttpRequest) -> Result<Request<Full<Bytes>>, HttpError> {
    let malformed = |_| HttpError::Malformed { what: "address" };
    let path = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    let uri: Uri = path.parse().map_err(malformed)?;
    let host = request.url.host_str().unwrap_or_default().to_owned();
    let mut outgoing = Request::builder()
        .method(request.method.clone())
        .uri(uri)
        .header(header::HOST, host)
        .body(Full::new(request.body.clone()))
        .map_err(|_| HttpError::Malformed { what: "headers" })?;
    let headers = request.headers.iter();
    for (name, value) in headers {
        outgoing.headers_mut().append(name.clone(), value.clone());
    }
    Ok(outgoing)
}

async fn dial(url: &Url) -> Result<TcpStream, ConnectFault> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(PORT);
    let connected = TcpStream::connect((host.as_str(), port)).await;
    connected.map_err(|_| ConnectFault::Refused)
}

/// Opens a connection of HTTP/1.1.
///
/// # Errors
/// Where nobody answers.
pub async fn connect(url: &Url) -> Result<SendRequest<Full<Bytes>>, HttpError> {
    let refused = |fault| HttpError::Connect { fault };
    let stream = dial(url).await.map_err(refused)?;
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = shaken.map_err(|_| HttpError::NotWritten)?;
    // Ends with its connection, or with the host.
    tokio::spawn(connection);
    Ok(sender)
}

fn classify(failure: &hyper::Error) -> HttpError {
    if failure.is_canceled() {
        return HttpError::NotWritten;
    }
    HttpError::Transport {
        what: "closed before the answer was complete",
    }
}

/// Opens WebSockets over the simulated network.
pub struct Dialer {
    host: &'static str,
    scene: Arc<Scene>,
}

impl Dialer {
    /// Returns the dialer of a host.
    pub fn new(host: &'static str, scene: Arc<Scene>) -> Self {
        Self { host, scene }
    }
}

impl WebSocketDialer for Dialer {
    fn dial(
        &self,
        request: WebSocketRequest,
        options: WebSocketOptions,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<WebSocket, WebSocketError>> {
        async move {
            let connect = |fault| WebSocketError::Connect { fault };
            let stream = timeout_at(deadline, dial(&request.url))
                .await
                .map_err(|_| connect(ConnectFault::Timeout))?
                .map_err(connect)?;
            let clock = self.scene.clock(self.host);
            WebSocket::over(stream, request, options, clock, deadline).await
        }
        .boxed()
    }
}
