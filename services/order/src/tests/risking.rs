//! What risk denies, and what it lets out.

use std::time::Duration;

use chimera_contracts::common::v1::{Side, TimeInForce};
use chimera_contracts::order::v1 as pb;
use chimera_model::Decimal;
use chimera_runtime::fault::facts_of;
use pb::OrderState as S;
use tonic::Status;

use super::mesh::{Mesh, buy, market, reason, sell, tracking, with_index};
use super::venue::{OnSubmit, Venue};
use crate::Config;

async fn refused(mesh: &Mesh, request: pb::PlaceOrderRequest) -> String {
    reason(&mesh.place(request).await.unwrap_err())
}

fn config(set: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    set(&mut config);
    config
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn f057_submits_at_the_same_moment_cannot_pass_one_limit_together() {
    let limits = config(|config| config.risk.exposure_max = number("500"));
    let mesh = Mesh::with(limits, Venue::new()).await;
    mesh.venue.on_submit(std::iter::repeat_n(
        OnSubmit::Slow(Duration::from_secs(1)),
        20,
    ));
    let all = futures::future::join_all((0..20).map(|_| mesh.place(buy("1", "100")))).await;
    let (passed, denied): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    // At the best ask of 100.01, four units are 400.04 and five would be 500.05.
    assert_eq!(passed.len(), 4);
    assert!(
        denied
            .iter()
            .all(|it| reason(it.as_ref().unwrap_err()) == "EXPOSURE_LIMIT")
    );
}

#[tokio::test(start_paused = true)]
async fn f057_an_order_in_doubt_counts_at_its_worst_until_the_venue_has_spoken() {
    let limits = config(|config| config.risk.exposure_max = number("150"));
    let mesh = Mesh::with(limits, Venue::new()).await;
    mesh.venue.on_submit([OnSubmit::LoseRequest]);
    assert_eq!(
        mesh.place(buy("1", "100")).await.unwrap().state(),
        S::Unknown
    );
    assert_eq!(refused(&mesh, buy("1", "100")).await, "EXPOSURE_LIMIT");
    mesh.reaches(1, S::Rejected).await;
    mesh.place(buy("1", "100")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn f025_exposure_is_the_sum_of_fills_and_of_what_may_still_fill() {
    let limits = config(|config| config.risk.exposure_max = number("350"));
    let mesh = Mesh::with(limits, Venue::new()).await;
    mesh.place(market(Side::Buy, "2")).await.unwrap();
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
        .await;
    assert_eq!(refused(&mesh, buy("2", "100")).await, "EXPOSURE_LIMIT");
    mesh.place(buy("1", "100")).await.unwrap();
    mesh.cancel(3).await.unwrap();
    mesh.place(buy("1", "100")).await.unwrap();
    // The other way there is room for the position and the limit beyond it.
    mesh.place(sell("5", "100.5")).await.unwrap();
    assert_eq!(refused(&mesh, sell("1", "100.5")).await, "EXPOSURE_LIMIT");
}

/// What may only reduce may take the position away that another order was to close; that one then
/// opens as much the other way.
#[tokio::test(start_paused = true)]
async fn f025_what_may_only_reduce_counts_against_what_the_rest_of_its_side_may_open() {
    let limits = config(|config| config.risk.exposure_max = number("250"));
    let mesh = Mesh::with(limits, Venue::new()).await;
    mesh.place(market(Side::Buy, "2")).await.unwrap();
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
        .await;
    let reduce = pb::PlaceOrderRequest {
        reduce_only: true,
        ..sell("2", "100.5")
    };
    mesh.place(reduce.clone()).await.unwrap();
    assert_eq!(refused(&mesh, sell("4", "100.5")).await, "EXPOSURE_LIMIT");
    mesh.place(sell("2", "100.5")).await.unwrap();
    mesh.cancel(2).await.unwrap();
    mesh.place(sell("2", "100.5")).await.unwrap();
    // Two units to close and four that sell: two more would leave four short.
    assert_eq!(refused(&mesh, reduce).await, "EXPOSURE_LIMIT");
}

#[tokio::test(start_paused = true)]
async fn a_denied_order_that_claimed_an_index_is_recorded_and_repeated_as_it_stands() {
    let limits = config(|config| config.risk.exposure_max = number("50"));
    let mesh = Mesh::with(limits, Venue::new()).await;
    let denied: Status = mesh
        .place(with_index(3, buy("1", "100")))
        .await
        .unwrap_err();
    assert_eq!(reason(&denied), "EXPOSURE_LIMIT");
    assert_eq!(facts_of(&denied)["client_order_index"], "3");
    assert_eq!(facts_of(&denied)["limit"], "50");
    let order = mesh.get(3).await;
    assert_eq!(
        (order.state(), order.reason.as_str()),
        (S::Denied, "EXPOSURE_LIMIT")
    );
    let again = mesh.place(with_index(3, buy("1", "100"))).await.unwrap();
    assert_eq!(again.state(), S::Denied);
    assert_eq!(mesh.venue.with(|state| state.submits.len()), 0);
}

#[tokio::test(start_paused = true)]
async fn h038_a_price_far_from_the_market_is_denied_with_the_bounds() {
    let mesh = Mesh::start().await;
    let denied = mesh.place(buy("1", "1000")).await.unwrap_err();
    assert_eq!(reason(&denied), "PRICE_COLLAR");
    assert_eq!(facts_of(&denied)["maximum"], "105.0105");
    assert_eq!(refused(&mesh, sell("1", "90")).await, "PRICE_COLLAR");
    assert_eq!(refused(&mesh, buy("1", "10")).await, "PRICE_COLLAR");
    mesh.place(buy("1", "105")).await.unwrap();
    // A market order into a market that is not there.
    mesh.venue.with(|state| state.ask = Some(20_000));
    assert_eq!(refused(&mesh, market(Side::Buy, "1")).await, "PRICE_COLLAR");
}

#[tokio::test(start_paused = true)]
async fn f059_without_a_fresh_price_nothing_new_is_risked_and_the_way_out_is_open() {
    let mesh = Mesh::start().await;
    mesh.place(market(Side::Buy, "2")).await.unwrap();
    mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
        .await;
    mesh.venue.with(|state| state.stale = true);
    assert_eq!(refused(&mesh, buy("1", "100")).await, "NO_FRESH_PRICE");
    mesh.venue.with(|state| {
        state.stale = false;
        state.bid = Some(0);
        state.ask = None;
    });
    assert_eq!(refused(&mesh, buy("1", "100")).await, "NO_FRESH_PRICE");
    mesh.place(sell("1", "100")).await.unwrap();
    let reduce = pb::PlaceOrderRequest {
        reduce_only: true,
        ..market(Side::Sell, "1")
    };
    mesh.place(reduce).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reduce_only_order_that_would_not_reduce_is_denied() {
    let mesh = Mesh::start().await;
    let reduce = pb::PlaceOrderRequest {
        reduce_only: true,
        ..sell("1", "100")
    };
    assert_eq!(refused(&mesh, reduce).await, "REDUCE_ONLY");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_paid_for_is_denied_and_what_is_on_its_way_is_counted() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.available = "25".to_owned());
    mesh.reconcile(false).await;
    // Leverage 10: a notional of 200 needs 20 and the fee.
    mesh.venue.on_submit([OnSubmit::LoseRequest]);
    mesh.place(buy("2", "100")).await.unwrap();
    let denied = mesh.place(buy("1", "100")).await.unwrap_err();
    assert_eq!(reason(&denied), "INSUFFICIENT_MARGIN");
    assert_eq!(facts_of(&denied)["available"], "5");
}

#[tokio::test(start_paused = true)]
async fn orders_beyond_the_rate_are_refused_and_claim_nothing() {
    let limits = config(|config| config.risk.orders_per_second_max = 5);
    let mesh = Mesh::with(limits, Venue::new()).await;
    for index in 1..=5 {
        mesh.place(with_index(index, buy("0.1", "99")))
            .await
            .unwrap();
    }
    assert_eq!(
        refused(&mesh, with_index(6, buy("0.1", "99"))).await,
        "ORDER_RATE_LIMIT"
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    mesh.place(with_index(6, buy("0.1", "99"))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn open_orders_beyond_the_cap_are_denied() {
    let limits = config(|config| config.risk.open_orders_max = 2);
    let mesh = Mesh::with(limits, Venue::new()).await;
    mesh.place(buy("0.1", "99")).await.unwrap();
    mesh.place(buy("0.1", "99")).await.unwrap();
    assert_eq!(refused(&mesh, buy("0.1", "99")).await, "OPEN_ORDER_LIMIT");
    mesh.cancel(1).await.unwrap();
    mesh.place(buy("0.1", "99")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn f066_a_number_off_the_grid_is_refused_with_the_nearest_valid_ones() {
    let mesh = Mesh::start().await;
    let refusal = mesh.place(buy("1", "99.995")).await.unwrap_err();
    assert_eq!(reason(&refusal), "PRICE_OFF_TICK");
    assert_eq!(facts_of(&refusal)["nearest_below"], "99.99");
    assert_eq!(facts_of(&refusal)["nearest_above"], "100");
    assert_eq!(refused(&mesh, buy("1.05", "99")).await, "QUANTITY_OFF_LOT");
    assert_eq!(
        refused(&mesh, buy("0.05", "99")).await,
        "QUANTITY_BELOW_MINIMUM"
    );
    assert_eq!(
        refused(&mesh, buy("20000", "99")).await,
        "QUANTITY_ABOVE_MAXIMUM"
    );
    let small = mesh.place(buy("0.1", "49")).await.unwrap_err();
    assert_eq!(reason(&small), "PRICE_COLLAR");
    mesh.venue.with(|state| {
        state.bid = Some(4_000);
        state.ask = Some(4_001);
    });
    assert_eq!(
        refused(&mesh, buy("0.1", "40")).await,
        "NOTIONAL_BELOW_MINIMUM"
    );
}

#[tokio::test(start_paused = true)]
async fn h043_a_number_that_is_not_one_is_refused_by_its_field() {
    let mesh = Mesh::start().await;
    let numbers = [
        "0",
        "-1",
        "NaN",
        "inf",
        "1e400",
        "1e-400",
        "0x10",
        "1_000",
        " 1",
        "+1",
        "-0",
        "1,5",
        "١",
        "9007199254740993.0000000000000000001",
        "",
        "1.",
        ".5",
        "00.1",
    ];
    let long = "9".repeat(10_000);
    for text in numbers.into_iter().chain([long.as_str()]) {
        let refusal = mesh.place(buy(text, "99")).await.unwrap_err();
        assert_eq!(refusal.code(), tonic::Code::InvalidArgument, "{text}");
        let fields = chimera_runtime::fault::fields_of(&refusal);
        assert_eq!(fields[0].field, "quantity", "{text}");
        if !text.is_empty() {
            let refusal = mesh.place(buy("1", text)).await.unwrap_err();
            assert_eq!(
                chimera_runtime::fault::fields_of(&refusal)[0].field,
                "price",
                "{text}"
            );
        }
    }
    assert_eq!(
        mesh.store.records().len(),
        1,
        "nothing of it reaches the journal"
    );
}

#[tokio::test(start_paused = true)]
async fn h044_a_notional_that_does_not_fit_is_denied() {
    let mesh = Mesh::start().await;
    let refusal = mesh
        .place(buy("10000", "9999999999999999999999999.99"))
        .await
        .unwrap_err();
    assert!(
        ["NUMBER_OUT_OF_RANGE", "PRICE_COLLAR"].contains(&reason(&refusal).as_str()),
        "{refusal:?}"
    );
    assert_eq!(mesh.venue.with(|state| state.submits.len()), 0);
}

#[tokio::test(start_paused = true)]
async fn h045_a_symbol_of_another_alphabet_never_leaves_the_door() {
    let mesh = Mesh::start().await;
    let long = "A".repeat(10_240);
    let names = [
        "",
        "SOL\0",
        "SOL\n",
        "\u{202e}SOL",
        "../../etc/passwd",
        "'; DROP TABLE",
        "sol-usdt-perp",
        "ЅОL",
        "*",
        "BTC-USDT",
        long.as_str(),
    ];
    for name in names {
        let request = pb::PlaceOrderRequest {
            symbol: name.to_owned(),
            ..buy("1", "99")
        };
        let refusal = mesh.place(request).await.unwrap_err();
        let codes = [tonic::Code::InvalidArgument, tonic::Code::NotFound];
        assert!(codes.contains(&refusal.code()), "{name:?}: {refusal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn h046_an_index_out_of_range_is_refused_and_the_highest_one_leaves_room_for_others() {
    let mesh = Mesh::start().await;
    for index in [0, -1, i64::MIN, i64::MAX, 1 << 31] {
        let refusal = mesh
            .place(with_index(index, buy("1", "99")))
            .await
            .unwrap_err();
        assert_eq!(reason(&refusal), "INVALID_FIELD");
    }
    mesh.place(with_index((1 << 31) - 1, buy("1", "99")))
        .await
        .unwrap();
    assert_eq!(
        mesh.place(buy("1", "99")).await.unwrap().client_order_index,
        1
    );
    let mesh = mesh.crash().await;
    assert_eq!(
        mesh.place(buy("1", "99")).await.unwrap().client_order_index,
        2
    );
    let highest = with_index((1 << 31) - 1, buy("2", "99"));
    assert_eq!(refused(&mesh, highest).await, "ORDER_INDEX_CONFLICT");
}

#[tokio::test(start_paused = true)]
async fn h048_pages_are_bounded_and_their_tokens_belong_to_one_filter() {
    let mesh = Mesh::start().await;
    for _ in 0..5 {
        mesh.place(buy("0.1", "99")).await.unwrap();
    }
    for size in [-1, 1_001, i32::MAX] {
        let request = pb::ListOrdersRequest {
            page_size: size,
            ..Default::default()
        };
        assert!(mesh.client().list_orders(request).await.is_err());
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let request = pb::ListOrdersRequest {
            page_size: 2,
            page_token: token.clone(),
            ..Default::default()
        };
        let page = mesh
            .client()
            .list_orders(request)
            .await
            .unwrap()
            .into_inner();
        seen.extend(
            page.orders
                .into_iter()
                .map(|order| order.client_order_index),
        );
        if page.next_page_token.is_empty() {
            break;
        }
        token = page.next_page_token;
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    let request = pb::ListOrdersRequest {
        account: "other".into(),
        page_token: token,
        ..Default::default()
    };
    let refusal = mesh.client().list_orders(request).await.unwrap_err();
    assert_eq!(reason(&refusal), "INVALID_PAGE_TOKEN");
}

#[tokio::test(start_paused = true)]
async fn h050_fields_that_contradict_each_other_are_refused_before_the_journal() {
    let mesh = Mesh::start().await;
    let ioc: i32 = TimeInForce::Ioc.into();
    let cases = [
        pb::PlaceOrderRequest {
            post_only: true,
            time_in_force: ioc,
            ..buy("1", "99")
        },
        pb::PlaceOrderRequest {
            price: "99".into(),
            ..market(Side::Buy, "1")
        },
        pb::PlaceOrderRequest {
            price: "99".into(),
            ..tracking("1", 10)
        },
        pb::PlaceOrderRequest {
            tracking_limit: Some(Default::default()),
            ..buy("1", "99")
        },
        pb::PlaceOrderRequest {
            post_only: true,
            ..market(Side::Buy, "1")
        },
        pb::PlaceOrderRequest {
            time_in_force: TimeInForce::Gtc.into(),
            ..market(Side::Buy, "1")
        },
    ];
    for case in cases {
        assert_eq!(refused(&mesh, case).await, "CONTRADICTORY_FIELDS");
    }
    let cases = [
        pb::PlaceOrderRequest {
            side: 0,
            ..buy("1", "99")
        },
        pb::PlaceOrderRequest {
            side: 77,
            ..buy("1", "99")
        },
        pb::PlaceOrderRequest {
            r#type: 77,
            ..buy("1", "99")
        },
        pb::PlaceOrderRequest {
            time_in_force: 77,
            ..buy("1", "99")
        },
        pb::PlaceOrderRequest {
            account: String::new(),
            ..buy("1", "99")
        },
        pb::PlaceOrderRequest {
            venue: "No Such".into(),
            ..buy("1", "99")
        },
    ];
    for case in cases {
        assert_eq!(refused(&mesh, case).await, "INVALID_FIELD");
    }
    assert_eq!(mesh.store.records().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn names_that_nobody_configured_are_not_found() {
    let mesh = Mesh::start().await;
    let account = pb::PlaceOrderRequest {
        account: "other".into(),
        ..buy("1", "99")
    };
    assert_eq!(refused(&mesh, account).await, "UNKNOWN_ACCOUNT");
    let request = pb::ReconcileRequest {
        account: "main".into(),
        venue: "nowhere".into(),
        dry_run: true,
    };
    let refusal = mesh.client().reconcile(request).await.unwrap_err();
    assert_eq!(reason(&refusal), "UNKNOWN_VENUE");
    assert_eq!(facts_of(&refusal)["known"], "example");
}

#[tokio::test(start_paused = true)]
async fn an_order_is_validated_without_a_trace() {
    let mesh = Mesh::start().await;
    let request = pb::ValidateOrderRequest {
        order: Some(buy("2", "99")),
    };
    let said = mesh
        .client()
        .validate_order(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(said.symbol, "SOL-USDT-PERP");
    assert_eq!(said.notional, "198");
    assert_eq!(said.exposure_after, "200.02");
    let request = pb::ValidateOrderRequest {
        order: Some(buy("2", "1000")),
    };
    let refusal = mesh.client().validate_order(request).await.unwrap_err();
    assert_eq!(reason(&refusal), "PRICE_COLLAR");
    assert_eq!(mesh.store.records().len(), 1);
}
