//! Tracking limits: the touch, the grid, one live child, and every way to end.

use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as wire;
use chimera_contracts::order::v1 as pb;
use chimera_runtime::context::CallContext;
use chimera_runtime::trace::TraceContext;
use pb::OrderState as S;

use super::mesh::{Mesh, buy, tracking, with_index};
use super::venue::{OnCancel, OnSubmit, Venue};
use crate::Config;

fn with(
    request: pb::PlaceOrderRequest,
    set: impl FnOnce(&mut pb::TrackingLimit),
) -> pb::PlaceOrderRequest {
    let mut request = request;
    set(request.tracking_limit.as_mut().unwrap());
    request
}

fn millis(span: &prost_types::Duration) -> i64 {
    span.seconds * 1_000 + i64::from(span.nanos) / 1_000_000
}

fn progress(order: &pb::Order) -> pb::TrackingProgress {
    order.tracking_progress.clone().unwrap()
}

/// How many orders are open at the venue, ever watched.
fn open_now(venue: &Venue) -> usize {
    venue.with(|state| state.orders.iter().filter(|order| order.is_open()).count())
}

/// Lets a parent work for a while; at no moment since the venue opened were two children open.
async fn work(mesh: &Mesh, during: Duration) {
    tokio::time::sleep(during).await;
    let most = mesh.venue.with(|state| state.most_open);
    assert!(most <= 1, "{most} children were open at the venue at once");
}

#[tokio::test(start_paused = true)]
async fn the_first_child_works_at_the_touch_of_its_own_side_moved_by_the_offset() {
    for (side, offset, ticks) in [
        (common::Side::Buy, 0, 9_999),
        (common::Side::Buy, 5, 9_994),
        (common::Side::Sell, 0, 10_001),
        (common::Side::Sell, 7, 10_008),
    ] {
        let mesh = Mesh::start().await;
        let request = with(tracking("1", 10), |it| it.price_offset_ticks = offset);
        let request = pb::PlaceOrderRequest {
            side: side.into(),
            ..request
        };
        let parent = mesh.place(request).await.unwrap();
        assert_eq!(parent.state(), S::Open);
        assert_eq!(parent.client_order_id, "");
        mesh.venue.until(|state| !state.orders.is_empty()).await;
        let child = mesh.venue.order(2);
        assert_eq!((child.ticks, child.lots, child.side), (ticks, 10, side));
        mesh.reaches(2, S::Open).await;
        assert_eq!(mesh.get(2).await.parent_client_order_index, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn children_are_replaced_on_a_grid_within_twenty_milliseconds_and_follow_the_market() {
    let mesh = Mesh::start().await;
    // Cancels take their time, as at a real venue.
    mesh.venue.on_cancel(std::iter::repeat_n(
        OnCancel::Slow(Duration::from_millis(80)),
        50,
    ));
    mesh.place(tracking("1", 10)).await.unwrap();
    for step in 0..6 {
        work(&mesh, Duration::from_secs(10)).await;
        mesh.venue.with(|state| {
            state.bid = Some(9_990 - step);
            state.ask = Some(9_995 - step);
        });
    }
    let done = progress(&mesh.get(1).await);
    assert!(done.attempts >= 6, "{done:?}");
    assert!(millis(&done.interval_error_max.unwrap()) <= 20, "{done:?}");
    let placed: Vec<i64> = done
        .children
        .iter()
        .map(|child| child.placed_time.unwrap())
        .map(|time| time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000)
        .collect();
    for (step, time) in placed.iter().enumerate() {
        let drift = time - placed[0] - 10_000 * step as i64;
        assert!(
            drift.abs() <= 20,
            "child {step} is off the grid by {drift} ms"
        );
    }
    assert_eq!(done.children[1].price, "99.9");
    assert_eq!(done.children[3].price, "99.88");
}

#[tokio::test(start_paused = true)]
async fn f022_what_is_placed_anew_is_what_is_left() {
    let mesh = Mesh::start().await;
    mesh.place(tracking("1", 10)).await.unwrap();
    mesh.venue.until(|state| state.orders.len() == 1).await;
    mesh.venue.fill(2, 3);
    mesh.venue.until(|state| state.orders.len() == 2).await;
    assert_eq!(mesh.venue.order(3).lots, 7);
    mesh.venue.fill(3, 7);
    let parent = mesh.reaches(1, S::Filled).await;
    assert_eq!(parent.filled_quantity, "1");
    assert_eq!(progress(&parent).end, "FILLED");
    assert_eq!(progress(&parent).children[0].filled_quantity, "0.3");
    assert_eq!(
        mesh.fills().await.len(),
        2,
        "a parent's fills are its children's"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fill_that_crosses_the_cancel_is_counted_before_the_rest_is_placed() {
    let mesh = Mesh::start().await;
    mesh.place(tracking("1", 10)).await.unwrap();
    mesh.venue.until(|state| state.orders.len() == 1).await;
    mesh.venue
        .on_cancel([OnCancel::Slow(Duration::from_secs(2))]);
    mesh.venue.until(|state| !state.cancels.is_empty()).await;
    mesh.venue.fill(2, 6);
    mesh.venue.until(|state| state.orders.len() == 2).await;
    assert_eq!(mesh.venue.order(3).lots, 4);
}

#[tokio::test(start_paused = true)]
async fn f021_no_child_is_placed_while_the_end_of_the_one_before_is_not_proven() {
    let mesh = Mesh::start().await;
    mesh.place(tracking("1", 2)).await.unwrap();
    mesh.venue.until(|state| state.orders.len() == 1).await;
    mesh.venue.with(|state| {
        state.silent = true;
        state.failing_queries = 1_000_000;
    });
    mesh.venue
        .on_cancel(std::iter::repeat_n(OnCancel::LoseRequest, 100));
    work(&mesh, Duration::from_secs(30)).await;
    assert_eq!(mesh.venue.with(|state| state.orders.len()), 1);
    mesh.venue.with(|state| {
        state.on_cancel.clear();
        state.failing_queries = 0;
        state.silent = false;
    });
    mesh.venue.until(|state| state.orders.len() == 2).await;
    assert!(!mesh.venue.order(2).is_open());
}

#[tokio::test(start_paused = true)]
async fn a_parent_gives_up_in_time_with_its_last_child_cancelled() {
    let mesh = Mesh::start().await;
    let timeout = Some(prost_types::Duration {
        seconds: 25,
        nanos: 0,
    });
    mesh.place(with(tracking("1", 10), |it| it.timeout = timeout))
        .await
        .unwrap();
    let parent = mesh.reaches(1, S::Expired).await;
    assert_eq!(progress(&parent).end, "TIMEOUT");
    assert_eq!(progress(&parent).attempts, 3);
    assert_eq!(open_now(&mesh.venue), 0);
}

#[tokio::test(start_paused = true)]
async fn a_parent_gives_up_after_its_last_attempt_has_had_its_interval() {
    let mesh = Mesh::start().await;
    mesh.place(with(tracking("1", 10), |it| it.max_attempts = 2))
        .await
        .unwrap();
    work(&mesh, Duration::from_secs(19)).await;
    assert_eq!(open_now(&mesh.venue), 1);
    let parent = mesh.reaches(1, S::Expired).await;
    assert_eq!(progress(&parent).end, "MAX_ATTEMPTS");
    assert_eq!(progress(&parent).attempts, 2);
    assert_eq!(open_now(&mesh.venue), 0);
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_parent_ends_it_with_its_child_cancelled() {
    let mesh = Mesh::start().await;
    mesh.place(tracking("1", 10)).await.unwrap();
    mesh.venue.until(|state| state.orders.len() == 1).await;
    mesh.venue.fill(2, 3);
    let parent = mesh.cancel(1).await.unwrap();
    assert_eq!(parent.state(), S::Cancelled);
    assert_eq!(progress(&parent).end, "CANCELLED");
    assert_eq!(parent.filled_quantity, "0.3");
    mesh.reaches(2, S::Cancelled).await;
}

#[tokio::test(start_paused = true)]
async fn f044_a_parent_counts_as_filled_from_9999_parts_in_ten_thousand_on() {
    let mut config = Config::default();
    config.risk.exposure_max = "1000000".parse().unwrap();
    let mesh = Mesh::with(config, Venue::new()).await;
    mesh.place(tracking("1000", 10)).await.unwrap();
    mesh.venue.until(|state| state.orders.len() == 1).await;
    mesh.venue.fill(2, 9_998);
    work(&mesh, Duration::from_secs(2)).await;
    assert_eq!(mesh.get(1).await.state(), S::PartiallyFilled);
    mesh.venue.fill(2, 1);
    let parent = mesh.reaches(1, S::Filled).await;
    assert_eq!(parent.filled_quantity, "999.9");
    mesh.reaches(2, S::Cancelled).await;
}

/// Returns a mesh whose parent 1 has a child 2 with a rest of 0.1 at 30, a notional of 3: the venue
/// takes no order below 5.
async fn with_a_rest_below_the_minimum() -> Mesh {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| {
        state.bid = Some(3_000);
        state.ask = Some(3_001);
    });
    mesh.place(tracking("1", 10)).await.unwrap();
    mesh.venue.until(|state| state.orders.len() == 1).await;
    mesh.venue.fill(2, 9);
    mesh
}

#[tokio::test(start_paused = true)]
async fn a_child_whose_rest_is_too_small_to_be_placed_anew_is_left_to_work() {
    let mesh = with_a_rest_below_the_minimum().await;
    work(&mesh, Duration::from_secs(60)).await;
    assert_eq!(
        mesh.venue
            .with(|state| (state.orders.len(), state.cancels.len())),
        (1, 0)
    );
    mesh.venue.fill(2, 1);
    mesh.reaches(1, S::Filled).await;
}

#[tokio::test(start_paused = true)]
async fn a_rest_that_cannot_be_placed_ends_the_parent_and_says_why() {
    let mesh = with_a_rest_below_the_minimum().await;
    mesh.venue.end(2, wire::ReportedStatus::Cancelled);
    let parent = mesh.reaches(1, S::Expired).await;
    assert_eq!(progress(&parent).end, "REJECTED");
    assert!(parent.message.contains("0.1"), "{}", parent.message);
}

#[tokio::test(start_paused = true)]
async fn a_parent_ends_when_the_venue_refuses_five_children_in_a_row() {
    let mesh = Mesh::start().await;
    mesh.venue
        .on_submit(std::iter::repeat_n(OnSubmit::Reject("-2019"), 50));
    mesh.place(tracking("1", 1)).await.unwrap();
    let parent = mesh.reaches(1, S::Rejected).await;
    assert_eq!(progress(&parent).end, "REJECTED");
    assert_eq!(progress(&parent).attempts, 5);
}

#[tokio::test(start_paused = true)]
async fn f019_a_late_fill_of_an_old_child_shrinks_the_one_that_works() {
    let mesh = Mesh::start().await;
    mesh.place(tracking("1", 10)).await.unwrap();
    mesh.venue.until(|state| state.orders.len() == 2).await;
    assert!(!mesh.venue.order(2).is_open());
    mesh.venue.fill(2, 4);
    mesh.venue.until(|state| state.orders.len() == 3).await;
    assert!(!mesh.venue.order(3).is_open());
    assert_eq!(mesh.venue.order(4).lots, 6);
    mesh.venue.fill(4, 6);
    assert_eq!(mesh.reaches(1, S::Filled).await.filled_quantity, "1");
}

#[tokio::test(start_paused = true)]
async fn f005_a_child_that_appears_late_is_cancelled_and_counted() {
    let mesh = Mesh::start().await;
    mesh.venue
        .on_submit([OnSubmit::AcceptLater(Duration::from_secs(30))]);
    let timeout = Some(prost_types::Duration {
        seconds: 120,
        nanos: 0,
    });
    mesh.place(with(tracking("1", 10), |it| it.timeout = timeout))
        .await
        .unwrap();
    mesh.venue.until(|state| state.submits.len() >= 2).await;
    mesh.venue
        .until(|state| state.orders.iter().any(|order| order.index == 2))
        .await;
    mesh.reaches(2, S::Cancelled).await;
    let parent = mesh.reaches(1, S::Expired).await;
    assert_eq!(progress(&parent).end, "TIMEOUT");
    assert_eq!(open_now(&mesh.venue), 0);
}

#[tokio::test(start_paused = true)]
async fn a_parent_waits_for_a_price_and_for_its_venue() {
    let mesh = Mesh::start().await;
    mesh.place(tracking("1", 2)).await.unwrap();
    mesh.venue.until(|state| state.orders.len() == 1).await;
    mesh.venue.with(|state| state.stale = true);
    work(&mesh, Duration::from_secs(10)).await;
    assert_eq!(mesh.venue.with(|state| state.orders.len()), 1);
    mesh.venue.with(|state| state.stale = false);
    mesh.venue.until(|state| state.orders.len() == 2).await;
    mesh.venue.with(|state| state.set_live(false));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(mesh.venue.with(|state| state.orders.len()), 2);
    mesh.venue.with(|state| state.set_live(true));
    mesh.venue.until(|state| state.orders.len() == 3).await;
}

#[tokio::test(start_paused = true)]
async fn no_child_leaves_at_a_price_that_passes_the_exposure_limit() {
    let mut config = Config::default();
    config.risk.exposure_max = "31".parse().unwrap();
    let mesh = Mesh::with(config, Venue::new()).await;
    let touch = |bid| {
        mesh.venue.with(|state| {
            (state.bid, state.ask) = (Some(bid), Some(bid + 1));
        });
    };
    touch(3_000);
    mesh.place(tracking("1", 2)).await.unwrap();
    mesh.venue.until(|state| state.orders.len() == 1).await;
    touch(3_200);
    work(&mesh, Duration::from_secs(10)).await;
    assert_eq!(mesh.venue.with(|state| state.orders.len()), 1);
    assert_eq!(mesh.get(2).await.state(), S::Cancelled);
    touch(3_000);
    mesh.venue.until(|state| state.orders.len() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_repetition_of_a_parent_is_the_parent_and_another_setting_is_a_conflict() {
    let mesh = Mesh::start().await;
    mesh.place(with_index(4, tracking("1", 10))).await.unwrap();
    let again = mesh
        .client()
        .place_order(with_index(4, tracking("1", 10)))
        .await
        .unwrap();
    assert!(again.into_inner().replayed);
    let other = mesh
        .place(with_index(4, tracking("1", 11)))
        .await
        .unwrap_err();
    assert_eq!(super::mesh::reason(&other), "ORDER_INDEX_CONFLICT");
    let plain = mesh.place(with_index(4, buy("1", "99"))).await.unwrap_err();
    assert_eq!(super::mesh::reason(&plain), "ORDER_INDEX_CONFLICT");
}

/// A replacement is two orders: each has its own end, and neither's outcome is made up from the
/// other's.
#[tokio::test(start_paused = true)]
async fn f023_both_legs_of_a_replacement_have_their_own_outcome() {
    let mesh = Mesh::start().await;
    mesh.venue
        .on_submit([OnSubmit::Accept, OnSubmit::Reject("-2022")]);
    mesh.place(tracking("1", 10)).await.unwrap();
    // The cancel succeeds and the new order fails: the old one is gone, the next one is tried.
    mesh.venue.until(|state| state.submits.len() == 3).await;
    mesh.reaches(3, S::Rejected).await;
    mesh.reaches(2, S::Cancelled).await;
    mesh.reaches(4, S::Open).await;
    // The cancel fails: the old order works on, and no other is sent.
    mesh.venue
        .on_cancel(std::iter::repeat_n(OnCancel::Reject, 1_000));
    mesh.venue.until(|state| state.cancels.len() >= 3).await;
    work(&mesh, Duration::from_secs(2)).await;
    assert!(mesh.venue.order(4).is_open());
    assert_eq!(mesh.venue.with(|state| state.submits.clone()), [2, 3, 4]);
    let state = mesh.get(4).await.state();
    assert!([S::Open, S::PendingCancel].contains(&state), "{state:?}");
}

/// Whoever asks what became of an order finds all of it under one trace, a restart in between or
/// not.
#[tokio::test(start_paused = true)]
async fn children_belong_to_the_trace_that_placed_their_parent() {
    let mesh = Mesh::start().await;
    let trace = TraceContext::root();
    let context = CallContext {
        trace: Some(trace),
        deadline: None,
    };
    context.scope(mesh.place(tracking("1", 10))).await.unwrap();
    mesh.venue.until(|state| state.submits.len() == 2).await;
    let mesh = mesh.crash().await;
    mesh.venue.until(|state| state.submits.len() == 3).await;
    let traces = mesh.venue.with(|state| state.traces.clone());
    assert_eq!(traces, [Some(trace.trace_id()); 3]);
    let text = format!("{:032x}", trace.trace_id());
    for index in 1..=4 {
        assert_eq!(mesh.get(index).await.trace_id, text);
    }
}

/// Crashes after each number of records, at every boundary between steps: one live child at most,
/// the children's fills never pass the parent, and the parent comes to its end.
#[tokio::test(start_paused = true)]
async fn a_parent_survives_a_crash_at_every_step() {
    for records in 2..60 {
        let mesh = Mesh::with(Config::default(), Venue::new()).await;
        mesh.venue.on_cancel(std::iter::repeat_n(
            OnCancel::Slow(Duration::from_millis(30)),
            100,
        ));
        let begin = mesh.store.records().len();
        let timeout = Some(prost_types::Duration {
            seconds: 60,
            nanos: 0,
        });
        let request = with_index(1, with(tracking("1", 5), |it| it.timeout = timeout));
        let mut client = mesh.client();
        let placing = tokio::spawn(async move { client.place_order(request).await });
        let (venue, store) = (mesh.venue.clone(), mesh.store.clone());
        let reached = store.holds(begin + records);
        let _ = tokio::time::timeout(Duration::from_secs(40), reached).await;
        let mesh = mesh.crash_unready().await;
        placing.abort();
        let filling = async {
            venue
                .until(|state| state.orders.iter().any(|order| order.is_open()))
                .await;
            let open = venue.with(|state| state.orders.iter().rfind(|it| it.is_open()).cloned());
            venue.fill(open.unwrap().index, 3);
        };
        let _ = tokio::time::timeout(Duration::from_secs(20), filling).await;
        mesh.ready().await;
        work(&mesh, Duration::from_secs(70)).await;
        let parent = mesh.get(1).await;
        assert_eq!(parent.state(), S::Expired, "crash after {records} records");
        assert_eq!(open_now(&venue), 0, "crash after {records} records");
        let filled: i64 = venue.with(|state| state.orders.iter().map(|order| order.filled).sum());
        assert_eq!(parent.filled_quantity, super::venue::quantity(filled));
        assert!(
            super::venue::counts(&venue)
                .values()
                .all(|count| *count == 1)
        );
        let sizes = venue.with(|state| state.orders.iter().map(|order| order.lots).max());
        assert!(sizes.unwrap_or(0) <= 10);
    }
}
