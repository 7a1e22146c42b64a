use proptest::prelude::*;

use super::*;

fn parse(text: &'static str) -> Result<Duration, MalformedTimeout> {
    parse_timeout(&HeaderValue::from_static(text))
}

#[test]
fn each_unit_of_the_specification_is_read() {
    assert_eq!(parse("2H"), Ok(Duration::from_secs(7_200)));
    assert_eq!(parse("3M"), Ok(Duration::from_secs(180)));
    assert_eq!(parse("4S"), Ok(Duration::from_secs(4)));
    assert_eq!(parse("500m"), Ok(Duration::from_millis(500)));
    assert_eq!(parse("6u"), Ok(Duration::from_micros(6)));
    assert_eq!(parse("0n"), Ok(Duration::ZERO));
    assert_eq!(
        parse("99999999H"),
        Ok(Duration::from_secs(99_999_999 * 3_600))
    );
}

#[test]
fn h14_what_the_specification_does_not_write_is_refused() {
    for text in [
        "",
        "S",
        "1",
        "-1S",
        "+1S",
        "1.5S",
        " 1S",
        "1S ",
        "1s",
        "1h",
        "123456789n",
        "1SS",
        "0x1S",
    ] {
        assert_eq!(parse(text), Err(MalformedTimeout), "{text:?}");
    }
    let arabic = HeaderValue::from_bytes("٣S".as_bytes()).unwrap();
    assert_eq!(parse_timeout(&arabic), Err(MalformedTimeout));
}

#[test]
fn h14_a_deadline_beyond_the_horizon_does_not_overflow() {
    assert!(Deadline::after(Duration::MAX).remaining() <= HORIZON);
}

#[tokio::test(start_paused = true)]
async fn a_bound_future_ends_with_its_deadline() {
    let deadline = Deadline::after(Duration::from_secs(3));
    assert_eq!(
        deadline.bound(std::future::pending::<()>()).await,
        Err(DeadlineExceeded)
    );
    assert!(deadline.has_passed());
    assert_eq!(Deadline::current(), None);
}

#[tokio::test]
async fn a_scope_lends_its_deadline_to_what_runs_within() {
    let deadline = Deadline::after(Duration::from_secs(3));
    assert_eq!(
        deadline.scope(async { Deadline::current() }).await,
        Some(deadline)
    );
}

proptest! {
    #[test]
    fn a_budget_never_grows_on_the_wire_and_loses_little(nanos in 0..=HORIZON.as_nanos() as u64) {
        let budget = Duration::from_nanos(nanos);
        let read = parse_timeout(&format_timeout(budget)).unwrap();
        prop_assert!(read <= budget);
        prop_assert!((budget - read).as_secs_f64() <= budget.as_secs_f64() * 1e-5);
    }
}
