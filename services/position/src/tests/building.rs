//! Positions from the history of fills, over losses of the order service.

use chimera_contracts::common::v1::{Fee, StreamEndReason};
use chimera_contracts::order::v1 as order;
use chimera_runtime::fault::{reason_of, retry_after_of};
use tonic::Code;

use super::fake_connector::FakeConnector;
use super::fake_order::FakeOrder;
use super::mesh::{Mesh, SOL, buy, sell, until_at_least};

#[tokio::test]
async fn positions_are_built_from_every_page_of_the_history() {
    let order = FakeOrder::default();
    for number in 1..=500 {
        order.conclude(buy(number, "2.5", "100"));
    }
    order.conclude(sell(501, "250", "103"));
    let mesh = Mesh::start(order, FakeConnector::new(&["main"])).await;
    mesh.is_ready().await;

    let position = mesh.until("main", SOL, |_| true).await;
    assert_eq!(position.quantity, "1000");
    assert_eq!(position.average_price, "100");
    assert_eq!(position.realized_pnl, "750");
    assert_eq!(position.settle_asset, "USDT");
    assert_eq!(mesh.order.pages(), 3);
}

#[tokio::test]
async fn a_new_fill_moves_its_position() {
    let mesh = Mesh::ready().await;
    let fee = Fee {
        asset: "USDT".to_owned(),
        amount: "0.04".to_owned(),
    };
    mesh.order.conclude(order::Fill {
        fee: Some(fee),
        ..buy(1, "1", "100")
    });
    let position = mesh
        .until("main", SOL, |position| position.quantity == "1")
        .await;
    assert_eq!(position.average_price, "100");
    assert_eq!(position.fees[0].amount, "0.04");
    assert_eq!(position.venue_time, super::mesh::time(1));
    assert!(position.seq > 0 && position.updated_time.is_some());
}

#[tokio::test]
async fn f056_a_fill_across_zero_is_right_on_the_wire() {
    let mesh = Mesh::ready().await;
    mesh.order.conclude(buy(1, "2", "100"));
    mesh.order.conclude(sell(2, "5", "110"));
    let position = mesh
        .until("main", SOL, |position| position.quantity == "-3")
        .await;
    assert_eq!(
        (position.average_price, position.realized_pnl),
        ("110".into(), "20".into())
    );
}

/// What was concluded while the stream was down comes with the token, once.
#[tokio::test]
async fn f039_a_lost_stream_continues_where_it_was() {
    let mesh = Mesh::ready().await;
    mesh.order.conclude(buy(1, "1", "100"));
    mesh.until("main", SOL, |position| position.quantity == "1")
        .await;
    mesh.order.cut();
    mesh.order.conclude(buy(2, "1", "102"));
    mesh.order.conclude(buy(3, "1", "104"));
    let position = mesh
        .until("main", SOL, |position| position.quantity == "3")
        .await;
    assert_eq!(position.average_price, "102");
    assert_eq!(mesh.order.pages(), 1, "the history was not read again");
}

#[tokio::test]
async fn an_orderly_end_is_continued_too() {
    let mesh = Mesh::ready().await;
    until_at_least(1, || mesh.order.watched()).await;
    mesh.order.say_goodbye(StreamEndReason::Draining);
    mesh.order.conclude(buy(1, "1", "100"));
    mesh.until("main", SOL, |position| position.quantity == "1")
        .await;
    assert_eq!(mesh.order.pages(), 1);
}

/// The stream tells a fill again, under a new sequence; it is booked once.
#[tokio::test]
async fn f034_a_fill_told_twice_is_booked_once() {
    let mesh = Mesh::ready().await;
    mesh.order.conclude(buy(1, "1", "100"));
    mesh.order.conclude(buy(1, "1", "100"));
    mesh.order.conclude(buy(2, "1", "100"));
    let position = mesh.until("main", SOL, |position| {
        position.venue_time == super::mesh::time(2)
    });
    assert_eq!(position.await.quantity, "2");
}

#[tokio::test]
async fn f038_an_inferred_fill_gives_way_to_the_real_ones() {
    let inferred = |quantity: &str| order::Fill {
        trade_id: "inferred".to_owned(),
        inferred: true,
        ..buy(1, quantity, "100")
    };
    let mesh = Mesh::ready().await;
    mesh.order.conclude(inferred("3"));
    mesh.until("main", SOL, |position| position.quantity == "3")
        .await;
    mesh.order.conclude(buy(2, "2", "106"));
    mesh.order.conclude(inferred("1"));
    let position = mesh
        .until("main", SOL, |position| position.average_price == "104")
        .await;
    assert_eq!(position.quantity, "3");
    mesh.order.conclude(buy(3, "1", "103"));
    mesh.order.conclude(inferred("0"));
    let position = mesh
        .until("main", SOL, |position| position.average_price == "105")
        .await;
    assert_eq!(position.quantity, "3");
}

#[tokio::test]
async fn f132_another_epoch_of_orders_builds_everything_anew() {
    let mesh = Mesh::ready().await;
    mesh.order.conclude(buy(1, "5", "100"));
    mesh.until("main", SOL, |position| position.quantity == "5")
        .await;
    // The order service came back with another history.
    mesh.order.forget_fills();
    mesh.order.conclude_unseen(buy(7, "2", "90"));
    mesh.order.begin_epoch();
    mesh.order.cut();
    let position = mesh
        .until("main", SOL, |position| position.quantity == "2")
        .await;
    assert_eq!(position.average_price, "90");
    mesh.order.conclude(buy(8, "2", "94"));
    let position = mesh
        .until("main", SOL, |position| position.quantity == "4")
        .await;
    assert_eq!(position.average_price, "92");
}

#[tokio::test]
async fn an_epoch_that_changed_in_order_builds_everything_anew() {
    let mesh = Mesh::ready().await;
    until_at_least(1, || mesh.order.watched()).await;
    mesh.order.conclude_unseen(buy(1, "1", "100"));
    mesh.order.say_goodbye(StreamEndReason::EpochChanged);
    mesh.until("main", SOL, |position| position.quantity == "1")
        .await;
    assert_eq!(mesh.order.pages(), 2);
}

/// A change names another one before it than the one that came: fills were lost on the way.
#[tokio::test]
async fn f080_a_gap_in_the_stream_of_fills_builds_everything_anew() {
    let mesh = Mesh::ready().await;
    mesh.order.conclude(buy(1, "1", "100"));
    mesh.until("main", SOL, |position| position.quantity == "1")
        .await;
    mesh.order.conclude_unseen(buy(2, "1", "100"));
    mesh.order.conclude(buy(3, "1", "100"));
    mesh.until("main", SOL, |position| position.quantity == "3")
        .await;
    assert_eq!(mesh.order.pages(), 2);
}

#[tokio::test]
async fn f123_nothing_is_said_before_the_history_is_read() {
    let order = FakeOrder::default();
    order.set_down(true);
    order.conclude(buy(1, "1", "100"));
    let mesh = Mesh::start(order, FakeConnector::new(&["main"])).await;
    until_at_least(2, || mesh.order.pages()).await;
    let refusal = mesh.positions().await.unwrap_err();
    assert_eq!(refusal.code(), Code::Unavailable);
    assert_eq!(reason_of(&refusal).as_deref(), Some("RECOVERING"));
    assert!(retry_after_of(&refusal).is_some());
    let refusal = mesh.watch("", "").await.err().unwrap();
    assert_eq!(reason_of(&refusal).as_deref(), Some("RECOVERING"));

    mesh.order.set_down(false);
    mesh.is_ready().await;
    assert_eq!(mesh.positions().await.unwrap()[0].quantity, "1");
}

/// A fill no honest venue makes: nothing moves, the venue is asked, the others go on.
#[tokio::test]
async fn h055_a_hostile_fill_moves_nothing_and_stops_nobody() {
    let mesh = Mesh::ready().await;
    mesh.order.conclude(buy(1, "1", "100"));
    mesh.until("main", SOL, |position| position.quantity == "1")
        .await;
    let huge = "1000000000000000000000000000";
    for (number, quantity, price) in [
        (2, huge, "1"),
        (3, "-1", "100"),
        (4, "1", "0"),
        (5, "NaN", "100"),
        (6, "1e3", "100"),
    ] {
        mesh.order.conclude(buy(number, quantity, price));
    }
    mesh.order.conclude(order::Fill {
        side: 9,
        ..buy(7, "1", "100")
    });
    mesh.order.conclude(order::Fill {
        symbol: "../SOL".to_owned(),
        ..buy(8, "1", "100")
    });
    mesh.order.conclude(order::Fill {
        venue_time: None,
        ..buy(9, "1", "100")
    });
    let mut watch = mesh.watch("main", "").await.unwrap();
    mesh.order.conclude(buy(10, "2", "100"));
    let position = watch
        .until_position(SOL, |position| position.quantity == "3")
        .await;
    assert_eq!(position.average_price, "100");
}

/// The order service says how old its own word is; ours is no younger.
#[tokio::test]
async fn f087_what_is_stale_says_so() {
    let mesh = Mesh::start(FakeOrder::default(), FakeConnector::new(&[])).await;
    mesh.is_ready().await;
    until_at_least(1, || mesh.order.watched()).await;
    let mut watch = mesh.watch("", "").await.unwrap();
    mesh.order.beat(0);
    loop {
        use chimera_contracts::position::v1::watch_positions_response::Frame;
        let Some(Frame::Heartbeat(beat)) = watch.next().await else {
            continue;
        };
        let staleness = beat.staleness.unwrap();
        assert!(staleness.seconds < 30, "the bound of this test");
        // Nothing speaks any more, and the age grows from beat to beat.
        if staleness.seconds == 0 && staleness.nanos > 200_000_000 {
            break;
        }
    }
}
