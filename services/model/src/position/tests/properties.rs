//! Any sequence of fills against plain arithmetic with unbounded ratios.

use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;

use super::*;
use crate::position::{Marked, SHOWN_DECIMALS, totals};

/// Average cost as a textbook has it: quantity, cost and profit, each an unbounded ratio.
struct Textbook {
    quantity: BigRational,
    cost: BigRational,
    profit: BigRational,
}

fn zero() -> BigRational {
    BigRational::from_integer(BigInt::ZERO)
}

fn ratio(value: Decimal) -> BigRational {
    BigRational::new(value.mantissa().into(), BigInt::from(10).pow(value.scale()))
}

fn magnitude(value: &BigRational) -> BigRational {
    if *value < zero() {
        -value.clone()
    } else {
        value.clone()
    }
}

impl Textbook {
    fn new() -> Self {
        Self {
            quantity: zero(),
            cost: zero(),
            profit: zero(),
        }
    }

    fn book(&mut self, signed: &BigRational, price: &BigRational) {
        let against = (self.quantity > zero()) != (*signed > zero()) && self.quantity != zero();
        if !against {
            self.quantity += signed;
            self.cost += signed * price;
            return;
        }
        if magnitude(signed) > magnitude(&self.quantity) {
            let closing = -self.quantity.clone();
            self.book(&closing, price);
            self.book(&(signed - closing), price);
            return;
        }
        let share = -signed / &self.quantity;
        let released = &self.cost * &share;
        self.profit += -signed * price - &released;
        self.cost -= released;
        self.quantity += signed;
    }
}

/// A ratio at the decimals shown, half to even, by integer division.
fn shown_ratio(value: &BigRational) -> String {
    let unit = BigInt::from(10).pow(SHOWN_DECIMALS);
    let numerator: BigInt = value.numer() * &unit * 2;
    let denominator: BigInt = value.denom() * 2;
    let mut whole = &numerator / &denominator;
    let rest = &numerator - &whole * &denominator;
    let (low, half) = (rest.magnitude() * 2u32, denominator.magnitude().clone());
    if low > half || (low == half && whole.bit(0)) {
        whole += if numerator > BigInt::ZERO { 1 } else { -1 };
    }
    let mantissa = i128::try_from(whole).unwrap();
    Decimal::from_scaled(mantissa, SHOWN_DECIMALS)
        .unwrap()
        .to_string()
}

/// Lots of a thousandth, ticks of a hundredth, or both finer and wider.
fn fills() -> impl Strategy<Value = Vec<(bool, Decimal, Decimal)>> {
    let coarse = (any::<bool>(), 1..50_i64, 1..100_i64)
        .prop_map(|(buys, lots, ticks)| (buys, scaled(lots, 3), scaled(ticks, 2)));
    let fine = (any::<bool>(), 1..1_000_000_i64, 1..1_000_000_000_i64)
        .prop_map(|(buys, lots, ticks)| (buys, scaled(lots, 5), scaled(ticks, 6)));
    prop_oneof![
        prop::collection::vec(coarse, 1..60),
        prop::collection::vec(fine, 1..60),
    ]
}

fn scaled(value: i64, scale: u32) -> Decimal {
    Decimal::from_scaled(value, scale).unwrap()
}

fn book_all(fills: &[(bool, Decimal, Decimal)]) -> (Position, Textbook) {
    let (mut position, mut textbook) = (perpetual(), Textbook::new());
    for (number, (buys, quantity, price)) in (1..).zip(fills) {
        let side = if *buys { Side::Buy } else { Side::Sell };
        let fill = Fill {
            quantity: *quantity,
            price: *price,
            side,
            ..buy(number, "1", "1")
        };
        position.book(&fill).unwrap();
        let signed = if *buys {
            ratio(*quantity)
        } else {
            -ratio(*quantity)
        };
        textbook.book(&signed, &ratio(*price));
    }
    (position, textbook)
}

fn agree(position: &Position, textbook: &Textbook) {
    let (quantity, average, realized) = shown(position);
    assert_eq!(quantity, shown_ratio(&textbook.quantity));
    assert_eq!(realized, shown_ratio(&textbook.profit));
    if textbook.quantity == zero() {
        assert_eq!(average, "");
    } else {
        assert_eq!(average, shown_ratio(&(&textbook.cost / &textbook.quantity)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_position_is_what_plain_arithmetic_says(fills in fills()) {
        let (position, textbook) = book_all(&fills);
        agree(&position, &textbook);
    }

    /// Realised plus unrealised is cash plus value, to the last digit.
    #[test]
    fn f056_profit_is_cash_plus_value_exactly(fills in fills(), mark in 1..1_000_000_i64) {
        let (position, _) = book_all(&fills);
        let mark = scaled(mark, 2);
        let cash = fills.iter().fold(zero(), |cash, (buys, quantity, price)| {
            let value = ratio(*quantity) * ratio(*price);
            if *buys { cash - value } else { cash + value }
        });
        let worth = cash + ratio(position.quantity()) * ratio(mark);
        let marked = Marked { position: &position, mark: Some(mark) };
        let total = totals([marked]).unwrap().into_values().next().unwrap();
        prop_assert_eq!(total.net_pnl.to_string(), shown_ratio(&worth));
    }

    /// Taking a fill back leaves what would be there without it, wherever it stood.
    #[test]
    fn f047_voiding_any_fill_equals_never_booking_it(
        fills in fills(),
        which: prop::sample::Index,
    ) {
        let which = which.index(fills.len());
        let (mut position, _) = book_all(&fills);
        let (buys, ..) = fills[which];
        let side = if buys { Side::Buy } else { Side::Sell };
        let voided = Fill { side, ..buy(which as u64 + 1, "1", "1") };
        position.void(&name(&voided)).unwrap();
        let mut without = fills;
        without.remove(which);
        let (_, textbook) = book_all(&without);
        agree(&position, &textbook);
    }

    /// Every fill told twice or thrice, in between the others: the same position.
    #[test]
    fn f034_replays_change_nothing(
        fills in fills(),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let (mut position, textbook) = book_all(&fills);
        for which in again {
            let which = which.index(fills.len());
            let (buys, quantity, price) = fills[which];
            let side = if buys { Side::Buy } else { Side::Sell };
            let fill = Fill { quantity, price, side, ..buy(which as u64 + 1, "1", "1") };
            prop_assert_eq!(position.book(&fill), Ok(Outcome::Duplicate));
        }
        agree(&position, &textbook);
    }
}

/// Never flat, always averaging after a partial close: the ratio would grow for ever. It is cut far
/// below what is shown, and profit at the end, flat, is exact all the same.
#[test]
fn f127_a_position_that_is_never_flat_stays_small_and_right() {
    let mut fills = vec![(true, scaled(100_003, 3), scaled(9_973, 2))];
    for round in 0..150_i64 {
        fills.push((false, scaled(round % 31 + 1, 3), scaled(10_007 + round, 2)));
        fills.push((
            true,
            scaled(round % 37 + 1, 3),
            scaled(10_009 + round % 7, 2),
        ));
    }
    let (position, textbook) = book_all(&fills);
    agree(&position, &textbook);
    let quantity = position.quantity();
    fills.push((quantity.is_negative(), quantity.abs(), scaled(10_111, 2)));
    let (position, textbook) = book_all(&fills);
    agree(&position, &textbook);
    is(&position, "0", "", &shown_ratio(&textbook.profit));
}
