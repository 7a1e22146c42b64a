use chimera_model::{
    Decimal, Side, UnixNanos,
    market::{Bar, BarInterval, Trade},
};
use proptest::prelude::*;

use super::BarBuilder;

const MINUTE: i64 = 60_000;

fn at(millis: i64) -> UnixNanos {
    UnixNanos::from_millis_any_age(1_700_000_040_000 + millis).unwrap()
}

fn builder() -> BarBuilder {
    BarBuilder::new(
        "binance-usdm".parse().unwrap(),
        "SOL-USDT-PERP".parse().unwrap(),
        BarInterval::OneMinute,
        at(-1),
    )
}

fn trade(millis: i64, price: i64, quantity: i64) -> Trade {
    Trade {
        venue: "binance-usdm".parse().unwrap(),
        symbol: "SOL-USDT-PERP".parse().unwrap(),
        trade_id: "1".parse().unwrap(),
        price: Decimal::from(price),
        quantity: Decimal::from(quantity),
        taker_side: Side::Buy,
        venue_time: at(millis),
    }
}

fn shape(bar: &Bar) -> (u64, String, bool) {
    let prices =
        [bar.open, bar.high, bar.low, bar.close, bar.volume].map(|number| number.to_string());
    (bar.open_time.as_millis(), prices.join(" "), bar.closed)
}

#[test]
fn a_bar_holds_first_highest_lowest_last_and_sum() {
    let mut builder = builder();
    builder.on_trade(&trade(0, 10, 1)).unwrap();
    builder.on_trade(&trade(5, 12, 2)).unwrap();
    builder.on_trade(&trade(9, 8, 3)).unwrap();
    let changed = builder.on_trade(&trade(59_999, 9, 4)).unwrap();
    assert_eq!(changed.len(), 1);
    assert_eq!(
        shape(&changed[0]),
        (at(0).as_millis(), "10 12 8 9 10".to_owned(), false)
    );
    assert_eq!(changed[0].quote_volume.to_string(), "94");
    assert_eq!(changed[0].trades, 4);
}

#[test]
fn a_trade_of_the_next_minute_closes_the_bar_and_quiet_minutes_between() {
    let mut builder = builder();
    builder.on_trade(&trade(0, 10, 1)).unwrap();
    let changed = builder.on_trade(&trade(3 * MINUTE, 11, 1)).unwrap();
    let shapes: Vec<_> = changed.iter().map(shape).collect();
    assert_eq!(
        shapes,
        [
            (at(0).as_millis(), "10 10 10 10 1".to_owned(), true),
            (at(MINUTE).as_millis(), "10 10 10 10 0".to_owned(), true),
            (at(2 * MINUTE).as_millis(), "10 10 10 10 0".to_owned(), true),
            (
                at(3 * MINUTE).as_millis(),
                "11 11 11 11 1".to_owned(),
                false
            ),
        ]
    );
}

#[test]
fn time_alone_closes_a_bar() {
    let mut builder = builder();
    builder.on_trade(&trade(0, 10, 1)).unwrap();
    assert!(builder.on_time(at(MINUTE - 1)).is_empty());
    let changed = builder.on_time(at(MINUTE));
    assert!(changed[0].closed && !changed[1].closed);
}

#[test]
fn trades_from_before_the_first_whole_bar_are_the_venues_to_count() {
    let mut builder = builder();
    assert!(builder.on_trade(&trade(-1, 10, 1)).unwrap().is_empty());
    assert!(builder.current().is_none());
}

#[test]
fn a_trade_that_comes_after_its_bar_was_closed_changes_nothing() {
    let mut builder = builder();
    builder.on_trade(&trade(0, 10, 1)).unwrap();
    builder.on_trade(&trade(MINUTE, 11, 1)).unwrap();
    assert!(builder.on_trade(&trade(30_000, 99, 1)).unwrap().is_empty());
    assert_eq!(builder.current().unwrap().high.to_string(), "11");
}

proptest! {
    /// Whatever the trades, closed bars hold all of them that are in order, and nothing else.
    #[test]
    fn volume_is_conserved(
        steps in proptest::collection::vec((0_i64..90_000, 1_i64..1_000, 1_i64..50), 1..80),
    ) {
        let mut builder = builder();
        let mut now = 0;
        let mut bars = std::collections::BTreeMap::new();
        let mut total = 0;
        for (step, price, quantity) in steps {
            now += step;
            total += quantity;
            for bar in builder.on_trade(&trade(now, price, quantity)).unwrap() {
                bars.insert(bar.open_time.as_nanos(), bar);
            }
        }
        let sum = bars.values().fold(Decimal::ZERO, |sum, bar| sum.checked_add(bar.volume).unwrap());
        prop_assert_eq!(sum, Decimal::from(total));
        for bar in bars.values() {
            prop_assert!(bar.low <= bar.open && bar.open <= bar.high);
            prop_assert!(bar.low <= bar.close && bar.close <= bar.high);
        }
    }
}
