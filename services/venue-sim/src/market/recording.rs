//! Reading a recorded market: receive time, a space, the frame as the venue sent it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use crate::engine::{Price, Quantity, Side};

/// The longest line accepted: a snapshot of a thousand levels has about sixty kilobytes.
const LINE_BYTES_MAX: usize = 1 << 20;

/// One recorded statement about a market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The whole book.
    Snapshot {
        /// The update id it holds.
        last: u64,
        /// Its levels.
        levels: Vec<(Side, Price, Quantity)>,
    },
    /// Absolute quantities of some levels.
    Depth {
        /// The first update id it holds.
        first: u64,
        /// The last update id it holds.
        last: u64,
        /// The last update id of the update before; none where the venue does not say.
        previous: Option<u64>,
        /// The levels.
        levels: Vec<(Side, Price, Quantity)>,
    },
    /// The best bid and ask.
    Best {
        /// The update id.
        last: u64,
        /// Price and quantity of the best bid.
        bid: (Price, Quantity),
        /// Price and quantity of the best ask.
        ask: (Price, Quantity),
    },
    /// A trade.
    Trade {
        /// The taker's side.
        aggressor: Side,
        /// The price.
        price: Price,
        /// The quantity.
        quantity: Quantity,
    },
}

/// A recorded market, in order of receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The venue's symbol, upper case.
    pub symbol: String,
    /// Milliseconds since the first record, and what was recorded.
    pub records: Vec<(u64, Record)>,
}

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be read.
    #[error("cannot read the recording: {0}")]
    Read(#[from] std::io::Error),
    /// A line is not what this format holds.
    #[error("line {line} of the recording is not understood: {reason}")]
    Line {
        /// Its number, from one.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no snapshot to begin from.
    #[error("the recording holds no book snapshot")]
    NoSnapshot,
}

#[derive(Deserialize)]
struct Snapshot {
    #[serde(rename = "lastUpdateId")]
    last: u64,
    bids: Vec<(Price, Quantity)>,
    asks: Vec<(Price, Quantity)>,
}

#[derive(Deserialize)]
struct Frame<T> {
    data: T,
}

#[derive(Deserialize)]
struct Depth {
    s: String,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    pu: Option<u64>,
    b: Vec<(Price, Quantity)>,
    a: Vec<(Price, Quantity)>,
}

#[derive(Deserialize)]
struct Best {
    s: String,
    u: u64,
    b: Price,
    #[serde(rename = "B")]
    bid_quantity: Quantity,
    a: Price,
    #[serde(rename = "A")]
    ask_quantity: Quantity,
}

#[derive(Deserialize)]
struct Trade {
    p: Price,
    q: Quantity,
    m: bool,
}

impl Recording {
    /// Reads a recording from a file, gzip or plain.
    ///
    /// # Errors
    /// Where the file cannot be read, a line is not understood, or no snapshot is in it.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let file = std::fs::File::open(path)?;
        if path.extension().is_some_and(|extension| extension == "gz") {
            Self::read(MultiGzDecoder::new(file))
        } else {
            Self::read(file)
        }
    }

    /// Reads a recording.
    ///
    /// Updates received before the snapshot that reach beyond it are kept and come right after
    /// it, as the venue's own rule for building a book demands.
    ///
    /// # Errors
    /// Where a line cannot be read or understood, or no snapshot is in it.
    pub fn read(source: impl Read) -> Result<Self, RecordingError> {
        let mut symbol = String::new();
        let mut records: Vec<(u64, Record)> = Vec::new();
        let mut reader = BufReader::new(source);
        let mut text = String::new();
        let mut number = 0;
        loop {
            text.clear();
            number += 1;
            if (&mut reader)
                .take(LINE_BYTES_MAX as u64)
                .read_line(&mut text)?
                == 0
            {
                break;
            }
            let bad = |reason: String| RecordingError::Line {
                line: number,
                reason,
            };
            let (time, frame) = text
                .trim_end()
                .split_once(' ')
                .ok_or_else(|| bad("no receive time".to_owned()))?;
            let time_ns: u64 = time.parse().map_err(|_| bad(format!("time {time:?}")))?;
            if let Some(record) = parse(frame, &mut symbol).map_err(bad)? {
                records.push((time_ns / 1_000_000, record));
            }
        }
        order(symbol, records)
    }
}

fn order(symbol: String, records: Vec<(u64, Record)>) -> Result<Recording, RecordingError> {
    let is_snapshot = |(_, record): &(u64, Record)| matches!(record, Record::Snapshot { .. });
    let at = records
        .iter()
        .position(is_snapshot)
        .ok_or(RecordingError::NoSnapshot)?;
    let begin = records[at].0;
    let held = match &records[at].1 {
        Record::Snapshot { last, .. } => *last,
        _ => 0,
    };
    let mut ordered = vec![(0, records[at].1.clone())];
    let early = records[..at].iter().filter(|(_, record)| match record {
        Record::Depth { last, .. } => *last >= held,
        _ => false,
    });
    ordered.extend(early.map(|(_, record)| (0, record.clone())));
    let later = records.into_iter().skip(at + 1);
    ordered.extend(later.map(|(time, record)| (time.saturating_sub(begin), record)));
    Ok(Recording {
        symbol,
        records: ordered,
    })
}

fn parse(frame: &str, symbol: &mut String) -> Result<Option<Record>, String> {
    if frame.starts_with("{\"lastUpdateId\"") {
        let snapshot: Snapshot = read(frame)?;
        let levels = levels(&snapshot.bids, &snapshot.asks);
        return Ok(Some(Record::Snapshot {
            last: snapshot.last,
            levels,
        }));
    }
    // The stream's name stands first in every frame, and says what the rest is.
    let stream = frame
        .strip_prefix("{\"stream\":\"")
        .and_then(|rest| rest.split('"').next());
    let stream = stream.ok_or("neither a snapshot nor a frame of a combined stream")?;
    match stream.split('@').nth(1) {
        Some("depth") => {
            let Frame { data } = read::<Frame<Depth>>(frame)?;
            let levels = levels(&data.b, &data.a);
            *symbol = data.s;
            let (first, last, previous) = (data.first, data.u, data.pu);
            Ok(Some(Record::Depth {
                first,
                last,
                previous,
                levels,
            }))
        }
        Some("bookTicker") => {
            let Frame { data } = read::<Frame<Best>>(frame)?;
            *symbol = data.s;
            let (bid, ask) = ((data.b, data.bid_quantity), (data.a, data.ask_quantity));
            Ok(Some(Record::Best {
                last: data.u,
                bid,
                ask,
            }))
        }
        Some("trade") => {
            let Frame { data } = read::<Frame<Trade>>(frame)?;
            let aggressor = if data.m { Side::Sell } else { Side::Buy };
            let (price, quantity) = (data.p, data.q);
            // Trades of the venue's insurance fund are printed at no price.
            Ok((!price.is_zero()).then_some(Record::Trade {
                aggressor,
                price,
                quantity,
            }))
        }
        _ => Ok(None),
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn levels(bids: &[(Price, Quantity)], asks: &[(Price, Quantity)]) -> Vec<(Side, Price, Quantity)> {
    let sided = |side: Side| move |(price, quantity): &(Price, Quantity)| (side, *price, *quantity);
    bids.iter()
        .map(sided(Side::Buy))
        .chain(asks.iter().map(sided(Side::Sell)))
        .collect()
}
