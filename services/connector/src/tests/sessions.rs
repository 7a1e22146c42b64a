//! Sessions: how they come to live, and back to life.

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::account_event::Event;
use chimera_contracts::connector::v1::watch_account_response::Frame;
use pb::{Outcome, ReportSource, ReportedStatus, SessionState};
use serde_json::json;
use tokio::time::timeout;

use super::mesh::{ACCOUNT, Mesh, SOON, VENUE, simulator};
use super::steer::refusal;
use crate::Timing;

const LISTEN_KEY: &str = "POST /fapi/v1/listenKey";
const EXTEND: &str = "PUT /fapi/v1/listenKey";

#[tokio::test]
async fn a_session_lives_takes_an_order_cancels_it_and_streams_both_reports() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;

    let done = mesh.submit(order.clone()).await;
    assert_eq!(done.outcome(), Outcome::Accepted, "{:?}", done.detail);
    let report = done.report.unwrap();
    assert_eq!(report.price_ticks, order.price_ticks);
    assert_eq!(report.quantity_lots, order.quantity_lots);
    assert!(done.sent_time.is_some());
    watch
        .order(index, ReportedStatus::New, ReportSource::Acknowledgement)
        .await;

    let done = mesh.cancel(index).await;
    assert_eq!(done.outcome(), Outcome::Accepted, "{:?}", done.detail);
    let ended = watch
        .order(index, ReportedStatus::Cancelled, ReportSource::Stream)
        .await;
    assert_eq!((ended.filled_lots, ended.generation), (0, 1));
    assert_eq!(mesh.orders_at_venue(index).await.len(), 1);
    mesh.end().await;
}

#[tokio::test]
async fn f111_the_account_is_complete_before_a_session_says_that_it_lives() {
    let sim = simulator().await;
    let mesh = Mesh::over_with_fault(sim, refusal(LISTEN_KEY, 503, -1000, 2)).await;
    let mut watch = mesh.watch().await;
    let (mut margin, mut balance) = (false, false);
    loop {
        match watch.event().await {
            Event::Margin(_) => margin = true,
            Event::Balance(_) => balance = true,
            Event::Session(session) if session.state() == SessionState::Live => break,
            _ => {}
        }
    }
    assert!(margin && balance, "margin {margin}, balance {balance}");
    mesh.end().await;
}

#[tokio::test]
async fn f097_f103_a_lost_stream_comes_back_as_a_new_generation_with_one_socket() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    for (generation, fate) in [(2, json!({"to": "closed"})), (3, json!({"to": "cut"}))] {
        mesh.venue("POST", "/sockets", json!({"fate": fate, "kind": "private"}))
            .await;
        let lost = watch.state(SessionState::Reconnecting).await;
        assert!(!lost.reason.is_empty());
        let live = watch.state(SessionState::Live).await;
        assert_eq!((live.generation, live.reason.as_str()), (generation, ""));
        let order = mesh.resting_buy().await;
        let index = order.client_order_index;
        assert_eq!(mesh.submit(order).await.outcome(), Outcome::Accepted);
        let report = watch
            .order(index, ReportedStatus::New, ReportSource::Stream)
            .await;
        assert_eq!(report.generation, generation);
    }
    let sockets = mesh.venue("GET", "/sockets", json!({})).await;
    let private = |socket: &&serde_json::Value| socket["kind"] == "private";
    assert_eq!(
        sockets.as_array().unwrap().iter().filter(private).count(),
        1,
        "{sockets}"
    );
    mesh.end().await;
}

/// The login belongs to the connection: while the next one has none, nothing is sent, and a login
/// that fails takes its connection with it.
#[tokio::test]
async fn f099_nothing_is_sent_until_the_new_connection_has_its_own_login() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    mesh.fault(refusal(LISTEN_KEY, 503, -1000, 1_000)).await;
    let cut = json!({"fate": {"to": "cut"}, "kind": "private"});
    mesh.venue("POST", "/sockets", cut).await;
    watch.state(SessionState::Reconnecting).await;
    let refused = async {
        while mesh.hits().await < 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, refused).await.expect("it tries again");
    let early = mesh.resting_buy().await;
    let index = early.client_order_index;
    let done = mesh.submit(early).await;
    assert_eq!(done.outcome(), Outcome::NotSent, "{:?}", done.detail);
    assert_eq!(done.detail.unwrap().reason, "VENUE_NOT_READY");
    mesh.venue("DELETE", "/faults", json!({})).await;
    watch.state(SessionState::Live).await;
    assert!(mesh.orders_at_venue(index).await.is_empty());
    let order = mesh.resting_buy().await;
    assert_eq!(mesh.submit(order).await.outcome(), Outcome::Accepted);
    mesh.end().await;
}

#[tokio::test]
async fn f039_fills_of_an_outage_are_told_before_the_session_lives_again() {
    let mesh = Mesh::live().await;
    let order = mesh.resting_buy().await;
    let done = mesh.submit(order).await;
    let venue_order_id = done.report.unwrap().venue_order_id;
    let mut watch = mesh.watch().await;
    mesh.fault(refusal(LISTEN_KEY, 503, -1000, 2)).await;
    mesh.venue(
        "POST",
        "/sockets",
        json!({"fate": {"to": "cut"}, "kind": "private"}),
    )
    .await;
    watch.state(SessionState::Reconnecting).await;
    let path = format!("/orders/{venue_order_id}/fill");
    mesh.venue("POST", &path, json!({"quantity": "0.04"})).await;

    let mut fills = Vec::new();
    loop {
        match watch.event().await {
            Event::Fill(fill) => fills.push(fill),
            Event::Session(session) if session.state() == SessionState::Live => break,
            _ => {}
        }
    }
    assert_eq!(fills.len(), 1, "{fills:?}");
    assert_eq!(
        (&fills[0].venue_order_id, fills[0].quantity.as_str()),
        (&venue_order_id, "0.04")
    );
    assert_eq!(fills[0].source(), ReportSource::Query);
    mesh.end().await;
}

#[tokio::test]
async fn cancels_and_queries_go_on_while_the_stream_is_lost() {
    let mesh = Mesh::live().await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    mesh.submit(order.clone()).await;
    let mut watch = mesh.watch().await;
    mesh.fault(refusal(LISTEN_KEY, 503, -1000, 1_000)).await;
    mesh.venue(
        "POST",
        "/sockets",
        json!({"fate": {"to": "cut"}, "kind": "private"}),
    )
    .await;
    watch.state(SessionState::Reconnecting).await;

    let again = pb::SubmitLimitOrderRequest {
        client_order_index: mesh.index(),
        ..order
    };
    assert_eq!(mesh.submit(again).await.outcome(), Outcome::NotSent);
    assert_eq!(mesh.cancel(index).await.outcome(), Outcome::Accepted);
    watch
        .order(
            index,
            ReportedStatus::Cancelled,
            ReportSource::Acknowledgement,
        )
        .await;
    assert!(mesh.order(index).await.found);
    mesh.end().await;
}

#[tokio::test]
async fn f100_an_expired_key_is_a_lost_stream() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    mesh.venue("POST", "/sessions/expire", json!({})).await;
    watch.state(SessionState::Reconnecting).await;
    assert_eq!(watch.state(SessionState::Live).await.generation, 2);
    mesh.end().await;
}

#[tokio::test]
async fn f100_a_key_that_cannot_be_extended_is_a_lost_stream() {
    let sim = simulator().await;
    let timing = Timing {
        session_extend_ms: Some(200),
        ..Timing::default()
    };
    let mesh = Mesh::over(sim, timing).await;
    mesh.until_state(SessionState::Live).await;
    mesh.until_requests(EXTEND, 2).await;
    assert_eq!(mesh.session().await.generation, 1);
    let mut watch = mesh.watch().await;
    mesh.fault(refusal(EXTEND, 400, -1125, 1)).await;
    watch.state(SessionState::Reconnecting).await;
    assert_eq!(watch.state(SessionState::Live).await.generation, 2);
    mesh.end().await;
}

#[tokio::test]
async fn f101_an_old_connection_is_replaced_before_it_goes_and_nothing_is_told_twice() {
    let timing = Timing {
        connection_age_ms: Some(1_500),
        ..Timing::default()
    };
    let mesh = Mesh::live_with(timing).await;
    let mut watch = mesh.watch().await;
    let order = pb::SubmitLimitOrderRequest {
        quantity_lots: 5_000,
        ..mesh.resting_buy().await
    };
    let index = order.client_order_index;
    let done = mesh.submit(order).await;
    let id = done
        .report
        .expect("an accepted order is reported")
        .venue_order_id;
    // Fills before, during and after the times when two connections stand.
    let path = format!("/orders/{id}/fill");
    let trade = async {
        while mesh.session().await.generation < 3 {
            mesh.venue("POST", &path, json!({"quantity": "0.01"})).await;
        }
        mesh.cancel(index).await;
    };
    let read = async {
        let mut told = Vec::new();
        loop {
            match watch.event().await {
                Event::Fill(fill) => told.push(fill.trade_id),
                Event::Session(session) => assert_eq!(session.state(), SessionState::Live),
                Event::Order(report)
                    if report.status() == ReportedStatus::Cancelled
                        && report.source() == ReportSource::Stream =>
                {
                    return told;
                }
                _ => {}
            }
        }
    };
    let (told, ()) = timeout(SOON, async { tokio::join!(read, trade) })
        .await
        .expect("it ends");
    let ledger = mesh.venue("GET", "/ledger", json!({})).await;
    let trade = |fill: &serde_json::Value| fill["trade"].to_string();
    let booked: Vec<String> = ledger["fills"]
        .as_array()
        .unwrap()
        .iter()
        .map(trade)
        .collect();
    assert!(booked.len() > 10, "{} fills", booked.len());
    assert_eq!(told, booked);
    mesh.end().await;
}

#[tokio::test]
async fn a_drain_refuses_new_orders_and_says_goodbye_to_readers() {
    let mesh = Mesh::live().await;
    let order = mesh.resting_buy().await;
    let request = pb::WatchAccountRequest {
        account: ACCOUNT.into(),
        venue: VENUE.into(),
    };
    let mut frames = mesh
        .client
        .clone()
        .watch_account(request)
        .await
        .unwrap()
        .into_inner();
    mesh.drain.begin();
    let done = mesh.submit(order).await;
    assert_eq!(done.outcome(), Outcome::NotSent);
    assert_eq!(done.detail.unwrap().reason, "DRAINING");
    let goodbye = async {
        while let Some(message) = frames.message().await.unwrap() {
            if let Some(Frame::Goodbye(goodbye)) = message.frame {
                return goodbye;
            }
        }
        panic!("the stream ends without a goodbye");
    };
    let goodbye = timeout(SOON, goodbye).await.unwrap();
    assert_eq!(goodbye.reason(), common::StreamEndReason::Draining);
    mesh.end().await;
}

#[tokio::test]
async fn a_quiet_account_gets_heartbeats_with_its_staleness() {
    let mesh = Mesh::live().await;
    let request = pb::WatchAccountRequest {
        account: ACCOUNT.into(),
        venue: VENUE.into(),
    };
    let mut frames = mesh
        .client
        .clone()
        .watch_account(request)
        .await
        .unwrap()
        .into_inner();
    let beat = async {
        while let Some(message) = frames.message().await.unwrap() {
            if let Some(Frame::Heartbeat(beat)) = message.frame {
                return beat;
            }
        }
        panic!("the stream ends");
    };
    let beat = timeout(SOON, beat).await.unwrap();
    assert!(beat.staleness.unwrap().seconds >= 1);
    mesh.end().await;
}

#[tokio::test]
async fn f065_a_mode_that_changed_outside_is_found_by_the_next_look_and_fails_the_session() {
    let timing = Timing {
        session_extend_ms: Some(200),
        ..Timing::default()
    };
    let mesh = Mesh::live_with(timing).await;
    let mut watch = mesh.watch().await;
    mesh.venue("POST", "/accounts/main", json!({"hedge": true}))
        .await;
    let failed = watch.state(SessionState::Failed).await;
    assert!(failed.reason.contains("hedge mode"), "{}", failed.reason);
    mesh.end().await;
}
