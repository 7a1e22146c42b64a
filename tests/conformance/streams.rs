//! Streams of the account: a snapshot, then a chain of changes; what was missed is told again.

use chimera_contracts::{
    common::v1::Side,
    connector::v1::{GetSessionRequest, SessionState},
    order::v1::{OrderChange, OrderState, WatchOrdersRequest, watch_orders_response::Frame},
    position::v1::{
        WatchPositionsRequest, position_change::Change,
        watch_positions_response::Frame as PositionFrame,
    },
};
use chimera_tests::{PATIENCE, eventually, house::ACCOUNT};
use serde_json::json;
use tonic::Streaming;

use crate::desk::{Desk, QUANTITY, reason};

type Orders = Streaming<chimera_contracts::order::v1::WatchOrdersResponse>;

fn watching(desk: &Desk, resume_token: &str) -> WatchOrdersRequest {
    WatchOrdersRequest {
        account: ACCOUNT.to_owned(),
        venue: desk.venue(),
        resume_token: resume_token.to_owned(),
        ..WatchOrdersRequest::default()
    }
}

/// Opens the stream and reads its ack.
async fn open(desk: &Desk, resume_token: &str) -> Orders {
    let request = watching(desk, resume_token);
    let mut stream = desk
        .house
        .orders()
        .watch_orders(request)
        .await
        .unwrap()
        .into_inner();
    let first = stream.message().await.unwrap().unwrap().frame.unwrap();
    assert!(
        matches!(first, Frame::Ack(_)),
        "the first frame is the ack, not {first:?}"
    );
    stream
}

/// Reads changes, each of which follows the one before, until the one of this order that is waited
/// for; returns what was told of the order.
async fn follow(
    stream: &mut Orders,
    mut seq: u64,
    index: i64,
    is_last: impl Fn(&OrderChange) -> bool,
) -> Vec<OrderChange> {
    let following = async {
        let mut told: Vec<OrderChange> = Vec::new();
        loop {
            match stream.message().await.unwrap().unwrap().frame.unwrap() {
                Frame::Change(change) => {
                    assert_eq!(change.prev_seq, seq, "no change is missing");
                    seq = change.seq;
                    let order = change.order.as_ref().unwrap();
                    if order.client_order_index != index {
                        continue;
                    }
                    told.push(change);
                    if told.last().is_some_and(&is_last) {
                        return told;
                    }
                }
                Frame::Heartbeat(_) => {}
                other => panic!("neither a change nor a heartbeat: {other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, following).await.unwrap()
}

fn is_cancelled(change: &OrderChange) -> bool {
    let order = change.order.as_ref();
    order.is_some_and(|order| order.state() == OrderState::Cancelled)
}

fn states(told: &[OrderChange]) -> Vec<OrderState> {
    let mut states: Vec<_> = told
        .iter()
        .map(|one| one.order.as_ref().unwrap().state())
        .collect();
    states.retain(|state| *state != OrderState::PendingCancel);
    states.dedup();
    states
}

pub async fn the_order_stream_is_a_chain_from_its_snapshot(desk: &Desk) {
    let open_before = desk.house.place(desk.resting().await).await;
    let mut stream = open(desk, "").await;
    let Frame::Snapshot(snapshot) = stream.message().await.unwrap().unwrap().frame.unwrap() else {
        panic!("the second frame is the snapshot");
    };
    let listed: Vec<_> = snapshot
        .orders
        .iter()
        .map(|order| order.client_order_index)
        .collect();
    assert_eq!(listed, [open_before.client_order_index]);
    let index = desk.place(desk.resting().await).await;
    desk.cancel(index).await;
    let told = follow(&mut stream, snapshot.seq, index, is_cancelled).await;
    assert_eq!(
        states(&told),
        [
            OrderState::Submitting,
            OrderState::Open,
            OrderState::Cancelled
        ]
    );
    let filled = desk.place(desk.market(Side::Buy)).await;
    let seq = told.last().unwrap().seq;
    // That it is filled may be known before how.
    follow(&mut stream, seq, filled, |change| change.fill.is_some()).await;
}

pub async fn a_stream_resumes_where_it_was_left(desk: &Desk) {
    let mut stream = open(desk, "").await;
    let Frame::Snapshot(snapshot) = stream.message().await.unwrap().unwrap().frame.unwrap() else {
        panic!("the second frame is the snapshot");
    };
    drop(stream);
    let index = desk.place(desk.resting().await).await;
    desk.cancel(index).await;
    let mut resumed = open(desk, &snapshot.resume_token).await;
    let told = follow(&mut resumed, snapshot.seq, index, is_cancelled).await;
    assert_eq!(
        states(&told),
        [
            OrderState::Submitting,
            OrderState::Open,
            OrderState::Cancelled
        ]
    );

    let forged = desk
        .house
        .orders()
        .watch_orders(watching(desk, "forged"))
        .await;
    assert_eq!(reason(&forged.unwrap_err()), "INVALID_RESUME_TOKEN");
}

pub async fn the_position_stream_tells_of_a_fill(desk: &Desk) {
    let request = WatchPositionsRequest {
        account: ACCOUNT.to_owned(),
        venue: desk.venue(),
        ..WatchPositionsRequest::default()
    };
    let stream = desk.house.positions().watch_positions(request).await;
    let mut stream = stream.unwrap().into_inner();
    desk.fill(desk.market(Side::Buy)).await;
    let following = async {
        let mut seq = None;
        loop {
            match stream.message().await.unwrap().unwrap().frame.unwrap() {
                PositionFrame::Snapshot(snapshot) => seq = Some(snapshot.seq),
                PositionFrame::Change(change) => {
                    assert_eq!(Some(change.prev_seq), seq, "no change is missing");
                    seq = Some(change.seq);
                    let Some(Change::Position(position)) = change.change else {
                        continue;
                    };
                    if position.symbol == desk.symbol() && position.quantity == QUANTITY {
                        return;
                    }
                }
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, following).await.unwrap();
}

pub async fn a_lost_private_stream_loses_nothing(desk: &Desk) {
    let session = async || {
        let request = GetSessionRequest {
            account: ACCOUNT.to_owned(),
            venue: desk.venue(),
        };
        let answer = desk.house.connector().get_session(request).await.ok()?;
        answer.into_inner().session
    };
    let before = session().await.unwrap();
    assert_eq!(before.state(), SessionState::Live);
    let order = desk.house.place(desk.resting().await).await;
    let cut = json!({ "kind": "private", "fate": { "to": "cut" } });
    desk.house.control("/sockets", cut).await;
    // Filled while nobody listens.
    let path = format!("/orders/{}/fill", order.venue_order_id);
    desk.house.control(&path, json!({})).await;
    desk.house
        .until(order.client_order_index, OrderState::Filled)
        .await;
    eventually("the session is live again", async || {
        let now = session().await?;
        (now.state() == SessionState::Live && now.generation > before.generation).then_some(())
    })
    .await;
    desk.holding(QUANTITY).await;
}
