//! Makes records durable and only then lets their effects happen, in order (F126).
//!
//! The owner of the state never waits for the disk: it hands over batches. Whatever piles up while
//! one append runs is written with the next, so that one sync serves all who waited. Effects of a
//! batch happen after its records and after the effects of every batch before it, which keeps the
//! order of each order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chimera_journal::{MAX_APPEND_BYTES, MAX_APPEND_RECORDS, Record};
use tokio::sync::mpsc;

use crate::metrics;
use crate::store::Store;

/// Batches that may wait for the disk; beyond it the owner of the state waits as well, and its
/// callers are told that it is overloaded.
pub(crate) const QUEUE_BATCHES: usize = 1_024;

/// Records of one append: far below the journal's own bound.
const APPEND_RECORDS_MAX: usize = MAX_APPEND_RECORDS / 2;

/// Bytes of one append, likewise.
const APPEND_BYTES_MAX: usize = MAX_APPEND_BYTES / 2;

/// Whether the records before an effect are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// They are.
    Durably,
    /// They are not, and nothing will be from now on.
    Not,
}

/// Something that happens once records are durable, or is told that they are not.
pub(crate) type Effect = Box<dyn FnOnce(Stored) + Send>;

/// Records and what follows from them.
#[derive(Default)]
pub(crate) struct Batch {
    /// The sequence that the first record must get.
    pub(crate) first_seq: u64,
    pub(crate) records: Vec<Record>,
    pub(crate) effects: Vec<Effect>,
}

/// Says whether the journal still stores. Once false it stays false.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    failed: Arc<AtomicBool>,
}

impl Health {
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }
}

/// Writes batches until nobody can send any more.
pub(crate) async fn run(store: Arc<dyn Store>, mut batches: mpsc::Receiver<Batch>, health: Health) {
    let mut waiting = Vec::new();
    loop {
        if waiting.is_empty() && batches.recv_many(&mut waiting, QUEUE_BATCHES).await == 0 {
            return;
        }
        let rest = waiting.split_off(fitting(&waiting));
        let merged = std::mem::replace(&mut waiting, rest);
        write(store.as_ref(), merged, &health).await;
    }
}

/// Returns how many of the first batches fit one append; at least one.
fn fitting(batches: &[Batch]) -> usize {
    let (mut records, mut bytes) = (0, 0);
    for (count, batch) in batches.iter().enumerate() {
        records += batch.records.len();
        bytes += batch.records.iter().map(weight).sum::<usize>();
        if count > 0 && (records > APPEND_RECORDS_MAX || bytes > APPEND_BYTES_MAX) {
            return count;
        }
    }
    batches.len()
}

/// Returns how many of the first records fit one append; at least one.
fn portion(records: &[Record]) -> usize {
    let mut bytes = 0;
    let fits = records
        .iter()
        .take(APPEND_RECORDS_MAX)
        .take_while(|record| {
            bytes += weight(record);
            bytes <= APPEND_BYTES_MAX
        });
    fits.count().max(1).min(records.len())
}

fn weight(record: &Record) -> usize {
    // The journal charges some bytes a record on top.
    record.payload.len() + record.key.len() + 128
}

async fn write(store: &dyn Store, batches: Vec<Batch>, health: &Health) {
    let first_seq = batches
        .iter()
        .find(|batch| !batch.records.is_empty())
        .map(|batch| batch.first_seq);
    let (mut records, mut effects) = (Vec::new(), Vec::new());
    for batch in batches {
        records.extend(batch.records);
        effects.extend(batch.effects);
    }
    let stored = match first_seq {
        _ if health.has_failed() => Stored::Not,
        None => Stored::Durably,
        Some(first_seq) => append(store, records, first_seq, health).await,
    };
    for effect in effects {
        effect(stored);
    }
}

async fn append(
    store: &dyn Store,
    records: Vec<Record>,
    first_seq: u64,
    health: &Health,
) -> Stored {
    let (mut records, mut due) = (records, first_seq);
    let failure = loop {
        // One step may make more than one append takes: a kill with thousands of open orders does. A
        // crash between two appends leaves the first, as a torn write does.
        let rest = records.split_off(portion(&records));
        let count = records.len();
        match store.append(records).await {
            Ok(committed) if committed.first_seq == due => {
                metrics::journal_appended(count);
                due = committed.last_seq + 1;
            }
            // Somebody else wrote: what we hold in memory is not what the journal says.
            Ok(committed) => break format!("sequence {} where {due} was due", committed.first_seq),
            Err(error) => break error.to_string(),
        }
        if rest.is_empty() {
            return Stored::Durably;
        }
        records = rest;
    };
    if !health.failed.swap(true, Ordering::SeqCst) {
        metrics::journal_failed();
        tracing::error!(%failure, "journal failed, order flow stops; cancels still go out");
    }
    Stored::Not
}
