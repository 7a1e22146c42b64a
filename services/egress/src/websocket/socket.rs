//! One open WebSocket, driven by whoever reads it: no task, no lock, no queue between wire and
//! session.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chimera_runtime::clock::Clock;
use futures::{Sink, SinkExt, Stream};
use http::header::RETRY_AFTER;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::pacer::Pacer;
use super::{Frame, FrameKind, Incoming, Outgoing, WebSocketError, WebSocketOptions};
use crate::http::ConnectFault;
use crate::rate_limit::retry_after;
use crate::reqwest_client::{io_word, is_tls};
use crate::websocket::WebSocketRequest;

/// Messages that may wait for their turn under [`super::Pacing`]. Subscriptions come in batches;
/// what needs more than this many frames needs more than one connection.
const OUTBOX_MAX: usize = 256;

/// How long a polite goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The close code that stands for "none given" (RFC 6455, 7.4.1).
const NO_CLOSE_CODE: u16 = 1005;

/// What a WebSocket can run over: a TCP connection, or one end of a simulated one.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for S {}

type Wire = WebSocketStream<MaybeTlsStream<Box<dyn ByteStream>>>;

/// An open connection. Pings are answered and paced frames leave while [`WebSocket::next`] is
/// awaited, so a session keeps awaiting it; dropping closes the socket.
pub struct WebSocket {
    wire: Wire,
    clock: Clock,
    options: WebSocketOptions,
    pacer: Pacer,
    outbox: VecDeque<Message>,
    /// When the earliest unflushed byte must have been taken by the peer.
    write_due: Option<Instant>,
    last_data: Instant,
    silent_at: Option<Instant>,
    ended: Option<WebSocketError>,
}

impl std::fmt::Debug for WebSocket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WebSocket")
            .field("options", &self.options)
            .field("outbox", &self.outbox.len())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// What one look at the wire gave.
enum Event {
    Message(Message),
    Ended,
    Failed(Error),
    WriteOverdue,
    Silent,
    /// A paced frame may leave.
    Turn,
}

impl WebSocket {
    /// Shakes hands over a connected `stream`, without TLS of its own.
    ///
    /// # Errors
    ///
    /// When the peer does not answer with an upgrade by `deadline`.
    pub async fn over(
        stream: impl ByteStream,
        request: WebSocketRequest,
        options: WebSocketOptions,
        clock: Clock,
        deadline: Instant,
    ) -> Result<Self, WebSocketError> {
        let stream = Box::new(stream);
        Self::handshake(stream, Connector::Plain, request, options, clock, deadline).await
    }

    pub(super) async fn handshake(
        stream: Box<dyn ByteStream>,
        connector: Connector,
        request: WebSocketRequest,
        options: WebSocketOptions,
        clock: Clock,
        deadline: Instant,
    ) -> Result<Self, WebSocketError> {
        let request = upgrade_request(request)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(options.max_message_bytes))
            .max_frame_size(Some(options.max_message_bytes))
            // Whatever a stuck peer leaves unread of ours is bounded too.
            .max_write_buffer_size(options.max_message_bytes.max(1024 * 1024));
        let shake = client_async_tls_with_config(request, stream, Some(config), Some(connector));
        let (wire, _response) = timeout_at(deadline, shake)
            .await
            .map_err(|_| WebSocketError::Timeout)?
            .map_err(|error| classify(error, &options))?;
        let now = Instant::now();
        Ok(Self {
            wire,
            clock,
            options,
            pacer: Pacer::new(options.pacing),
            outbox: VecDeque::new(),
            write_due: None,
            last_data: now,
            silent_at: options.liveness.map(|span| now + span),
            ended: None,
        })
    }

    /// Returns the next message, or that there was none for the liveness span.
    ///
    /// Cancel-safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// When the connection has ended; every later call returns the same error.
    pub async fn next(&mut self) -> Result<Incoming, WebSocketError> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        loop {
            let turn = match self.send_waiting() {
                Ok(turn) => turn,
                Err(error) => return Err(self.end(classify(error, &self.options))),
            };
            let mut event = self.event(turn).await;
            if let Event::Message(message) = event {
                if let Some(incoming) = self.take(message)? {
                    return Ok(incoming);
                }
                // A control frame: a flood of them must not hide what is due.
                event = self.overdue(turn).unwrap_or(Event::Turn);
            }
            match event {
                Event::Message(_) | Event::Turn => {}
                Event::Silent => return Ok(self.note_silence()),
                Event::WriteOverdue => return Err(self.end(WebSocketError::WriteTimeout)),
                Event::Ended => {
                    let what = "closed by the peer";
                    return Err(self.end(WebSocketError::Transport { what }));
                }
                Event::Failed(error) => return Err(self.end(classify(error, &self.options))),
            }
        }
    }

    /// Sends `message` now if the pacing allows it, or puts it in line for [`WebSocket::next`] to
    /// send.
    ///
    /// Cancel-safe: once the first poll has taken it, the message leaves with the next reads.
    ///
    /// # Errors
    ///
    /// When the connection has ended, takes no bytes, or too many messages are in line.
    pub async fn send(&mut self, message: Outgoing) -> Result<(), WebSocketError> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        if self.outbox.len() >= OUTBOX_MAX {
            return Err(WebSocketError::OutboxFull {
                waiting: self.outbox.len(),
            });
        }
        self.outbox.push_back(match message {
            Outgoing::Text(text) => Message::Text(text.into()),
            Outgoing::Binary(payload) => Message::Binary(payload),
            Outgoing::Ping(payload) => Message::Ping(payload),
        });
        if let Err(error) = self.send_waiting() {
            return Err(self.end(classify(error, &self.options)));
        }
        let Some(due) = self.write_due else {
            return Ok(());
        };
        match timeout_at(due, self.wire.flush()).await {
            Ok(Ok(())) => {
                self.write_due = None;
                Ok(())
            }
            Ok(Err(error)) => Err(self.end(classify(error, &self.options))),
            Err(_) => Err(self.end(WebSocketError::WriteTimeout)),
        }
    }

    /// Starts the liveness span afresh: the session knows by other means that the venue lives.
    pub fn vouch(&mut self) {
        self.silent_at = self.options.liveness.map(|span| Instant::now() + span);
    }

    /// Returns how long there has been no data.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.last_data.elapsed()
    }

    /// Says goodbye and closes, within a second at the longest.
    pub async fn close(mut self) {
        if self.ended.is_none() {
            // Whether the peer hears it changes nothing: the socket is closed either way.
            let _ = timeout(CLOSE_TIMEOUT, self.wire.close(None)).await;
        }
    }

    /// Hands waiting messages to the wire as far as the pacing allows; returns when the next may
    /// leave.
    fn send_waiting(&mut self) -> Result<Option<Instant>, Error> {
        while !self.outbox.is_empty() {
            let now = Instant::now();
            if let Err(turn) = self.pacer.try_take(now) {
                return Ok(Some(turn));
            }
            if let Some(message) = self.outbox.pop_front() {
                Pin::new(&mut self.wire).start_send(message)?;
                self.write_due
                    .get_or_insert(now + self.options.write_timeout);
            }
        }
        Ok(None)
    }

    async fn event(&mut self, turn: Option<Instant>) -> Event {
        let dues = [self.write_due, self.silent_at, turn];
        let wake = dues.into_iter().flatten().min();
        let look = poll_fn(|context| self.poll_event(context, turn));
        let Some(wake) = wake else { return look.await };
        // Data first: a late reader must not take its own delay for the venue's silence.
        tokio::select! {
            biased;
            event = look => event,
            // Whatever was due by then is found when the caller looks again.
            () = sleep_until(wake) => Event::Turn,
        }
    }

    fn poll_event(&mut self, context: &mut Context<'_>, turn: Option<Instant>) -> Poll<Event> {
        if self.write_due.is_some() {
            match Pin::new(&mut self.wire).poll_flush(context) {
                Poll::Ready(Ok(())) => self.write_due = None,
                Poll::Ready(Err(error)) => return Poll::Ready(Event::Failed(error)),
                Poll::Pending => {}
            }
        }
        match Pin::new(&mut self.wire).poll_next(context) {
            Poll::Ready(Some(Ok(message))) => return Poll::Ready(Event::Message(message)),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Event::Failed(error)),
            Poll::Ready(None) => return Poll::Ready(Event::Ended),
            Poll::Pending => {}
        }
        match self.overdue(turn) {
            Some(event) => Poll::Ready(event),
            None => Poll::Pending,
        }
    }

    /// Returns what is due by now. Compared with the clock and not left to a timer alone: under a
    /// flood of reads that give no data, the runtime's budget for one poll is spent before a timer
    /// is asked.
    fn overdue(&self, turn: Option<Instant>) -> Option<Event> {
        let now = Instant::now();
        let due = |instant: Option<Instant>| instant.is_some_and(|instant| instant <= now);
        if due(self.write_due) {
            Some(Event::WriteOverdue)
        } else if due(self.silent_at) {
            Some(Event::Silent)
        } else if due(turn) {
            Some(Event::Turn)
        } else {
            None
        }
    }

    /// Takes a message off the wire; control frames give nothing.
    fn take(&mut self, message: Message) -> Result<Option<Incoming>, WebSocketError> {
        let now = Instant::now();
        let (kind, payload) = match message {
            Message::Text(text) => (FrameKind::Text, Bytes::from(text)),
            Message::Binary(payload) => (FrameKind::Binary, payload),
            Message::Ping(_) => {
                // The library has queued the pong with the same payload; it must be gone in time.
                self.pacer.note(now);
                self.write_due
                    .get_or_insert(now + self.options.write_timeout);
                return Ok(None);
            }
            Message::Pong(_) | Message::Frame(_) => return Ok(None),
            Message::Close(close) => {
                let (code, reason) = close.map_or((NO_CLOSE_CODE, String::new()), |close| {
                    (close.code.into(), close.reason.escape_debug().collect())
                });
                return Err(self.end(WebSocketError::Closed { code, reason }));
            }
        };
        self.last_data = now;
        self.silent_at = self.options.liveness.map(|span| now + span);
        let received_time = self.clock.system_time();
        Ok(Some(Incoming::Frame(Frame {
            kind,
            payload,
            received_time,
        })))
    }

    fn note_silence(&mut self) -> Incoming {
        self.vouch();
        Incoming::Silent {
            silence: self.silence(),
        }
    }

    fn end(&mut self, error: WebSocketError) -> WebSocketError {
        self.ended = Some(error.clone());
        self.outbox.clear();
        error
    }
}

/// Builds the upgrade by hand, so that the venue's headers travel with the protocol's own.
fn upgrade_request(request: WebSocketRequest) -> Result<http::Request<()>, WebSocketError> {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let malformed = |_| WebSocketError::Malformed { what: "address" };
    let mut upgrade = request
        .url
        .as_str()
        .into_client_request()
        .map_err(malformed)?;
    upgrade.headers_mut().extend(request.headers);
    Ok(upgrade)
}

/// Turns the library's error into one that quotes nothing.
fn classify(error: Error, options: &WebSocketOptions) -> WebSocketError {
    match error {
        Error::Io(failure) if is_tls(&failure) => WebSocketError::Connect {
            fault: ConnectFault::Tls,
        },
        Error::Io(failure) => WebSocketError::Transport {
            what: io_word(&failure),
        },
        Error::Tls(_) => WebSocketError::Connect {
            fault: ConnectFault::Tls,
        },
        Error::Capacity(CapacityError::MessageTooLong { .. }) => WebSocketError::TooLarge {
            max_message_bytes: options.max_message_bytes,
        },
        Error::Capacity(_) => WebSocketError::Protocol {
            what: "too many handshake headers",
        },
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => WebSocketError::Transport {
            what: "reset without a close frame",
        },
        Error::Protocol(ProtocolError::HandshakeIncomplete) => WebSocketError::Protocol {
            what: "handshake incomplete",
        },
        Error::Protocol(_) => WebSocketError::Protocol {
            what: "frame or handshake",
        },
        Error::AttackAttempt => WebSocketError::Protocol {
            what: "handshake too large",
        },
        Error::Utf8(_) => WebSocketError::NotUtf8,
        Error::Http(response) => WebSocketError::Refused {
            status: response.status(),
            retry_after: retry_after(response.headers().get(RETRY_AFTER)),
        },
        Error::HttpFormat(_) | Error::Url(_) => WebSocketError::Malformed { what: "address" },
        Error::WriteBufferFull(_) => WebSocketError::WriteTimeout,
        Error::ConnectionClosed | Error::AlreadyClosed => WebSocketError::Transport {
            what: "closed by the peer",
        },
    }
}
