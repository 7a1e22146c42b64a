//! What a venue knows, and how it is read.

use std::collections::{BTreeMap, HashMap, VecDeque};

use rust_decimal::Decimal;

use super::{Event, Fill, Funding, Income, Instrument, InstrumentId, Margining, Order, Tape};
use crate::account::{Account, Credentials};
use crate::engine::{AccountId, Book, OrderId, Owner, Price, Quantity, Side};
use crate::faults::Faults;
use crate::margin::{Exposure, Margin};

/// Closed orders kept for each venue. The venue forgets old orders too; this is a day of heavy
/// testing, and bounds what a simulator left running can hold.
const ORDERS_KEPT: usize = 200_000;

/// Fills kept for each venue, for the same reason.
pub(super) const FILLS_KEPT: usize = 200_000;

/// One venue.
#[derive(Debug)]
pub struct Exchange {
    pub(super) instruments: Vec<Instrument>,
    pub(super) books: Vec<Book>,
    pub(super) tapes: Vec<Tape>,
    pub(super) published: Vec<u64>,
    pub(super) marks: Vec<Price>,
    pub(super) accounts: Vec<Account>,
    pub(super) orders: BTreeMap<OrderId, Order>,
    pub(super) by_client: HashMap<(AccountId, String), OrderId>,
    pub(super) fills: VecDeque<Fill>,
    pub(super) incomes: VecDeque<Income>,
    pub(super) fundings: VecDeque<Funding>,
    pub(super) next_order: OrderId,
    pub(super) events: Vec<Event>,
    pub(super) next_funding_ms: u64,
    /// Whether the venue refuses a client's id that an open order bears.
    pub unique_client_ids: bool,
    /// Faults in force.
    pub faults: Faults,
}

impl Exchange {
    /// Opens a venue. Orders and book changes are numbered after `first_id`.
    pub fn new(instruments: Vec<Instrument>, first_id: u64) -> Self {
        let count = instruments.len();
        Self {
            books: (0..count).map(|_| Book::new(first_id)).collect(),
            tapes: (0..count).map(|_| Tape::default()).collect(),
            published: vec![first_id; count],
            marks: instruments
                .iter()
                .map(|instrument| instrument.start_price)
                .collect(),
            instruments,
            accounts: Vec::new(),
            orders: BTreeMap::new(),
            by_client: HashMap::new(),
            fills: VecDeque::new(),
            incomes: VecDeque::new(),
            fundings: VecDeque::new(),
            next_order: first_id,
            events: Vec::new(),
            next_funding_ms: 0,
            unique_client_ids: true,
            faults: Faults::default(),
        }
    }

    /// Opens an account and returns its id.
    pub fn open_account(&mut self, name: &str, keys: Credentials, deposit: Decimal) -> AccountId {
        let id = AccountId::try_from(self.accounts.len()).unwrap_or(AccountId::MAX);
        self.accounts
            .push(Account::open(id, name.to_owned(), keys, deposit));
        id
    }

    /// Returns the events since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Returns all instruments; their place is their id.
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// Returns an instrument.
    pub fn instrument(&self, id: InstrumentId) -> &Instrument {
        &self.instruments[id]
    }

    /// Returns an instrument for a change of its filters or status.
    pub fn instrument_mut(&mut self, id: InstrumentId) -> &mut Instrument {
        &mut self.instruments[id]
    }

    /// Returns the instrument of a symbol.
    pub fn find(&self, symbol: &str) -> Option<InstrumentId> {
        self.instruments
            .iter()
            .position(|instrument| instrument.symbol == symbol)
    }

    /// Returns a book.
    pub fn book(&self, id: InstrumentId) -> &Book {
        &self.books[id]
    }

    /// Returns the public tape of an instrument.
    pub fn tape(&self, id: InstrumentId) -> &Tape {
        &self.tapes[id]
    }

    /// Returns the mark price of an instrument.
    pub fn mark(&self, id: InstrumentId) -> Price {
        self.marks[id]
    }

    /// Returns all accounts.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Returns an account.
    pub fn account(&self, id: AccountId) -> &Account {
        &self.accounts[id as usize]
    }

    /// Returns an account for a change of its settings.
    pub fn account_mut(&mut self, id: AccountId) -> &mut Account {
        &mut self.accounts[id as usize]
    }

    /// Returns the account of a public key.
    pub fn account_by_key(&self, key: &str) -> Option<AccountId> {
        let found = self
            .accounts
            .iter()
            .find(|account| account.credentials.key == key);
        found.map(|account| account.id)
    }

    /// Returns the account of a name.
    pub fn account_by_name(&self, name: &str) -> Option<AccountId> {
        self.accounts
            .iter()
            .find(|account| account.name == name)
            .map(|account| account.id)
    }

    /// Returns an order.
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(&id)
    }

    /// Returns the newest order of an account that bears a client's id.
    pub fn order_by_client(&self, account: AccountId, client_id: &str) -> Option<&Order> {
        self.orders
            .get(self.by_client.get(&(account, client_id.to_owned()))?)
    }

    /// Returns all orders, oldest first.
    pub fn orders(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.orders.values()
    }

    /// Returns the open orders of an account, oldest first.
    pub fn open_orders(&self, account: AccountId) -> impl DoubleEndedIterator<Item = &Order> {
        self.account(account)
            .open
            .iter()
            .filter_map(|id| self.orders.get(id))
    }

    /// Returns all fills of clients' orders, oldest first.
    pub fn fills(&self) -> impl DoubleEndedIterator<Item = &Fill> {
        self.fills.iter()
    }

    /// Returns what moved wallets, oldest first.
    pub fn incomes(&self) -> impl DoubleEndedIterator<Item = &Income> {
        self.incomes.iter()
    }

    /// Returns when funding is next exchanged.
    pub fn next_funding_ms(&self) -> u64 {
        self.next_funding_ms
    }

    /// Returns the open interest of an instrument: what clients hold, long or short.
    pub fn open_interest(&self, id: InstrumentId) -> Decimal {
        let held = self
            .accounts
            .iter()
            .map(|account| account.position(id).quantity.abs());
        held.sum()
    }

    /// Returns what an account has at stake in one instrument.
    pub fn exposure(&self, account: AccountId, instrument: InstrumentId) -> Exposure {
        self.exposure_without(account, instrument, None)
    }

    /// Returns what an account has at stake in one instrument, one order not counted.
    pub(super) fn exposure_without(
        &self,
        account: AccountId,
        instrument: InstrumentId,
        except: Option<OrderId>,
    ) -> Exposure {
        let holder = self.account(account);
        let mark = self.mark(instrument);
        let position = holder.position(instrument);
        let value = position.quantity * mark.decimal();
        let roots = match &self.instrument(instrument).margining {
            Margining::Roots {
                initial,
                maintenance,
            } => Some((*initial, *maintenance)),
            Margining::Brackets(_) | Margining::Outright { .. } => None,
        };
        let mut exposure = Exposure {
            position: value,
            bids: Decimal::ZERO,
            asks: Decimal::ZERO,
            leverage: holder.leverage(instrument),
            maintenance: Decimal::ZERO,
            deduction: Decimal::ZERO,
            roots,
            unrealised: position.unrealised(mark),
        };
        if let Some(bracket) = self.instrument(instrument).bracket(value.abs()) {
            exposure.maintenance = bracket.maintenance;
            exposure.deduction = bracket.deduction;
        }
        for order in self.open_orders(account) {
            let terms = &order.terms;
            let counts = terms.instrument == instrument && !terms.reduce_only;
            if !counts || except == Some(order.id) {
                continue;
            }
            let price = terms.price.unwrap_or(mark);
            let worth = crate::engine::notional(price, order.remaining());
            match terms.side {
                Side::Buy => exposure.bids += worth,
                Side::Sell => exposure.asks += worth,
            }
        }
        exposure
    }

    /// Returns the margin of an account.
    pub fn margin(&self, account: AccountId) -> Margin {
        let mut margin = Margin {
            wallet: self.account(account).wallet,
            ..Margin::default()
        };
        for (id, instrument) in self.instruments.iter().enumerate() {
            if let Margining::Outright { collateral_weight } = instrument.margining {
                let held = self.account(account).holding(&instrument.base);
                margin.collateral += held * self.mark(id).decimal() * collateral_weight;
            } else {
                margin.add(&self.exposure(account, id));
            }
        }
        if let Some(instrument) = self.instruments.first() {
            margin.locked = self.locked(account, &instrument.quote);
        }
        margin
    }

    /// Returns how much of an asset stands in an account's open spot orders.
    pub fn locked(&self, account: AccountId, asset: &str) -> Decimal {
        let in_order = |order: &Order| {
            let terms = &order.terms;
            let instrument = self.instrument(terms.instrument);
            let given = match terms.side {
                Side::Buy => &instrument.quote,
                Side::Sell => &instrument.base,
            };
            if !instrument.is_spot() || given != asset {
                return Decimal::ZERO;
            }
            match (terms.side, terms.price) {
                (Side::Buy, Some(price)) => crate::engine::notional(price, order.remaining()),
                _ => order.remaining().decimal(),
            }
        };
        self.open_orders(account).map(in_order).sum()
    }

    pub(super) fn next_order_id(&mut self) -> OrderId {
        self.next_order += 1;
        self.next_order
    }

    /// Publishes what changed in a book since the last call.
    pub(super) fn publish_book(&mut self, instrument: InstrumentId, time_ms: u64) {
        let changes = self.books[instrument].take_changes();
        if changes.is_empty() {
            return;
        }
        let last = self.books[instrument].sequence();
        let first = std::mem::replace(&mut self.published[instrument], last) + 1;
        self.events.push(Event::Book {
            instrument,
            first,
            last,
            changes,
            time_ms,
        });
    }

    pub(super) fn keep(&mut self, order: Order) {
        if !order.terms.client_id.is_empty() {
            let key = (order.terms.account, order.terms.client_id.clone());
            self.by_client.insert(key, order.id);
        }
        self.account_mut(order.terms.account).open.insert(order.id);
        self.orders.insert(order.id, order);
        if self.orders.len() > ORDERS_KEPT
            && let Some(old) = self.oldest_closed()
            && let Some(gone) = self.orders.remove(&old)
        {
            let key = (gone.terms.account, gone.terms.client_id);
            if self.by_client.get(&key) == Some(&old) {
                self.by_client.remove(&key);
            }
        }
    }

    fn oldest_closed(&self) -> Option<OrderId> {
        let closed = self.orders.values().find(|order| !order.status.is_open());
        closed.map(|order| order.id)
    }

    /// Returns the quantity that open reduce-only orders of one side already claim.
    pub(super) fn claimed(
        &self,
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
    ) -> Quantity {
        let ours = self.open_orders(account).filter(|order| {
            let terms = &order.terms;
            terms.instrument == instrument && terms.side == side && terms.reduce_only
        });
        ours.fold(Quantity::ZERO, |sum, order| sum + order.remaining())
    }

    /// Returns the owner that the generated market's orders bear.
    pub(crate) const fn market_owner() -> Owner {
        Owner::Market
    }
}
