//! The kill switch.

use std::time::Duration;

use chimera_contracts::common::v1::Side;
use chimera_contracts::order::v1 as pb;
use pb::{OrderState as S, TradingState as T};

use super::mesh::{Mesh, buy, market, reason, sell, tracking};
use super::venue::{OnCancel, OnSubmit, VenueOrder};

#[tokio::test(start_paused = true)]
async fn f060_after_the_answer_to_a_kill_nothing_leaves_and_the_latch_survives_a_restart() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    let set = mesh.set_trading(T::Halted).await;
    assert_eq!((set.state(), set.cancels_asked), (T::Halted, 1));
    assert!(set.settled && set.none_open, "{set:?}");
    let sent = mesh.venue.with(|state| state.submits.len());
    let refusal = mesh.place(buy("1", "98")).await.unwrap_err();
    assert_eq!(reason(&refusal), "TRADING_HALTED");
    let mesh = mesh.crash().await;
    assert_eq!(mesh.trading().await.state(), T::Halted);
    let refusal = mesh.place(buy("1", "98")).await.unwrap_err();
    assert_eq!(reason(&refusal), "TRADING_HALTED");
    assert_eq!(mesh.venue.with(|state| state.submits.len()), sent);
    mesh.set_trading(T::Active).await;
    mesh.place(buy("1", "98")).await.unwrap();
}

/// Orders flow while the switch is thrown: whatever was sent was sent before the answer.
#[tokio::test(start_paused = true)]
async fn f060_no_order_is_sent_after_the_kill_is_acknowledged_though_many_are_on_their_way() {
    let mesh = Mesh::start().await;
    let slow = OnSubmit::Slow(Duration::from_millis(20));
    mesh.venue.on_submit(std::iter::repeat_n(slow, 400));
    let placing: Vec<_> = (0..200)
        .map(|_| {
            let mut client = mesh.client();
            tokio::spawn(async move { client.place_order(buy("0.1", "99")).await })
        })
        .collect();
    mesh.venue.until(|state| state.submits.len() > 20).await;
    mesh.set_trading(T::Halted).await;
    let sent = mesh.venue.with(|state| state.submits.len());
    for placed in placing {
        let _ = placed.await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(mesh.venue.with(|state| state.submits.len()), sent);
    mesh.venue
        .until(|state| !state.orders.iter().any(|order| order.is_open()))
        .await;
}

/// A submission that waits for its turn in the connector is withdrawn there, not waited for.
#[tokio::test(start_paused = true)]
async fn f060_an_order_that_waits_in_the_connector_is_withdrawn_by_the_kill() {
    for state in [T::Halted, T::Reducing] {
        let mesh = Mesh::start().await;
        mesh.venue
            .on_submit([OnSubmit::Queue(Duration::from_secs(30))]);
        let mut client = mesh.client();
        let placing = tokio::spawn(async move { client.place_order(buy("1", "99")).await });
        mesh.venue.until(|state| !state.submits.is_empty()).await;
        let begun = tokio::time::Instant::now();
        let set = mesh.set_trading(state).await;
        assert!(set.settled);
        assert!(begun.elapsed() < Duration::from_millis(100));
        let placed = placing.await.unwrap().unwrap().into_inner().order.unwrap();
        assert_eq!(placed.state(), S::Denied);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(mesh.venue.with(|state| state.orders.is_empty()));
        mesh.set_trading(T::Active).await;
        mesh.place(buy("1", "98")).await.unwrap();
    }
}

/// An order that only lowers exposure waits on while trading is reduced, and not when it is halted.
#[tokio::test(start_paused = true)]
async fn f060_an_order_that_lowers_exposure_is_spared_until_trading_is_halted() {
    for (state, sent) in [(T::Reducing, 2), (T::Halted, 1)] {
        let mesh = Mesh::start().await;
        mesh.place(market(Side::Buy, "2")).await.unwrap();
        mesh.until("booked", async |mesh: &Mesh| mesh.fills().await.len() == 1)
            .await;
        mesh.venue
            .on_submit([OnSubmit::Queue(Duration::from_secs(1))]);
        let mut client = mesh.client();
        let placing = tokio::spawn(async move { client.place_order(sell("2", "100")).await });
        mesh.venue.until(|state| state.submits.len() == 2).await;
        mesh.set_trading(state).await;
        placing.await.unwrap().unwrap();
        assert_eq!(mesh.venue.with(|state| state.orders.len()), sent);
    }
}

/// What cannot be confirmed is not promised, and what then arrives late is cancelled.
#[tokio::test(start_paused = true)]
async fn f060_a_kill_that_the_connector_does_not_confirm_says_so() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.deaf = true);
    mesh.venue
        .on_submit([OnSubmit::Queue(Duration::from_secs(3))]);
    let mut client = mesh.client();
    let placing = tokio::spawn(async move { client.place_order(buy("1", "99")).await });
    mesh.venue.until(|state| !state.submits.is_empty()).await;
    let set = mesh.set_trading(T::Halted).await;
    // It came while the answer waited for the venue's word, and that word is waited for.
    assert!(!set.settled && set.none_open, "{set:?}");
    placing.await.unwrap().unwrap();
    mesh.reaches(1, S::Cancelled).await;
    assert!(!mesh.venue.is_any_open());
}

/// An order with our id that the journal lacks is ours for a kill; a stranger's is not.
#[tokio::test(start_paused = true)]
async fn f027_a_kill_cancels_what_bears_our_id_though_the_journal_lacks_it() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    let appears = |index| {
        mesh.venue.with(|state| {
            let (id, known) = (format!("lost-{index}"), state.orders[0].clone());
            let status = chimera_contracts::connector::v1::ReportedStatus::New;
            state.take(VenueOrder {
                index,
                id,
                status,
                ..known
            });
        });
    };
    appears(40);
    mesh.venue.with(super::recovering::a_human_places);
    mesh.until("adopted", async |mesh: &Mesh| {
        mesh.trading().await.open_orders == 3
    })
    .await;
    mesh.set_trading(T::Halted).await;
    mesh.reaches(40, S::Cancelled).await;
    appears(41);
    mesh.venue.until(|state| state.cancels.contains(&41)).await;
    mesh.reaches(41, S::Cancelled).await;
    let open = |order: &VenueOrder| order.is_open().then_some(order.index);
    let left: Vec<i64> = mesh
        .venue
        .with(|state| state.orders.iter().filter_map(open).collect());
    assert_eq!(left, [0]);
}

/// Nobody told of it, and it is not in the journal: the venue's own list is asked before the answer.
#[tokio::test(start_paused = true)]
async fn f027_a_kill_asks_the_venue_what_is_open_and_ends_what_nobody_told_of() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.with(|state| {
        state.silent = true;
        let known = state.orders[0].clone();
        state.take(VenueOrder {
            index: 40,
            id: "lost".into(),
            ..known
        });
        super::recovering::a_human_places(state);
        (state.silent, state.kept_back) = (false, Vec::new());
    });
    let set = mesh.set_trading(T::Halted).await;
    assert!(set.none_open, "{set:?}");
    assert_eq!((set.cancels_asked, set.leftovers), (1, vec![]));
    let open = |order: &VenueOrder| order.is_open().then_some(order.index);
    let left: Vec<i64> = mesh
        .venue
        .with(|state| state.orders.iter().filter_map(open).collect());
    assert_eq!(left, [0]);
}

#[tokio::test(start_paused = true)]
async fn f027_what_a_kill_cannot_end_in_time_is_named_and_pursued_all_the_same() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue.on_submit([OnSubmit::LoseRequest]);
    mesh.place(buy("1", "98")).await.unwrap();
    mesh.venue
        .on_cancel(std::iter::repeat_n(OnCancel::Reject, 1_000));
    let begun = tokio::time::Instant::now();
    let set = mesh.set_trading(T::Halted).await;
    assert!(begun.elapsed() < Duration::from_secs(6));
    assert!(set.settled && !set.none_open);
    let left: Vec<_> = set
        .leftovers
        .iter()
        .map(|left| (left.client_order_index, left.state()))
        .collect();
    // Whether the venue has the second one is not known: it may be open too.
    assert_eq!(left, [(1, S::PendingCancel), (2, S::Unknown)]);
    assert_eq!(set.leftovers[0].venue_order_id, mesh.venue.order(1).id);
    assert_eq!(set.unverified, []);

    mesh.venue.with(|state| state.on_cancel.clear());
    mesh.reaches(1, S::Cancelled).await;
    mesh.reaches(2, S::Rejected).await;
    let again = mesh.set_trading(T::Halted).await;
    assert!(again.none_open && again.leftovers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn f027_a_venue_that_does_not_say_what_is_open_is_named() {
    let mesh = Mesh::start().await;
    mesh.venue.with(|state| state.down = true);
    let set = mesh.set_trading(T::Halted).await;
    assert!(set.settled && !set.none_open, "{set:?}");
    let [account] = set.unverified.as_slice() else {
        panic!("{set:?}")
    };
    assert_eq!(
        (account.account.as_str(), account.venue.as_str()),
        ("main", "example")
    );
    assert!(account.message.contains("does not answer"), "{account:?}");
    mesh.venue.with(|state| state.down = false);
    assert!(mesh.set_trading(T::Halted).await.none_open);
}

/// The connector outlives the service: what waits in it is withdrawn by the one that comes after.
#[tokio::test(start_paused = true)]
async fn f135_what_waits_in_the_connector_is_withdrawn_after_a_crash_in_the_middle_of_a_kill() {
    let mesh = Mesh::start().await;
    mesh.venue
        .on_submit([OnSubmit::Queue(Duration::from_secs(30))]);
    mesh.venue.with(|state| state.deaf = true);
    let mut client = mesh.client();
    let placing = tokio::spawn(async move { client.place_order(buy("1", "99")).await });
    mesh.venue.until(|state| !state.submits.is_empty()).await;
    let records = mesh.store.records().len();
    let (mut client, store) = (mesh.client(), mesh.store.clone());
    let request = pb::SetTradingStateRequest {
        state: T::Halted.into(),
        reason: "crash".into(),
    };
    tokio::select! {
        _ = client.set_trading_state(request) => panic!("nothing was confirmed"),
        () = store.holds(records + 1) => {}
    }
    let mesh = mesh.crash_unready().await;
    placing.abort();
    assert_eq!(mesh.venue.with(|state| state.withdrawn.0), 0);
    mesh.venue.with(|state| state.deaf = false);
    mesh.venue.until(|state| state.withdrawn.0 > 0).await;
    mesh.ready().await;
    assert!(mesh.venue.with(|state| state.orders.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn f135_a_crash_in_the_middle_of_a_kill_goes_on_cancelling_until_nothing_is_open() {
    let mesh = Mesh::start().await;
    for _ in 0..10 {
        mesh.place(buy("1", "99")).await.unwrap();
    }
    mesh.venue
        .on_cancel(std::iter::repeat_n(OnCancel::LoseRequest, 10));
    let mut client = mesh.client();
    let request = pb::SetTradingStateRequest {
        state: T::Halted.into(),
        reason: "crash".into(),
    };
    tokio::select! {
        _ = client.set_trading_state(request) => {}
        () = mesh.venue.until(|state| state.cancels.len() >= 3) => {}
    }
    let mesh = mesh.crash().await;
    assert_eq!(mesh.trading().await.state(), T::Halted);
    mesh.venue
        .until(|state| !state.orders.iter().any(|order| order.is_open()))
        .await;
    mesh.until("all proven", async |mesh: &Mesh| {
        mesh.trading().await.open_orders == 0
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f027_a_kill_does_not_give_up_on_cancels_that_are_refused() {
    let mesh = Mesh::start().await;
    mesh.place(buy("1", "99")).await.unwrap();
    mesh.venue
        .on_cancel(std::iter::repeat_n(OnCancel::Reject, 12));
    mesh.set_trading(T::Halted).await;
    mesh.reaches(1, S::Cancelled).await;
    assert_eq!(mesh.venue.with(|state| state.cancels.len()), 13);
}

#[tokio::test(start_paused = true)]
async fn a_kill_ends_tracking_limits_with_their_children() {
    let mesh = Mesh::start().await;
    mesh.place(tracking("1", 10)).await.unwrap();
    mesh.venue.until(|state| state.orders.len() == 1).await;
    mesh.set_trading(T::Halted).await;
    mesh.reaches(1, S::Cancelled).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(mesh.venue.with(|state| state.orders.len()), 1);
    assert!(!mesh.venue.is_any_open());
}

#[tokio::test(start_paused = true)]
async fn a_kill_that_is_not_durable_is_not_acknowledged_and_still_stops_orders() {
    let mesh = Mesh::start().await;
    mesh.store.fail(true);
    let request = pb::SetTradingStateRequest {
        state: T::Halted.into(),
        reason: "full".into(),
    };
    let error = mesh.client().set_trading_state(request).await.unwrap_err();
    assert_eq!(reason(&error), "JOURNAL_FAILED");
    mesh.venue.until(|state| state.withdrawn.0 > 0).await;
    assert!(mesh.place(buy("1", "99")).await.is_err());
    assert_eq!(mesh.venue.with(|state| state.submits.len()), 0);
}

/// Two records for each order in one step are more than the journal takes at once.
#[tokio::test(start_paused = true)]
async fn f060_a_kill_with_thousands_of_orders_open_is_recorded_and_done() {
    let mut config = crate::Config::default();
    config.risk.orders_per_second_max = 100_000;
    let mesh = Mesh::with(config, super::venue::Venue::new()).await;
    for _ in 0..2_100 {
        mesh.place(buy("0.1", "50")).await.unwrap();
    }
    let set = mesh.set_trading(T::Halted).await;
    assert_eq!(set.cancels_asked, 2_100);
    mesh.venue
        .until(|state| !state.orders.iter().any(|order| order.is_open()))
        .await;
}
