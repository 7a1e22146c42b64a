//! A client of Backpack that shares no code with the simulator.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chimera_venue_sim::{SimConfig, VenueKind};
use http_body_util::Full;
use ring::signature::Ed25519KeyPair;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{Reply, Socket, World, encode, now_ms};

pub const SPOT: &str = "SOL_USDC";
pub const PERP: &str = "SOL_USDC_PERP";

/// What each endpoint signs, by the venue's documentation.
const INSTRUCTIONS: [(&str, &str); 15] = [
    ("GET /api/v1/account", "accountQuery"),
    ("PATCH /api/v1/account", "accountUpdate"),
    ("GET /api/v1/account/limits/order", "maxOrderQuantity"),
    ("GET /api/v1/capital", "balanceQuery"),
    ("GET /api/v1/capital/collateral", "collateralQuery"),
    ("GET /api/v1/position", "positionQuery"),
    ("POST /api/v1/order", "orderExecute"),
    ("POST /api/v1/orders", "orderExecute"),
    ("GET /api/v1/order", "orderQuery"),
    ("DELETE /api/v1/order", "orderCancel"),
    ("GET /api/v1/orders", "orderQueryAll"),
    ("DELETE /api/v1/orders", "orderCancelAll"),
    ("GET /wapi/v1/history/orders", "orderHistoryQueryAll"),
    ("GET /wapi/v1/history/fills", "fillHistoryQueryAll"),
    ("GET /wapi/v1/history/funding", "fundingHistoryQueryAll"),
];

/// Returns base64 of the signature over a text.
pub fn sign(secret: &str, text: &str) -> String {
    let seed = STANDARD.decode(secret).unwrap();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    STANDARD.encode(pair.sign(text.as_bytes()))
}

fn pairs(fields: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let fields = fields.as_object().unwrap().iter();
    let mut pairs: Vec<_> = fields
        .map(|(name, value)| (name.clone(), text(value)))
        .collect();
    pairs.sort();
    pairs
}

/// Returns what the venue's documentation wants signed, before time and window.
pub fn stem(instruction: &str, fields: &Value) -> String {
    let list = |fields: &Value| {
        let pairs = pairs(fields);
        let pairs = pairs.iter().map(|(name, value)| format!("&{name}={value}"));
        format!("instruction={instruction}{}", pairs.collect::<String>())
    };
    match fields {
        Value::Array(all) => all.iter().map(list).collect::<Vec<_>>().join("&"),
        one => list(one),
    }
}

/// A signature with the time and the window that it is made for.
pub struct Seal {
    pub stamp: String,
    pub window: Option<&'static str>,
    pub text: String,
}

impl Seal {
    /// Seals a request of now.
    pub fn now(instruction: &str, fields: &Value) -> Self {
        Self::at(now_ms(), None, instruction, fields)
    }

    pub fn at(stamp: u64, window: Option<&'static str>, instruction: &str, fields: &Value) -> Self {
        let signed = window.unwrap_or("5000");
        let text = stem(instruction, fields);
        Self {
            stamp: stamp.to_string(),
            window,
            text: format!("{text}&timestamp={stamp}&window={signed}"),
        }
    }
}

impl World {
    pub fn backpack_config() -> SimConfig {
        SimConfig {
            venues: vec![VenueKind::Backpack],
            ..World::config()
        }
    }

    /// A venue whose market stands still.
    pub async fn backpack() -> Self {
        Self::quiet_with(Self::backpack_config()).await
    }

    /// Sends a request with headers as given.
    pub async fn sealed(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        fields: &Value,
    ) -> Result<Reply, String> {
        let (uri, body) = if method == "GET" {
            let pairs = pairs(fields);
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            let query = encode(&pairs);
            (format!("{}{path}?{query}", self.rest), String::new())
        } else {
            (format!("{}{path}", self.rest), fields.to_string())
        };
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/json");
        self.send(request.body(Full::new(Bytes::from(body))).unwrap())
            .await
    }

    /// Sends a request under a seal.
    pub async fn under(&self, seal: &Seal, method: &str, path: &str, fields: &Value) -> Reply {
        self.try_under(seal, method, path, fields).await.unwrap()
    }

    async fn try_under(
        &self,
        seal: &Seal,
        method: &str,
        path: &str,
        fields: &Value,
    ) -> Result<Reply, String> {
        let signature = sign(&self.secret, &seal.text);
        let mut headers = vec![
            ("X-API-Key", self.key.as_str()),
            ("X-Signature", signature.as_str()),
            ("X-Timestamp", seal.stamp.as_str()),
        ];
        headers.extend(seal.window.map(|window| ("X-Window", window)));
        self.sealed(method, path, &headers, fields).await
    }

    /// Sends a request signed as the documentation says.
    pub async fn ask(&self, method: &str, path: &str, fields: Value) -> Reply {
        self.try_ask(method, path, fields).await.unwrap()
    }

    pub async fn try_ask(&self, method: &str, path: &str, fields: Value) -> Result<Reply, String> {
        let endpoint = format!("{method} {path}");
        let known = INSTRUCTIONS.iter().find(|(name, _)| *name == endpoint);
        let seal = Seal::now(known.unwrap().1, &fields);
        self.try_under(&seal, method, path, &fields).await
    }

    /// Asks what anybody may ask.
    pub async fn public(&self, path: &str, fields: Value) -> Reply {
        self.sealed("GET", path, &[], &fields).await.unwrap()
    }

    /// Places an order that must be taken.
    pub async fn taken(&self, order: Value) -> Value {
        let reply = self.ask("POST", "/api/v1/order", order).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    /// Places an order that must be refused; returns status and code, or text where there is none.
    pub async fn refused(&self, order: Value) -> (u16, String) {
        refusal(&self.ask("POST", "/api/v1/order", order).await)
    }

    pub async fn find(&self, symbol: &str, client_id: u32) -> Reply {
        let named = json!({ "symbol": symbol, "clientId": client_id });
        self.ask("GET", "/api/v1/order", named).await
    }

    pub async fn drop_order(&self, symbol: &str, client_id: u32) -> Reply {
        let named = json!({ "symbol": symbol, "clientId": client_id });
        self.ask("DELETE", "/api/v1/order", named).await
    }

    /// Returns the newest entry of an order in the history.
    pub async fn past(&self, order: &Value) -> Value {
        let asked = json!({ "orderId": order["id"] });
        self.ask("GET", "/wapi/v1/history/orders", asked)
            .await
            .json()[0]
            .clone()
    }

    /// Returns the best bid and ask.
    pub async fn touch(&self, symbol: &str) -> (Decimal, Decimal) {
        let asked = json!({ "symbol": symbol, "limit": 5 });
        let book = self.public("/api/v1/depth", asked).await.json();
        let bids = book["bids"].as_array().unwrap();
        (
            number(&bids.last().unwrap()[0]),
            number(&book["asks"][0][0]),
        )
    }

    /// Lets prices stand between those of the market.
    pub async fn finer_tick(&self, symbol: &str) {
        let finer = json!({ "tick": "0.001", "price_precision": 3 });
        self.control("PATCH", &format!("instruments/{symbol}"), &finer)
            .await;
    }

    /// Opens a socket and asks it for streams, private ones included.
    pub async fn streams(&self, names: &[&str]) -> Socket {
        let mut socket = self.socket("").await;
        self.subscribe(&mut socket, names).await;
        socket
    }

    /// Asks for streams and waits until they stand: the venue says nothing of what it has taken,
    /// and answers a name that it does not know, in order.
    pub async fn subscribe(&self, socket: &mut Socket, names: &[&str]) {
        let asked = [names, &["nothing"]].concat();
        socket.say(&self.subscription(&asked)).await;
        socket.until(|frame| frame["error"]["code"] == 4006).await;
    }

    /// Returns a signed subscription.
    pub fn subscription(&self, names: &[&str]) -> String {
        let seal = Seal::now("subscribe", &json!({}));
        let signature = sign(&self.secret, &seal.text);
        json!({
            "method": "SUBSCRIBE", "params": names,
            "signature": [self.key, signature, seal.stamp, "5000"],
        })
        .to_string()
    }
}

/// Returns status and code of a refusal, or its text where it is plain.
pub fn refusal(reply: &Reply) -> (u16, String) {
    let value: Option<Value> = serde_json::from_str(&reply.text).ok();
    let code = value.and_then(|value| value["code"].as_str().map(str::to_owned));
    (reply.status, code.unwrap_or_else(|| reply.text.clone()))
}

pub fn number(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

/// Returns a limit order far below the market.
pub fn resting(symbol: &str, client_id: u32) -> Value {
    json!({
        "symbol": symbol, "side": "Bid", "orderType": "Limit",
        "price": "140", "quantity": "1", "clientId": client_id,
    })
}

pub fn market(symbol: &str, side: &str, quantity: &str) -> Value {
    json!({ "symbol": symbol, "side": side, "orderType": "Market", "quantity": quantity })
}

/// Returns an order with some fields changed; null takes one away.
pub fn with(mut order: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            order.as_object_mut().unwrap().remove(name);
        } else {
            order[name] = value.clone();
        }
    }
    order
}

/// Waits for the next payload of a stream.
pub async fn next_of(socket: &mut Socket, stream: &str) -> Value {
    socket.until(|frame| frame["stream"] == stream).await["data"].clone()
}
