//! From a frame to the topics it changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chimera_model::{UnixNanos, book::StaleReason, market::Trade};
use chimera_venue::{BarQuery, DepthFrame, DepthSnapshot, PublicFrame, TradeFrame};
use tokio::sync::mpsc;
use tracing::warn;

use super::{Feed, line::Fetched};
use crate::{
    books::Step,
    error::MarketDataError,
    hub::{Board, Boards},
    metrics,
};

/// Between two snapshots of one book: a venue that is slow to show a snapshot new enough must not be
/// asked in a loop.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(500);
/// How long after its end the venue's word on a bar is asked for: its own books close first.
const BAR_SETTLE: Duration = Duration::from_secs(2);

/// Hands frames to topics, and asks for the snapshots they need.
pub(super) struct Dispatch {
    feed: Arc<Feed>,
    boards: Arc<Boards>,
    snapshots: mpsc::Sender<Fetched>,
    frames: metrics::Frames,
    /// Books whose snapshot is under way.
    fetching: BTreeSet<String>,
    /// When the venue's word on a first bar is asked for next, by topic.
    first_bars: BTreeMap<String, UnixNanos>,
}

impl Dispatch {
    pub(super) fn new(feed: Arc<Feed>, snapshots: mpsc::Sender<Fetched>) -> Self {
        Self {
            frames: metrics::Frames::of(feed.hub.venue()),
            feed,
            boards: Arc::default(),
            snapshots,
            fetching: BTreeSet::new(),
            first_bars: BTreeMap::new(),
        }
    }

    pub(super) fn set_boards(&mut self, boards: Arc<Boards>) {
        self.boards = boards;
    }

    pub(super) fn on_frame(&mut self, frame: &PublicFrame<'_>, received: UnixNanos) {
        let venue = self.feed.hub.venue();
        let boards = self.boards.clone();
        let board = |symbol: &str| boards.get(symbol);
        match frame {
            PublicFrame::Depth(depth) => {
                self.frames.depth.increment(1);
                if let Some(board) = board(depth.symbol) {
                    self.on_depth(board, depth, received);
                }
            }
            PublicFrame::Quote(quote) => {
                self.frames.quote.increment(1);
                if let Some(ticker) = board(quote.symbol).and_then(|board| board.ticker.as_ref()) {
                    ticker.publish(|ticker, seq| ticker.on_quote(quote, received, seq));
                }
            }
            PublicFrame::Ticker(day) => {
                self.frames.ticker.increment(1);
                if let Some(ticker) = board(day.symbol).and_then(|board| board.ticker.as_ref()) {
                    ticker.publish(|ticker, seq| ticker.on_day(day, received, seq));
                }
            }
            PublicFrame::Trade(trade) => {
                self.frames.trade.increment(1);
                if let Some(board) = board(trade.symbol) {
                    on_trade(board, trade, received);
                }
            }
            _ => metrics::frame(venue, "ignored"),
        }
    }

    fn on_depth(&mut self, board: &Board, depth: &DepthFrame<'_>, received: UnixNanos) {
        let Some(book) = &board.book else { return };
        let mut fetch = false;
        book.publish(|book, seq| match book.on_depth(depth, received, seq) {
            Ok(Step::Quiet) => {
                // Also asks when an earlier fetch failed.
                fetch = book.state() != chimera_model::book::BookState::Live;
                None
            }
            Ok(Step::Change(bytes)) => Some(bytes),
            Ok(Step::Fetch(change)) => {
                fetch = true;
                change
            }
            Err(error) => {
                warn!(symbol = depth.symbol, %error, "levels not read; the book is stale");
                fetch = true;
                book.stale(StaleReason::Malformed)
            }
        });
        if fetch {
            self.fetch(board, depth.symbol, Duration::ZERO);
        }
    }

    /// Fetches a book's snapshot unless one is under way.
    fn fetch(&mut self, board: &Board, symbol: &str, after: Duration) {
        let Some(instrument) = board.instrument.clone() else {
            return;
        };
        if !self.fetching.insert(symbol.to_owned()) {
            return;
        }
        metrics::resync(self.feed.hub.venue());
        let (feed, snapshots, symbol) =
            (self.feed.clone(), self.snapshots.clone(), symbol.to_owned());
        self.feed.tasks.spawn("book snapshot", async move {
            tokio::time::sleep(after).await;
            let call = feed
                .desk
                .adapter()
                .depth(&instrument, feed.config.book_depth);
            let answer = feed.desk.ask(&call).await;
            // The line that asked may be gone; then its books are stale and the next line asks anew.
            let _ = snapshots.send((symbol, answer)).await;
        });
    }

    pub(super) fn on_fetched(
        &mut self,
        symbol: &str,
        snapshot: Result<DepthSnapshot, MarketDataError>,
    ) {
        self.fetching.remove(symbol);
        let boards = self.boards.clone();
        let Some(board) = boards.get(symbol) else {
            return;
        };
        let Some(book) = &board.book else { return };
        let received = self.feed.desk.now();
        let mut again = false;
        match snapshot {
            Ok(snapshot) => {
                book.publish(
                    |book, seq| match book.on_snapshot(&snapshot, received, seq) {
                        Step::Change(bytes) => Some(bytes),
                        Step::Quiet => None,
                        Step::Fetch(change) => {
                            again = true;
                            change
                        }
                    },
                )
            }
            Err(error) => {
                warn!(venue = %self.feed.hub.venue(), symbol, %error, "snapshot not fetched");
                again = true;
            }
        }
        if again {
            self.fetch(board, symbol, SNAPSHOT_PAUSE);
        }
    }

    /// Closes bars by time, and asks for the venue's word on bars that began before we did.
    pub(super) fn on_time(&mut self, now: UnixNanos) {
        let boards = self.boards.clone();
        for board in boards.values() {
            for bars in board.bars.values() {
                bars.publish(|bars, _| bars.on_time(now));
                if bars.look(|bars, _| bars.awaits_first()) {
                    self.ask_first(board, bars, now);
                }
            }
        }
    }

    fn ask_first(
        &mut self,
        board: &Board,
        bars: &Arc<crate::topic::Topic<crate::tape::BarsState>>,
        now: UnixNanos,
    ) {
        let Some(instrument) = board.instrument.clone() else {
            return;
        };
        let (interval, begin) =
            bars.look(|bars, _| (bars.builder().interval(), bars.builder().begin()));
        let due = self.first_bars.entry(bars.key().text()).or_insert(now);
        if *due > now {
            return;
        }
        // Once now for the open bar, once after its end for the whole of it; again when that failed.
        let settled = begin.saturating_add(BAR_SETTLE);
        *due = if now < settled {
            settled
        } else {
            now.saturating_add(BAR_SETTLE)
        };
        let (feed, bars) = (self.feed.clone(), bars.clone());
        self.feed.tasks.spawn("first bar", async move {
            let query = BarQuery {
                interval,
                start: None,
                end: Some(begin),
                limit: 1,
            };
            let call = feed
                .desk
                .adapter()
                .bars(&instrument, &query, feed.desk.now());
            match feed.desk.ask(&call).await {
                Ok(fetched) => {
                    for bar in fetched {
                        bars.publish(|bars, _| bars.on_first(bar));
                    }
                }
                Err(error) => warn!(venue = %feed.hub.venue(), %error, "first bar not fetched"),
            }
        });
    }
}

fn on_trade(board: &Board, frame: &TradeFrame<'_>, received: UnixNanos) {
    // Trades outside the book (insurance fund, auto-deleveraging) are no market price.
    let Some(instrument) = board.instrument.as_ref().filter(|_| frame.on_book) else {
        return;
    };
    let Ok(trade_id) = frame.trade_id.to_string().parse() else {
        return;
    };
    let trade = Trade {
        venue: instrument.venue,
        symbol: instrument.symbol,
        trade_id,
        price: frame.price,
        quantity: frame.quantity,
        taker_side: frame.taker_side,
        venue_time: frame.venue_time,
    };
    if let Some(tape) = &board.trades {
        tape.publish(|tape, _| tape.on_trade(frame.trade_id, &trade, received));
    }
    for bars in board.bars.values() {
        bars.publish(|bars, _| {
            bars.on_trade(frame.trade_id, &trade)
                .unwrap_or_else(|error| {
                    warn!(symbol = frame.symbol, %error, "a trade does not fit its bar");
                    None
                })
        });
    }
}
