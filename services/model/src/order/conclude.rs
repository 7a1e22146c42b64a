//! Weighing evidence: from a report to what it proves.

use super::event::{Event, NoticeKind, Reason};
use super::fills::{BookedFill, FillKey};
use super::order_record::Order;
use super::report::{CancelAnswer, Report, SubmitAnswer};
use super::spec::OrderKind;
use super::state::OrderState;
use super::transitions::transition;
use crate::decimal::Decimal;
use crate::ids::{ClientOrderId, UnixNanos, VenueOrderId};
use crate::report::{Fill, OrderReport, ReportSource, ReportedStatus};

/// A quantity beyond this many times the order's is no overfill but nonsense, until a query says
/// the same (H55). Genuine overfills seen in the wild stay below twice the order (F37).
pub const HOSTILE_MULTIPLE: i64 = 10;

/// Returns what a report proves about an order, as events in the order in which they are to be
/// applied; nothing when it proves nothing new.
///
/// Every event returned may happen by the table. A report told twice, late or in the wrong order
/// never makes a quantity fall or a state regress.
#[must_use]
pub fn conclude(order: &Order, report: &Report) -> Vec<Event> {
    let mut draft = Draft::new(order);
    match report {
        Report::Submitted(answer) => draft.submit_answer(answer),
        Report::CancelAnswered(CancelAnswer::Accepted(Some(report))) => draft.stated(report),
        // What became of a request says nothing of the order (F18, F21).
        Report::CancelAnswered(_) | Report::Missed => {}
        Report::Stated(report) => draft.stated(report),
        Report::Executed {
            fill,
            received_time,
        } => draft.executed(fill, *received_time),
        Report::Absent { misses } => draft.absent(*misses),
        Report::CancelGivenUp { reason } => {
            if draft.state == OrderState::PendingCancel {
                draft.cancel_asked = false;
                draft.push(Event::CancelRefused(reason.clone()));
            }
        }
    }
    draft.finish()
}

/// The order as it will stand after the events drafted so far.
struct Draft<'a> {
    order: &'a Order,
    state: OrderState,
    stated: Decimal,
    booked: Decimal,
    real: Decimal,
    quantity: Decimal,
    cancel_asked: bool,
    identified: bool,
    events: Vec<Event>,
}

impl<'a> Draft<'a> {
    fn new(order: &'a Order) -> Self {
        Self {
            order,
            state: order.state(),
            stated: order.stated(),
            booked: order.fills().quantity(),
            real: order.fills().real_quantity(),
            quantity: order.quantity(),
            cancel_asked: order.is_cancel_asked(),
            identified: order.venue_order_id().is_some(),
            events: Vec::new(),
        }
    }

    fn filled(&self) -> Decimal {
        self.booked.max(self.stated)
    }

    fn push(&mut self, event: Event) {
        let some = self.filled().is_positive();
        let all =
            self.filled() >= self.quantity && self.order.spec().kind != OrderKind::TrackingLimit;
        // A pair that may not happen is not drafted: the table has the last word.
        if let Some(next) = transition(self.state, event.kind(), some, all) {
            self.state = next;
            self.events.push(event);
        }
    }

    fn notice(&mut self, kind: NoticeKind, words: impl Into<String>) {
        self.push(Event::notice(kind, words));
    }

    /// A cancel that was asked for before the order was known to live is due again now (F20).
    fn finish(mut self) -> Vec<Event> {
        if self.cancel_asked && matches!(self.state, OrderState::Open | OrderState::PartiallyFilled)
        {
            self.push(Event::CancelAsked);
        }
        self.events
    }

    fn submit_answer(&mut self, answer: &SubmitAnswer) {
        match answer {
            SubmitAnswer::Accepted(Some(report)) => self.stated(report),
            SubmitAnswer::Accepted(None) => self.lives(),
            SubmitAnswer::Rejected {
                reason,
                duplicate: true,
            } => {
                self.lives();
                self.notice(NoticeKind::ProofOfLife, &reason.message);
            }
            SubmitAnswer::Rejected { reason, .. } if self.state.is_in_doubt() => {
                self.push(Event::Rejected {
                    reason: reason.clone(),
                    absent: false,
                });
            }
            SubmitAnswer::Rejected { reason, .. } => self.contradicted("refused", reason),
            SubmitAnswer::Unknown { reason } => {
                if self.state == OrderState::Submitting {
                    self.push(Event::Doubted(reason.clone()));
                }
            }
            SubmitAnswer::NotSent { reason } if self.state == OrderState::Submitting => {
                self.push(Event::Denied(reason.clone()));
            }
            SubmitAnswer::NotSent { reason } => self.contradicted("not sent", reason),
        }
    }

    fn contradicted(&mut self, what: &str, reason: &Reason) {
        if !self.state.is_final() {
            let words = format!("{what} ({}), yet known to live", reason.message);
            self.notice(NoticeKind::Contradiction, words);
        }
    }

    /// The venue has the order.
    fn lives(&mut self) {
        if self.state.is_in_doubt() {
            self.push(Event::Accepted);
        }
    }

    fn absent(&mut self, misses: u32) {
        let reason = Reason::new(
            "ORDER_NOT_FOUND",
            format!("the venue does not know it: {misses} spaced queries"),
        );
        if self.state.is_in_doubt() && !self.filled().is_positive() {
            self.push(Event::Rejected {
                reason,
                absent: true,
            });
        } else if !self.state.is_final() {
            self.push(Event::Expired(reason));
        }
    }

    fn stated(&mut self, report: &OrderReport) {
        if !self.is_about_this(report) {
            let words = "a report of another account, instrument or side under our client id";
            return self.notice(NoticeKind::Contradiction, words);
        }
        if let (Some(known), Some(stated)) = (self.order.venue_order_id(), &report.venue_order_id)
            && known != stated
        {
            let words = format!("the venue shows {stated} under the client id of {known}");
            return self.notice(NoticeKind::Doubled, words);
        }
        if self.state.is_absent() {
            // A refusal of what had an id at the venue once is old news, not a new life (F40).
            if report.status == ReportedStatus::Rejected || self.identified {
                return;
            }
            if report.venue_order_id.is_none() {
                return;
            }
            self.revive();
        }
        self.identify(report);
        if let Some(fill) = &report.last_fill {
            self.executed(fill, fill.venue_time);
        }
        if self.is_hostile_statement(report) {
            return self.notice(NoticeKind::Hostile, "a filled quantity that cannot be true");
        }
        self.resize(report);
        self.cumulate(report);
        self.settle(report);
    }

    fn is_about_this(&self, report: &OrderReport) -> bool {
        let spec = self.order.spec();
        report.venue == spec.venue
            && report.account == spec.account
            && report.symbol == spec.symbol
            && report.side.is_none_or(|side| side == spec.side)
    }

    fn revive(&mut self) {
        self.push(Event::Adopted);
        let words = "at the venue, although it was believed not to be";
        self.notice(NoticeKind::Appeared, words);
    }

    fn identify(&mut self, report: &OrderReport) {
        let client_order_id = report.client_order_id.as_ref();
        let client_order_id = client_order_id.filter(|_| self.order.client_order_id().is_none());
        self.identify_as(report.venue_order_id.as_ref(), client_order_id);
    }

    /// Takes the ids that are not known yet, before or after the order's end.
    fn identify_as(&mut self, venue: Option<&VenueOrderId>, client: Option<&ClientOrderId>) {
        let venue_order_id = venue.filter(|_| !self.identified).cloned();
        if venue_order_id.is_some() || client.is_some() {
            self.identified |= venue_order_id.is_some();
            self.push(Event::Identified {
                venue_order_id,
                client_order_id: client.cloned(),
            });
        }
    }

    /// A stream may lie about magnitudes; a query that says the same is believed (H55).
    fn is_hostile_statement(&self, report: &OrderReport) -> bool {
        let Some(filled) = report.cumulative_filled else {
            return false;
        };
        filled.is_negative() || self.is_hostile_quantity(filled, report.source)
    }

    fn is_hostile_quantity(&self, quantity: Decimal, source: ReportSource) -> bool {
        let most = self.quantity.checked_mul(Decimal::from(HOSTILE_MULTIPLE));
        let beyond = most.is_ok_and(|most| quantity > most);
        beyond && source == ReportSource::Stream
    }

    /// The venue made the order smaller (F53); nobody makes it larger.
    fn resize(&mut self, report: &OrderReport) {
        let Some(quantity) = report.quantity else {
            return;
        };
        if self.state.is_final() || !quantity.is_positive() || quantity == self.quantity {
            return;
        }
        if quantity < self.quantity {
            self.quantity = quantity;
            self.push(Event::Resized { quantity });
        } else {
            let words = format!("the venue states a quantity of {quantity}");
            self.notice(NoticeKind::Contradiction, words);
        }
    }

    fn cumulate(&mut self, report: &OrderReport) {
        let filled = match (&report.status, report.cumulative_filled) {
            (_, Some(filled)) => filled,
            (ReportedStatus::Filled, None) => self.quantity,
            (_, None) => return,
        };
        // Below what is known it is an older word; equal to it, it says nothing new (F40).
        if filled <= self.filled() {
            return;
        }
        self.stated = filled;
        self.push(Event::Stated {
            filled,
            average: report.average_price,
        });
        self.mark_overfill();
    }

    fn mark_overfill(&mut self) {
        if self.filled() > self.quantity && !self.order.is_overfilled() {
            let (filled, quantity) = (self.filled(), self.quantity);
            self.notice(
                NoticeKind::Overfilled,
                format!("{filled} filled of {quantity}"),
            );
        }
    }

    /// Takes the state stated; an order that has ended keeps its end.
    fn settle(&mut self, report: &OrderReport) {
        if self.state.is_final() {
            return;
        }
        let code = match &report.status {
            ReportedStatus::Unknown(word) => word.as_str(),
            _ => "",
        };
        let reason = Reason::new(code, report.reason.as_deref().unwrap_or_default());
        match &report.status {
            ReportedStatus::New
            | ReportedStatus::PartiallyFilled
            | ReportedStatus::PendingCancel => {
                self.lives();
            }
            ReportedStatus::Filled => self.push(Event::Completed),
            ReportedStatus::Cancelled => self.push(Event::Cancelled(reason)),
            ReportedStatus::Rejected if !self.filled().is_positive() => {
                self.push(Event::Rejected {
                    reason,
                    absent: false,
                });
            }
            // Refused after it traded: it ended by the venue's rule (F31).
            ReportedStatus::Expired | ReportedStatus::Rejected => self.push(Event::Expired(reason)),
            ReportedStatus::Unknown(word) => {
                self.lives();
                let words = format!("the venue states `{word}`");
                self.notice(NoticeKind::UnknownStatus, words);
            }
        }
    }

    fn executed(&mut self, fill: &Fill, received_time: UnixNanos) {
        let spec = self.order.spec();
        let ours = fill.venue == spec.venue
            && fill.account == spec.account
            && fill.symbol == spec.symbol
            && fill.side == spec.side;
        let sane = fill.price.is_positive() && fill.quantity.is_positive();
        if !ours || !sane || self.is_hostile_quantity(fill.quantity, fill.source) {
            return self.notice(
                NoticeKind::Hostile,
                "a fill that cannot be true was refused",
            );
        }
        let key = FillKey {
            trade_id: fill.trade_id.clone(),
            venue_order_id: fill.venue_order_id.clone(),
            side: fill.side,
        };
        if self.order.fills().contains(&key) {
            return;
        }
        let (Ok(real), Ok(_)) = (
            self.real.checked_add(fill.quantity),
            self.booked.checked_add(fill.quantity),
        ) else {
            return self.notice(NoticeKind::Hostile, "a fill whose sum cannot be held");
        };
        if self.state.is_absent() {
            self.revive();
        }
        if let Some(known) = self.order.venue_order_id()
            && *known != fill.venue_order_id
        {
            let words = format!(
                "a fill of {} under the client id of {known}",
                fill.venue_order_id
            );
            self.notice(NoticeKind::Doubled, words);
        }
        // A fill may be all that is ever said of an order that ends by it.
        self.identify_as(Some(&fill.venue_order_id), None);
        self.displace(fill.quantity);
        let late = self.state.is_final() && real > self.stated;
        self.real = real;
        self.booked = self.booked.checked_add(fill.quantity).unwrap_or(real);
        self.push(Event::Fill(BookedFill {
            key,
            price: fill.price,
            quantity: fill.quantity,
            fee: fill.fee,
            liquidity: fill.liquidity,
            kind: fill.kind,
            venue_time: fill.venue_time,
            received_time,
            late,
            inferred: false,
        }));
        if late {
            let words = format!("{} after the end", fill.quantity);
            self.notice(NoticeKind::LateFill, words);
        }
        self.mark_overfill();
    }

    /// A real fill takes the place of as much of the inferred one (F38).
    fn displace(&mut self, quantity: Decimal) {
        let Some(held) = self.order.fills().all_inferred().next() else {
            return;
        };
        let rest = held.quantity.checked_sub(quantity);
        let rest = rest.map_or(Decimal::ZERO, |rest| rest.max(Decimal::ZERO));
        let shrunk = held
            .quantity
            .checked_sub(rest)
            .and_then(|gone| self.booked.checked_sub(gone));
        self.booked = shrunk.unwrap_or(self.real);
        self.push(Event::Restated(BookedFill {
            quantity: rest,
            ..held.clone()
        }));
    }
}
