//! One WebSocket: what it subscribes to, how it is kept alive, how it ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::Binance;
use super::stream_name::{Endpoint, Stream};
use crate::hub::{ConnectionId, Inbox, SocketKind};
use crate::line::{close, obey, send};
use crate::transport::Peer;

/// The venue pings this often, and closes after this long without a pong.
const PING_EVERY: Duration = Duration::from_secs(180);
const PONG_WITHIN: Duration = Duration::from_secs(600);

/// A connection lives this long.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

const SECOND: Duration = Duration::from_secs(1);

/// Messages that a client may send in a second.
const MESSAGES_PER_SECOND: usize = 10;

/// Streams of one connection.
const STREAMS_MAX: usize = 1024;

/// The largest message of a client: a subscription to all the streams it may have.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// What the address of a connection asks for.
#[derive(Debug)]
struct Wish {
    endpoint: Endpoint,
    streams: Vec<String>,
}

impl Wish {
    fn read(uri: &Uri, legacy_root: bool) -> Self {
        let path = uri.path();
        let endpoint = match path.split('/').nth(1) {
            Some("public") => Endpoint::Public,
            Some("market") => Endpoint::Market,
            Some("private") => Endpoint::Private,
            _ if legacy_root => Endpoint::Everything,
            _ => Endpoint::Public,
        };
        let named = path.split_once("/ws/").map_or("", |(_, streams)| streams);
        let mut streams: Vec<String> = split(named);
        let query: Vec<(String, String)> =
            serde_urlencoded::from_str(uri.query().unwrap_or_default()).unwrap_or_default();
        for (name, value) in query {
            match name.as_str() {
                "streams" => streams.extend(split(&value)),
                "listenKey" => streams.push(value),
                // Events narrow the listen key named before them.
                "events" => {
                    if let Some(key) = streams.pop() {
                        streams.extend(split(&value).iter().map(|event| format!("{key}@{event}")));
                    }
                }
                _ => {}
            }
        }
        Self { endpoint, streams }
    }
}

fn split(streams: &str) -> Vec<String> {
    streams
        .split('/')
        .filter(|stream| !stream.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(super) async fn raw(
    State(venue): State<Arc<Binance>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    uri: Uri,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(venue, peer, &uri, upgrade, false)
}

pub(super) async fn combined(
    State(venue): State<Arc<Binance>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    uri: Uri,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(venue, peer, &uri, upgrade, true)
}

fn open(
    venue: Arc<Binance>,
    peer: Peer,
    uri: &Uri,
    upgrade: WebSocketUpgrade,
    combined: bool,
) -> Response {
    let (legacy_root, taken) = venue.with(|core| {
        let now_ms = core.now_ms();
        let taken = core.dialect.limits.connect(now_ms, peer.address);
        (core.dialect.legacy_root, taken)
    });
    if !taken {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    let wish = Wish::read(uri, legacy_root);
    let upgrade = upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX);
    upgrade.on_upgrade(move |socket| async move {
        let kind = match wish.endpoint {
            Endpoint::Private => SocketKind::Private,
            _ => SocketKind::Public,
        };
        let inbox = venue.with(|core| core.hub.open(kind, combined, peer.switch.clone()));
        let session = Session {
            venue: Arc::clone(&venue),
            endpoint: wish.endpoint,
            id: inbox.id,
        };
        session.subscribe(&wish.streams);
        serve(socket, inbox, session).await;
    })
}

/// Carries messages until one side ends it.
async fn serve(mut socket: WebSocket, mut inbox: Inbox, session: Session) {
    let began = Instant::now();
    let mut pings = interval_at(began + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = began;
    let mut recent: VecDeque<Instant> = VecDeque::new();
    let over = sleep_until(began + LIFETIME);
    tokio::pin!(over);
    loop {
        tokio::select! {
            biased;
            changed = inbox.fate.changed() => {
                if changed.is_err() || obey(&mut socket, &mut inbox).await {
                    break;
                }
            }
            message = inbox.queue.recv() => {
                let Some(text) = message else { break };
                if send(&mut socket, &mut inbox, Message::Text(text)).await.is_err() {
                    break;
                }
            }
            received = socket.recv() => {
                let Some(Ok(message)) = received else { break };
                heard = Instant::now();
                recent.push_back(heard);
                while recent.front().is_some_and(|at| heard.duration_since(*at) >= SECOND) {
                    recent.pop_front();
                }
                if recent.len() > MESSAGES_PER_SECOND {
                    session.venue.with(|core| core.dialect.chatty_closed += 1);
                    close(&mut socket, 1008, "Too many requests").await;
                    break;
                }
                let Message::Text(text) = message else { continue };
                let reply = Message::Text(session.answer(&text).into());
                if send(&mut socket, &mut inbox, reply).await.is_err() {
                    break;
                }
            }
            _ = pings.tick() => {
                if heard.elapsed() > PONG_WITHIN {
                    close(&mut socket, 1008, "Pong timeout").await;
                    break;
                }
                let now_ms = session.venue.with(|core| core.now_ms());
                let ping = Message::Ping(now_ms.to_string().into());
                if send(&mut socket, &mut inbox, ping).await.is_err() {
                    break;
                }
            }
            () = &mut over => {
                close(&mut socket, 1001, "").await;
                break;
            }
        }
    }
    session.venue.with(|core| core.hub.close(session.id));
}

/// The venue's side of one connection.
struct Session {
    venue: Arc<Binance>,
    endpoint: Endpoint,
    id: ConnectionId,
}

#[derive(Deserialize)]
struct Command {
    method: String,
    #[serde(default)]
    params: Option<Vec<Value>>,
    #[serde(default)]
    id: Value,
}

impl Session {
    /// Subscribes to what this endpoint serves; the venue takes other names and stays silent.
    fn subscribe(&self, streams: &[String]) {
        self.venue.with(|core| {
            for name in streams {
                let key = name.split('@').next().unwrap_or_default();
                let account = core.dialect.sessions.account(key);
                let private = matches!(self.endpoint, Endpoint::Private | Endpoint::Everything);
                if let Some(account) = account.filter(|_| private) {
                    core.hub.identify(self.id, account);
                    core.hub.subscribe(self.id, name);
                    continue;
                }
                let stream = Stream::read(&core.exchange, name);
                if stream.is_none_or(|stream| stream.served_by(self.endpoint)) {
                    core.hub.subscribe(self.id, name);
                }
            }
        });
    }

    /// Answers a client's message.
    fn answer(&self, text: &str) -> String {
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                let at = format!("line {} column {}", error.line(), error.column());
                return error_reply(
                    3,
                    &format!("Invalid JSON: expected value at {at}"),
                    Value::Null,
                );
            }
        };
        let id = value.get("id").cloned().unwrap_or_default();
        if !(id.is_null() || id.is_u64() || id.is_i64() || id.is_string()) {
            let text = "Invalid request: request ID must be an unsigned integer";
            return error_reply(2, text, Value::Null);
        }
        let command: Command = match serde_json::from_str(text) {
            Ok(command) => command,
            Err(error) => return error_reply(2, &format!("Invalid request: {error}"), id),
        };
        self.obey(command)
    }

    fn obey(&self, command: Command) -> String {
        let params = command.params.unwrap_or_default();
        match command.method.as_str() {
            "SUBSCRIBE" | "UNSUBSCRIBE" => {
                let names: Option<Vec<String>> = params
                    .iter()
                    .map(|name| name.as_str().map(str::to_owned))
                    .collect();
                let Some(names) = names else {
                    let text = "Invalid request: property name must be a string";
                    return error_reply(2, text, command.id);
                };
                self.change(&names, command.method == "SUBSCRIBE", command.id)
            }
            "LIST_SUBSCRIPTIONS" => {
                let streams = self.venue.with(|core| core.hub.subscriptions(self.id));
                reply(json!(streams), &command.id)
            }
            "SET_PROPERTY" => match (params.first().and_then(Value::as_str), params.get(1)) {
                (Some("combined"), Some(Value::Bool(combined))) => {
                    self.venue
                        .with(|core| core.hub.set_combined(self.id, *combined));
                    reply(Value::Null, &command.id)
                }
                (Some("combined"), _) => {
                    error_reply(1, "Invalid value type: expected Boolean", command.id)
                }
                _ => error_reply(0, "Unknown property", command.id),
            },
            "GET_PROPERTY" => match params.first().and_then(Value::as_str) {
                Some("combined") => {
                    let combined = self.venue.with(|core| core.hub.is_combined(self.id));
                    reply(json!(combined), &command.id)
                }
                _ => error_reply(0, "Unknown property", command.id),
            },
            other => {
                let text = format!(
                    "Invalid request: unknown variant {other}, expected one of SUBSCRIBE, \
                     UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY at line 1 column \
                     28"
                );
                error_reply(2, &text, command.id)
            }
        }
    }

    fn change(&self, names: &[String], subscribe: bool, id: Value) -> String {
        if !subscribe {
            self.venue.with(|core| {
                names
                    .iter()
                    .for_each(|name| core.hub.unsubscribe(self.id, name));
            });
            return reply(Value::Null, &id);
        }
        let held = self
            .venue
            .with(|core| core.hub.subscriptions(self.id).len());
        if held + names.len() > STREAMS_MAX {
            return error_reply(2, "Invalid request: too many parameters", id);
        }
        self.subscribe(names);
        reply(Value::Null, &id)
    }
}

/// The venue writes the result before the id.
fn reply(result: Value, id: &Value) -> String {
    format!("{{\"result\":{result},\"id\":{id}}}")
}

fn error_reply(code: u8, text: &str, id: Value) -> String {
    json!({ "error": { "code": code, "msg": text }, "id": id }).to_string()
}
