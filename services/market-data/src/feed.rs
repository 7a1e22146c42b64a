//! The feed of one venue: reads its instruments, keeps one line for each of its streams, and looks
//! after topics that are no longer used.

mod dispatch;
mod line;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chimera_runtime::tasks::Tasks;
use chimera_venue::{StreamPlan, Topic};
use tokio::{sync::watch, time::Instant};
use tracing::{info, warn};

use crate::{
    config::Config,
    desk::Desk,
    hub::{self, Boards, Hub},
};
use line::Line;

/// Between two attempts to read the instruments at start; nothing can be served before.
const INSTRUMENTS_RETRY: Duration = Duration::from_secs(1);
/// How often unused topics are looked for: much rarer than any linger.
const SWEEP: Duration = Duration::from_secs(30);

/// The feed of one venue.
pub struct Feed {
    /// Its topics.
    pub hub: Arc<Hub>,
    /// Its REST side.
    pub desk: Desk,
    /// Tuning.
    pub config: Config,
    /// Owns the lines.
    pub tasks: Tasks,
    /// Told once the instruments are known.
    pub ready: watch::Sender<bool>,
}

/// One stream of the venue and what it should carry.
struct Wanted {
    topics: watch::Sender<Vec<Topic>>,
}

impl Feed {
    /// Runs until the tasks are cancelled.
    pub async fn run(self) {
        let feed = Arc::new(self);
        tokio::select! {
            biased;
            () = feed.tasks.cancelled() => {}
            () = feed.clone().keep_instruments() => {}
            () = feed.clone().keep_lines() => {}
            () = feed.sweep() => {}
        }
    }

    async fn keep_instruments(self: Arc<Self>) {
        loop {
            match self.desk.ask(&self.desk.adapter().instruments()).await {
                Ok(list) => {
                    let count = list.instruments.len();
                    self.hub
                        .refresh(self.hub.instruments().refreshed(list.instruments));
                    if !self.ready.send_replace(true) {
                        info!(venue = %self.hub.venue(), count, "instruments read");
                    }
                    tokio::time::sleep(self.config.instruments_refresh()).await;
                }
                Err(error) => {
                    warn!(venue = %self.hub.venue(), %error, "instruments not read");
                    tokio::time::sleep(INSTRUMENTS_RETRY).await;
                }
            }
        }
    }

    async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            self.hub.sweep(Instant::now(), self.config.linger());
        }
    }

    /// Keeps one line a stream address and shard, each with what it should carry.
    async fn keep_lines(self: Arc<Self>) {
        let mut boards = self.hub.boards();
        let mut lines: BTreeMap<(String, usize), Wanted> = BTreeMap::new();
        loop {
            let current = boards.borrow_and_update().clone();
            let shards = self.shards(&current);
            for (name, wanted) in &lines {
                if !shards.contains_key(name) {
                    wanted.topics.send_replace(Vec::new());
                }
            }
            for (name, topics) in shards {
                let wanted = lines.entry(name).or_insert_with(|| {
                    let (sender, receiver) = watch::channel(Vec::new());
                    let line = Line::new(self.clone(), receiver);
                    self.tasks.spawn("market-data line", line.run());
                    Wanted { topics: sender }
                });
                wanted.topics.send_if_modified(|held| {
                    let changed = *held != topics;
                    *held = topics;
                    changed
                });
            }
            if boards.changed().await.is_err() {
                return;
            }
        }
    }

    /// Returns which topics go to which address, in shards that the venue takes on one connection.
    fn shards(&self, boards: &Boards) -> BTreeMap<(String, usize), Vec<Topic>> {
        let adapter = self.desk.adapter();
        let mut wanted: Vec<Topic> = boards
            .values()
            .flat_map(|board| {
                let symbol = board
                    .instrument
                    .as_ref()
                    .map(|instrument| instrument.venue_symbol.clone());
                symbol.into_iter().flat_map(|symbol| {
                    hub::channels(board).into_iter().map(move |channel| Topic {
                        symbol: symbol.clone(),
                        channel,
                    })
                })
            })
            .collect();
        wanted.sort();
        let mut shards: BTreeMap<(String, usize), Vec<Topic>> = BTreeMap::new();
        let most = adapter.stream_rules().topics_max.max(1);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for topic in wanted {
            // Which of its addresses carries a topic is the venue's to say.
            let plan = adapter.public_streams(std::slice::from_ref(&topic));
            let Some(StreamPlan { url, .. }) = plan.ok().and_then(|plans| plans.into_iter().next())
            else {
                warn!(venue = %self.hub.venue(), ?topic, "the venue does not stream this");
                continue;
            };
            let address = url.expose().path().to_owned();
            let count = counts.entry(address.clone()).or_default();
            shards
                .entry((address, *count / most))
                .or_default()
                .push(topic);
            *count += 1;
        }
        shards
    }
}
