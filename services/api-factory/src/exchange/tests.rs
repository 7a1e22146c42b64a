use chimera_contracts::{
    api_factory::v1::{GetKlinesRequest, PlaceExchangeOrderRequest},
    common::v1::{OrderType, Side, TimeInForce},
    order::v1::{Order, OrderState},
};

use super::{bars, order, placed};

fn request() -> PlaceExchangeOrderRequest {
    PlaceExchangeOrderRequest {
        exchange_name: "binance-usdm".to_owned(),
        symbol: "BTCUSDT".to_owned(),
        side: "BUY".to_owned(),
        r#type: "limit".to_owned(),
        quantity: "0.01".to_owned(),
        price: "50000".to_owned(),
        ..PlaceExchangeOrderRequest::default()
    }
}

#[test]
fn the_seeds_words_mean_an_order_of_the_main_account() {
    let meant = order(request()).unwrap();
    assert_eq!(
        (meant.side(), meant.r#type()),
        (Side::Buy, OrderType::Limit)
    );
    assert_eq!(
        (meant.account.as_str(), meant.venue.as_str()),
        ("main", "binance-usdm")
    );
}

#[test]
fn gtx_means_post_only() {
    let meant = order(PlaceExchangeOrderRequest {
        time_in_force: "GTX".to_owned(),
        ..request()
    })
    .unwrap();
    assert_eq!(
        (meant.time_in_force(), meant.post_only),
        (TimeInForce::Gtc, true)
    );
}

#[test]
fn h50_unknown_words_are_refused_by_field() {
    let wrong = |change: fn(&mut PlaceExchangeOrderRequest)| {
        let mut request = request();
        change(&mut request);
        order(request).unwrap_err().field
    };
    assert_eq!(wrong(|request| request.side = "LONG".to_owned()), "side");
    assert_eq!(wrong(|request| request.side = String::new()), "side");
    assert_eq!(wrong(|request| request.r#type = "STOP".to_owned()), "type");
    assert_eq!(
        wrong(|request| request.time_in_force = "DAY".to_owned()),
        "time_in_force"
    );
}

#[test]
fn an_order_in_doubt_is_never_called_ok() {
    let order = |state: OrderState| Order {
        state: state.into(),
        ..Order::default()
    };
    assert_eq!(placed(order(OrderState::Unknown)).status, "unknown");
    assert_eq!(placed(order(OrderState::Open)).status, "ok");
}

#[test]
fn h47_times_outside_the_calendar_are_refused() {
    let klines = |start_time| GetKlinesRequest {
        interval: "1m".to_owned(),
        start_time: Some(start_time),
        ..GetKlinesRequest::default()
    };
    assert_eq!(bars(klines(-1)).unwrap_err().field, "start_time");
    assert_eq!(bars(klines(i64::MAX)).unwrap_err().field, "start_time");
    assert_eq!(
        bars(klines(1_500)).unwrap().start_time.unwrap().nanos,
        500_000_000
    );
}
