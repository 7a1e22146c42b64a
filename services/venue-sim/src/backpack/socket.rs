//! One WebSocket: what it subscribes to, how it is kept alive, how it ends.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::feed::wrap;
use super::private_feed::hub_name;
use super::private_frames::position_update;
use super::rest::Claim;
use super::stream_name::{NameError, is_private, read};
use super::{Backpack, BackpackDialect};
use crate::engine::AccountId;
use crate::hub::{ConnectionId, Inbox, SocketKind};
use crate::line::{close, obey, send};
use crate::transport::Peer;
use crate::venue::Core;

/// The venue pings this often, and closes after this long without a pong.
const PING_EVERY: Duration = Duration::from_secs(60);
const PONG_WITHIN: Duration = Duration::from_secs(120);

/// The largest message of a client: a subscription to many streams with room to spare.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Subscriptions of one connection; far above what any client asks for, and bounded.
const STREAMS_MAX: usize = 4_096;

pub(super) async fn open(
    State(venue): State<Arc<Backpack>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX);
    upgrade.on_upgrade(move |socket| async move {
        let switch = peer.switch.clone();
        let inbox = venue.with(|core| core.hub.open(SocketKind::Public, true, switch));
        let session = Session {
            venue: Arc::clone(&venue),
            id: inbox.id,
        };
        serve(socket, inbox, session).await;
    })
}

/// Carries messages until one side ends it.
async fn serve(mut socket: WebSocket, mut inbox: Inbox, session: Session) {
    let mut heard = Instant::now();
    let mut pings = interval_at(heard + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    'open: loop {
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
                let Message::Text(text) = message else { continue };
                for reply in session.answer(&text) {
                    let reply = Message::Text(reply.into());
                    if send(&mut socket, &mut inbox, reply).await.is_err() {
                        break 'open;
                    }
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
        }
    }
    session.venue.with(|core| core.hub.close(session.id));
}

/// The venue's side of one connection.
struct Session {
    venue: Arc<Backpack>,
    id: ConnectionId,
}

#[derive(Deserialize)]
struct Command {
    method: Method,
    params: Vec<String>,
    /// Verifying key, signature, timestamp, window.
    #[serde(default)]
    signature: Option<[String; 4]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Subscribe,
    Unsubscribe,
}

fn error_reply(code: u16, message: &str) -> String {
    json!({ "id": null, "error": { "code": code, "message": message } }).to_string()
}

impl Session {
    /// Answers a client's message: silence where all is well, states and errors otherwise.
    fn answer(&self, text: &str) -> Vec<String> {
        let Ok(command) = serde_json::from_str::<Command>(text) else {
            return vec![error_reply(4002, "Parse error")];
        };
        self.venue.with(|core| {
            let account = command
                .signature
                .as_ref()
                .map(|claim| identify(core, claim));
            let mut replies = Vec::new();
            for name in &command.params {
                match self.change(core, name, command.method, account) {
                    Ok(states) => replies.extend(states),
                    Err(reply) => replies.push(reply),
                }
            }
            replies
        })
    }

    /// Takes up or ends one stream; returns the states that it begins with.
    fn change(
        &self,
        core: &mut Core<BackpackDialect>,
        name: &str,
        method: Method,
        account: Option<Option<AccountId>>,
    ) -> Result<Vec<String>, String> {
        if method == Method::Unsubscribe {
            for held in core.hub.subscriptions(self.id) {
                if held == name || held.split_once('/').is_some_and(|(_, held)| held == name) {
                    core.hub.unsubscribe(self.id, &held);
                }
            }
            return Ok(Vec::new());
        }
        if core.hub.subscriptions(self.id).len() >= STREAMS_MAX {
            return Err(error_reply(4006, "Invalid stream"));
        }
        if is_private(name) {
            let account = match account {
                Some(Some(account)) => account,
                Some(None) => return Err(error_reply(4004, "Invalid signature")),
                None => return Err(error_reply(4003, "Signature required")),
            };
            core.hub.identify(self.id, account);
            core.hub.subscribe(self.id, &hub_name(account, name));
            return Ok(states(core, account, name));
        }
        match read(&core.exchange, name) {
            Ok(_) => core.hub.subscribe(self.id, name),
            Err(NameError::Stream) => return Err(error_reply(4006, "Invalid stream")),
            Err(NameError::Window) => return Err(error_reply(4008, "Invalid depth window")),
        }
        Ok(Vec::new())
    }
}

fn identify(core: &Core<BackpackDialect>, claim: &[String; 4]) -> Option<AccountId> {
    let [key, signature, timestamp, window] = claim;
    let claim = Claim {
        key,
        signature,
        timestamp,
        window,
    };
    let nothing = [super::params::Params::default()];
    claim.check(core, "subscribe", &nothing, core.now_ms()).ok()
}

/// Returns the open positions, which a subscription to positions begins with.
fn states(core: &Core<BackpackDialect>, account: AccountId, name: &str) -> Vec<String> {
    let Some(narrowed) = name.strip_prefix("account.positionUpdate") else {
        return Vec::new();
    };
    let symbol = narrowed.strip_prefix('.');
    let exchange = &core.exchange;
    let mut states = Vec::new();
    for (id, position) in &exchange.account(account).positions {
        let wanted = symbol.is_none_or(|symbol| symbol == exchange.instrument(*id).symbol);
        let opening = core.dialect.positions.opening(account, *id);
        if let Some(opening) = opening.filter(|_| wanted) {
            let key = (account, *id);
            let now_ms = core.now_ms();
            let frame = position_update(exchange, key, position, None, &opening, now_ms);
            states.push(wrap(name, &frame.to_string()));
        }
    }
    states
}
