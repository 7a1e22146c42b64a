use std::time::Duration;

use chimera_model::{QuantityLots, Side};

use super::*;
use crate::command::{SubmitKind, Target};

fn submit(seq: u64, lowers_exposure: bool) -> Submit {
    Submit {
        target: Target {
            venue: "example".into(),
            account: "main".into(),
        },
        symbol: "SOL-USDT-PERP".into(),
        index: chimera_model::ClientOrderIndex::MIN,
        side: Side::Buy,
        quantity: QuantityLots(1),
        kind: SubmitKind::Market,
        instrument_version: 1,
        reduce_only: false,
        seq,
        lowers_exposure,
    }
}

const fn before(before_seq: u64, spare_lowering: bool) -> Withdraw {
    Withdraw {
        before_seq,
        spare_lowering,
    }
}

#[test]
fn f060_a_bound_holds_for_what_is_here_and_for_what_comes_late_and_never_falls() {
    let latch = Latch::default();
    let here = latch.permit(&submit(0, false));
    assert!(here.holds());
    latch.withdraw(before(10, false));
    latch.withdraw(before(5, false));
    assert!(!here.holds());
    assert!(!latch.permit(&submit(9, true)).holds());
    assert!(latch.permit(&submit(10, false)).holds());
}

#[test]
fn f060_a_bound_may_spare_what_only_lowers_exposure() {
    let latch = Latch::default();
    latch.withdraw(before(10, true));
    assert!(latch.permit(&submit(9, true)).holds());
    assert!(!latch.permit(&submit(9, false)).holds());
    latch.withdraw(before(10, false));
    assert!(!latch.permit(&submit(9, true)).holds());
}

#[tokio::test(start_paused = true)]
async fn f060_whoever_waits_learns_at_once_that_it_is_withdrawn() {
    let latch = Latch::default();
    let permit = latch.permit(&submit(3, false));
    latch.withdraw(before(3, false));
    let span = Duration::from_secs(1);
    let still = tokio::time::timeout(span, permit.withdrawn()).await;
    assert!(still.is_err(), "not below the bound");
    latch.withdraw(before(4, false));
    tokio::time::timeout(span, permit.withdrawn())
        .await
        .unwrap();
}
