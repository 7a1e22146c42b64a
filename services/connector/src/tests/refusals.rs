//! What a venue says no to, what never leaves this house, and what ends a session for good.

use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as pb;
use chimera_runtime::fault::reason_of;
use chimera_venue_sim::LimitConfig;
use pb::{Outcome, SessionState};
use serde_json::json;
use tokio::time::timeout;
use tonic::Code;

use super::mesh::{ACCOUNT, Mesh, SOON, SYMBOL, VENUE, VENUE_SYMBOL, simulator, simulator_with};
use super::steer::{refusal, use_weight};
use crate::Timing;

const PLACE: &str = "POST /fapi/v1/order";

async fn refused_with(mesh: &Mesh, status: u16, code: i64) -> (Outcome, pb::OutcomeDetail) {
    mesh.fault(refusal(PLACE, status, code, 1)).await;
    let done = mesh.submit(mesh.resting_buy().await).await;
    (done.outcome(), done.detail.unwrap())
}

#[tokio::test]
async fn f012_the_venues_code_decides_and_a_code_nobody_knows_proves_nothing() {
    let mesh = Mesh::live().await;
    for (status, code, outcome, reason) in [
        (400, -2019, Outcome::Rejected, "INSUFFICIENT_MARGIN"),
        (400, -5022, Outcome::Rejected, "ORDER_REJECTED"),
        (400, -2022, Outcome::Rejected, "REDUCE_ONLY"),
        (200, -2019, Outcome::Rejected, "INSUFFICIENT_MARGIN"),
        (400, -9999, Outcome::Unknown, "ORDER_OUTCOME_UNKNOWN"),
        (400, -1007, Outcome::Unknown, "ORDER_OUTCOME_UNKNOWN"),
        (503, -1008, Outcome::Unknown, "ORDER_OUTCOME_UNKNOWN"),
    ] {
        let (was, detail) = refused_with(&mesh, status, code).await;
        assert_eq!(
            (was, detail.reason.as_str()),
            (outcome, reason),
            "{status} {code}"
        );
        assert_eq!(detail.venue_code, code.to_string());
        assert_eq!(detail.venue_message, "scripted");
    }
    mesh.end().await;
}

#[tokio::test]
async fn f112_a_rate_limit_is_a_refusal_with_its_wait_and_then_nothing_is_sent() {
    let mesh = Mesh::live().await;
    let order = mesh.resting_buy().await;
    mesh.venue("POST", "/ban", json!({"status": 418, "seconds": 60}))
        .await;
    let done = mesh.submit(order.clone()).await;
    let detail = done.detail.clone().unwrap();
    assert_eq!(
        (done.outcome(), detail.reason.as_str()),
        (Outcome::Rejected, "VENUE_RATE_LIMIT")
    );
    assert!(detail.retry_after.unwrap().seconds > 30);

    let asked = mesh.requests(PLACE).await;
    let done = mesh.submit(order).await;
    let detail = done.detail.clone().unwrap();
    assert_eq!(
        (done.outcome(), detail.reason.as_str()),
        (Outcome::NotSent, "VENUE_RATE_LIMIT")
    );
    assert_eq!(mesh.requests(PLACE).await, asked);
    mesh.end().await;
}

#[tokio::test]
async fn f068_numbers_of_another_instrument_version_are_refused_unsent() {
    let mesh = Mesh::live().await;
    let asked = mesh.requests(PLACE).await;
    let mut order = mesh.resting_buy().await;
    order.instrument_version += 1;
    let done = mesh.submit(order).await;
    assert_eq!(done.outcome(), Outcome::NotSent);
    assert_eq!(done.detail.unwrap().reason, "INVALID_FIELD");
    assert!(done.sent_time.is_none());
    assert_eq!(mesh.requests(PLACE).await, asked);
    mesh.end().await;
}

#[tokio::test]
async fn f068_a_refusal_for_precision_reads_the_rules_anew_and_raises_the_version() {
    let mesh = Mesh::live().await;
    let before = mesh.instrument().await;
    let order = mesh.resting_buy().await;
    let path = format!("/instruments/{VENUE_SYMBOL}");
    mesh.venue("PATCH", &path, json!({"tick": "0.5"})).await;
    let odd = pb::SubmitLimitOrderRequest {
        price_ticks: order.price_ticks | 1,
        ..order.clone()
    };
    let done = mesh.submit(odd).await;
    assert_eq!(done.outcome(), Outcome::Rejected, "{:?}", done.detail);

    let risen = async {
        while mesh.instrument().await.version == before.version {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, risen)
        .await
        .expect("the rules are read again");
    let after = mesh.instrument().await;
    assert_eq!(
        (before.tick_size.as_str(), after.tick_size.as_str()),
        ("0.01", "0.5")
    );
    let done = mesh
        .submit(pb::SubmitLimitOrderRequest {
            client_order_index: 99,
            ..order
        })
        .await;
    assert_eq!(done.outcome(), Outcome::NotSent);
    mesh.end().await;
}

/// Longer than instruments are believed while one of them is halted.
const REOPENED_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test]
async fn f076_an_instrument_that_was_halted_for_a_moment_trades_again_within_seconds() {
    let mesh = Mesh::live().await;
    let order = mesh.resting_buy().await;
    let path = format!("/instruments/{VENUE_SYMBOL}");
    mesh.venue("PATCH", &path, json!({"status": "halted"}))
        .await;
    let done = mesh.submit(order).await;
    assert_eq!(done.outcome(), Outcome::Rejected, "{:?}", done.detail);
    let before = mesh.instrument().await.version;
    let until_version_passes = async |version: u64| {
        while mesh.instrument().await.version <= version {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, until_version_passes(before))
        .await
        .expect("the refusal has the list read, which says that it is halted");
    let halted = mesh.instrument().await;
    mesh.venue("PATCH", &path, json!({"status": "trading"}))
        .await;
    timeout(REOPENED_WITHIN, until_version_passes(halted.version))
        .await
        .expect("nobody is refused any more, and the list is read all the same");
    mesh.end().await;
}

#[tokio::test]
async fn f117_a_clock_that_runs_ahead_is_refused_measured_and_heals() {
    let mesh = Mesh::live().await;
    let order = mesh.resting_buy().await;
    mesh.venue("POST", "/clock", json!({"skew_ms": -2_500}))
        .await;
    let done = mesh.submit(order.clone()).await;
    assert_eq!(done.outcome(), Outcome::Rejected, "{:?}", done.detail);
    let detail = done.detail.unwrap();
    assert_eq!(detail.venue_code, "-1021");
    assert!(detail.retry_after.is_some());

    let healed = async {
        while mesh.session().await.clock_offset.unwrap().seconds > -2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, healed).await.expect("the clock heals");
    let next = pb::SubmitLimitOrderRequest {
        client_order_index: mesh.index(),
        ..order
    };
    assert_eq!(mesh.submit(next).await.outcome(), Outcome::Accepted);
    assert_eq!(mesh.session().await.state(), SessionState::Live);
    mesh.end().await;
}

#[tokio::test]
async fn f119_refused_credentials_fail_the_session_once_and_nothing_is_sent_after() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    let order = mesh.resting_buy().await;
    mesh.fault(refusal(PLACE, 401, -2015, 1)).await;
    let done = mesh.submit(order.clone()).await;
    assert_eq!(done.outcome(), Outcome::Rejected);
    assert_eq!(done.detail.unwrap().reason, "VENUE_AUTHENTICATION");
    let failed = watch.state(SessionState::Failed).await;
    assert!(
        failed.reason.contains("-2015") || failed.reason.contains("scripted"),
        "{failed:?}"
    );

    let asked = mesh.requests(PLACE).await;
    let done = mesh.submit(order.clone()).await;
    assert_eq!(done.outcome(), Outcome::NotSent);
    assert_eq!(done.detail.unwrap().reason, "VENUE_NOT_READY");
    assert_eq!(
        mesh.cancel(order.client_order_index).await.outcome(),
        Outcome::NotSent
    );
    let request = pb::GetMarginRequest {
        account: ACCOUNT.into(),
        venue: VENUE.into(),
    };
    let status = mesh.client.clone().get_margin(request).await.unwrap_err();
    assert_eq!(reason_of(&status).unwrap(), "VENUE_NOT_READY");
    assert_eq!(mesh.requests(PLACE).await, asked);
    mesh.end().await;
}

#[tokio::test]
async fn f119_a_key_that_is_refused_at_start_is_tried_once() {
    let sim = simulator().await;
    let endpoint = "GET /fapi/v1/positionSide/dual";
    let mesh = Mesh::over_with_fault(sim, refusal(endpoint, 401, -2015, 1_000)).await;
    mesh.until_state(SessionState::Failed).await;
    assert_eq!(mesh.hits().await, 1);
    mesh.end().await;
}

#[tokio::test]
async fn f050_an_account_in_hedge_mode_is_not_traded() {
    let sim = simulator().await;
    let hedge = json!({"hedge": true});
    let mesh = Mesh::over_with(sim, "POST", "/accounts/main", hedge).await;
    let failed = mesh.until_state(SessionState::Failed).await;
    assert!(failed.reason.contains("hedge mode"), "{}", failed.reason);
    mesh.end().await;
}

#[tokio::test]
async fn f050_a_mode_that_changed_unseen_fails_the_session_at_the_first_order() {
    let mesh = Mesh::live().await;
    let mut watch = mesh.watch().await;
    let order = mesh.resting_buy().await;
    mesh.venue("POST", "/accounts/main", json!({"hedge": true}))
        .await;
    let done = mesh.submit(order).await;
    assert_eq!(done.outcome(), Outcome::Rejected, "{:?}", done.detail);
    watch.state(SessionState::Failed).await;
    mesh.end().await;
}

#[tokio::test]
async fn a_session_that_is_not_live_takes_no_order_and_says_so() {
    let sim = simulator().await;
    let down = refusal("POST /fapi/v1/listenKey", 503, -1000, 1_000);
    let mesh = Mesh::over_with_fault(sim, down).await;
    let refused = async {
        while mesh.hits().await == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, refused).await.expect("the session tries");
    let order = mesh.market_buy().await;
    let done = mesh.submit_market(order).await;
    assert_eq!(done.outcome(), Outcome::NotSent);
    assert_eq!(done.detail.unwrap().reason, "VENUE_NOT_READY");
    assert_eq!(mesh.session().await.state(), SessionState::Connecting);
    mesh.end().await;
}

#[tokio::test]
async fn names_that_nobody_knows_are_typed_errors_and_nothing_is_sent() {
    let mesh = Mesh::live_with(Timing::default()).await;
    let order = mesh.market_buy().await;
    for (venue, account, symbol, reason) in [
        ("nowhere", ACCOUNT, SYMBOL, "UNKNOWN_VENUE"),
        (VENUE, "other", SYMBOL, "UNKNOWN_ACCOUNT"),
        (VENUE, "Not A Name", SYMBOL, "UNKNOWN_ACCOUNT"),
        (VENUE, ACCOUNT, "NOPE-USDT-PERP", "UNKNOWN_INSTRUMENT"),
        (VENUE, ACCOUNT, "", "UNKNOWN_INSTRUMENT"),
    ] {
        let order = pb::SubmitMarketOrderRequest {
            venue: venue.into(),
            account: account.into(),
            symbol: symbol.into(),
            ..order.clone()
        };
        let status = mesh
            .client
            .clone()
            .submit_market_order(order)
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(reason_of(&status).unwrap(), reason);
    }
    let order = pb::SubmitMarketOrderRequest {
        side: common::Side::Unspecified.into(),
        ..order
    };
    let status = mesh
        .client
        .clone()
        .submit_market_order(order)
        .await
        .unwrap_err();
    assert_eq!(reason_of(&status).unwrap(), "INVALID_FIELD");
    assert_eq!(mesh.requests(PLACE).await, 0);
    mesh.end().await;
}

#[tokio::test]
async fn f115_an_order_that_cannot_leave_soon_never_leaves_and_cancels_still_do() {
    let limits = LimitConfig {
        orders_10s: 4,
        ..LimitConfig::default()
    };
    let mesh = Mesh::over(simulator_with(limits).await, Timing::default()).await;
    mesh.until_state(SessionState::Live).await;
    let order = mesh.resting_buy().await;
    let next = || pb::SubmitLimitOrderRequest {
        client_order_index: mesh.index(),
        ..order.clone()
    };
    let first = order.client_order_index;
    assert_eq!(
        mesh.submit(order.clone()).await.outcome(),
        Outcome::Accepted
    );
    // At first the limit frees too late to wait for it, then soon enough to wait, but not for an
    // order.
    let waited = async {
        let mut refused = false;
        loop {
            let done = mesh.submit(next()).await;
            let detail = done.detail.clone().unwrap_or_default();
            refused |= done.outcome() == Outcome::NotSent;
            if refused {
                assert_eq!(done.outcome(), Outcome::NotSent, "{detail:?}");
                assert_eq!(detail.reason, "VENUE_RATE_LIMIT");
            }
            if detail.venue_message.contains("turn in time") {
                return;
            }
        }
    };
    timeout(SOON, waited)
        .await
        .expect("an order waits for its turn");
    let placed = mesh.requests(PLACE).await;
    assert_eq!(mesh.cancel(first).await.outcome(), Outcome::Accepted);
    assert_eq!(mesh.requests(PLACE).await, placed);
    assert!(placed <= 4, "{placed} orders reached the venue");
    mesh.end().await;
}

/// A venue that allows more than is assumed of it, and a start in a minute in which much was used.
#[tokio::test]
async fn f116_a_count_above_an_assumed_limit_does_not_hold_up_the_stated_one() {
    let limits = LimitConfig {
        weight_1m: 1_000_000,
        ..LimitConfig::default()
    };
    let sim = simulator_with(limits).await;
    use_weight(&sim, 2_500).await;
    // The first question for limits fails, so that the venue's count is known before them.
    let fault = json!({
        "kind": "drop_reply", "how": "unavailable", "accept": false,
        "when": { "endpoint": "GET /fapi/v1/exchangeInfo" },
    });
    let mesh = Mesh::over_with_fault(sim, fault).await;
    // Within half of the minute that it would wait for.
    mesh.until_state(SessionState::Live).await;
    mesh.end().await;
}
