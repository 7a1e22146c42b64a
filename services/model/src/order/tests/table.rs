use std::collections::HashSet;

use super::*;

#[test]
fn every_pair_stands_at_most_once_in_the_table() {
    let pairs: HashSet<_> = TRANSITIONS
        .iter()
        .map(|row| (row.from, row.event))
        .collect();
    assert_eq!(pairs.len(), TRANSITIONS.len());
}

#[test]
fn a_final_state_is_left_only_by_adoption_of_an_order_believed_absent() {
    for row in TRANSITIONS.iter().filter(|row| row.from.is_final()) {
        match row.event {
            EventKind::Adopted => assert!(row.from.is_absent()),
            _ => assert_eq!(row.next, Next::Stay, "{row:?}"),
        }
    }
}

#[test]
fn every_state_that_is_not_final_can_end_in_every_end_a_venue_may_state() {
    for from in OrderState::ALL
        .into_iter()
        .filter(|state| !state.is_final())
    {
        for event in [
            EventKind::Completed,
            EventKind::Cancelled,
            EventKind::Expired,
        ] {
            let next = transition(from, event, false, false);
            assert!(next.is_some_and(OrderState::is_final), "{from} {event:?}");
        }
    }
}

#[test]
fn every_state_but_those_believed_absent_takes_a_fill() {
    for from in OrderState::ALL {
        let taken = transition(from, EventKind::Fill, true, false).is_some();
        assert_eq!(taken, !from.is_absent(), "{from}");
    }
}

#[test]
fn nothing_leads_back_to_submitting_and_only_submitting_leads_to_unknown() {
    for row in TRANSITIONS {
        assert_ne!(row.next, Next::To(OrderState::Submitting));
        if row.next == Next::To(OrderState::Unknown) {
            assert_eq!(row.from, OrderState::Submitting);
        }
    }
}

#[test]
fn denied_is_reached_from_submitting_alone() {
    for row in TRANSITIONS {
        if row.next == Next::To(OrderState::Denied) {
            assert_eq!(row.from, OrderState::Submitting);
        }
    }
}

/// All pairs: `apply` follows the table where it has the pair and refuses where it has not.
#[test]
fn apply_obeys_the_table_for_all_pairs() {
    for from in OrderState::ALL {
        for kind in EventKind::ALL {
            let mut order = order_in(from);
            let before = order.clone();
            let done = order.apply(&example(kind), stamp(99));
            match transition(from, kind, true, false) {
                Some(_) => assert!(done.is_ok(), "{from} {kind:?}: {done:?}"),
                None => {
                    assert!(matches!(done, Err(IllegalTransition::Pair { .. })));
                    assert_eq!(order, before, "a refused event changes nothing");
                }
            }
        }
    }
}

fn example(kind: EventKind) -> Event {
    let booked = |inferred| BookedFill {
        key: FillKey {
            trade_id: TradeId::new("example").unwrap(),
            venue_order_id: VenueOrderId::new("900").unwrap(),
            side: Side::Buy,
        },
        price: decimal("100"),
        quantity: decimal("0.1"),
        fee: None,
        liquidity: None,
        kind: FillKind::Trade,
        venue_time: UnixNanos::from_nanos(5),
        received_time: UnixNanos::from_nanos(6),
        late: false,
        inferred,
    };
    match kind {
        EventKind::Denied => Event::Denied(Reason::none()),
        EventKind::Doubted => Event::Doubted(Reason::none()),
        EventKind::Accepted => Event::Accepted,
        EventKind::Identified => Event::Identified {
            venue_order_id: None,
            client_order_id: None,
        },
        EventKind::CancelAsked => Event::CancelAsked,
        EventKind::CancelRefused => Event::CancelRefused(Reason::none()),
        EventKind::Stated => Event::Stated {
            filled: decimal("0.9"),
            average: None,
        },
        EventKind::Resized => Event::Resized {
            quantity: decimal("0.9"),
        },
        EventKind::Fill => Event::Fill(booked(false)),
        EventKind::Restated => Event::Restated(booked(true)),
        EventKind::Completed => Event::Completed,
        EventKind::Cancelled => Event::Cancelled(Reason::none()),
        EventKind::Rejected => Event::Rejected {
            reason: Reason::none(),
            absent: false,
        },
        EventKind::Expired => Event::Expired(Reason::none()),
        EventKind::Adopted => Event::Adopted,
        EventKind::Noticed => Event::notice(NoticeKind::Contradiction, "example"),
    }
}

fn order_in(state: OrderState) -> Order {
    let mut order = order("1");
    let steps: &[Report] = match state {
        OrderState::Submitting => &[],
        OrderState::Denied => &[Report::Submitted(SubmitAnswer::NotSent {
            reason: Reason::none(),
        })],
        OrderState::Unknown => &[Report::Submitted(SubmitAnswer::Unknown {
            reason: Reason::none(),
        })],
        OrderState::Open | OrderState::PendingCancel => &[accepted()],
        OrderState::PartiallyFilled => &[filled("t", "100", "0.5")],
        OrderState::Filled => &[filled("t", "100", "1")],
        OrderState::Cancelled => &[says(ReportedStatus::Cancelled, "0")],
        OrderState::Rejected => &[Report::Submitted(SubmitAnswer::Rejected {
            reason: Reason::none(),
            duplicate: false,
        })],
        OrderState::Expired => &[says(ReportedStatus::Expired, "0")],
    };
    for step in steps {
        tell(&mut order, step);
    }
    if state == OrderState::PendingCancel {
        order.apply(&Event::CancelAsked, stamp(9)).unwrap();
    }
    assert_eq!(order.state(), state);
    order
}
