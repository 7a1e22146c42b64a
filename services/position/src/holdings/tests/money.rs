//! What an account has: margin and balances.

use super::*;

fn margin(time: Time, balance: &str, said: u64) -> Margin {
    Margin {
        asset: Some(Asset::new("USDT").unwrap()),
        wallet_balance: decimal(balance),
        margin_balance: decimal(balance),
        available: decimal(balance),
        initial_margin: Decimal::ZERO,
        maintenance_margin: Decimal::ZERO,
        unrealized_pnl: Decimal::ZERO,
        received_time: unix(said),
        said: Dated::told(Some(unix(said)), time.at(said)),
    }
}

#[test]
fn f127_the_history_of_margin_is_bounded_and_holds_what_changed() {
    let (mut holdings, time) = flat();
    let changes = |holdings: &mut Holdings, balance: &str, said| {
        !holdings
            .margin_stated(account(), margin(time, balance, said))
            .changed
            .is_empty()
    };
    assert!(changes(&mut holdings, "100", 1));
    assert!(
        !changes(&mut holdings, "100", 2),
        "the same amounts again are no change"
    );
    assert!(!changes(&mut holdings, "90", 1), "an older word is no word");
    for said in 3..8 {
        assert!(changes(&mut holdings, &(100 + said).to_string(), said));
    }
    let line = holdings.margin(account()).unwrap();
    let history = |limit| {
        line.history(limit)
            .map(|margin| margin.wallet_balance)
            .collect::<Vec<_>>()
    };
    assert_eq!(line.latest().unwrap().wallet_balance, decimal("107"));
    assert_eq!(
        history(10),
        [decimal("104"), decimal("105"), decimal("106")]
    );
    assert_eq!(history(1), [decimal("106")]);
    assert_eq!(history(0), []);
}

#[test]
fn f049_a_balance_keeps_the_newest_word() {
    let (mut holdings, time) = flat();
    let usdt = Asset::new("USDT").unwrap();
    let balance = |total: &str, available: Option<&str>, said| Balance {
        total: decimal(total),
        available: available.map(decimal),
        received_time: unix(said),
        said: Dated::told(Some(unix(said)), time.at(said)),
    };
    let mut take = |balance| {
        !holdings
            .balance_stated(account(), usdt, balance)
            .changed
            .is_empty()
    };
    assert!(take(balance("100", Some("80"), 5)));
    assert!(!take(balance("90", Some("90"), 4)));
    // A channel that does not state what is available does not unsay it.
    assert!(!take(balance("100", None, 6)));
    assert!(take(balance("101", None, 7)));
    let kept = holdings.balance(account(), usdt).unwrap();
    assert_eq!((kept.total, kept.available), (decimal("101"), None));
}
