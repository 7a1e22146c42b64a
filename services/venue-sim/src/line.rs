//! The server's end of a WebSocket, and how a script ends it: the same for every venue.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};

use crate::hub::{Inbox, SocketFate};

/// A peer that does not read its close frame for this long is cut off.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Does what a script has decided; returns whether the connection is over.
pub(crate) async fn obey(socket: &mut WebSocket, inbox: &mut Inbox) -> bool {
    loop {
        let fate = *inbox.fate.borrow_and_update();
        match fate {
            SocketFate::Open => return false,
            SocketFate::Closed { code } => {
                close(socket, code, "").await;
                return true;
            }
            SocketFate::Cut => return true,
            SocketFate::Frozen => {
                if inbox.fate.changed().await.is_err() {
                    return true;
                }
            }
        }
    }
}

/// Sends a message, unless the connection's fate is decided while the reader does not read.
pub(crate) async fn send(
    socket: &mut WebSocket,
    inbox: &mut Inbox,
    message: Message,
) -> Result<(), ()> {
    tokio::select! {
        biased;
        sent = socket.send(message) => sent.map_err(|_| ()),
        _ = inbox.fate.wait_for(|fate| !matches!(fate, SocketFate::Open | SocketFate::Frozen)) => {
            Err(())
        }
    }
}

/// Says goodbye.
pub(crate) async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    let closing = socket.send(Message::Close(Some(frame)));
    let _ = tokio::time::timeout(CLOSE_WITHIN, closing).await;
}
