//! Submissions whose outcome is not known.

use std::time::Duration;

use chimera_contracts::order::v1 as pb;
use pb::OrderState as S;
use tokio::time::Instant;

use super::mesh::{Mesh, buy, reason, with_index};
use super::venue::OnSubmit;

#[tokio::test(start_paused = true)]
async fn f001_a_lost_reply_leaves_the_order_unknown_until_the_venue_has_spoken() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.silent = true);
    mesh.venue.on_submit([OnSubmit::LoseReply]);
    let order = mesh.place(buy("1", "99")).await.unwrap();
    assert_eq!(order.state(), S::Unknown);
    let order = mesh.reaches(1, S::Open).await;
    assert_eq!(order.venue_order_id, "901");
    assert_eq!(mesh.venue.with(|state| state.submits.clone()), [1]);
}

#[tokio::test(start_paused = true)]
async fn f001_the_stream_may_answer_before_the_query() {
    let mesh = Mesh::start().await;
    mesh.venue.on_submit([OnSubmit::LoseReply]);
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.reaches(1, S::Open).await;
    assert_eq!(mesh.venue.with(|state| state.queries.len()), 0);
}

#[tokio::test(start_paused = true)]
async fn f002_a_call_that_fails_without_a_word_is_not_a_refusal() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.silent = true);
    mesh.venue.on_submit([OnSubmit::Break]);
    assert_eq!(
        mesh.place(buy("1", "99")).await.unwrap().state(),
        S::Unknown
    );
    mesh.reaches(1, S::Open).await;
    assert_eq!(mesh.venue.count(1), 1);
}

#[tokio::test(start_paused = true)]
async fn f003_a_duplicate_refusal_proves_life_and_the_venue_is_asked_for_the_rest() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.silent = true);
    mesh.venue.on_submit([OnSubmit::Duplicate]);
    let order = mesh.place(buy("1", "99")).await.unwrap();
    assert_eq!(order.state(), S::Open);
    mesh.until("its id is known", async |mesh: &Mesh| {
        mesh.get(1).await.venue_order_id == "901"
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f005_absence_takes_several_spaced_misses_after_the_window() {
    let mesh = Mesh::start().await;
    mesh.venue.on_submit([OnSubmit::LoseRequest]);
    let began = Instant::now();
    assert_eq!(
        mesh.place(buy("1", "99")).await.unwrap().state(),
        S::Unknown
    );
    let order = mesh.reaches(1, S::Rejected).await;
    assert_eq!(order.reason, "ORDER_NOT_FOUND");
    // Validity 5 s, grace 2 s, and two spaces of at least 1 s between three misses.
    assert!(
        began.elapsed() >= Duration::from_secs(9),
        "{:?}",
        began.elapsed()
    );
    assert!(mesh.venue.with(|state| state.queries.len()) > 3);
}

#[tokio::test(start_paused = true)]
async fn f005_misses_without_a_live_stream_prove_nothing() {
    let mesh = Mesh::start().await;
    mesh.venue.on_submit([OnSubmit::LoseRequest]);
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| state.set_live(false));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(mesh.get(1).await.state(), S::Unknown);
    mesh.venue.with(|state| state.set_live(true));
    mesh.reaches(1, S::Rejected).await;
}

#[tokio::test(start_paused = true)]
async fn f005_an_order_that_appears_after_it_was_proven_absent_is_adopted_and_can_be_cancelled() {
    let mesh = Mesh::start().await;
    mesh.venue
        .on_submit([OnSubmit::AcceptLater(Duration::from_secs(60))]);
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.reaches(1, S::Rejected).await;
    let order = mesh.reaches(1, S::Open).await;
    assert_eq!(order.venue_order_id, "901");
    let names: Vec<_> = mesh
        .explain(1)
        .await
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert!(names.contains(&"ADOPTED".to_owned()), "{names:?}");
    assert_eq!(mesh.cancel(1).await.unwrap().state(), S::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn f006_an_order_that_ended_before_the_check_is_resolved_though_no_list_shows_it() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.silent = true);
    mesh.venue.on_submit([OnSubmit::LoseReply]);
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.fill(1, 10);
    let order = mesh.reaches(1, S::Filled).await;
    assert_eq!(order.filled_quantity, "1");
}

#[tokio::test(start_paused = true)]
async fn f006_a_fill_with_our_id_outweighs_every_miss() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| {
        state.silent = true;
        state.blind_queries = 1_000;
        state.lists_bear_our_ids = true;
    });
    mesh.venue.on_submit([OnSubmit::LoseReply]);
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.fill(1, 10);
    let order = mesh.reaches(1, S::Filled).await;
    assert_eq!(order.filled_quantity, "1");
}

#[tokio::test(start_paused = true)]
async fn f008_the_claim_of_an_index_holds_when_the_first_attempt_ended_unknown() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.silent = true);
    mesh.venue.on_submit([OnSubmit::LoseReply]);
    mesh.place(with_index(5, buy("1", "99"))).await.unwrap();
    let again = mesh
        .client()
        .place_order(with_index(5, buy("1", "99")))
        .await
        .unwrap();
    assert!(again.into_inner().replayed);
    let other = mesh.place(with_index(5, buy("2", "99"))).await.unwrap_err();
    assert_eq!(reason(&other), "ORDER_INDEX_CONFLICT");
    assert_eq!(mesh.venue.with(|state| state.submits.clone()), [5]);
}

#[tokio::test(start_paused = true)]
async fn h046_twins_at_the_same_moment_get_the_same_answer_and_one_venue_order() {
    let mesh = Mesh::start().await;
    mesh.venue
        .on_submit([OnSubmit::Slow(Duration::from_secs(1))]);
    let twins = futures::future::join_all(
        (0..8).map(|_| async { mesh.place(with_index(3, buy("1", "99"))).await.unwrap() }),
    );
    let answers = twins.await;
    assert!(answers.iter().all(|order| order.state() == S::Open));
    assert_eq!(mesh.venue.with(|state| state.submits.clone()), [3]);
}

/// Drops the call after each number of polls it may take: wherever it is, one order or none.
#[tokio::test(start_paused = true)]
async fn h015_f009_a_caller_that_goes_away_at_any_point_changes_nothing() {
    for polls in 0..40 {
        let mesh = Mesh::start().await;
        let mut client = mesh.client();
        let call = client.place_order(with_index(1, buy("1", "99")));
        drop_after(call, polls).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let placed = mesh.venue.count(1);
        assert!(placed <= 1);
        let again = mesh.place(with_index(1, buy("1", "99"))).await.unwrap();
        assert_eq!(again.state(), S::Open, "after {polls} polls");
        assert_eq!(mesh.venue.count(1), 1, "after {polls} polls");
    }
}

/// Polls a future so many times, then drops it.
async fn drop_after<F: Future>(future: F, polls: usize) {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        if future.as_mut().poll(&mut context).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_time_ends_learns_the_index_and_that_the_outcome_is_not_known() {
    let mesh = Mesh::start().await;
    mesh.venue
        .on_submit([OnSubmit::Slow(Duration::from_secs(5))]);
    mesh.venue.with(|state| state.silent = true);
    let mut request = tonic::Request::new(buy("1", "99"));
    request.set_timeout(Duration::from_millis(500));
    let error = mesh.client().place_order(request).await.unwrap_err();
    assert_eq!(reason(&error), "ORDER_OUTCOME_UNKNOWN");
    assert_eq!(
        chimera_runtime::fault::facts_of(&error)["client_order_index"],
        "1"
    );
    mesh.reaches(1, S::Open).await;
}

#[tokio::test(start_paused = true)]
async fn f013_a_fill_before_the_acknowledgement_is_booked() {
    let mesh = Mesh::start().await;
    mesh.venue
        .on_submit([OnSubmit::Slow(Duration::from_secs(2))]);
    let placing = mesh.place(buy("1", "99"));
    let filling = async {
        mesh.venue.until(|state| !state.orders.is_empty()).await;
        mesh.venue.fill(1, 10);
    };
    let (order, ()) = tokio::join!(placing, filling);
    // The stream was faster than the answer: the first word on the order is its outcome.
    assert!(matches!(order.unwrap().state(), S::Open | S::Filled));
    assert_eq!(mesh.reaches(1, S::Filled).await.filled_quantity, "1");
}

#[tokio::test(start_paused = true)]
async fn f033_an_order_of_which_nothing_is_heard_is_asked_for() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| state.silent = true);
    mesh.venue.fill(1, 10);
    let order = mesh.reaches(1, S::Filled).await;
    assert_eq!(order.filled_quantity, "1");
}

/// Nothing is wrong with an order that rests: a thousand of them must not be asked for one by one.
#[tokio::test(start_paused = true)]
async fn f033_many_orders_of_which_nothing_is_heard_are_asked_for_by_one_list() {
    let mesh = Mesh::start().await;
    for _ in 0..100 {
        mesh.place(buy("1", "50")).await.unwrap();
    }
    mesh.venue.with(|state| {
        state.lists = 0;
        state.queries.clear();
        state.silent = true;
    });
    mesh.venue.fill(9, 10);
    let order = mesh.reaches(9, S::Filled).await;
    assert_eq!(order.filled_quantity, "1");
    tokio::time::sleep(Duration::from_secs(300)).await;
    let (lists, queries) = mesh
        .venue
        .with(|state| (state.lists, state.queries.clone()));
    // Ten spans of silence, five of which end in the regular comparison.
    assert!(lists <= 12, "{lists} lists");
    assert!(queries.iter().all(|index| *index == 9), "{queries:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_connector_did_not_send_is_denied_and_says_why() {
    let mesh = Mesh::start().await;
    mesh.venue.on_submit([OnSubmit::NotSent("BREAKER_OPEN")]);
    let order = mesh.place(buy("1", "99")).await.unwrap();
    assert_eq!(order.state(), S::Denied);
    assert_eq!(order.reason, "BREAKER_OPEN");
}

/// A code or a reason that sounds as if nothing had left is not evidence that nothing has.
#[tokio::test(start_paused = true)]
async fn f002_a_call_that_failed_is_unsent_only_when_it_says_that_it_was_not_begun() {
    for reason in ["VENUE_NOT_READY", "OVERLOADED", "DRAINING", "INVALID_FIELD"] {
        let mesh = Mesh::start().await;
        mesh.venue
            .on_submit([OnSubmit::Fail(reason), OnSubmit::Refuse(reason)]);
        let order = mesh.place(buy("1", "99")).await.unwrap();
        assert_eq!(order.state(), S::Unknown, "{reason}");
        mesh.reaches(1, S::Open).await;
        let order = mesh.place(buy("1", "99")).await.unwrap();
        assert_eq!((order.state(), order.reason.as_str()), (S::Denied, reason));
        assert_eq!(mesh.venue.count(2), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn f031_an_immediate_order_that_the_venue_prunes_is_closed_by_its_acknowledgement() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.fill(1, 3);
    mesh.venue
        .end(1, chimera_contracts::connector::v1::ReportedStatus::Expired);
    let order = mesh.reaches(1, S::Expired).await;
    assert_eq!(order.filled_quantity, "0.3");
    let asked = mesh.venue.with(|state| state.queries.len());
    tokio::time::sleep(Duration::from_secs(120)).await;
    let later = mesh.venue.with(|state| state.queries.len());
    assert_eq!(asked, later, "an order that has ended is not asked for");
}
