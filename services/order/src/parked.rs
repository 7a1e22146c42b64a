//! Reports about orders that are not known yet: kept, resolved by query, never dropped (F13, F24).

use std::collections::BTreeMap;

use chimera_model::order::Report;

use crate::key::OrderKey;

/// Reports kept in all. A venue that says more of orders that nobody knows is compared with as a
/// whole, which finds what was not kept.
const REPORTS_MAX: usize = 10_000;

/// Reports about orders that are not known yet.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    reports: BTreeMap<OrderKey, Vec<Report>>,
    count: usize,
}

impl Parked {
    /// Keeps a report. Returns whether it is the first of its order, or nothing when there is no
    /// room.
    pub(crate) fn keep(&mut self, key: &OrderKey, report: Report) -> Option<bool> {
        if self.count >= REPORTS_MAX {
            return None;
        }
        self.count += 1;
        let reports = self.reports.entry(key.clone()).or_default();
        reports.push(report);
        Some(reports.len() == 1)
    }

    /// Shows what is kept of an order.
    pub(crate) fn reports(&self, key: &OrderKey) -> impl Iterator<Item = &Report> {
        self.reports.get(key).into_iter().flatten()
    }

    /// Returns what was kept of an order, in order of arrival.
    pub(crate) fn take(&mut self, key: &OrderKey) -> Vec<Report> {
        let reports = self.reports.remove(key).unwrap_or_default();
        self.count -= reports.len();
        reports
    }
}
