//! What the venue says of its markets.

use chimera_model::instrument::InstrumentStatus;

use super::{answered, venue};
use crate::{InstrumentList, VenueAdapter};

const MARKET: &str = r#"{"symbol":"SOL_USDC_PERP","baseSymbol":"SOL","quoteSymbol":"USDC",
"marketType":"PERP","orderBookState":"Open","filters":{"price":{"minPrice":"0.01","maxPrice":null,
"tickSize":"0.01","maxMultiplier":"1.25","minMultiplier":"0.75"},"quantity":{"minQuantity":"0.01",
"maxQuantity":null,"stepSize":"0.01"}}}"#;

fn read(market: &str) -> InstrumentList {
    answered(&venue().instruments(), 200, format!("[{market}]")).unwrap()
}

#[test]
fn a_book_that_takes_some_orders_only_is_not_for_trading() {
    for (state, status) in [
        ("Open", InstrumentStatus::Trading),
        ("CancelOnly", InstrumentStatus::CancelOnly),
        ("Closed", InstrumentStatus::Closed),
        (
            "LimitOnly",
            InstrumentStatus::Unknown("LimitOnly".to_owned()),
        ),
        ("PostOnly", InstrumentStatus::Unknown("PostOnly".to_owned())),
    ] {
        let list = read(&MARKET.replace("\"Open\"", &format!("\"{state}\"")));
        assert_eq!(list.instruments[0].status, status, "{state}");
    }
}

#[test]
fn what_is_not_traded_here_or_makes_no_sense_is_skipped_and_named() {
    for (from, to) in [
        ("\"PERP\"", "\"IPERP\""),
        ("\"PERP\"", "\"DATED\""),
        ("\"tickSize\":\"0.01\"", "\"tickSize\":\"0\""),
        ("\"stepSize\":\"0.01\"", "\"stepSize\":\"-0.01\""),
        ("\"minQuantity\":\"0.01\"", "\"minQuantity\":\"-1\""),
    ] {
        let market = MARKET.replace(from, to);
        assert_ne!(market, MARKET);
        let list = read(&market);
        assert!(list.instruments.is_empty(), "{to}");
        assert_eq!(list.skipped.len(), 1, "{to}");
    }
}
