use std::collections::BTreeMap;

use chimera_journal::Record;

use super::Standing;
use crate::journal_log::Logged;
use crate::key::SiteKey;
use crate::ledger::Ledger;

/// Replays records and holds the counts, after each of them, against a look at every order.
pub(crate) fn counts_hold(records: &[Record]) -> usize {
    let mut ledger = Ledger::new(usize::MAX);
    let mut most = 0;
    for (seq, record) in (1..).zip(records) {
        ledger.apply(&Logged::decode(record).unwrap(), seq).unwrap();
        let counted: BTreeMap<_, _> = ledger
            .standing
            .iter()
            .filter(|(_, standing)| **standing != Standing::default())
            .map(|(site, standing)| (*site, standing.clone()))
            .collect();
        assert_eq!(counted, looked_at(&ledger), "after record {seq}");
        most = most.max(counted.values().map(|it| it.unseen.len()).sum());
    }
    most
}

fn looked_at(ledger: &Ledger) -> BTreeMap<SiteKey, Standing> {
    let mut found = BTreeMap::<SiteKey, Standing>::new();
    for key in &ledger.open {
        let entry = ledger.get(key).unwrap();
        if entry.order.is_external() {
            continue;
        }
        let standing = found.entry(entry.site()).or_default();
        standing.own.insert(key.clone());
        if entry.order.state().is_in_doubt() || entry.tracking.is_some() {
            standing.unseen.insert(key.clone());
        }
    }
    found
}
