//! Steering the simulated venue, and asking for its books.

use chimera_egress::{HttpClient, HttpLimits, HttpRequest, ReqwestClient};
use chimera_venue_sim::Simulator;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::mesh::{Mesh, SOON, VENUE};

/// What the venue counts for the tickers of all instruments.
const ALL_TICKERS_WEIGHT: u32 = 40;

impl Mesh {
    /// Steers the venue, or asks for its books.
    pub(super) async fn venue(&self, method: &str, path: &str, body: Value) -> Value {
        control(&self.http, &self.sim, method, path, body).await
    }

    pub(super) async fn fault(&self, fault: Value) {
        self.venue("POST", "/faults", fault).await;
    }

    /// Returns the venue's orders of one index.
    pub(super) async fn orders_at_venue(&self, index: i64) -> Vec<Value> {
        let ledger = self.venue("GET", "/ledger", json!({})).await;
        let orders = ledger["orders"].as_array().unwrap().clone();
        let ours = |order: &Value| {
            order["client_id"]
                .as_str()
                .unwrap_or("")
                .contains(&tail(index))
        };
        orders.into_iter().filter(ours).collect()
    }

    /// Returns how often the venue was asked for something, e.g. `POST /fapi/v1/order`.
    pub(super) async fn requests(&self, endpoint: &str) -> u64 {
        let counters = self.venue("GET", "/counters", json!({})).await;
        counters["requests"][endpoint].as_u64().unwrap_or(0)
    }

    /// Returns how often the scripted faults have happened, all together.
    pub(super) async fn hits(&self) -> u64 {
        let faults = self.venue("GET", "/faults", json!({})).await;
        faults
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["hits"].as_u64().unwrap())
            .sum()
    }

    /// Waits until the venue was asked for something so often.
    pub(super) async fn until_requests(&self, endpoint: &str, count: u64) {
        let asked = async {
            while self.requests(endpoint).await < count {
                tokio::task::yield_now().await;
            }
        };
        timeout(SOON, asked).await.expect("the venue is asked");
    }
}

pub(super) fn http_client() -> ReqwestClient {
    let tls = chimera_egress::tls::client_config(None).unwrap();
    ReqwestClient::new(&tls).unwrap()
}

pub(super) async fn control(
    http: &ReqwestClient,
    sim: &Simulator,
    method: &str,
    path: &str,
    body: Value,
) -> Value {
    let url = format!("{}/v1/venues/{VENUE}{path}", sim.endpoints().control);
    let mut request = HttpRequest::new(method.parse().unwrap(), url.parse().unwrap());
    request
        .headers
        .insert("content-type", "application/json".parse().unwrap());
    request.body = body.to_string().into();
    let limits = HttpLimits {
        deadline: Instant::now() + SOON,
        max_body_bytes: 16 << 20,
    };
    let response = http.send(request, limits).await.unwrap();
    let text = String::from_utf8_lossy(&response.body).into_owned();
    assert!(
        response.status.is_success(),
        "{method} {path}: {} {text}",
        response.status
    );
    serde_json::from_slice(&response.body).unwrap()
}

/// Asks for all tickers until so much of the minute's weight is used.
pub(super) async fn use_weight(sim: &Simulator, weight: u32) {
    let http = http_client();
    let url = format!("{}/fapi/v1/ticker/24hr", sim.endpoints().venues[0].rest);
    for _ in 0..weight.div_ceil(ALL_TICKERS_WEIGHT) {
        let request = HttpRequest::new("GET".parse().unwrap(), url.parse().unwrap());
        let limits = HttpLimits {
            deadline: Instant::now() + SOON,
            max_body_bytes: 16 << 20,
        };
        let response = http.send(request, limits).await.unwrap();
        assert!(response.status.is_success(), "{}", response.status);
    }
}

/// Returns a fault of the submit's reply: it is processed, and the reply is lost in a way.
pub(super) fn lost_reply(method: &str, how: &str) -> Value {
    let endpoint = format!("{method} /fapi/v1/order");
    json!({"kind": "drop_reply", "how": how, "when": {"endpoint": endpoint}})
}

/// Returns a fault of one endpoint: the venue refuses with a code, so often.
pub(super) fn refusal(endpoint: &str, status: u16, code: i64, count: u32) -> Value {
    json!({
        "kind": "reject", "status": status, "code": code, "message": "scripted",
        "when": {"endpoint": endpoint}, "count": count,
    })
}

fn tail(index: i64) -> String {
    format!("-{index}")
}
