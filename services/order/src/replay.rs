//! Reading the journal back into the book.

use std::sync::Arc;

use chimera_model::UnixNanos;

use crate::difference::identify;
use crate::error::StartError;
use crate::journal_log::{Body, Logged};
use crate::ledger::{Ledger, LedgerError};
use crate::read_back::read_back_before;
use crate::recovery::Replayed;
use crate::store::Store;
use crate::watch::Hub;

/// What a replay makes of a journal.
pub(crate) struct Replay {
    pub(crate) ledger: Ledger,
    pub(crate) hub: Hub,
    pub(crate) replayed: Replayed,
}

/// Reads the newest snapshot and every record after it, or every record.
///
/// What is read changes the book alone: nobody is told of it, and nothing is sent (F125).
pub(crate) async fn replay(
    store: &dyn Store,
    config: &crate::config::Config,
    now: UnixNanos,
) -> Result<Replay, StartError> {
    if store.last_seq() == 0 {
        let genesis = Logged {
            key: None,
            body: Body::Genesis,
            recorded_time: now,
        };
        let record = genesis.encode().map_err(|error| StartError::Record {
            seq: 1,
            words: error.to_string(),
        })?;
        store.append(vec![record]).await?;
    }
    let last_seq = store.last_seq();
    let kept = config.closed_orders_kept;
    let snapshot = store.last_snapshot().await?;
    let begun = snapshot.and_then(|snapshot| {
        let (ledger, begun, epoch) = crate::snapshot::decode(&snapshot.payload, kept)?;
        Some((ledger, begun, epoch, snapshot.seq))
    });
    let (mut ledger, mut begun, mut epoch, snapshot_seq) =
        begun.unwrap_or_else(|| (Ledger::new(kept), now, String::new(), 0));
    // What a stream may continue from: the latest changes, as many as are kept anyway.
    let ring = u64::try_from(config.changes_kept).unwrap_or(u64::MAX);
    let floor = last_seq.saturating_sub(ring).max(snapshot_seq);
    let mut hub = Hub::new(
        config.changes_kept,
        config.readers_max,
        config.reader_queue,
        floor,
    );
    let mut next = snapshot_seq + 1;
    loop {
        let batch = store.read(next).await?;
        let Some(last) = batch.last() else { break };
        next = last.seq + 1;
        for placed in &batch {
            let unreadable = |words: String| StartError::Record {
                seq: placed.seq,
                words,
            };
            let logged = Logged::decode(&placed.record).map_err(|e| unreadable(e.to_string()))?;
            if matches!(logged.body, Body::Genesis) && epoch.is_empty() {
                begun = logged.recorded_time;
                epoch = identify(&["order-epoch", &begun.to_string()]);
            }
            let mut change = ledger.apply(&logged, placed.seq);
            if let (Err(LedgerError::NoOrder(_)), Some(key)) = (&change, &logged.key) {
                // Forgotten before, as it was when this happened: it is read back, as it was then.
                let entry = read_back_before(store, key, placed.seq).await;
                if let Some(entry) = entry.map_err(|error| unreadable(error.to_string()))? {
                    ledger.restore(key, *entry);
                    change = ledger.apply(&logged, placed.seq);
                }
            }
            let change = change.map_err(|error| unreadable(error.to_string()))?;
            if let Some(change) = change.filter(|change| change.seq > floor) {
                hub.keep(Arc::new(change));
            }
        }
        ledger.forget_oldest();
    }
    let replayed = Replayed {
        last_seq: next - 1,
        epoch,
        begun,
        snapshot_seq,
    };
    Ok(Replay {
        ledger,
        hub,
        replayed,
    })
}
