//! The heartbeat: tells a receiver, every so often, what each account holds. On a task of its own;
//! bounded in time and attempts; a beat that is late is dropped for the next one and counted (F134).

use bytes::Bytes;
use chimera_contracts::position::v1::{
    Position, WatchPositionsRequest, position_service_client::PositionServiceClient,
};
use chimera_egress::{Call, Egress, HttpRequest, Priority};
use chimera_runtime::{Channel, clock::Clock};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::Sha256;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::warn;
use url::Url;

use crate::config::{CLUSTER, HeartbeatConfig};

#[cfg(test)]
mod tests;

const ENDPOINT: &str = "heartbeat.post";
/// One beat in so many that fail in a row is logged: a receiver that is down must not flood (F131).
const LOG_EVERY: u64 = 60;

/// What one heartbeat says: the positions and margin of one account at one venue.
#[derive(Debug, Serialize)]
pub struct Beat {
    /// Seconds since 1970.
    pub ts: i64,
    /// Who sends it.
    pub strategy: String,
    /// The venue.
    pub venue: String,
    /// The account.
    pub account: String,
    /// What is held.
    pub positions: Vec<Held>,
    /// What it is held with.
    pub margin: Margin,
}

/// One position. Numbers are JSON numbers, written from exact decimal text.
#[derive(Debug, Serialize)]
pub struct Held {
    /// The canonical symbol.
    pub symbol: String,
    /// Signed quantity in base units.
    pub qty: Box<RawValue>,
    /// Signed value at the mark price; `null` while there is none.
    pub notional: Option<Box<RawValue>>,
}

/// Margin of the account.
#[derive(Debug, Default, Serialize)]
pub struct Margin {
    /// Wallet balance; `null` while the venue has not told it.
    pub balance: Option<Box<RawValue>>,
    /// What new orders may use.
    pub available: Option<Box<RawValue>>,
}

/// What the heartbeat needs.
pub(crate) struct Heartbeat {
    pub config: HeartbeatConfig,
    pub url: Url,
    pub egress: Egress,
    pub position: Channel,
    pub clock: Clock,
}

impl Heartbeat {
    /// Beats until dropped.
    pub async fn run(self) {
        let mut ticks = tokio::time::interval(self.config.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut failed_in_a_row: u64 = 0;
        loop {
            ticks.tick().await;
            match tokio::time::timeout(self.config.timeout, self.beat_all()).await {
                Ok(Ok(())) => failed_in_a_row = 0,
                Ok(Err(why)) => self.failed(&mut failed_in_a_row, &why),
                Err(_) => self.failed(&mut failed_in_a_row, "not done in time"),
            }
        }
    }

    fn failed(&self, in_a_row: &mut u64, why: &str) {
        metrics::counter!("heartbeats_dropped_total").increment(1);
        if in_a_row.is_multiple_of(LOG_EVERY) {
            warn!(why, in_a_row = *in_a_row, "heartbeat not delivered");
        }
        *in_a_row += 1;
    }

    async fn beat_all(&self) -> Result<(), String> {
        let deadline = Instant::now() + self.config.timeout;
        for beat in self.beats().await? {
            let body = serde_json::to_vec(&beat).map_err(|error| error.to_string())?;
            self.send(body.into(), deadline).await?;
            metrics::counter!("heartbeats_sent_total").increment(1);
        }
        Ok(())
    }

    /// Returns a beat an account that the venues have stated anything of.
    async fn beats(&self) -> Result<Vec<Beat>, String> {
        use chimera_contracts::position::v1::watch_positions_response::Frame;
        let mut client = PositionServiceClient::new(self.position.clone());
        let failed = |status: tonic::Status| status.message().to_owned();
        // The stream's snapshot is the one consistent picture of positions and margins.
        let mut stream = client
            .watch_positions(WatchPositionsRequest::default())
            .await
            .map_err(failed)?
            .into_inner();
        while let Some(frame) = stream.message().await.map_err(failed)? {
            let Some(Frame::Snapshot(snapshot)) = frame.frame else {
                continue;
            };
            let seconds = self.clock.now_millis() / 1_000;
            let beats = snapshot.margins.iter().map(|margin| Beat {
                ts: seconds,
                strategy: self.config.strategy.clone(),
                venue: margin.venue.clone(),
                account: margin.account.clone(),
                positions: snapshot
                    .positions
                    .iter()
                    .filter(|held| held.venue == margin.venue && held.account == margin.account)
                    .filter_map(held)
                    .collect(),
                margin: Margin {
                    balance: number(&margin.wallet_balance),
                    available: number(&margin.available),
                },
            });
            return Ok(beats.collect());
        }
        Err("the position service ended its stream".to_owned())
    }

    async fn send(&self, body: Bytes, deadline: Instant) -> Result<(), String> {
        let call = Call {
            cluster: CLUSTER,
            endpoint: ENDPOINT,
            charges: &[],
            priority: Priority::Normal,
            // The receiver takes the newest beat of an account; the same one twice changes nothing.
            repeatable: true,
            deadline,
        };
        let answer = self
            .egress
            .call(call, |now_ms| {
                let mut request = HttpRequest::new(Method::POST, self.url.clone());
                request.headers = headers(&self.config, now_ms, &body);
                request.body = body.clone();
                request
            })
            .await
            .map_err(|error| error.to_string())?;
        let status = answer.response.status;
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("the receiver answered {status}"))
        }
    }
}

/// Returns the header fields of a heartbeat: content type, and proof of who sends it.
fn headers(config: &HeartbeatConfig, now_ms: i64, body: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(token) = &config.token
        && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
    {
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    if let Some(secret) = &config.hmac_secret {
        let seconds = now_ms / 1_000;
        let signed = format!(
            "t={seconds},v1={}",
            signature(secret.expose(), seconds, body)
        );
        if let Ok(mut value) = HeaderValue::from_str(&signed) {
            value.set_sensitive(true);
            headers.insert("x-chimera-signature", value);
        }
    }
    headers
}

/// Returns the hex HMAC-SHA256 of `"{seconds}."` and the body: a receiver that checks both cannot be
/// shown an old beat as a new one.
fn signature(secret: &str, seconds: i64, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn held(position: &Position) -> Option<Held> {
    Some(Held {
        symbol: position.symbol.clone(),
        qty: number(&position.quantity)?,
        notional: number(&position.notional),
    })
}

/// Returns exact decimal text as a JSON number; nothing where there is no number.
fn number(text: &str) -> Option<Box<RawValue>> {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let digits = !plain.is_empty()
        && plain
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !digits {
        return None;
    }
    RawValue::from_string(text.to_owned()).ok()
}
