//! Requests: what is asked, of whom, at what cost.

use chimera_model::market::BarInterval;
use chimera_model::{Side, TimeInForce, TradeId, UnixNanos, VenueOrderId};

use super::{PERP, context, credentials, decimal, index, instrument, now, venue};
use crate::error::ErrorClass;
use crate::{
    Auth, BarQuery, Body, FillQuery, NewOrder, Operation, OrderKey, OrderKind, Priority,
    TradeQuery, VenueAdapter, VenueError, VenueRequest,
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

fn place(order: &NewOrder) -> Result<VenueRequest, VenueError> {
    let call = venue().place(&context([PERP]), &instrument(PERP), order);
    call.map(|call| call.request)
}

fn json(request: &VenueRequest) -> &str {
    match &request.body {
        Body::Json(text) => text,
        _ => panic!("no JSON: {request:?}"),
    }
}

/// What goes on the wire.
fn sent(request: &VenueRequest) -> String {
    let wire = venue()
        .finish(request, Some(&credentials()), now())
        .unwrap();
    let query = wire
        .url
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    let body = std::str::from_utf8(&wire.body).unwrap();
    let line = format!("{} {}{query} {body}", wire.method, wire.url.path());
    line.trim_end().to_owned()
}

#[test]
fn a_limit_order_says_everything_sorted_by_name() {
    let request = place(&limit("20.10", TimeInForce::Gtc, false)).unwrap();
    assert_eq!(
        sent(&request),
        "POST /api/v1/order {\"clientId\":2147483690,\"orderType\":\"Limit\",\"price\":\"20.1\",\
         \"quantity\":\"1.5\",\"side\":\"Ask\",\"symbol\":\"SOL_USDC_PERP\"}",
    );
    assert_eq!(request.operation, Operation::Place);
    assert_eq!(request.priority, Priority::Trade);
    assert_eq!(request.auth, Auth::Signed);
    assert!(
        !request.repeatable,
        "F04: a placement is never repeated by the transport"
    );
    assert_eq!(request.charges, [("requests-1m", 1)]);
}

#[test]
fn a_market_order_that_only_reduces_goes_first() {
    let order = NewOrder {
        side: Side::Buy,
        kind: OrderKind::Market,
        reduce_only: true,
        ..limit("1", TimeInForce::Gtc, false)
    };
    let request = place(&order).unwrap();
    assert_eq!(
        json(&request),
        "{\"clientId\":2147483690,\"orderType\":\"Market\",\"quantity\":\"1.5\",\
         \"reduceOnly\":true,\"side\":\"Bid\",\"symbol\":\"SOL_USDC_PERP\"}",
    );
    assert_eq!(request.priority, Priority::Protect);
    let spot = instrument("SOL_USDC");
    let error = venue().place(&context([]), &spot, &order).unwrap_err();
    assert_eq!(error.class, ErrorClass::NotBuilt, "spot has no position");
}

#[test]
fn h050_lifetimes_are_the_venue_s_words_and_contradictions_are_not_built() {
    for (time_in_force, post_only, word) in [
        (TimeInForce::Gtc, true, "\"postOnly\":true"),
        (TimeInForce::Ioc, false, "\"timeInForce\":\"IOC\""),
        (TimeInForce::Fok, false, "\"timeInForce\":\"FOK\""),
    ] {
        let request = place(&limit("20", time_in_force, post_only)).unwrap();
        assert!(json(&request).contains(word), "{word}");
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
    for quantity in ["0", "-1", "0.000000001"] {
        let order = NewOrder {
            quantity: decimal(quantity),
            ..limit("20", TimeInForce::Gtc, false)
        };
        let error = place(&order).unwrap_err();
        assert_eq!(error.class, ErrorClass::NotBuilt, "{quantity}");
    }
}

/// Prices and quantities reach the wire digit by digit.
#[test]
fn f068_decimals_are_never_rounded_on_their_way_out() {
    for text in ["123456789.12345678", "0.00000001", "987654321", "10"] {
        let order = NewOrder {
            quantity: decimal(text),
            ..limit(text, TimeInForce::Gtc, false)
        };
        let request = place(&order).unwrap();
        for field in ["price", "quantity"] {
            let expected = format!("\"{field}\":\"{text}\"");
            assert!(json(&request).contains(&expected), "{request:?}");
        }
    }
}

#[test]
fn f074_every_path_maps_by_the_same_symbol_and_id() {
    let (venue, context, sol) = (venue(), context([PERP]), instrument(PERP));
    let ours = OrderKey::Index(index(42));
    let theirs = OrderKey::VenueId(VenueOrderId::new("8284671277").unwrap());
    let request = venue.cancel(&context, &sol, &ours).unwrap().request;
    assert_eq!(
        sent(&request),
        "DELETE /api/v1/order {\"clientId\":2147483690,\"symbol\":\"SOL_USDC_PERP\"}"
    );
    let how = (request.priority, request.repeatable);
    assert_eq!(how, (Priority::Protect, true));
    let request = venue.cancel(&context, &sol, &theirs).unwrap().request;
    assert_eq!(
        sent(&request),
        "DELETE /api/v1/order {\"orderId\":\"8284671277\",\"symbol\":\"SOL_USDC_PERP\"}"
    );
    let request = venue.open_orders(&context, Some(&sol)).request;
    assert_eq!(sent(&request), "GET /api/v1/orders?symbol=SOL_USDC_PERP");
    let request = venue.open_orders(&context, None).request;
    assert_eq!(sent(&request), "GET /api/v1/orders");
    for id in ["abc", "-1", "1.5", "007", " 1", "0x7b0d9efc"] {
        let foreign = OrderKey::VenueId(VenueOrderId::new(id).unwrap());
        assert!(venue.cancel(&context, &sol, &foreign).is_err(), "{id}");
        assert!(venue.order(&context, &sol, &foreign, None).is_err(), "{id}");
    }
}

/// The venue shows an order by our id only while it is open; the history knows its own id alone.
#[test]
fn f005_an_order_is_looked_for_among_the_open_ones_and_then_in_the_history() {
    let (venue, context, sol) = (venue(), context([PERP]), instrument(PERP));
    let places = |key| {
        let calls = venue.order(&context, &sol, &key, None).unwrap();
        let asked = calls.iter().map(|call| {
            assert!(call.request.repeatable && call.request.operation == Operation::Query);
            sent(&call.request)
        });
        asked.collect::<Vec<_>>()
    };
    let theirs = OrderKey::VenueId(VenueOrderId::new("8284671277").unwrap());
    let expected = [
        "GET /api/v1/order?orderId=8284671277&symbol=SOL_USDC_PERP",
        "GET /wapi/v1/history/orders?orderId=8284671277&symbol=SOL_USDC_PERP",
    ];
    assert_eq!(places(theirs), expected);
    let page = "GET /wapi/v1/history/orders?symbol=SOL_USDC_PERP&limit=1000";
    let expected = [
        "GET /api/v1/order?clientId=2147483690&symbol=SOL_USDC_PERP".to_owned(),
        format!("{page}&offset=0&sortDirection=Desc"),
        format!("{page}&offset=1000&sortDirection=Desc"),
        format!("{page}&offset=2000&sortDirection=Desc"),
    ];
    assert_eq!(places(OrderKey::Index(index(42))), expected);
}

#[test]
fn f039_fills_are_asked_for_from_the_time_of_the_last_known() {
    let (venue, context, sol) = (venue(), context([PERP]), instrument(PERP));
    let ask = |query: &FillQuery| sent(&venue.fills(&context, &sol, query).unwrap().request);
    let path = "GET /wapi/v1/history/fills?symbol=SOL_USDC_PERP&limit=1000";
    assert_eq!(
        ask(&FillQuery::Newest),
        format!("{path}&sortDirection=Desc")
    );
    let at = UnixNanos::from_millis(1_754_939_110_174).unwrap();
    let from = format!("{path}&from=1754939110174&sortDirection=Asc");
    let after = |since| FillQuery::After {
        trade: TradeId::new("698759").unwrap(),
        since,
    };
    assert_eq!(ask(&after(Some(at))), from);
    assert_eq!(ask(&FillQuery::Since(at)), from);
    let order = FillQuery::OfOrder(VenueOrderId::new("5406825793").unwrap());
    let of_order = format!("{path}&orderId=5406825793&sortDirection=Asc");
    assert_eq!(ask(&order), of_order);
    assert_eq!(ask(&after(None)), format!("{path}&sortDirection=Desc"));
    let nameless = FillQuery::After {
        trade: TradeId::new("8/1/2/3").unwrap(),
        since: None,
    };
    let error = venue.fills(&context, &sol, &nameless).unwrap_err();
    assert_eq!(error.class, ErrorClass::NotBuilt, "neither number nor time");
    let foreign = FillQuery::OfOrder(VenueOrderId::new("x").unwrap());
    assert!(venue.fills(&context, &sol, &foreign).is_err());
    assert_eq!(
        sent(&venue.last_change(&context).request),
        "GET /wapi/v1/history/fills?limit=1&sortDirection=Desc"
    );
}

#[test]
fn public_requests_name_what_the_venue_offers() {
    let (venue, sol) = (venue(), instrument(PERP));
    for (wanted, limit) in [
        (1, 5),
        (5, 5),
        (6, 10),
        (51, 100),
        (101, 500),
        (9_999, 1_000),
    ] {
        let request = venue.depth(&sol, wanted).request;
        let path = format!("GET /api/v1/depth?symbol=SOL_USDC_PERP&limit={limit}");
        assert_eq!(sent(&request), path);
    }
    let request = venue.quote(&sol).request;
    assert_eq!(
        sent(&request),
        "GET /api/v1/depth?symbol=SOL_USDC_PERP&limit=5"
    );
    let request = venue.ticker(&sol).request;
    assert_eq!(sent(&request), "GET /api/v1/ticker?symbol=SOL_USDC_PERP");
    let request = venue
        .trades(&sol, TradeQuery::Newest, 9_999)
        .unwrap()
        .request;
    assert_eq!(
        sent(&request),
        "GET /api/v1/trades?symbol=SOL_USDC_PERP&limit=1000"
    );
    for query in [TradeQuery::From(9), TradeQuery::Aggregates(None)] {
        let error = venue.trades(&sol, query, 10).unwrap_err();
        assert_eq!(error.class, ErrorClass::NotBuilt);
    }
}

/// The venue takes a span in seconds and no count.
#[test]
fn bars_are_asked_for_by_a_span_that_holds_what_was_asked() {
    let (venue, sol) = (venue(), instrument(PERP));
    let at = |seconds: i64| UnixNanos::from_millis(seconds * 1_000).ok();
    let ask = |start, end, limit| {
        let query = BarQuery {
            interval: BarInterval::OneMinute,
            start,
            end,
            limit,
        };
        let request = venue.bars(&sol, &query, now()).request;
        assert_eq!(
            request.charges,
            [("public-requests-1m", 1), ("public-history-1m", 1)]
        );
        let sent = sent(&request);
        let span = sent.strip_prefix("GET /api/v1/klines?symbol=SOL_USDC_PERP&interval=1m&");
        span.unwrap().to_owned()
    };
    let (from, to) = (1_700_000_000, 1_700_006_000);
    let span = |start: i64, end: i64| format!("startTime={start}&endTime={end}");
    assert_eq!(ask(at(from), at(to), 1_000), span(from, to));
    assert_eq!(ask(at(from), at(to), 10), span(from, from + 600));
    assert_eq!(ask(at(from), None, 10), span(from, from + 600));
    assert_eq!(ask(None, at(to), 10), span(to - 600, to));
    assert_eq!(ask(None, None, 10), span(from - 600, from));
    // No more than a thousand at once, whatever is asked.
    assert_eq!(ask(at(from), None, 99_999), span(from, from + 60_000));
}

#[test]
fn f113_every_charge_names_a_scope_of_the_limits_and_signs_by_account() {
    let (venue, context, sol) = (venue(), context([PERP]), instrument(PERP));
    let limits = &venue.rate_limits().limits;
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
        venue.last_change(&context).request,
        venue.cancel(&context, &sol, &key).unwrap().request,
        venue
            .order(&context, &sol, &key, None)
            .unwrap()
            .remove(1)
            .request,
        place(&limit("20", TimeInForce::Gtc, false)).unwrap(),
    ];
    for request in requests {
        assert!(!request.charges.is_empty(), "{request:?}");
        for (scope, cost) in &request.charges {
            let limit = limits.iter().find(|limit| limit.scope == *scope).unwrap();
            assert_eq!(limit.per_account, request.auth == Auth::Signed);
            assert!(*cost > 0, "{request:?}");
        }
    }
}

/// The venue has no key of a session, one position mode, and tells no usage.
#[test]
fn what_the_venue_does_not_have_is_not_asked_for() {
    let venue = venue();
    assert!(venue.session_rules().is_none() && venue.open_session().is_none());
    assert!(venue.position_mode().is_none());
    let session = crate::SessionKey::new("k");
    assert!(venue.extend_session(&session).is_none());
    assert!(venue.close_session(&session).is_none());
    assert!(!venue.stream_rules().confirms);
}

#[test]
fn a_configuration_of_another_venue_is_refused() {
    let error = crate::backpack::Backpack::new(crate::VenueConfig {
        venue: chimera_model::Venue::literal("nowhere"),
        client_id_prefix: crate::ClientIdPrefix::new("c1").unwrap(),
        endpoints: None,
        aliases: None,
    });
    assert_eq!(error.unwrap_err().class, ErrorClass::NotBuilt);
}

#[test]
fn a_bare_name_means_the_perpetual_in_usdc() {
    let aliases = venue().aliases().clone();
    let table = crate::InstrumentTable::new(aliases);
    let table = table.refreshed(["SOL_USDC", PERP].map(instrument));
    let resolved = table.resolve("SOL").unwrap();
    assert_eq!(resolved.venue_symbol.as_str(), PERP);
}

#[test]
fn the_registry_names_this_venue() {
    assert!(crate::venues().any(|venue| venue == crate::backpack::VENUE));
}
