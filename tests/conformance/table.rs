//! What was seen of each venue, and where it is told.

use std::{collections::BTreeSet, env, fs};

use chimera_contracts::{
    common::v1::{OrderType, TimeInForce},
    connector::v1::GetCapabilitiesResponse,
};
use chimera_tests::repository_root;
use tokio::task::JoinError;

use crate::cases::{CASES, Case, Offer};

const BLESS: &str = "CHIMERA_BLESS";
/// The README's table stands between these.
const BEGIN: &str = "<!-- venues: written by tests/conformance -->\n";
const END: &str = "<!-- /venues -->\n";

/// Returns what a case said when it failed.
pub fn words(failed: JoinError) -> String {
    let words = failed.into_panic();
    let fixed = words.downcast_ref::<&str>().map(ToString::to_string);
    let words = fixed.or_else(|| words.downcast_ref::<String>().cloned());
    words.unwrap_or_else(|| "failed without words".to_owned())
}

/// What was seen of one venue.
pub struct Row {
    venue: String,
    offered: BTreeSet<Offer>,
    shown: BTreeSet<Offer>,
    held: usize,
    failed: Vec<String>,
}

impl Row {
    /// Begins with what the venue says that it offers.
    pub fn new(said: &GetCapabilitiesResponse) -> Self {
        let mut offered: BTreeSet<Offer> = said
            .order_types()
            .map(|kind| match kind {
                OrderType::Limit => Offer::Limit,
                OrderType::Market => Offer::Market,
                other => panic!("{other:?} is no order type of a venue"),
            })
            .collect();
        offered.extend(said.times_in_force().map(|time| match time {
            TimeInForce::Gtc => Offer::GoodTillCancelled,
            TimeInForce::Ioc => Offer::ImmediateOrCancel,
            TimeInForce::Fok => Offer::FillOrKill,
            TimeInForce::Unspecified => panic!("no time in force"),
        }));
        offered.extend(said.post_only.then_some(Offer::PostOnly));
        offered.extend(said.reduce_only.then_some(Offer::ReduceOnly));
        offered.extend(said.refuses_open_client_id.then_some(Offer::OpenIdRefused));
        Self {
            venue: said.venue.clone(),
            offered,
            shown: BTreeSet::new(),
            held: 0,
            failed: Vec::new(),
        }
    }

    /// Writes down how a case ended, and holds what the venue says of itself to it.
    pub fn note(&mut self, case: &Case, ended: Result<(), String>) {
        let lacking = |offer: &&Offer| !self.offered.contains(*offer);
        let lack = case.shows.iter().find(lacking);
        let refused = |words: &str| words.contains("UNSUPPORTED_BY_VENUE");
        let (agrees, found) = match (lack, &ended) {
            (None, Ok(())) => (true, "holds"),
            (None, Err(words)) => (false, words.as_str()),
            (Some(lack), Err(words)) if lack.is_asked_for() && !refused(words) => {
                (false, words.as_str())
            }
            (Some(_), Err(_)) => (true, "is not offered"),
            (Some(_), Ok(())) => (false, "holds, and the venue says that it does not"),
        };
        let line = format!("{} {:02} {}: {found}", self.venue, case.number, case.name);
        println!("{line}");
        if ended.is_ok() {
            self.shown.extend(case.shows);
            self.held += 1;
        }
        if !agrees {
            self.failed.push(line);
        }
    }

    /// Returns the cases that did not end as the venue says.
    pub fn failed(&self) -> &[String] {
        &self.failed
    }

    fn line(&self) -> String {
        let shown = |offers: &[Offer]| {
            let shown: Vec<_> = offers
                .iter()
                .filter(|offer| self.shown.contains(offer))
                .collect();
            let words: Vec<String> = shown.iter().map(ToString::to_string).collect();
            if words.is_empty() {
                "–".to_owned()
            } else {
                words.join(", ")
            }
        };
        format!(
            "| `{}` | {} | {} | {} | {} | {} of {} |\n",
            self.venue,
            shown(&[Offer::Limit, Offer::Market]),
            shown(&[
                Offer::GoodTillCancelled,
                Offer::ImmediateOrCancel,
                Offer::FillOrKill
            ]),
            shown(&[Offer::PostOnly, Offer::ReduceOnly]),
            shown(&[Offer::OpenIdRefused]),
            self.held,
            CASES.len(),
        )
    }
}

/// Holds the README's table to what was seen; with `CHIMERA_BLESS=1`, writes it.
pub fn is_in_the_readme(rows: &[Row]) {
    let head = "| venue | orders | times in force | may be | refuses an open client id | cases of `tests/conformance` that hold |\n|---|---|---|---|---|---|\n";
    let seen: String = [head.to_owned()]
        .into_iter()
        .chain(rows.iter().map(Row::line))
        .collect();
    let path = repository_root().join("README.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("the README has a place for the table");
    let (told, after) = rest.split_once(END).expect("the table has an end");
    if env::var_os(BLESS).is_some() {
        fs::write(&path, format!("{before}{BEGIN}{seen}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        told, seen,
        "the README tells of the venues what was seen; {BLESS}=1 writes it"
    );
}
