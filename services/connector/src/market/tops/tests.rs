use super::*;
use crate::scale::tests::instrument;

const STALE_AFTER: Duration = Duration::from_secs(6);

fn level(price: &str) -> Option<PriceLevel> {
    Some(PriceLevel {
        price: price.parse().unwrap(),
        quantity: "1.5".parse().unwrap(),
    })
}

fn top(bid: Option<PriceLevel>, ask: Option<PriceLevel>, update_id: u64) -> Top {
    let instrument = instrument("0.01", "0.1");
    let quote = Quote {
        venue: instrument.venue,
        symbol: instrument.symbol,
        bid,
        ask,
        update_id: Some(update_id),
        venue_time: None,
    };
    Top {
        quote,
        received: UnixNanos::EPOCH,
        lag: Duration::ZERO,
        generation: 1,
    }
}

fn connected(now: Instant) -> Tops {
    let mut tops = Tops::new(STALE_AFTER);
    tops.connected(1, now);
    tops
}

fn view(tops: &Tops, now: Instant) -> pb::TopOfBook {
    tops.view(&instrument("0.01", "0.1"), 1, now).unwrap()
}

#[test]
fn a_fresh_quote_is_served_in_steps() {
    let now = Instant::now();
    let mut tops = connected(now);
    assert!(tops.put(top(level("142.35"), level("142.36"), 1)));
    let view = view(&tops, now);
    assert_eq!(
        (view.bid_ticks, view.ask_ticks),
        (Some(14_235), Some(14_236))
    );
    assert_eq!((view.bid_lots, view.ask_lots), (15, 15));
    assert!(!view.stale);
}

#[test]
fn a_crossed_an_empty_and_a_nonsensical_book_are_stale() {
    let now = Instant::now();
    for (bid, ask) in [
        (level("142.36"), level("142.35")),
        (level("142.36"), level("142.36")),
        (None, level("142.36")),
        (level("142.35"), None),
        (level("0"), level("142.36")),
        (level("-1"), level("142.36")),
        (level("142.355"), level("142.36")),
    ] {
        let mut tops = connected(now);
        tops.put(top(bid, ask, 1));
        assert!(view(&tops, now).stale, "{bid:?} {ask:?}");
    }
}

#[test]
fn f087_a_silent_connection_is_stale_until_somebody_vouches_for_it() {
    let start = Instant::now();
    let mut tops = connected(start);
    tops.put(top(level("142.35"), level("142.36"), 1));
    let later = start + STALE_AFTER + Duration::from_millis(1);
    assert!(view(&tops, later).stale);
    tops.vouch(1, later);
    assert!(!view(&tops, later).stale);
}

#[test]
fn f089_a_quote_that_lags_behind_the_venue_is_stale_however_new_it_looks() {
    let now = Instant::now();
    let mut tops = connected(now);
    tops.put(Top {
        lag: LAG_MAX + Duration::from_millis(1),
        ..top(level("142.35"), level("142.36"), 1)
    });
    assert!(view(&tops, now).stale);
}

#[test]
fn f091_an_older_quote_never_replaces_a_newer_one() {
    let now = Instant::now();
    let mut tops = connected(now);
    assert!(tops.put(top(level("142.35"), level("142.36"), 9)));
    assert!(!tops.put(top(level("1"), level("2"), 8)));
    assert_eq!(view(&tops, now).bid_ticks, Some(14_235));
}

#[test]
fn f103_quotes_of_an_ended_connection_are_dropped_and_a_new_one_counts_anew() {
    let now = Instant::now();
    let mut tops = connected(now);
    tops.put(top(level("142.35"), level("142.36"), 900));
    tops.disconnected(1);
    assert!(!tops.put(top(level("142.37"), level("142.38"), 901)));
    assert!(view(&tops, now).stale);

    tops.connected(2, now);
    assert!(view(&tops, now).stale);
    assert!(tops.put(Top {
        generation: 2,
        ..top(level("142.40"), level("142.41"), 1)
    }));
    assert!(!view(&tops, now).stale);
    tops.disconnected(1);
    assert!(!view(&tops, now).stale);
}
