//! Recorded streams rebuilt into books, checked against what the venue said of the touch.

use std::collections::HashMap;
use std::path::Path;

use chimera_model::book::{BookState, BookSync, Delta, Level, SyncOutcome};
use chimera_model::market::PriceLevel;
use serde_json::Value;

use super::{answered, instrument, recorded_folder, venue};
use crate::PublicFrame;

/// What a replay did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    applied: usize,
    gaps: usize,
    quotes_compared: usize,
    quotes_wrong: usize,
}

/// One book a symbol, fed by frames, and its touch at each update id.
#[derive(Default)]
struct Replay {
    books: HashMap<String, BookSync>,
    touches: HashMap<(String, u64), (Option<Level>, Option<Level>)>,
    quotes: Vec<(String, u64, Option<PriceLevel>, Option<PriceLevel>)>,
    tally: Tally,
}

impl Replay {
    fn book(&mut self, symbol: &str) -> &mut BookSync {
        let rule = venue().sequence_rule();
        self.books
            .entry(symbol.to_owned())
            .or_insert_with(|| BookSync::new(rule, 0))
    }

    fn snapshot(&mut self, symbol: &str, body: &str) {
        let call = venue().depth(&instrument(symbol), 1_000);
        let snapshot = answered(&call, 200, body).unwrap();
        let outcome = self.book(symbol).on_snapshot(&snapshot.as_snapshot());
        assert_eq!(outcome, SyncOutcome::Updated, "{symbol}");
        self.note(symbol);
    }

    fn frame(&mut self, text: &str) {
        let venue = venue();
        match venue.read_public(text.as_bytes()).unwrap() {
            PublicFrame::Depth(depth) => {
                let (mut bids, mut asks) = (Vec::new(), Vec::new());
                let instrument = instrument(depth.symbol);
                depth.bids.read_into(&instrument, &mut bids).unwrap();
                depth.asks.read_into(&instrument, &mut asks).unwrap();
                let delta = Delta {
                    first_update_id: depth.first_update_id,
                    last_update_id: depth.last_update_id,
                    previous_update_id: depth.previous_update_id,
                    bids: &bids,
                    asks: &asks,
                    venue_time: Some(depth.venue_time),
                };
                match self.book(depth.symbol).on_delta(&delta) {
                    SyncOutcome::Updated => self.tally.applied += 1,
                    SyncOutcome::NeedSnapshot(_) => self.tally.gaps += 1,
                    SyncOutcome::Buffered | SyncOutcome::Unchanged => {}
                }
                self.note(depth.symbol);
            }
            PublicFrame::Quote(quote) => {
                let id = quote.update_id.unwrap();
                self.quotes
                    .push((quote.symbol.to_owned(), id, quote.bid, quote.ask));
            }
            _ => {}
        }
    }

    fn note(&mut self, symbol: &str) {
        let book = self.books[symbol].book();
        if book.state() == BookState::Live {
            let touch = (book.best_bid(), book.best_ask());
            self.touches
                .insert((symbol.to_owned(), book.last_update_id()), touch);
        }
    }

    /// Compares each quote with the book at the very same update id.
    fn finish(mut self) -> Tally {
        let shown = |level: Option<Level>, symbol: &str| {
            let instrument = instrument(symbol);
            level.map(|level| PriceLevel {
                price: instrument.book_price(level.price).unwrap(),
                quantity: instrument.book_quantity(level.quantity).unwrap(),
            })
        };
        for (symbol, id, bid, ask) in std::mem::take(&mut self.quotes) {
            if let Some(touch) = self.touches.get(&(symbol.clone(), id)) {
                self.tally.quotes_compared += 1;
                let same = (shown(touch.0, &symbol), shown(touch.1, &symbol)) == (bid, ask);
                self.tally.quotes_wrong += usize::from(!same);
            }
        }
        self.tally
    }
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join("venues/binance").join(name)).unwrap()
}

#[test]
fn f082_a_recorded_session_rebuilds_every_book_to_the_touch() {
    let Some(folder) = recorded_folder() else {
        return;
    };
    let text = read(&folder, "cryptofeed/usdm_session_20210722_sushi_akro.jsonl");
    let mut replay = Replay::default();
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let data = entry["data"].as_str().unwrap_or_default();
        match entry["t"].as_str() {
            Some("http") => {
                let url = entry["url"].as_str().unwrap();
                let symbol = url
                    .split("symbol=")
                    .nth(1)
                    .unwrap()
                    .split('&')
                    .next()
                    .unwrap();
                replay.snapshot(symbol, data);
            }
            Some("recv") => replay.frame(data),
            _ => {}
        }
    }
    let tally = replay.finish();
    println!("{tally:?}");
    assert!(
        tally.applied > 400 && tally.quotes_compared > 15,
        "{tally:?}"
    );
    assert_eq!((tally.gaps, tally.quotes_wrong), (0, 0), "{tally:?}");
}

#[test]
fn f081_a_recorded_market_splices_and_matches_the_touch() {
    let Some(folder) = recorded_folder() else {
        return;
    };
    let text = read(&folder, "hftbacktest/usdm_btcusdt_20240808_first600.ndjson");
    let mut replay = Replay::default();
    for line in text.lines() {
        let (_, frame) = line.split_once(' ').unwrap();
        if frame.starts_with("{\"lastUpdateId\"") {
            replay.snapshot("BTCUSDT", frame);
        } else {
            replay.frame(frame);
        }
    }
    let tally = replay.finish();
    println!("{tally:?}");
    assert!(tally.applied > 30, "{tally:?}");
    assert_eq!((tally.gaps, tally.quotes_wrong), (0, 0), "{tally:?}");
}

#[test]
fn f080_a_frame_left_out_of_a_recording_is_found_at_once() {
    let Some(folder) = recorded_folder() else {
        return;
    };
    let text = read(&folder, "hftbacktest/usdm_btcusdt_20240808_first600.ndjson");
    let frames: Vec<&str> = text
        .lines()
        .filter_map(|line| Some(line.split_once(' ')?.1))
        .collect();
    let snapshot = frames
        .iter()
        .find(|frame| frame.starts_with("{\"lastUpdateId\""))
        .unwrap();
    let deltas: Vec<&&str> = frames
        .iter()
        .filter(|frame| frame.contains("depthUpdate"))
        .collect();
    let mut replay = Replay::default();
    for delta in &deltas[..20] {
        replay.frame(delta);
    }
    replay.snapshot("BTCUSDT", snapshot);
    assert_eq!(replay.tally.gaps, 0);
    // Number 20 is left out.
    replay.frame(deltas[21]);
    assert_eq!(replay.tally.gaps, 1);
    assert!(matches!(
        replay.books["BTCUSDT"].book().state(),
        BookState::Stale(_)
    ));
}
