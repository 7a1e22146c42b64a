use super::*;

#[test]
fn f034_a_fill_told_twice_is_booked_once() {
    let mut order = order("1");
    tell(&mut order, &filled("t1", "100", "0.4"));
    assert_eq!(tell(&mut order, &filled("t1", "100", "0.4")), []);
    assert_eq!(order.filled(), decimal("0.4"));
}

#[test]
fn f036_fills_that_share_a_trade_id_are_told_apart_by_order_and_side() {
    let mut order = order("1");
    tell(&mut order, &filled("t1", "100", "0.4"));
    let mut other = fill("t1", "100", "0.2");
    other.venue_order_id = VenueOrderId::new("901").unwrap();
    tell(&mut order, &executed(other));
    assert_eq!(order.filled(), decimal("0.6"));
}

#[test]
fn f035_a_stated_quantity_is_inferred_once_and_gives_way_to_the_real_fills() {
    let mut order = order("1");
    tell(&mut order, &says(ReportedStatus::PartiallyFilled, "0.6"));
    assert_eq!(order.missing_fills(), decimal("0.6"));
    let event = infer(&order, UnixNanos::from_nanos(9)).unwrap();
    order.apply(&event, stamp(50)).unwrap();
    assert_eq!(infer(&order, UnixNanos::from_nanos(9)), None);
    assert_eq!(order.fills().quantity(), decimal("0.6"));

    tell(&mut order, &filled("t1", "99", "0.4"));
    assert_eq!(order.fills().real_quantity(), decimal("0.4"));
    assert_eq!(order.fills().quantity(), decimal("0.6"));

    tell(&mut order, &filled("t2", "102", "0.2"));
    assert_eq!(order.fills().quantity(), decimal("0.6"));
    assert_eq!(order.fills().all_inferred().count(), 0);
    assert_eq!(order.average_price(), Some(decimal("100")));
}

#[test]
fn f038_a_late_real_fill_never_doubles_an_inferred_one() {
    let mut order = order("1");
    tell(&mut order, &says(ReportedStatus::Filled, "1"));
    assert_eq!(order.state(), OrderState::Filled);
    let event = infer(&order, UnixNanos::from_nanos(9)).unwrap();
    order.apply(&event, stamp(50)).unwrap();
    tell(&mut order, &filled("t1", "100", "1"));
    assert_eq!(order.filled(), decimal("1"));
    assert_eq!(order.fills().len(), 1);
    assert!(!order.is_overfilled() && !order.has_late_fills());
}

/// The venue states a quantity before it states its id, and fills are inferred on both sides of that.
#[test]
fn f038_an_inferred_fill_keeps_its_id_when_the_venues_becomes_known() {
    let mut order = order("1");
    let now = UnixNanos::from_nanos(9);
    let mut early = statement(ReportedStatus::PartiallyFilled, "0.4");
    early.venue_order_id = None;
    tell(&mut order, &Report::Stated(Box::new(early)));
    let first = infer(&order, now).unwrap();
    order.apply(&first, stamp(50)).unwrap();

    tell(&mut order, &says(ReportedStatus::PartiallyFilled, "0.4"));
    assert_eq!(order.venue_order_id().unwrap().as_str(), "900");
    assert_eq!(infer(&order, now), None, "nothing is owed");

    tell(&mut order, &says(ReportedStatus::PartiallyFilled, "0.6"));
    let second = infer(&order, now).unwrap();
    order.apply(&second, stamp(60)).unwrap();
    assert_eq!(order.fills().quantity(), decimal("0.6"));
    assert_eq!(order.fills().len(), 1);
    let key = |event: &Event| match event {
        Event::Restated(fill) => fill.key.clone(),
        event => unreachable!("{event:?}"),
    };
    assert_eq!(key(&first), key(&second));

    tell(&mut order, &filled("t1", "100", "0.6"));
    assert_eq!(order.fills().quantity(), decimal("0.6"));
    assert_eq!(order.fills().all_inferred().count(), 0);
}

#[test]
fn f124_an_inferred_fill_has_the_same_id_wherever_it_is_concluded() {
    let mut one = order("1");
    let mut two = order("1");
    tell(&mut one, &says(ReportedStatus::PartiallyFilled, "0.6"));
    tell(&mut two, &says(ReportedStatus::PartiallyFilled, "0.2"));
    tell(&mut two, &says(ReportedStatus::PartiallyFilled, "0.6"));
    let now = UnixNanos::from_nanos(9);
    assert_eq!(infer(&one, now), infer(&two, now));
}

#[test]
fn an_inferred_price_makes_the_stated_average_come_out() {
    let mut order = order("1");
    tell(&mut order, &filled("t1", "90", "0.5"));
    let mut report = statement(ReportedStatus::Filled, "1");
    report.average_price = Some(decimal("95"));
    tell(&mut order, &Report::Stated(Box::new(report)));
    let event = infer(&order, UnixNanos::from_nanos(9)).unwrap();
    order.apply(&event, stamp(50)).unwrap();
    assert_eq!(order.average_price(), Some(decimal("95")));
    let inferred = order.fills().all_inferred().next().unwrap();
    assert_eq!(inferred.price, decimal("100"));
}

#[test]
fn f043_a_fee_keeps_asset_and_sign() {
    let mut order = order("1");
    tell(&mut order, &filled("t1", "100", "0.4"));
    let mut rebate = fill("t2", "100", "0.2");
    rebate.fee = Some(Fee {
        asset: Asset::new("BNB").unwrap(),
        amount: decimal("-0.5"),
    });
    tell(&mut order, &executed(rebate));
    let fees: Vec<_> = order.fills().fees().collect();
    assert_eq!(fees.len(), 2);
    assert_eq!(fees[0].amount, decimal("-0.5"));
    assert_eq!(fees[1].amount, decimal("0.01"));
}

#[test]
fn the_average_price_is_exact_and_rounded_only_when_shown() {
    let mut order = order("3");
    tell(&mut order, &filled("t1", "1", "1"));
    tell(&mut order, &filled("t2", "1", "1"));
    tell(&mut order, &filled("t3", "2", "1"));
    assert_eq!(order.fills().notional(), Some(decimal("4")));
    assert_eq!(order.average_price(), Some(decimal("1.333333333333333333")));
}

#[test]
fn h055_a_fill_that_cannot_be_true_is_refused_with_a_notice() {
    let cases = [
        fill("t1", "100", "1000000000000000000000000000"),
        fill("t1", "0", "1"),
        fill("t1", "100", "0"),
        Fill {
            quantity: decimal("-1"),
            ..fill("t1", "100", "1")
        },
        Fill {
            account: Account::new("other").unwrap(),
            ..fill("t1", "100", "1")
        },
        Fill {
            side: Side::Sell,
            ..fill("t1", "100", "1")
        },
        Fill {
            symbol: Symbol::new("BTC-USDT").unwrap(),
            ..fill("t1", "100", "1")
        },
    ];
    for case in cases {
        let mut order = order("1");
        assert_eq!(tell(&mut order, &executed(case)), [EventKind::Noticed]);
        assert!(order.fills().is_empty());
        assert_eq!(order.state(), OrderState::Submitting);
    }
}

#[test]
fn h055_a_huge_fill_that_a_query_confirms_is_booked_as_overfill() {
    let mut order = order("1");
    let huge = Fill {
        source: ReportSource::Rest,
        ..fill("t1", "100", "20")
    };
    tell(&mut order, &executed(huge));
    assert_eq!(order.filled(), decimal("20"));
    assert!(order.is_overfilled());
}

#[test]
fn f037_a_genuine_overfill_is_booked_and_marked() {
    let mut order = order("1");
    tell(&mut order, &filled("t1", "100", "0.8"));
    let kinds = tell(&mut order, &filled("t2", "100", "0.5"));
    assert_eq!(kinds, [EventKind::Fill, EventKind::Noticed]);
    assert_eq!(order.filled(), decimal("1.3"));
    assert_eq!(order.remaining(), Decimal::ZERO);
    assert!(order.is_overfilled());
    assert_eq!(order.state(), OrderState::Filled);
}

#[test]
fn fills_survive_their_encoding_with_all_sums() {
    let mut order = order("1");
    tell(&mut order, &filled("t1", "100", "0.4"));
    tell(&mut order, &filled("t2", "101", "0.2"));
    let text = serde_json::to_string(&order).unwrap();
    assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
}
