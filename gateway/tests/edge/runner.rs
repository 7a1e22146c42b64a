//! An edge to try by hand: with `CHIMERA_EDGE_SECONDS=60`, an edge with its fakes stays up at
//! 127.0.0.1:8080 for so long, for grpcurl, curl and browsers. Without it, there is nothing to run.

use std::env;
use std::time::Duration;

use chimera_gateway::Config;

use crate::harness::{Edge, Placement};

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_stays_up_for_whoever_wants_to_try_it() {
    let Some(seconds) = env::var("CHIMERA_EDGE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
    else {
        println!("skipped: CHIMERA_EDGE_SECONDS is not set");
        return;
    };
    let edge = Edge::start_on(Config::default(), Placement::InProcess).await;
    println!("listening at {}", edge.address());
    // Ends with the time or with the drain that nobody begins.
    let _ = tokio::time::timeout(Duration::from_secs(seconds), edge.server.ended()).await;
}
