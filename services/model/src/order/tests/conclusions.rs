use super::*;

fn ended(status: ReportedStatus) -> Order {
    let mut order = order("1");
    tell(&mut order, &accepted());
    tell(&mut order, &says(status, "0"));
    order
}

#[test]
fn f001_a_submission_without_an_answer_is_unknown_and_never_rejected() {
    let mut order = order("1");
    let timeout = Report::Submitted(SubmitAnswer::Unknown {
        reason: reason("timeout"),
    });
    tell(&mut order, &timeout);
    assert_eq!(order.state(), OrderState::Unknown);
    assert_eq!(order.remaining(), decimal("1"));
}

#[test]
fn f003_a_refusal_as_duplicate_proves_that_the_first_one_lives() {
    let mut order = order("1");
    let refusal = Report::Submitted(SubmitAnswer::Rejected {
        reason: reason("duplicate order sent"),
        duplicate: true,
    });
    let kinds = tell(&mut order, &refusal);
    assert_eq!(kinds, [EventKind::Accepted, EventKind::Noticed]);
    assert_eq!(order.state(), OrderState::Open);
}

#[test]
fn a_refusal_of_what_is_known_to_live_is_a_contradiction_and_changes_nothing() {
    let mut order = order("1");
    tell(&mut order, &says(ReportedStatus::New, "0"));
    let refusal = Report::Submitted(SubmitAnswer::Rejected {
        reason: reason("no"),
        duplicate: false,
    });
    assert_eq!(tell(&mut order, &refusal), [EventKind::Noticed]);
    assert_eq!(order.state(), OrderState::Open);
}

#[test]
fn f005_a_miss_proves_nothing_and_an_order_proven_absent_that_appears_is_adopted() {
    let mut order = order("1");
    tell(
        &mut order,
        &Report::Submitted(SubmitAnswer::Unknown {
            reason: reason("timeout"),
        }),
    );
    assert_eq!(tell(&mut order, &Report::Missed), []);
    tell(&mut order, &Report::Absent { misses: 3 });
    assert_eq!(order.state(), OrderState::Rejected);
    assert!(order.is_proven_absent());

    let kinds = tell(&mut order, &says(ReportedStatus::PartiallyFilled, "0.3"));
    assert!(kinds.starts_with(&[EventKind::Adopted, EventKind::Noticed]));
    assert_eq!(order.state(), OrderState::PartiallyFilled);
    assert!(!order.is_proven_absent());
}

#[test]
fn f005_a_fill_of_an_order_proven_absent_revives_it() {
    let mut order = order("1");
    tell(
        &mut order,
        &Report::Submitted(SubmitAnswer::Unknown {
            reason: reason("timeout"),
        }),
    );
    tell(&mut order, &Report::Absent { misses: 3 });
    tell(&mut order, &filled("t1", "100", "1"));
    assert_eq!(order.state(), OrderState::Filled);
    assert_eq!(order.filled(), decimal("1"));
}

#[test]
fn a_fill_names_the_order_before_or_after_its_end_and_once() {
    let mut doubtful = order("1");
    let kinds = tell(&mut doubtful, &filled("t1", "100", "1"));
    assert_eq!(kinds, [EventKind::Identified, EventKind::Fill]);
    assert_eq!(doubtful.state(), OrderState::Filled);
    assert_eq!(doubtful.venue_order_id().unwrap().as_str(), "900");

    let mut late = order("1");
    late.apply(&Event::Accepted, stamp(2)).unwrap();
    let end = Event::Cancelled(reason("cancelled"));
    late.apply(&end, stamp(3)).unwrap();
    let kinds = tell(&mut late, &filled("t1", "100", "0.2"));
    assert_eq!(
        kinds,
        [EventKind::Identified, EventKind::Fill, EventKind::Noticed]
    );
    assert_eq!(
        tell(&mut late, &filled("t2", "100", "0.2"))[0],
        EventKind::Fill
    );
    assert_eq!(late.venue_order_id().unwrap().as_str(), "900");
}

#[test]
fn f013_a_fill_before_the_acknowledgement_is_applied() {
    let mut order = order("1");
    tell(&mut order, &filled("t1", "100", "0.5"));
    assert_eq!(order.state(), OrderState::PartiallyFilled);
    assert_eq!(tell(&mut order, &accepted()), []);
    assert_eq!(order.state(), OrderState::PartiallyFilled);
}

#[test]
fn f018_a_cancel_that_finds_nothing_is_neither_cancelled_nor_never_placed() {
    let mut order = order("1");
    tell(&mut order, &accepted());
    order.apply(&Event::CancelAsked, stamp(9)).unwrap();
    let answer = Report::CancelAnswered(CancelAnswer::NotFound(reason("unknown order sent")));
    assert_eq!(tell(&mut order, &answer), []);
    assert_eq!(order.state(), OrderState::PendingCancel);
    tell(&mut order, &filled("t1", "100", "1"));
    assert_eq!(order.state(), OrderState::Filled);
}

#[test]
fn f019_a_fill_after_the_cancel_is_booked_and_marked() {
    let mut order = ended(ReportedStatus::Cancelled);
    let kinds = tell(&mut order, &filled("t1", "100", "0.2"));
    assert_eq!(kinds, [EventKind::Fill, EventKind::Noticed]);
    assert_eq!(order.state(), OrderState::Cancelled);
    assert_eq!(order.filled(), decimal("0.2"));
    assert!(order.has_late_fills());
}

#[test]
fn a_fill_that_the_cancel_already_counted_is_not_late() {
    let mut order = order("1");
    tell(&mut order, &accepted());
    tell(&mut order, &says(ReportedStatus::Cancelled, "0.2"));
    tell(&mut order, &filled("t1", "100", "0.2"));
    assert!(!order.has_late_fills());
    assert_eq!(order.filled(), decimal("0.2"));
}

#[test]
fn f020_a_cancel_asked_for_before_the_acknowledgement_is_due_again_after_it() {
    let mut order = order("1");
    order.apply(&Event::CancelAsked, stamp(2)).unwrap();
    assert_eq!(order.state(), OrderState::Submitting);
    let kinds = tell(&mut order, &accepted());
    assert_eq!(kinds, [EventKind::Accepted, EventKind::CancelAsked]);
    assert_eq!(order.state(), OrderState::PendingCancel);
}

#[test]
fn f021_a_cancel_without_an_answer_stays_pending() {
    let mut order = order("1");
    tell(&mut order, &accepted());
    order.apply(&Event::CancelAsked, stamp(9)).unwrap();
    let answer = Report::CancelAnswered(CancelAnswer::Unknown(reason("timeout")));
    assert_eq!(tell(&mut order, &answer), []);
    assert_eq!(order.state(), OrderState::PendingCancel);
    assert_eq!(order.remaining(), decimal("1"));
}

#[test]
fn f026_a_cancel_that_is_given_up_leaves_the_order_working() {
    let mut order = order("1");
    tell(&mut order, &filled("t1", "100", "0.5"));
    order.apply(&Event::CancelAsked, stamp(9)).unwrap();
    let given_up = Report::CancelGivenUp {
        reason: reason("not now"),
    };
    assert_eq!(tell(&mut order, &given_up), [EventKind::CancelRefused]);
    assert_eq!(order.state(), OrderState::PartiallyFilled);
    assert!(!order.is_cancel_asked());
}

#[test]
fn f031_an_order_that_expires_after_a_part_keeps_its_fills() {
    let mut order = order("1");
    tell(&mut order, &filled("t1", "100", "0.5"));
    tell(&mut order, &says(ReportedStatus::Expired, "0.5"));
    assert_eq!(order.state(), OrderState::Expired);
    assert_eq!(order.filled(), decimal("0.5"));
}

#[test]
fn f032_a_reason_that_is_not_known_is_carried_as_text() {
    let mut order = order("1");
    let mut report = statement(ReportedStatus::Expired, "0");
    report.reason = Some("SELF_TRADE\r\n\u{1b}[31mPREVENTION".into());
    tell(&mut order, &Report::Stated(Box::new(report)));
    assert_eq!(order.state(), OrderState::Expired);
    assert_eq!(order.reason().message, "SELF_TRADE   [31mPREVENTION");
}

#[test]
fn f040_an_older_word_never_lowers_a_quantity_or_a_state() {
    let mut order = order("1");
    tell(&mut order, &says(ReportedStatus::PartiallyFilled, "0.6"));
    assert_eq!(
        tell(&mut order, &says(ReportedStatus::PartiallyFilled, "0.3")),
        []
    );
    assert_eq!(tell(&mut order, &says(ReportedStatus::New, "0")), []);
    assert_eq!(order.filled(), decimal("0.6"));
    tell(&mut order, &says(ReportedStatus::Cancelled, "0.6"));
    assert_eq!(
        tell(&mut order, &says(ReportedStatus::PartiallyFilled, "0.6")),
        []
    );
    assert_eq!(order.state(), OrderState::Cancelled);
}

#[test]
fn f040_an_older_word_does_not_revive_a_refused_order_that_had_an_id() {
    let mut order = order("1");
    tell(&mut order, &says(ReportedStatus::Rejected, "0"));
    assert_eq!(order.state(), OrderState::Rejected);
    // Its refusal bore no more than an id; the acknowledgement before it comes late.
    assert_eq!(tell(&mut order, &says(ReportedStatus::New, "0")), []);
    assert_eq!(order.state(), OrderState::Rejected);
}

#[test]
fn f053_a_venue_that_makes_the_order_smaller_is_believed() {
    let mut order = order("1");
    let mut report = statement(ReportedStatus::New, "0");
    report.quantity = Some(decimal("0.4"));
    tell(&mut order, &Report::Stated(Box::new(report)));
    assert_eq!(order.quantity(), decimal("0.4"));
    tell(&mut order, &filled("t1", "100", "0.4"));
    assert_eq!(order.state(), OrderState::Filled);
}

#[test]
fn a_second_venue_order_under_our_client_id_is_noticed() {
    let mut order = order("1");
    tell(&mut order, &says(ReportedStatus::New, "0"));
    let mut twin = statement(ReportedStatus::New, "0");
    twin.venue_order_id = Some(VenueOrderId::new("901").unwrap());
    let events = conclude(&order, &Report::Stated(Box::new(twin)));
    let doubled =
        matches!(&events[..], [Event::Noticed(notice)] if notice.kind == NoticeKind::Doubled);
    assert!(doubled, "{events:?}");
}

#[test]
fn f109_a_status_that_is_not_known_proves_life_and_nothing_more() {
    let mut order = order("1");
    let kinds = tell(
        &mut order,
        &says(ReportedStatus::Unknown("HALTED".into()), "0"),
    );
    assert_eq!(kinds[1..], [EventKind::Accepted, EventKind::Noticed]);
    assert_eq!(order.state(), OrderState::Open);
}

#[test]
fn what_was_not_sent_is_denied() {
    let mut order = order("1");
    let answer = Report::Submitted(SubmitAnswer::NotSent {
        reason: reason("halted"),
    });
    assert_eq!(tell(&mut order, &answer), [EventKind::Denied]);
    assert_eq!(order.state(), OrderState::Denied);
}

#[test]
fn an_order_known_to_have_lived_that_is_gone_is_expired_not_rejected() {
    let mut order = order("1");
    tell(&mut order, &says(ReportedStatus::New, "0"));
    tell(&mut order, &Report::Absent { misses: 3 });
    assert_eq!(order.state(), OrderState::Expired);
    assert_eq!(order.reason().code, "ORDER_NOT_FOUND");
}
