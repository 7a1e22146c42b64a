use chimera_model::account::PositionSide;
use chimera_model::report::Fee;
use chimera_model::{
    Account, Asset, ClientOrderId, ClientOrderIndex, Symbol, TradeId, Venue, VenueOrderId,
};

use super::*;
use crate::instruments::tests::empty;
use crate::scale::tests::instrument;

const STAMP: Stamp = Stamp {
    received: UnixNanos::from_nanos(1_700_000_000_123_456_789),
    generation: 7,
};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn report(price: &str, filled: &str) -> OrderReport {
    OrderReport {
        venue: Venue::literal("example"),
        account: Account::new("main").unwrap(),
        symbol: Symbol::new("SOL-USDT-PERP").unwrap(),
        client_order_id: Some(ClientOrderId::new("chimera-5").unwrap()),
        client_order_index: Some(ClientOrderIndex::new(5).unwrap()),
        cancel_client_order_id: None,
        venue_order_id: Some(VenueOrderId::new("81").unwrap()),
        origin: OrderOrigin::Ours,
        status: ReportedStatus::PartiallyFilled,
        status_text: "PARTIALLY_FILLED".into(),
        side: Some(Side::Buy),
        order_type: Some(OrderType::Limit),
        time_in_force: Some(TimeInForce::Gtc),
        post_only: true,
        reduce_only: false,
        price: Some(decimal(price)),
        quantity: Some(decimal("2")),
        cumulative_filled: Some(decimal(filled)),
        average_price: Some(decimal("142.3")),
        reason: None,
        venue_time: Some(UnixNanos::from_nanos(1_700_000_000_000_000_000)),
        source: ReportSource::Stream,
        last_fill: None,
    }
}

#[test]
fn an_order_is_reported_in_ticks_and_lots_of_the_version_beside_them() {
    let (instruments, _) = empty().merged(vec![instrument("0.05", "0.1")], &[]);
    let stated = order(&report("142.35", "0.7"), &instruments, STAMP).unwrap();
    assert_eq!(
        (stated.price_ticks, stated.quantity_lots, stated.filled_lots),
        (2_847, 20, 7)
    );
    let version = instruments.version(instruments.find("SOLUSDT").unwrap());
    assert_eq!((stated.instrument_version, stated.generation), (version, 7));
    assert_eq!(
        (stated.client_order_index, stated.client_order_id.as_str()),
        (5, "chimera-5")
    );
    assert_eq!(
        (stated.status(), stated.source()),
        (
            pb::ReportedStatus::PartiallyFilled,
            pb::ReportSource::Stream,
        )
    );
    let received = stated.received_time.unwrap();
    assert_eq!(
        (received.seconds, received.nanos),
        (1_700_000_000, 123_456_789)
    );
}

#[test]
fn f068_an_order_from_before_a_change_is_stated_by_the_rules_it_was_placed_under() {
    let (old, _) = empty().merged(vec![instrument("0.01", "0.1")], &[]);
    let (new, _) = old.merged(vec![instrument("0.05", "0.1")], &[]);
    let stated = order(&report("142.36", "0"), &new, STAMP).unwrap();
    assert_eq!(stated.price_ticks, 14_236);
    assert_eq!(
        stated.instrument_version,
        old.version(old.find("SOL").unwrap())
    );
}

#[test]
fn a_report_that_no_version_states_exactly_is_an_error_and_not_rounded() {
    let (instruments, _) = empty().merged(vec![instrument("0.05", "0.1")], &[]);
    let error = order(&report("142.36", "0"), &instruments, STAMP).unwrap_err();
    assert_eq!(
        error,
        WireError::OffScale {
            symbol: "SOL-USDT-PERP".into(),
            field: "price"
        }
    );
    let error = order(&report("142.35", "0"), &empty(), STAMP).unwrap_err();
    assert_eq!(error, WireError::UnknownInstrument("SOL-USDT-PERP".into()));
}

#[test]
fn f016_the_original_client_id_is_the_key_whatever_a_cancel_bore() {
    let (instruments, _) = empty().merged(vec![instrument("0.05", "0.1")], &[]);
    let mut report = report("142.35", "0");
    report.cancel_client_order_id = Some(ClientOrderId::new("web_abc").unwrap());
    let stated = order(&report, &instruments, STAMP).unwrap();
    assert_eq!(stated.client_order_id, "chimera-5");
}

#[test]
fn f109_a_status_that_is_not_known_is_data() {
    let (instruments, _) = empty().merged(vec![instrument("0.05", "0.1")], &[]);
    let mut report = report("142.35", "0");
    report.status = ReportedStatus::Unknown("FROZEN".into());
    report.status_text = "FROZEN\u{1b}[2J".into();
    let stated = order(&report, &instruments, STAMP).unwrap();
    assert_eq!(stated.status(), pb::ReportedStatus::Unrecognised);
    assert_eq!(stated.status_text, "FROZEN [2J");
}

#[test]
fn a_fill_keeps_its_decimals_its_fee_and_its_cause() {
    let report = report("142.35", "0.7");
    let stated = fill(
        &Fill {
            venue: report.venue,
            account: report.account,
            symbol: report.symbol,
            trade_id: TradeId::new("9007199254740993").unwrap(),
            venue_order_id: VenueOrderId::new("81").unwrap(),
            client_order_id: None,
            client_order_index: None,
            side: Side::Sell,
            position_side: PositionSide::Net,
            price: decimal("142.3333"),
            quantity: decimal("0.07"),
            fee: Some(Fee {
                asset: Asset::new("BNB").unwrap(),
                amount: decimal("-0.0001"),
            }),
            liquidity: Some(Liquidity::Maker),
            realized_pnl: Some(decimal("0")),
            venue_time: UnixNanos::from_nanos(1),
            kind: FillKind::AutoDeleveraging,
            source: ReportSource::Rest,
        },
        STAMP,
    );
    assert_eq!(
        (stated.price.as_str(), stated.quantity.as_str()),
        ("142.3333", "0.07")
    );
    assert_eq!(stated.trade_id, "9007199254740993");
    assert_eq!(stated.fee.unwrap().amount, "-0.0001");
    assert_eq!(
        (stated.realized_pnl.as_str(), stated.client_order_index),
        ("0", 0)
    );
    assert_eq!(stated.venue_cause, "AUTO_DELEVERAGING");
}

#[test]
fn a_signed_span_keeps_its_sign_in_both_parts() {
    let span = signed_duration(-1_500_000_000);
    assert_eq!((span.seconds, span.nanos), (-1, -500_000_000));
}
