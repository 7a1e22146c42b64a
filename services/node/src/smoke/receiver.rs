//! A heartbeat receiver on loopback, for runs that have none: it counts what arrives.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// A running receiver; ends when dropped.
pub struct Receiver {
    address: SocketAddr,
    count: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// Starts a receiver on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let count = Arc::new(AtomicU64::new(0));
        let app = Router::new()
            .route("/heartbeat", post(take))
            .with_state(count.clone());
        let serving = tokio::spawn(async move {
            // It serves until the run drops it; nobody is left to hear of an error.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            address,
            count,
            serving,
        })
    }

    /// Returns where heartbeats go.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/heartbeat", self.address)
    }

    /// Returns how many well-formed heartbeats arrived.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Takes a heartbeat of the agreed shape; anything else is refused and not counted.
async fn take(State(count): State<Arc<AtomicU64>>, Json(beat): Json<Value>) -> StatusCode {
    let named = |field: &str| beat.get(field).is_some();
    if ["ts", "strategy", "venue", "positions", "margin"]
        .into_iter()
        .all(named)
    {
        count.fetch_add(1, Ordering::Relaxed);
        StatusCode::NO_CONTENT
    } else {
        StatusCode::BAD_REQUEST
    }
}
