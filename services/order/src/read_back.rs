//! Orders that memory has forgotten, read back from their records.

use std::sync::Arc;

use chimera_model::ClientOrderIndex;

use crate::entry::Entry;
use crate::error::OrderError;
use crate::journal_log::{Body, Logged};
use crate::key::OrderKey;
use crate::ledger::Ledger;
use crate::store::{Placed, Store};

/// An order read back, after the parent it has: a child in memory always has its parent beside it,
/// which is told of its fills in the same append.
pub(crate) type Family = Vec<(OrderKey, Entry)>;

/// Returns an order as its records alone make it, with its parent; nothing when there are none. One
/// asked for by the venue's id is found by its own name when it is ours.
pub(crate) async fn read_family(store: &dyn Store, key: &OrderKey) -> Result<Family, OrderError> {
    let ours = match key {
        OrderKey::Ours { .. } => None,
        OrderKey::External { account, .. } => {
            let index = read_alias(store, key).await?;
            index.map(|index| OrderKey::ours(*account, index))
        }
    };
    let key = ours.as_ref().unwrap_or(key);
    let Some(entry) = read_back(store, key).await? else {
        return Ok(Family::new());
    };
    let mut family = Family::new();
    if let Some(parent) = entry.parent_key()
        && let Some(found) = read_back(store, &parent).await?
    {
        family.push((parent, *found));
    }
    family.push((key.clone(), *entry));
    Ok(family)
}

async fn read_alias(
    store: &dyn Store,
    key: &OrderKey,
) -> Result<Option<ClientOrderIndex>, OrderError> {
    for placed in read_batch(store, key, 0).await? {
        if let Body::Alias(index) = decode(&placed)?.body {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

async fn read_batch(
    store: &dyn Store,
    key: &OrderKey,
    after: u64,
) -> Result<Vec<Placed>, OrderError> {
    let batch = store.read_key(key.text(), after).await;
    batch.map_err(|_| OrderError::JournalFailed)
}

fn decode(placed: &Placed) -> Result<Logged, OrderError> {
    let logged = Logged::decode(&placed.record);
    logged.map_err(|_| OrderError::Internal("a record cannot be read"))
}

/// Returns an order as its records alone make it; nothing when there are none.
pub(crate) async fn read_back(
    store: &dyn Store,
    key: &OrderKey,
) -> Result<Option<Box<Entry>>, OrderError> {
    read_back_before(store, key, u64::MAX).await
}

/// Returns an order as its records before a sequence make it; nothing when there are none.
pub(crate) async fn read_back_before(
    store: &dyn Store,
    key: &OrderKey,
    before: u64,
) -> Result<Option<Box<Entry>>, OrderError> {
    let mut ledger = Ledger::new(1);
    let mut after = 0;
    loop {
        let batch = read_batch(store, key, after).await?;
        let Some(last) = batch.last() else {
            break;
        };
        after = last.seq;
        for placed in batch.iter().filter(|placed| placed.seq < before) {
            ledger
                .apply(&decode(placed)?, placed.seq)
                .map_err(|_| OrderError::Internal("a record does not fit"))?;
        }
    }
    let found = ledger.orders.remove(key).map(Arc::unwrap_or_clone);
    Ok(found.map(Box::new))
}
