//! What the venue says of orders, fills, positions and money.

use chimera_model::account::{MarginMode, PositionSide};
use chimera_model::report::{
    AccountEvent, FillKind, OrderOrigin, OrderReport, ReportSource, ReportedStatus,
};
use chimera_model::{Liquidity, OrderType, Side, TimeInForce, UnixNanos, VenueOrderId};

use super::fills::{FILL, fills};
use super::{PERP, answered, context, decimal, index, instrument, venue};
use crate::error::ErrorClass;
use crate::{FillQuery, NewOrder, OrderKey, OrderKind, VenueAdapter};

const ORDER: &str = r#"{"id":"8284671277","clientId":2147483690,"createdAt":1757621458290,
"symbol":"SOL_USDC_PERP","side":"Ask","orderType":"Limit","timeInForce":"GTC","postOnly":true,
"reduceOnly":null,"price":"20.10","quantity":"1.50","executedQuantity":"0.75",
"executedQuoteQuantity":"15.0825","status":"PartiallyFilled","selfTradePrevention":"RejectTaker",
"triggerPrice":null,"triggeredAt":null,"strategyId":null}"#;

const FILL_FRAME: &str = r#"{"stream":"account.orderUpdate","data":{"e":"orderFill",
"E":1754939110175879,"T":1754939110174705,"s":"SOL_USDC_PERP","c":2147483690,"S":"Ask","o":"LIMIT",
"f":"GTC","q":"1.50","p":"20.10","X":"PartiallyFilled","i":"5406825793","t":2888471,"l":"0.50",
"L":"20.12","z":"0.75","Z":"15.0825","m":true,"n":"-0.0001","N":"USDC","r":false,"O":"USER",
"V":"RejectTaker","y":true}}"#;

fn events(frame: &str) -> Vec<AccountEvent> {
    venue()
        .read_private(&context([PERP]), frame.as_bytes())
        .unwrap()
}

fn order_event(frame: &str) -> OrderReport {
    let mut events = events(frame);
    assert_eq!(events.len(), 1, "{events:?}");
    match events.remove(0) {
        AccountEvent::Order(report) => *report,
        other => panic!("{other:?}"),
    }
}

fn order() -> NewOrder {
    NewOrder {
        index: index(42),
        side: Side::Sell,
        quantity: decimal("1.5"),
        kind: OrderKind::Market,
        reduce_only: false,
    }
}

#[test]
fn an_acknowledgement_says_what_the_venue_said() {
    let call = venue().place(&context([PERP]), &instrument(PERP), &order());
    let report = answered(&call.unwrap(), 200, ORDER).unwrap();
    assert_eq!(report.symbol.as_str(), "SOL-USDC-PERP");
    assert_eq!(report.client_order_index, Some(index(42)));
    assert_eq!(report.venue_order_id.unwrap().as_str(), "8284671277");
    assert_eq!(report.status, ReportedStatus::PartiallyFilled);
    assert_eq!(report.source, ReportSource::Ack);
    assert_eq!((report.origin, report.post_only), (OrderOrigin::Ours, true));
    assert_eq!(report.side, Some(Side::Sell));
    assert_eq!(report.order_type, Some(OrderType::Limit));
    assert_eq!(report.time_in_force, Some(TimeInForce::Gtc));
    assert_eq!(report.price, Some(decimal("20.1")));
    assert_eq!(report.cumulative_filled, Some(decimal("0.75")));
    assert_eq!(report.average_price, Some(decimal("20.11")));
    assert_eq!(report.venue_time, None, "it was made then, not changed");
}

#[test]
fn an_order_that_the_venue_made_itself_bears_its_cause_in_answers_too() {
    let call = venue().place(&context([PERP]), &instrument(PERP), &order());
    let told = "\"strategyId\":null,\"systemOrderType\":\"LiquidatePositionOnAdl\"";
    let answer = ORDER.replace("\"strategyId\":null", told);
    let report = answered(&call.unwrap(), 200, answer).unwrap();
    assert_eq!(report.origin, OrderOrigin::AutoDeleveraging);
}

#[test]
fn what_has_no_fill_has_no_average_price() {
    let call = venue().place(&context([PERP]), &instrument(PERP), &order());
    let answer = ORDER.replace(
        "\"executedQuantity\":\"0.75\"",
        "\"executedQuantity\":\"0\"",
    );
    let report = answered(&call.unwrap(), 200, answer).unwrap();
    assert_eq!(report.average_price, None);
}

#[test]
fn a_balance_is_what_is_free_locked_and_staked() {
    let body = r#"{"SOL":{"available":"1","locked":"2","staked":"4"}}"#;
    let read = answered(&venue().balances(&context([PERP])), 200, body).unwrap();
    assert_eq!(read.items[0].total, decimal("7"));
}

#[test]
fn f007_an_answer_about_another_order_is_no_acknowledgement() {
    let (venue, context, sol) = (venue(), context([PERP, "SOL_USDC"]), instrument(PERP));
    let place = venue.place(&context, &sol, &order()).unwrap();
    let cancel = venue.cancel(&context, &sol, &OrderKey::Index(index(42)));
    let cancel = cancel.unwrap();
    for other in [
        ORDER.replace("2147483690", "2147483691"),
        ORDER.replace("2147483690", "42"),
        ORDER.replace("2147483690", "null"),
        ORDER.replace(PERP, "SOL_USDC"),
    ] {
        for call in [&place, &cancel] {
            let error = answered(call, 200, &other).unwrap_err();
            assert_eq!(error.class, ErrorClass::WrongEcho, "{other}");
        }
    }
    let by_id = OrderKey::VenueId(VenueOrderId::new("1").unwrap());
    let call = venue.order(&context, &sol, &by_id, None).unwrap().remove(0);
    let error = answered(&call, 200, ORDER).unwrap_err();
    assert_eq!(error.class, ErrorClass::WrongEcho);
}

#[test]
fn f018_a_cancel_that_was_taken_and_not_yet_done_is_pending() {
    let (venue, context, sol) = (venue(), context([PERP]), instrument(PERP));
    let id = VenueOrderId::new("8284671277").unwrap();
    for (key, ours) in [
        (OrderKey::Index(index(42)), true),
        (OrderKey::VenueId(id.clone()), false),
    ] {
        let call = venue.cancel(&context, &sol, &key).unwrap();
        let report = answered(&call, 202, "").unwrap();
        assert_eq!(report.status, ReportedStatus::PendingCancel);
        assert_eq!(report.client_order_index, ours.then(|| index(42)));
        assert_eq!(report.venue_order_id, (!ours).then(|| id.clone()));
        assert_eq!(report.symbol, sol.symbol);
        let known = (report.quantity, report.cumulative_filled, report.side);
        assert_eq!(known, (None, None, None), "no more is known");
    }
}

#[test]
fn f005_the_history_finds_the_order_among_others_or_proves_nothing() {
    let (venue, context, sol) = (venue(), context([PERP]), instrument(PERP));
    let find = |key: &OrderKey, place: usize, body: &str| {
        let call = venue
            .order(&context, &sol, key, None)
            .unwrap()
            .remove(place);
        answered(&call, 200, body)
    };
    let ours = OrderKey::Index(index(42));
    // The history writes dates and may know markets that are not traded here.
    let ended = ORDER.replace("1757621458290", "\"2025-09-11T20:10:58.290\"");
    let other = ended.replace("2147483690", "7");
    let foreign = ended.replace(PERP, "OLD_USDC_PERP");
    let body = format!("[{foreign},{other},{ended}]");
    let found = find(&ours, 1, &body).unwrap();
    assert_eq!(found.client_order_index, Some(index(42)));
    assert_eq!(found.source, ReportSource::Rest);
    let missing = find(&ours, 1, &format!("[{other}]")).unwrap_err();
    assert_eq!(missing.class, ErrorClass::NotFound);
    // A full page that does not hold it: the next one is looked at; after the last, doubt stays.
    let full = format!("[{}]", vec![other.as_str(); 1_000].join(","));
    for (page, class) in [
        (1, ErrorClass::NotFound),
        (2, ErrorClass::NotFound),
        (3, ErrorClass::Unknown),
    ] {
        let error = find(&ours, page, &full).unwrap_err();
        assert_eq!(error.class, class, "page {page}");
    }
    let theirs = OrderKey::VenueId(VenueOrderId::new("8284671277").unwrap());
    assert!(find(&theirs, 1, &body).is_ok());
}

/// An account that has ended more orders than are searched could otherwise never prove one absent.
#[test]
fn f005_a_history_that_reaches_back_to_before_the_order_proves_its_absence() {
    let (venue, context, sol) = (venue(), context([PERP]), instrument(PERP));
    let ours = OrderKey::Index(index(42));
    let other = ORDER.replace("2147483690", "7");
    let dated = other.replace("1757621458290", "\"2025-09-11T20:10:58.290\"");
    let oldest = 1_757_621_458_290;
    for (created, class) in [
        (oldest + 60_001, ErrorClass::NotFound),
        (oldest + 60_000, ErrorClass::Unknown),
        (oldest - 1, ErrorClass::Unknown),
    ] {
        let created = UnixNanos::from_millis(created).ok();
        let call = venue
            .order(&context, &sol, &ours, created)
            .unwrap()
            .remove(3);
        for order in [&other, &dated] {
            let full = format!("[{}]", vec![order.as_str(); 1_000].join(","));
            assert_eq!(answered(&call, 200, &full).unwrap_err().class, class);
        }
    }
}

#[test]
fn an_event_carries_its_fill_with_fee_and_sign() {
    let report = order_event(FILL_FRAME);
    assert_eq!(report.status, ReportedStatus::PartiallyFilled);
    assert_eq!(report.order_type, Some(OrderType::Limit));
    assert_eq!(report.cumulative_filled, Some(decimal("0.75")));
    assert_eq!(report.average_price, Some(decimal("20.11")));
    assert_eq!(report.venue_time.unwrap().as_millis(), 1_754_939_110_174);
    let fill = report.last_fill.unwrap();
    assert_eq!(fill.trade_id.as_str(), "2888471");
    assert_eq!(fill.venue_order_id.as_str(), "5406825793");
    assert_eq!(
        (fill.side, fill.position_side),
        (Side::Sell, PositionSide::Net)
    );
    assert_eq!(
        (fill.price, fill.quantity),
        (decimal("20.12"), decimal("0.5"))
    );
    let fee = fill.fee.unwrap();
    assert_eq!(
        (fee.asset.as_str(), fee.amount),
        ("USDC", decimal("-0.0001"))
    );
    assert_eq!(fill.liquidity, Some(Liquidity::Maker));
    assert_eq!(
        (fill.kind, fill.source),
        (FillKind::Trade, ReportSource::Stream)
    );
    assert_eq!(fill.client_order_index, Some(index(42)));
}

/// The same fact from two channels is one fill, at one time.
#[test]
fn f040_a_fill_is_the_same_in_a_frame_and_in_the_history() {
    for (id_in_frame, id_in_history) in [
        ("2888471", "2888471"),
        ("null", "null"),
        ("0", "0"),
        // Which of the two says zero and which nothing is not documented.
        ("null", "0"),
    ] {
        let frame = FILL_FRAME.replace("\"t\":2888471", &format!("\"t\":{id_in_frame}"));
        let history = FILL.replace(
            "\"tradeId\":2888471",
            &format!("\"tradeId\":{id_in_history}"),
        );
        let mut told = order_event(&frame).last_fill.unwrap();
        let read = fills(&FillQuery::Newest, &format!("[{history}]"));
        told.source = ReportSource::Rest;
        assert_eq!(read.list.items, [told], "{id_in_frame} {id_in_history}");
    }
}

#[test]
fn f041_only_executions_that_move_quantity_are_fills() {
    for event in [
        "orderAccepted",
        "orderCancelled",
        "orderExpired",
        "orderModified",
        "triggerPlaced",
        "triggerFailed",
    ] {
        let report = order_event(&FILL_FRAME.replace("orderFill", event));
        assert!(report.last_fill.is_none(), "{event}");
    }
}

#[test]
fn f028_orders_of_others_are_external() {
    for id in ["\"c\":7,", "\"c\":null,", ""] {
        let report = order_event(&FILL_FRAME.replace("\"c\":2147483690,", id));
        let whose = (report.origin, report.client_order_index);
        assert_eq!(whose, (OrderOrigin::External, None), "{id}");
        let fill = report.last_fill.unwrap();
        assert_eq!(
            (fill.kind, fill.client_order_index),
            (FillKind::Trade, None)
        );
    }
}

#[test]
fn f055_orders_of_the_venue_itself_bear_their_cause() {
    use FillKind::{AutoDeleveraging, Liquidation, Settlement};
    for (origin, kind) in [
        ("LIQUIDATION_AUTOCLOSE", Liquidation),
        ("ADL_AUTOCLOSE", AutoDeleveraging),
        ("COLLATERAL_CONVERSION", Liquidation),
        ("SETTLEMENT_AUTOCLOSE", Settlement),
        ("BACKSTOP_LIQUIDITY_PROVIDER", Liquidation),
    ] {
        let frame = FILL_FRAME.replace("\"O\":\"USER\"", &format!("\"O\":\"{origin}\""));
        let report = order_event(&frame.replace("\"c\":2147483690,", ""));
        assert_eq!(report.last_fill.unwrap().kind, kind, "{origin}");
        assert_ne!(report.origin, OrderOrigin::Ours, "{origin}");
    }
    for (system, kind) in [
        ("CollateralConversion", Liquidation),
        ("FutureExpiry", Settlement),
        ("LiquidatePositionOnAdl", AutoDeleveraging),
        ("LiquidatePositionOnBook", Liquidation),
        ("LiquidatePositionOnBackstop", Liquidation),
        ("OrderBookClosed", Settlement),
    ] {
        let fill = FILL.replace(
            "\"systemOrderType\":null",
            &format!("\"systemOrderType\":\"{system}\""),
        );
        let read = fills(&FillQuery::Newest, &format!("[{fill}]"));
        assert_eq!(read.list.items[0].kind, kind, "{system}");
    }
}

#[test]
fn f032_ends_are_terminal_and_their_reason_is_text() {
    for (event, word, status) in [
        ("orderCancelled", "Cancelled", ReportedStatus::Cancelled),
        ("orderExpired", "Expired", ReportedStatus::Expired),
    ] {
        let frame = FILL_FRAME
            .replace("orderFill", event)
            .replace("PartiallyFilled", word)
            .replace("\"r\":false", "\"R\":\"PostOnlyTaker\",\"r\":false");
        let report = order_event(&frame);
        assert_eq!(report.status, status);
        assert_eq!(report.reason.as_deref(), Some("PostOnlyTaker"));
    }
}

#[test]
fn f109_unknown_words_are_carried_as_text() {
    let frame = FILL_FRAME
        .replace("PartiallyFilled", "TriggerPending")
        .replace("\"o\":\"LIMIT\"", "\"o\":\"TRAILING\"")
        .replace("\"f\":\"GTC\"", "\"f\":\"GTD\"");
    let report = order_event(&frame);
    let status = ReportedStatus::Unknown("TriggerPending".to_owned());
    assert_eq!(report.status, status);
    assert_eq!((report.order_type, report.time_in_force), (None, None));
    assert!(report.last_fill.is_some());
    let frame = r#"{"stream":"account.rfqUpdate","data":{"e":"rfqActive","E":1}}"#;
    let kind = "rfqActive".to_owned();
    assert_eq!(events(frame), [AccountEvent::Ignored { kind }]);
}

#[test]
fn h055_fills_that_make_no_sense_are_refused() {
    for (from, to) in [
        ("\"l\":\"0.50\"", "\"l\":\"-0.50\""),
        ("\"l\":\"0.50\"", "\"l\":\"0\""),
        ("\"l\":\"0.50\"", "\"l\":\"1e30\""),
        ("\"l\":\"0.50\",", ""),
        ("\"L\":\"20.12\"", "\"L\":\"0\""),
        ("\"L\":\"20.12\"", "\"L\":\"-20.12\""),
        ("\"S\":\"Ask\"", "\"S\":\"Sideways\""),
        ("\"z\":\"0.75\"", "\"z\":\"-1\""),
        ("\"q\":\"1.50\"", "\"q\":\"NaN\""),
        ("\"T\":1754939110174705", "\"T\":1754939110174"),
        ("\"t\":2888471", "\"t\":1.5"),
        ("\"i\":\"5406825793\"", "\"i\":\"\""),
    ] {
        let frame = FILL_FRAME.replace(from, to);
        assert_ne!(frame, FILL_FRAME);
        let read = venue().read_private(&context([PERP]), frame.as_bytes());
        assert_eq!(read.unwrap_err().class, ErrorClass::Unreadable, "{to}");
    }
}

/// What is written to more digits than are held is an error, not another number.
#[test]
fn f068_decimals_are_never_rounded_on_their_way_in() {
    let exact = "0.1234567890123456789012345678";
    let frame = FILL_FRAME.replace("\"l\":\"0.50\"", &format!("\"l\":\"{exact}\""));
    let fill = order_event(&frame).last_fill.unwrap();
    assert_eq!(fill.quantity.to_string(), exact);
    let frame = FILL_FRAME.replace("\"l\":\"0.50\"", &format!("\"l\":\"{exact}9\""));
    assert!(
        venue()
            .read_private(&context([PERP]), frame.as_bytes())
            .is_err()
    );
}

#[test]
fn an_instrument_that_is_not_known_is_noted_and_hides_nothing() {
    let read = venue().read_private(&context([]), FILL_FRAME.as_bytes());
    let read = read.unwrap();
    let [AccountEvent::Unmapped(note)] = read.as_slice() else {
        panic!("{read:?}")
    };
    assert_eq!(
        (note.venue_symbol.as_str(), note.what.as_str()),
        (PERP, "order")
    );
    let both = format!("[{ORDER},{}]", ORDER.replace(PERP, "NEW_USDC_PERP"));
    let listed = answered(&venue().open_orders(&context([PERP]), None), 200, both);
    let listed = listed.unwrap();
    assert_eq!((listed.items.len(), listed.unmapped.len()), (1, 1));
    assert_eq!(listed.unmapped[0].venue_symbol.as_str(), "NEW_USDC_PERP");
}

#[test]
fn f070_a_fee_in_an_asset_without_a_name_of_ours_leaves_the_fill_standing() {
    let read = events(&FILL_FRAME.replace("\"N\":\"USDC\"", "\"N\":\"币安人生\""));
    let [AccountEvent::Order(report), AccountEvent::Unmapped(note)] = read.as_slice() else {
        panic!("{read:?}")
    };
    let fill = report.last_fill.as_ref().unwrap();
    assert!(fill.fee.is_none());
    assert_eq!(
        (note.venue_symbol.as_str(), note.what.as_str()),
        ("币安人生", "fee")
    );
}

/// A refusal, e.g. of the signature, leaves the connection silent for ever.
#[test]
fn f100_a_refused_subscription_ends_the_session() {
    let frame = r#"{"id":null,"error":{"code":4002,"message":"Invalid signature"}}"#;
    assert_eq!(events(frame), [AccountEvent::SessionExpired]);
    assert_eq!(events("{}"), []);
}

#[test]
fn positions_are_told_at_the_start_without_a_name_and_then_by_name() {
    let open = r#"{"stream":"account.positionUpdate","data":{"B":"126.97","E":1769366599828079,
        "M":"120.96","P":"0.0009","Q":"0.01","T":1769366599828078,"b":"126.9307","f":"0.02",
        "i":28563667732,"l":"0","m":"0.0135","n":"1.2096","p":"0.0592","q":"-0.01",
        "s":"SOL_USDC_PERP"}}"#;
    let closed = open
        .replace("\"B\":", "\"e\":\"positionClosed\",\"B\":")
        .replace("\"q\":\"-0.01\"", "\"q\":\"0\"");
    for (frame, quantity) in [(open, "-0.01"), (&closed, "0")] {
        let read = events(frame);
        let [AccountEvent::Position(position)] = read.as_slice() else {
            panic!("{read:?}")
        };
        assert_eq!(position.quantity, decimal(quantity));
        assert_eq!(position.side, PositionSide::Net);
        assert_eq!(position.entry_price, Some(decimal("126.97")));
        assert_eq!(position.margin_mode, Some(MarginMode::Cross));
        assert_eq!(
            position.liquidation_price, None,
            "a placeholder since 2025-09-01"
        );
        let time = position.venue_time.unwrap().as_millis();
        assert_eq!(time, 1_769_366_599_828);
    }
}

#[test]
fn margin_counts_every_asset_in_dollars() {
    let body = r#"{"assetsValue":"151","borrowLiability":"0","collateral":[],"imf":"0.02",
        "unsettledEquity":"0","liabilitiesValue":"0","marginFraction":null,"mmf":"0.0125",
        "netEquity":"151.5","netEquityAvailable":"100.25","netEquityLocked":"51.25",
        "netExposureFutures":"13.634885278944","pnlUnrealized":"-0.141914"}"#;
    let read = answered(&venue().margin(&context([])), 200, body).unwrap();
    assert_eq!(read.asset, None);
    assert_eq!(read.equity, decimal("151.5"));
    assert_eq!(read.wallet_balance, decimal("151.641914"));
    assert_eq!(read.available, decimal("100.25"));
    assert_eq!(read.initial_margin, decimal("51.25"));
    assert_eq!(read.unrealized_pnl, decimal("-0.141914"));
    // 13.634885278944 × 0.0125 = 0.1704360659868, rounded up at the twelfth decimal.
    assert_eq!(read.maintenance_margin, decimal("0.170436065987"));
}
