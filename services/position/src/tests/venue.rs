//! The venue's word beside the sum of fills.

use chimera_contracts::common::v1::Side;
use chimera_contracts::connector::v1 as connector;
use chimera_contracts::connector::v1::account_event::Event;
use chimera_contracts::order::v1 as order;
use chimera_contracts::position::v1::PositionCheck;

use super::fake_connector::FakeConnector;
use super::fake_order::FakeOrder;
use super::mesh::{Mesh, SOL, buy, fill, held, sell, until_at_least};

#[tokio::test]
async fn a_position_agrees_with_the_venue() {
    let mesh = Mesh::ready().await;
    mesh.order.conclude(buy(1, "2", "100"));
    mesh.connector.state(held("2", "100", 1));
    let position = mesh
        .until("main", SOL, |position| {
            position.check() == PositionCheck::Agrees
        })
        .await;
    assert_eq!(position.venue_quantity, "2");
    assert_eq!(position.mark_price, "110");
    assert_eq!(position.unrealized_pnl, "20");
    assert_eq!(position.notional, "220");
    assert!(!position.inferred_opening);
}

/// The fill is missing here: it settles, then it differs, is shown, and is never adopted.
#[tokio::test]
async fn f104_drift_is_shown_and_never_hidden() {
    let mesh = Mesh::ready().await;
    mesh.order.conclude(buy(1, "2", "100"));
    mesh.connector.state(held("2", "100", 1));
    let agrees = |position: &pb::Position| position.check() == PositionCheck::Agrees;
    mesh.until("main", SOL, agrees).await;
    let mut watch = mesh.watch("main", "").await.unwrap();
    watch.snapshot().await;

    mesh.connector.state(held("3", "100", 2));

    let checks = [PositionCheck::Settling, PositionCheck::Differs];
    for check in checks {
        let position = watch
            .until_position(SOL, |position| position.check() == check)
            .await;
        assert_eq!(
            (position.quantity.as_str(), position.venue_quantity.as_str()),
            ("2", "3")
        );
    }
    mesh.order.conclude(buy(2, "1", "100"));
    let position = watch.until_position(SOL, agrees).await;
    assert_eq!(position.quantity, "3");
    assert!(!position.inferred_opening);
}

#[tokio::test]
async fn f048_what_was_held_before_the_records_is_inferred_and_marked() {
    let connector = FakeConnector::new(&["main"]);
    connector.hold(held("4", "95", 0));
    let mesh = Mesh::start(FakeOrder::default(), connector).await;
    mesh.is_ready().await;
    let position = mesh
        .until("main", SOL, |position| position.inferred_opening)
        .await;
    assert_eq!(
        (position.quantity.as_str(), position.average_price.as_str()),
        ("4", "95")
    );
    assert_eq!(position.check(), PositionCheck::Agrees);
    assert_eq!(position.realized_pnl, "0");

    mesh.connector.hold(held("3", "95", 1));
    mesh.order.conclude(sell(1, "1", "105"));
    let position = mesh
        .until("main", SOL, |position| position.quantity == "3")
        .await;
    assert_eq!(position.realized_pnl, "10");
}

/// The venue closed it (liquidation): its answer does not name the position any more.
#[tokio::test]
async fn f055_a_position_that_the_venue_names_no_more_is_flat_there() {
    let mesh = Mesh::ready().await;
    mesh.order.conclude(buy(1, "2", "100"));
    mesh.connector.state(held("2", "100", 1));
    mesh.until("main", SOL, |position| {
        position.check() == PositionCheck::Agrees
    })
    .await;
    mesh.connector.release();
    let position = mesh
        .until("main", SOL, |position| {
            position.check() == PositionCheck::Differs
        })
        .await;
    assert_eq!(position.venue_quantity, "0");
    let closing = order::Fill {
        venue_cause: "LIQUIDATION".to_owned(),
        external: true,
        ..fill(2, Side::Sell, "2", "80")
    };
    mesh.order.conclude(closing);
    let position = mesh
        .until("main", SOL, |position| {
            position.check() == PositionCheck::Agrees
        })
        .await;
    assert_eq!(
        (position.quantity.as_str(), position.realized_pnl.as_str()),
        ("0", "-40")
    );
}

#[tokio::test]
async fn f046_accounts_are_kept_apart() {
    let connector = FakeConnector::new(&["main", "other"]);
    let mesh = Mesh::start(FakeOrder::default(), connector).await;
    mesh.is_ready().await;
    let other = |fill: order::Fill| order::Fill {
        account: "other".to_owned(),
        ..fill
    };
    mesh.order.conclude(buy(1, "2", "100"));
    mesh.order.conclude(other(sell(1, "3", "100")));
    let mine = mesh
        .until("main", SOL, |position| position.quantity != "0")
        .await;
    let theirs = mesh
        .until("other", SOL, |position| position.quantity != "0")
        .await;
    assert_eq!(
        (mine.quantity.as_str(), theirs.quantity.as_str()),
        ("2", "-3")
    );
}

#[tokio::test]
async fn f044_what_no_order_can_close_is_dust() {
    let mesh = Mesh::ready().await;
    mesh.order.conclude(buy(1, "1", "100"));
    mesh.order.conclude(sell(2, "0.995", "100"));
    let position = mesh.until("main", SOL, |position| position.dust).await;
    assert_eq!(position.quantity, "0.005");
    mesh.order.conclude(buy(3, "0.005", "100"));
    mesh.until("main", SOL, |position| {
        !position.dust && position.quantity == "0.01"
    })
    .await;
}

/// The stream is cut: it is opened again, and the venue is asked in between.
#[tokio::test]
async fn f039_a_lost_account_stream_comes_back() {
    let mesh = Mesh::ready().await;
    until_at_least(1, || mesh.connector.watched()).await;
    mesh.connector.cut();
    until_at_least(2, || mesh.connector.watched()).await;
    mesh.order.conclude(buy(1, "2", "100"));
    mesh.connector.state(held("2", "100", 1));
    mesh.until("main", SOL, |position| {
        position.check() == PositionCheck::Agrees
    })
    .await;
}

/// The session came back: positions are asked for at once, not at the next poll.
#[tokio::test]
async fn a_session_that_is_live_anew_is_asked() {
    let config = crate::Config {
        venue_poll_ms: 3_600_000,
        ..super::mesh::quick()
    };
    let order = FakeOrder::default();
    order.conclude(buy(1, "2", "100"));
    let connector = FakeConnector::new(&["main"]);
    connector.refuse_looks(true);
    let mesh = Mesh::with(config, order, connector).await;
    mesh.is_ready().await;
    until_at_least(1, || mesh.connector.looks()).await;
    mesh.connector.refuse_looks(false);
    mesh.connector.hold(held("2", "100", 1));
    let live = connector::SessionState::Live.into();
    let session = connector::Session {
        state: live,
        generation: 2,
        ..Default::default()
    };
    mesh.connector.tell("main", Event::Session(session));
    mesh.until("main", SOL, |position| {
        position.check() == PositionCheck::Agrees
    })
    .await;
}

/// One unreadable word leaves the others standing; of a list, none is taken: what would be left out
/// would count as flat.
#[tokio::test]
async fn f109_a_word_that_cannot_be_read_stops_nothing() {
    let mesh = Mesh::ready().await;
    mesh.order.conclude(buy(1, "2", "100"));
    mesh.connector.state(held("2", "100", 1));
    mesh.until("main", SOL, |position| {
        position.check() == PositionCheck::Agrees
    })
    .await;
    let looks = mesh.connector.looks();
    mesh.connector.release();
    let broken = connector::PositionReport {
        symbol: "?".to_owned(),
        ..held("7", "1", 2)
    };
    mesh.connector.hold(broken.clone());
    mesh.connector.tell("main", Event::Position(broken));
    until_at_least(looks + 3, || mesh.connector.looks()).await;
    let position = mesh.until("main", SOL, |_| true).await;
    assert_eq!(position.check(), PositionCheck::Agrees);
    assert_eq!(position.venue_quantity, "2");
}

use chimera_contracts::position::v1 as pb;
