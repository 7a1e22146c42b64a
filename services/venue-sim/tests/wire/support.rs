//! A simulator, and a client that shares no code with it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use chimera_venue_sim::{Listeners, SharedClock, SimConfig, Simulator, VenueKind};
use futures::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rust_decimal::Decimal;
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An answer: status, headers, body.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// Returns the venue's code, or zero where the answer is no refusal.
    pub fn code(&self) -> i64 {
        self.json()["code"].as_i64().unwrap_or(0)
    }
}

pub type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A running simulator and its client.
pub struct World {
    pub simulator: Simulator,
    pub rest: String,
    pub ws: String,
    pub control: String,
    pub key: String,
    pub secret: String,
    venue: &'static str,
    http: Client<HttpConnector, Full<Bytes>>,
}

pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}

pub fn sign(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

pub fn encode(pairs: Pairs<'_>) -> String {
    serde_urlencoded::to_string(pairs).unwrap()
}

impl World {
    /// A venue whose market moves.
    pub async fn start(config: SimConfig) -> Self {
        Self::start_by(SharedClock::default(), config).await
    }

    /// The same by another clock.
    pub async fn start_by(clock: SharedClock, config: SimConfig) -> Self {
        let host = "127.0.0.1".parse().unwrap();
        let listeners = Listeners::bind(host, 0, &config.venues).await.unwrap();
        let simulator = Simulator::start(config, listeners, clock).await.unwrap();
        let endpoints = simulator.endpoints().clone();
        let venue = endpoints.venues[0].clone();
        Self {
            simulator,
            rest: venue.rest,
            ws: venue.ws,
            control: endpoints.control,
            key: venue.credentials.api_key,
            secret: venue.credentials.api_secret,
            venue: venue.venue.name(),
            http: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub fn config() -> SimConfig {
        let mut config = SimConfig {
            venues: vec![VenueKind::BinanceUsdm],
            history: Duration::from_secs(10),
            ..SimConfig::default()
        };
        config.accounts[0].deposit = Decimal::from(100_000);
        config
    }

    /// A venue whose market stands still, so that nothing happens but what a test does.
    pub async fn quiet() -> Self {
        Self::quiet_with(Self::config()).await
    }

    pub async fn quiet_with(config: SimConfig) -> Self {
        let world = Self::start(config).await;
        world
            .control("POST", "market", &serde_json::json!({ "paused": true }))
            .await;
        world
    }

    pub async fn send(&self, request: http::Request<Full<Bytes>>) -> Result<Reply, String> {
        let sent = tokio::time::timeout(PATIENCE, self.http.request(request)).await;
        let response = sent
            .map_err(|_| "timeout")?
            .map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (
                name.as_str().to_owned(),
                value.to_str().unwrap_or_default().to_owned(),
            )
        };
        let headers = response.headers().iter().map(header).collect();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8(body.to_bytes().to_vec()).unwrap();
        Ok(Reply {
            status,
            headers,
            text,
        })
    }

    pub async fn raw(
        &self,
        method: &str,
        path_and_query: &str,
        key: Option<&str>,
        body: &str,
    ) -> Reply {
        self.try_raw(method, path_and_query, key, body)
            .await
            .unwrap()
    }

    pub async fn try_raw(
        &self,
        method: &str,
        path_and_query: &str,
        key: Option<&str>,
        body: &str,
    ) -> Result<Reply, String> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path_and_query}", self.rest));
        if let Some(key) = key {
            request = request.header("X-MBX-APIKEY", key);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        self.send(
            request
                .body(Full::new(Bytes::from(body.to_owned())))
                .unwrap(),
        )
        .await
    }

    pub async fn get(&self, path: &str, pairs: Pairs<'_>) -> Reply {
        self.raw("GET", &format!("{path}?{}", encode(pairs)), None, "")
            .await
    }

    /// Signs a request as the documentation says, its parameters in the query.
    pub async fn signed(&self, method: &str, path: &str, pairs: Pairs<'_>) -> Reply {
        self.try_signed(method, path, pairs).await.unwrap()
    }

    pub async fn try_signed(
        &self,
        method: &str,
        path: &str,
        pairs: Pairs<'_>,
    ) -> Result<Reply, String> {
        let stamp = now_ms().to_string();
        let mut all = pairs.to_vec();
        if !pairs.iter().any(|(name, _)| *name == "timestamp") {
            all.push(("timestamp", &stamp));
        }
        let text = encode(&all);
        let signature = sign(&self.secret, &text);
        let query = format!("{path}?{text}&signature={signature}");
        self.try_raw(method, &query, Some(&self.key), "").await
    }

    pub async fn order(&self, pairs: Pairs<'_>) -> Reply {
        self.signed("POST", "/fapi/v1/order", pairs).await
    }

    /// Places a limit buy of BTCUSDT far below the market.
    pub async fn resting(&self, client_id: &str) -> Value {
        let reply = self.order(&limit(client_id, "60000", "0.002")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    pub async fn buy_market(&self, client_id: &str, quantity: &str) -> Value {
        let pairs = [
            ("symbol", "BTCUSDT"),
            ("side", "BUY"),
            ("type", "MARKET"),
            ("quantity", quantity),
            ("newClientOrderId", client_id),
            ("newOrderRespType", "RESULT"),
        ];
        let reply = self.order(&pairs).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    pub async fn cancel(&self, client_id: &str) -> Reply {
        let pairs = [("symbol", "BTCUSDT"), ("origClientOrderId", client_id)];
        self.signed("DELETE", "/fapi/v1/order", &pairs).await
    }

    pub async fn query(&self, client_id: &str) -> Reply {
        let pairs = [("symbol", "BTCUSDT"), ("origClientOrderId", client_id)];
        self.signed("GET", "/fapi/v1/order", &pairs).await
    }

    /// Asks the control interface.
    pub async fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let reply = self.try_control(method, path, body).await;
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text);
        reply.json()
    }

    pub async fn try_control(&self, method: &str, path: &str, body: &Value) -> Reply {
        let uri = format!("{}/v1/venues/{}/{path}", self.control, self.venue);
        let request = http::Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/json");
        let body = if method == "GET" {
            String::new()
        } else {
            body.to_string()
        };
        self.send(request.body(Full::new(Bytes::from(body))).unwrap())
            .await
            .unwrap()
    }

    pub async fn fault(&self, fault: Value) {
        self.control("POST", "faults", &fault).await;
    }

    pub async fn ledger(&self) -> Value {
        self.control("GET", "ledger", &Value::Null).await
    }

    pub async fn counters(&self) -> Value {
        self.control("GET", "counters", &Value::Null).await
    }

    pub async fn listen_key(&self) -> String {
        let reply = self
            .raw("POST", "/fapi/v1/listenKey", Some(&self.key), "")
            .await;
        reply.json()["listenKey"].as_str().unwrap().to_owned()
    }

    pub async fn socket(&self, path: &str) -> Socket {
        let (stream, _) = connect_async(format!("{}{path}", self.ws)).await.unwrap();
        Socket { stream }
    }

    /// Opens the private stream of the account.
    pub async fn private(&self) -> Socket {
        let key = self.listen_key().await;
        self.socket(&format!("/private/ws?listenKey={key}")).await
    }
}

pub fn limit<'a>(client_id: &'a str, price: &'a str, quantity: &'a str) -> [(&'a str, &'a str); 7] {
    [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("price", price),
        ("quantity", quantity),
        ("newClientOrderId", client_id),
    ]
}

/// A client's end of a WebSocket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    pub async fn say(&mut self, text: &str) {
        self.stream.send(Message::Text(text.into())).await.unwrap();
    }

    /// Returns the next text, or nothing when the connection has ended.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            match next.expect("nothing was heard") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Returns the next text that is wanted.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value = self.next().await.expect("the connection has ended");
            if wanted(&value) {
                return value;
            }
        }
    }

    /// Returns the next order update.
    pub async fn order(&mut self) -> Value {
        self.until(|value| value["e"] == "ORDER_TRADE_UPDATE").await
    }

    /// Whether nothing is heard for a while.
    pub async fn is_silent(&mut self, how_long: Duration) -> bool {
        tokio::time::timeout(how_long, self.stream.next())
            .await
            .is_err()
    }

    /// Waits for the end; returns the close code where one was sent.
    pub async fn end(&mut self) -> Option<u16> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            match next.expect("the connection has not ended") {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }
}

/// Where recorded venue payloads are, if they are there.
pub fn shared(path: &str) -> Option<std::path::PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let root = std::env::var("CHIMERA_SHARED").unwrap_or_else(|_| beside.to_owned());
    let file = std::path::Path::new(&root).join(path);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {} is not there", file.display());
    None
}
