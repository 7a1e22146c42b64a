//! A client that throws the kill switch, and insists until it is answered.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::order::v1 as pb;
use chimera_contracts::order::v1::TradingState;
use chimera_contracts::order::v1::order_service_client::OrderServiceClient;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::{sleep, timeout};

use super::evidence::Switched;
use super::network::way;
use super::plan::between;
use super::scene::{Phase, Scene};

/// How long it leaves the switch thrown.
const THROWN: Range<Duration> = Duration::from_millis(50)..Duration::from_secs(3);
/// How long it waits for one answer.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long it waits before it asks again.
const PAUSE: Duration = Duration::from_millis(300);

/// Lets everybody trade for a while, throws the switch and takes it back until the faults are over;
/// ends killed at times.
pub async fn operator(scene: Arc<Scene>, calm: Range<Duration>) -> turmoil::Result {
    let mut chance = ChaCha8Rng::seed_from_u64(scene.seed ^ 0x0b5e);
    while scene.phase() == Phase::Faults {
        pause(&mut chance, &calm).await;
        let state = match chance.random_bool(0.7) {
            true => TradingState::Halted,
            false => TradingState::Reducing,
        };
        switch(&scene, state).await;
        pause(&mut chance, &THROWN).await;
        if scene.phase() == Phase::Faults {
            switch(&scene, TradingState::Active).await;
        }
    }
    scene.seen(|seen| seen.acting.remove("operator"));
    std::future::pending().await
}

async fn pause(chance: &mut ChaCha8Rng, range: &Range<Duration>) {
    sleep(between(chance, range.start, range.end)).await;
}

async fn switch(scene: &Scene, state: TradingState) {
    let mut client = OrderServiceClient::new(way("order"));
    let asked = scene.now();
    let number = scene.seen(|seen| {
        seen.switched.push(Switched {
            asked,
            answered: None,
            state,
        });
        seen.switched.len() - 1
    });
    loop {
        let request = pb::SetTradingStateRequest {
            state: state.into(),
            reason: "the simulation".to_owned(),
        };
        let answer = timeout(PATIENCE, client.set_trading_state(request)).await;
        let failed = match answer {
            Ok(Ok(answer)) if answer.get_ref().state() == state => None,
            Ok(Ok(answer)) => Some(answer.get_ref().state().as_str_name().to_owned()),
            Ok(Err(status)) => Some(format!("{:?} {}", status.code(), status.message())),
            Err(_) => Some("no answer".to_owned()),
        };
        let (name, told) = (state.as_str_name(), failed.as_deref().unwrap_or("done"));
        scene.note(|| format!("operator: {name}: {told}"));
        if failed.is_none() {
            let now = scene.now();
            return scene.seen(|seen| seen.switched[number].answered = Some(now));
        }
        sleep(PAUSE).await;
    }
}
