//! What the venue says of orders, fills, positions and money.

use chimera_model::account::{PositionMode, PositionSide};
use chimera_model::report::{
    AccountConfig, AccountEvent, CashKind, FillKind, OrderOrigin, OrderReport, ReportSource,
    ReportedStatus,
};
use chimera_model::{Liquidity, Side};

use super::{answered, context, decimal, index, instrument, venue};
use crate::error::ErrorClass;
use crate::{FillQuery, NewOrder, OrderKey, OrderKind};

const ORDER: &str = r#"{"orderId":22542179,"symbol":"SOLUSDT","status":"NEW",
"clientOrderId":"c1-42","price":"20.10","avgPrice":"0.00","origQty":"1.50",
"executedQty":"0","cumQuote":"0","timeInForce":"GTX","type":"LIMIT","reduceOnly":false,
"side":"SELL","positionSide":"BOTH","updateTime":1625474304765}"#;

const TRADE: &str = r#"{"e":"ORDER_TRADE_UPDATE","E":1568879465652,"T":1568879465651,"o":{
"s":"SOLUSDT","c":"c1-42","S":"SELL","o":"LIMIT","f":"GTC","q":"1.50","p":"20.10","ap":"20.11",
"sp":"0","x":"TRADE","X":"PARTIALLY_FILLED","i":8886774,"l":"0.50","z":"0.75","L":"20.12","N":"BNB",
"n":"-0.0001","T":1568879465650,"t":12345678,"b":"0","a":"0","m":true,"R":false,"ps":"BOTH",
"rp":"12.34"}}"#;

fn events(frame: &str) -> Vec<AccountEvent> {
    venue()
        .read_private(&context(["SOLUSDT"]), frame.as_bytes())
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
    let (venue, context) = (venue(), context(["SOLUSDT"]));
    let call = venue
        .place(&context, &instrument("SOLUSDT"), &order())
        .unwrap();
    let report = answered(&call, 200, ORDER).unwrap();
    assert_eq!(report.symbol.as_str(), "SOLUSDT-USDT-PERP");
    assert_eq!(report.client_order_index, Some(index(42)));
    assert_eq!(report.venue_order_id.unwrap().as_str(), "22542179");
    assert_eq!(
        (report.status, report.source),
        (ReportedStatus::New, ReportSource::Ack)
    );
    assert_eq!((report.origin, report.post_only), (OrderOrigin::Ours, true));
    assert_eq!(report.price, Some(decimal("20.1")));
    assert_eq!(report.cumulative_filled, Some(decimal("0")));
    assert_eq!(report.average_price, None);
}

#[test]
fn f007_an_answer_about_another_order_is_no_acknowledgement() {
    let (venue, context, sol) = (
        venue(),
        context(["SOLUSDT", "BTCUSDT"]),
        instrument("SOLUSDT"),
    );
    let call = venue.place(&context, &sol, &order()).unwrap();
    for other in [
        ORDER.replace("c1-42", "c1-43"),
        ORDER.replace("c1-42", ""),
        ORDER.replace("c1-42", "web_1"),
        ORDER.replace("SOLUSDT", "BTCUSDT"),
    ] {
        let error = answered(&call, 200, &other).unwrap_err();
        assert_eq!(error.class, ErrorClass::WrongEcho, "{other}");
    }
    let by_id = OrderKey::VenueId(chimera_model::VenueOrderId::new("1").unwrap());
    let call = venue.order(&context, &sol, &by_id, None).unwrap().remove(0);
    assert_eq!(
        answered(&call, 200, ORDER).unwrap_err().class,
        ErrorClass::WrongEcho
    );
}

#[test]
fn an_event_carries_its_fill_with_fee_and_sign() {
    let report = order_event(TRADE);
    assert_eq!(report.status, ReportedStatus::PartiallyFilled);
    assert_eq!(report.cumulative_filled, Some(decimal("0.75")));
    assert_eq!(report.average_price, Some(decimal("20.11")));
    assert_eq!(report.venue_time.unwrap().as_millis(), 1_568_879_465_651);
    let fill = report.last_fill.unwrap();
    assert_eq!(
        (fill.trade_id.as_str(), fill.venue_order_id.as_str()),
        ("12345678", "8886774")
    );
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
        ("BNB", decimal("-0.0001"))
    );
    assert_eq!(fill.liquidity, Some(Liquidity::Maker));
    assert_eq!(fill.realized_pnl, Some(decimal("12.34")));
    assert_eq!(fill.venue_time.as_millis(), 1_568_879_465_650);
    assert_eq!(
        (fill.kind, fill.source),
        (FillKind::Trade, ReportSource::Stream)
    );
    assert_eq!(fill.client_order_index, Some(index(42)));
}

#[test]
fn f016_the_original_id_is_the_key_when_a_cancel_bears_its_own() {
    let frame = TRADE
        .replace("\"c\":\"c1-42\"", "\"c\":\"cancel-9\",\"C\":\"c1-42\"")
        .replace("\"x\":\"TRADE\"", "\"x\":\"CANCELED\"")
        .replace("PARTIALLY_FILLED", "CANCELED");
    let report = order_event(&frame);
    assert_eq!(report.client_order_index, Some(index(42)));
    assert_eq!(report.cancel_client_order_id.unwrap().as_str(), "cancel-9");
    assert_eq!(report.status, ReportedStatus::Cancelled);
    assert!(report.last_fill.is_none());
    let plain = order_event(
        &frame
            .replace("\"C\":\"c1-42\"", "\"C\":\"\"")
            .replace("cancel-9", "c1-42"),
    );
    assert_eq!(plain.client_order_index, Some(index(42)));
    assert_eq!(plain.cancel_client_order_id, None);
}

#[test]
fn f028_orders_of_others_are_external() {
    let report = order_event(&TRADE.replace("c1-42", "web_abc"));
    assert_eq!(
        (report.origin, report.client_order_index),
        (OrderOrigin::External, None)
    );
    assert_eq!(report.client_order_id.unwrap().as_str(), "web_abc");
}

#[test]
fn f055_orders_of_the_venue_itself_bear_their_cause() {
    for (id, execution, origin, kind) in [
        (
            "autoclose-12",
            "CALCULATED",
            OrderOrigin::Liquidation,
            FillKind::Liquidation,
        ),
        (
            "adl_autoclose",
            "TRADE",
            OrderOrigin::AutoDeleveraging,
            FillKind::AutoDeleveraging,
        ),
        (
            "settlement_autoclose-3",
            "TRADE",
            OrderOrigin::Settlement,
            FillKind::Settlement,
        ),
        (
            "web_1",
            "CALCULATED",
            OrderOrigin::External,
            FillKind::Liquidation,
        ),
    ] {
        let frame = TRADE
            .replace("c1-42", id)
            .replace("\"x\":\"TRADE\"", &format!("\"x\":\"{execution}\""));
        let report = order_event(&frame);
        assert_eq!(
            (report.origin, report.last_fill.unwrap().kind),
            (origin, kind),
            "{id}"
        );
    }
}

#[test]
fn f041_only_executions_that_move_quantity_are_fills() {
    for execution in ["NEW", "CANCELED", "EXPIRED", "AMENDMENT", "SOMETHING_NEW"] {
        let report =
            order_event(&TRADE.replace("\"x\":\"TRADE\"", &format!("\"x\":\"{execution}\"")));
        assert!(report.last_fill.is_none(), "{execution}");
    }
    let report = order_event(&TRADE.replace("\"l\":\"0.50\"", "\"l\":\"0\""));
    assert!(report.last_fill.is_none());
}

#[test]
fn f109_unknown_words_are_carried_as_text() {
    let frame = TRADE
        .replace("PARTIALLY_FILLED", "HALF_BAKED")
        .replace("\"o\":\"LIMIT\"", "\"o\":\"TRAILING_STOP_MARKET\"")
        .replace("\"f\":\"GTC\"", "\"f\":\"GTD\"");
    let report = order_event(&frame);
    assert_eq!(
        report.status,
        ReportedStatus::Unknown("HALF_BAKED".to_owned())
    );
    assert_eq!(report.status_text, "HALF_BAKED");
    assert_eq!((report.order_type, report.time_in_force), (None, None));
    assert!(report.last_fill.is_some());
}

#[test]
fn f032_expiry_is_terminal_and_its_reason_is_text() {
    let frame = TRADE
        .replace("PARTIALLY_FILLED", "EXPIRED_IN_MATCH")
        .replace("\"x\":\"TRADE\"", "\"x\":\"EXPIRED\"");
    let report = order_event(&frame);
    assert_eq!(report.status, ReportedStatus::Expired);
    assert_eq!(report.reason.as_deref(), Some("EXPIRED_IN_MATCH"));
    let frame = frame.replace("\"rp\":", "\"er\":\"8\",\"rp\":");
    assert_eq!(
        order_event(&frame).reason.as_deref(),
        Some("expiry reason 8")
    );
}

#[test]
fn h055_fills_that_make_no_sense_are_refused() {
    for (from, to) in [
        ("\"l\":\"0.50\"", "\"l\":\"-0.50\""),
        ("\"l\":\"0.50\"", "\"l\":\"1e30\""),
        ("\"L\":\"20.12\"", "\"L\":\"0\""),
        ("\"L\":\"20.12\"", "\"L\":\"-20.12\""),
        ("\"S\":\"SELL\"", "\"S\":\"SIDEWAYS\""),
        ("\"z\":\"0.75\"", "\"z\":\"-1\""),
        ("\"q\":\"1.50\"", "\"q\":\"NaN\""),
        ("\"T\":1568879465650", "\"T\":1568879465"),
        ("\"t\":12345678", "\"t\":1.5"),
        ("\"ps\":\"BOTH\"", "\"ps\":\"UP\""),
    ] {
        let frame = TRADE.replace(from, to);
        assert_ne!(frame, TRADE);
        let read = venue().read_private(&context(["SOLUSDT"]), frame.as_bytes());
        assert_eq!(read.unwrap_err().class, ErrorClass::Unreadable, "{to}");
    }
}

#[test]
fn an_instrument_that_is_not_known_is_noted_and_hides_nothing() {
    let read = venue()
        .read_private(&context([]), TRADE.as_bytes())
        .unwrap();
    let [AccountEvent::Unmapped(note)] = read.as_slice() else {
        panic!("{read:?}")
    };
    assert_eq!(
        (note.venue_symbol.as_str(), note.what.as_str()),
        ("SOLUSDT", "order")
    );
    let both = format!("[{ORDER},{}]", ORDER.replace("SOLUSDT", "NEWUSDT"));
    let listed = answered(&venue().open_orders(&context(["SOLUSDT"]), None), 200, both).unwrap();
    assert_eq!((listed.items.len(), listed.unmapped.len()), (1, 1));
    assert_eq!(listed.unmapped[0].venue_symbol.as_str(), "NEWUSDT");
}

#[test]
fn f070_a_fee_in_an_asset_without_a_name_of_ours_leaves_the_fill_standing() {
    let frame = TRADE.replace("\"N\":\"BNB\"", "\"N\":\"币安人生\"");
    let read = events(&frame);
    let [AccountEvent::Order(report), AccountEvent::Unmapped(note)] = read.as_slice() else {
        panic!("{read:?}")
    };
    assert!(
        report
            .last_fill
            .as_ref()
            .is_some_and(|fill| fill.fee.is_none())
    );
    assert_eq!(
        (note.venue_symbol.as_str(), note.what.as_str()),
        ("币安人生", "fee")
    );
}

#[test]
fn f049_money_that_moves_without_a_fill_is_a_cash_event() {
    for (reason, kind) in [
        ("FUNDING_FEE", CashKind::Funding),
        ("DEPOSIT", CashKind::Deposit),
        ("WITHDRAW", CashKind::Withdrawal),
        ("MARGIN_TRANSFER", CashKind::Transfer),
        ("INSURANCE_CLEAR", CashKind::Adjustment),
        ("AUTO_EXCHANGE", CashKind::Conversion),
        ("ORDER", CashKind::Unknown("ORDER".to_owned())),
        ("A_NEW_REASON", CashKind::Unknown("A_NEW_REASON".to_owned())),
    ] {
        let frame = format!(
            r#"{{"e":"ACCOUNT_UPDATE","E":1564745798939,"T":1564745798938,"a":{{"m":"{reason}",
            "B":[{{"a":"USDT","wb":"100.5","cw":"100.5","bc":"-0.25"}}],"P":[]}}}}"#
        );
        let read = events(&frame);
        let [AccountEvent::Balance(balance), AccountEvent::Cash(cash)] = read.as_slice() else {
            panic!("{read:?}")
        };
        assert_eq!((balance.total, balance.available), (decimal("100.5"), None));
        assert_eq!((&cash.kind, cash.kind_text.as_str()), (&kind, reason));
        assert_eq!(cash.amount, decimal("-0.25"));
    }
}

#[test]
fn f050_the_position_mode_is_read_and_sides_of_hedge_mode_show() {
    let call = venue().position_mode().unwrap();
    assert_eq!(
        answered(&call, 200, "{\"dualSidePosition\":true}"),
        Ok(PositionMode::Hedge)
    );
    assert_eq!(
        answered(&call, 200, "{\"dualSidePosition\":\"false\"}"),
        Ok(PositionMode::OneWay)
    );
    assert!(answered(&call, 200, "{\"dualSidePosition\":1}").is_err());
    let fill = order_event(&TRADE.replace("\"ps\":\"BOTH\"", "\"ps\":\"SHORT\""))
        .last_fill
        .unwrap();
    assert_eq!(fill.position_side, PositionSide::Short);
}

#[test]
fn f065_changes_of_the_account_s_setup_are_events() {
    let frame = r#"{"e":"ACCOUNT_CONFIG_UPDATE","E":1611646737479,"T":1611646737476,
        "ac":{"s":"SOLUSDT","l":25}}"#;
    let read = events(frame);
    let [AccountEvent::Config(AccountConfig::Leverage { symbol, leverage })] = read.as_slice()
    else {
        panic!("{read:?}")
    };
    assert_eq!(
        (symbol.as_str(), *leverage),
        ("SOLUSDT-USDT-PERP", decimal("25"))
    );
    let frame =
        r#"{"e":"ACCOUNT_CONFIG_UPDATE","E":1611646737479,"T":1611646737476,"ai":{"j":true}}"#;
    assert_eq!(
        events(frame),
        [AccountEvent::Config(AccountConfig::MultiAssetMargin(true))]
    );
}

#[test]
fn f100_the_end_of_a_session_is_an_event() {
    let frame = r#"{"e":"listenKeyExpired","E":1736996475556,"listenKey":"canary"}"#;
    assert_eq!(events(frame), [AccountEvent::SessionExpired]);
    let combined = format!("{{\"stream\":\"canary\",\"data\":{frame}}}");
    assert_eq!(events(&combined), [AccountEvent::SessionExpired]);
    let frame = r#"{"e":"serverShutdown","E":1736996475556}"#;
    assert_eq!(events(frame), [AccountEvent::Shutdown]);
    let call = venue().open_session().unwrap();
    assert!(answered(&call, 200, "{\"listenKey\":\"abc\"}").is_ok());
    for odd in [
        "{}",
        "{\"listenKey\":\"\"}",
        "{\"listenKey\":5}",
        "{\"listenKey\":\"canary",
    ] {
        let error = answered(&call, 200, odd).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn a_margin_call_names_the_positions() {
    let frame = r#"{"e":"MARGIN_CALL","E":1587727187525,"cw":"3.16",
        "p":[{"s":"SOLUSDT","ps":"LONG"},{"s":"NEWUSDT","ps":"LONG"}]}"#;
    let read = events(frame);
    let [
        AccountEvent::MarginCall { symbols, .. },
        AccountEvent::Unmapped(note),
    ] = read.as_slice()
    else {
        panic!("{read:?}")
    };
    assert_eq!((symbols.len(), note.venue_symbol.as_str()), (1, "NEWUSDT"));
}

#[test]
fn kinds_that_are_not_needed_are_counted_by_name() {
    for kind in [
        "TRADE_LITE",
        "ALGO_UPDATE",
        "STRATEGY_UPDATE",
        "SOMETHING_NEW",
    ] {
        let read = events(&format!("{{\"e\":\"{kind}\",\"E\":1}}"));
        assert_eq!(
            read,
            [AccountEvent::Ignored {
                kind: kind.to_owned()
            }]
        );
    }
    assert_eq!(events("{\"result\":null,\"id\":1}"), []);
}

#[test]
fn a_full_page_of_fills_may_have_a_next_one() {
    let trade = r#"{"symbol":"SOLUSDT","id":698759,"orderId":25851813,"side":"SELL","price":"20.1",
        "qty":"0.002","realizedPnl":"0","commission":"0.07","commissionAsset":"USDT",
        "time":1569514978020,"positionSide":"BOTH","maker":false}"#;
    let (venue, context, sol) = (venue(), context(["SOLUSDT"]), instrument("SOLUSDT"));
    let full = format!("[{}]", vec![trade; 1_000].join(","));
    let read = |query, body: &str| {
        answered(&venue.fills(&context, &sol, &query).unwrap(), 200, body).unwrap()
    };
    let after = FillQuery::After {
        trade: chimera_model::TradeId::new("5").unwrap(),
        since: None,
    };
    assert!(read(after.clone(), &full).more);
    assert!(!read(FillQuery::Newest, &full).more);
    let page = read(after, &format!("[{trade}]"));
    assert_eq!((page.list.items.len(), page.more), (1, false));
}
