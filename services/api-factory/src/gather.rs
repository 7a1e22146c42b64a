//! Asks every process that calls outside, and puts the answers together.

use std::{future::Future, time::Duration};

use chimera_contracts::egress::v1::egress_service_client::EgressServiceClient;
use chimera_runtime::Channel;
use tonic::{Code, Status};

/// How long one process may take: the answer is in its memory.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A process that calls outside.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its name, e.g. `connector`.
    pub name: String,
    /// The way to its egress service.
    pub channel: Channel,
}

impl Process {
    /// Returns a client of its egress service.
    pub(crate) fn client(&self) -> EgressServiceClient<Channel> {
        EgressServiceClient::new(self.channel.clone())
    }
}

/// What the processes said.
pub(crate) struct Gathered<T> {
    /// Each with the process that said it.
    pub found: Vec<(String, T)>,
    /// Those that could not be asked.
    pub unreachable: Vec<String>,
}

/// Asks every process at once. One that does not know what is asked for adds nothing; one that cannot
/// be asked is named.
pub(crate) async fn gather<T, F, Fut>(processes: &[Process], ask: F) -> Gathered<T>
where
    F: Fn(EgressServiceClient<Channel>) -> Fut,
    Fut: Future<Output = Result<Vec<T>, Status>>,
{
    let asked = processes.iter().map(|process| {
        let answer = ask(process.client());
        async move { (process, tokio::time::timeout(ANSWER_WITHIN, answer).await) }
    });
    let mut gathered = Gathered {
        found: Vec::new(),
        unreachable: Vec::new(),
    };
    for (process, answer) in futures::future::join_all(asked).await {
        match answer {
            Ok(Ok(items)) => {
                gathered
                    .found
                    .extend(items.into_iter().map(|item| (process.name.clone(), item)));
            }
            Ok(Err(status)) if status.code() == Code::NotFound => {}
            Ok(Err(_)) | Err(_) => gathered.unreachable.push(process.name.clone()),
        }
    }
    gathered
}
