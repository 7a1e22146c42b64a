use super::*;

fn index(value: i64) -> ClientOrderIndex {
    ClientOrderIndex::new(value).unwrap()
}

#[test]
fn f087_an_acknowledged_order_that_the_stream_never_names_is_overdue() {
    let (echoes, now) = (Echoes::default(), Instant::now());
    echoes.expect(index(1));
    assert_eq!(echoes.overdue(now + ECHO_WITHIN * 2), None);
    echoes.acknowledged(index(1), now);
    assert_eq!(echoes.overdue(now + ECHO_WITHIN), None);
    assert_eq!(echoes.overdue(now + ECHO_WITHIN * 2), Some(index(1)));
    echoes.clear();
    assert_eq!(echoes.overdue(now + ECHO_WITHIN * 2), None);
}

#[test]
fn f013_a_stream_that_is_quicker_than_the_answer_owes_nothing() {
    let (echoes, now) = (Echoes::default(), Instant::now());
    echoes.expect(index(1));
    echoes.settle(index(1));
    echoes.acknowledged(index(1), now);
    assert_eq!(echoes.overdue(now + ECHO_WITHIN * 2), None);
}
