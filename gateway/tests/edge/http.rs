//! An HTTP/1.1 client that hides nothing, and a socket for what no client would send.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::within;

/// One connection.
pub struct Http {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Http {
    pub async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self {
            sender,
            host: address.to_owned(),
        }
    }

    pub fn request(&self, method: Method, target: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(target)
            .header("host", &self.host)
    }

    /// Sends a request and returns its answer while it may still be going on.
    pub async fn open(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        within(self.sender.ready()).await.unwrap();
        within(self.sender.send_request(request)).await.unwrap()
    }

    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Answer {
        let (head, body) = self.open(request).await.into_parts();
        let body = within(body.collect()).await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    pub async fn get(&mut self, target: &str) -> Answer {
        let request = self
            .request(Method::GET, target)
            .body(Full::default())
            .unwrap();
        self.send(request).await
    }

    pub async fn post(&mut self, target: &str, body: &str) -> Answer {
        let request = self
            .request(Method::POST, target)
            .header("content-type", "application/json")
            .body(Full::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The reason of an error, of whatever domain.
    pub fn reason(&self) -> String {
        let details = &self.json()["error"]["details"];
        let info = details
            .as_array()
            .unwrap()
            .iter()
            .find(|detail| detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo");
        info.map(|info| info["reason"].as_str().unwrap().to_owned())
            .unwrap_or_default()
    }

    /// The first field that an error blames.
    pub fn field(&self) -> String {
        let details = &self.json()["error"]["details"];
        let fields = details
            .as_array()
            .unwrap()
            .iter()
            .find_map(|it| it.get("fieldViolations"));
        fields
            .map(|it| it[0]["field"].as_str().unwrap().to_owned())
            .unwrap_or_default()
    }
}

/// Sends bytes as they are and returns all that comes back until the server closes.
pub async fn raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before it has read all of it.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = within(stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}
