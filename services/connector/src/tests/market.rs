//! The best bid and ask: fresh, or said not to be.

use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::watch_market_response::Frame;
use chimera_runtime::fault::reason_of;
use serde_json::json;
use tokio::time::timeout;
use tonic::Streaming;

use super::mesh::{Mesh, SOON, SYMBOL, VENUE, VENUE_SYMBOL, simulator};
use super::steer::{control, http_client};
use super::twisted::Twisted;
use crate::Timing;

const QUOTE: &str = "GET /fapi/v1/ticker/bookTicker";

async fn watch(mesh: &Mesh, symbols: &[&str]) -> Streaming<pb::WatchMarketResponse> {
    let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    let request = pb::WatchMarketRequest {
        venue: VENUE.into(),
        symbols,
    };
    mesh.client
        .clone()
        .watch_market(request)
        .await
        .unwrap()
        .into_inner()
}

async fn top_that(
    frames: &mut Streaming<pb::WatchMarketResponse>,
    wanted: impl Fn(&pb::TopOfBook) -> bool,
) -> pb::TopOfBook {
    let find = async {
        while let Some(message) = frames.message().await.unwrap() {
            if let Some(Frame::Top(top)) = message.frame
                && wanted(&top)
            {
                return top;
            }
        }
        panic!("the stream ends");
    };
    timeout(SOON, find).await.expect("the top comes")
}

#[tokio::test]
async fn a_top_of_book_is_had_at_first_use_in_ticks_of_its_version() {
    let mesh = Mesh::live().await;
    let (top, instrument) = (mesh.top().await, mesh.instrument().await);
    assert_eq!(
        (top.symbol.as_str(), top.instrument_version),
        (SYMBOL, instrument.version)
    );
    assert!(!top.stale, "{top:?}");
    let (bid, ask) = (top.bid_ticks.unwrap(), top.ask_ticks.unwrap());
    assert!(0 < bid && bid < ask);
    assert!(top.bid_lots > 0 && top.ask_lots > 0 && top.received_time.is_some());
    mesh.end().await;
}

#[tokio::test]
async fn a_market_stream_refuses_one_by_one_and_gives_the_newest() {
    let mesh = Mesh::live().await;
    let mut frames = watch(&mesh, &["SOL", "NOPE", SYMBOL]).await;
    let Some(Frame::Ack(ack)) = frames.message().await.unwrap().unwrap().frame else {
        panic!("the first frame is the acknowledgement");
    };
    let accepted: Vec<bool> = ack.items.iter().map(|item| item.accepted).collect();
    assert_eq!(accepted, [true, false, true]);
    assert_eq!(ack.items[1].reason, "UNKNOWN_INSTRUMENT");
    let first = top_that(&mut frames, |top| !top.stale).await;
    mesh.venue("POST", "/market", json!({"paused": true})).await;
    let price = first.bid_ticks.unwrap() + 400;
    let to = format!("{}.{:02}", price / 100, price % 100);
    mesh.venue(
        "POST",
        &format!("/market/{VENUE_SYMBOL}/move"),
        json!({"price": to}),
    )
    .await;
    top_that(&mut frames, |top| {
        !top.stale && top.ask_ticks > first.ask_ticks
    })
    .await;
    mesh.end().await;
}

#[tokio::test]
async fn f093_two_readers_of_one_instrument_are_one_subscription() {
    let mesh = Mesh::live().await;
    let (mut one, mut other) = (watch(&mesh, &["SOL"]).await, watch(&mesh, &[SYMBOL]).await);
    top_that(&mut one, |top| !top.stale).await;
    top_that(&mut other, |top| !top.stale).await;
    let sockets = mesh.venue("GET", "/sockets", json!({})).await;
    let public: Vec<_> = sockets
        .as_array()
        .unwrap()
        .iter()
        .filter(|socket| socket["kind"] == "public")
        .collect();
    assert_eq!(public.len(), 1);
    assert_eq!(
        public[0]["streams"].as_array().unwrap().len(),
        1,
        "{public:?}"
    );
    mesh.end().await;
}

#[tokio::test]
async fn f097_f098_a_lost_market_stream_is_stale_and_comes_back_subscribed() {
    let mesh = Mesh::live().await;
    let mut frames = watch(&mesh, &["SOL"]).await;
    top_that(&mut frames, |top| !top.stale).await;
    for fate in [json!({"to": "closed"}), json!({"to": "cut"})] {
        mesh.venue("POST", "/sockets", json!({"fate": fate, "kind": "public"}))
            .await;
        top_that(&mut frames, |top| top.stale).await;
        top_that(&mut frames, |top| !top.stale).await;
    }
    mesh.end().await;
}

#[tokio::test]
async fn f087_a_market_stream_that_is_silent_while_prices_move_is_replaced() {
    let timing = Timing {
        market_silence_ms: 300,
        ..Timing::default()
    };
    let mesh = Mesh::live_with(timing).await;
    let mut frames = watch(&mesh, &["SOL"]).await;
    top_that(&mut frames, |top| !top.stale).await;
    let frozen = json!({"fate": {"to": "frozen"}, "kind": "public"});
    mesh.venue("POST", "/sockets", frozen).await;
    let stale = top_that(&mut frames, |top| top.stale).await;
    assert!(stale.bid_ticks.is_some());
    top_that(&mut frames, |top| !top.stale).await;
    mesh.end().await;
}

#[tokio::test]
async fn f088_a_quiet_market_stays_fresh_on_the_same_connection() {
    let timing = Timing {
        market_silence_ms: 200,
        ..Timing::default()
    };
    let mesh = Mesh::live_with(timing).await;
    mesh.venue("POST", "/market", json!({"paused": true})).await;
    mesh.top().await;
    let opened = mesh.venue("GET", "/counters", json!({})).await["sockets"]["opened"].clone();
    let asked = mesh.requests(QUOTE).await;
    mesh.until_requests(QUOTE, asked + 4).await;
    assert!(!mesh.top().await.stale);
    let now = mesh.venue("GET", "/counters", json!({})).await["sockets"]["opened"].clone();
    assert_eq!(opened, now);
    mesh.end().await;
}

#[tokio::test]
async fn f101_an_old_market_connection_is_replaced_and_no_price_goes_stale() {
    let timing = Timing {
        connection_age_ms: Some(500),
        ..Timing::default()
    };
    let mesh = Mesh::live_with(timing).await;
    mesh.top().await;
    let replaced = async {
        loop {
            assert!(!mesh.top().await.stale);
            let counters = mesh.venue("GET", "/counters", json!({})).await;
            if counters["sockets"]["opened"].as_u64().unwrap() >= 8 {
                return;
            }
        }
    };
    timeout(SOON, replaced)
        .await
        .expect("connections are replaced");
    mesh.end().await;
}

#[tokio::test]
async fn an_instrument_without_a_price_in_time_is_an_error_and_not_an_old_price() {
    let mesh = Mesh::live().await;
    let refused = super::steer::refusal(QUOTE, 503, -1000, 1_000);
    mesh.fault(refused).await;
    mesh.venue("POST", "/market", json!({"paused": true})).await;
    let request = pb::GetTopOfBookRequest {
        venue: VENUE.into(),
        symbol: "BTC".into(),
    };
    let mut request = tonic::Request::new(request);
    request.set_timeout(Duration::from_millis(600));
    let status = mesh
        .client
        .clone()
        .get_top_of_book(request)
        .await
        .unwrap_err();
    assert_eq!(reason_of(&status).unwrap(), "NO_FRESH_PRICE", "{status}");
    mesh.end().await;
}

/// Once a venue that confirms nothing was asked, the price that its stream will only tell when it
/// changes is asked for too.
#[tokio::test]
async fn f093_a_venue_that_confirms_nothing_is_taken_at_its_word() {
    let paused = json!({"paused": true});
    let sim = simulator().await;
    control(&http_client(), &sim, "POST", "/market", paused).await;
    let mesh = Mesh::twisted(sim, Timing::default(), Twisted::muting(0)).await;
    mesh.until_state(pb::SessionState::Live).await;
    assert!(!mesh.top().await.stale);
    mesh.end().await;
}

#[tokio::test]
async fn f097_a_refusal_that_names_no_request_puts_the_whole_connection_in_doubt() {
    let mesh = Mesh::twisted(simulator().await, Timing::default(), Twisted::muting(1)).await;
    mesh.until_state(pb::SessionState::Live).await;
    let opened = || async {
        let counters = mesh.venue("GET", "/counters", json!({})).await;
        counters["sockets"]["opened"].as_u64().unwrap()
    };
    let before = opened().await;
    let mut frames = watch(&mesh, &["SOL"]).await;
    let again = async {
        while opened().await < before + 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, again).await.expect("it is opened again");
    top_that(&mut frames, |top| !top.stale).await;
    mesh.end().await;
}
