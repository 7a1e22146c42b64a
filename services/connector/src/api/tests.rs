use chimera_contracts::common::v1 as common;
use chimera_runtime::fault::Fault;

use super::*;
use crate::command::{OrderKey, SubmitKind};

fn limit_order() -> pb::SubmitLimitOrderRequest {
    pb::SubmitLimitOrderRequest {
        account: "main".into(),
        venue: "binance-usdm".into(),
        symbol: "SOL-USDT-PERP".into(),
        client_order_index: 1,
        side: common::Side::Buy.into(),
        quantity_lots: 1,
        price_ticks: 1,
        instrument_version: 1,
        time_in_force: common::TimeInForce::Gtc.into(),
        post_only: true,
        ..Default::default()
    }
}

fn blamed(error: &ConnectorError) -> Vec<String> {
    error
        .fields()
        .into_iter()
        .map(|field| field.field)
        .collect()
}

#[test]
fn a_sound_order_is_read() {
    let order = read::limit_order(&limit_order()).unwrap();
    assert!(matches!(
        order.kind,
        SubmitKind::Limit {
            post_only: true,
            ..
        }
    ));
}

#[test]
fn every_field_at_fault_is_named_at_once() {
    let order = pb::SubmitLimitOrderRequest {
        client_order_index: 1 << 31,
        side: 9,
        quantity_lots: 0,
        price_ticks: -1,
        time_in_force: 0,
        ..limit_order()
    };
    let error = read::limit_order(&order).unwrap_err();
    assert_eq!(
        blamed(&error),
        [
            "client_order_index",
            "side",
            "quantity_lots",
            "price_ticks",
            "time_in_force"
        ],
    );
}

#[test]
fn an_order_that_must_rest_cannot_take_at_once() {
    for time_in_force in [common::TimeInForce::Ioc, common::TimeInForce::Fok] {
        let order = pb::SubmitLimitOrderRequest {
            time_in_force: time_in_force.into(),
            ..limit_order()
        };
        assert_eq!(
            blamed(&read::limit_order(&order).unwrap_err()),
            ["post_only"]
        );
    }
}

#[test]
fn f020_a_cancel_without_any_id_is_never_sent() {
    let mut cancel = pb::CancelOrderRequest {
        account: "main".into(),
        venue: "binance-usdm".into(),
        symbol: "SOL-USDT-PERP".into(),
        client_order_index: 0,
        venue_order_id: String::new(),
    };
    assert_eq!(
        blamed(&read::cancel(&cancel).unwrap_err()),
        ["client_order_index"]
    );
    cancel.client_order_index = 7;
    assert!(matches!(
        read::cancel(&cancel).unwrap().key,
        OrderKey::Ours(_)
    ));
    cancel.venue_order_id = "81".into();
    assert!(matches!(
        read::cancel(&cancel).unwrap().key,
        OrderKey::Venues(_)
    ));
}

#[test]
fn a_market_stream_names_one_to_two_hundred_instruments() {
    for (count, valid) in [(0, false), (1, true), (200, true), (201, false)] {
        let symbols = vec!["SOL".to_owned(); count];
        let request = pb::WatchMarketRequest {
            venue: "binance-usdm".into(),
            symbols,
        };
        assert_eq!(read::watch_market(&request).is_ok(), valid, "{count}");
    }
}

#[test]
fn a_time_of_another_unit_is_refused() {
    let mut query = pb::ListFillsRequest {
        start_time: Some(prost_types::Timestamp {
            seconds: 1_700_000_000,
            nanos: 5_000_000,
        }),
        ..Default::default()
    };
    let start = read::list_fills(&query).unwrap().start.unwrap();
    assert_eq!(start.as_millis(), 1_700_000_000_005);
    query.start_time = Some(prost_types::Timestamp {
        seconds: 1_700_000_000_000,
        nanos: 0,
    });
    assert_eq!(
        blamed(&read::list_fills(&query).unwrap_err()),
        ["start_time"]
    );
}
