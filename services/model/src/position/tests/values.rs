use super::*;
use crate::position::{Leg, LegEffect, Marked, totals};

#[test]
fn a_round_trip_realises_the_difference() {
    let mut position = booked(&[buy(1, "2", "100")]);
    is(&position, "2", "100", "0");
    position.book(&sell(2, "0.5", "110")).unwrap();
    is(&position, "1.5", "100", "5");
    position.book(&sell(3, "1.5", "90")).unwrap();
    is(&position, "0", "", "-10");
}

#[test]
fn an_increase_averages_and_a_decrease_leaves_the_average() {
    let mut position = booked(&[buy(1, "1", "10"), buy(2, "2", "11")]);
    is(&position, "3", "10.666666666666666667", "0");
    position.book(&sell(3, "1", "12")).unwrap();
    is(
        &position,
        "2",
        "10.666666666666666667",
        "1.333333333333333333",
    );
    position.book(&sell(4, "2", "12")).unwrap();
    // Flat again, the sum is exact, not the sum of rounded parts.
    is(&position, "0", "", "4");
}

#[test]
fn a_short_position_gains_when_the_price_falls() {
    let mut position = booked(&[sell(1, "3", "50")]);
    is(&position, "-3", "50", "0");
    let value = valued(&position, "40");
    assert_eq!(value.unrealized_pnl, Some(decimal("30")));
    assert_eq!(value.notional, Some(decimal("-120")));
    position.book(&buy(2, "3", "55")).unwrap();
    is(&position, "0", "", "-15");
    assert_eq!(valued(&position, "40").unrealized_pnl, Some(Decimal::ZERO));
}

/// One fill closes the long and opens the short: two legs, realised and average both right.
#[test]
fn f056_a_fill_that_crosses_zero_has_two_legs() {
    let mut position = booked(&[buy(1, "2", "100")]);
    let outcome = position.book(&sell(2, "5", "110")).unwrap();
    let leg = |effect, quantity, realized| Leg {
        effect,
        quantity: decimal(quantity),
        price: decimal("110"),
        realized_pnl: decimal(realized),
    };
    let legs = vec![
        leg(LegEffect::Closes, "-2", "20"),
        leg(LegEffect::Opens, "-3", "0"),
    ];
    assert_eq!(outcome, Outcome::Booked(legs));
    is(&position, "-3", "110", "20");
    // And back across zero.
    position.book(&buy(3, "4", "100")).unwrap();
    is(&position, "1", "100", "50");
}

#[test]
fn a_half_in_the_last_place_goes_to_the_even_neighbour() {
    let half = |price: &str| {
        let fills = [buy(1, "1", price), buy(2, "1", "0.000000000000000002")];
        shown(&booked(&fills)).1
    };
    assert_eq!(half("0.000000000000000001"), "0.000000000000000002");
    assert_eq!(half("0.000000000000000003"), "0.000000000000000002");
}

/// Where 28 digits leave no room for 18 decimals, as many are shown as fit.
#[test]
fn a_large_average_is_shown_with_fewer_decimals() {
    let position = booked(&[
        buy(1, "1", "100000000000000"),
        buy(2, "2", "100000000000001"),
    ]);
    assert_eq!(shown(&position).1, "100000000000000.6666666666667");
}

#[test]
fn profit_is_the_same_whatever_is_realised() {
    let mut position = booked(&[buy(1, "3", "10"), buy(2, "4", "11"), sell(3, "2", "13")]);
    let fair = |position: &Position| {
        let marked = Marked {
            position,
            mark: Some(decimal("12")),
        };
        let total = totals([marked]).unwrap().into_values().next().unwrap();
        total.net_pnl
    };
    // -30 - 44 + 26 + 5 * 12, whatever the average is.
    assert_eq!(fair(&position), decimal("12"));
    position.book(&sell(4, "1", "12")).unwrap();
    assert_eq!(fair(&position), decimal("12"));
}

#[test]
fn f043_totals_keep_assets_and_signs_apart() {
    let long = {
        let mut position = perpetual();
        position
            .book(&with_fee(buy(1, "2", "100"), "0.08", "USDT"))
            .unwrap();
        position
            .book(&with_fee(sell(2, "1", "110"), "-0.01", "USDT"))
            .unwrap();
        position
            .book(&with_fee(buy(3, "1", "110"), "0.0002", "BNB"))
            .unwrap();
        position
    };
    let mut short = Position::new(key("BTC-USDT-PERP")).unwrap();
    short
        .book(&fill_of(&short, 4, Side::Sell, "0.01", "60000"))
        .unwrap();

    let mark = |mark| Some(decimal(mark));
    let both = [
        Marked {
            position: &long,
            mark: mark("120"),
        },
        Marked {
            position: &short,
            mark: mark("61000"),
        },
    ];
    let totals = totals(both).unwrap();

    let usdt = totals[&Asset::new("USDT").unwrap()];
    assert_eq!(usdt.realized_pnl, decimal("10"));
    assert_eq!(usdt.unrealized_pnl, decimal("20"));
    assert_eq!(usdt.fees, decimal("0.07"));
    assert_eq!(usdt.net_pnl, decimal("29.93"));
    assert_eq!(usdt.gross_exposure, decimal("850"));
    assert_eq!(usdt.net_exposure, decimal("-370"));
    let bnb = totals[&Asset::new("BNB").unwrap()];
    assert_eq!(
        (bnb.fees, bnb.net_pnl),
        (decimal("0.0002"), decimal("-0.0002"))
    );
    assert_eq!(bnb.gross_exposure, Decimal::ZERO);
}

/// A fee in the asset itself leaves less of it than was bought.
#[test]
fn f042_a_fee_in_the_base_asset_leaves_the_position() {
    let mut position = spot();
    let fill = fill_of(&position, 1, Side::Buy, "10", "100");
    position.book(&with_fee(fill, "0.01", "SOL")).unwrap();
    is(&position, "9.99", "100", "0");
    assert_eq!(
        position.fees()[&Asset::new("SOL").unwrap()],
        decimal("0.01")
    );
    // What is left is sold for what it cost: the fee is a fee and no loss of the trade.
    position
        .book(&fill_of(&position, 2, Side::Sell, "9.99", "100"))
        .unwrap();
    is(&position, "0", "", "0");
}

#[test]
fn f042_a_rebate_in_the_base_asset_joins_the_position() {
    let mut position = spot();
    let fill = fill_of(&position, 1, Side::Buy, "10", "100");
    position.book(&with_fee(fill, "-0.02", "SOL")).unwrap();
    is(&position, "10.02", "100", "0");
}

/// A contract's quantity is no stock of the asset.
#[test]
fn f042_a_fee_in_the_base_asset_leaves_a_contract_as_it_is() {
    let mut position = perpetual();
    position
        .book(&with_fee(buy(1, "10", "100"), "0.01", "SOL"))
        .unwrap();
    is(&position, "10", "100", "0");
}

#[test]
fn f044_what_no_order_can_close_is_dust() {
    let position = booked(&[buy(1, "1", "100"), sell(2, "0.9995", "101")]);
    assert!(position.is_dust(decimal("0.001")));
    assert!(!position.is_dust(decimal("0.0005")));
    assert!(
        !perpetual().is_dust(decimal("0.001")),
        "flat is flat, not dust"
    );
    let short = booked(&[sell(1, "0.0001", "100")]);
    assert!(short.is_dust(decimal("0.001")));
}
