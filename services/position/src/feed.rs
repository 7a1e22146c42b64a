//! The inputs: dialled again for as long as it takes, each in a task of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use chimera_contracts::connector::v1::ListVenuesRequest;
use chimera_contracts::connector::v1::connector_service_client::ConnectorServiceClient;
use chimera_runtime::Channel;
use chimera_runtime::clock::Clock;
use chimera_runtime::deadline::Deadline;
use chimera_runtime::tasks::Tasks;
use tokio::sync::mpsc;
use tonic::{Response, Status};

use crate::backoff::Backoff;
use crate::error::PositionError;
use crate::holdings::AccountKey;
use crate::service::{ASKS_MAX, Message, Positions};
use crate::wire;

mod account;
mod orders;

pub(crate) use account::AccountFeed;
pub(crate) use orders::OrdersFeed;

/// How long one question to another service may take: pages of a thousand fills, or a venue that
/// answers by REST under load.
const CALL_WITHIN: Duration = Duration::from_secs(10);

/// The longest that a peer's goodbye keeps an input away: a restart takes seconds.
const RECONNECT_AFTER_MAX: Duration = Duration::from_secs(10);

/// How often the connector is asked for new accounts. They come with its configuration, which
/// changes with a restart.
const ACCOUNTS_EVERY: Duration = Duration::from_secs(60);

/// Why an input was lost.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("{0}")]
    Refused(#[from] Status),
    #[error("nothing was heard for {} ms", .0.as_millis())]
    Silent(Duration),
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    #[error("the stream ended")]
    Ended,
    #[error("the peer broke the contract: {0}")]
    Breach(&'static str),
    #[error(transparent)]
    Stopped(#[from] PositionError),
}

/// Asks another service, within a deadline that travels along.
async fn ask<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Lost> {
    let answer = Deadline::after(CALL_WITHIN).bound(call).await;
    Ok(answer.map_err(|_| Lost::Late(CALL_WITHIN))??.into_inner())
}

/// Opens a stream: its deadline is for the opening alone, and so it does not travel along.
async fn open<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Lost> {
    let answer = tokio::time::timeout(CALL_WITHIN, call).await;
    Ok(answer.map_err(|_| Lost::Late(CALL_WITHIN))??.into_inner())
}

/// Returns how old a peer says its word is.
fn age_of(staleness: Option<prost_types::Duration>) -> Duration {
    staleness
        .and_then(|age| age.try_into().ok())
        .unwrap_or_default()
}

/// Returns how long a peer asks to wait, within reason.
fn wait_of(reconnect_after: Option<prost_types::Duration>) -> Duration {
    let wait = reconnect_after.and_then(|wait| wait.try_into().ok());
    wait.unwrap_or(Duration::ZERO).min(RECONNECT_AFTER_MAX)
}

/// Finds the accounts that the connector has, and starts a feed for each.
pub(crate) struct Accounts {
    pub connector: Channel,
    pub positions: Positions,
    pub clock: Clock,
    pub tasks: Tasks,
    pub poll: Duration,
    pub silence: Duration,
}

impl Accounts {
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::new();
        let mut known = BTreeSet::new();
        loop {
            let wait = match self.look(&mut known).await {
                Ok(()) => {
                    backoff.heard();
                    ACCOUNTS_EVERY
                }
                Err(Lost::Stopped(_)) => return,
                Err(error) => {
                    tracing::warn!(%error, "the connector did not name its accounts");
                    backoff.wait()
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn look(&self, known: &mut BTreeSet<AccountKey>) -> Result<(), Lost> {
        let mut client = ConnectorServiceClient::new(self.connector.clone());
        let venues = ask(client.list_venues(ListVenuesRequest {})).await?.venues;
        for venue in venues {
            for account in &venue.accounts {
                let Ok(key) = wire::account_key(account, &venue.venue) else {
                    tracing::warn!(account, venue = venue.venue, "an account's name is no name");
                    continue;
                };
                if known.insert(key) {
                    self.start(key).await?;
                }
            }
        }
        Ok(())
    }

    async fn start(&self, key: AccountKey) -> Result<(), PositionError> {
        let (sender, asks) = mpsc::channel(ASKS_MAX);
        self.positions.tell(Message::Account(key, sender)).await?;
        let feed = AccountFeed {
            key,
            client: ConnectorServiceClient::new(self.connector.clone()),
            positions: self.positions.clone(),
            clock: self.clock.clone(),
            asks,
            poll: self.poll,
            silence: self.silence,
        };
        let cancelled = self.tasks.cancelled();
        self.tasks.spawn("position_account_feed", async move {
            tokio::select! {
                biased;
                () = cancelled => {}
                () = feed.run() => {}
            }
        });
        Ok(())
    }
}
