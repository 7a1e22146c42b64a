//! The bookings a position rests on, and their sum.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::adjustment::{Adjustment, AdjustmentId};
use super::state::{Leg, State};
use crate::decimal::{Decimal, DecimalError};
use crate::ids::Asset;
use crate::order::FillKey;
use crate::report::{Fee, Fill};
use crate::words::Side;

/// How many bookings are kept to be compared with, voided or restated; older ones are summed up.
///
/// Corrections come within minutes: at ten fills a second this is seven of them, and one megabyte.
/// A fill older than all that is kept would not be known again; the sequence of whoever delivers
/// the fills guards against that.
pub const BOOKINGS_KEPT: usize = 4096;

/// What makes a booking the same as another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Name {
    Fill(FillKey),
    Adjustment(AdjustmentId),
}

#[derive(Debug, Clone)]
pub(super) struct Booking {
    pub(super) name: Name,
    pub(super) entry: Entry,
    pub(super) standing: Standing,
}

#[derive(Debug, Clone)]
pub(super) enum Entry {
    Fill(Box<BookedFill>),
    Adjustment(Adjustment),
}

/// What of a fill moves a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BookedFill {
    pub(super) side: Side,
    pub(super) price: Decimal,
    /// Zero for an inferred fill that was taken back.
    pub(super) quantity: Decimal,
    pub(super) fee: Option<Fee>,
    pub(super) inferred: bool,
}

/// Whether a booking moves the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Counts,
    /// Part of a stated opening: only its fee counts.
    Absorbed,
    /// Taken back (F47); kept so that a replay of it is known.
    Voided,
}

impl BookedFill {
    pub(super) fn new(fill: &Fill, inferred: bool) -> Self {
        Self {
            side: fill.side,
            price: fill.price,
            quantity: fill.quantity,
            fee: fill.fee,
            inferred,
        }
    }
}

/// The bookings of one position in their order, and what they add up to.
#[derive(Debug, Clone)]
pub(super) struct History {
    /// The asset that a position in the asset itself counts: fees in it leave the position (F42).
    stock: Option<Asset>,
    /// The bookings that are not kept any more, summed up.
    settled: State,
    bookings: VecDeque<Booking>,
    /// How many of the bookings kept bear a name.
    names: HashMap<Name, u32>,
    /// Inferred fills among those summed up: restating one needs the whole history.
    settled_inferred: BTreeSet<FillKey>,
    state: State,
}

impl History {
    pub(super) fn new(stock: Option<Asset>) -> Self {
        Self {
            stock,
            settled: State::flat(),
            bookings: VecDeque::new(),
            names: HashMap::new(),
            settled_inferred: BTreeSet::new(),
            state: State::flat(),
        }
    }

    pub(super) const fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn knows(&self, name: &Name) -> bool {
        self.names.contains_key(name)
    }

    /// Returns whether an inferred fill is summed up already.
    pub(super) fn has_settled(&self, inferred: &FillKey) -> bool {
        self.settled_inferred.contains(inferred)
    }

    /// Returns the newest booking of a name, and where it is.
    pub(super) fn find(&self, name: &Name) -> Option<(usize, &Booking)> {
        if !self.knows(name) {
            return None;
        }
        let newest_first = self.bookings.iter().enumerate().rev();
        newest_first
            .into_iter()
            .find(|(_, booking)| booking.name == *name)
    }

    /// Applies a booking and keeps it.
    pub(super) fn push(&mut self, booking: Booking) -> Result<Vec<Leg>, DecimalError> {
        let mut state = self.state.clone();
        let legs = self.apply(&booking, &mut state)?;
        self.state = state;
        self.keep_name(booking.name.clone());
        self.bookings.push_back(booking);
        self.settle_oldest()?;
        Ok(legs)
    }

    /// Changes a booking and computes the sum again.
    pub(super) fn amend(
        &mut self,
        at: usize,
        change: impl FnOnce(&mut Booking),
    ) -> Result<(), DecimalError> {
        self.rebuild(|bookings| change(&mut bookings[at]))
    }

    /// Voids a booking, puts another one in its place and computes the sum again.
    pub(super) fn replace(&mut self, at: usize, booking: Booking) -> Result<(), DecimalError> {
        let name = booking.name.clone();
        self.rebuild(|bookings| {
            bookings[at].standing = Standing::Voided;
            bookings.insert(at + 1, booking);
        })?;
        self.keep_name(name);
        self.settle_oldest()
    }

    fn keep_name(&mut self, name: Name) {
        *self.names.entry(name).or_default() += 1;
    }

    fn rebuild(&mut self, change: impl FnOnce(&mut VecDeque<Booking>)) -> Result<(), DecimalError> {
        let mut bookings = self.bookings.clone();
        change(&mut bookings);
        let mut state = self.settled.clone();
        for booking in &bookings {
            self.apply(booking, &mut state)?;
        }
        self.bookings = bookings;
        self.state = state;
        Ok(())
    }

    /// Sums up the oldest booking when more are kept than may be.
    fn settle_oldest(&mut self) -> Result<(), DecimalError> {
        if self.bookings.len() <= BOOKINGS_KEPT {
            return Ok(());
        }
        let mut settled = self.settled.clone();
        if let Some(oldest) = self.bookings.front() {
            self.apply(oldest, &mut settled)?;
        }
        self.settled = settled;
        let Some(oldest) = self.bookings.pop_front() else {
            return Ok(());
        };
        if let Some(count) = self.names.get_mut(&oldest.name) {
            *count -= 1;
            if *count == 0 {
                self.names.remove(&oldest.name);
            }
        }
        match (oldest.name, oldest.entry) {
            (Name::Fill(key), Entry::Fill(fill)) if fill.inferred => {
                self.settled_inferred.insert(key);
            }
            _ => {}
        }
        Ok(())
    }

    fn apply(&self, booking: &Booking, state: &mut State) -> Result<Vec<Leg>, DecimalError> {
        if booking.standing == Standing::Voided {
            return Ok(Vec::new());
        }
        match &booking.entry {
            Entry::Fill(fill) => self.apply_fill(fill, booking.standing, state),
            Entry::Adjustment(Adjustment::Opening {
                quantity,
                average_price,
                ..
            }) => {
                state.open_as(*quantity, *average_price);
                Ok(Vec::new())
            }
            Entry::Adjustment(Adjustment::Movement {
                quantity, price, ..
            }) => {
                state.transfer(*quantity, *price)?;
                Ok(Vec::new())
            }
        }
    }

    fn apply_fill(
        &self,
        fill: &BookedFill,
        standing: Standing,
        state: &mut State,
    ) -> Result<Vec<Leg>, DecimalError> {
        let moves = standing == Standing::Counts;
        let mut legs = Vec::new();
        if moves && !fill.quantity.is_zero() {
            let signed = match fill.side {
                Side::Buy => fill.quantity,
                Side::Sell => -fill.quantity,
            };
            legs = state.trade(signed, fill.price)?;
        }
        if let Some(fee) = fill.fee {
            state.charge(fee)?;
            if moves && self.stock == Some(fee.asset) {
                state.transfer(-fee.amount, fill.price)?;
            }
        }
        Ok(legs)
    }
}
