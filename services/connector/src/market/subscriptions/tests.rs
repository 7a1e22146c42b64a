use super::*;

const STREAMS_MAX: usize = 200;

fn symbol(name: &str) -> Symbol {
    Symbol::new(name).unwrap()
}

#[test]
fn f094_a_stream_is_asked_for_once_however_many_read_it() {
    let (mut wanted, mut table) = (Wanted::new(STREAMS_MAX), Table::default());
    let (sol, now) = (symbol("SOL-USDT-PERP"), Instant::now());
    assert_eq!(wanted.add(sol), Ok(true));
    assert_eq!(wanted.add(sol), Ok(false));
    let steps = table.steps(&wanted, now);
    assert_eq!(steps.subscribe, [sol]);
    table.requested(1, &steps.subscribe, now);
    assert_eq!(table.steps(&wanted, now), Steps::default());

    wanted.remove(sol, now);
    assert!(wanted.expire(now + LINGER).is_empty());
    wanted.remove(sol, now);
    assert!(wanted.expire(now).is_empty());
    assert_eq!(wanted.expire(now + LINGER), [sol]);
    assert_eq!(table.steps(&wanted, now).unsubscribe, [sol]);
}

#[test]
fn a_stream_that_is_read_again_does_not_expire() {
    let mut wanted = Wanted::new(STREAMS_MAX);
    let (sol, now) = (symbol("SOL-USDT-PERP"), Instant::now());
    wanted.add(sol).unwrap();
    wanted.remove(sol, now);
    wanted.add(sol).unwrap();
    assert!(wanted.expire(now + LINGER).is_empty());
}

#[test]
fn f093_a_connection_is_complete_when_confirmed_equals_wanted() {
    let (mut wanted, mut table) = (Wanted::new(STREAMS_MAX), Table::default());
    let (sol, btc, now) = (
        symbol("SOL-USDT-PERP"),
        symbol("BTC-USDT-PERP"),
        Instant::now(),
    );
    wanted.add(sol).unwrap();
    table.requested(1, &[sol], now);
    assert!(!table.complete(&wanted));
    assert_eq!(table.confirmed(1), [sol]);
    assert!(table.complete(&wanted));

    wanted.add(btc).unwrap();
    let second = table.number();
    table.requested(second, &[btc], now);
    assert!(!table.complete(&wanted));
    assert_eq!(table.refused(second, now), [btc]);
    assert!(!table.complete(&wanted));
    assert!(table.refused(1, now).is_empty());
    assert_eq!(table.steps(&wanted, now), Steps::default());
    assert_eq!(table.steps(&wanted, now + REFUSED_FOR).subscribe, [btc]);
}

#[test]
fn f098_the_table_of_a_new_connection_knows_nothing_of_the_old_one() {
    let (mut wanted, mut table) = (Wanted::new(STREAMS_MAX), Table::default());
    let (sol, now) = (symbol("SOL-USDT-PERP"), Instant::now());
    wanted.add(sol).unwrap();
    table.requested(1, &[sol], now);
    table.confirmed(1);
    assert_eq!(Table::default().steps(&wanted, now).subscribe, [sol]);
}

#[test]
fn a_request_without_an_answer_is_overdue_after_its_bound() {
    let mut table = Table::default();
    let now = Instant::now();
    table.requested(1, &[symbol("SOL-USDT-PERP")], now);
    assert!(!table.overdue(now + CONFIRM_WITHIN));
    assert!(table.overdue(now + CONFIRM_WITHIN * 2));
    table.confirmed(1);
    assert!(!table.overdue(now + CONFIRM_WITHIN * 2));
}

#[test]
fn f093_streams_beyond_what_a_connection_carries_are_refused() {
    let mut wanted = Wanted::new(STREAMS_MAX);
    for number in 0..STREAMS_MAX {
        wanted.add(symbol(&format!("C{number}-USDT-PERP"))).unwrap();
    }
    assert_eq!(wanted.add(symbol("SOL-USDT-PERP")), Err(Full));
    assert_eq!(wanted.add(symbol("C1-USDT-PERP")), Ok(false));
}
