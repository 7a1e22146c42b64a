//! A client that watches orders and puts together what it is told (I8).

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::order::v1 as pb;
use chimera_contracts::order::v1::order_service_client::OrderServiceClient;
use chimera_runtime::Channel;
use chimera_runtime::fault::reason_of;
use tokio::time::{sleep, timeout};
use tonic::Status;

use super::hosts::ACCOUNT;
use super::network::way;
use super::scene::{Phase, Scene};

/// How long it waits before it opens a lost stream again.
const PAUSE: Duration = Duration::from_millis(200);
/// A stream that says nothing for so long is lost: the service speaks every five seconds.
const SILENCE_MAX: Duration = Duration::from_secs(12);

/// Watches until the audit has read everything. What it holds is kept by the scene, as by a client
/// with a disk.
pub async fn watcher(scene: Arc<Scene>) -> turmoil::Result {
    let mut client = OrderServiceClient::new(way("order"));
    while scene.phase() < Phase::Audit {
        let told = match watch(&scene, &mut client).await {
            Ok(()) => "ended".to_owned(),
            Err(status) => {
                let reason = reason_of(&status).unwrap_or_default();
                if reason == "RESUME_EXPIRED" {
                    scene.seen(|seen| seen.watched.token.clear());
                }
                format!("{:?} {reason} {}", status.code(), status.message())
            }
        };
        scene.note(|| format!("watcher: {told}"));
        sleep(PAUSE).await;
    }
    std::future::pending().await
}

async fn watch(scene: &Scene, client: &mut OrderServiceClient<Channel>) -> Result<(), Status> {
    let token = scene.seen(|seen| seen.watched.token.clone());
    let resumes = !token.is_empty();
    let request = pb::WatchOrdersRequest {
        account: ACCOUNT.to_owned(),
        resume_token: token,
        ..Default::default()
    };
    let mut frames = client.watch_orders(request).await?.into_inner();
    if resumes {
        scene.seen(|seen| seen.watched.resumed += 1);
    }
    loop {
        let frame = timeout(SILENCE_MAX, frames.message()).await;
        let frame = frame.map_err(|_| Status::unavailable("silence"))??;
        let Some(frame) = frame.and_then(|frame| frame.frame) else {
            return Ok(());
        };
        if scene.phase() >= Phase::Audit {
            return Ok(());
        }
        let wrong = scene.seen(|seen| seen.watched.take(frame, resumes));
        if let Some(wrong) = wrong {
            scene.seen(|seen| seen.violate("I8", wrong));
        }
    }
}
