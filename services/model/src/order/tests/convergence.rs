//! A true venue order, told in any order, twice, and in part, then confirmed by query: what we
//! hold is what the venue holds.

use proptest::prelude::*;

use super::*;

/// What happened at the venue.
#[derive(Debug, Clone)]
struct Truth {
    fills: Vec<(i64, i64)>,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Working,
    Cancelled,
    Expired,
}

const QUANTITY: i64 = 10;

fn truth() -> impl Strategy<Value = Truth> {
    let fills = prop::collection::vec((90_i64..110, 1_i64..4), 0..5);
    let end = prop_oneof![Just(End::Working), Just(End::Cancelled), Just(End::Expired)];
    (fills, end).prop_map(|(mut fills, end)| {
        let mut sum = 0;
        fills.retain(|(_, quantity)| {
            let fits = sum + quantity <= QUANTITY;
            sum += if fits { *quantity } else { 0 };
            fits
        });
        Truth { fills, end }
    })
}

impl Truth {
    fn filled(&self) -> i64 {
        self.fills.iter().map(|(_, quantity)| quantity).sum()
    }

    fn state(&self) -> OrderState {
        match self.end {
            _ if self.filled() == QUANTITY => OrderState::Filled,
            End::Cancelled => OrderState::Cancelled,
            End::Expired => OrderState::Expired,
            End::Working if self.filled() > 0 => OrderState::PartiallyFilled,
            End::Working => OrderState::Open,
        }
    }

    fn last_status(&self) -> ReportedStatus {
        match self.state() {
            OrderState::Filled => ReportedStatus::Filled,
            OrderState::Cancelled => ReportedStatus::Cancelled,
            OrderState::Expired => ReportedStatus::Expired,
            OrderState::PartiallyFilled => ReportedStatus::PartiallyFilled,
            _ => ReportedStatus::New,
        }
    }

    /// Everything the venue says over the order's life, in true order.
    fn reports(&self) -> Vec<Report> {
        let mut said = vec![accepted(), says(ReportedStatus::New, "0")];
        let mut sum = 0;
        for (trade, (price, quantity)) in self.fills.iter().enumerate() {
            sum += quantity;
            said.push(self.fill(trade, *price, *quantity));
            let status = if sum == QUANTITY {
                ReportedStatus::Filled
            } else {
                ReportedStatus::PartiallyFilled
            };
            said.push(says(status, &sum.to_string()));
        }
        said.push(says(self.last_status(), &self.filled().to_string()));
        said
    }

    fn fill(&self, trade: usize, price: i64, quantity: i64) -> Report {
        filled(
            &trade.to_string(),
            &price.to_string(),
            &quantity.to_string(),
        )
    }

    /// What a query says in the end: the order, and every fill.
    fn confirmation(&self) -> Vec<Report> {
        let mut said = vec![says(self.last_status(), &self.filled().to_string())];
        for (trade, (price, quantity)) in self.fills.iter().enumerate() {
            said.push(self.fill(trade, *price, *quantity));
        }
        said
    }
}

fn rank(state: OrderState) -> u8 {
    match state {
        OrderState::Submitting => 0,
        OrderState::Unknown => 1,
        OrderState::Open => 2,
        OrderState::PartiallyFilled => 3,
        OrderState::PendingCancel => 4,
        _ => 5,
    }
}

/// A report with the chances that an inference happens after it, and that it names no order of the
/// venue's.
type Told = (prop::sample::Index, bool, bool);

fn without_venue_id(report: Report) -> Report {
    match report {
        Report::Stated(mut stated) => {
            stated.venue_order_id = None;
            Report::Stated(stated)
        }
        report => report,
    }
}

proptest! {
    #[test]
    fn any_telling_of_the_truth_converges_to_it(
        truth in truth(),
        told in prop::collection::vec(any::<Told>(), 0..24),
        doubt in any::<bool>(),
    ) {
        let said = truth.reports();
        let mut order = order(&QUANTITY.to_string());
        if doubt {
            let unknown = SubmitAnswer::Unknown { reason: reason("timeout") };
            tell(&mut order, &Report::Submitted(unknown));
        }
        let mut telling: Vec<(Report, bool)> = told
            .into_iter()
            .map(|(index, infers, nameless)| {
                let report = index.get(&said).clone();
                let report = if nameless { without_venue_id(report) } else { report };
                (report, infers)
            })
            .collect();
        telling.extend(truth.confirmation().into_iter().map(|report| (report, false)));

        for (report, infers) in telling {
            let before = order.clone();
            tell(&mut order, &report);
            if infers && let Some(event) = infer(&order, UnixNanos::from_nanos(9)) {
                order.apply(&event, stamp(order.seq() + 1)).unwrap();
            }
            prop_assert!(order.filled() >= before.filled(), "a quantity fell");
            prop_assert!(rank(order.state()) >= rank(before.state()), "a state regressed");
            if before.state().is_final() {
                prop_assert_eq!(order.state(), before.state());
            }
        }

        prop_assert_eq!(order.state(), truth.state());
        prop_assert_eq!(order.filled(), Decimal::from(truth.filled()));
        prop_assert_eq!(order.fills().all_inferred().count(), 0);
        prop_assert_eq!(order.fills().len(), truth.fills.len());
        let notional: i64 = truth.fills.iter().map(|(price, quantity)| price * quantity).sum();
        prop_assert_eq!(order.fills().notional(), Some(Decimal::from(notional)));
        prop_assert!(!order.is_overfilled());
    }

    #[test]
    fn whatever_is_said_every_conclusion_is_legal_and_repeating_it_says_nothing_new(
        reports in prop::collection::vec(any_report(), 0..16),
    ) {
        let mut order = order("1");
        for report in &reports {
            // `tell` unwraps: an illegal conclusion fails here.
            tell(&mut order, report);
            let again: Vec<_> = conclude(&order, report)
                .iter()
                .map(Event::kind)
                .filter(|kind| *kind != EventKind::Noticed)
                .collect();
            prop_assert!(again.is_empty(), "{report:?} told twice gave {again:?}");
        }
    }
}

fn any_report() -> impl Strategy<Value = Report> {
    let status = prop_oneof![
        Just(ReportedStatus::New),
        Just(ReportedStatus::PartiallyFilled),
        Just(ReportedStatus::Filled),
        Just(ReportedStatus::Cancelled),
        Just(ReportedStatus::Rejected),
        Just(ReportedStatus::Expired),
        Just(ReportedStatus::PendingCancel),
        Just(ReportedStatus::Unknown("WORD".into())),
    ];
    let quantity = prop_oneof![
        Just("-1"),
        Just("0"),
        Just("0.3"),
        Just("0.7"),
        Just("1"),
        Just("1.2"),
        Just("99"),
    ];
    let stated = (status, quantity.clone(), any::<bool>()).prop_map(|(status, filled, known)| {
        let mut report = statement(status, filled);
        if !known {
            report.venue_order_id = None;
            report.cumulative_filled = None;
        }
        Report::Stated(Box::new(report))
    });
    let executed =
        ("[a-c]", quantity).prop_map(|(trade, quantity)| filled(&trade, "100", quantity));
    let answers = prop_oneof![
        Just(accepted()),
        any::<bool>().prop_map(|duplicate| Report::Submitted(SubmitAnswer::Rejected {
            reason: reason("no"),
            duplicate,
        })),
        Just(Report::Submitted(SubmitAnswer::Unknown {
            reason: reason("timeout")
        })),
        Just(Report::Submitted(SubmitAnswer::NotSent {
            reason: reason("halted")
        })),
        Just(Report::CancelAnswered(CancelAnswer::NotFound(reason(
            "gone"
        )))),
        Just(Report::Missed),
        Just(Report::Absent { misses: 3 }),
        Just(Report::CancelGivenUp {
            reason: reason("no")
        }),
    ];
    prop_oneof![3 => stated, 3 => executed, 2 => answers]
}
