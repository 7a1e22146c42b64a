//! One connection to a public stream: keeps what is confirmed equal to what is wanted, and marks what
//! it carries stale the moment it cannot vouch for it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chimera_egress::{
    Connect, Frame, Incoming, Outgoing, Pacing, WebSocket, WebSocketError, WebSocketOptions,
    WebSocketRequest,
};
use chimera_model::book::StaleReason;
use chimera_runtime::chance;
use chimera_venue::{DepthSnapshot, PublicFrame, SubscribeFrame, Topic, VenueAdapter, VenueError};
use futures::FutureExt as _;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tracing::{debug, info, warn};

use super::{Feed, dispatch::Dispatch};
use crate::{desk, error::MarketDataError, metrics};

#[cfg(test)]
mod tests;

/// The venue-wide scope of connections, by the name that the egress policy of a venue gives it.
const CONNECTIONS: &str = "connections-5m";
/// A handshake takes a second at worst.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// First and longest pause between two connections (F102): half a minute is far below any ban's
/// counting window, and as long as a trader should be blind for want of trying.
const BACKOFF_FIRST: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A connection that held this long was sound; the next failure begins the backoff anew.
const SOUND_AFTER: Duration = Duration::from_secs(60);
/// Subscriptions not confirmed by then are asked for again on a new connection (F97).
const CONFIRM_WITHIN: Duration = Duration::from_secs(10);
/// Snapshots under way or waiting; one for each book of a line, and a line has at most this many.
const SNAPSHOTS_MAX: usize = 1_024;
/// Frames that lie ready are read together, as looking at all else between two of them costs as much as
/// reading one; so many take a fraction of a millisecond.
const TOGETHER_MAX: u32 = 64;
/// How often bars are closed by time alone.
const BAR_TICK: Duration = Duration::from_millis(500);

/// A snapshot that was fetched, or why not.
pub(super) type Fetched = (String, Result<DepthSnapshot, MarketDataError>);

/// One connection and what it should carry.
pub(super) struct Line {
    feed: Arc<Feed>,
    wanted: watch::Receiver<Vec<Topic>>,
}

/// Returns the frames that ask for topics, or against them: as many to a frame as the venue takes.
fn requests(
    adapter: &dyn VenueAdapter,
    topics: &[Topic],
    subscribe: bool,
    next_id: &mut u64,
) -> Result<Vec<SubscribeFrame>, VenueError> {
    let most = adapter.stream_rules().topics_per_frame_max.max(1);
    let frames = topics.chunks(most).map(|topics| {
        let id = *next_id;
        *next_id += 1;
        if subscribe {
            adapter.subscribe(id, topics)
        } else {
            adapter.unsubscribe(id, topics)
        }
    });
    frames.collect()
}

/// What is asked of the venue and not yet confirmed.
struct Asked {
    frame: SubscribeFrame,
    subscribe: bool,
    by: Instant,
}

impl Line {
    pub(super) fn new(feed: Arc<Feed>, wanted: watch::Receiver<Vec<Topic>>) -> Self {
        Self { feed, wanted }
    }

    /// Connects again and again until cancelled or unwanted for good.
    pub(super) async fn run(mut self) {
        let tasks = self.feed.tasks.clone();
        tokio::select! {
            biased;
            () = tasks.cancelled() => {}
            () = self.reconnect() => {}
        }
    }

    async fn reconnect(&mut self) {
        let mut backoff = BACKOFF_FIRST;
        loop {
            let wanted = self
                .wanted
                .wait_for(|topics| !topics.is_empty())
                .await
                .map(|_| ());
            if wanted.is_err() {
                return;
            }
            let began = Instant::now();
            let why = match self.connect().await {
                Ok(socket) => {
                    metrics::connection(self.feed.hub.venue(), "connected");
                    self.serve(socket).await
                }
                Err(why) => why,
            };
            metrics::connection(self.feed.hub.venue(), "lost");
            self.stale();
            if began.elapsed() >= SOUND_AFTER {
                backoff = BACKOFF_FIRST;
            }
            let pause = backoff.mul_f64(chance::between(0.5..=1.0));
            info!(venue = %self.feed.hub.venue(), why, pause_ms = pause.as_millis(), "public stream lost");
            tokio::time::sleep(pause).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    async fn connect(&mut self) -> Result<WebSocket, String> {
        let adapter = self.feed.desk.adapter();
        let topics = self.wanted.borrow().clone();
        let first = topics.first().map(std::slice::from_ref).unwrap_or_default();
        // The address alone is taken from the plan: what to subscribe to may change at any time.
        let plan = adapter
            .public_streams(first)
            .map_err(|error| error.to_string())?;
        let url = plan
            .first()
            .ok_or("the venue names no stream")?
            .url
            .expose()
            .clone();
        let rules = adapter.stream_rules();
        let options = WebSocketOptions {
            liveness: Some(self.feed.config.silence()),
            pacing: Some(Pacing {
                frames: rules.frames_per_second_max,
                per: Duration::from_secs(1),
            }),
            ..WebSocketOptions::default()
        };
        let connect = Connect {
            cluster: self.feed.desk.cluster(),
            endpoint: "stream.public",
            charges: &[(CONNECTIONS, 1)],
            deadline: Instant::now() + CONNECT_WITHIN,
            options,
        };
        let socket = self
            .feed
            .desk
            .egress()
            .connect(connect, |_| WebSocketRequest::new(url))
            .await;
        socket.map_err(|error| error.to_string())
    }

    /// Serves one connection until it must end; returns why.
    async fn serve(&mut self, mut socket: WebSocket) -> String {
        let (snapshots, mut fetched) = mpsc::channel::<Fetched>(SNAPSHOTS_MAX);
        let mut dispatch = Dispatch::new(self.feed.clone(), snapshots);
        let mut carried: BTreeSet<Topic> = BTreeSet::new();
        let mut asked: Vec<Asked> = Vec::new();
        let mut next_id = 1;
        let mut boards = self.feed.hub.boards();
        let mut bar_tick = tokio::time::interval(BAR_TICK);
        let end = Instant::now() + self.age_max();
        self.wanted.mark_changed();
        boards.mark_changed();
        loop {
            let confirm_by = asked.iter().map(|asked| asked.by).min().unwrap_or(end);
            tokio::select! {
                biased;
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        return "no longer wanted".to_owned();
                    }
                    let wanted: BTreeSet<Topic> = self.wanted.borrow_and_update().iter().cloned().collect();
                    if wanted.is_empty() {
                        return "nothing left to carry".to_owned();
                    }
                    match self.ask(&mut socket, &wanted, &carried, &mut next_id).await {
                        Ok(more) => asked.extend(more),
                        Err(why) => return why,
                    }
                    carried = wanted;
                }
                changed = boards.changed() => {
                    if changed.is_ok() {
                        dispatch.set_boards(boards.borrow_and_update().clone());
                    }
                }
                Some((symbol, snapshot)) = fetched.recv() => dispatch.on_fetched(&symbol, snapshot),
                mut incoming = socket.next() => {
                    for left in (0..TOGETHER_MAX).rev() {
                        if let Some(why) = self.take(&mut dispatch, &mut asked, incoming) {
                            return why;
                        }
                        let ready = || socket.next().now_or_never();
                        let Some(next) = (left > 0).then(ready).flatten() else { break };
                        incoming = next;
                    }
                }
                _ = bar_tick.tick() => dispatch.on_time(self.feed.desk.now()),
                () = tokio::time::sleep_until(confirm_by.min(end)) => {
                    let late = asked.iter().any(|asked| asked.by <= Instant::now());
                    return if late { "a subscription was not confirmed" } else { "old age" }.to_owned();
                }
            }
        }
    }

    /// Asks for what is wanted and not carried, and against what is carried and not wanted.
    async fn ask(
        &self,
        socket: &mut WebSocket,
        wanted: &BTreeSet<Topic>,
        carried: &BTreeSet<Topic>,
        next_id: &mut u64,
    ) -> Result<Vec<Asked>, String> {
        let adapter = self.feed.desk.adapter();
        let more: Vec<Topic> = wanted.difference(carried).cloned().collect();
        let less: Vec<Topic> = carried.difference(wanted).cloned().collect();
        let mut asked = Vec::new();
        for (topics, subscribe) in [(more, true), (less, false)] {
            let frames = requests(adapter, &topics, subscribe, next_id);
            for frame in frames.map_err(|error| error.to_string())? {
                let text = Outgoing::Text(frame.text.clone());
                socket.send(text).await.map_err(|error| error.to_string())?;
                // A venue that confirms nothing says only no: there is nothing to wait for.
                if !adapter.stream_rules().confirms {
                    continue;
                }
                asked.push(Asked {
                    frame,
                    subscribe,
                    by: Instant::now() + CONFIRM_WITHIN,
                });
            }
        }
        Ok(asked)
    }

    /// Takes what came; returns why the connection must end, if it must.
    fn take(
        &self,
        dispatch: &mut Dispatch,
        asked: &mut Vec<Asked>,
        incoming: Result<Incoming, WebSocketError>,
    ) -> Option<String> {
        match incoming {
            Ok(Incoming::Frame(frame)) => self.read(dispatch, asked, &frame),
            Ok(Incoming::Silent { silence }) => {
                Some(format!("silent for {} ms", silence.as_millis()))
            }
            Err(error) => Some(error.to_string()),
        }
    }

    /// Reads one frame; returns why the connection must end, if it must. One bad frame never ends it,
    /// but the books cannot know whether it was theirs (F109, F80: the next change will tell).
    fn read(
        &self,
        dispatch: &mut Dispatch,
        asked: &mut Vec<Asked>,
        frame: &Frame,
    ) -> Option<String> {
        let venue = self.feed.hub.venue();
        match self.feed.desk.adapter().read_public(&frame.payload) {
            Ok(PublicFrame::Confirmed { id }) => {
                if let Some(at) = asked.iter().position(|asked| asked.frame.id == id) {
                    let asked = asked.swap_remove(at);
                    debug!(%venue, subscribe = asked.subscribe, topics = asked.frame.topics.len(), "confirmed");
                }
            }
            Ok(PublicFrame::Refused { error, .. }) => {
                return Some(format!("a subscription was refused: {error}"));
            }
            Ok(PublicFrame::Shutdown) => return Some("the venue is about to close it".to_owned()),
            Ok(PublicFrame::Ignored { .. }) => metrics::frame(venue, "ignored"),
            Ok(frame_read) => {
                dispatch.on_frame(&frame_read, desk::nanos(frame.received_time));
            }
            Err(error) => {
                metrics::frame(venue, "unreadable");
                warn!(%venue, %error, bytes = frame.payload.len(), "public frame not read");
            }
        }
        None
    }

    fn age_max(&self) -> Duration {
        // Leaves before the venue throws us out, by a random part so that lines do not leave at once.
        let most = self.feed.desk.adapter().stream_rules().connection_age_max;
        most.mul_f64(chance::between(0.9..=0.98))
    }

    /// Marks everything that this line carries stale.
    fn stale(&self) {
        let boards = self.feed.hub.boards().borrow().clone();
        let carried = self.wanted.borrow().clone();
        for topic in carried {
            let Some(board) = boards.get(topic.symbol.as_str()) else {
                continue;
            };
            match topic.channel {
                chimera_venue::Channel::Depth => {
                    if let Some(book) = &board.book {
                        book.publish(|book, _| book.stale(StaleReason::Disconnected));
                    }
                }
                chimera_venue::Channel::Quote => {
                    if let Some(ticker) = &board.ticker {
                        ticker.publish(|ticker, seq| ticker.stale(seq));
                    }
                }
                _ => {}
            }
        }
    }
}
