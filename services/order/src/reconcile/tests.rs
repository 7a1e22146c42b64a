use chimera_model::{Account, Decimal, Symbol, Venue};

use super::{VenueView, compare};
use crate::difference::DifferenceKind;
use crate::key::SiteKey;
use crate::ledger::{Ledger, Line};

/// The kinds of what is found when three are held of a symbol and the venue lists no position.
fn found_when_held(symbol: &str) -> Vec<DifferenceKind> {
    let site = SiteKey {
        account: Account::new("main").unwrap(),
        venue: Venue::new("example").unwrap(),
    };
    let line = Line {
        account: site.account,
        venue: site.venue,
        symbol: Symbol::new(symbol).unwrap(),
    };
    let mut ledger = Ledger::new(1);
    ledger.holdings.entry(line).or_default().position = Decimal::from(3_u32);
    let differences = compare(&ledger, site, &VenueView::default());
    differences.iter().map(|found| found.kind).collect()
}

#[test]
fn f124_a_position_that_the_venue_does_not_list_is_drift() {
    assert_eq!(found_when_held("SOL-USDC-PERP"), [DifferenceKind::Position]);
}

#[test]
fn f124_an_asset_held_outright_is_no_drift_although_no_venue_lists_it() {
    assert_eq!(found_when_held("SOL-USDC"), []);
}
