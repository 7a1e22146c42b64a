//! What a request must be before anybody thinks of its risk.

use chimera_contracts::common::v1::{InstrumentKind, OrderType, Side, TimeInForce};
use chimera_contracts::connector::v1::GetCapabilitiesResponse;
use chimera_contracts::order::v1 as pb;
use chimera_runtime::fault::facts_of;

use super::mesh::{Mesh, buy, market, reason, refused, tracking, with_index};
use super::venue::Venue;
use crate::Config;

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
async fn what_a_venue_does_not_offer_is_refused_before_anything_is_begun() {
    type Lack = fn(&mut GetCapabilitiesResponse);
    let post_only = pb::PlaceOrderRequest {
        post_only: true,
        ..buy("1", "99")
    };
    let mut resting = tracking("1", 10);
    resting.tracking_limit.as_mut().unwrap().post_only = true;
    let lasting = |lifetime: TimeInForce| pb::PlaceOrderRequest {
        time_in_force: lifetime.into(),
        ..buy("1", "99")
    };
    let reducing = pb::PlaceOrderRequest {
        reduce_only: true,
        ..market(Side::Sell, "1")
    };
    let lacks: [(Lack, Vec<pb::PlaceOrderRequest>); 5] = [
        (
            |offers| {
                offers
                    .order_types
                    .retain(|kind| *kind != OrderType::Limit as i32)
            },
            vec![buy("1", "99"), tracking("1", 10)],
        ),
        (
            |offers| {
                offers
                    .order_types
                    .retain(|kind| *kind != OrderType::Market as i32)
            },
            vec![market(Side::Buy, "1")],
        ),
        (
            |offers| {
                offers
                    .times_in_force
                    .retain(|time| *time == TimeInForce::Gtc as i32)
            },
            vec![lasting(TimeInForce::Ioc), lasting(TimeInForce::Fok)],
        ),
        (|offers| offers.post_only = false, vec![post_only, resting]),
        (|offers| offers.reduce_only = false, vec![reducing.clone()]),
    ];
    for (lack, requests) in lacks {
        let venue = Venue::new();
        venue.with(|state| lack(&mut state.offers));
        let mesh = Mesh::with(Config::default(), venue).await;
        for request in requests {
            unsupported(&mesh, request).await;
        }
    }
    let venue = Venue::new();
    venue.with(|state| state.kind = InstrumentKind::Spot);
    let mesh = Mesh::with(Config::default(), venue).await;
    unsupported(&mesh, reducing).await;
}

async fn unsupported(mesh: &Mesh, request: pb::PlaceOrderRequest) {
    let refusal = mesh.place(request.clone()).await.unwrap_err();
    assert_eq!(reason(&refusal), "UNSUPPORTED_BY_VENUE", "{request:?}");
    assert_eq!(refusal.code(), tonic::Code::Unimplemented);
    let validate = pb::ValidateOrderRequest {
        order: Some(request.clone()),
    };
    let refusal = mesh.client().validate_order(validate).await.unwrap_err();
    assert_eq!(reason(&refusal), "UNSUPPORTED_BY_VENUE", "{request:?}");
    let records = mesh.store.records().len();
    assert_eq!(records, 1, "nothing of it reaches the journal: {request:?}");
    assert!(mesh.venue.with(|state| state.submits.is_empty()));
}
