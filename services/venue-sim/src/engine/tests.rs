use std::collections::HashMap;

use proptest::prelude::*;

use super::{
    AccountId, Book, Disposition, Incoming, Maker, OrderId, Outcome, Owner, Price, Quantity,
    SelfTrade, Side, TimeInForce, notional,
};

fn price(whole: i64) -> Price {
    Price::from_raw(whole * 100_000_000)
}

fn quantity(whole: i64) -> Quantity {
    Quantity::from_raw(whole * 100_000_000)
}

fn limit(id: OrderId, owner: AccountId, side: Side, at: i64, much: i64) -> Incoming {
    Incoming {
        id,
        owner: Owner::Account(owner),
        side,
        limit: Some(price(at)),
        quantity: quantity(much),
        time_in_force: TimeInForce::GoodTillCancelled,
        self_trade: SelfTrade::Allow,
    }
}

fn makers(outcome: &Outcome) -> Vec<OrderId> {
    let id = |made: &super::Match| match made.maker {
        Maker::Order { id, .. } => Some(id),
        Maker::Ghost => None,
    };
    outcome.matches.iter().filter_map(id).collect()
}

#[test]
fn the_better_price_trades_first_and_the_earlier_order_at_one_price() {
    let mut book = Book::new(0);
    book.submit(limit(1, 1, Side::Sell, 102, 1));
    book.submit(limit(2, 2, Side::Sell, 101, 1));
    book.submit(limit(3, 3, Side::Sell, 101, 1));

    let outcome = book.submit(limit(4, 4, Side::Buy, 102, 3));

    assert_eq!(makers(&outcome), [2, 3, 1]);
    assert_eq!(outcome.matches[0].price, price(101));
    assert_eq!(outcome.disposition, Disposition::Filled);
}

#[test]
fn a_shrunk_order_keeps_its_place_in_the_queue() {
    let mut book = Book::new(0);
    book.submit(limit(1, 1, Side::Sell, 101, 5));
    book.submit(limit(2, 2, Side::Sell, 101, 5));

    assert!(book.shrink(1, quantity(2)));
    let outcome = book.submit(limit(3, 3, Side::Buy, 101, 3));

    assert_eq!(makers(&outcome), [1, 2]);
    assert_eq!(book.remaining(2), Some(quantity(4)));
}

#[test]
fn a_post_only_order_that_would_take_changes_nothing() {
    let mut book = Book::new(0);
    book.submit(limit(1, 1, Side::Sell, 101, 1));
    let before = book.sequence();

    let order = Incoming {
        time_in_force: TimeInForce::PostOnly,
        ..limit(2, 2, Side::Buy, 101, 1)
    };
    let outcome = book.submit(order);

    assert_eq!(outcome.disposition, Disposition::WouldTake);
    assert_eq!(book.sequence(), before);
}

#[test]
fn fill_or_kill_takes_all_or_nothing() {
    let mut book = Book::new(0);
    book.submit(limit(1, 1, Side::Sell, 101, 1));
    book.submit(limit(2, 1, Side::Sell, 102, 1));
    let kill = |id, at| Incoming {
        time_in_force: TimeInForce::FillOrKill,
        ..limit(id, 2, Side::Buy, at, 2)
    };

    assert_eq!(
        book.submit(kill(3, 101)).disposition,
        Disposition::NotFillable
    );
    assert_eq!(book.submit(kill(4, 102)).disposition, Disposition::Filled);
}

#[test]
fn immediate_or_cancel_never_rests() {
    let mut book = Book::new(0);
    book.submit(limit(1, 1, Side::Sell, 101, 1));

    let order = Incoming {
        time_in_force: TimeInForce::ImmediateOrCancel,
        ..limit(2, 2, Side::Buy, 101, 3)
    };
    let outcome = book.submit(order);

    assert_eq!(outcome.remaining, quantity(2));
    assert_eq!(outcome.disposition, Disposition::Expired);
    assert_eq!(book.best(Side::Buy), None);
}

#[test]
fn self_trades_are_prevented_as_the_order_says() {
    let meet = |mode| {
        let mut book = Book::new(0);
        book.submit(limit(1, 1, Side::Sell, 101, 1));
        book.submit(limit(2, 2, Side::Sell, 101, 1));
        let order = Incoming {
            self_trade: mode,
            ..limit(3, 1, Side::Buy, 101, 1)
        };
        let outcome = book.submit(order);
        (
            makers(&outcome),
            outcome.disposition,
            book.remaining(1).is_some(),
        )
    };

    assert_eq!(
        meet(SelfTrade::Allow),
        (vec![1], Disposition::Filled, false)
    );
    assert_eq!(
        meet(SelfTrade::ExpireMaker),
        (vec![2], Disposition::Filled, false)
    );
    assert_eq!(
        meet(SelfTrade::ExpireTaker),
        (vec![], Disposition::ExpiredOnSelf, true)
    );
    assert_eq!(
        meet(SelfTrade::ExpireBoth),
        (vec![], Disposition::ExpiredOnSelf, false)
    );
}

#[test]
fn an_order_waits_behind_recorded_liquidity_and_fills_when_the_tape_reaches_it() {
    let mut book = Book::new(0);
    book.set_ghost(Side::Buy, price(100), quantity(5));
    book.submit(limit(1, 1, Side::Buy, 100, 2));

    let early = book.tape(Side::Sell, price(100), quantity(4));
    assert_eq!((early.matches.len(), early.remaining), (0, quantity(4)));

    let due = book.tape(Side::Sell, price(100), quantity(2));
    assert_eq!(due.matches[0].quantity, quantity(1));
    assert_eq!(due.remaining, quantity(1));
    assert_eq!(book.remaining(1), Some(quantity(1)));
}

#[test]
fn an_order_that_the_tape_trades_through_is_filled_whole() {
    let mut book = Book::new(0);
    book.set_ghost(Side::Buy, price(100), quantity(50));
    book.submit(limit(1, 1, Side::Buy, 100, 2));

    let through = book.tape(Side::Sell, price(99), quantity(1));

    assert_eq!(through.matches[0].quantity, quantity(2));
    assert_eq!(through.matches[0].price, price(100));
    assert_eq!(book.remaining(1), None);
}

#[test]
fn a_recorded_book_that_reaches_an_order_fills_it_and_is_never_crossed() {
    let mut book = Book::new(0);
    book.set_ghost(Side::Sell, price(103), quantity(5));
    book.submit(limit(1, 1, Side::Buy, 101, 2));

    book.set_ghost_best(Side::Sell, price(100), quantity(1));
    let matches = book.uncross();

    assert_eq!(matches[0].quantity, quantity(1));
    assert_eq!(book.remaining(1), Some(quantity(1)));
    assert_eq!(book.best(Side::Buy), Some((price(101), quantity(1))));
    assert_eq!(book.best(Side::Sell), Some((price(103), quantity(5))));
}

#[test]
fn price_times_quantity_is_exact_at_the_edges() {
    let most = notional(
        Price::from_raw(452_976_400_000_000),
        Quantity::from_raw(100_000_000_000),
    );
    assert_eq!(most.to_string(), "4529764000");
    let least = notional(Price::from_raw(1), Quantity::from_raw(1));
    assert_eq!(least.to_string(), "0.0000000000000001");
}

#[test]
fn decimals_are_read_exactly_or_not_at_all() {
    let read = |text: &str| serde_json::from_str::<Price>(&format!("\"{text}\"")).ok();
    assert_eq!(read("61800.20"), Some(Price::from_raw(6_180_020_000_000)));
    assert_eq!(read("0.00000001000"), Some(Price::from_raw(1)));
    assert_eq!(read("-1.5"), Some(Price::from_raw(-150_000_000)));
    for bad in [
        "",
        ".",
        ".5",
        "1e3",
        "+1",
        " 1",
        "1 ",
        "0.000000001",
        "1_0",
        "92233720368.6",
    ] {
        assert_eq!(read(bad), None, "{bad:?}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Submit {
        owner: AccountId,
        side: Side,
        at: i64,
        much: i64,
        kind: u8,
    },
    Cancel(usize),
    Shrink(usize, i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let submit =
        (0..3u32, side, 95..106i64, 1..20i64, 0..6u8).prop_map(|(owner, side, at, much, kind)| {
            Step::Submit {
                owner,
                side,
                at,
                much,
                kind,
            }
        });
    let cancel = (0..50usize).prop_map(Step::Cancel);
    let shrink = (0..50usize, 1..20i64).prop_map(|(which, to)| Step::Shrink(which, to));
    prop::collection::vec(prop_oneof![8 => submit, 2 => cancel, 1 => shrink], 1..120)
}

/// Plays steps and returns the book with what went into it and what became of it.
struct Played {
    book: Book,
    outcomes: Vec<Outcome>,
    submitted: HashMap<OrderId, Quantity>,
    traded: HashMap<OrderId, Quantity>,
    gone: HashMap<OrderId, Quantity>,
}

fn play(steps: &[Step]) -> Played {
    let mut played = Played {
        book: Book::new(0),
        outcomes: Vec::new(),
        submitted: HashMap::new(),
        traded: HashMap::new(),
        gone: HashMap::new(),
    };
    let mut next: OrderId = 0;
    for step in steps {
        match step {
            Step::Submit {
                owner,
                side,
                at,
                much,
                kind,
            } => {
                next += 1;
                played.submit(next, *owner, *side, (*at, *much), *kind);
            }
            Step::Cancel(which) => {
                let id = *which as OrderId;
                if let Some(left) = played.book.cancel(id) {
                    *played.gone.entry(id).or_default() += left;
                }
            }
            Step::Shrink(which, to) => {
                let id = *which as OrderId;
                let before = played.book.remaining(id).unwrap_or_default();
                if played.book.shrink(id, quantity(*to)) {
                    *played.gone.entry(id).or_default() += before - quantity(*to);
                }
            }
        }
    }
    played
}

impl Played {
    fn submit(&mut self, id: OrderId, owner: AccountId, side: Side, at: (i64, i64), kind: u8) {
        let mut order = limit(id, owner, side, at.0, at.1);
        order.time_in_force = match kind {
            0 => TimeInForce::PostOnly,
            1 => TimeInForce::ImmediateOrCancel,
            2 => TimeInForce::FillOrKill,
            _ => TimeInForce::GoodTillCancelled,
        };
        if kind == 5 {
            order.self_trade = SelfTrade::ExpireMaker;
        }
        self.submitted.insert(id, order.quantity);
        let outcome = self.book.submit(order);
        for made in &outcome.matches {
            *self.traded.entry(id).or_default() += made.quantity;
            if let Maker::Order { id: maker, .. } = made.maker {
                *self.traded.entry(maker).or_default() += made.quantity;
            }
        }
        for (prevented, left) in &outcome.prevented {
            *self.gone.entry(*prevented).or_default() += *left;
        }
        if !matches!(
            outcome.disposition,
            Disposition::Rested | Disposition::Filled
        ) {
            *self.gone.entry(id).or_default() += outcome.remaining;
        }
        self.outcomes.push(outcome);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(raw in any::<i64>()) {
        prop_assume!(raw != i64::MIN);
        let price = Price::from_raw(raw);
        let text = serde_json::to_string(&price).unwrap();
        prop_assert_eq!(serde_json::from_str::<Price>(&text).unwrap(), price);
        prop_assert_eq!(Price::from_decimal(price.decimal()), Some(price));
    }

    #[test]
    fn every_unit_is_traded_or_left_or_gone(steps in steps()) {
        let played = play(&steps);
        for (id, quantity) in &played.submitted {
            let of = |map: &HashMap<OrderId, Quantity>| map.get(id).copied().unwrap_or_default();
            let left = played.book.remaining(*id).unwrap_or_default();
            prop_assert_eq!(of(&played.traded) + left + of(&played.gone), *quantity);
        }
    }

    #[test]
    fn the_book_is_never_crossed(steps in steps()) {
        let played = play(&steps);
        let bid = played.book.best(Side::Buy);
        let ask = played.book.best(Side::Sell);
        if let (Some((bid, _)), Some((ask, _))) = (bid, ask) {
            prop_assert!(bid < ask);
        }
    }

    #[test]
    fn trades_happen_at_the_makers_price_within_the_takers_limit(steps in steps()) {
        let played = play(&steps);
        let submits = steps.iter().filter_map(|step| match step {
            Step::Submit { side, at, .. } => Some((*side, price(*at))),
            _ => None,
        });
        for ((side, limit), outcome) in submits.zip(&played.outcomes) {
            let prices: Vec<Price> = outcome.matches.iter().map(|made| made.price).collect();
            let sorted = match side {
                Side::Buy => prices.is_sorted() && prices.iter().all(|at| *at <= limit),
                Side::Sell => {
                    prices.iter().rev().is_sorted() && prices.iter().all(|at| *at >= limit)
                }
            };
            prop_assert!(sorted);
        }
    }

    #[test]
    fn levels_follow_from_changes_and_numbers_rise(steps in steps()) {
        let mut played = play(&steps);
        let mut levels: HashMap<(Side, Price), Quantity> = HashMap::new();
        let mut last = 0;
        for change in played.book.take_changes() {
            prop_assert!(change.sequence > last);
            last = change.sequence;
            levels.insert((change.side, change.price), change.quantity);
        }
        levels.retain(|_, quantity| !quantity.is_zero());
        let mut standing: HashMap<(Side, Price), Quantity> = HashMap::new();
        for side in [Side::Buy, Side::Sell] {
            let depth = played.book.depth(side, usize::MAX);
            standing.extend(depth.into_iter().map(|(price, size)| ((side, price), size)));
        }
        prop_assert_eq!(levels, standing);
    }

    #[test]
    fn the_same_steps_give_the_same_book(steps in steps()) {
        let (one, other) = (play(&steps), play(&steps));
        prop_assert_eq!(one.outcomes, other.outcomes);
        prop_assert_eq!(one.book.sequence(), other.book.sequence());
    }
}
