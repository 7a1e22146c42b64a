//! Every topic of one venue, and which of them are wanted on the venue's streams.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use chimera_model::{Instrument, Symbol, UnixNanos, Venue, market::BarInterval};
use chimera_venue::{Channel, InstrumentTable, VenueAdapter};
use tokio::{sync::watch, time::Instant};

use crate::{
    bars::BarBuilder,
    books::BookState,
    tape::{BarsState, TapeState},
    tickers::TickerState,
    topic::{Followed, Key, Kind, Topic},
};

/// The topics of one instrument; those that nobody wanted yet are absent.
#[derive(Clone, Default)]
pub struct Board {
    /// The instrument with its current rules.
    pub instrument: Option<Arc<Instrument>>,
    /// The ticker.
    pub ticker: Option<Arc<Topic<TickerState>>>,
    /// The book.
    pub book: Option<Arc<Topic<BookState>>>,
    /// The trades.
    pub trades: Option<Arc<Topic<TapeState>>>,
    /// The bars, by interval.
    pub bars: BTreeMap<BarInterval, Arc<Topic<BarsState>>>,
}

/// Every board by the venue's own symbol. Replaced whole when a topic comes or goes.
pub type Boards = HashMap<String, Board>;

/// The topics of one venue.
pub struct Hub {
    venue: Venue,
    adapter: Arc<dyn VenueAdapter>,
    instruments: RwLock<Arc<InstrumentTable>>,
    boards: watch::Sender<Arc<Boards>>,
}

impl Hub {
    /// Returns a hub without topics.
    pub fn new(adapter: Arc<dyn VenueAdapter>) -> Self {
        let table = InstrumentTable::new(adapter.aliases().clone());
        Self {
            venue: adapter.venue(),
            adapter,
            instruments: RwLock::new(Arc::new(table)),
            boards: watch::Sender::new(Arc::default()),
        }
    }

    /// Returns the venue.
    pub fn venue(&self) -> Venue {
        self.venue
    }

    /// Returns the instruments as last read.
    pub fn instruments(&self) -> Arc<InstrumentTable> {
        self.instruments
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns the boards, and tells of every change of them.
    pub fn boards(&self) -> watch::Receiver<Arc<Boards>> {
        self.boards.subscribe()
    }

    /// Takes a new list of instruments; books whose scales changed begin anew (F68).
    pub fn refresh(&self, table: InstrumentTable) {
        let table = Arc::new(table);
        *self
            .instruments
            .write()
            .unwrap_or_else(PoisonError::into_inner) = table.clone();
        self.boards.send_modify(|boards| {
            let mut next = Boards::clone(boards);
            for (symbol, board) in &mut next {
                let Some(now) = table.by_venue_symbol(symbol) else {
                    continue;
                };
                let before = board.instrument.replace(now.clone());
                if before.is_some_and(|before| before.version != now.version)
                    && let Some(book) = &board.book
                {
                    book.publish(|book, _| book.rescale(now.clone()));
                }
            }
            *boards = Arc::new(next);
        });
    }

    /// Returns the ticker of an instrument, subscribing to it when nobody did.
    pub fn ticker(&self, instrument: &Arc<Instrument>) -> Arc<Topic<TickerState>> {
        self.board(instrument, |board, key| {
            let make = || Arc::new(Topic::new(key(Kind::Ticker), TickerState::new(instrument)));
            board.ticker.get_or_insert_with(make).clone()
        })
    }

    /// Returns the book of an instrument, subscribing to it when nobody did.
    pub fn book(&self, instrument: &Arc<Instrument>) -> Arc<Topic<BookState>> {
        let rule = self.adapter.sequence_rule();
        self.board(instrument, |board, key| {
            let make = || {
                Arc::new(Topic::new(
                    key(Kind::Book),
                    BookState::new(instrument.clone(), rule),
                ))
            };
            board.book.get_or_insert_with(make).clone()
        })
    }

    /// Returns the trades of an instrument, subscribing to them when nobody did.
    pub fn trades(&self, instrument: &Arc<Instrument>) -> Arc<Topic<TapeState>> {
        self.board(instrument, |board, key| {
            let make = || Arc::new(Topic::new(key(Kind::Trades), TapeState::default()));
            board.trades.get_or_insert_with(make).clone()
        })
    }

    /// Returns the bars of an instrument, building them from now on when nobody did.
    pub fn bars(
        &self,
        instrument: &Arc<Instrument>,
        interval: BarInterval,
        now: UnixNanos,
    ) -> Arc<Topic<BarsState>> {
        self.board(instrument, |board, key| {
            let make = || {
                let builder = BarBuilder::new(self.venue, instrument.symbol, interval, now);
                Arc::new(Topic::new(
                    key(Kind::Bars(interval)),
                    BarsState::new(builder),
                ))
            };
            board.bars.entry(interval).or_insert_with(make).clone()
        })
    }

    /// Returns the topic of a key as readers see it.
    pub fn followed(
        &self,
        instrument: &Arc<Instrument>,
        kind: Kind,
        now: UnixNanos,
    ) -> Arc<dyn Followed> {
        match kind {
            Kind::Ticker => self.ticker(instrument),
            Kind::Book => self.book(instrument),
            Kind::Trades => self.trades(instrument),
            Kind::Bars(interval) => self.bars(instrument, interval, now),
        }
    }

    /// Forgets topics that nobody used for `linger`, so that they are unsubscribed.
    pub fn sweep(&self, now: Instant, linger: std::time::Duration) {
        self.boards.send_if_modified(|boards| {
            let mut next = Boards::clone(boards);
            let mut swept = false;
            next.retain(|_, board| {
                swept |= drop_idle(&mut board.ticker, now, linger);
                swept |= drop_idle(&mut board.book, now, linger);
                swept |= drop_idle(&mut board.trades, now, linger);
                let before = board.bars.len();
                board.bars.retain(|_, bars| bars.idle(now) < linger);
                swept |= board.bars.len() != before;
                board.ticker.is_some()
                    || board.book.is_some()
                    || board.trades.is_some()
                    || !board.bars.is_empty()
            });
            if swept {
                *boards = Arc::new(next);
            }
            swept
        });
    }

    fn board<T>(
        &self,
        instrument: &Arc<Instrument>,
        find: impl FnOnce(&mut Board, &dyn Fn(Kind) -> Key) -> T,
    ) -> T {
        let symbol = instrument.venue_symbol.as_str();
        let key = |kind| key(self.venue, instrument.symbol, kind);
        let mut found = None;
        self.boards.send_if_modified(|boards| {
            let before = boards.get(symbol).cloned().unwrap_or_default();
            let mut board = before.clone();
            found = Some(find(&mut board, &key));
            if channels(&board) == channels(&before) && board.bars.len() == before.bars.len() {
                return false;
            }
            board.instrument = Some(instrument.clone());
            let mut next = Boards::clone(boards);
            next.insert(symbol.to_owned(), board);
            *boards = Arc::new(next);
            true
        });
        found.expect("the closure above runs exactly once")
    }
}

fn key(venue: Venue, symbol: Symbol, kind: Kind) -> Key {
    Key {
        venue,
        symbol,
        kind,
    }
}

fn drop_idle<S>(
    topic: &mut Option<Arc<Topic<S>>>,
    now: Instant,
    linger: std::time::Duration,
) -> bool {
    let idle = topic
        .as_ref()
        .is_some_and(|topic| topic.idle(now) >= linger);
    if idle {
        *topic = None;
    }
    idle
}

/// Returns which of the venue's channels a board needs.
pub fn channels(board: &Board) -> BTreeSet<Channel> {
    let mut wanted = BTreeSet::new();
    if board.ticker.is_some() {
        wanted.extend([Channel::Quote, Channel::Ticker]);
    }
    if board.book.is_some() {
        wanted.insert(Channel::Depth);
    }
    // One stream serves both: trades one by one, with the ids that the venue's list of trades has.
    if board.trades.is_some() || !board.bars.is_empty() {
        wanted.insert(Channel::Trades);
    }
    wanted
}
