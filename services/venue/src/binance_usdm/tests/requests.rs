//! Requests: what is asked, of whom, at what cost.

use chimera_model::market::BarInterval;
use chimera_model::{Side, TimeInForce, TradeId, UnixNanos, VenueOrderId};

use super::{context, decimal, headers, index, instrument, now, venue};
use crate::error::ErrorClass;
use crate::{
    Auth, BarQuery, Body, Credentials, FillQuery, NewOrder, Operation, OrderKey, OrderKind,
    Priority, TradeQuery, VenueRequest,
};

fn limit(price: &str, time_in_force: TimeInForce, post_only: bool) -> NewOrder {
    NewOrder {
        index: index(42),
        side: Side::Sell,
        quantity: decimal("1.50"),
        kind: OrderKind::Limit {
            price: decimal(price),
            time_in_force,
            post_only,
        },
        reduce_only: false,
    }
}

fn place(order: &NewOrder) -> Result<VenueRequest, crate::VenueError> {
    let sol = instrument("SOLUSDT");
    venue()
        .place(&context(["SOLUSDT"]), &sol, order)
        .map(|call| call.request)
}

fn form(request: &VenueRequest) -> String {
    let Body::Form(fields) = &request.body else {
        panic!("no form: {request:?}")
    };
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    fields.join("&")
}

/// What goes on the wire without time, window and signature.
fn sent(request: &VenueRequest) -> String {
    let credentials = Credentials::new("key", "secret");
    let wire = venue().finish(request, Some(&credentials), now()).unwrap();
    let query = wire.url.query().unwrap_or_default();
    let own = |field: &&str| {
        !["timestamp=", "recvWindow=", "signature="]
            .iter()
            .any(|mark| field.starts_with(mark))
    };
    let fields: Vec<&str> = query.split('&').filter(own).collect();
    format!("{} {}?{}", wire.method, wire.url.path(), fields.join("&"))
}

#[test]
fn a_limit_order_says_everything_in_a_fixed_order() {
    let request = place(&limit("20.10", TimeInForce::Gtc, false)).unwrap();
    assert_eq!(
        form(&request),
        "symbol=SOLUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1.5&price=20.1\
         &newClientOrderId=c1-42&newOrderRespType=RESULT",
    );
    assert_eq!(request.operation, Operation::Place);
    assert_eq!(request.priority, Priority::Trade);
    assert_eq!(request.auth, Auth::Signed);
    assert!(
        !request.repeatable,
        "F04: a placement is never repeated by the transport"
    );
    let costs = [("ip-weight-1m", 0), ("orders-10s", 1), ("orders-1m", 1)];
    assert_eq!(request.charges, costs);
}

#[test]
fn a_market_order_that_only_reduces_goes_first() {
    let order = NewOrder {
        kind: OrderKind::Market,
        reduce_only: true,
        ..limit("1", TimeInForce::Gtc, false)
    };
    let request = place(&order).unwrap();
    assert_eq!(
        form(&request),
        "symbol=SOLUSDT&side=SELL&type=MARKET&quantity=1.5&newClientOrderId=c1-42\
         &reduceOnly=true&newOrderRespType=RESULT",
    );
    assert_eq!(request.priority, Priority::Protect);
}

#[test]
fn h050_lifetimes_are_the_venue_s_words_and_contradictions_are_not_built() {
    for (time_in_force, post_only, word) in [
        (TimeInForce::Gtc, true, "timeInForce=GTX"),
        (TimeInForce::Ioc, false, "timeInForce=IOC"),
        (TimeInForce::Fok, false, "timeInForce=FOK"),
    ] {
        let request = place(&limit("20", time_in_force, post_only)).unwrap();
        assert!(form(&request).contains(word), "{word}");
    }
    for time_in_force in [TimeInForce::Ioc, TimeInForce::Fok] {
        let error = place(&limit("20", time_in_force, true)).unwrap_err();
        assert_eq!(error.class, ErrorClass::NotBuilt);
    }
}

#[test]
fn f066_values_off_the_grid_are_not_built_and_the_rule_is_named() {
    let error = place(&limit("20.000000001", TimeInForce::Gtc, false)).unwrap_err();
    assert_eq!(error.class, ErrorClass::NotBuilt);
    assert!(error.detail.contains("TICK_SIZE"), "{error}");
    let order = NewOrder {
        quantity: decimal("0"),
        ..limit("20", TimeInForce::Gtc, false)
    };
    assert!(place(&order).unwrap_err().detail.contains("POSITIVE"));
}

#[test]
fn f074_every_path_maps_by_the_same_symbol_and_id() {
    let (venue, context, sol) = (venue(), context(["SOLUSDT"]), instrument("SOLUSDT"));
    let ours = OrderKey::Index(index(42));
    let theirs = OrderKey::VenueId(VenueOrderId::new("8886774").unwrap());
    let request = venue.cancel(&context, &sol, &ours).unwrap().request;
    assert_eq!(
        sent(&request),
        "DELETE /fapi/v1/order?symbol=SOLUSDT&origClientOrderId=c1-42"
    );
    assert_eq!(
        (request.priority, request.repeatable),
        (Priority::Protect, true)
    );
    let request = venue
        .order(&context, &sol, &ours, None)
        .unwrap()
        .remove(0)
        .request;
    assert_eq!(
        sent(&request),
        "GET /fapi/v1/order?symbol=SOLUSDT&origClientOrderId=c1-42"
    );
    let request = venue.cancel(&context, &sol, &theirs).unwrap().request;
    assert_eq!(
        sent(&request),
        "DELETE /fapi/v1/order?symbol=SOLUSDT&orderId=8886774"
    );
    let request = venue.open_orders(&context, Some(&sol)).request;
    assert_eq!(sent(&request), "GET /fapi/v1/openOrders?symbol=SOLUSDT");
    assert_eq!(request.charges, [("ip-weight-1m", 1)]);
    let request = venue.open_orders(&context, None).request;
    assert_eq!(request.charges, [("ip-weight-1m", 40)]);
    for id in ["abc", "-1", "1.5", "007", " 1", "0x7b0d9efc"] {
        let foreign = OrderKey::VenueId(VenueOrderId::new(id).unwrap());
        assert!(venue.cancel(&context, &sol, &foreign).is_err(), "{id}");
    }
}

#[test]
fn f039_fills_are_asked_from_the_trade_after_the_last_known() {
    let (venue, context, sol) = (venue(), context(["SOLUSDT"]), instrument("SOLUSDT"));
    let ask = |query: &FillQuery| sent(&venue.fills(&context, &sol, query).unwrap().request);
    let path = "GET /fapi/v1/userTrades?symbol=SOLUSDT";
    assert_eq!(ask(&FillQuery::Newest), format!("{path}&limit=1000"));
    let after = FillQuery::After {
        trade: TradeId::new("698759").unwrap(),
        since: None,
    };
    assert_eq!(ask(&after), format!("{path}&fromId=698760&limit=1000"));
    let since = FillQuery::Since(UnixNanos::from_millis(1_569_514_978_020).unwrap());
    assert_eq!(
        ask(&since),
        format!("{path}&startTime=1569514978020&limit=1000")
    );
    let order = FillQuery::OfOrder(VenueOrderId::new("25851813").unwrap());
    assert_eq!(ask(&order), format!("{path}&orderId=25851813&limit=1000"));
    let foreign = FillQuery::After {
        trade: TradeId::new("x").unwrap(),
        since: None,
    };
    assert!(venue.fills(&context, &sol, &foreign).is_err());
}

#[test]
fn public_requests_cost_what_is_documented() {
    let (venue, sol) = (venue(), instrument("SOLUSDT"));
    let weight = |request: &VenueRequest| {
        assert_eq!(request.auth, Auth::None);
        request.charges.clone()
    };
    for (wanted, limit, cost) in [
        (1, 5, 2),
        (50, 50, 2),
        (51, 100, 5),
        (1_000, 1_000, 20),
        (9_999, 1_000, 20),
    ] {
        let request = venue.depth(&sol, wanted).request;
        assert_eq!(
            sent(&request),
            format!("GET /fapi/v1/depth?symbol=SOLUSDT&limit={limit}")
        );
        assert_eq!(weight(&request), [("ip-weight-1m", cost)]);
    }
    let query = BarQuery {
        interval: BarInterval::OneMinute,
        start: Some(UnixNanos::from_millis(1_700_000_000_000).unwrap()),
        end: Some(UnixNanos::from_millis(1_700_000_060_000).unwrap()),
        limit: 9_999,
    };
    let request = venue.bars(&sol, &query, now()).request;
    let fields = "interval=1m&startTime=1700000000000&endTime=1700000059999&limit=1500";
    assert_eq!(
        sent(&request),
        format!("GET /fapi/v1/klines?symbol=SOLUSDT&{fields}")
    );
    assert_eq!(weight(&request), [("ip-weight-1m", 10)]);
    let request = venue.trades(&sol, TradeQuery::Newest, 0).unwrap().request;
    assert_eq!(sent(&request), "GET /fapi/v1/trades?symbol=SOLUSDT&limit=1");
    let request = venue.trades(&sol, TradeQuery::From(9), 10).unwrap().request;
    let path = "GET /fapi/v1/historicalTrades?symbol=SOLUSDT&limit=10&fromId=9";
    assert_eq!((sent(&request).as_str(), request.auth), (path, Auth::Key));
}

#[test]
fn f116_usage_headers_are_read_and_garbage_is_not() {
    let fields = headers(&[
        ("x-mbx-used-weight-1m", "237"),
        ("x-mbx-order-count-10s", "12"),
        ("x-mbx-order-count-1m", "many"),
    ]);
    let usage = venue().usage(&fields);
    let usage: Vec<_> = usage
        .iter()
        .map(|usage| (usage.scope, usage.used))
        .collect();
    assert_eq!(usage, [("ip-weight-1m", 237), ("orders-10s", 12)]);
}

#[test]
fn f113_every_charge_names_a_scope_of_the_limits() {
    let (venue, context, sol) = (venue(), context(["SOLUSDT"]), instrument("SOLUSDT"));
    let scopes: Vec<&str> = venue
        .rate_limits()
        .limits
        .iter()
        .map(|limit| limit.scope)
        .collect();
    let key = OrderKey::Index(index(1));
    let requests = [
        venue.server_time().request,
        venue.instruments().request,
        venue.quote(&sol).request,
        venue.ticker(&sol).request,
        venue.tickers(&context.instruments).request,
        venue.positions(&context).request,
        venue.balances(&context).request,
        venue.margin(&context).request,
        venue.position_mode().unwrap().request,
        venue.open_session().unwrap().request,
        venue.cancel(&context, &sol, &key).unwrap().request,
        place(&limit("20", TimeInForce::Gtc, false)).unwrap(),
    ];
    for request in requests {
        let costs = request.charges.iter().map(|(_, cost)| cost);
        assert!(costs.sum::<u64>() > 0, "{request:?}");
        for (scope, _) in &request.charges {
            assert!(scopes.contains(scope), "{request:?}");
        }
    }
}

#[test]
fn the_registry_names_its_venues() {
    assert!(crate::venues().any(|venue| venue == crate::binance_usdm::VENUE));
    let config = crate::VenueConfig {
        venue: chimera_model::Venue::literal("nowhere"),
        client_id_prefix: crate::ClientIdPrefix::new("c1").unwrap(),
        endpoints: None,
        aliases: None,
    };
    let error = crate::adapter(config).unwrap_err();
    assert!(error.detail.contains("binance-usdm"), "{error}");
}
