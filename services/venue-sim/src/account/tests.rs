use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{Account, Credentials, Position};
use crate::engine::{Price, Quantity, Side};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn price(text: &str) -> Price {
    Price::from_decimal(decimal(text)).unwrap()
}

fn quantity(text: &str) -> Quantity {
    Quantity::from_decimal(decimal(text)).unwrap()
}

#[test]
fn a_position_averages_its_entries_and_realises_on_the_way_out() {
    let mut position = Position::default();
    position.fill(Side::Buy, price("100"), quantity("1"), Decimal::ZERO);
    position.fill(Side::Buy, price("110"), quantity("3"), Decimal::ZERO);
    assert_eq!(position.entry(), decimal("107.5"));

    let realised = position.fill(Side::Sell, price("120"), quantity("2"), Decimal::ZERO);

    assert_eq!(realised, decimal("25"));
    assert_eq!(position.entry(), decimal("107.5"));
    assert_eq!(position.unrealised(price("100")), decimal("-15"));
}

#[test]
fn one_fill_that_crosses_zero_closes_and_opens() {
    let mut position = Position::default();
    position.fill(Side::Buy, price("100"), quantity("1"), Decimal::ZERO);

    let realised = position.fill(Side::Sell, price("90"), quantity("3"), Decimal::ZERO);

    assert_eq!(realised, decimal("-10"));
    assert_eq!(position.quantity, decimal("-2"));
    assert_eq!(position.entry(), decimal("90"));
}

#[test]
fn a_short_earns_when_the_price_falls() {
    let mut position = Position::default();
    position.fill(Side::Sell, price("100"), quantity("2"), decimal("0.1"));

    let realised = position.fill(Side::Buy, price("95"), quantity("2"), decimal("0.1"));

    assert_eq!(realised, decimal("10"));
    assert!(position.quantity.is_zero() && position.cost.is_zero());
    assert_eq!(position.fees, decimal("0.2"));
}

#[test]
fn fees_are_the_rate_of_the_value_cut_to_eight_decimals() {
    let keys = Credentials {
        key: "k".to_owned(),
        secret: "s".to_owned(),
    };
    let account = Account::open(0, "main".to_owned(), keys, Decimal::ZERO);

    let taker = account.fee(price("61817.90"), quantity("0.002"), false);
    let maker = account.fee(price("0.00001"), quantity("0.001"), true);

    assert_eq!(taker, decimal("0.0618179"));
    assert_eq!(maker, decimal("0"));
}

#[test]
fn a_secret_never_shows_in_debug_output() {
    let keys = Credentials {
        key: "public".to_owned(),
        secret: "canary".to_owned(),
    };
    assert!(!format!("{keys:?}").contains("canary"));
}

proptest! {
    /// What was paid, what came back and what is left at cost always add up, to the last decimal.
    #[test]
    fn cost_and_profit_add_up(fills in prop::collection::vec(
        (any::<bool>(), 1..1_000_000i64, 1..10_000i64), 1..60,
    )) {
        let mut position = Position::default();
        let mut paid = Decimal::ZERO;
        let mut held = Decimal::ZERO;
        for (buys, ticks, steps) in fills {
            let (price, quantity) =
                (Price::from_raw(ticks * 10_000_000), Quantity::from_raw(steps * 100_000));
            let side = if buys { Side::Buy } else { Side::Sell };
            position.fill(side, price, quantity, Decimal::ZERO);
            let signed = if buys { quantity.decimal() } else { -quantity.decimal() };
            paid += signed * price.decimal();
            held += signed;
        }
        prop_assert_eq!(position.quantity, held);
        prop_assert_eq!(position.cost - position.realised, paid);
    }
}
