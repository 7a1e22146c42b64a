use std::collections::BTreeMap;
use std::time::Duration;

use chimera_model::account::PositionSide;
use chimera_model::position::{Outcome, Position, PositionKey};
use chimera_model::report::{Fill, FillKind, ReportSource};
use chimera_model::{
    Account, Asset, Decimal, Side, Symbol, TradeId, UnixNanos, Venue, VenueOrderId,
};
use tokio::time::Instant;

use super::*;
use crate::hub::Filter;

mod money;

const SETTLE: Duration = Duration::from_secs(5);

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn account() -> AccountKey {
    AccountKey {
        account: Account::new("main").unwrap(),
        venue: Venue::new("binance-usdm").unwrap(),
    }
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

fn key(text: &str) -> PositionKey {
    key_of(account(), symbol(text))
}

/// Time that runs by hand, alike on both clocks.
#[derive(Clone, Copy)]
struct Time {
    start: Instant,
}

impl Time {
    fn at(&self, seconds: u64) -> Moment {
        Moment {
            instant: self.start + Duration::from_secs(seconds),
            unix: unix(seconds),
        }
    }
}

fn unix(seconds: u64) -> UnixNanos {
    UnixNanos::from_nanos((1_723_075_200 + seconds) * 1_000_000_000)
}

fn buy(symbol_text: &str, number: u64, quantity: &str, matched: u64) -> Booking {
    let AccountKey { account, venue } = account();
    let fill = Fill {
        venue,
        account,
        symbol: symbol(symbol_text),
        trade_id: TradeId::new(&number.to_string()).unwrap(),
        venue_order_id: VenueOrderId::new("order").unwrap(),
        client_order_id: None,
        client_order_index: None,
        side: Side::Buy,
        position_side: PositionSide::Net,
        price: decimal("100"),
        quantity: decimal(quantity),
        fee: None,
        liquidity: None,
        realized_pnl: None,
        venue_time: unix(matched),
        kind: FillKind::Trade,
        source: ReportSource::Rest,
    };
    Booking {
        fill,
        inferred: false,
    }
}

fn word(symbol_text: &str, quantity: &str, said: Option<u64>) -> PositionWord {
    PositionWord {
        symbol: symbol(symbol_text),
        quantity: decimal(quantity),
        entry_price: Some(decimal("90")),
        mark_price: None,
        venue_time: said.map(unix),
    }
}

/// Holdings whose positions are built and whose venue said that it holds nothing.
fn flat() -> (Holdings, Time) {
    let time = Time {
        start: Instant::now(),
    };
    let mut holdings = Holdings::new(SETTLE, 3);
    holdings.replace(BTreeMap::new(), time.at(0)).unwrap();
    holdings
        .positions_stated(account(), &[], time.at(0), time.at(0))
        .unwrap();
    (holdings, time)
}

fn check_of(holdings: &Holdings, symbol: &str) -> CheckWord {
    holdings.position(&key(symbol)).unwrap().check.word()
}

fn quantity_of(holdings: &Holdings, symbol: &str) -> Decimal {
    holdings.position(&key(symbol)).unwrap().position.quantity()
}

const SOL: &str = "SOL-USDT-PERP";

#[test]
fn a_fill_settles_with_the_venues_word() {
    let (mut holdings, time) = flat();
    let (outcome, effects) = holdings.book(&buy(SOL, 1, "2", 1), time.at(1)).unwrap();
    assert!(matches!(outcome, Outcome::Booked(_)));
    assert!(effects.changed.contains(&Subject::Position(key(SOL))));
    assert_eq!(check_of(&holdings, SOL), CheckWord::Settling);
    assert!(
        effects.ask.contains(&account()),
        "the venue is asked at once"
    );

    let effects = holdings
        .position_stated(account(), word(SOL, "2", Some(1)), time.at(2))
        .unwrap();
    assert!(effects.changed.contains(&Subject::Position(key(SOL))));
    assert_eq!(check_of(&holdings, SOL), CheckWord::Agrees);
    assert_eq!(effects.notices, []);
}

/// The other order: the venue's word is here before the fill.
#[test]
fn a_venues_word_settles_with_the_fill() {
    let (mut holdings, time) = flat();
    holdings
        .position_stated(account(), word(SOL, "2", Some(1)), time.at(1))
        .unwrap();
    assert_eq!(check_of(&holdings, SOL), CheckWord::Settling);
    holdings.book(&buy(SOL, 1, "2", 1), time.at(2)).unwrap();
    assert_eq!(check_of(&holdings, SOL), CheckWord::Agrees);
    assert!(!holdings.position(&key(SOL)).unwrap().position.is_inferred());
}

#[test]
fn f104_a_difference_that_lasts_is_an_alert_and_stands_in_the_position() {
    let (mut holdings, time) = flat();
    holdings
        .position_stated(account(), word(SOL, "2", Some(1)), time.at(1))
        .unwrap();
    assert_eq!(holdings.tick(time.at(5)), Effects::default());
    assert_eq!(check_of(&holdings, SOL), CheckWord::Settling);

    let effects = holdings.tick(time.at(6));

    let (here, venue) = (Decimal::ZERO, decimal("2"));
    assert_eq!(
        effects.notices,
        [Notice::Differs {
            key: key(SOL),
            here,
            venue
        }]
    );
    assert!(effects.changed.contains(&Subject::Position(key(SOL))));
    assert_eq!(check_of(&holdings, SOL), CheckWord::Differs);
    assert_eq!(
        quantity_of(&holdings, SOL),
        Decimal::ZERO,
        "drift is shown, never adopted"
    );
    assert_eq!(holdings.discrepancies(), 1);
    assert_eq!(
        holdings.tick(time.at(100)),
        Effects::default(),
        "one alert, not a flood"
    );

    let (_, effects) = holdings.book(&buy(SOL, 1, "2", 1), time.at(101)).unwrap();
    assert_eq!(effects.notices, [Notice::Agrees { key: key(SOL) }]);
    assert_eq!(holdings.discrepancies(), 0);
}

/// While both sides move, differences come and go; what never agrees is an alert all the same.
#[test]
fn f104_a_difference_that_keeps_changing_is_an_alert_in_the_end() {
    let (mut holdings, time) = flat();
    let mut alerted_at = None;
    for second in 1..100 {
        let stated = word(SOL, &second.to_string(), Some(second));
        let effects = holdings
            .position_stated(account(), stated, time.at(second))
            .unwrap();
        if !effects.notices.is_empty() {
            alerted_at = Some(second);
            break;
        }
    }
    assert_eq!(alerted_at, Some(61));
}

#[test]
fn f091_an_older_word_of_the_venue_changes_nothing() {
    let (mut holdings, time) = flat();
    holdings.book(&buy(SOL, 1, "2", 5), time.at(5)).unwrap();
    holdings
        .position_stated(account(), word(SOL, "2", Some(5)), time.at(6))
        .unwrap();
    // By the venue's own time.
    let effects = holdings
        .position_stated(account(), word(SOL, "1", Some(4)), time.at(7))
        .unwrap();
    assert_eq!(effects, Effects::default());
    // An answer that was asked for before the event came.
    let effects = holdings
        .positions_stated(account(), &[], time.at(5), time.at(8))
        .unwrap();
    assert_eq!(effects, Effects::default());
    assert_eq!(check_of(&holdings, SOL), CheckWord::Agrees);
    // One that was asked for later counts: the venue names no position any more.
    holdings
        .positions_stated(account(), &[], time.at(9), time.at(9))
        .unwrap();
    assert_eq!(check_of(&holdings, SOL), CheckWord::Settling);
}

/// The venue's clock was set back after it spoke: what it says now bears an older date.
#[test]
fn f117_a_venues_clock_that_was_set_back_hides_nothing_for_long() {
    let (mut holdings, time) = flat();
    holdings.book(&buy(SOL, 1, "2", 18), time.at(10)).unwrap();
    holdings
        .position_stated(account(), word(SOL, "2", Some(18)), time.at(10))
        .unwrap();
    holdings.book(&buy(SOL, 2, "1", 11), time.at(11)).unwrap();
    let mut check_after_answer = |asked, said| {
        let words = [word(SOL, "3", Some(said))];
        holdings
            .positions_stated(account(), &words, time.at(asked), time.at(asked))
            .unwrap();
        check_of(&holdings, SOL)
    };
    // Soon after the known word an answer may still come from a copy that trails the stream.
    assert_eq!(check_after_answer(14, 11), CheckWord::Settling);
    assert_eq!(check_after_answer(15, 11), CheckWord::Agrees);
}

/// The venue's clock is behind ours: its event is later than our question all the same.
#[test]
fn f117_a_slow_clock_of_the_venue_hides_no_event() {
    let (mut holdings, time) = flat();
    holdings
        .positions_stated(account(), &[], time.at(50), time.at(50))
        .unwrap();
    holdings.book(&buy(SOL, 1, "2", 1), time.at(51)).unwrap();
    holdings
        .position_stated(account(), word(SOL, "2", Some(1)), time.at(52))
        .unwrap();
    assert_eq!(check_of(&holdings, SOL), CheckWord::Agrees);
}

#[test]
fn f048_an_opening_from_before_the_records_is_taken_from_the_venue() {
    let time = Time {
        start: Instant::now(),
    };
    let mut holdings = Holdings::new(SETTLE, 3);
    holdings.replace(BTreeMap::new(), time.at(0)).unwrap();
    let stated = [word(SOL, "4", Some(0))];
    holdings
        .positions_stated(account(), &stated, time.at(1), time.at(1))
        .unwrap();
    // Not at once: fills of before may be on their way.
    assert_eq!(check_of(&holdings, SOL), CheckWord::Settling);
    assert_eq!(quantity_of(&holdings, SOL), Decimal::ZERO);

    let effects = holdings.tick(time.at(6));

    let (here, venue) = (Decimal::ZERO, decimal("4"));
    assert_eq!(
        effects.notices,
        [Notice::OpeningInferred {
            key: key(SOL),
            here,
            venue
        }]
    );
    let holding = holdings.position(&key(SOL)).unwrap();
    assert!(holding.position.is_inferred());
    assert_eq!(holding.check, Check::Agrees);
    let value = holding.position.valuation(None).unwrap();
    assert_eq!(
        (quantity_of(&holdings, SOL), value.average_price),
        (venue, Some(decimal("90")))
    );
    // Once only: what differs from now on is drift.
    holdings
        .position_stated(account(), word(SOL, "5", Some(7)), time.at(7))
        .unwrap();
    let effects = holdings.tick(time.at(12));
    assert!(matches!(effects.notices[..], [Notice::Differs { .. }]));
}

/// The stream's word agreed before the venue named all positions; what differs then is drift.
#[test]
fn f048_what_agreed_once_is_never_inferred() {
    let time = Time {
        start: Instant::now(),
    };
    let mut holdings = Holdings::new(SETTLE, 3);
    holdings.replace(BTreeMap::new(), time.at(0)).unwrap();
    holdings.book(&buy(SOL, 1, "2", 1), time.at(1)).unwrap();
    holdings
        .position_stated(account(), word(SOL, "2", Some(1)), time.at(2))
        .unwrap();
    assert_eq!(check_of(&holdings, SOL), CheckWord::Agrees);
    holdings
        .positions_stated(account(), &[], time.at(3), time.at(3))
        .unwrap();
    let effects = holdings.tick(time.at(8));
    assert!(matches!(effects.notices[..], [Notice::Differs { .. }]));
    assert_eq!(quantity_of(&holdings, SOL), decimal("2"));
}

/// The fills of the opening were only slow: nothing is inferred.
#[test]
fn f048_a_fill_that_comes_in_time_leaves_nothing_to_infer() {
    let time = Time {
        start: Instant::now(),
    };
    let mut holdings = Holdings::new(SETTLE, 3);
    holdings.replace(BTreeMap::new(), time.at(0)).unwrap();
    let stated = [word(SOL, "4", Some(0))];
    holdings
        .positions_stated(account(), &stated, time.at(1), time.at(1))
        .unwrap();
    holdings.book(&buy(SOL, 1, "4", 0), time.at(2)).unwrap();
    assert_eq!(check_of(&holdings, SOL), CheckWord::Agrees);
    assert_eq!(holdings.tick(time.at(60)), Effects::default());
    assert!(!holdings.position(&key(SOL)).unwrap().position.is_inferred());
}

/// A word from before the newest fill says nothing of what came after; a newer one is awaited.
#[test]
fn f048_an_outdated_word_is_no_opening() {
    let time = Time {
        start: Instant::now(),
    };
    let mut holdings = Holdings::new(SETTLE, 3);
    let mut position = Position::new(key(SOL)).unwrap();
    position.book(&buy(SOL, 1, "1", 10).fill).unwrap();
    holdings
        .replace(BTreeMap::from([(key(SOL), position)]), time.at(11))
        .unwrap();
    let old = [word(SOL, "4", Some(9))];
    holdings
        .positions_stated(account(), &old, time.at(12), time.at(12))
        .unwrap();
    assert_eq!(holdings.tick(time.at(18)).notices, []);
    assert_eq!(quantity_of(&holdings, SOL), Decimal::ONE);
    holdings
        .position_stated(account(), word(SOL, "5", Some(10)), time.at(20))
        .unwrap();
    let effects = holdings.tick(time.at(25));
    assert!(matches!(
        effects.notices[..],
        [Notice::OpeningInferred { .. }]
    ));
    assert_eq!(quantity_of(&holdings, SOL), decimal("5"));
}

/// Positions are built anew: what was inferred is judged anew, what the venue said stays.
#[test]
fn f124_building_twice_gives_the_same_positions() {
    let (mut holdings, time) = flat();
    holdings.book(&buy(SOL, 1, "2", 1), time.at(1)).unwrap();
    holdings
        .position_stated(account(), word(SOL, "2", Some(1)), time.at(1))
        .unwrap();
    holdings
        .book(&buy("BTC-USDT-PERP", 2, "1", 2), time.at(2))
        .unwrap();
    for second in 3..5 {
        let mut position = Position::new(key(SOL)).unwrap();
        position.book(&buy(SOL, 1, "2", 1).fill).unwrap();
        let built = BTreeMap::from([(key(SOL), position)]);
        let effects = holdings.replace(built, time.at(second)).unwrap();
        assert_eq!(check_of(&holdings, SOL), CheckWord::Agrees);
        // A fill that the history does not have any more is not held on to.
        assert_eq!(quantity_of(&holdings, "BTC-USDT-PERP"), Decimal::ZERO);
        assert!(
            effects
                .changed
                .contains(&Subject::Position(key("BTC-USDT-PERP")))
        );
    }
}

#[test]
fn what_is_held_of_an_asset_itself_is_not_compared() {
    let (mut holdings, time) = flat();
    holdings
        .book(&buy("SOL-USDT", 1, "2", 1), time.at(1))
        .unwrap();
    assert_eq!(check_of(&holdings, "SOL-USDT"), CheckWord::NotCompared);
    assert_eq!(holdings.tick(time.at(100)).notices, []);
}

#[test]
fn before_the_history_is_read_nothing_is_judged() {
    let time = Time {
        start: Instant::now(),
    };
    let mut holdings = Holdings::new(SETTLE, 3);
    let stated = [word(SOL, "4", Some(0))];
    holdings
        .positions_stated(account(), &stated, time.at(1), time.at(1))
        .unwrap();
    assert_eq!(holdings.tick(time.at(100)).notices, []);
    assert_eq!(check_of(&holdings, SOL), CheckWord::NotCompared);
    let mut position = Position::new(key(SOL)).unwrap();
    position.book(&buy(SOL, 1, "4", 0).fill).unwrap();
    holdings
        .replace(BTreeMap::from([(key(SOL), position)]), time.at(101))
        .unwrap();
    assert_eq!(check_of(&holdings, SOL), CheckWord::Agrees);
}

#[test]
fn f087_an_age_is_that_of_the_newest_word() {
    let (mut holdings, time) = flat();
    holdings.book(&buy(SOL, 1, "2", 1), time.at(10)).unwrap();
    let age = |holdings: &Holdings, second| {
        let holding = holdings.position(&key(SOL)).unwrap();
        holdings
            .staleness_of(holding, time.at(second).instant)
            .unwrap()
            .as_secs()
    };
    assert_eq!(age(&holdings, 30), 20);
    holdings
        .position_stated(account(), word(SOL, "2", Some(1)), time.at(25))
        .unwrap();
    assert_eq!(age(&holdings, 30), 5);
    holdings.hear_fills(time.at(28).instant);
    assert_eq!(age(&holdings, 30), 2);
    let everybody = Filter::default();
    assert_eq!(
        holdings
            .staleness(&everybody, time.at(30).instant)
            .unwrap()
            .as_secs(),
        2
    );
    assert_eq!(
        Holdings::new(SETTLE, 3).staleness(&everybody, time.at(30).instant),
        None
    );
}
