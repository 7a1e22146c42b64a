//! Questions to one venue by REST: public ones only, nothing is signed here.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chimera_egress::{Call, Egress, HttpRequest, Priority};
use chimera_model::UnixNanos;
use chimera_runtime::clock::Clock;
use chimera_venue::{self as venue, Answer, VenueAdapter, VenueError};
use tokio::time::Instant;

use crate::error::MarketDataError;

/// How long one answer may take: the largest, a list of instruments, takes a second on a slow line.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The way to one venue. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    adapter: Arc<dyn VenueAdapter>,
    egress: Egress,
    clock: Clock,
    cluster: String,
}

impl Desk {
    /// Returns a way to the venue of `adapter`.
    pub fn new(adapter: Arc<dyn VenueAdapter>, egress: Egress, clock: Clock) -> Self {
        let cluster = adapter.venue().to_string();
        Self {
            adapter,
            egress,
            clock,
            cluster,
        }
    }

    /// Returns the adapter.
    pub fn adapter(&self) -> &dyn VenueAdapter {
        &*self.adapter
    }

    /// Returns the way out.
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Returns the name of the venue's cluster.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Returns our time.
    pub fn now(&self) -> UnixNanos {
        UnixNanos::from_nanos(u64::try_from(self.clock.now_nanos()).unwrap_or(0))
    }

    /// Asks one question and reads its answer.
    ///
    /// # Errors
    /// Fails when nothing could be sent, no answer came, or it cannot be read.
    pub async fn ask<T>(&self, call: &venue::Call<T>) -> Result<T, MarketDataError> {
        let request = &call.request;
        // Public requests bear no time and no signature: built once, sent whenever it is their turn.
        let wire = self.adapter.finish(request, None, self.now())?;
        let outgoing = Call {
            cluster: &self.cluster,
            endpoint: request.endpoint,
            charges: &request.charges,
            priority: Priority::Normal,
            repeatable: request.repeatable,
            deadline: Instant::now() + ANSWER_WITHIN,
        };
        let answer = self
            .egress
            .call(outgoing, |_| {
                let mut built = HttpRequest::new(wire.method.clone(), wire.url.clone());
                built.headers = wire.headers.clone();
                built.body = wire.body.clone();
                built
            })
            .await?;
        let response = &answer.response;
        for usage in self.adapter.usage(&response.headers) {
            self.egress
                .observe(&answer.record, &self.cluster, usage.scope, usage.used)?;
        }
        let read = call.read(&Answer {
            status: response.status,
            headers: &response.headers,
            body: &response.body,
        });
        read.map_err(|error: VenueError| error.into())
    }
}

/// Returns a wall-clock time in the model's form.
pub fn nanos(time: SystemTime) -> UnixNanos {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixNanos::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
