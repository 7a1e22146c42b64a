//! One connection of the market stream: what it was asked for, and what it says.

use std::time::Duration;

use chimera_egress::{
    Connect, Frame, Incoming, Outgoing, Pacing, WebSocket, WebSocketError, WebSocketOptions,
    WebSocketRequest,
};
use chimera_model::Symbol;
use chimera_model::market::Quote;
use chimera_venue::{Channel, PublicFrame, QuoteFrame, Topic};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::Market;
use super::subscriptions::Table;
use super::tops::Top;
use crate::desk::unix_nanos;
use crate::{metrics, policy};

/// How long a connection may take to stand.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Topics of one request. Venues bound the length of a frame; a hundred names are 3 KB.
const TOPICS_PER_FRAME: usize = 100;

/// Bound on one message of quotes.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// A connection that stands.
#[derive(Debug)]
pub(super) struct Connection {
    /// What its quotes are stamped with. A planned successor shares it: the venue's count goes on.
    pub generation: u64,
    pub opened: Instant,
    pub table: Table,
    /// What was asked for of a venue that confirms nothing, and not yet told.
    granted: Vec<Symbol>,
    socket: WebSocket,
}

/// What a connection said, beyond quotes.
#[derive(Debug)]
pub(super) enum Said {
    /// Nothing that matters to its owner.
    Quotes,
    /// The venue confirmed these.
    Confirmed(Vec<Symbol>),
    /// It is about to close (F101).
    Closing,
    /// No data for the silence span.
    Silent,
    /// It ended, and why.
    Ended(String),
}

impl Connection {
    /// Dials and asks for everything that is wanted (F97).
    pub(super) async fn open(market: &Market, generation: u64) -> Result<Self, String> {
        let desk = &market.desk;
        let topics = topics(market, &market.lock().wanted.iter().collect::<Vec<_>>());
        let plans = desk
            .adapter
            .public_streams(&topics)
            .map_err(|error| error.to_string())?;
        // The wanted set never exceeds what one connection carries.
        let Some(plan) = plans.into_iter().next() else {
            return Err("the venue has no stream of quotes".to_owned());
        };
        let rules = desk.adapter.stream_rules();
        let connect = Connect {
            cluster: desk.cluster(),
            endpoint: "stream.market",
            charges: &[(policy::CONNECTIONS, 1)],
            deadline: Instant::now() + CONNECT_WITHIN,
            options: WebSocketOptions {
                max_message_bytes: MESSAGE_BYTES_MAX,
                liveness: Some(market.silence),
                pacing: Some(Pacing {
                    frames: rules.frames_per_second_max,
                    per: Duration::from_secs(1),
                }),
                ..WebSocketOptions::default()
            },
        };
        let request = WebSocketRequest::new(plan.url.expose().clone());
        let opened = desk.egress().connect(connect, |_| request).await;
        let socket = opened.map_err(|error| error.cause.to_string())?;
        let now = Instant::now();
        let mut connection = Self {
            generation,
            opened: now,
            table: Table::default(),
            granted: Vec::new(),
            socket,
        };
        for frame in plan.frames {
            let symbols = symbols(market, &frame.topics);
            connection.requested(market, frame.id, &symbols);
            connection
                .send(frame.text)
                .await
                .map_err(|error| error.to_string())?;
        }
        Ok(connection)
    }

    /// Notes a request. At a venue that confirms nothing it counts at once (F93).
    fn requested(&mut self, market: &Market, request: u64, symbols: &[Symbol]) {
        self.table.requested(request, symbols, Instant::now());
        if !market.desk.adapter.stream_rules().confirms {
            self.granted.extend(self.table.confirmed(request));
        }
    }

    /// Asks for what is wanted and not carried, and gives up what is no longer wanted.
    pub(super) async fn catch_up(&mut self, market: &Market) -> Result<(), String> {
        let now = Instant::now();
        if self.table.overdue(now) {
            return Err("a subscription was never confirmed".to_owned());
        }
        let steps = self.table.steps(&market.lock().wanted, now);
        for symbols in steps.subscribe.chunks(TOPICS_PER_FRAME) {
            let id = self.table.number();
            let frame = market.desk.adapter.subscribe(id, &topics(market, symbols));
            let frame = frame.map_err(|error| error.to_string())?;
            self.requested(market, id, symbols);
            self.send(frame.text)
                .await
                .map_err(|error| error.to_string())?;
        }
        for symbols in steps.unsubscribe.chunks(TOPICS_PER_FRAME) {
            let id = self.table.number();
            let frame = market
                .desk
                .adapter
                .unsubscribe(id, &topics(market, symbols));
            let frame = frame.map_err(|error| error.to_string())?;
            self.table.given_up(symbols);
            self.send(frame.text)
                .await
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Waits for the next thing it says. Cancel-safe.
    pub(super) async fn next(&mut self, market: &Market) -> Said {
        if !self.granted.is_empty() {
            return Said::Confirmed(std::mem::take(&mut self.granted));
        }
        match self.socket.next().await {
            Ok(Incoming::Frame(frame)) => self.take(market, &frame),
            Ok(Incoming::Silent { .. }) => Said::Silent,
            Err(error) => {
                metrics::stream_end(market.desk.venue, "market", error.class());
                Said::Ended(error.to_string())
            }
        }
    }

    async fn send(&mut self, text: String) -> Result<(), WebSocketError> {
        self.socket.send(Outgoing::Text(text)).await
    }

    /// Reads one frame. One bad message never ends a stream (F109).
    fn take(&mut self, market: &Market, frame: &Frame) -> Said {
        let now = Instant::now();
        market.lock().tops.vouch(self.generation, now);
        match market.desk.adapter.read_public(&frame.payload) {
            Ok(PublicFrame::Quote(quote)) => {
                self.quote(market, quote, frame);
                Said::Quotes
            }
            Ok(PublicFrame::Confirmed { id }) => Said::Confirmed(self.table.confirmed(id)),
            // What was refused is not known then: whatever counts as granted is in doubt.
            Ok(PublicFrame::Refused { id: None, error })
                if !market.desk.adapter.stream_rules().confirms =>
            {
                Said::Ended(format!("a subscription was refused: {error}"))
            }
            Ok(PublicFrame::Refused { id, error }) => {
                let symbols = id.map(|id| self.table.refused(id, now)).unwrap_or_default();
                warn!(venue = %market.desk.venue, %error, ?symbols, "subscription refused");
                Said::Quotes
            }
            Ok(PublicFrame::Shutdown) => Said::Closing,
            Ok(_) => Said::Quotes,
            Err(error) => {
                metrics::odd_frame(market.desk.venue, "market", "unreadable");
                debug!(venue = %market.desk.venue, %error, "bad frame");
                Said::Quotes
            }
        }
    }

    fn quote(&self, market: &Market, quote: QuoteFrame<'_>, frame: &Frame) {
        let instruments = market.desk.instruments();
        let Some(instrument) = instruments.table().by_venue_symbol(quote.symbol) else {
            return;
        };
        let received = unix_nanos(frame.received_time);
        let quote = Quote {
            venue: market.desk.venue,
            symbol: instrument.symbol,
            bid: quote.bid,
            ask: quote.ask,
            update_id: quote.update_id,
            venue_time: quote.venue_time,
        };
        let venue_now = market.desk.venue_time_of(received);
        let lag = quote
            .venue_time
            .map(|time| venue_now.saturating_since(time));
        let lag = lag.unwrap_or_default();
        market.put(
            Top {
                quote,
                received,
                lag,
                generation: self.generation,
            },
            false,
        );
    }
}

fn topics(market: &Market, symbols: &[Symbol]) -> Vec<Topic> {
    let instruments = market.desk.instruments();
    let topic = |symbol: &Symbol| {
        let instrument = instruments.table().by_symbol(symbol)?;
        Some(Topic {
            symbol: instrument.venue_symbol.clone(),
            channel: Channel::Quote,
        })
    };
    symbols.iter().filter_map(topic).collect()
}

fn symbols(market: &Market, topics: &[Topic]) -> Vec<Symbol> {
    let instruments = market.desk.instruments();
    let symbol = |topic: &Topic| {
        let instrument = instruments.table().by_venue_symbol(topic.symbol.as_str())?;
        Some(instrument.symbol)
    };
    topics.iter().filter_map(symbol).collect()
}
