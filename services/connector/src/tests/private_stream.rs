//! A private stream that is connected and wrong: silent, unreadable, of another order, panicking.

use std::sync::atomic::{AtomicU32, Ordering};

use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::account_event::Event;
use chimera_model::VenueSymbol;
use chimera_model::report::{AccountEvent, Unmapped};
use chimera_venue::VenueError;
use pb::{Outcome, ReportSource, ReportedStatus, SessionState};
use serde_json::json;

use super::mesh::{Mesh, simulator};
use super::twisted::Twisted;
use crate::Timing;

const BALANCES: &str = "GET /fapi/v3/balance";

fn freeze() -> serde_json::Value {
    json!({"fate": {"to": "frozen"}, "kind": "private"})
}

#[tokio::test]
async fn f087_a_stream_that_never_names_an_acknowledged_order_is_replaced() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    mesh.venue("POST", "/sockets", freeze()).await;
    assert_eq!(mesh.submit(order).await.outcome(), Outcome::Accepted);
    let lost = watch.state(SessionState::Reconnecting).await;
    assert!(
        lost.reason.contains(&format!("order {index}")),
        "{}",
        lost.reason
    );
    assert_eq!(watch.state(SessionState::Live).await.generation, 2);
    mesh.end().await;
}

#[tokio::test]
async fn f087_a_silent_stream_is_found_out_by_what_rest_says_of_the_account() {
    let timing = Timing {
        private_silence_ms: 1_000,
        ..Timing::default()
    };
    let mesh = Mesh::live_with(timing).await;
    let mut watch = mesh.watch().await;
    let order = mesh.resting_buy().await;
    let id = mesh.submit(order).await.report.unwrap().venue_order_id;
    watch.session_heard_of(&id).await;
    mesh.venue("POST", "/sockets", freeze()).await;
    mesh.venue("POST", &format!("/orders/{id}/fill"), json!({}))
        .await;
    let lost = watch.state(SessionState::Reconnecting).await;
    assert!(
        lost.reason.contains("silent about changes"),
        "{}",
        lost.reason
    );
    let fill = watch
        .find(|event| match event {
            Event::Fill(fill) if fill.venue_order_id == id => Some(fill),
            _ => None,
        })
        .await;
    assert_eq!(fill.source(), ReportSource::Query);
    watch.state(SessionState::Live).await;
    mesh.end().await;
}

#[tokio::test]
async fn f088_a_quiet_account_is_looked_at_and_left_alone() {
    let timing = Timing {
        private_silence_ms: 100,
        ..Timing::default()
    };
    let mesh = Mesh::live_with(timing).await;
    let asked = mesh.requests(BALANCES).await;
    mesh.until_requests(BALANCES, asked + 4).await;
    let session = mesh.session().await;
    assert_eq!(
        (session.state(), session.generation),
        (SessionState::Live, 1)
    );
    mesh.end().await;
}

#[tokio::test]
async fn f109_one_unreadable_frame_ends_no_stream_and_what_it_said_is_asked_for() {
    let bad = AtomicU32::new(0);
    let twist = Twisted::reading(move |read, context, frame| {
        let is_order = String::from_utf8_lossy(frame).contains("ORDER_TRADE_UPDATE");
        if is_order && bad.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(VenueError::unreadable("scripted"));
        }
        read(context, frame)
    });
    let mesh = Mesh::twisted(simulator().await, Timing::default(), twist).await;
    mesh.until_state(SessionState::Live).await;
    let mut watch = mesh.watch().await;
    let first = mesh.resting_buy().await;
    let index = first.client_order_index;
    mesh.submit(first).await;
    let asked = watch
        .order(index, ReportedStatus::New, ReportSource::Query)
        .await;
    assert_eq!(asked.generation, 1, "asked for, not reconnected for");
    let second = mesh.resting_buy().await;
    let other = second.client_order_index;
    mesh.submit(second).await;
    let report = watch
        .order(other, ReportedStatus::New, ReportSource::Stream)
        .await;
    assert_eq!(report.generation, 1);
    mesh.end().await;
}

#[tokio::test]
async fn f024_an_event_of_an_instrument_not_known_yet_is_kept_and_told_once_it_is() {
    let unknown = AtomicU32::new(0);
    let twist = Twisted::reading(move |read, context, frame| {
        let is_order = String::from_utf8_lossy(frame).contains("ORDER_TRADE_UPDATE");
        if is_order && unknown.fetch_add(1, Ordering::SeqCst) == 0 {
            let venue_symbol = VenueSymbol::new("NEWUSDT").unwrap();
            let what = "order".to_owned();
            return Ok(vec![AccountEvent::Unmapped(Unmapped {
                venue_symbol,
                what,
            })]);
        }
        read(context, frame)
    });
    let timing = Timing {
        instruments_refresh_ms: 500,
        ..Timing::default()
    };
    let mesh = Mesh::twisted(simulator().await, timing, twist).await;
    mesh.until_state(SessionState::Live).await;
    let mut watch = mesh.watch().await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    mesh.submit(order).await;
    let told = watch
        .order(index, ReportedStatus::New, ReportSource::Stream)
        .await;
    assert_eq!(told.generation, 1);
    mesh.end().await;
}

#[tokio::test]
async fn f130_a_panic_in_the_stream_is_a_lost_stream_and_nothing_more() {
    let bad = AtomicU32::new(0);
    let twist = Twisted::reading(move |read, context, frame| {
        let is_order = String::from_utf8_lossy(frame).contains("ORDER_TRADE_UPDATE");
        assert!(
            !(is_order && bad.fetch_add(1, Ordering::SeqCst) == 0),
            "scripted panic"
        );
        read(context, frame)
    });
    let mesh = Mesh::twisted(simulator().await, Timing::default(), twist).await;
    mesh.until_state(SessionState::Live).await;
    let mut watch = mesh.watch().await;
    let order = mesh.resting_buy().await;
    let index = order.client_order_index;
    assert_eq!(mesh.submit(order).await.outcome(), Outcome::Accepted);
    watch.state(SessionState::Reconnecting).await;
    watch
        .order(index, ReportedStatus::New, ReportSource::Query)
        .await;
    assert_eq!(watch.state(SessionState::Live).await.generation, 2);
    mesh.end().await;
}

#[tokio::test]
async fn f007_an_acknowledgement_of_another_order_halts_the_session() {
    let mesh = Mesh::twisted(simulator().await, Timing::default(), Twisted::misplacing).await;
    mesh.until_state(SessionState::Live).await;
    let mut watch = mesh.watch().await;
    let order = mesh.resting_buy().await;
    let done = mesh.submit(order.clone()).await;
    assert_eq!(done.outcome(), Outcome::Unknown, "{:?}", done.detail);
    let failed = watch.state(SessionState::Failed).await;
    assert!(failed.reason.contains("another order"), "{}", failed.reason);
    assert_eq!(mesh.submit(order).await.outcome(), Outcome::NotSent);
    mesh.end().await;
}
