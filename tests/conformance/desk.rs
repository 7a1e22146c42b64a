//! One venue under judgement: a mesh in front of it, and the instrument that is traded.

use chimera_contracts::{
    common::v1::{Instrument, OrderType, Side},
    connector::v1::{GetCapabilitiesRequest, GetCapabilitiesResponse, GetTopOfBookRequest},
    market_data::v1::GetInstrumentRequest,
    order::v1::{
        CancelAllOrdersRequest, CancelOrderRequest, ListOrdersRequest, Order, OrderState,
        PlaceOrderRequest,
    },
    position::v1::{ListPositionsRequest, Position},
};
use chimera_model::Decimal;
use chimera_runtime::fault::reason_of;
use chimera_tests::{
    eventually,
    house::{ACCOUNT, House},
};
use tonic::Status;

/// The alias of what is traded: every venue has one.
pub const ALIAS: &str = "SOL";
/// What is traded in one order, in base units.
pub const QUANTITY: &str = "1";
/// How far beyond the touch an order takes all that it wants of a moving book, in thousandths.
const REACH_PERMILLE: i64 = 10;

/// States in which an order may still fill.
const WORKING: [OrderState; 5] = [
    OrderState::Submitting,
    OrderState::Unknown,
    OrderState::Open,
    OrderState::PartiallyFilled,
    OrderState::PendingCancel,
];

/// A venue, its mesh, its instrument and what it says that it offers.
pub struct Desk {
    pub house: House,
    pub instrument: Instrument,
    pub offered: GetCapabilitiesResponse,
}

impl Desk {
    /// Starts a mesh in front of the simulated venue.
    pub async fn at(venue: &str) -> Self {
        let house = House::in_process(venue).await;
        let instrument = eventually("the alias is an instrument", async || {
            let request = GetInstrumentRequest {
                venue: venue.to_owned(),
                symbol: ALIAS.to_owned(),
            };
            let answer = house.market_data().get_instrument(request).await.ok()?;
            answer.into_inner().instrument
        })
        .await;
        let request = GetCapabilitiesRequest {
            venue: venue.to_owned(),
        };
        let offered = house.connector().get_capabilities(request).await;
        Self {
            offered: offered.unwrap().into_inner(),
            instrument,
            house,
        }
    }

    /// Returns the name of the venue.
    pub fn venue(&self) -> String {
        self.house.venue().to_owned()
    }

    /// Returns the canonical symbol of the instrument.
    pub fn symbol(&self) -> String {
        self.instrument.symbol.clone()
    }

    /// Returns the best bid and ask in ticks, once the mesh knows both freshly.
    pub async fn touch(&self) -> (i64, i64) {
        eventually("a fresh bid and ask", async || {
            let request = GetTopOfBookRequest {
                venue: self.venue(),
                symbol: self.symbol(),
            };
            let top = self.house.connector().get_top_of_book(request).await.ok()?;
            let top = top.into_inner().top.filter(|top| !top.stale)?;
            Some((top.bid_ticks?, top.ask_ticks?))
        })
        .await
    }

    /// Returns the price of so many ticks.
    pub fn price(&self, ticks: i64) -> String {
        let price = decimal(&self.instrument.tick_size).checked_mul(Decimal::from(ticks));
        price.unwrap().to_string()
    }

    /// Returns a market order.
    pub fn market(&self, side: Side) -> PlaceOrderRequest {
        PlaceOrderRequest {
            account: ACCOUNT.to_owned(),
            venue: self.venue(),
            symbol: self.symbol(),
            side: side.into(),
            r#type: OrderType::Market.into(),
            quantity: QUANTITY.to_owned(),
            ..PlaceOrderRequest::default()
        }
    }

    /// Returns a limit order at so many ticks.
    pub fn limit(&self, side: Side, ticks: i64) -> PlaceOrderRequest {
        PlaceOrderRequest {
            r#type: OrderType::Limit.into(),
            price: self.price(ticks),
            ..self.market(side)
        }
    }

    /// Returns a buy ten percent below the touch: it rests, and is inside every venue's price band.
    pub async fn resting(&self) -> PlaceOrderRequest {
        let (bid, _) = self.touch().await;
        self.limit(Side::Buy, bid * 9 / 10)
    }

    /// Returns a buy that the book fills at once.
    pub async fn taking(&self) -> PlaceOrderRequest {
        let (_, ask) = self.touch().await;
        self.limit(Side::Buy, ask + ask * REACH_PERMILLE / 1_000)
    }

    /// Places an order that must be taken, and returns its index.
    pub async fn place(&self, request: PlaceOrderRequest) -> i64 {
        self.house.place(request).await.client_order_index
    }

    /// Places an order that must fill.
    pub async fn fill(&self, request: PlaceOrderRequest) -> Order {
        let index = self.place(request).await;
        self.house.until(index, OrderState::Filled).await
    }

    /// Places an order that must not be taken, and returns the reason: the mesh's own, or the state
    /// that the venue's word put the order in.
    pub async fn refusal(&self, request: PlaceOrderRequest) -> String {
        match self.house.orders().place_order(request).await {
            Err(status) => reason(&status),
            Ok(answer) => {
                let order = answer.into_inner().order.unwrap();
                assert_eq!(order.filled_quantity, "0", "refused, and filled: {order:?}");
                order.state().as_str_name().to_owned()
            }
        }
    }

    /// Asks for an order's cancellation and waits until it is proven.
    pub async fn cancel(&self, index: i64) -> Order {
        let request = Self::cancelling(index);
        self.house.orders().cancel_order(request).await.unwrap();
        self.house.until(index, OrderState::Cancelled).await
    }

    /// Returns the request to cancel an order.
    pub fn cancelling(index: i64) -> CancelOrderRequest {
        CancelOrderRequest {
            account: ACCOUNT.to_owned(),
            client_order_index: index,
        }
    }

    /// Returns the position in the instrument, if the mesh ever had one.
    pub async fn position(&self) -> Option<Position> {
        let request = ListPositionsRequest {
            account: ACCOUNT.to_owned(),
            venue: self.venue(),
            symbol: self.symbol(),
        };
        let positions = self.house.positions().list_positions(request).await;
        positions.unwrap().into_inner().positions.pop()
    }

    /// Waits until the mesh and the venue state this position, and returns it.
    pub async fn holding(&self, quantity: &str) -> Option<Position> {
        eventually(&format!("a position of {quantity}"), async || {
            let held = self.position().await;
            let stated =
                |held: &Position| held.quantity == quantity && held.venue_quantity == quantity;
            match &held {
                Some(position) if stated(position) => Some(held),
                None if quantity == "0" => Some(held),
                _ => None,
            }
        })
        .await
    }

    /// Returns how many orders of this client id the venue itself has on its books.
    pub async fn at_the_venue(&self, client_id: &str) -> usize {
        let ledger = self.house.ledger().await;
        let orders = ledger["orders"].as_array().unwrap();
        orders
            .iter()
            .filter(|order| order["client_id"] == client_id)
            .count()
    }

    /// Returns how many orders the venue has ever taken of the account.
    pub async fn taken(&self) -> usize {
        self.house.ledger().await["orders"]
            .as_array()
            .unwrap()
            .len()
    }

    /// Leaves the account as a case finds it: nothing works, nothing is held.
    pub async fn rest(&self) {
        let request = CancelAllOrdersRequest {
            account: ACCOUNT.to_owned(),
            venue: self.venue(),
            ..CancelAllOrdersRequest::default()
        };
        let cancelled = self.house.orders().cancel_all_orders(request).await;
        cancelled.unwrap();
        eventually("no order works", async || {
            let request = ListOrdersRequest {
                account: ACCOUNT.to_owned(),
                venue: self.venue(),
                states: WORKING.map(Into::into).to_vec(),
                ..ListOrdersRequest::default()
            };
            let working = self.house.orders().list_orders(request).await.unwrap();
            working.into_inner().orders.is_empty().then_some(())
        })
        .await;
        // What the venue wrote down: the mesh may still have to hear of the last fill.
        let held = self.net().await;
        self.holding(&held.to_string()).await;
        if !held.is_zero() {
            let side = if held.is_positive() {
                Side::Sell
            } else {
                Side::Buy
            };
            let close = PlaceOrderRequest {
                quantity: held.abs().to_string(),
                reduce_only: true,
                ..self.market(side)
            };
            self.fill(close).await;
            self.holding("0").await;
        }
    }

    /// Returns what the venue's own fills add up to.
    pub async fn net(&self) -> Decimal {
        let ledger = self.house.ledger().await;
        let fills = ledger["fills"].as_array().unwrap();
        fills.iter().fold(Decimal::ZERO, |sum, fill| {
            let quantity = decimal(fill["quantity"].as_str().unwrap());
            let added = match fill["side"].as_str().unwrap() {
                "buy" => sum.checked_add(quantity),
                _ => sum.checked_sub(quantity),
            };
            added.unwrap()
        })
    }
}

/// Returns the typed reason of a refusal.
pub fn reason(status: &Status) -> String {
    reason_of(status).unwrap_or_else(|| panic!("no reason in {status:?}"))
}

/// Reads a number of the contract.
pub fn decimal(text: &str) -> Decimal {
    text.parse()
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
}
